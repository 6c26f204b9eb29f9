//! Clients that authenticate with a key (RFC 7523), those of FAPI 2.0 among them.

use super::bank::form;
use super::{Bank, CALLBACK, CHALLENGE, ClientKey, ISSUER, Reply, VERIFIER};
use crate::rfc::client::assertion_algs;
use mandate_core::settings::{AuthMethod, ClientSettings, Profile};
use mandate_wire::jose::Alg;
use serde_json::json;

const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A bank with an app that has a key.
async fn bank(id: &str, profile: Profile) -> (Bank, ClientKey) {
    let (bank, key) = (Bank::new().await, ClientKey::new());
    bank.app(id, |settings| {
        settings.auth_method = AuthMethod::PrivateKeyJwt;
        settings.jwks = Some(key.jwks());
        settings.profile = profile;
        settings.dpop_bound = profile.is_strict();
    })
    .await;
    (bank, key)
}

async fn own_token(bank: &Bank, kind: &str, assertion: &str) -> Reply {
    let fields = [
        ("grant_type", "client_credentials"),
        ("client_assertion_type", kind),
        ("client_assertion", assertion),
    ];
    bank.post("/token", &fields).await
}

#[tokio::test]
async fn rfc7523_2_2_the_type_of_an_assertion_is_named() {
    let (bank, key) = bank("jwt", Profile::Default).await;
    let assertion = || key.assertion("jwt", ISSUER, bank.now(), &json!({}));
    assert_eq!(own_token(&bank, TYPE, &assertion()).await.said(), "200");
    let saml = "urn:ietf:params:oauth:client-assertion-type:saml2-bearer";
    assert_eq!(own_token(&bank, saml, &assertion()).await.said(), "400 invalid_request");
}

#[tokio::test]
async fn oidc_core_9_an_assertion_serves_once() {
    let (bank, key) = bank("jwt", Profile::Default).await;
    let assertion = key.assertion("jwt", ISSUER, bank.now(), &json!({}));
    assert_eq!(own_token(&bank, TYPE, &assertion).await.said(), "200");
    assert_eq!(own_token(&bank, TYPE, &assertion).await.cause(), "assertion.reused");
}

#[test]
fn fapi2_5_4_1_no_rs256() {
    let strict = ClientSettings { profile: Profile::Fapi2, ..ClientSettings::default() };
    assert!(!assertion_algs(&strict).contains(&Alg::Rs256));
    assert!(assertion_algs(&ClientSettings::default()).contains(&Alg::Rs256));
}

/// A request of a FAPI client, authenticated and with a proof.
async fn post(
    bank: &Bank,
    (key, dpop): (&ClientKey, &ClientKey),
    path: &str,
    fields: &[(&str, &str)],
) -> Reply {
    let assertion = key.assertion("fapi", ISSUER, bank.now(), &json!({}));
    let proof = dpop.proof("POST", &format!("{ISSUER}{path}"), bank.now(), &json!({}));
    let mut all = vec![("client_assertion_type", TYPE), ("client_assertion", &assertion)];
    all.extend(fields);
    bank.post_with(path, &[("dpop", &proof)], &all).await
}

/// Redeems a code of a FAPI client so many seconds after it was given.
async fn redeemed(bank: &Bank, keys: (&ClientKey, &ClientKey), later_s: i64) -> Reply {
    let fields = [
        ("response_type", "code"),
        ("redirect_uri", CALLBACK),
        ("scope", "openid"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let uri = post(bank, keys, "/par", &fields).await.text("request_uri");
    let path = format!("/authorize?{}", form(&[("client_id", "fapi"), ("request_uri", &uri)]));
    let code = bank.decide(&path, "allow").await.parameter("code").unwrap();
    bank.advance(later_s);
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    post(bank, keys, "/token", &fields).await
}

#[tokio::test]
async fn fapi2_5_3_2_1_a_code_lives_a_minute() {
    let (bank, key) = bank("fapi", Profile::Fapi2).await;
    let dpop = ClientKey::new();
    assert_eq!(redeemed(&bank, (&key, &dpop), 59).await.said(), "200");
    assert_eq!(redeemed(&bank, (&key, &dpop), 60).await.cause(), "code.expired");
}

#[tokio::test]
async fn fapi2_5_3_2_1_refresh_tokens_do_not_change() {
    let (bank, key) = bank("fapi", Profile::Fapi2).await;
    let dpop = ClientKey::new();
    let first = redeemed(&bank, (&key, &dpop), 0).await.text("refresh_token");
    let fields = [("grant_type", "refresh_token"), ("refresh_token", first.as_str())];
    let again = post(&bank, (&key, &dpop), "/token", &fields).await;
    assert_eq!(again.text("refresh_token"), first);
}
