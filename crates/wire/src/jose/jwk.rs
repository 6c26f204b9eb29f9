//! Public keys as JSON (RFC 7517, RFC 7518 section 6, RFC 8037 section 2), read strictly and parsed once.

use super::alg::Alg;
use super::jws::JwsFault;
use super::{point, strict};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256,
    RsaPublicKeyComponents,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use mandate_core::must;
use serde_json::{Map, Value};
use std::fmt;

/// Members that only a private or symmetric key has (RFC 7518 section 6, RFC 8037 section 2), and `priv` of AKP.
const PRIVATE: [&str; 9] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"];

/// Longest `kid` that is kept, in bytes.
const LONGEST_KID: usize = 256;

/// Why a key or a set of keys is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JwkFault {
    /// Not one JSON object without repeated names.
    #[error("the key: {0}")]
    Json(#[from] strict::JsonFault),
    /// A private or symmetric key stands where a public one belongs. Whoever sent it must replace it.
    #[error("it contains a private key: replace that key, it is no longer secret")]
    Private,
    /// `kty` or `crv` is none that we verify with.
    #[error("its key type or curve is not supported")]
    KeyType,
    /// A member is missing, of the wrong type, or not base64url without padding.
    #[error("its member `{0}` is missing or malformed")]
    Member(&'static str),
    /// `use`, `key_ops` or `alg` say that the key is for something else.
    #[error("its member `{0}` says that it is not for verifying signatures that we accept")]
    Purpose(&'static str),
    /// RSA keys have 2048 to 8192 bits and an odd exponent of at least 3 and at most 33 bits.
    #[error("its modulus or exponent is out of range")]
    Size,
    /// The coordinates are no point on the curve, or one that anybody can sign for.
    #[error("its coordinates are no usable point of the curve")]
    Point,
    /// The set is longer than 64 KiB.
    #[error("the key set is too long")]
    TooLong,
    /// The set has more than 50 keys.
    #[error("the key set has too many keys")]
    TooMany,
    /// Two keys of the set have one name.
    #[error("two keys have the same `kid`")]
    Repeated,
    /// No key of the set can be used.
    #[error("it holds no key for signatures that are accepted: P-256, Ed25519, or RSA of at least 2048 bits")]
    Useless,
    /// The set has no list `keys`.
    #[error("the key set has no list `keys`")]
    NoKeys,
}

#[derive(Clone)]
enum Kind {
    P256 { key: ParsedPublicKey, x: [u8; 32], y: [u8; 32] },
    Ed25519 { key: ParsedPublicKey, x: [u8; 32] },
    Rsa { pss: ParsedPublicKey, pkcs1: ParsedPublicKey, n: Box<[u8]>, e: Box<[u8]> },
}

/// A public key that verifies signatures: P-256, Ed25519 or RSA of 2048 to 8192 bits.
#[derive(Clone)]
pub struct PublicJwk {
    kind: Kind,
    kid: Option<String>,
    alg: Option<Alg>,
}

impl fmt::Debug for PublicJwk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicJwk({} {})", self.kty(), self.thumbprint())
    }
}

impl PartialEq for PublicJwk {
    /// The same key, whatever it is called.
    fn eq(&self, other: &Self) -> bool {
        self.required() == other.required()
    }
}
impl Eq for PublicJwk {}

impl PublicJwk {
    /// Reads a key from JSON text.
    ///
    /// # Errors
    /// As [`JwkFault`] says; a private key is one of them.
    pub fn parse(text: &str) -> Result<Self, JwkFault> {
        Self::from_members(&strict::object(text.as_bytes())?)
    }

    /// Reads a key from an object that was parsed already, such as the `jwk` of a header.
    ///
    /// # Errors
    /// As [`JwkFault`] says; a private key is one of them (RFC 9449 section 4.3, check 7).
    pub fn from_members(jwk: &Map<String, Value>) -> Result<Self, JwkFault> {
        if must!("rfc9449-4.3-private", PRIVATE.iter().any(|name| jwk.contains_key(*name))) {
            return Err(JwkFault::Private);
        }
        let name = text(jwk, "kid")?.filter(|name| !name.is_empty());
        if name.is_some_and(|name| name.len() > LONGEST_KID) {
            return Err(JwkFault::Member("kid"));
        }
        let required = |name| text(jwk, name)?.ok_or(JwkFault::Member(name));
        let kind = match required("kty")? {
            "EC" if required("crv")? == "P-256" => p256(coordinate(jwk, "x")?, coordinate(jwk, "y")?)?,
            "OKP" if required("crv")? == "Ed25519" => ed25519(coordinate(jwk, "x")?)?,
            "RSA" => rsa(&bytes(jwk, "n")?, &bytes(jwk, "e")?)?,
            _ => return Err(JwkFault::KeyType),
        };
        let mut key = Self { kind, kid: name.map(str::to_owned), alg: None };
        key.alg = key.purpose(jwk)?;
        Ok(key)
    }

