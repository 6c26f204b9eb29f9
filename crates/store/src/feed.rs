//! What this process knows of the log: entries are told to listeners after their commit and before the verb that
//! made them is answered, so that no cache of ours outlives a revocation (SECURITY R10, R11).

use mandate_core::{LogEntry, Offset};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock};

/// Is told entries. Must be quick and must not block; entries may come more than once and, with several nodes,
/// out of order.
pub type Listener = Arc<dyn Fn(&[LogEntry]) + Send + Sync>;

/// The node's end of the log.
#[derive(Default)]
pub struct Feed {
    applied: AtomicU64,
    listeners: RwLock<Vec<Listener>>,
}

impl std::fmt::Debug for Feed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Feed").field("applied", &self.applied()).finish_non_exhaustive()
    }
}

impl Feed {
    /// A feed that has seen nothing.
    pub fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    /// Adds a listener.
    pub fn listen(&self, listener: Listener) {
        self.listeners.write().unwrap_or_else(std::sync::PoisonError::into_inner).push(listener);
    }

    /// Tells the listeners. Moves [`Self::applied`] only if no other node's entry lies between.
    pub fn tell(&self, entries: &[LogEntry]) {
        let (Some(first), Some(last)) = (entries.first(), entries.last()) else { return };
        for listener in self.listeners.read().unwrap_or_else(std::sync::PoisonError::into_inner).iter() {
            listener(entries);
        }
        let before = first.offset.0.saturating_sub(1);
        let _ahead =
            self.applied.compare_exchange(before, last.offset.0, Ordering::AcqRel, Ordering::Acquire);
    }

    /// Every entry up to here has been told, without a gap.
    pub fn applied(&self) -> Offset {
        Offset(self.applied.load(Ordering::Acquire))
    }

    /// Says that every entry up to `offset` has been told.
    pub fn advance(&self, offset: Offset) {
        self.applied.fetch_max(offset.0, Ordering::AcqRel);
    }
}
