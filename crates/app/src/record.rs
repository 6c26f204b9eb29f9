//! What is written behind: decisions of proven principals and when credentials were last used (SECURITY R8). At
//! most 50 ms or 256 rows are lost when the process dies; beyond 10,000 waiting rows new ones are dropped and counted.

use mandate_core::legacy::{LegacyCount, LegacyUse};
use mandate_core::refusal::Decision;
use mandate_core::{ClientId, DecisionId, PlatformId, Timestamp};
use mandate_store::{DecisionRow, Store, Used};
use mandate_wire::decision::encode;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

const MOST_WAITING: usize = 10_000;

/// The rows that wait to be written.
#[derive(Debug, Default)]
pub(crate) struct Behind {
    decisions: Mutex<HashMap<DecisionId, Decision>>,
    uses: Mutex<HashMap<(PlatformId, Used), Timestamp>>,
    legacy: Mutex<HashMap<(PlatformId, ClientId, LegacyUse), LegacyCount>>,
    wake: Notify,
    dropped: AtomicU64,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Behind {
    /// Takes a decision.
    pub(crate) fn decision(&self, decision: Decision) {
        let mut waiting = locked(&self.decisions);
        if waiting.len() >= MOST_WAITING {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        waiting.insert(decision.id.clone(), decision);
        drop(waiting);
        self.wake.notify_one();
    }

    /// Takes a use. Only the newest time of each credential is kept, so this is bounded by live credentials.
    pub(crate) fn used(&self, platform: &PlatformId, used: Used, at: Timestamp) {
        locked(&self.uses).insert((platform.clone(), used), at);
    }

    /// Takes a use of something of older times. Bounded by clients that authenticated.
    pub(crate) fn legacy(&self, platform: &PlatformId, client: &ClientId, what: LegacyUse, at: Timestamp) {
        let once = LegacyCount { client: client.clone(), what, times: 1, first: at, last: at };
        self.add(platform, &once);
    }

    fn add(&self, platform: &PlatformId, more: &LegacyCount) {
        let mut waiting = locked(&self.legacy);
        let key = (platform.clone(), more.client.clone(), more.what);
        let count = waiting.entry(key).or_insert_with(|| LegacyCount { times: 0, ..more.clone() });
        count.times += more.times;
        count.first = count.first.min(more.first);
        count.last = count.last.max(more.last);
    }

    /// A decision that is not written yet.
    pub(crate) fn pending(&self, platform: &PlatformId, id: &DecisionId) -> Option<Decision> {
        locked(&self.decisions).get(id).filter(|d| d.platform == *platform).cloned()
    }

    /// Decisions that were dropped because too many waited.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Writes decisions for ever.
    pub(crate) async fn write_decisions(self: Arc<Self>, store: Arc<dyn Store>) {
        loop {
            self.wake.notified().await;
            tokio::time::sleep(Duration::from_millis(50)).await;
            self.flush(&*store).await;
        }
    }

    /// Writes what waits now. Rows stay readable from here until they are in the store.
    pub(crate) async fn flush(&self, store: &dyn Store) {
        let rows: Vec<DecisionRow> = locked(&self.decisions).values().take(2048).map(row).collect();
        for batch in rows.chunks(256) {
            if let Err(error) = store.record_decisions(batch).await {
                tracing::warn!(%error, rows = batch.len(), "decisions could not be recorded; trying again");
                tokio::time::sleep(Duration::from_millis(500)).await;
                self.wake.notify_one();
                return;
            }
            let mut waiting = locked(&self.decisions);
            for row in batch {
                waiting.remove(&row.id);
            }
        }
        if !locked(&self.decisions).is_empty() {
            self.wake.notify_one();
        }
    }

    /// Writes what was counted; what cannot be written waits for the next time.
    pub(crate) async fn write_legacy(&self, store: &dyn Store) {
        let taken = std::mem::take(&mut *locked(&self.legacy));
        let mut by_platform: HashMap<PlatformId, Vec<LegacyCount>> = HashMap::new();
        for ((platform, ..), count) in taken {
            by_platform.entry(platform).or_default().push(count);
        }
        for (platform, counts) in by_platform {
            if let Err(error) = store.note_legacy(&platform, &counts).await {
                tracing::warn!(%error, "uses of older times could not be noted; trying again");
                for count in &counts {
                    self.add(&platform, count);
                }
            }
        }
    }

    /// Writes uses for ever, every two seconds.
    pub(crate) async fn write_uses(self: Arc<Self>, store: Arc<dyn Store>) {
        loop {
            tokio::time::sleep(Duration::from_secs(2)).await;
            self.write_legacy(&*store).await;
            let taken = std::mem::take(&mut *locked(&self.uses));
            let mut by_platform: HashMap<PlatformId, Vec<(Used, Timestamp)>> = HashMap::new();
            for ((platform, used), at) in taken {
                by_platform.entry(platform).or_default().push((used, at));
            }
            for (platform, uses) in by_platform {
                for batch in uses.chunks(256) {
                    if let Err(error) = store.note_use(&platform, batch).await {
                        tracing::warn!(%error, "times of last use could not be noted");
                    }
                }
            }
        }
    }
}

fn row(decision: &Decision) -> DecisionRow {
    DecisionRow {
        id: decision.id.clone(),
        platform: decision.platform.clone(),
        at: decision.at,
        cause: decision.refusal.cause.id().into(),
        document: encode(decision),
    }
}