    /// RFC 7517 sections 4.2 to 4.4: what the key says it is for must allow verifying. The algorithm, if it names one.
    fn purpose(&self, jwk: &Map<String, Value>) -> Result<Option<Alg>, JwkFault> {
        if must!("rfc7517-4.2-use", text(jwk, "use")?.is_some_and(|used| used != "sig")) {
            return Err(JwkFault::Purpose("use"));
        }
        let ops = jwk.get("key_ops");
        if must!("rfc7517-4.3-array", ops.is_some_and(|ops| !ops.is_array())) {
            return Err(JwkFault::Member("key_ops"));
        }
        let verifies = |ops: &Vec<Value>| ops.iter().any(|op| op == "verify");
        if must!("rfc7517-4.3-key-ops", ops.and_then(Value::as_array).is_some_and(|ops| !verifies(ops))) {
            return Err(JwkFault::Purpose("key_ops"));
        }
        let Some(name) = text(jwk, "alg")? else { return Ok(None) };
        let alg = Alg::parse(name).filter(|alg| self.fits(*alg));
        if must!("rfc8725-3.1-other-algorithm", alg.is_none()) {
            return Err(JwkFault::Purpose("alg"));
        }
        Ok(alg)
    }

    /// From what the crypto library says of a key pair of ours.
    pub(super) fn of_pair(alg: Alg, public: &[u8]) -> Option<Self> {
        let kind = match alg {
            Alg::Es256 => {
                let (x, y) = public.strip_prefix(&[4])?.split_at_checked(32)?;
                p256(x.try_into().ok()?, y.try_into().ok()?)
            }
            Alg::EdDsa => ed25519(public.try_into().ok()?),
            Alg::Ps256 | Alg::Rs256 => super::rsa_der::components(public).map(|(n, e)| rsa(n, e))?,
        };
        Some(Self { kind: kind.ok()?, kid: None, alg: Some(alg) })
    }

    /// The key's name, if it has one.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The same key under a name.
    #[must_use]
    pub fn named(mut self, kid: String) -> Self {
        self.kid = Some(kid);
        self
    }

    /// Whether signatures of this algorithm can be verified with this key: its type fits, and it names no other.
    pub fn fits(&self, alg: Alg) -> bool {
        let kind = match self.kind {
            Kind::P256 { .. } => alg == Alg::Es256,
            Kind::Ed25519 { .. } => alg == Alg::EdDsa,
            Kind::Rsa { .. } => matches!(alg, Alg::Ps256 | Alg::Rs256),
        };
        kind && !must!("rfc8725-3.1-one-algorithm", self.alg.is_some_and(|only| only != alg))
    }

    /// Whether the signature over these bytes is this key's (RFC 7518 section 3). Which algorithms may be used at all, the
    /// caller has asked before: see [`super::Compact::verify`], which ends here.
    ///
    /// # Errors
    /// The key is not for this algorithm, or the signature is not by this key.
    pub fn verify(&self, alg: Alg, signed: &[u8], signature: &[u8]) -> Result<(), JwsFault> {
        if !self.fits(alg) {
            return Err(JwsFault::NoKey);
        }
        let key = match (&self.kind, alg) {
            // RFC 7518 section 3.4: r and s with 32 bytes each, nothing else.
            (Kind::P256 { key, .. }, Alg::Es256) | (Kind::Ed25519 { key, .. }, Alg::EdDsa)
                if signature.len() == 64 =>
            {
                key
            }
            (Kind::Rsa { pss, .. }, Alg::Ps256) => pss,
            (Kind::Rsa { pkcs1, .. }, Alg::Rs256) => pkcs1,
            _ => return Err(JwsFault::Signature),
        };
        if must!("rfc7515-5.2-signature", key.verify_sig(signed, signature).is_err()) {
            return Err(JwsFault::Signature);
        }
        Ok(())
    }

