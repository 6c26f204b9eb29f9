//! Refresh tokens as text: chain, generation and a MAC over both, so that a successor can be said again without ever
//! having been stored (DESIGN D7, SECURITY R2).

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use mandate_core::{ChainId, ClientId, PlatformId, Secret};

/// Refresh tokens begin with this: leak scanners find them.
const PREFIX: &str = "mrt_";
/// Bytes of a chain's id.
pub const CHAIN: usize = 16;
const LENGTH: usize = CHAIN + 8 + 32;

/// The key under which one platform's refresh tokens are made.
pub struct RefreshKey(hmac::Key);

impl std::fmt::Debug for RefreshKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RefreshKey(…)")
    }
}

/// A refresh token that has the right shape; whether it is genuine its chain's row must say.
pub struct PresentedRefresh {
    /// Its chain.
    pub chain: ChainId,
    /// Its place in the chain.
    pub generation: u64,
    mac: [u8; 32],
}

impl std::fmt::Debug for PresentedRefresh {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PresentedRefresh").field("chain", &self.chain).finish_non_exhaustive()
    }
}

/// What a token is made for. The salt is kept in the chain's row only: neither key nor store alone can make a token.
#[derive(Debug, Clone, Copy)]
pub struct Bound<'a> {
    /// The tenant.
    pub platform: &'a PlatformId,
    /// The client.
    pub client: &'a ClientId,
    /// The chain.
    pub chain: &'a ChainId,
    /// The chain's salt.
    pub salt: &'a [u8; 16],
}

impl RefreshKey {
    /// From 32 bytes derived for this purpose and platform.
    pub fn new(key: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// The token of a generation. `None` if the chain's id is none of ours.
    pub fn token(&self, bound: Bound<'_>, generation: u64) -> Option<Secret> {
        let mut bytes = chain_bytes(bound.chain)?.to_vec();
        bytes.extend_from_slice(&generation.to_be_bytes());
        bytes.extend_from_slice(hmac::sign(&self.0, &message(bound, generation)).as_ref());
        Some(Secret::new(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))))
    }

    /// Whether a presented token is of this chain. In constant time.
    pub fn is_genuine(&self, presented: &PresentedRefresh, bound: Bound<'_>) -> bool {
        hmac::verify(&self.0, &message(bound, presented.generation), &presented.mac).is_ok()
    }
}

/// The keys of a platform that still count, each under its number (SECURITY R2).
#[derive(Debug)]
pub struct RefreshKeys {
    current: u32,
    keys: Vec<(u32, RefreshKey)>,
}

impl RefreshKeys {
    /// `current`: the number of the key under which new generations are said.
    pub fn new(current: u32, keys: Vec<(u32, RefreshKey)>) -> Self {
        Self { current, keys }
    }

    /// The number of the key under which new generations are said.
    pub fn current(&self) -> u32 {
        self.current
    }

    /// Whether a number is greater than any known here: another node made that key just now.
    pub fn is_ahead(&self, number: u32) -> bool {
        self.keys.iter().all(|(known, _)| *known < number)
    }

    /// The token of a generation under the key with this number. `None` if the key does not count, or the chain's id is
    /// none of ours.
    pub fn token(&self, number: u32, bound: Bound<'_>, generation: u64) -> Option<Secret> {
        let (_, key) = self.keys.iter().find(|(known, _)| *known == number)?;
        key.token(bound, generation)
    }

    /// Whether a presented token is of this chain, under any key that counts: an older generation may have been said
    /// under an older key.
    pub fn is_genuine(&self, presented: &PresentedRefresh, bound: Bound<'_>) -> bool {
        self.keys.iter().any(|(_, key)| key.is_genuine(presented, bound))
    }
}

