//! Private keys as JWKs (RFC 7517), and what they sign.

use crate::encoding::{base64url, unbase64url};
use crate::secret::Secret;
use aws_lc_rs::encoding::AsBigEndian as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaKeyPair};
use aws_lc_rs::{rsa, signature::RsaEncoding};
use serde_json::{Map, Value as Json, json};
use std::fmt;

/// A private key that signs JWTs.
pub(crate) struct SigningKey {
    pair: Pair,
    alg: &'static str,
    kid: Option<String>,
    /// The public part, members of RFC 7638 alone.
    public: Json,
    /// All of it, for the store.
    private: Secret,
}

enum Pair {
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
    Rsa(Box<RsaKeyPair>, &'static dyn RsaEncoding),
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("alg", &self.alg)
            .field("private", &self.private)
            .finish_non_exhaustive()
    }
}

impl SigningKey {
    /// A new key of P-256.
    pub(crate) fn generate() -> Option<Self> {
        let pair = EcdsaKeyPair::generate(&signature::ECDSA_P256_SHA256_FIXED_SIGNING).ok()?;
        let d = pair.private_key().as_be_bytes().ok()?;
        let public = pair.public_key().as_ref();
        let (x, y) = public.get(1..)?.split_at_checked(32)?;
        let (x, y) = (base64url(x), base64url(y));
        let private = json!({"kty": "EC", "crv": "P-256", "x": x, "y": y, "d": base64url(d.as_ref())});
        Some(Self {
            pair: Pair::Ec(pair),
            alg: "ES256",
            kid: None,
            public: json!({"crv": "P-256", "kty": "EC", "x": x, "y": y}),
            private: Secret::new(private.to_string()),
        })
    }

    /// Reads a private JWK: EC P-256, OKP Ed25519 or RSA. `alg` in it chooses between RS256 (without it) and PS256.
    pub(crate) fn read(jwk: &str) -> Result<Self, String> {
        let wrong = |what: &str| format!("the private key is no JWK that can sign here: {what}");
        let map: Map<String, Json> = serde_json::from_str(jwk).map_err(|_| wrong("it is no JSON object"))?;
        let text = |name: &str| map.get(name).and_then(Json::as_str);
        let bytes = |name: &str| text(name).and_then(unbase64url).ok_or_else(|| wrong(&format!("`{name}`")));
        let plain = |name: &str| text(name).unwrap_or_default().to_owned();
        let (pair, alg, public) = match (text("kty"), text("crv"), text("alg")) {
            (Some("EC"), Some("P-256"), None | Some("ES256")) => {
                let mut point = vec![4];
                point.extend(bytes("x")?);
                point.extend(bytes("y")?);
                let pair = EcdsaKeyPair::from_private_key_and_public_key(
                    &signature::ECDSA_P256_SHA256_FIXED_SIGNING,
                    &bytes("d")?,
                    &point,
                );
                let public = json!({"crv": "P-256", "kty": "EC", "x": plain("x"), "y": plain("y")});
                (Pair::Ec(pair.map_err(|_| wrong("its parts do not belong together"))?), "ES256", public)
            }
            (Some("OKP"), Some("Ed25519"), None | Some("EdDSA" | "Ed25519")) => {
                let pair = Ed25519KeyPair::from_seed_and_public_key(&bytes("d")?, &bytes("x")?);
                let public = json!({"crv": "Ed25519", "kty": "OKP", "x": plain("x")});
                (Pair::Ed(pair.map_err(|_| wrong("its parts do not belong together"))?), "EdDSA", public)
            }
            (Some("RSA"), _, alg @ (None | Some("RS256" | "PS256"))) => {
                let parts = rsa::KeyPairComponents {
                    public_key: rsa::PublicKeyComponents { n: bytes("n")?, e: bytes("e")? },
                    d: bytes("d")?,
                    p: bytes("p")?,
                    q: bytes("q")?,
                    dP: bytes("dp")?,
                    dQ: bytes("dq")?,
                    qInv: bytes("qi")?,
                };
                let pair = RsaKeyPair::from_components(&parts).map_err(|_| {
                    wrong("its parts do not belong together, or it is shorter than 2048 bits")
                })?;
                let (padding, alg): (&'static dyn RsaEncoding, _) = match alg {
                    Some("PS256") => (&signature::RSA_PSS_SHA256, "PS256"),
                    _ => (&signature::RSA_PKCS1_SHA256, "RS256"),
                };
                let public = json!({"e": plain("e"), "kty": "RSA", "n": plain("n")});
                (Pair::Rsa(Box::new(pair), padding), alg, public)
            }
            _ => return Err(wrong("its type or algorithm is none of ES256, EdDSA, RS256, PS256")),
        };
        Ok(Self { pair, alg, kid: text("kid").map(str::to_owned), public, private: Secret::new(jwk) })
    }

    /// The public part.
    pub(crate) fn public(&self) -> &Json {
        &self.public
    }

    /// All of it, as JSON.
    pub(crate) fn private(&self) -> &Secret {
        &self.private
    }

    pub(crate) fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// A signed JWT. `alg` is added to the header.
    pub(crate) fn sign(&self, mut header: Map<String, Json>, claims: &Json) -> Option<String> {
        header.insert("alg".to_owned(), self.alg.into());
        let head = base64url(Json::Object(header).to_string().as_bytes());
        let signed = format!("{head}.{}", base64url(claims.to_string().as_bytes()));
        let random = SystemRandom::new();
        let signature = match &self.pair {
            Pair::Ec(pair) => pair.sign(&random, signed.as_bytes()).ok()?.as_ref().to_vec(),
            Pair::Ed(pair) => pair.sign(signed.as_bytes()).as_ref().to_vec(),
            Pair::Rsa(pair, padding) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(*padding, &random, signed.as_bytes(), &mut signature).ok()?;
                signature
            }
        };
        Some(format!("{signed}.{}", base64url(&signature)))
    }
}
