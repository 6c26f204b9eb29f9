//! A client's key, and what it signs: assertions, proofs, request objects. Any header, so that wrong ones can be sent.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use mandate_core::{Digest, Timestamp};
use mandate_wire::jose::PublicJwk;
use serde_json::{Value, json};

/// An ES256 key, new each time.
pub(crate) struct ClientKey(EcdsaKeyPair);

impl ClientKey {
    pub(crate) fn new() -> Self {
        Self(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }

    /// Its public half.
    pub(crate) fn jwk(&self) -> Value {
        let point = self.0.public_key().as_ref();
        let half = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        json!({"kty": "EC", "crv": "P-256", "x": half(&point[1..33]), "y": half(&point[33..65])})
    }

    /// Its public half as a set, as a registration has it.
    pub(crate) fn jwks(&self) -> Box<str> {
        json!({"keys": [self.jwk()]}).to_string().into()
    }

    /// RFC 7638.
    pub(crate) fn thumbprint(&self) -> String {
        PublicJwk::parse(&self.jwk().to_string()).unwrap().thumbprint()
    }

    /// A signed object.
    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", part(header), part(claims));
        let signature = self.0.sign(&SystemRandom::new(), text.as_bytes()).unwrap();
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// A client assertion (RFC 7523 section 3) with changes; `null` takes a claim out.
    pub(crate) fn assertion(&self, client: &str, audience: &str, now: Timestamp, changes: &Value) -> String {
        let now = now.seconds();
        let claims = json!({
            "iss": client, "sub": client, "aud": audience, "jti": unique(), "iat": now, "exp": now + 60,
        });
        self.sign(&json!({"alg": "ES256"}), &changed(claims, changes))
    }

    /// A `DPoP` proof (RFC 9449 section 4.2) with changes; `null` takes a claim out.
    pub(crate) fn proof(&self, method: &str, url: &str, now: Timestamp, changes: &Value) -> String {
        let claims = json!({"htm": method, "htu": url, "iat": now.seconds(), "jti": unique()});
        let header = json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": self.jwk()});
        self.sign(&header, &changed(claims, changes))
    }
}

/// The claim that binds a proof to an access token.
pub(crate) fn ath(token: &str) -> String {
    URL_SAFE_NO_PAD.encode(Digest::of(token.as_bytes()).as_bytes())
}

fn unique() -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!("j{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

fn changed(mut claims: Value, changes: &Value) -> Value {
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value.clone();
        }
    }
    claims
}

/// The claims of a compact form, unverified.
pub(crate) fn claims(text: &str) -> Value {
    let payload = text.split('.').nth(1).unwrap_or_else(|| panic!("not signed: {text}"));
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

#[tokio::test]
async fn what_a_client_signs_is_taken() {
    use super::{Bank, ISSUER};
    use mandate_core::settings::AuthMethod;
    let (bank, key) = (Bank::new().await, ClientKey::new());
    bank.app("signs", |settings| {
        settings.auth_method = AuthMethod::PrivateKeyJwt;
        settings.jwks = Some(key.jwks());
    })
    .await;
    let assertion = key.assertion("signs", ISSUER, bank.now(), &json!({}));
    let fields = [
        ("grant_type", "client_credentials"),
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", &*assertion),
    ];
    let proof = key.proof("POST", &format!("{ISSUER}/token"), bank.now(), &json!({}));
    let reply = bank.post_with("/token", &[("dpop", &proof)], &fields).await;
    assert_eq!(reply.member("token_type"), "DPoP", "{reply:?}");
    assert_eq!(reply.claims("access_token")["cnf"]["jkt"], key.thumbprint());

    let code = bank.code(&[]).await;
    let proof = key.proof("POST", &format!("{ISSUER}/token"), bank.now(), &json!({}));
    let headers = [("dpop", &*proof), ("authorization", &super::basic("web"))];
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", super::CALLBACK),
        ("code_verifier", super::VERIFIER),
    ];
    let token = bank.post_with("/token", &headers, &fields).await.text("access_token");
    let proof = key.proof("GET", &format!("{ISSUER}/userinfo"), bank.now(), &json!({"ath": ath(&token)}));
    let authorization = format!("DPoP {token}");
    let headers = [("dpop", &*proof), ("authorization", &*authorization)];
    assert_eq!(bank.send("GET", "/userinfo", &headers, "").await.member("sub"), "u-ann");
}
