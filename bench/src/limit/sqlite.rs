//! One durable SQLite row per token: a single writer thread that commits whatever has gathered since its last commit.

use std::sync::mpsc::{Receiver, Sender, channel};

use anyhow::Result;
use rusqlite::{Connection, params};
use tokio::sync::oneshot;

use crate::token::Row;

/// At most so many rows in one transaction.
const GROUP: usize = 512;

type Job = (Row, oneshot::Sender<bool>);

/// The way to the writer thread.
pub(crate) struct Writer {
    jobs: Sender<Job>,
}

impl Writer {
    /// Opens or creates the file and starts the thread.
    pub(crate) fn open(path: &str) -> Result<Self> {
        let connection = Connection::open(path)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.execute_batch(
            "CREATE TABLE IF NOT EXISTS token (
                 digest BLOB PRIMARY KEY, grant_id BLOB NOT NULL, issued_at INTEGER NOT NULL
             ) STRICT, WITHOUT ROWID",
        )?;
        let (jobs, queue) = channel();
        std::thread::Builder::new().name("writer".into()).spawn(move || write(&connection, &queue))?;
        Ok(Self { jobs })
    }

    /// Returns once the row is on disk.
    pub(crate) async fn keep(&self, row: Row) -> bool {
        let (done, answer) = oneshot::channel();
        self.jobs.send((row, done)).is_ok() && answer.await.unwrap_or(false)
    }
}

fn write(connection: &Connection, queue: &Receiver<Job>) {
    while let Ok(first) = queue.recv() {
        let group: Vec<Job> = std::iter::once(first).chain(queue.try_iter().take(GROUP - 1)).collect();
        let kept = commit(connection, &group).is_ok();
        for (_, done) in group {
            // A connection that closed meanwhile has nobody to be told.
            let _ = done.send(kept);
        }
    }
}

fn commit(connection: &Connection, group: &[Job]) -> rusqlite::Result<()> {
    let transaction = connection.unchecked_transaction()?;
    let mut insert = transaction.prepare_cached("INSERT INTO token VALUES (?1, ?2, ?3)")?;
    for (row, _) in group {
        insert.execute(params![row.digest, row.grant, row.issued_at])?;
    }
    drop(insert);
    transaction.commit()
}
