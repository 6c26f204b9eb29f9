//! Hot verbs that wait at the same moment share one statement, so one commit and one flush of the database's log.
//! While a batch is under way the next one collects: the busier the store, the larger the batch.

use super::error::Failure;
use super::pool::{Backend, Lease, Params};
use super::work::Shared;
use crate::verbs::StoreError;
use std::future::Future;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};
use tokio_postgres::Row;

/// Members of one batch at most.
const BATCH: usize = 256;
/// Acts that may wait; more are turned away.
const WAITING: usize = 8192;

/// Where a member's verdict goes.
#[derive(Debug)]
pub(super) struct Reply<T>(oneshot::Sender<Result<T, StoreError>>);

impl<T> Reply<T> {
    /// Gives it. Whoever has stopped waiting misses nothing: the act is done all the same.
    pub(super) fn give(self, verdict: Result<T, StoreError>) {
        let _ = self.0.send(verdict);
    }
}

/// A kind of act that can share a statement.
pub(super) trait Batch: Sized + Send + 'static {
    /// Gives every member its verdict.
    fn run(lane: &mut Lane, members: Vec<Self>) -> impl Future<Output = ()> + Send;
    /// Gives this member an error.
    fn fail(self, error: StoreError);
}

/// A connection of a queue's own.
#[derive(Debug)]
pub(super) struct Lane {
    /// For what goes beside the batch.
    pub(super) shared: Arc<Shared>,
    lease: Option<Lease>,
    last: Option<Backend>,
}

impl Lane {
    async fn lease(&mut self) -> Result<&Lease, StoreError> {
        let lease = match self.lease.take().filter(Lease::usable) {
            Some(lease) => lease,
            None => self.shared.pool.own().await?,
        };
        self.last = lease.backend();
        Ok(self.lease.insert(lease))
    }
    fn open(&self) -> Result<&Lease, Failure> {
        self.lease.as_ref().ok_or_else(|| Failure::Lost("no connection".into()))
    }
    /// The server's end of the connection that was used last.
    pub(super) fn backend(&self) -> Option<Backend> {
        self.last
    }
    /// Runs a statement by itself: it commits.
    pub(super) async fn run(&mut self, sql: &'static str, params: Params<'_>) -> Result<u64, Failure> {
        self.open()?.run(sql, params).await
    }
    /// As [`Self::run`], for its rows.
    pub(super) async fn rows(&mut self, sql: &'static str, params: Params<'_>) -> Result<Vec<Row>, Failure> {
        self.open()?.rows(sql, params).await
    }
    /// As [`Self::rows`], for what only reads: if the connection is closed another one is tried, since reading twice harms
    /// nobody.
    pub(super) async fn read(&mut self, sql: &'static str, params: Params<'_>) -> Result<Vec<Row>, Failure> {
        match self.rows(sql, params).await {
            Err(failure) if failure.closed() => {
                self.lease = None;
                self.lease().await.map_err(|error| Failure::Lost(error.to_string()))?;
                self.rows(sql, params).await
            }
            done => done,
        }
    }
}

/// The queue of one kind of act.
#[derive(Debug)]
pub(super) struct Queue<J>(mpsc::Sender<J>);

impl<J: Batch> Queue<J> {
    /// Starts `lanes` lanes. They end with the queue.
    pub(super) fn start(shared: &Arc<Shared>, lanes: usize) -> Self {
        let (sender, receiver) = mpsc::channel(WAITING);
        let receiver = Arc::new(tokio::sync::Mutex::new(receiver));
        for _ in 0..lanes {
            let lane = Lane { shared: Arc::clone(shared), lease: None, last: None };
            tokio::spawn(serve::<J>(lane, Arc::clone(&receiver)));
        }
        Self(sender)
    }

    /// Puts an act into the next batch and waits for its verdict.
    pub(super) async fn submit<T>(&self, act: impl FnOnce(Reply<T>) -> J) -> Result<T, StoreError> {
        let (reply, verdict) = oneshot::channel();
        match self.0.try_send(act(Reply(reply))) {
            Ok(()) => {}
            Err(_) => {
                return Err(StoreError::Unavailable("too many acts are waiting for the database".into()));
            }
        }
        verdict.await.unwrap_or_else(|_| Err(StoreError::Unresolved("the batch was given up".into())))
    }
}

async fn serve<J: Batch>(mut lane: Lane, queue: Arc<tokio::sync::Mutex<mpsc::Receiver<J>>>) {
    loop {
        let mut members = Vec::new();
        {
            let mut queue = queue.lock().await;
            let Some(first) = queue.recv().await else { return };
            members.push(first);
            // Those who were answered by the batch before come back in a moment: let them in.
            tokio::task::yield_now().await;
            while members.len() < BATCH {
                let Ok(next) = queue.try_recv() else { break };
                members.push(next);
            }
        }
        match lane.lease().await {
            Ok(_) => J::run(&mut lane, members).await,
            Err(error) => members.into_iter().for_each(|m| m.fail(error.clone())),
        }
    }
}
