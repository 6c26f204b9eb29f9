//! `DPoP` proofs (RFC 9449 sections 4.2 and 4.3): that the caller of this very request holds the key.

use super::alg::Alg;
use super::claims::{ClaimFault, Claims};
use super::jwk::{JwkFault, PublicJwk};
use super::jws::JwsFault;
use super::jwt::Jwt;
use super::nonce::Nonces;
use super::{LONGEST_JTI, target};
use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use mandate_core::{Digest, Timestamp, must};
use std::fmt;

/// The `typ` of a proof.
const TYPE: &str = "dpop+jwt";

/// The request that a proof must be for. Debug does not show the access token (SECURITY R4).
#[derive(Clone, Copy)]
pub struct DpopRule<'a> {
    /// The request's method.
    pub method: &'a str,
    /// The request's URI as the client sees it; a query or fragment is ignored.
    pub url: &'a str,
    /// The access token that comes with it; the proof must then be bound to it.
    pub access_token: Option<&'a str>,
    /// Where the proof's nonce must be from, if it must have one.
    pub nonces: Option<&'a Nonces>,
    /// The algorithms that may be used.
    pub algs: &'a [Alg],
    /// The time.
    pub now: Timestamp,
    /// How old a proof may be, in seconds.
    pub max_age_s: i64,
    /// How far in the future `iat` may lie, in seconds; [`super::LEEWAY_S`] unless there is a reason.
    pub leeway_s: i64,
}

/// A proof for this request, good once: its `jti` must still be marked under the thumbprint (SECURITY R16).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedProof {
    /// The key's thumbprint (`jkt`, RFC 9449 section 6.1).
    pub thumbprint: String,
    /// What to mark.
    pub jti_digest: Digest,
    /// Until when it would be accepted again if there were no mark.
    pub ends_at: Timestamp,
}

