//! Fresh tokens that an API refused in a row.

use super::backoff;
use crate::seams::Millis;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};

/// So long after a wait the row is forgotten.
const FORGOTTEN: Millis = 60_000;

/// Keeps an API that takes no token of this issuer from costing the issuer a token for each call.
#[derive(Debug, Default)]
pub(crate) struct Fresh {
    row: AtomicU32,
    until: AtomicI64,
}

impl Fresh {
    /// One was refused, that had not ended. Those of many callers at once count as one.
    pub(crate) fn refused(&self, now: Millis, u: f64) {
        let until = self.until.load(Ordering::Acquire);
        if self.holds(now) {
            return;
        }
        let row = if now - until > FORGOTTEN { 0 } else { self.row.load(Ordering::Acquire) };
        // The first may be chance: another caller's token died meanwhile.
        let next = now + row.checked_sub(1).map_or(0, |n| backoff::wait(n, None, u));
        if self.until.compare_exchange(until, next, Ordering::AcqRel, Ordering::Acquire).is_ok() {
            self.row.store(row.saturating_add(1), Ordering::Release);
        }
    }

    /// Whether a 401 is no reason to ask for another. A clock that was set back does not make that longer.
    pub(crate) fn holds(&self, now: Millis) -> bool {
        let left = self.until.load(Ordering::Acquire) - now;
        (1..=30_000).contains(&left)
    }

    /// The API took a token.
    pub(crate) fn taken(&self) {
        if self.row.load(Ordering::Acquire) != 0 {
            self.row.store(0, Ordering::Release);
            self.until.store(0, Ordering::Release);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Fresh;

    #[test]
    fn waits_grow_and_are_forgotten() {
        let fresh = Fresh::default();
        let mut now = 1_000_000;
        fresh.refused(now, 0.0);
        assert!(!fresh.holds(now), "the first may be chance");
        for wait in [250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000] {
            fresh.refused(now, 0.0);
            fresh.refused(now, 0.0);
            assert!(fresh.holds(now + wait - 1) && !fresh.holds(now + wait), "{wait}");
            now += wait;
        }
        now += 60_001;
        fresh.refused(now, 0.0);
        assert!(!fresh.holds(now), "the row was forgotten");
        fresh.refused(now, 0.0);
        assert!(!fresh.holds(now + 250));
        assert!(fresh.holds(now + 249) && !fresh.holds(now - 3_600_000), "a clock that was set back");
        fresh.taken();
        assert!(!fresh.holds(now + 1));
    }
}
