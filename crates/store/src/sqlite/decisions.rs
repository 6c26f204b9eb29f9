//! Refusals, in a file for each day beside the database, written behind by a thread of their own (SECURITY R8, R17).
//! A day past its retention is unlinked, never deleted row by row.

use super::rows;
use crate::{DecisionRow, StoreError};
use mandate_core::format::rfc3339;
use mandate_core::{DecisionId, PlatformId, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, Result, params};
use std::path::PathBuf;
use tokio::sync::{mpsc, oneshot};

/// Days that a refusal can be looked up.
const KEPT_MS: i64 = 40 * 86_400_000;
/// Batches that wait to be written at most; what comes on top is lost.
const QUEUE: usize = 1024;
/// Files kept open.
const OPEN: usize = 4;

enum Order {
    Record(Vec<DecisionRow>, oneshot::Sender<()>),
    Find(PlatformId, DecisionId, oneshot::Sender<Result<Option<DecisionRow>>>),
    Drop(Timestamp, oneshot::Sender<()>),
}

/// The door to the thread.
#[derive(Debug)]
pub(super) struct Decisions {
    orders: Option<mpsc::Sender<Order>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Decisions {
    /// Starts the thread. Without a folder the days are kept in memory.
    pub(super) fn start(folder: Option<PathBuf>) -> std::io::Result<Self> {
        let (orders, waiting) = mpsc::channel(QUEUE);
        let days = Days { folder, open: Vec::new() };
        let thread = std::thread::Builder::new()
            .name("mandate-decisions".into())
            .spawn(move || days.serve(waiting))?;
        Ok(Self { orders: Some(orders), thread: Some(thread) })
    }

    /// Hands rows over and waits until they are written.
    pub(super) async fn record(&self, decisions: &[DecisionRow]) -> std::result::Result<(), StoreError> {
        if decisions.is_empty() {
            return Ok(());
        }
        self.ask(|reply| Order::Record(decisions.to_vec(), reply)).await
    }

    /// Looks one up, behind all that was handed over before.
    pub(super) async fn find(
        &self,
        platform: &PlatformId,
        id: &DecisionId,
    ) -> std::result::Result<Option<DecisionRow>, StoreError> {
        let found = self.ask(|reply| Order::Find(platform.clone(), id.clone(), reply)).await?;
        found.map_err(|e| StoreError::Unavailable(e.to_string()))
    }

    /// Drops the days past their retention.
    pub(super) async fn drop_old(&self, now: Timestamp) -> std::result::Result<(), StoreError> {
        self.ask(|reply| Order::Drop(now, reply)).await
    }

    async fn ask<T>(
        &self,
        order: impl FnOnce(oneshot::Sender<T>) -> Order,
    ) -> std::result::Result<T, StoreError> {
        let gone = || StoreError::Unavailable("the writer of refusals has stopped".into());
        let (reply, answer) = oneshot::channel();
        self.orders.as_ref().ok_or_else(gone)?.send(order(reply)).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())
    }
}

impl Drop for Decisions {
    /// Lets the thread write what is waiting.
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

struct Days {
    folder: Option<PathBuf>,
    /// The least lately used first.
    open: Vec<(String, Connection)>,
}

impl Days {
    fn serve(mut self, mut waiting: mpsc::Receiver<Order>) {
        let mut orders = Vec::new();
        while waiting.blocking_recv_many(&mut orders, QUEUE) > 0 {
            let mut fresh = Vec::new();
            let mut written = Vec::new();
            for order in orders.drain(..) {
                match order {
                    Order::Record(decisions, reply) => {
                        fresh.extend(decisions);
                        written.push(reply);
                    }
                    Order::Find(platform, id, reply) => {
                        self.write(&std::mem::take(&mut fresh));
                        reply.send(self.find(&platform, &id)).ok();
                    }
                    Order::Drop(now, reply) => {
                        self.write(&std::mem::take(&mut fresh));
                        self.drop_old(now);
                        reply.send(()).ok();
                    }
                }
            }
            self.write(&fresh);
            for reply in written {
                reply.send(()).ok();
            }
        }
    }

