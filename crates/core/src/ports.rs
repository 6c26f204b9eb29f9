//! What the rules need from outside and never fetch themselves: the time and randomness. Only `app` implements
//! these against the system (DESIGN D14).

use crate::Timestamp;
use std::fmt;
use std::time::Duration;

/// Tells the time. The demo's can be moved; nobody else's can.
pub trait Clock: fmt::Debug + Send + Sync {
    /// The wall-clock time that lifetimes and records are judged by.
    fn now(&self) -> Timestamp;
    /// Time since an arbitrary start that no one can move, for leases and durations (SECURITY R12).
    fn monotonic(&self) -> Duration;
    /// Whether [`now`](Self::now) differs from the machine's own clock, so that what others stamp must be put right.
    fn is_moved(&self) -> bool {
        false
    }
}

/// Fills buffers with unpredictable bytes.
pub trait Entropy: fmt::Debug + Send + Sync {
    /// Overwrites `buffer` with random bytes.
    fn fill(&self, buffer: &mut [u8]);

    /// `N` random bytes.
    fn bytes<const N: usize>(&self) -> [u8; N]
    where
        Self: Sized,
    {
        let mut out = [0; N];
        self.fill(&mut out);
        out
    }
}
