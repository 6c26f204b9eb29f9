//! The system's clock and randomness: the only place that asks for either (DESIGN D14).

use mandate_core::{Clock, Entropy, Timestamp};
use std::time::{Duration, Instant, SystemTime};

/// The system's clock.
#[derive(Debug)]
pub(crate) struct SystemClock {
    start: Instant,
}

impl SystemClock {
    pub(crate) fn new() -> Self {
        #[expect(clippy::disallowed_methods, reason = "this is the clock")]
        let start = Instant::now();
        Self { start }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "this is the clock")]
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }
}

/// The cryptographic library's generator, seeded by the system.
#[derive(Debug)]
pub(crate) struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        // The generator fails only if the system has no randomness at all; going on would hand out guessable secrets.
        if aws_lc_rs::rand::fill(buffer).is_err() {
            tracing::error!("the system gives no randomness; stopping");
            std::process::abort();
        }
    }
}
