//! The compact form of a signature (RFC 7515 section 3.1): taken apart, bounded, and checked against a key that the
//! caller chose.

use super::alg::Alg;
use super::jwk::PublicJwk;
use super::strict::{self, JsonFault};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use mandate_core::must;
use serde_json::{Map, Value};
use std::fmt;

/// Longest compact form that is looked at, in bytes.
pub const LONGEST_JWS: usize = 16 * 1024;

/// Why a compact form is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JwsFault {
    /// Longer than [`LONGEST_JWS`].
    #[error("it is longer than 16 KiB")]
    TooLong,
    /// Not three parts of base64url without padding.
    #[error("it is not three parts of base64url")]
    Form,
    /// The header is no object, or a name stands twice in it.
    #[error("its header: {0}")]
    Header(JsonFault),
    /// A member of the header is missing or has the wrong type.
    #[error("its header's `{0}` is missing or malformed")]
    Member(&'static str),
    /// `crit`: we understand no extension (RFC 7515 section 4.1.11).
    #[error("its header names critical extensions, and none is known here")]
    Critical,
    /// The algorithm is none that we know, or none that is allowed here.
    #[error("its algorithm is not allowed here")]
    Algorithm,
    /// The payload is no object, or a name stands twice in it.
    #[error("its claims: {0}")]
    Claims(JsonFault),
    /// No key was given that fits the header.
    #[error("no key fits it")]
    NoKey,
    /// The signature is not by that key.
    #[error("its signature does not verify")]
    Signature,
}

/// The protected header. Members that are not here are ignored; `jku` and `x5u` are never fetched.
#[derive(Clone)]
pub struct Header {
    alg: Alg,
    members: Map<String, Value>,
}

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Header").field("alg", &self.alg).finish_non_exhaustive()
    }
}

impl Header {
    fn parse(bytes: &[u8]) -> Result<Self, JwsFault> {
        let members = strict::object(bytes).map_err(JwsFault::Header)?;
        if must!("rfc7515-4.1.11-crit", members.contains_key("crit")) {
            return Err(JwsFault::Critical);
        }
        let alg = text(&members, "alg")?.ok_or(JwsFault::Member("alg"))?;
        let alg = Alg::parse(alg).ok_or(JwsFault::Algorithm)?;
        let is_other = |name, is_right: fn(&Value) -> bool| members.get(name).is_some_and(|v| !is_right(v));
        if must!("rfc7515-4.1.4-kid", is_other("kid", Value::is_string)) {
            return Err(JwsFault::Member("kid"));
        }
        if must!("rfc7515-5.2-typ", is_other("typ", Value::is_string)) {
            return Err(JwsFault::Member("typ"));
        }
        if must!("rfc7515-5.2-jwk", is_other("jwk", Value::is_object)) {
            return Err(JwsFault::Member("jwk"));
        }
        Ok(Self { alg, members })
    }

    /// The algorithm that the signer says it used.
    pub fn alg(&self) -> Alg {
        self.alg
    }

    /// The name of the key.
    pub fn kid(&self) -> Option<&str> {
        self.members.get("kid").and_then(Value::as_str)
    }

    /// The kind of token.
    pub fn typ(&self) -> Option<&str> {
        self.members.get("typ").and_then(Value::as_str)
    }

    /// The key itself. Proves nothing but possession: use it for `DPoP` proofs only.
    pub fn jwk(&self) -> Option<&Map<String, Value>> {
        self.members.get("jwk").and_then(Value::as_object)
    }
}

fn text<'a>(members: &'a Map<String, Value>, name: &'static str) -> Result<Option<&'a str>, JwsFault> {
    members.get(name).map(|value| value.as_str().ok_or(JwsFault::Member(name))).transpose()
}

/// A signed text that was taken apart and not yet believed.
pub struct Compact<'a> {
    signed: &'a str,
    header: Header,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

impl fmt::Debug for Compact<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compact").field("header", &self.header).finish_non_exhaustive()
    }
}

impl<'a> Compact<'a> {
    /// Takes the text apart. Nothing in it is believed yet.
    ///
    /// # Errors
    /// It is too long, has not three parts, or its header is malformed, critical or names an unknown algorithm.
    pub fn parse(text: &'a str) -> Result<Self, JwsFault> {
        if text.len() > LONGEST_JWS {
            return Err(JwsFault::TooLong);
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(JwsFault::Form)?;
        let (header, payload) = signed.split_once('.').ok_or(JwsFault::Form)?;
        // A fourth part, as of an encrypted token, is a dot in the payload, which is not base64url.
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| JwsFault::Form);
        let header = Header::parse(&decode(header)?)?;
        Ok(Self { signed, header, payload: decode(payload)?, signature: decode(signature)? })
    }

    /// What the header says.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The payload's bytes, which nobody vouches for until [`Compact::verify`] was called.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// RFC 7515 section 5.2 with a key that the caller trusts and the algorithms that it allows.
    ///
    /// # Errors
    /// The algorithm is not allowed, the key is not for it, or the signature is not by that key.
    pub fn verify(&self, key: &PublicJwk, allowed: &[Alg]) -> Result<(), JwsFault> {
        if must!("rfc8725-3.1-allowed", !allowed.contains(&self.header.alg)) {
            return Err(JwsFault::Algorithm);
        }
        key.verify(self.header.alg, self.signed.as_bytes(), &self.signature)
    }
}

#[cfg(test)]
mod tests;
