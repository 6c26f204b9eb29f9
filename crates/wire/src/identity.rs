//! The signed header in which the API behind the gate gets the caller's identity (SECURITY R20): a compact JWS
//! (RFC 7515) with HS256, so that any JWT library can check it. It binds principal, method, path, audience and 30 s.

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use mandate_core::{ScopeSet, Timestamp};
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
#[derive(Debug, Clone, Default, Serialize, Deserialize, PartialEq, Eq)]
pub struct Claims {
    /// The platform's issuer string.
    pub iss: String,
    /// The name of the API in the platform file.
    pub aud: String,
    /// The account, or the partner for a partner's own calls; empty on public routes.
    pub sub: String,
    /// `key`, `token`, `partner`, or `client` for one that acts for itself.
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

/// What is to be said, where it stands; the fields are those of [`Claims`].
#[derive(Debug, Clone, Copy)]
pub struct Said<'a> {
    /// The platform's issuer string.
    pub iss: &'a str,
    /// The name of the API in the platform file.
    pub aud: &'a str,
    /// The account or partner.
    pub sub: &'a str,
    /// `key`, `token`, `partner` or `none`.
    pub kind: &'a str,
    /// The account's or host's environment.
    pub env: &'a str,
    /// OAuth client, if a token was used.
    pub client: &'a str,
    /// Grant, if a token was used.
    pub grant: &'a str,
    /// Scopes of the token.
    pub scope: Option<&'a ScopeSet>,
    /// Method of the request.
    pub htm: &'a str,
    /// Path and query of the request.
    pub htu: &'a str,
    /// Made at.
    pub at: Timestamp,
}

impl Said<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        let mut open = &b"{\""[..];
        for (name, value) in [
            ("iss", self.iss),
            ("aud", self.aud),
            ("sub", self.sub),
            ("kind", self.kind),
            ("env", self.env),
            ("client", self.client),
            ("grant", self.grant),
            ("htm", self.htm),
            ("htu", self.htu),
        ] {
            out.extend_from_slice(open);
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b"\":\"");
            text(out, value);
            open = b"\",\"";
        }
        out.extend_from_slice(b"\",\"scope\":\"");
        for (i, scope) in self.scope.into_iter().flatten().enumerate() {
            if i > 0 {
                out.push(b' ');
            }
            text(out, scope.as_str());
        }
        let iat = self.at.seconds();
        out.extend_from_slice(b"\",\"iat\":");
        number(out, iat);
        out.extend_from_slice(b",\"exp\":");
        number(out, iat + LIFETIME_S);
        out.push(b'}');
    }
}

/// A time in seconds; there are none before 1970.
fn number(out: &mut Vec<u8>, seconds: i64) {
    let mut left = u64::try_from(seconds).unwrap_or(0);
    let (mut digits, mut at) = ([0; 20], 20);
    loop {
        at -= 1;
        digits[at] = b"0123456789"[usize::try_from(left % 10).unwrap_or(0)];
        left /= 10;
        if left == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// The inside of a JSON string.
fn text(out: &mut Vec<u8>, text: &str) {
    // Without a way out of the loop, so that it looks at many bytes at once.
    if text.bytes().all(|b| b >= b' ' && b != b'"' && b != b'\\') {
        out.extend_from_slice(text.as_bytes());
    } else {
        let quoted = serde_json::Value::from(text).to_string();
        out.extend_from_slice(&quoted.as_bytes()[1..quoted.len() - 1]);
    }
}

/// The base64url encoder with the processor's own instructions, where there are such.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
type Base64 = base64::engine::Simd;
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
type Base64 = base64::engine::GeneralPurpose;

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
fn base64url() -> Base64 {
    Base64::url_safe(base64::engine::general_purpose::NO_PAD)
}
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn base64url() -> Base64 {
    URL_SAFE_NO_PAD
}

/// Signs and checks the header for one platform.
pub struct IdentityKey {
    key: hmac::Key,
    base64: Base64,
}

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
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, key), base64: base64url() }
    }

    /// Writes the header's value.
    pub fn sign_into(&self, out: &mut Vec<u8>, said: &Said<'_>) {
        let mut payload = Vec::with_capacity(512);
        said.write(&mut payload);
        self.sign_payload(out, &payload);
    }

    /// The header's value, for tests of APIs.
    pub fn sign(&self, claims: &Claims) -> String {
        let mut out = Vec::new();
        self.sign_payload(&mut out, &serde_json::to_vec(claims).unwrap_or_default());
        String::from_utf8(out).unwrap_or_default()
    }

    fn sign_payload(&self, out: &mut Vec<u8>, payload: &[u8]) {
        let start = out.len();
        out.extend_from_slice(HEAD.as_bytes());
        self.encode(out, payload);
        let tag = hmac::sign(&self.key, &out[start..]);
        self.encode(out, tag.as_ref());
    }

    /// Appends a full stop and the bytes in base64url.
    fn encode(&self, out: &mut Vec<u8>, bytes: &[u8]) {
        out.push(b'.');
        let start = out.len();
        out.resize(start + bytes.len().div_ceil(3) * 4, 0);
        // The room is always enough.
        let written = self.base64.encode_slice(bytes, &mut out[start..]).unwrap_or(0);
        out.truncate(start + written);
    }

    /// What a header says, if it is ours and still good. For APIs written in Rust, the sample one and tests.
    pub fn verify(&self, value: &str, now: Timestamp) -> Option<Claims> {
        let (signed, tag) = value.rsplit_once('.')?;
        let (head, payload) = signed.split_once('.')?;
        if head != HEAD {
            return None;
        }
        let tag = URL_SAFE_NO_PAD.decode(tag).ok()?;
        hmac::verify(&self.key, signed.as_bytes(), &tag).ok()?;
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

    #[test]
    fn r20_what_is_said_is_what_is_read() {
        let key = IdentityKey::new(&[1; 32]);
        let scopes = ScopeSet::parse("trading data").unwrap();
        let said = Said {
            iss: "https://i",
            aud: "sample",
            sub: "A\"1\\\n\u{e4}",
            kind: "token",
            env: "paper",
            client: "app",
            grant: "",
            scope: Some(&scopes),
            htm: "GET",
            htu: "/v2/orders?a=\"",
            at: Timestamp::from_millis(100_999),
        };
        let mut header = b"mandate-identity: ".to_vec();
        key.sign_into(&mut header, &said);
        let header = String::from_utf8(header).unwrap();
        let claims = key.verify(&header["mandate-identity: ".len()..], Timestamp::from_seconds(129)).unwrap();
        assert_eq!((claims.sub.as_str(), claims.scope.as_str()), (said.sub, "data trading"));
        assert_eq!((claims.htm.as_str(), claims.htu.as_str()), (said.htm, said.htu));
        assert_eq!((claims.iat, claims.exp), (100, 130));
        let again = key.sign(&claims);
        assert_eq!(key.verify(&again, Timestamp::from_seconds(100)), Some(claims));
    }
}
