//! Keys, vectors and hand-made tokens for the tests of this folder.

use super::{Alg, Jwt, SigningKey};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;

/// One list of the published examples.
pub(super) fn vectors(section: &str) -> Vec<Value> {
    let all: Value = serde_json::from_str(include_str!("../../tests/vectors/rfc-examples.json")).unwrap();
    all[section].as_array().unwrap().clone()
}

/// A fresh key.
pub(super) fn key(alg: Alg) -> SigningKey {
    SigningKey::from_pkcs8(alg, &SigningKey::generate(alg).unwrap(), None).unwrap()
}

/// A compact form of any header, payload and signature.
pub(super) fn compact(header: &Value, payload: &Value, signature: &[u8]) -> String {
    let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    format!(
        "{}.{}.{}",
        part(header.to_string().as_bytes()),
        part(payload.to_string().as_bytes()),
        part(signature)
    )
}

/// Signs claims with a fresh key and gives them verified to a rule.
pub(super) fn verified<T>(claims: &Value, rule: impl FnOnce(super::Verified<'_>) -> T) -> T {
    verified_as("JWT", claims, rule)
}

/// The same under another `typ`.
pub(super) fn verified_as<T>(typ: &str, claims: &Value, rule: impl FnOnce(super::Verified<'_>) -> T) -> T {
    let key = key(Alg::EdDsa);
    let text = key.sign(typ, claims).unwrap();
    let jwt = Jwt::parse(&text).unwrap();
    rule(jwt.verify(key.public(), &[Alg::EdDsa]).unwrap())
}

/// The claims with some of them replaced, or taken out where the new value is null.
pub(super) fn change(claims: &Value, changes: &Value) -> Value {
    let mut claims = claims.clone();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value.clone();
        }
    }
    claims
}
