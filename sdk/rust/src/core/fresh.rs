//! Fresh tokens that an API refused in a row.

use super::backoff;
use crate::inner::locked;
use crate::seams::Millis;
use crate::secret::Secret;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

/// So long after a wait the row is forgotten.
const FORGOTTEN: Millis = 60_000;

/// Keeps an API that takes no token of this issuer from costing the issuer a token for each call.
#[derive(Debug, Default)]
pub(crate) struct Fresh {
    /// There is a row: so that calls that are answered well need not lock.
    begun: AtomicBool,
    row: Mutex<Row>,
}

#[derive(Debug, Default)]
struct Row {
    length: u32,
    until: Millis,
    /// Each counts once, however many callers had it.
    last: Option<Secret>,
}

impl Fresh {
    /// One was refused, that had not ended.
    pub(crate) fn refused(&self, token: &Secret, now: Millis, u: f64) {
        let mut row = locked(&self.row);
        if row.last.as_ref() == Some(token) {
            return;
        }
        if now - row.until > FORGOTTEN {
            row.length = 0;
        }
        // The first may be chance: another caller's token died meanwhile.
        row.until = now + row.length.checked_sub(1).map_or(0, |n| backoff::wait(n, None, u));
        row.length = row.length.saturating_add(1);
        row.last = Some(token.clone());
        self.begun.store(true, Ordering::Release);
    }

    /// Whether a 401 is no reason to ask for another. A clock that was set back does not make that longer.
    pub(crate) fn holds(&self, now: Millis) -> bool {
        self.begun.load(Ordering::Acquire) && (1..=30_000).contains(&(locked(&self.row).until - now))
    }

    /// The API took a token.
    pub(crate) fn taken(&self) {
        if self.begun.load(Ordering::Acquire) {
            let mut row = locked(&self.row);
            *row = Row::default();
            self.begun.store(false, Ordering::Release);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Fresh;
    use crate::secret::Secret;

    #[test]
    fn waits_grow_and_are_forgotten() {
        let fresh = Fresh::default();
        let (mut now, mut made) = (1_000_000, 0);
        let mut refuse = |now| {
            made += 1;
            let token = Secret::new(format!("token-{made}"));
            fresh.refused(&token, now, 0.0);
            fresh.refused(&token, now, 0.0);
        };
        refuse(now);
        assert!(!fresh.holds(now), "the first may be chance");
        for wait in [250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000] {
            refuse(now);
            assert!(fresh.holds(now + wait - 1) && !fresh.holds(now + wait), "{wait}");
            now += wait;
        }
        now += 60_001;
        refuse(now);
        assert!(!fresh.holds(now), "the row was forgotten");
        refuse(now);
        assert!(fresh.holds(now + 249) && !fresh.holds(now + 250));
        assert!(!fresh.holds(now - 3_600_000), "a clock that was set back");
        fresh.taken();
        assert!(!fresh.holds(now + 1));
    }
}
