//! The clock and the randomness of this crate's tests: one stands until it is moved, the other counts.

use mandate_core::{Clock, Digest, Entropy, Timestamp};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

/// Randomness that never repeats and is the same in every run.
#[derive(Debug, Default)]
pub(crate) struct Counting(pub(crate) AtomicU64);
impl Entropy for Counting {
    fn fill(&self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(32) {
            let digest = Digest::of(&self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes());
            chunk.copy_from_slice(&digest.as_bytes()[..chunk.len()]);
        }
    }
}

/// A clock that is moved by hand, in seconds.
#[derive(Debug)]
pub(crate) struct Hands(pub(crate) AtomicI64);
impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(self.0.load(Ordering::Relaxed))
    }
    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
}
