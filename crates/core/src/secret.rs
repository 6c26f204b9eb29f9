//! Secrets and what is stored instead of them. A secret does not print, does not serialize and is compared in
//! constant time (SECURITY R4, DESIGN D5).

use sha2::{Digest as _, Sha256};
use std::fmt;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// A secret as somebody presented it or as it is handed out once. Wiped from memory when dropped.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes possession of the text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }
    /// The text itself, for the one place that must write it out. Never pass it to a log.
    pub fn expose(&self) -> &str {
        &self.0
    }
    /// What the store keeps.
    pub fn digest(&self) -> Digest {
        Digest::of(self.0.as_bytes())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// SHA-256 of a secret with at least 122 bits of entropy: enough to recognise it, not to use it.
#[derive(Clone, Copy)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Digest of the bytes of a secret.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
    /// A digest as it was stored.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
    /// The bytes to store.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl PartialEq for Digest {
    /// Constant-time.
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}
impl Eq for Digest {}

impl std::hash::Hash for Digest {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r04_secrets_and_digests_do_not_print() {
        let secret = Secret::new("hunter2");
        let digest = secret.digest();
        assert_eq!(format!("{secret:?} {digest:?}"), "Secret(…) Digest(…)");
    }

    #[test]
    fn digest_is_sha256() {
        assert_eq!(Digest::of(b"abc").as_bytes()[..4], [0xba, 0x78, 0x16, 0xbf]);
    }
}
