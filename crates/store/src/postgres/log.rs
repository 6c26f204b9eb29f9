//! The log as followers read it, and the listener that wakes them.

use super::model::entry;
use super::pool::Pool;
use super::row::{Cursor, each, int};
use super::work::Shared;
use crate::verbs::StoreError;
use mandate_core::{LogEntry, Offset, Timestamp};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// A follower that hears nothing looks again after this.
const PATIENCE: Duration = Duration::from_secs(1);

pub(super) async fn head(shared: &Shared) -> Result<Offset, StoreError> {
    let row = shared.read_one("SELECT n FROM head", &[]).await?;
    row.map_or_else(
        || Err(StoreError::Misuse("the head row is missing".into())),
        |r| Cursor::new(&r).offset(),
    )
}

pub(super) async fn after(shared: &Shared, after: Offset, limit: u32) -> Result<Vec<LogEntry>, StoreError> {
    let sql = "SELECT n, platform, kind, id, effect, at, reason FROM log WHERE n > $1 ORDER BY n LIMIT $2";
    each(&shared.read_unasked(sql, &[&int(after.0), &i64::from(limit)]).await?, entry)
}

/// In bites: no statement of ours takes long.
pub(super) async fn kills_since(shared: &Shared, at: Timestamp) -> Result<Vec<LogEntry>, StoreError> {
    const BITE: usize = 10_000;
    let sql = "SELECT n, platform, kind, id, effect, at, reason FROM log \
        WHERE n > $1 AND effect = 'kill' AND at >= $2 ORDER BY n LIMIT 10000";
    let mut all = Vec::new();
    loop {
        let after = all.last().map_or(0, |e: &LogEntry| e.offset.0);
        let some = each(&shared.read(sql, &[&int(after), &at.millis()]).await?, entry)?;
        let last = some.len() < BITE;
        all.extend(some);
        if last {
            return Ok(all);
        }
    }
}

/// Returns at once if an offset was announced that has not been applied here.
pub(super) async fn moved(shared: &Shared, announced: &watch::Sender<u64>) {
    let mut news = announced.subscribe();
    let applied = shared.feed.applied().0;
    // Both ends mean the same: look again.
    let _ = tokio::time::timeout(PATIENCE, news.wait_for(|n| *n > applied)).await;
}

/// Keeps a connection that listens, and puts announced offsets into `announced`. Ends when dropped with its task.
pub(super) async fn listen(pool: Arc<Pool>, announced: watch::Sender<u64>) {
    loop {
        let told = announced.clone();
        let heard = move |payload: &str| {
            if let Ok(n) = payload.parse::<u64>() {
                told.send_if_modified(|known| std::mem::replace(known, n.max(*known)) < n);
            }
        };
        if let Ok(lease) = pool.listening(heard).await
            && lease.simple("LISTEN mandate_log").await.is_ok()
        {
            while lease.usable() {
                tokio::time::sleep(PATIENCE).await;
            }
        }
        tokio::time::sleep(PATIENCE).await;
    }
}
