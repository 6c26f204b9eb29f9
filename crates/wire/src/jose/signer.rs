//! Keys of ours that sign: parsed once, used many times, never printed (SECURITY R1, R4).

use super::alg::Alg;
use super::jwk::PublicJwk;
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RSA_PSS_SHA256, RsaKeyPair,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use mandate_core::must;
use serde::Serialize;
use std::fmt;
use zeroize::Zeroizing;

/// Why there is no key or no signature. The library does not say more, and more would not help a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignFault {
    /// The bytes are no private key for that algorithm.
    #[error("the bytes are no private key for that algorithm")]
    Key,
    /// The claims do not serialize to JSON.
    #[error("the claims do not serialize to JSON")]
    Claims,
    /// The crypto library failed.
    #[error("the crypto library failed")]
    Library,
}

enum Pair {
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair),
}

/// A private key under its name.
pub struct SigningKey {
    pair: Pair,
    alg: Alg,
    public: PublicJwk,
    /// `{"alg":"…","kid":"…","typ":`
    head: String,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({} {} …)", self.alg.as_str(), self.kid())
    }
}

impl SigningKey {
    /// A new private key as PKCS#8, to be wrapped before it is stored. RSA keys have 2048 bits and take a while.
    /// The randomness is the crypto library's own: a seeded generator must never make a key.
    ///
    /// # Errors
    /// The library failed.
    pub fn generate(alg: Alg) -> Result<Zeroizing<Vec<u8>>, SignFault> {
        let library = |_| SignFault::Library;
        let bytes = match alg {
            Alg::Es256 => {
                let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(library)?;
                pair.to_pkcs8v1().map_err(library)?.as_ref().to_vec()
            }
            Alg::EdDsa => {
                let pair = Ed25519KeyPair::generate().map_err(library)?;
                pair.to_pkcs8v1().map_err(library)?.as_ref().to_vec()
            }
            Alg::Ps256 | Alg::Rs256 => {
                let pair = RsaKeyPair::generate(KeySize::Rsa2048).map_err(library)?;
                let der: Pkcs8V1Der<'_> = pair.as_der().map_err(library)?;
                der.as_ref().to_vec()
            }
        };
        Ok(Zeroizing::new(bytes))
    }

