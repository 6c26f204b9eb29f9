//! What one platform of the `rfc` dialect signs and recognises with, parsed once (SECURITY R1).

use super::metadata::{self, MutualTls};
use super::mint::ACCESS_LIFETIME_S;
use bytes::Bytes;
use mandate_core::platform::Platform;
use mandate_core::settings::IdTokenAlg;
use mandate_core::succession::MAC;
use mandate_wire::jose::{Alg, Nonces, PublicJwk, SigningKey};
use mandate_wire::refresh_token::RefreshKeys;
use serde_json::json;
use std::sync::Arc;

/// What a platform signs with: access tokens by the first, ID tokens by the one that the client asks for.
pub const SIGNATURES: [Alg; 4] = [Alg::Es256, Alg::EdDsa, Alg::Ps256, Alg::Rs256];
/// What was signed last may travel so long, and clocks may differ.
const LEEWAY_MS: i64 = 60_000;

/// How long the last thing lives that a key of this algorithm signed: so long it stays published after it retired.
/// `None` for MAC keys: their chains say so.
pub fn outlives_ms(platform: &Platform, alg: &str) -> Option<i64> {
    let tokens = &platform.tokens;
    let access = tokens.access_lifetime_s.unwrap_or(ACCESS_LIFETIME_S);
    let longest = access.max(tokens.id_token_lifetime_s).max(tokens.client_access_lifetime_s.unwrap_or(0));
    (alg != MAC).then(|| i64::from(longest) * 1000 + LEEWAY_MS)
}

/// The keys of a platform.
#[derive(Debug)]
pub struct Keys {
    /// Signing keys that are in use now, one of each algorithm.
    active: Vec<Arc<SigningKey>>,
    /// Everything that may have signed a token that still lives, and what will sign soon.
    published: Vec<PublicJwk>,
    /// The JWKS document (RFC 7517 section 5).
    document: Bytes,
    /// The metadata document: it names algorithms, so it changes with the keys.
    metadata: Bytes,
    /// Makes refresh tokens.
    pub refresh: RefreshKeys,
    /// Nonces of DPoP proofs.
    pub nonces: Nonces,
}

impl Keys {
    /// From the keys in use and the further ones to publish. `mutual`: what the metadata says about certificates.
    pub fn new(
        active: Vec<Arc<SigningKey>>,
        others: Vec<PublicJwk>,
        refresh: RefreshKeys,
        nonces: Nonces,
        platform: &Platform,
        mutual: MutualTls,
    ) -> Self {
        let mut published: Vec<PublicJwk> = active.iter().map(|key| key.public().clone()).collect();
        published.extend(others);
        let keys: Vec<_> = published.iter().map(PublicJwk::to_json).collect();
        let document = Bytes::from(json!({"keys": keys}).to_string());
        let algs: Vec<&str> = active.iter().map(|key| key.alg().as_str()).collect();
        let metadata = metadata::document(platform, &algs, mutual);
        Self { active, published, document, metadata, refresh, nonces }
    }

    /// The key in use for an algorithm.
    pub(crate) fn signer(&self, alg: Alg) -> Option<&SigningKey> {
        self.active.iter().find(|key| key.alg() == alg).map(|key| &**key)
    }

    /// The keys that may have signed something which still lives.
    pub(crate) fn published(&self) -> impl Iterator<Item = &PublicJwk> {
        self.published.iter()
    }

    /// The JWKS document.
    pub(crate) fn document(&self) -> Bytes {
        self.document.clone()
    }

    /// The metadata document.
    pub(crate) fn metadata(&self) -> Bytes {
        self.metadata.clone()
    }
}

/// The algorithm of a client's ID tokens.
pub(crate) fn id_token_alg(alg: IdTokenAlg) -> Alg {
    match alg {
        IdTokenAlg::Es256 => Alg::Es256,
        IdTokenAlg::EdDsa => Alg::EdDsa,
        IdTokenAlg::Ps256 => Alg::Ps256,
        IdTokenAlg::Rs256 => Alg::Rs256,
    }
}
