//! Sets of public keys (RFC 7517 section 5), as clients register or publish them.

use super::alg::Alg;
use super::jwk::{JwkFault, PublicJwk};
use super::strict;
use mandate_core::must;
use serde_json::Value;

/// Longest document that is read, in bytes.
const LONGEST_SET: usize = 64 * 1024;
/// Most keys that a set may have.
const MOST_KEYS: usize = 50;

/// The keys of a set that we can verify with.
#[derive(Debug, Clone, Default)]
pub struct Jwks {
    keys: Vec<PublicJwk>,
    skipped: usize,
    /// One of them for its size.
    weak: bool,
}

impl Jwks {
    /// Reads a set. Keys for other purposes, of other types or sizes are skipped (RFC 7517 section 5); a malformed one
    /// is an error, so that its owner hears of it.
    ///
    /// # Errors
    /// The set or one of its keys is malformed, too long, or contains a private key.
    pub fn parse(text: &str) -> Result<Self, JwkFault> {
        if text.len() > LONGEST_SET {
            return Err(JwkFault::TooLong);
        }
        let set = strict::object(text.as_bytes())?;
        let Some(Value::Array(list)) = set.get("keys") else { return Err(JwkFault::NoKeys) };
        if list.len() > MOST_KEYS {
            return Err(JwkFault::TooMany);
        }
        let mut jwks = Self::default();
        for key in list {
            let members = key.as_object().ok_or(JwkFault::Json(strict::JsonFault::NotAnObject))?;
            match PublicJwk::from_members(members) {
                Ok(key) => jwks.keys.push(key),
                Err(fault @ (JwkFault::KeyType | JwkFault::Purpose(_) | JwkFault::Size))
                    if must!("rfc7517-5-unknown") =>
                {
                    jwks.skipped += 1;
                    jwks.weak |= fault == JwkFault::Size;
                }
                Err(fault) => return Err(fault),
            }
        }
        Ok(jwks)
    }

    /// Reads a set that a client registers: what [`Self::parse`] passes over in silence for a key's size is an error here,
    /// and so are keys of one name, and a set without a key for any of the algorithms.
    ///
    /// # Errors
    /// It is not to be registered.
    pub fn register(text: &str, allowed: &[Alg]) -> Result<Self, JwkFault> {
        let jwks = Self::parse(text)?;
        if must!("rfc7518-3.3-registered", jwks.weak) {
            return Err(JwkFault::Size);
        }
        let mut names: Vec<&str> = jwks.keys.iter().filter_map(PublicJwk::kid).collect();
        names.sort_unstable();
        if must!("rfc7517-4.5-distinct", names.windows(2).any(|pair| pair[0] == pair[1])) {
            return Err(JwkFault::Repeated);
        }
        if !jwks.keys.iter().any(|key| allowed.iter().any(|alg| key.fits(*alg))) {
            return Err(JwkFault::Useless);
        }
        Ok(jwks)
    }

    /// The keys that a signature with this header may be of: those named `kid` if there are such, else all; of them,
    /// those that fit the algorithm.
    pub fn candidates(&self, kid: Option<&str>, alg: Alg) -> impl Iterator<Item = &PublicJwk> {
        let named = kid.filter(|kid| self.has(kid));
        self.keys.iter().filter(move |key| (named.is_none() || key.kid() == named) && key.fits(alg))
    }

    /// Whether a key has this name: if not, the owner may have published a new one since.
    pub fn has(&self, kid: &str) -> bool {
        self.keys.iter().any(|key| key.kid() == Some(kid))
    }

    /// The keys that can be used.
    pub fn keys(&self) -> &[PublicJwk] {
        &self.keys
    }