    /// Loads a private key. Without a name it is called by its thumbprint (RFC 7638).
    ///
    /// # Errors
    /// The bytes are no private key for that algorithm.
    pub fn from_pkcs8(alg: Alg, pkcs8: &[u8], kid: Option<&str>) -> Result<Self, SignFault> {
        let rejected = |_| SignFault::Key;
        let (pair, public) = match alg {
            Alg::Es256 => {
                let pair =
                    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8).map_err(rejected)?;
                let public = PublicJwk::of_pair(alg, pair.public_key().as_ref());
                (Pair::P256(pair), public)
            }
            Alg::EdDsa => {
                let pair = Ed25519KeyPair::from_pkcs8(pkcs8).map_err(rejected)?;
                let public = PublicJwk::of_pair(alg, pair.public_key().as_ref());
                (Pair::Ed25519(pair), public)
            }
            Alg::Ps256 | Alg::Rs256 => {
                let pair = RsaKeyPair::from_pkcs8(pkcs8).map_err(rejected)?;
                let public = PublicJwk::of_pair(alg, pair.public_key().as_ref());
                (Pair::Rsa(pair), public)
            }
        };
        let public = public.ok_or(SignFault::Key)?;
        let kid = kid.map_or_else(|| public.thumbprint(), str::to_owned);
        let mut head = format!(r#"{{"alg":"{}""#, alg.as_str());
        if must!("oidc-10.1-kid") {
            head = format!(r#"{head},"kid":{}"#, serde_json::Value::from(kid.as_str()));
        }
        head.push_str(r#","typ":"#);
        Ok(Self { pair, alg, public: public.named(kid), head })
    }

    /// The key's name.
    pub fn kid(&self) -> &str {
        self.public.kid().unwrap_or_default()
    }

    /// What it signs with.
    pub fn alg(&self) -> Alg {
        self.alg
    }

    /// The half to publish.
    pub fn public(&self) -> &PublicJwk {
        &self.public
    }

    /// Signs claims under a `typ` into the compact form.
    ///
    /// # Errors
    /// The claims do not serialize, or the library failed.
    pub fn sign(&self, typ: &str, claims: &impl Serialize) -> Result<String, SignFault> {
        self.sign_written(typ, &serde_json::to_vec(claims).map_err(|_| SignFault::Claims)?)
    }

    /// As [`Self::sign`], for claims that are written in JSON already.
    ///
    /// # Errors
    /// The library failed.
    pub fn sign_written(&self, typ: &str, claims: &[u8]) -> Result<String, SignFault> {
        let mut head = Vec::with_capacity(self.head.len() + typ.len() + 3);
        head.extend_from_slice(self.head.as_bytes());
        serde_json::to_writer(&mut head, typ).map_err(|_| SignFault::Claims)?;
        head.push(b'}');
        self.join(&head, claims)
    }

    /// Signs under a header of the test's choice.
    #[cfg(test)]
    pub(super) fn sign_under(&self, header: &serde_json::Value, claims: &serde_json::Value) -> String {
        self.join(header.to_string().as_bytes(), claims.to_string().as_bytes()).unwrap()
    }

    fn join(&self, head: &[u8], payload: &[u8]) -> Result<String, SignFault> {
        // Room for both in base64, and for a signature of RSA with 2048 bits.
        let mut out = Vec::with_capacity((head.len() + payload.len()) / 3 * 4 + 360);
        encode(head, &mut out)?;
        out.push(b'.');
        encode(payload, &mut out)?;
        let signed = out.len();
        out.push(b'.');
        let (random, library) = (SystemRandom::new(), |_| SignFault::Library);
        match &self.pair {
            Pair::P256(pair) => {
                let signature = pair.sign(&random, &out[..signed]).map_err(library)?;
                encode(signature.as_ref(), &mut out)?;
            }
            Pair::Ed25519(pair) => {
                let signature = pair.try_sign(&out[..signed]).map_err(library)?;
                encode(signature.as_ref(), &mut out)?;
            }
            Pair::Rsa(pair) => {
                let padding = if self.alg == Alg::Rs256 { &RSA_PKCS1_SHA256 } else { &RSA_PSS_SHA256 };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(padding, &random, &out[..signed], &mut signature).map_err(library)?;
                encode(signature.as_ref(), &mut out)?;
            }
        }
        String::from_utf8(out).map_err(|_| SignFault::Library)
    }
}

/// Appends bytes in base64.
fn encode(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), SignFault> {
    let at = out.len();
    out.resize(at + bytes.len().div_ceil(3) * 4, 0);
    let written = URL_SAFE_NO_PAD.encode_slice(bytes, &mut out[at..]).map_err(|_| SignFault::Library)?;
    out.truncate(at + written);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::{Jwt, samples};
    use serde_json::json;

    #[test]
    fn rfc7515_5_1_what_we_sign_is_what_we_verify() {
        for alg in [Alg::Es256, Alg::EdDsa, Alg::Ps256, Alg::Rs256] {
            let pkcs8 = SigningKey::generate(alg).unwrap();
            let key = SigningKey::from_pkcs8(alg, &pkcs8, None).unwrap();
            let text = key.sign("at+jwt", &json!({"sub": "a\"b"})).unwrap();
            let jwt = Jwt::parse(&text).unwrap();
            assert_eq!((jwt.header().alg(), jwt.header().typ()), (alg, Some("at+jwt")));
            assert_eq!(jwt.header().kid(), Some(key.public().thumbprint().as_str()));
            let verified = jwt.verify(key.public(), &[alg]).unwrap();
            assert_eq!(verified.claims().text("sub"), Ok(Some("a\"b")));
            // What is published verifies too.
            let published = PublicJwk::parse(&key.public().to_json().to_string()).unwrap();
            assert_eq!((published.kid(), jwt.verify(&published, &[alg]).is_ok()), (Some(key.kid()), true));
            assert_eq!(key.public().to_json()["alg"], alg.as_str());
            let named = SigningKey::from_pkcs8(alg, &pkcs8, Some("a \"name\"")).unwrap();
            let text = named.sign("JWT", &json!({})).unwrap();
            assert_eq!(Jwt::parse(&text).unwrap().header().kid(), Some("a \"name\""));
        }
    }

    #[test]
    fn rfc7518_3_1_a_key_is_for_its_algorithm() {
        let pkcs8 = SigningKey::generate(Alg::EdDsa).unwrap();
        for alg in [Alg::Es256, Alg::Ps256, Alg::Rs256] {
            assert_eq!(SigningKey::from_pkcs8(alg, &pkcs8, None).unwrap_err(), SignFault::Key);
        }
        assert_eq!(SigningKey::from_pkcs8(Alg::EdDsa, &pkcs8[..20], None).unwrap_err(), SignFault::Key);
    }

    #[test]
    fn r04_signing_keys_do_not_print() {
        let key = samples::key(Alg::Es256);
        assert_eq!(format!("{key:?}"), format!("SigningKey(ES256 {} …)", key.public().thumbprint()));
    }
}
