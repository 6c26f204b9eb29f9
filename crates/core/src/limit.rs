//! Rate limits: the generic cell rate algorithm on one integer. Refills evenly, so that a client that waits a
//! little is served again (DESIGN D13).

use crate::Timestamp;
use std::sync::atomic::{AtomicI64, Ordering};

/// How many requests, how fast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Sustained requests a minute, and the burst.
    pub per_minute: u32,
}

impl Rate {
    /// Microseconds from one request to the next at the sustained pace, and those of a whole burst. A microsecond is
    /// the finest pace there is.
    fn interval_and_burst(self) -> (i64, i64) {
        let per_minute = i64::from(self.per_minute.max(1));
        let interval = (60_000_000 / per_minute).max(1);
        (interval, interval * per_minute)
    }
}

/// What is left, for the headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// The burst.
    pub limit: u32,
    /// Requests that would be allowed right now.
    pub remaining: u32,
    /// When the budget is whole again.
    pub reset: Timestamp,
}

/// Over the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exceeded {
    /// What is left: nothing.
    pub budget: Budget,
    /// Milliseconds until one request would be allowed.
    pub retry_after_ms: i64,
}

/// The state of one limit: the theoretical arrival time of the next request, in microseconds.
#[derive(Debug, Default)]
pub struct Meter(AtomicI64);

impl Meter {
    /// Spends one request from the budget, atomically.
    ///
    /// # Errors
    /// [`Exceeded`] when the budget is used up; nothing is spent then.
    pub fn take(&self, rate: Rate, now: Timestamp) -> Result<Budget, Exceeded> {
        let (interval, burst) = rate.interval_and_burst();
        let now_us = now.millis().saturating_mul(1000);
        let mut seen = self.0.load(Ordering::Relaxed);
        loop {
            // A clock that went back, or a wait that no request could have caused, starts afresh.
            let arrival = if seen > now_us + burst { now_us + burst } else { seen.max(now_us) };
            let next = arrival + interval;
            if next - now_us > burst {
                let wait_us = next - now_us - burst;
                return Err(Exceeded {
                    budget: budget(rate, interval, burst, arrival, now_us),
                    retry_after_ms: (wait_us + 999) / 1000,
                });
            }
            match self.0.compare_exchange_weak(seen, next, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return Ok(budget(rate, interval, burst, next, now_us)),
                Err(other) => seen = other,
            }
        }
    }

    /// Gives back one request that was [taken](Self::take) and turned out not to count.
    pub fn give_back(&self, rate: Rate) {
        self.0.fetch_sub(rate.interval_and_burst().0, Ordering::AcqRel);
    }

    /// What is left, without spending.
    pub fn look(&self, rate: Rate, now: Timestamp) -> Budget {
        let (interval, burst) = rate.interval_and_burst();
        let now_us = now.millis().saturating_mul(1000);
        let arrival = self.0.load(Ordering::Relaxed).max(now_us);
        budget(rate, interval, burst, arrival, now_us)
    }

    /// Whether the budget is whole, so that the meter may be forgotten.
    pub fn is_idle(&self, now: Timestamp) -> bool {
        self.0.load(Ordering::Relaxed) <= now.millis().saturating_mul(1000)
    }
}

fn budget(rate: Rate, interval: i64, burst: i64, arrival: i64, now_us: i64) -> Budget {
    let remaining = ((burst - (arrival - now_us)) / interval).clamp(0, i64::from(rate.per_minute));
    Budget {
        limit: rate.per_minute,
        remaining: u32::try_from(remaining).unwrap_or(0),
        reset: Timestamp::from_millis((arrival + 999) / 1000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RATE: Rate = Rate { per_minute: 200 };

    #[test]
    fn burst_then_refill() {
        let meter = Meter::default();
        let start = Timestamp::from_seconds(1_000_000);
        for left in (0..200).rev() {
            assert_eq!(meter.take(RATE, start).unwrap().remaining, left);
        }
        let over = meter.take(RATE, start).unwrap_err();
        assert_eq!(over.budget.remaining, 0);
        assert_eq!(over.retry_after_ms, 300);
        assert!(meter.take(RATE, start.plus_millis(299)).is_err());
        assert!(meter.take(RATE, start.plus_millis(300)).is_ok());
        assert!(meter.is_idle(start.plus_seconds(61)));
    }

    #[test]
    fn what_is_given_back_can_be_taken_again() {
        let (meter, now) = (Meter::default(), Timestamp::from_seconds(1_000_000));
        for _ in 0..1000 {
            meter.take(RATE, now).unwrap();
            meter.give_back(RATE);
        }
        assert_eq!(meter.take(RATE, now).unwrap().remaining, 199);
    }

    #[test]
    fn limits_that_limit_nothing_are_fine() {
        for per_minute in [0, 1, 60_000_000, 60_000_001, u32::MAX] {
            let (meter, rate) = (Meter::default(), Rate { per_minute });
            let start = Timestamp::from_seconds(1_000_000);
            assert!(meter.take(rate, start).is_ok());
            assert!(meter.look(rate, start).remaining >= per_minute.saturating_sub(1));
        }
    }

    proptest! {
        /// In any minute no more than twice the limit passes (burst plus refill), and waiting as told is enough.
        #[test]
        fn never_more_than_burst_and_refill(steps in proptest::collection::vec(0i64..2000, 1..400)) {
            let meter = Meter::default();
            let mut now = Timestamp::from_seconds(1_000_000);
            let mut allowed = Vec::new();
            for step in steps {
                now = now.plus_millis(step);
                match meter.take(RATE, now) {
                    Ok(_) => allowed.push(now),
                    Err(over) => {
                        now = now.plus_millis(over.retry_after_ms);
                        prop_assert!(meter.take(RATE, now).is_ok());
                        allowed.push(now);
                    }
                }
            }
            for (i, at) in allowed.iter().enumerate() {
                let window = allowed[i..].iter().take_while(|t| t.millis_since(*at) < 60_000).count();
                prop_assert!(window <= 400);
            }
        }
    }
}
