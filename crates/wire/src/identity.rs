//! The signed header in which the API behind the gate gets the caller's identity (SECURITY R20): a compact JWS
//! (RFC 7515) with HS256, so that any JWT library can check it. It binds principal, method, path, audience and 30 s.

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use mandate_core::Timestamp;
use serde::{Deserialize, Serialize};

/// The header's name.
pub const HEADER: &str = "mandate-identity";
/// Every header that the gate sets; a client's own are stripped.
pub const OURS: [&str; 8] = [
    HEADER,
    "mandate-account",
    "mandate-environment",
    "mandate-client",
    "mandate-grant",
    "mandate-partner",
    "mandate-scope",
    "mandate-request-id",
];
/// How long the API may accept it.
pub const LIFETIME_S: i64 = 30;

/// What the header says.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct Claims {
    /// The platform's issuer string.
    pub iss: String,
    /// The name of the API in the platform file.
    pub aud: String,
    /// The account, or the partner for a partner's own calls; empty on public routes.
    pub sub: String,
    /// `key`, `token`, `partner` or `none`.
    pub kind: String,
    /// The account's or host's environment.
    pub env: String,
    /// OAuth client, if a token was used.
    pub client: String,
    /// Grant, if a token was used.
    pub grant: String,
    /// Scopes of the token.
    pub scope: String,
    /// Method of the request.
    pub htm: String,
    /// Path and query of the request.
    pub htu: String,
    /// Made at, in seconds.
    pub iat: i64,
    /// Good until, in seconds.
    pub exp: i64,
}

/// Signs and checks the header for one platform.
pub struct IdentityKey(hmac::Key);

impl std::fmt::Debug for IdentityKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IdentityKey(…)")
    }
}

/// `{"alg":"HS256","typ":"JWT"}`
const HEAD: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9";

impl IdentityKey {
    /// From 32 bytes derived for this purpose and platform.
    pub fn new(key: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// The header's value.
    pub fn sign(&self, claims: &Claims) -> String {
        let payload = serde_json::to_vec(claims).unwrap_or_default();
        let mut out = String::with_capacity(HEAD.len() + payload.len() * 4 / 3 + 48);
        out.push_str(HEAD);
        out.push('.');
        URL_SAFE_NO_PAD.encode_string(&payload, &mut out);
        let tag = hmac::sign(&self.0, out.as_bytes());
        out.push('.');
        URL_SAFE_NO_PAD.encode_string(tag.as_ref(), &mut out);
        out
    }

    /// What a header says, if it is ours and still good. For APIs written in Rust, the sample one and tests.
    pub fn verify(&self, value: &str, now: Timestamp) -> Option<Claims> {
        let (signed, tag) = value.rsplit_once('.')?;
        let (head, payload) = signed.split_once('.')?;
        if head != HEAD {
            return None;
        }
        let tag = URL_SAFE_NO_PAD.decode(tag).ok()?;
        hmac::verify(&self.0, signed.as_bytes(), &tag).ok()?;
        let claims: Claims = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
        (now.seconds() < claims.exp && now.seconds() >= claims.iat - 5).then_some(claims)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r20_signed_identity_binds_and_ends() {
        let key = IdentityKey::new(&[1; 32]);
        let claims = Claims {
            iss: "https://i".into(),
            aud: "sample".into(),
            sub: "A1".into(),
            kind: "key".into(),
            env: "paper".into(),
            client: String::new(),
            grant: String::new(),
            scope: String::new(),
            htm: "GET".into(),
            htu: "/v2/account".into(),
            iat: 100,
            exp: 130,
        };
        let header = key.sign(&claims);
        let at = Timestamp::from_seconds;
        assert_eq!(key.verify(&header, at(129)), Some(claims));
        assert_eq!(key.verify(&header, at(130)), None);
        assert_eq!(IdentityKey::new(&[2; 32]).verify(&header, at(110)), None);
        let (head, rest) = header.split_once('.').unwrap();
        assert_eq!(key.verify(&format!("eyJhbGciOiJub25lIn0.{rest}"), at(110)), None);
        assert_eq!(head, HEAD);
    }
}
