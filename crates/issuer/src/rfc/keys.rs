//! What one platform of the `rfc` dialect signs and recognises with, parsed once (SECURITY R1).

use super::metadata::{self, MutualTls};
use bytes::Bytes;
use mandate_core::platform::Platform;
use mandate_core::settings::IdTokenAlg;
use mandate_wire::jose::{Alg, Jwks, Nonces, PublicJwk, SigningKey};
use mandate_wire::refresh_token::RefreshKey;
use serde_json::json;
use std::sync::Arc;

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
    pub refresh: RefreshKey,
    /// Nonces of DPoP proofs.
    pub nonces: Nonces,
}

impl Keys {
    /// From the keys in use and the further ones to publish. `mutual`: what the metadata says about certificates.
    pub fn new(
        active: Vec<Arc<SigningKey>>,
        others: Vec<PublicJwk>,
        refresh: RefreshKey,
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

    /// The key with a `kid`, in use or not.
    pub(crate) fn public(&self, kid: Option<&str>) -> impl Iterator<Item = &PublicJwk> {
        self.published.iter().filter(move |key| kid.is_none_or(|kid| key.kid() == Some(kid)))
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

/// A client's registered keys.
pub(crate) fn of_client(client: &mandate_core::model::Client) -> Option<Jwks> {
    Jwks::parse(client.settings.jwks.as_deref()?).ok()
}
