//! Issuing a signed token (ES256), and verifying one (ES256, RS256), with the server's crypto library, the key parsed
//! once.

use std::rc::Rc;

use anyhow::{Context, Result};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, ParsedPublicKey,
    RSA_PKCS1_2048_8192_SHA256,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http_body_util::BodyExt;
use serde::Deserialize;

use crate::token::uuid;

const HEADER: &str = r#"{"alg":"ES256","kid":"0123456789012345678901234567890123456789012","typ":"at+jwt"}"#;

/// Serves signed tokens on `port`, of the same length as the server's.
pub(crate) async fn run(port: u16) -> Result<()> {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).ok().context("a key")?;
    let pair = Rc::new(pair);
    crate::serve(port, move |request| {
        let pair = Rc::clone(&pair);
        async move {
            let complete = request.into_body().collect().await.is_ok();
            let token = sign(&pair);
            let body = format!(
                r#"{{"access_token":"{}","token_type":"Bearer","expires_in":3600,"scope":"accounts quotes"}}"#,
                token.as_deref().unwrap_or_default()
            );
            Ok(crate::json(body, complete && token.is_some()))
        }
    })
    .await
}

fn sign(pair: &EcdsaKeyPair) -> Option<String> {
    let now = std::time::UNIX_EPOCH.elapsed().map_or(0, |age| age.as_secs());
    let claims = format!(
        r#"{{"iss":"http://127.0.0.1:65535","sub":"0123456789abcdef01234567","aud":"http://127.0.0.1:65535","exp":{},"iat":{now},"jti":"{}","client_id":"0123456789abcdef01234567","scope":"accounts quotes","grant":"g0123456789abcdef0123456789abcdef","off":100}}"#,
        now + 3600,
        uuid()
    );
    let mut text = String::with_capacity(640);
    URL_SAFE_NO_PAD.encode_string(HEADER, &mut text);
    text.push('.');
    URL_SAFE_NO_PAD.encode_string(claims, &mut text);
    let signature = pair.sign(&SystemRandom::new(), text.as_bytes()).ok()?;
    text.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut text);
    Some(text)
}

/// What verifies tokens.
pub(crate) struct Verifier(ParsedPublicKey);

#[derive(Deserialize)]
struct Claims {
    exp: u64,
}

impl Verifier {
    /// With this key: DER `SubjectPublicKeyInfo`, in hex.
    pub(crate) fn new(alg: &str, key: &str) -> Result<Self> {
        let key = crate::bytes_of_hex(key).context("the key is not hex")?;
        let parsed = match alg {
            "ES256" => ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key),
            _ => ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key),
        };
        Ok(Self(parsed.ok().context("no public key")?))
    }

    /// Whether the text is a token by that key that has not expired.
    pub(crate) fn admits(&self, text: &str) -> bool {
        self.claims(text)
            .is_some_and(|claims| std::time::UNIX_EPOCH.elapsed().is_ok_and(|age| age.as_secs() < claims.exp))
    }

    fn claims(&self, text: &str) -> Option<Claims> {
        let (signed, signature) = text.rsplit_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        self.0.verify_sig(signed.as_bytes(), &signature).ok()?;
        let (_, payload) = signed.split_once('.')?;
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
    }
}
