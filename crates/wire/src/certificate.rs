//! Client certificates: what a connection or a trusted proxy showed, and what stands in it.

mod der;
mod header;
mod read;

pub use header::{HeaderFault, certificate as from_header, chain as chain_from_header};
pub use read::read;

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::STANDARD, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;
use std::sync::Arc;

/// The certificate of a client whose possession of the key has been shown, to us or to a trusted proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    /// As it came.
    pub der: Arc<[u8]>,
    /// SHA-256 of it, base64url (RFC 8705 section 3.1).
    pub thumbprint: Arc<str>,
    /// Whether a configured authority vouches for it, now.
    pub chain_verified: bool,
}

/// The thumbprint of a certificate (RFC 8705 section 3.1).
pub fn thumbprint(der: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, der))
}

/// Thumbprints of the certificates in a client's key set: the first of each `x5c` (RFC 7517 section 4.7), which is the
/// key's own, and each `x5t#S256`.
pub fn published(jwks: &str) -> Vec<Box<str>> {
    let set: Value = serde_json::from_str(jwks).unwrap_or_default();
    let keys = set.get("keys").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let own = |key: &Value| {
        let text = key.get("x5c")?.get(0)?.as_str()?;
        STANDARD.decode(text).ok().map(|der| thumbprint(&der).into_boxed_str())
    };
    let named = |key: &Value| Some(key.get("x5t#S256")?.as_str()?.into());
    keys.iter().flat_map(|key| [own(key), named(key)]).flatten().collect()
}

#[cfg(test)]
mod tests;