    fn kty(&self) -> &'static str {
        match self.kind {
            Kind::P256 { .. } => "EC",
            Kind::Ed25519 { .. } => "OKP",
            Kind::Rsa { .. } => "RSA",
        }
    }

    /// The required members in the order of their names, as RFC 7638 section 3.2 wants them hashed. Nothing in them
    /// needs escaping.
    fn required(&self) -> String {
        let b64 = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match &self.kind {
            Kind::P256 { x, y, .. } => {
                format!(r#"{{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}}"#, b64(x), b64(y))
            }
            Kind::Ed25519 { x, .. } => format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, b64(x)),
            Kind::Rsa { n, e, .. } => format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, b64(e), b64(n)),
        }
    }

    /// The JWK SHA-256 thumbprint (RFC 7638): 43 characters of base64url.
    pub fn thumbprint(&self) -> String {
        URL_SAFE_NO_PAD.encode(digest(&SHA256, self.required().as_bytes()))
    }

    /// The key as it stands in a published set: its required members, `use`, and `kid` and `alg` where it has them.
    pub fn to_json(&self) -> Value {
        let mut jwk = strict::object(self.required().as_bytes()).unwrap_or_default();
        jwk.insert("use".into(), "sig".into());
        if let Some(kid) = &self.kid {
            jwk.insert("kid".into(), kid.as_str().into());
        }
        if let Some(alg) = self.alg {
            jwk.insert("alg".into(), alg.as_str().into());
        }
        Value::Object(jwk)
    }
}

fn p256(x: [u8; 32], y: [u8; 32]) -> Result<Kind, JwkFault> {
    let mut uncompressed = [4; 65];
    uncompressed[1..33].copy_from_slice(&x);
    uncompressed[33..].copy_from_slice(&y);
    let key = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, uncompressed).map_err(|_| JwkFault::Point)?;
    Ok(Kind::P256 { key, x, y })
}

fn ed25519(x: [u8; 32]) -> Result<Kind, JwkFault> {
    if must!("rfc8725-3.4-small-point", point::is_small(&x)) {
        return Err(JwkFault::Point);
    }
    let key = ParsedPublicKey::new(&ED25519, x).map_err(|_| JwkFault::Point)?;
    Ok(Kind::Ed25519 { key, x })
}

/// RFC 7518 section 6.3.1: big-endian numbers without leading zeros.
fn rsa(n: &[u8], e: &[u8]) -> Result<Kind, JwkFault> {
    let bits = |number: &[u8]| number.first().map_or(0, |b| number.len() * 8 - b.leading_zeros() as usize);
    let odd = |number: &[u8]| number.last().is_some_and(|b| b & 1 == 1);
    if must!("rfc7518-2-modulus", n.first() == Some(&0)) {
        return Err(JwkFault::Member("n"));
    }
    if must!("rfc7518-2-exponent", e.first() == Some(&0)) {
        return Err(JwkFault::Member("e"));
    }
    if must!("rfc7518-3.3-size", bits(n) < 2048) {
        return Err(JwkFault::Size);
    }
    if must!("rfc8725-3.4-exponent", !(2..=33).contains(&bits(e)) || !odd(e)) {
        return Err(JwkFault::Size);
    }
    if bits(n) > 8192 || !odd(n) {
        return Err(JwkFault::Size);
    }
    let parts = RsaPublicKeyComponents { n, e };
    let parsed = |parameters| parts.to_parsed_public_key(parameters).map_err(|_| JwkFault::Size);
    Ok(Kind::Rsa {
        pss: parsed(&RSA_PSS_2048_8192_SHA256)?,
        pkcs1: parsed(&RSA_PKCS1_2048_8192_SHA256)?,
        n: n.into(),
        e: e.into(),
    })
}

fn text<'a>(jwk: &'a Map<String, Value>, name: &'static str) -> Result<Option<&'a str>, JwkFault> {
    let Some(value) = jwk.get(name) else { return Ok(None) };
    if must!("rfc7517-4-text", !value.is_string()) {
        return Err(JwkFault::Member(name));
    }
    Ok(value.as_str())
}

fn bytes(jwk: &Map<String, Value>, name: &'static str) -> Result<Vec<u8>, JwkFault> {
    let text = text(jwk, name)?.ok_or(JwkFault::Member(name))?;
    URL_SAFE_NO_PAD.decode(text).map_err(|_| JwkFault::Member(name))
}

/// RFC 7518 section 6.2.1.2: the full length of a coordinate, leading zeros included.
fn coordinate(jwk: &Map<String, Value>, name: &'static str) -> Result<[u8; 32], JwkFault> {
    bytes(jwk, name)?.try_into().map_err(|_| JwkFault::Member(name))
}

#[cfg(test)]
mod tests;
