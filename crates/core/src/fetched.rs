//! How long a document counts that was fetched from an address which a client named, and when it is fetched anew.

use crate::Timestamp;

/// It counts so long at least, whatever its server says.
pub const SHORTEST_MS: i64 = 60_000;
/// Where its server says nothing.
pub const USUAL_MS: i64 = 3_600_000;
/// And so long at most; so long too while it cannot be fetched anew.
pub const LONGEST_MS: i64 = 86_400_000;
/// A fetch that failed is not tried again for so long.
const PAUSE_MS: i64 = 10_000;

/// What is known of fetches from one address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fetched {
    /// When there was an answer last, and for how many milliseconds it counts.
    pub answered: Option<(Timestamp, i64)>,
    /// When it was tried in vain last, if that is newer.
    pub failed_at: Option<Timestamp>,
}

/// What to do with what is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Take it.
    Use,
    /// Fetch it; what is there counts if that fails.
    Refresh,
    /// Fetch it; nothing is there.
    Fetch,
    /// It was tried just now, in vain.
    Wait,
}

/// How long an answer counts by what its server says of it (`max-age`, in seconds).
pub fn life_ms(max_age_s: Option<u32>) -> i64 {
    max_age_s.map_or(USUAL_MS, |s| i64::from(s) * 1000).clamp(SHORTEST_MS, LONGEST_MS)
}

impl Fetched {
    /// What to do. `did_not_help`: what is there was taken and did not do, so that there may be something newer.
    pub fn step(&self, did_not_help: bool, now: Timestamp) -> Step {
        let paused = self.failed_at.is_some_and(|at| now < at.plus_millis(PAUSE_MS));
        match self.answered {
            Some((at, life)) if now < at.plus_millis(LONGEST_MS) => {
                let wait = if did_not_help { SHORTEST_MS } else { life };
                if now < at.plus_millis(wait) || paused { Step::Use } else { Step::Refresh }
            }
            Some(_) | None if paused => Step::Wait,
            Some(_) | None => Step::Fetch,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lives_are_bounded() {
        assert_eq!(life_ms(None), USUAL_MS);
        assert_eq!(life_ms(Some(0)), SHORTEST_MS);
        assert_eq!(life_ms(Some(600)), 600_000);
        assert_eq!(life_ms(Some(u32::MAX)), LONGEST_MS);
    }

    #[test]
    fn steps_table() {
        let at = Timestamp::from_seconds;
        let known = |life_s: i64| Fetched { answered: Some((at(100), life_s * 1000)), failed_at: None };
        let failed = |known: Fetched, when| Fetched { failed_at: Some(at(when)), ..known };
        for (name, fetched, did_not_help, now, expected) in [
            ("nothing yet", Fetched::default(), false, 0, Step::Fetch),
            ("in vain just now", failed(Fetched::default(), 100), false, 109, Step::Wait),
            ("in vain a while ago", failed(Fetched::default(), 100), false, 110, Step::Fetch),
            ("good", known(600), false, 699, Step::Use),
            ("over", known(600), false, 700, Step::Refresh),
            ("over, and cannot be had", failed(known(600), 700), false, 709, Step::Use),
            ("too soon after the last one", known(600), true, 159, Step::Use),
            ("there may be a newer one", known(600), true, 160, Step::Refresh),
            ("which cannot be had", failed(known(600), 160), true, 169, Step::Use),
            ("a day old", known(86_400), false, 86_499, Step::Use),
            ("older, and cannot be had", failed(known(86_400), 86_500), false, 86_500, Step::Wait),
            ("older", known(86_400), false, 86_500, Step::Fetch),
        ] {
            assert_eq!(fetched.step(did_not_help, at(now)), expected, "{name}");
        }
    }
}
