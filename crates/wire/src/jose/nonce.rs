//! `DPoP` nonces (RFC 9449 section 8) without a store: the MAC of a time step under a key that the nodes share
//! (SECURITY R16).

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use mandate_core::Timestamp;
use std::fmt;

/// How long one nonce is the current one, in seconds.
const STEP_S: i64 = 60;
/// Steps before the current one whose nonces are still taken.
const STEPS_BACK: i64 = 2;
/// Steps after the current one: another node's clock may be ahead of ours.
const STEPS_AHEAD: i64 = 1;

/// Gives and recognises nonces.
pub struct Nonces(hmac::Key);

impl fmt::Debug for Nonces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Nonces(…)")
    }
}

impl Nonces {
    /// From 32 bytes derived for this purpose and platform.
    pub fn new(key: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// The nonce to hand out now.
    pub fn current(&self, now: Timestamp) -> String {
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.0, &message(step(now))))
    }

    /// Whether the text is a nonce of ours that is at most three minutes old. Compared in constant time.
    pub fn accepts(&self, text: &str, now: Timestamp) -> bool {
        let mut mac = [0; 32];
        if URL_SAFE_NO_PAD.decode_slice(text, &mut mac) != Ok(mac.len()) {
            return false;
        }
        let step = step(now);
        (step - STEPS_BACK..=step + STEPS_AHEAD)
            .any(|step| hmac::verify(&self.0, &message(step), &mac).is_ok())
    }
}

fn step(now: Timestamp) -> i64 {
    now.seconds().div_euclid(STEP_S)
}

fn message(step: i64) -> [u8; 28] {
    let mut message = *b"mandate dpop nonce 1........";
    message[20..].copy_from_slice(&step.to_be_bytes());
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc9449_8_a_nonce_is_taken_for_its_time() {
        let nonces = Nonces::new(&[1; 32]);
        let at = |s: i64| Timestamp::from_seconds(1_790_000_040 + s);
        assert_eq!(at(0).seconds() % STEP_S, 0);
        let nonce = nonces.current(at(0));
        assert_eq!((nonce.len(), nonces.current(at(59))), (43, nonce.clone()));
        assert_ne!(nonces.current(at(60)), nonce);
        for s in [0, 59, 60, 179] {
            assert!(nonces.accepts(&nonce, at(s)), "{s}");
        }
        assert!(nonces.accepts(&nonce, at(-1)), "a node whose clock is behind");
        for s in [180, 100_000, -61] {
            assert!(!nonces.accepts(&nonce, at(s)), "{s}");
        }
    }

    #[test]
    fn rfc9449_8_others_are_not_taken() {
        let nonces = Nonces::new(&[1; 32]);
        let now = Timestamp::from_seconds(1_790_000_000);
        assert!(!nonces.accepts(&Nonces::new(&[2; 32]).current(now), now));
        let good = nonces.current(now);
        for bad in [
            String::new(),
            good[..42].to_owned(),
            format!("{good}A"),
            format!("{good}="),
            good.to_lowercase(),
            "é".repeat(21),
        ] {
            assert!(!nonces.accepts(&bad, now), "{bad}");
        }
        assert!(nonces.accepts(&good, now));
        assert_eq!(format!("{nonces:?}"), "Nonces(…)");
    }
}