    /// Writes rows, a transaction for each run of the same day.
    fn write(&mut self, decisions: &[DecisionRow]) {
        for run in decisions.chunk_by(|a, b| day(a.at) == day(b.at)) {
            if let Err(error) = self.write_day(&day(run[0].at), run) {
                tracing::error!(%error, lost = run.len(), "refusals could not be written");
            }
        }
    }

    fn write_day(&mut self, name: &str, run: &[DecisionRow]) -> Result<()> {
        let batch = self.day(name)?.unchecked_transaction()?;
        {
            let mut insert =
                batch.prepare_cached("INSERT OR IGNORE INTO decisions VALUES (?1, ?2, ?3, ?4, ?5)")?;
            for row in run {
                insert.execute(params![
                    row.platform.as_str(),
                    row.id.as_str(),
                    row.at.millis(),
                    row.cause,
                    row.document
                ])?;
            }
        }
        batch.commit()
    }

    /// The newest day first: what is asked about has mostly just happened.
    fn find(&mut self, platform: &PlatformId, id: &DecisionId) -> Result<Option<DecisionRow>> {
        let mut names = self.names();
        names.sort_unstable_by(|a, b| b.cmp(a));
        for name in names {
            let found = self
                .day(&name)?
                .prepare_cached("SELECT at, cause, document FROM decisions WHERE platform = ?1 AND id = ?2")?
                .query_row([platform.as_str(), id.as_str()], |row| {
                    Ok(DecisionRow {
                        id: id.clone(),
                        platform: platform.clone(),
                        at: rows::time(row, 0)?,
                        cause: row.get(1)?,
                        document: row.get(2)?,
                    })
                })
                .optional()?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    fn drop_old(&mut self, now: Timestamp) {
        let first_kept = day(now.plus_millis(-KEPT_MS));
        self.open.retain(|(name, _)| *name >= first_kept);
        let Some(folder) = &self.folder else { return };
        for name in self.names().into_iter().filter(|name| *name < first_kept) {
            for suffix in [".db", ".db-wal", ".db-shm"] {
                std::fs::remove_file(folder.join(format!("{name}{suffix}"))).ok();
            }
        }
    }

    /// The days that there are.
    fn names(&self) -> Vec<String> {
        let Some(folder) = &self.folder else {
            return self.open.iter().map(|(name, _)| name.clone()).collect();
        };
        let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
        files.filter_map(|file| Some(file.file_name().to_str()?.strip_suffix(".db")?.to_owned())).collect()
    }

    /// The connection of a day, opened if need be.
    fn day(&mut self, name: &str) -> Result<&Connection> {
        let opened = match self.open.iter().position(|(open, _)| open == name) {
            Some(at) => self.open.remove(at),
            None => (name.to_owned(), self.open_day(name)?),
        };
        if self.folder.is_some() && self.open.len() >= OPEN {
            self.open.remove(0);
        }
        self.open.push(opened);
        Ok(&self.open[self.open.len() - 1].1)
    }

    fn open_day(&self, name: &str) -> Result<Connection> {
        let conn = match &self.folder {
            None => Connection::open_in_memory()?,
            Some(folder) => {
                let mut builder = std::fs::DirBuilder::new();
                #[cfg(unix)]
                std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
                // Opening the file says what is wrong, if anything is.
                builder.recursive(true).create(folder).ok();
                Connection::open(folder.join(format!("{name}.db")))?
            }
        };
        conn.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -512;
             CREATE TABLE IF NOT EXISTS decisions (
               platform TEXT NOT NULL,
               id       TEXT NOT NULL,
               at       INTEGER NOT NULL,
               cause    TEXT NOT NULL,
               document TEXT NOT NULL,
               PRIMARY KEY (platform, id)
             ) WITHOUT ROWID;",
        )?;
        Ok(conn)
    }
}

/// The day of a time, as a file name.
fn day(at: Timestamp) -> String {
    let mut name = rfc3339(at);
    name.truncate(10);
    name
}
