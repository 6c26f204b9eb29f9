//! One durable PostgreSQL row per token: one connection, one statement for all rows that have gathered.

use anyhow::Result;
use tokio::sync::{mpsc, oneshot};
use tokio::task::spawn_local;
use tokio_postgres::{Client, NoTls, Statement};

use crate::token::Row;

/// At most so many rows in one statement.
const GROUP: usize = 512;

type Job = (Row, oneshot::Sender<bool>);

/// The way to the writing task.
pub(crate) struct Writer {
    jobs: mpsc::UnboundedSender<Job>,
}

impl Writer {
    /// Connects, creates the table and starts the task.
    pub(crate) async fn open(url: &str) -> Result<Self> {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
        // When the connection ends, so do all statements, with an error.
        spawn_local(connection);
        client
            .batch_execute(
                "CREATE TABLE IF NOT EXISTS token (
                     digest bytea PRIMARY KEY, grant_id bytea NOT NULL, issued_at bigint NOT NULL
                 )",
            )
            .await?;
        let insert = client
            .prepare("INSERT INTO token SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::bigint[])")
            .await?;
        let (jobs, queue) = mpsc::unbounded_channel();
        spawn_local(write(client, insert, queue));
        Ok(Self { jobs })
    }

    /// Returns once the row is on disk.
    pub(crate) async fn keep(&self, row: Row) -> bool {
        let (done, answer) = oneshot::channel();
        self.jobs.send((row, done)).is_ok() && answer.await.unwrap_or(false)
    }
}

async fn write(client: Client, insert: Statement, mut queue: mpsc::UnboundedReceiver<Job>) {
    let mut group = Vec::with_capacity(GROUP);
    while queue.recv_many(&mut group, GROUP).await > 0 {
        let digests: Vec<&[u8]> = group.iter().map(|(row, _)| &row.digest[..]).collect();
        let grants: Vec<&[u8]> = group.iter().map(|(row, _)| &row.grant[..]).collect();
        let times: Vec<i64> = group.iter().map(|(row, _)| row.issued_at).collect();
        let kept = client.execute(&insert, &[&digests, &grants, &times]).await.is_ok();
        for (_, done) in group.drain(..) {
            // A connection that closed meanwhile has nobody to be told.
            let _ = done.send(kept);
        }
    }
}
