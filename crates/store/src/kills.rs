//! The newest killing entry about each subject, for tokens that are verified without a look-up (DESIGN D8, SECURITY R10).

use mandate_core::log::Effect;
use mandate_core::model::{EndReason, Killed};
use mandate_core::{LogEntry, Offset, PlatformId, SubjectKind, Timestamp};
use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{PoisonError, RwLock};

/// Bits that the reason takes beside an offset.
const REASON: u32 = 4;
const _: () = assert!(EndReason::ALL.len() < 1 << REASON);

/// A kill as a number: of two, the newer one is greater.
fn packed(entry: &LogEntry) -> u64 {
    let reason = entry.reason.and_then(|reason| EndReason::ALL.iter().position(|r| *r == reason));
    entry.offset.0 << REASON | reason.map_or(0, |at| at as u64 + 1)
}

fn unpacked(kill: u64) -> (Offset, Option<EndReason>) {
    let reason = usize::try_from(kill & ((1 << REASON) - 1)).ok().and_then(|n| n.checked_sub(1));
    (Offset(kill >> REASON), reason.and_then(|at| EndReason::ALL.get(at).copied()))
}

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
            *last = (*last).max(packed(entry));
        }
    }

    /// The newest one after `offset`. Two subjects share a hash with a chance of one in 2^64: then one too many is
    /// refused, never one too few.
    pub(crate) fn after(
        &self,
        platform: &PlatformId,
        kind: SubjectKind,
        id: &str,
        offset: Offset,
    ) -> Option<Killed> {
        let newest = self.newest.read().unwrap_or_else(PoisonError::into_inner);
        let (last, reason) = unpacked(*newest.get(&hash(platform, kind, id))?);
        (last > offset).then_some(Killed { kind, at: None, reason })
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

#[cfg(test)]
mod tests {
    use super::*;
    use mandate_core::Subject;

    fn kill(offset: u64, reason: Option<EndReason>) -> LogEntry {
        let subject = Subject { platform: "p".into(), kind: SubjectKind::Token, id: "c".into() };
        LogEntry { offset: Offset(offset), subject, effect: Effect::Kill, reason, at: Timestamp::default() }
    }

    #[test]
    fn r10_the_newest_kill_counts_and_says_why() {
        let largest = i64::MAX.cast_unsigned() >> REASON;
        for reason in EndReason::ALL.into_iter().map(Some).chain([None]) {
            let kills = Kills::default();
            let after = |offset| kills.after(&"p".into(), SubjectKind::Token, "c", Offset(offset));
            kills.hear(&[kill(7, reason), kill(5, Some(EndReason::Displaced))]);
            let found = Some(Killed { kind: SubjectKind::Token, at: None, reason });
            assert_eq!((after(6), after(7), after(u64::MAX)), (found.clone(), None, None));
            kills.hear(&[kill(largest, reason)]);
            assert_eq!((after(largest - 1), after(largest)), (found, None));
        }
    }
}