    /// How many keys of the set cannot be used here.
    pub fn skipped(&self) -> usize {
        self.skipped
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::samples;
    use serde_json::json;

    fn set(keys: &[Value]) -> Result<Jwks, JwkFault> {
        Jwks::parse(&json!({ "keys": keys }).to_string())
    }

    fn ed(kid: &str) -> Value {
        let mut jwk = samples::vectors("thumbprints")[1]["jwk"].clone();
        jwk["kid"] = kid.into();
        jwk
    }

    #[test]
    fn rfc7517_5_unknown_keys_are_skipped_and_malformed_ones_are_not() {
        let mut small = samples::vectors("thumbprints")[0]["jwk"].clone();
        small["n"] = "_w".into();
        let mut enc = ed("e");
        enc["use"] = "enc".into();
        let jwks = set(&[ed("a"), json!({"kty":"AKP","pub":"x"}), small, enc]).unwrap();
        assert_eq!((jwks.keys().len(), jwks.skipped()), (1, 3));
        assert_eq!(
            set(&[ed("a"), json!({"kty":"OKP","crv":"Ed25519","x":"AA"})]).unwrap_err(),
            JwkFault::Member("x")
        );
        assert_eq!(set(&[ed("a"), json!({"kty":"oct","k":"AA"})]).unwrap_err(), JwkFault::Private);
        assert!(set(&[json!("a")]).is_err());
        assert_eq!(Jwks::parse("{}").unwrap_err(), JwkFault::NoKeys);
        assert_eq!(
            Jwks::parse(r#"{"keys":[],"keys":[]}"#).unwrap_err(),
            JwkFault::Json(strict::JsonFault::Repeated)
        );
    }

    #[test]
    fn rfc7591_2_what_cannot_be_used_is_not_registered() {
        let all = [Alg::Es256, Alg::EdDsa, Alg::Ps256, Alg::Rs256];
        let register = |keys: &[Value], allowed: &[Alg]| {
            Jwks::register(&json!({ "keys": keys }).to_string(), allowed).map(|_| ())
        };
        assert_eq!(register(&[ed("a"), ed("b")], &all), Ok(()));
        assert_eq!(register(&[ed("a"), json!({"kty":"AKP","pub":"x"})], &all), Ok(()), "a kind of tomorrow");
        assert_eq!(register(&[ed("a"), ed("a")], &all), Err(JwkFault::Repeated));
        assert_eq!(register(&[], &all), Err(JwkFault::Useless));
        assert_eq!(register(&[json!({"kty":"AKP","pub":"x"})], &all), Err(JwkFault::Useless));
        assert_eq!(register(&[ed("a")], &[Alg::Es256, Alg::Ps256]), Err(JwkFault::Useless));
        let mut small = samples::vectors("thumbprints")[0]["jwk"].clone();
        small["n"] = "_w".into();
        assert_eq!(register(&[ed("a"), small], &all), Err(JwkFault::Size));
        let mut private = ed("a");
        private["d"] = "AA".into();
        assert_eq!(register(&[private], &all), Err(JwkFault::Private));
    }

    #[test]
    fn rfc7517_5_bounds() {
        assert_eq!(set(&vec![ed("a"); 51]).unwrap_err(), JwkFault::TooMany);
        assert_eq!(set(&vec![ed("a"); 50]).unwrap().keys().len(), 50);
        let long = format!("{}{}", json!({"keys": []}), " ".repeat(LONGEST_SET));
        assert_eq!(Jwks::parse(&long).unwrap_err(), JwkFault::TooLong);
    }

    #[test]
    fn rfc7515_6_candidates_by_name_else_by_algorithm() {
        let mut ec = samples::vectors("thumbprints")[2]["jwk"].clone();
        ec["kid"] = "c".into();
        let jwks = set(&[ed("a"), ed("b"), ec]).unwrap();
        let names = |kid, alg| jwks.candidates(kid, alg).filter_map(PublicJwk::kid).collect::<Vec<_>>();
        assert_eq!(names(Some("b"), Alg::EdDsa), ["b"]);
        assert_eq!(names(None, Alg::EdDsa), ["a", "b"]);
        assert_eq!(names(Some("new"), Alg::EdDsa), ["a", "b"]);
        assert_eq!(names(Some("c"), Alg::Es256), ["c"]);
        assert!(names(Some("c"), Alg::EdDsa).is_empty());
        assert!(names(None, Alg::Ps256).is_empty());
    }
}
