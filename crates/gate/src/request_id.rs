//! Ids of requests: version 4 UUIDs (RFC 9562 section 5.4), made from randomness that is drawn in bulk, since asking
//! the system for 16 bytes costs more than the rest of the id.

use crate::locked;
use mandate_core::Entropy;
use std::fmt;
use std::sync::{Arc, Mutex};

const BULK: usize = 1024;
const HEX: &[u8; 16] = b"0123456789abcdef";
/// Where the digits of each byte stand in the text.
const PLACES: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];

/// The text of an id.
pub(crate) type RequestId = [u8; 36];

/// Makes ids. No random byte is used twice.
pub(crate) struct RequestIds {
    entropy: Arc<dyn Entropy>,
    drawn: Mutex<Drawn>,
}

struct Drawn {
    bytes: [u8; BULK],
    used: usize,
}

impl fmt::Debug for RequestIds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RequestIds(…)")
    }
}

impl RequestIds {
    pub(crate) fn new(entropy: Arc<dyn Entropy>) -> Self {
        Self { entropy, drawn: Mutex::new(Drawn { bytes: [0; BULK], used: BULK }) }
    }

    pub(crate) fn next(&self) -> RequestId {
        let mut bytes = [0; 16];
        {
            let mut drawn = locked(&self.drawn);
            if drawn.used + bytes.len() > BULK {
                self.entropy.fill(&mut drawn.bytes);
                drawn.used = 0;
            }
            let from = drawn.used;
            bytes.copy_from_slice(&drawn.bytes[from..from + 16]);
            drawn.used += bytes.len();
        }
        text(bytes)
    }
}

fn text(mut bytes: [u8; 16]) -> RequestId {
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let mut out = [b'-'; 36];
    for (at, byte) in PLACES.into_iter().zip(bytes) {
        out[at] = HEX[usize::from(byte >> 4)];
        out[at + 1] = HEX[usize::from(byte & 15)];
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[derive(Debug, Default)]
    struct Counting(AtomicU64);
    impl Entropy for Counting {
        fn fill(&self, buffer: &mut [u8]) {
            for chunk in buffer.chunks_mut(8) {
                chunk.copy_from_slice(&self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes()[..chunk.len()]);
            }
        }
    }

    #[test]
    fn ids_are_version_4_and_each_one_new() {
        let ids = RequestIds::new(Arc::new(Counting::default()));
        let made: HashSet<RequestId> = (0..1000).map(|_| ids.next()).collect();
        assert_eq!(made.len(), 1000);
        assert_eq!(&text([0xff; 16]), b"ffffffff-ffff-4fff-bfff-ffffffffffff");
    }
}
