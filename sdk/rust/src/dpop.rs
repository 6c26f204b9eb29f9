//! Proofs of possession (RFC 9449).

use crate::secret::Secret;

/// The key of a session whose tokens are bound to one.
#[cfg(feature = "crypto")]
pub(crate) type Key = crate::jwk::SigningKey;

/// Without the feature `crypto` there are no keys.
#[cfg(not(feature = "crypto"))]
#[derive(Debug)]
pub(crate) enum Key {}

/// What one proof is about.
#[derive(Debug)]
#[cfg_attr(not(feature = "crypto"), expect(dead_code, reason = "nobody makes proofs"))]
pub(crate) struct About<'a> {
    pub(crate) method: &'a str,
    pub(crate) url: &'a url::Url,
    /// Seconds since 1970 by the issuer's clock.
    pub(crate) now: i64,
    pub(crate) jti: String,
    pub(crate) nonce: Option<String>,
    /// The token it goes with; none at the token endpoint.
    pub(crate) token: Option<&'a Secret>,
}

#[cfg(feature = "crypto")]
mod with {
    use super::{About, Key};
    use crate::encoding::base64url;
    use serde_json::{Map, Value as Json};
    use sha2::{Digest as _, Sha256};

    impl Key {
        /// A proof for one request (RFC 9449 section 4.2).
        pub(crate) fn proof(&self, about: &About<'_>) -> Option<String> {
            let mut claims = Map::new();
            let mut target = about.url.clone();
            target.set_query(None);
            target.set_fragment(None);
            claims.insert("jti".to_owned(), about.jti.clone().into());
            claims.insert("htm".to_owned(), about.method.into());
            claims.insert("htu".to_owned(), target.as_str().into());
            claims.insert("iat".to_owned(), about.now.into());
            if let Some(nonce) = &about.nonce {
                claims.insert("nonce".to_owned(), nonce.clone().into());
            }
            if let Some(token) = about.token {
                claims.insert("ath".to_owned(), base64url(&Sha256::digest(token.expose().as_bytes())).into());
            }
            let mut header = Map::new();
            header.insert("typ".to_owned(), "dpop+jwt".into());
            header.insert("jwk".to_owned(), self.public().clone());
            self.sign(header, &Json::Object(claims))
        }
        /// The key as the store keeps it.
        pub(crate) fn stored(&self) -> crate::secret::Secret {
            self.private().clone()
        }
        /// The key as the store kept it.
        pub(crate) fn restored(jwk: &str) -> Option<Self> {
            Self::read(jwk).ok()
        }
    }
}

#[cfg(not(feature = "crypto"))]
impl Key {
    pub(crate) fn generate() -> Option<Self> {
        None
    }
    pub(crate) fn proof(&self, _about: &About<'_>) -> Option<String> {
        match *self {}
    }
    pub(crate) fn stored(&self) -> Secret {
        match *self {}
    }
    pub(crate) fn restored(_jwk: &str) -> Option<Self> {
        None
    }
}