/// Reads a token; `None` for what cannot be one of ours.
pub fn read(text: &str) -> Option<PresentedRefresh> {
    let bytes: [u8; LENGTH] = URL_SAFE_NO_PAD.decode(text.strip_prefix(PREFIX)?).ok()?.try_into().ok()?;
    let (chain, rest) = bytes.split_at(CHAIN);
    let (generation, mac) = rest.split_at(8);
    Some(PresentedRefresh {
        chain: ChainId::new(URL_SAFE_NO_PAD.encode(chain)),
        generation: u64::from_be_bytes(generation.try_into().ok()?),
        mac: mac.try_into().ok()?,
    })
}

/// The id of a chain from its random bytes.
pub fn chain_id(bytes: &[u8; CHAIN]) -> ChainId {
    ChainId::new(URL_SAFE_NO_PAD.encode(bytes))
}

fn chain_bytes(chain: &ChainId) -> Option<[u8; CHAIN]> {
    URL_SAFE_NO_PAD.decode(chain.as_str()).ok()?.try_into().ok()
}

/// Every part with its length before it, so that no two different things are one message.
fn message(bound: Bound<'_>, generation: u64) -> Vec<u8> {
    let mut message = Vec::with_capacity(160);
    for part in [
        b"mandate refresh 1".as_slice(),
        bound.platform.as_str().as_bytes(),
        bound.client.as_str().as_bytes(),
        bound.chain.as_str().as_bytes(),
        bound.salt,
        &generation.to_be_bytes(),
    ] {
        message.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
        message.extend_from_slice(part);
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r02_a_token_is_good_for_its_platform_client_chain_generation_and_salt() {
        let key = RefreshKey::new(&[7; 32]);
        let chain = chain_id(&[1; CHAIN]);
        let (platform, client) = (PlatformId::new("rfc"), ClientId::new("app"));
        let bound = Bound { platform: &platform, client: &client, chain: &chain, salt: &[2; 16] };
        let text = key.token(bound, 5).unwrap();
        let mut read_back = read(text.expose()).unwrap();
        assert_eq!((&read_back.chain, read_back.generation), (&chain, 5));
        assert!(key.is_genuine(&read_back, bound));
        assert!(!RefreshKey::new(&[8; 32]).is_genuine(&read_back, bound));
        let (other_platform, other_client) = (PlatformId::new("olx"), ClientId::new("other"));
        assert!(!key.is_genuine(&read_back, Bound { platform: &other_platform, ..bound }));
        assert!(!key.is_genuine(&read_back, Bound { client: &other_client, ..bound }));
        assert!(!key.is_genuine(&read_back, Bound { salt: &[3; 16], ..bound }));
        read_back.generation = 6;
        assert!(!key.is_genuine(&read_back, bound));
    }

    #[test]
    fn r02_tokens_under_a_key_that_is_gone_are_not_genuine() {
        let chain = chain_id(&[1; CHAIN]);
        let (platform, client) = (PlatformId::new("rfc"), ClientId::new("app"));
        let bound = Bound { platform: &platform, client: &client, chain: &chain, salt: &[2; 16] };
        let key = |number: u32| (number, RefreshKey::new(&[u8::try_from(number).unwrap(); 32]));
        let before = RefreshKeys::new(1, vec![key(1)]);
        let said = read(before.token(1, bound, 5).unwrap().expose()).unwrap();
        let rotated = RefreshKeys::new(2, vec![key(1), key(2)]);
        assert_eq!(rotated.current(), 2);
        assert!(rotated.is_genuine(&said, bound), "an older key counts as long as it is there");
        assert_eq!(rotated.token(1, bound, 5).unwrap().expose(), before.token(1, bound, 5).unwrap().expose());
        let after = RefreshKeys::new(2, vec![key(2)]);
        assert!(!after.is_genuine(&said, bound));
        assert!(after.token(1, bound, 5).is_none());
        assert!(after.is_ahead(3) && !after.is_ahead(2) && !after.is_ahead(1));
    }

    #[test]
    fn what_is_damaged_is_none_of_ours() {
        for text in ["", "mrt_", "mrt_AAAA", "other", "mrt_*"] {
            assert!(read(text).is_none(), "{text}");
        }
    }
}
