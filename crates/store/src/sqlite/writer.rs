//! The one thread that writes. It takes all acts that are waiting, runs them in one transaction, and answers them
//! after the commit: one fsync for many.

use super::fault::{Fault, Result};
use super::work::Work;
use crate::{Feed, StoreError};
use rusqlite::{Connection, ErrorCode};
use std::fs::File;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use tokio::sync::{Notify, mpsc, oneshot};

/// Acts in one transaction at most.
const BATCH: usize = 256;
/// Acts that wait at most; further callers wait for room.
const QUEUE: usize = 4096;

static LOST: OnceLock<fn(&str)> = OnceLock::new();

/// Sets what happens when a commit failed on its way to the disk: nobody can know what the disk holds, so the
/// process has to end (SECURITY R17). `std::process::abort` unless set. Only the first call counts.
pub fn on_lost_commit(hook: fn(&str)) {
    LOST.set(hook).ok();
}

/// What readers and the writer share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// The newest committed offset.
    pub(super) head: AtomicU64,
    /// A commit was lost: nothing is answered any more.
    pub(super) dead: AtomicBool,
    /// The log has grown.
    pub(super) moved: Notify,
}

/// An act on its way through a batch. May run twice: its batch may be undone because of another member.
trait Act: Send {
    fn run(&mut self, work: &Work<'_>) -> Result<()>;
    /// Tells the caller what the last run gave.
    fn answer(self: Box<Self>, failure: Option<StoreError>);
}

struct Task<T, F> {
    act: F,
    value: Option<T>,
    reply: oneshot::Sender<std::result::Result<T, StoreError>>,
}

impl<T: Send, F: FnMut(&Work<'_>) -> Result<T> + Send> Act for Task<T, F> {
    fn run(&mut self, work: &Work<'_>) -> Result<()> {
        self.value = Some((self.act)(work)?);
        Ok(())
    }
    fn answer(self: Box<Self>, failure: Option<StoreError>) {
        let result = match (failure, self.value) {
            (None, Some(value)) => Ok(value),
            (failure, _) => {
                Err(failure.unwrap_or_else(|| StoreError::Unavailable("the act did not run".into())))
            }
        };
        // The caller may have gone away; what was done stays done.
        self.reply.send(result).ok();
    }
}

/// The door to the thread.
#[derive(Debug)]
pub(super) struct Writer {
    queue: Option<mpsc::Sender<Box<dyn Act>>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread. `lock` is held as long as it lives.
    pub(super) fn start(
        conn: Connection,
        shared: Arc<Shared>,
        feed: Arc<Feed>,
        lock: Option<File>,
    ) -> std::io::Result<Self> {
        let (queue, acts) = mpsc::channel(QUEUE);
        let (settled, mut batches) = mpsc::unbounded_channel::<Settled>();
        let thread = std::thread::Builder::new().name("mandate-writer".into()).spawn(move || {
            Thread { conn, shared, feed, settled }.run(acts);
            drop(lock);
        })?;
        // Each waking of a task from outside the runtime is a system call: a batch is handed over with one.
        tokio::spawn(async move {
            while let Some(settled) = batches.recv().await {
                settled.answer();
            }
        });
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    /// Runs the act in a transaction and gives its value after the commit.
    pub(super) async fn act<T, F>(&self, act: F) -> std::result::Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&Work<'_>) -> Result<T> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let gone = || StoreError::Unavailable("the writer has stopped".into());
        let queue = self.queue.as_ref().ok_or_else(gone)?;
        queue.send(Box::new(Task { act, value: None, reply })).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

impl Drop for Writer {
    /// Lets the thread finish what is waiting and close the database.
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

struct Thread {
    conn: Connection,
    shared: Arc<Shared>,
    feed: Arc<Feed>,
    settled: mpsc::UnboundedSender<Settled>,
}

/// A batch that has come to its end, on its way to those who wait for it.
struct Settled {
    batch: Vec<Box<dyn Act>>,
    failure: Option<StoreError>,
}

impl Settled {
    fn answer(self) {
        for act in self.batch {
            act.answer(self.failure.clone());
        }
    }
}

/// Why a transaction did not come to its end.
enum Undone {
    /// An act failed; the others may succeed without it.
    Act(Fault),
    /// The commit failed.
    Commit(rusqlite::Error),
}

impl Thread {
    fn run(self, mut acts: mpsc::Receiver<Box<dyn Act>>) {
        let mut batch = Vec::with_capacity(BATCH);
        while acts.blocking_recv_many(&mut batch, BATCH) > 0 {
            self.settle(std::mem::take(&mut batch));
            batch.reserve(BATCH);
        }
    }

    /// Commits a batch, or each member alone if one fails, and answers.
    fn settle(&self, mut batch: Vec<Box<dyn Act>>) {
        match self.transaction(&mut batch) {
            Ok(()) => self.answer(batch, None),
            Err(Undone::Act(fault)) if batch.len() == 1 => {
                self.answer(batch, Some(fault.into_store_error()));
            }
            Err(Undone::Act(_)) => batch.into_iter().for_each(|act| self.settle(vec![act])),
            Err(Undone::Commit(error)) => {
                let failure = self.commit_failed(&error);
                self.answer(batch, Some(failure));
            }
        }
    }

    fn answer(&self, batch: Vec<Box<dyn Act>>, failure: Option<StoreError>) {
        // Without the runtime nobody waits.
        if let Err(unsent) = self.settled.send(Settled { batch, failure }) {
            unsent.0.answer();
        }
    }

    fn transaction(&self, batch: &mut [Box<dyn Act>]) -> std::result::Result<(), Undone> {
        if self.shared.dead.load(Ordering::Acquire) {
            let error = StoreError::Unavailable("a commit was lost".into());
            return Err(Undone::Act(Fault::Store(error)));
        }
        let head = self.shared.head.load(Ordering::Acquire);
        let work = Work::new(&self.conn, head);
        let mut acts = || -> Result<()> {
            work.statement("BEGIN IMMEDIATE")?.execute([])?;
            batch.iter_mut().try_for_each(|act| act.run(&work))?;
            work.move_head()
        };
        if let Err(fault) = acts() {
            self.roll_back();
            return Err(Undone::Act(fault));
        }
        if let Err(error) = self.conn.prepare_cached("COMMIT").and_then(|mut s| s.execute([])) {
            self.roll_back();
            return Err(Undone::Commit(error));
        }
        let entries = work.into_entries();
        if let Some(last) = entries.last() {
            self.shared.head.store(last.offset.0, Ordering::Release);
            self.feed.tell(&entries);
            self.feed.advance(last.offset);
            self.shared.moved.notify_waiters();
        }
        Ok(())
    }

    /// Leaves no transaction open, whatever happened to it.
    fn roll_back(&self) {
        if !self.conn.is_autocommit()
            && let Err(error) = self.conn.execute_batch("ROLLBACK")
        {
            tracing::error!(%error, "a transaction could not be rolled back");
        }
    }

    /// A full disk or a lock is refused before anything is durable; an error of the disk leaves that open.
    fn commit_failed(&self, error: &rusqlite::Error) -> StoreError {
        if !loses_commit(error) {
            return StoreError::Unavailable(error.to_string());
        }
        self.shared.dead.store(true, Ordering::Release);
        tracing::error!(%error, "a commit was lost on its way to the disk");
        LOST.get().copied().unwrap_or(abort)(&error.to_string());
        StoreError::Unresolved(error.to_string())
    }
}

fn loses_commit(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::SystemIoFailure | ErrorCode::DatabaseCorrupt))
}

fn abort(_: &str) {
    std::process::abort();
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::ffi;

    fn failure(code: std::ffi::c_int) -> rusqlite::Error {
        rusqlite::Error::SqliteFailure(ffi::Error::new(code), None)
    }

    #[test]
    fn r17_a_failed_fsync_loses_the_commit_and_a_full_disk_does_not() {
        assert!(loses_commit(&failure(ffi::SQLITE_IOERR_FSYNC)));
        assert!(loses_commit(&failure(ffi::SQLITE_IOERR_WRITE)));
        assert!(!loses_commit(&failure(ffi::SQLITE_FULL)));
        assert!(!loses_commit(&failure(ffi::SQLITE_BUSY)));
    }
}
