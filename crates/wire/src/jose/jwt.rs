//! Signed claims (RFC 7519), and the proof that their signature was checked.

use super::alg::Alg;
use super::claims::Claims;
use super::jwk::PublicJwk;
use super::jwks::Jwks;
use super::jws::{Compact, Header, JwsFault};
use mandate_core::must;

/// A JWT that was taken apart and not yet believed.
#[derive(Debug)]
pub struct Jwt<'a> {
    compact: Compact<'a>,
    claims: Claims,
}

/// Claims whose signature was checked. Only [`Jwt::verify`] makes it, so no rule can be asked about others.
#[derive(Debug, Clone, Copy)]
pub struct Verified<'a> {
    header: &'a Header,
    claims: &'a Claims,
}

impl<'a> Verified<'a> {
    /// What the signer claims.
    pub fn claims(self) -> &'a Claims {
        self.claims
    }

    /// RFC 8725 section 3.11: a token that says what it is must be one of these kinds, so that one signed for another
    /// purpose is not taken. Without `typ` it passes; media types are compared as RFC 7515 section 4.1.9 says.
    pub fn may_be(self, kinds: &[&str]) -> bool {
        const PREFIX: &str = "application/";
        let Some(typ) = self.header.typ() else { return true };
        let short = match typ.split_at_checked(PREFIX.len()) {
            Some((prefix, rest)) if must!("rfc7515-4.1.9-prefix", prefix.eq_ignore_ascii_case(PREFIX)) => {
                rest
            }
            _ => typ,
        };
        let same =
            |kind: &str| must!("rfc7515-4.1.9-case", kind.eq_ignore_ascii_case(short)) || kind == short;
        kinds.iter().any(|kind| same(kind))
    }
}

impl<'a> Jwt<'a> {
    /// Takes the text apart. Nothing in it is believed yet.
    ///
    /// # Errors
    /// It is no compact JWS that we accept, or its payload is not one JSON object without repeated names.
    pub fn parse(text: &'a str) -> Result<Self, JwsFault> {
        let compact = Compact::parse(text)?;
        let claims = Claims::parse(compact.payload()).map_err(JwsFault::Claims)?;
        Ok(Self { compact, claims })
    }

    /// What the header says.
    pub fn header(&self) -> &Header {
        self.compact.header()
    }

    /// What it claims without proof: good for finding out whose key to try, and for nothing else.
    pub fn unverified(&self) -> &Claims {
        &self.claims
    }

    /// Checks the signature against one key.
    ///
    /// # Errors
    /// As [`Compact::verify`].
    pub fn verify(&self, key: &PublicJwk, allowed: &[Alg]) -> Result<Verified<'_>, JwsFault> {
        self.compact.verify(key, allowed).map(|()| Verified { header: self.header(), claims: &self.claims })
    }

    /// Checks the signature against those of the keys that have the header's name, in turn: the claims, for those who keep
    /// them longer than the text, and the key that vouches for them.
    pub fn claims_by<'k>(
        self,
        mut keys: impl Iterator<Item = &'k PublicJwk>,
        allowed: &[Alg],
    ) -> Option<(Claims, &'k PublicJwk)> {
        let key = keys.find(|key| {
            let named = self.header().kid().is_none_or(|kid| key.kid() == Some(kid));
            named && self.verify(key, allowed).is_ok()
        })?;
        Some((self.claims, key))
    }

    /// Checks the signature against those keys of a set that fit the header.
    ///
    /// # Errors
    /// The algorithm is not allowed, no key fits, or none of those that fit made the signature.
    pub fn verify_with(&self, keys: &Jwks, allowed: &[Alg]) -> Result<Verified<'_>, JwsFault> {
        let header = self.header();
        if !allowed.contains(&header.alg()) {
            return Err(JwsFault::Algorithm);
        }
        let mut fault = JwsFault::NoKey;
        for key in keys.candidates(header.kid(), header.alg()) {
            match self.verify(key, allowed) {
                Ok(verified) => return Ok(verified),
                Err(other) => fault = other,
            }
        }
        Err(fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::samples;
    use serde_json::{Value, json};

    #[test]
    fn rfc8725_3_11_kinds_are_not_confused() {
        let key = samples::key(Alg::EdDsa);
        let check = |header: Value, kinds: &[&str]| {
            let text = key.sign_under(&header, &json!({}));
            Jwt::parse(&text).unwrap().verify(key.public(), &[Alg::EdDsa]).unwrap().may_be(kinds)
        };
        let typ = |typ: &str| json!({"alg": "EdDSA", "typ": typ});
        assert!(check(json!({"alg": "EdDSA"}), &["JWT"]));
        assert!(check(typ("JWT"), &["jwt"]));
        assert!(check(typ("Application/oauth-authz-req+JWT"), &["jwt", "oauth-authz-req+jwt"]));
        assert!(!check(typ("dpop+jwt"), &["JWT"]));
        assert!(!check(typ("x/JWT"), &["JWT"]));
        assert!(!check(typ(""), &["JWT"]));
    }

    #[test]
    fn rfc7515_5_2_claims_are_given_away_only_if_a_key_made_the_signature() {
        let (ours, other) = (samples::key(Alg::EdDsa), samples::key(Alg::EdDsa));
        let text = ours.sign("JWT", &json!({"sub": "a"})).unwrap();
        let claims = |keys: &[&PublicJwk], allowed: &[Alg]| {
            let found = Jwt::parse(&text).unwrap().claims_by(keys.iter().copied(), allowed);
            found.map(|(claims, key)| (claims, key.clone()))
        };
        let (found, key) = claims(&[other.public(), ours.public()], &[Alg::EdDsa]).unwrap();
        assert_eq!((found.text("sub"), &key), (Ok(Some("a")), ours.public()));
        assert_eq!(claims(&[other.public()], &[Alg::EdDsa]).map(|_| ()), None);
        assert_eq!(claims(&[], &[Alg::EdDsa]).map(|_| ()), None);
        assert_eq!(claims(&[ours.public()], &[Alg::Es256]).map(|_| ()), None);
    }

    #[test]
    fn rfc7515_6_the_right_key_of_a_set_is_found() {
        let (ours, other) = (samples::key(Alg::EdDsa), samples::key(Alg::EdDsa));
        let set = |keys: &[&PublicJwk]| {
            let keys = keys.iter().map(|key| key.to_json()).collect::<Vec<_>>();
            Jwks::parse(&json!({ "keys": keys }).to_string()).unwrap()
        };
        let text = ours.sign("JWT", &json!({"a": 1})).unwrap();
        let jwt = Jwt::parse(&text).unwrap();
        let try_with =
            |keys: &[&PublicJwk], allowed: &[Alg]| jwt.verify_with(&set(keys), allowed).map(|_| ());
        // The name in the header is no key's, so every key that fits is tried.
        let unnamed = ours.public().clone().named("elsewhere".into());
        assert_eq!(try_with(&[other.public(), ours.public()], &[Alg::EdDsa]), Ok(()));
        assert_eq!(try_with(&[other.public(), &unnamed], &[Alg::EdDsa]), Ok(()));
        assert_eq!(try_with(&[other.public()], &[Alg::EdDsa]), Err(JwsFault::Signature));
        assert_eq!(try_with(&[], &[Alg::EdDsa]), Err(JwsFault::NoKey));
        assert_eq!(try_with(&[ours.public()], &[Alg::Es256]), Err(JwsFault::Algorithm));
        assert_eq!(try_with(&[], &[Alg::Es256]), Err(JwsFault::Algorithm));
    }
}