/// What is wrong with a proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DpopFault {
    /// It is no signed JWT of an allowed algorithm, or its signature does not verify.
    #[error("{0}")]
    Jws(#[from] JwsFault),
    /// `typ` is not `dpop+jwt`.
    #[error("its `typ` is not `dpop+jwt`")]
    Type,
    /// The header has no `jwk`.
    #[error("its header has no `jwk`")]
    KeyMissing,
    /// The header's `jwk` is not a public key that we verify with.
    #[error("{0}")]
    Key(#[from] JwkFault),
    /// A claim has the wrong type.
    #[error("{0}")]
    Claim(#[from] ClaimFault),
    /// A claim that every proof has is missing or empty.
    #[error("the claim `{0}` is missing")]
    Missing(&'static str),
    /// `htm` is another method.
    #[error("`htm` is not this request's method")]
    Method,
    /// `htu` is another target.
    #[error("`htu` is not this request's URI")]
    Target,
    /// A nonce is wanted and there is none: answer `use_dpop_nonce` with one (RFC 9449 sections 8 and 9).
    #[error("it has no nonce, and one of ours is wanted")]
    NonceMissing,
    /// The nonce is not ours or too old: answer `use_dpop_nonce` with a new one.
    #[error("its nonce is not ours or too old")]
    NonceUnknown,
    /// `iat` is too long ago.
    #[error("`iat` is too long ago")]
    TooOld,
    /// `iat` is in the future.
    #[error("`iat` is in the future")]
    IssuedLater,
    /// It has an `exp`, which no proof needs, and that has passed.
    #[error("`exp` has passed")]
    Expired,
    /// It has an `nbf`, which no proof needs, and that is in the future.
    #[error("`nbf` is in the future")]
    NotYet,
    /// `ath` is of another access token.
    #[error("`ath` is not of the access token that came with it")]
    Token,
    /// `jti` is too long.
    #[error("`jti` is longer than 256 bytes")]
    JtiTooLong,
}

impl DpopFault {
    /// Whether the answer is `use_dpop_nonce` rather than `invalid_dpop_proof`.
    pub const fn wants_nonce(self) -> bool {
        matches!(self, Self::NonceMissing | Self::NonceUnknown)
    }
}

impl fmt::Debug for DpopRule<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DpopRule")
            .field("method", &self.method)
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}

impl DpopRule<'_> {
    /// RFC 9449 section 4.3, its list in its order, for the value of the `DPoP` header, of which the caller found
    /// exactly one (check 1). Pure: no store, no clock.
    ///
    /// # Errors
    /// As [`DpopFault`] says.
    pub fn check(&self, header_value: &str) -> Result<AcceptedProof, DpopFault> {
        // 2: "a single and well-formed JWT"; 5: an asymmetric algorithm, since we know no others.
        let proof = Jwt::parse(header_value)?;
        // 4: "typ".
        if must!("rfc9449-4.3-typ", proof.header().typ() != Some(TYPE)) {
            return Err(DpopFault::Type);
        }
        // 7: "does not contain a private key", before anything is done with it.
        let key = PublicJwk::from_members(proof.header().jwk().ok_or(DpopFault::KeyMissing)?)?;
        // 5, 6: the algorithm is allowed and "the JWT signature verifies with the public key contained".
        let claims = proof.verify(&key, self.algs)?.claims();
        // 3: "all required claims per section 4.2".
        let jti = required(claims, "jti")?;
        if jti.len() > LONGEST_JTI {
            return Err(DpopFault::JtiTooLong);
        }
        // 8: "htm".
        if must!("rfc9449-4.3-htm", required(claims, "htm")? != self.method) {
            return Err(DpopFault::Method);
        }
        // 9: "htu", "ignoring any query and fragment parts".
        if must!("rfc9449-4.3-htu", !target::same(required(claims, "htu")?, self.url)) {
            return Err(DpopFault::Target);
        }
        // 10: "if the server provided a nonce value to the client, the nonce claim matches".
        let nonce = claims.text("nonce")?;
        if let Some(nonces) = self.nonces {
            let nonce = nonce.ok_or(DpopFault::NonceMissing)?;
            if must!("rfc9449-4.3-nonce", !nonces.accepts(nonce, self.now)) {
                return Err(DpopFault::NonceUnknown);
            }
        }
        // 11: "within an acceptable window".
        let ends_at = window(claims, self)?;
        // 12: "ath" is the hash of the access token that came with it, and "cnf" is for the caller to compare.
        if let Some(token) = self.access_token
            && must!("rfc9449-4.3-ath", required(claims, "ath")? != ath(token))
        {
            return Err(DpopFault::Token);
        }
        Ok(AcceptedProof { thumbprint: key.thumbprint(), jti_digest: Digest::of(jti.as_bytes()), ends_at })
    }
}

/// Checks `iat`, and `exp` and `nbf` where a client sends them (RFC 7519 section 4.1.4 lets nobody ignore them).
fn window(claims: &Claims, rule: &DpopRule<'_>) -> Result<Timestamp, DpopFault> {
    let latest = rule.now.plus_seconds(rule.leeway_s);
    let issued_at = claims.seconds("iat")?;
    if must!("rfc9449-4.3-iat-present", issued_at.is_none()) {
        return Err(DpopFault::Missing("iat"));
    }
    let issued_at = issued_at.unwrap_or(rule.now);
    if must!("rfc9449-4.3-iat-ahead", issued_at > latest) {
        return Err(DpopFault::IssuedLater);
    }
    let ends_at = issued_at.plus_seconds(rule.max_age_s);
    if must!("rfc9449-11.1-iat-old", rule.now >= ends_at) {
        return Err(DpopFault::TooOld);
    }
    if must!("rfc7519-4.1.4-proof", claims.seconds("exp")?.is_some_and(|exp| rule.now >= exp)) {
        return Err(DpopFault::Expired);
    }
    if must!("rfc7519-4.1.5-proof", claims.seconds("nbf")?.is_some_and(|nbf| nbf > latest)) {
        return Err(DpopFault::NotYet);
    }
    Ok(ends_at)
}

fn required<'a>(claims: &'a Claims, name: &'static str) -> Result<&'a str, DpopFault> {
    let text = claims.text(name)?.unwrap_or_default();
    if must!("rfc9449-4.3-claims", text.is_empty()) {
        return Err(DpopFault::Missing(name));
    }
    Ok(text)
}

/// RFC 9449 section 4.2: "base64url-encoded SHA-256 hash of the ASCII encoding of the access token's value".
fn ath(token: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, token.as_bytes()))
}

#[cfg(test)]
mod tests;
