//! Signed JSON: the JWS layer (RFC 7515, 7517, 7518, 7519) and the claims rules of what clients sign: assertions
//! (RFC 7523), `DPoP` proofs (RFC 9449) and request objects (RFC 9101).
//!
//! A rule takes [`Verified`] claims, and only a checked signature makes those; each rule refuses a `typ` of another
//! kind. The algorithms that may be used are always the caller's argument, never the token's choice. Nothing is
//! fetched: `jku` and `x5u` are not read.

mod alg;
mod assertion;
mod claims;
mod dpop;
mod jwk;
mod jwks;
mod jws;
mod jwt;
mod nonce;
mod point;
mod request_object;
mod rsa_der;
mod signer;
pub(crate) mod strict;
mod target;

pub use alg::Alg;
pub use assertion::{AcceptedAssertion, AssertionFault, AssertionRule, Audience};
pub use claims::{ClaimFault, Claims, OneOrMany};
pub use dpop::{AcceptedProof, DpopFault, DpopRule};
pub use jwk::{JwkFault, PublicJwk};
pub use jwks::Jwks;
pub use jws::{Compact, Header, JwsFault, LONGEST_JWS};
pub use jwt::{Jwt, Verified};
pub use nonce::Nonces;
pub use request_object::{RequestFault, RequestRule};
pub use signer::{SignFault, SigningKey};
pub use strict::JsonFault;

/// How far ahead of ours a client's clock may run, in seconds: FAPI 2.0 SP 5.3.2.1 wants 10 accepted and 60 refused.
pub const LEEWAY_S: i64 = 10;
/// Longest `jti` that is looked at, in bytes.
pub const LONGEST_JTI: usize = 256;

#[cfg(test)]
mod samples;
