//! Sealed decision ids: the id of an anonymous refusal carries its own few facts, encrypted, so that it can be
//! explained without a row (SECURITY R8). Known and unknown names give ids of the same length.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use mandate_core::{Cause, DecisionId, Entropy, PlatformId, Timestamp, disclosure::FactName};

/// What a sealed id says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// When it was refused.
    pub at: Timestamp,
    /// What the wire said.
    pub cause: Cause,
    /// What is behind it.
    pub true_cause: Option<Cause>,
    /// Position of the host in the platform file.
    pub host: u8,
    /// One public fact, at most 16 bytes of its text.
    pub detail: Option<(FactName, String)>,
}

const PLAIN: usize = 32;
const DETAIL: usize = 16;
/// Sealed ids begin with this letter, recorded ones with another.
pub const PREFIX: &str = "s";

/// Seals and opens ids under one platform's key.
pub struct Sealer(LessSafeKey);

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer(…)")
    }
}

impl Sealer {
    /// From 32 bytes that were derived for this purpose and platform. `None` only if the library refuses the key.
    pub fn new(key: &[u8; 32]) -> Option<Self> {
        UnboundKey::new(&AES_256_GCM, key).ok().map(|k| Self(LessSafeKey::new(k)))
    }

    /// The id of a refusal.
    pub fn seal(&self, platform: &PlatformId, sealed: &Sealed, entropy: &dyn Entropy) -> DecisionId {
        let mut plain = Vec::with_capacity(PLAIN + 16);
        plain.extend_from_slice(&sealed.at.millis().to_be_bytes()[2..]);
        plain.extend_from_slice(&sealed.cause.code().to_be_bytes());
        plain.extend_from_slice(&sealed.true_cause.map_or(u16::MAX, Cause::code).to_be_bytes());
        plain.push(sealed.host);
        let (name, text) = match &sealed.detail {
            Some((name, text)) => (fact_code(*name), text.as_str()),
            None => (u8::MAX, ""),
        };
        plain.push(name);
        let mut end = text.len().min(DETAIL);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        plain.extend_from_slice(&text.as_bytes()[..end]);
        plain.resize(PLAIN, 0);
        let mut nonce = [0u8; 12];
        entropy.fill(&mut nonce);
        let mut out = nonce.to_vec();
        let sealed_ok =
            self.0.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad(platform), &mut plain);
        debug_assert!(sealed_ok.is_ok(), "32 bytes are never too many");
        out.extend_from_slice(&plain);
        DecisionId::new(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(out)))
    }

    /// What an id of ours says; `None` for anything else, another platform's included.
    pub fn open(&self, platform: &PlatformId, id: &str) -> Option<Sealed> {
        let mut bytes = URL_SAFE_NO_PAD.decode(id.strip_prefix(PREFIX)?).ok()?;
        if bytes.len() != 12 + PLAIN + 16 {
            return None;
        }
        let nonce: [u8; 12] = bytes[..12].try_into().ok()?;
        let plain = self
            .0
            .open_in_place(Nonce::assume_unique_for_key(nonce), aad(platform), &mut bytes[12..])
            .ok()?;
        let mut at = [0u8; 8];
        at[2..].copy_from_slice(&plain[..6]);
        let two = |i: usize| u16::from_be_bytes([plain[i], plain[i + 1]]);
        let detail = FactName::ALL.get(usize::from(plain[11])).and_then(|name| {
            let end = plain[12..12 + DETAIL].iter().position(|b| *b == 0).unwrap_or(DETAIL);
            let text = std::str::from_utf8(&plain[12..12 + end]).ok()?;
            Some((*name, text.to_owned()))
        });
        Some(Sealed {
            at: Timestamp::from_millis(i64::from_be_bytes(at)),
            cause: Cause::from_code(two(6))?,
            true_cause: Cause::from_code(two(8)),
            host: plain[10],
            detail,
        })
    }
}

fn aad(platform: &PlatformId) -> Aad<String> {
    Aad::from(format!("mandate decision id 1 {platform}"))
}

fn fact_code(name: FactName) -> u8 {
    FactName::ALL.iter().position(|n| *n == name).and_then(|p| u8::try_from(p).ok()).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU8, Ordering};

    #[derive(Debug, Default)]
    struct Counting(AtomicU8);
    impl Entropy for Counting {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(self.0.fetch_add(1, Ordering::Relaxed));
        }
    }

    fn sealed(detail: Option<&str>) -> Sealed {
        Sealed {
            at: Timestamp::from_millis(1_790_000_000_123),
            cause: Cause::CredentialRejected,
            true_cause: Some(Cause::CredentialUnknown),
            host: 3,
            detail: detail.map(|d| (FactName::Parameter, d.to_owned())),
        }
    }

    #[test]
    fn r08_an_id_carries_its_facts_and_only_its_platform_reads_them() {
        let sealer = Sealer::new(&[7; 32]).unwrap();
        let (entropy, alpaca) = (Counting::default(), PlatformId::new("alpaca"));
        for detail in [None, Some("grant_type")] {
            let id = sealer.seal(&alpaca, &sealed(detail), &entropy);
            assert_eq!(sealer.open(&alpaca, id.as_str()), Some(sealed(detail)));
            assert_eq!(sealer.open(&PlatformId::new("olx"), id.as_str()), None);
            assert_eq!(id.as_str().len(), 81);
            let mut forged = id.as_str().to_owned();
            forged.replace_range(40..41, if &forged[40..41] == "A" { "B" } else { "A" });
            assert_eq!(sealer.open(&alpaca, &forged), None);
        }
    }
}
