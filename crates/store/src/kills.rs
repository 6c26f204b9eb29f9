//! The newest killing entry about each subject, for tokens that are verified without a look-up (DESIGN D8, SECURITY R10).

use mandate_core::log::Effect;
use mandate_core::{LogEntry, Offset, PlatformId, SubjectKind, Timestamp};
use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{PoisonError, RwLock};

/// A subject's hash and its newest kill: 16 bytes and one of the table's own for each subject, twice that right after
/// the table has grown. Kept for the life of the process: a kill that is forgotten while a token lives would bring the
/// token back, and how long tokens live is for the issuer to say. A million kills are about 20 MB.
#[derive(Debug)]
pub(crate) struct Kills {
    newest: RwLock<HashMap<u64, u64>>,
    since: AtomicI64,
}

impl Default for Kills {
    fn default() -> Self {
        Self { newest: RwLock::default(), since: AtomicI64::new(i64::MAX) }
    }
}

impl Kills {
    /// Entries, in any order and any number of times.
    pub(crate) fn hear(&self, entries: &[LogEntry]) {
        if entries.iter().all(|e| e.effect != Effect::Kill) {
            return;
        }
        let mut newest = self.newest.write().unwrap_or_else(PoisonError::into_inner);
        for entry in entries.iter().filter(|e| e.effect == Effect::Kill) {
            let subject = hash(&entry.subject.platform, entry.subject.kind, &entry.subject.id);
            let last = newest.entry(subject).or_default();
            *last = (*last).max(entry.offset.0);
        }
    }

    /// Whether there is one after `offset`. Two subjects share a hash with a chance of one in 2^64: then one too many is
    /// refused, never one too few.
    pub(crate) fn after(&self, platform: &PlatformId, kind: SubjectKind, id: &str, offset: Offset) -> bool {
        let newest = self.newest.read().unwrap_or_else(PoisonError::into_inner);
        newest.get(&hash(platform, kind, id)).is_some_and(|n| *n > offset.0)
    }

    /// Remembers from when on entries have been read.
    pub(crate) fn loaded(&self, since: Timestamp) {
        self.since.fetch_min(since.millis(), Ordering::AcqRel);
    }

    /// From when on entries have been read.
    pub(crate) fn since(&self) -> Timestamp {
        Timestamp::from_millis(self.since.load(Ordering::Acquire))
    }
}

/// A subject as a number.
pub(crate) fn hash(platform: &PlatformId, kind: SubjectKind, id: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (platform.as_str(), kind, id).hash(&mut hasher);
    hasher.finish()
}
