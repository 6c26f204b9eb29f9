//! The system's clock and randomness: the only place that asks for either (DESIGN D14).

use mandate_core::{Clock, Entropy, Timestamp};
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};
use zeroize::{Zeroize as _, Zeroizing};

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

/// The cryptographic library's generator, seeded by the system. Drawn from in pieces of some size: its price is nearly
/// the same for one byte and for hundreds.
#[derive(Default)]
pub(crate) struct SystemEntropy(Mutex<Drawn>);

/// Bytes that are still to be handed out are the first `left`; the others are wiped.
struct Drawn {
    bytes: Zeroizing<[u8; 512]>,
    left: usize,
}

impl Default for Drawn {
    fn default() -> Self {
        Self { bytes: Zeroizing::new([0; 512]), left: 0 }
    }
}

impl fmt::Debug for SystemEntropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SystemEntropy(…)")
    }
}

impl Entropy for SystemEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        let mut drawn = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if buffer.len() > drawn.bytes.len() {
            return draw(buffer);
        }
        if drawn.left < buffer.len() {
            draw(&mut *drawn.bytes);
            drawn.left = drawn.bytes.len();
        }
        let rest = drawn.left - buffer.len();
        let taken = rest..drawn.left;
        buffer.copy_from_slice(&drawn.bytes[taken.clone()]);
        drawn.bytes[taken].zeroize();
        drawn.left = rest;
    }
}

fn draw(buffer: &mut [u8]) {
    // The generator fails only if the system has no randomness at all; going on would hand out guessable secrets.
    if aws_lc_rs::rand::fill(buffer).is_err() {
        tracing::error!("the system gives no randomness; stopping");
        std::process::abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn nothing_is_handed_out_twice() {
        let entropy = SystemEntropy::default();
        let mut seen = HashSet::new();
        for _ in 0..1000 {
            let mut bytes = [0; 16];
            entropy.fill(&mut bytes);
            assert!(seen.insert(bytes));
        }
        let mut large = [0; 2000];
        entropy.fill(&mut large);
        assert!(large.chunks_exact(16).all(|piece| seen.insert(piece.try_into().unwrap())));
        let mut odd = [0; 500];
        entropy.fill(&mut odd);
        entropy.fill(&mut odd[..20]);
        let drawn = entropy.0.lock().unwrap();
        assert!(drawn.bytes[drawn.left..].iter().all(|byte| *byte == 0), "what was handed out is wiped");
    }
}
