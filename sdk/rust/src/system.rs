//! The only place that asks the system for time and randomness.

use crate::seams::{BoxFuture, Clock, Millis, Random};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The clock of this machine; `sleep` needs a tokio runtime with time.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Millis {
        let since = wall().duration_since(UNIX_EPOCH).unwrap_or_default();
        Millis::try_from(since.as_millis()).unwrap_or(Millis::MAX)
    }
    fn sleep(&self, time: Duration) -> BoxFuture<'_, ()> {
        Box::pin(tokio::time::sleep(time))
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the clock")]
pub(crate) fn wall() -> SystemTime {
    SystemTime::now()
}

/// For the lock between processes, which lives in real time whatever the session's clock says.
#[expect(clippy::disallowed_methods, reason = "this is the clock")]
pub(crate) fn instant() -> Instant {
    Instant::now()
}

/// The generator of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) {
        // Without randomness no state, verifier or proof would be safe: there is nothing to go on with.
        #[expect(clippy::expect_used, reason = "a machine without randomness can do nothing of this safely")]
        getrandom::fill(bytes).expect("the operating system gives random bytes");
    }
}
