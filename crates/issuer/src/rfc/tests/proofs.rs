//! Proofs of possession at the endpoints (RFC 9449).

use super::bank::{basic, form};
use super::keys::ath;
use super::{Bank, CALLBACK, CHALLENGE, ClientKey, ISSUER, Reply, VERIFIER};
use mandate_core::settings::GrantType;
use serde_json::json;

fn token_proof(bank: &Bank, key: &ClientKey) -> String {
    key.proof("POST", &format!("{ISSUER}/token"), bank.now(), &json!({}))
}

/// Redeems a code of `web` with these proofs.
async fn redeem(bank: &Bank, code: &str, proofs: &[String]) -> Reply {
    let authorization = basic("web");
    let mut headers = vec![("authorization", authorization.as_str())];
    headers.extend(proofs.iter().map(|proof| ("dpop", proof.as_str())));
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    bank.post_with("/token", &headers, &fields).await
}

/// Tokens of `web` that are bound to a key.
async fn bound(bank: &Bank, key: &ClientKey) -> Reply {
    let code = bank.code(&[]).await;
    let tokens = redeem(bank, &code, &[token_proof(bank, key)]).await;
    assert_eq!(tokens.said(), "200", "{tokens:?}");
    tokens
}

async fn userinfo(bank: &Bank, scheme: &str, token: &str, key: Option<&ClientKey>) -> Reply {
    let authorization = format!("{scheme} {token}");
    let proof = key
        .map(|key| key.proof("GET", &format!("{ISSUER}/userinfo"), bank.now(), &json!({"ath": ath(token)})));
    let mut headers = vec![("authorization", authorization.as_str())];
    headers.extend(proof.as_deref().map(|proof| ("dpop", proof)));
    bank.send("GET", "/userinfo", &headers, "").await
}

#[tokio::test]
async fn rfc9449_4_3_1_one_header() {
    let bank = Bank::new().await;
    let code = bank.code(&[]).await;
    let key = ClientKey::new();
    let two = [token_proof(&bank, &key), token_proof(&bank, &key)];
    assert_eq!(redeem(&bank, &code, &two).await.said(), "400 invalid_dpop_proof");
    assert_eq!(redeem(&bank, &code, &[token_proof(&bank, &key)]).await.said(), "200");
}

#[tokio::test]
async fn rfc9449_5_a_bound_token_says_so() {
    let bank = Bank::new().await;
    let key = ClientKey::new();
    let tokens = bound(&bank, &key).await;
    assert_eq!(tokens.member("token_type"), "DPoP");
    assert_eq!(tokens.claims("access_token")["cnf"], json!({"jkt": key.thumbprint()}));
    bank.app("api", |settings| settings.may_introspect = true).await;
    let about = bank.post_as("api", "/introspect", &[("token", &tokens.text("access_token"))]).await;
    assert_eq!(about.member("token_type"), "DPoP", "{about:?}");
    assert_eq!(about.member("cnf"), json!({"jkt": key.thumbprint()}));
}

#[tokio::test]
async fn rfc9449_5_2_who_is_bound_needs_a_proof() {
    let bank = Bank::new().await;
    bank.app("bound", |settings| settings.dpop_bound = true).await;
    let code = bank.code(&[("client_id", "bound")]).await;
    let reply = bank.redeem("bound", &code, &[]).await;
    assert_eq!((reply.said().as_str(), reply.cause()), ("400 invalid_dpop_proof", "dpop.missing"));
}

#[tokio::test]
async fn rfc9449_7_userinfo_wants_the_key_of_the_token() {
    let bank = Bank::new().await;
    let (key, other) = (ClientKey::new(), ClientKey::new());
    let token = bound(&bank, &key).await.text("access_token");
    let free = bank.tokens("openid").await.text("access_token");
    assert_eq!(userinfo(&bank, "DPoP", &token, Some(&key)).await.said(), "200");
    assert_eq!(userinfo(&bank, "Bearer", &free, None).await.said(), "200");
    for (what, scheme, token, key) in [
        ("a bound token as bearer token", "Bearer", &token, None),
        ("a bound token as bearer token with its proof", "Bearer", &token, Some(&key)),
        ("another key", "DPoP", &token, Some(&other)),
        ("no proof", "DPoP", &free, None),
        ("a token that is not bound", "DPoP", &free, Some(&key)),
    ] {
        assert_eq!(userinfo(&bank, scheme, token, key).await.status, 401, "{what}");
    }
}

#[tokio::test]
async fn rfc9449_7_1_the_challenge_names_scheme_and_algorithms() {
    let bank = Bank::new().await;
    let (key, other) = (ClientKey::new(), ClientKey::new());
    let token = bound(&bank, &key).await.text("access_token");
    let refused = userinfo(&bank, "DPoP", &token, Some(&other)).await;
    let challenge = refused.header("www-authenticate");
    assert_eq!(refused.status, 401);
    assert!(challenge.starts_with("DPoP ") && challenge.contains("algs=\"ES256"), "{challenge}");
    let proof = key.proof("PUT", &format!("{ISSUER}/userinfo"), bank.now(), &json!({"ath": ath(&token)}));
    let headers = [("authorization", &*format!("DPoP {token}")), ("dpop", &*proof)];
    assert_eq!(bank.send("GET", "/userinfo", &headers, "").await.said(), "401 invalid_dpop_proof");
}

#[tokio::test]
async fn rfc9449_10_dpop_jkt_binds_the_code() {
    let bank = Bank::new().await;
    let (key, other) = (ClientKey::new(), ClientKey::new());
    let code = bank.code(&[("dpop_jkt", &key.thumbprint())]).await;
    assert_eq!(redeem(&bank, &code, &[]).await.cause(), "dpop.missing");
    assert_eq!(redeem(&bank, &code, &[token_proof(&bank, &other)]).await.said(), "400 invalid_grant");
    assert_eq!(redeem(&bank, &code, &[token_proof(&bank, &key)]).await.said(), "200");
}

#[tokio::test]
async fn rfc9449_8_who_sends_a_proof_is_told_a_nonce() {
    let bank = Bank::new().await;
    let tokens = bound(&bank, &ClientKey::new()).await;
    assert_eq!(tokens.header("dpop-nonce").len(), 43, "{tokens:?}");
    let key = ClientKey::new();
    let foreign = key.proof("POST", &format!("{ISSUER}/token"), bank.now(), &json!({"nonce": "theirs"}));
    let refused = redeem(&bank, &bank.code(&[]).await, &[foreign]).await;
    assert_eq!(refused.said(), "400 use_dpop_nonce");
    let nonce = json!({"nonce": refused.header("dpop-nonce")});
    let again = key.proof("POST", &format!("{ISSUER}/token"), bank.now(), &nonce);
    assert_eq!(redeem(&bank, &bank.code(&[]).await, &[again]).await.said(), "200");
}

#[tokio::test]
async fn rfc9449_5_a_public_clients_refresh_token_is_bound() {
    let bank = Bank::new().await;
    bank.app("spa", |settings| {
        settings.auth_method = mandate_core::settings::AuthMethod::None;
        settings.grants = vec![GrantType::AuthorizationCode, GrantType::RefreshToken];
    })
    .await;
    let (key, other) = (ClientKey::new(), ClientKey::new());
    let send = async |fields: &[(&str, &str)], proof: &str| {
        bank.post_with("/token", &[("dpop", proof)], &[&[("client_id", "spa")], fields].concat()).await
    };
    let code = bank.code(&[("client_id", "spa")]).await;
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    let refresh = send(&fields, &token_proof(&bank, &key)).await.text("refresh_token");
    let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
    assert_eq!(send(&fields, &token_proof(&bank, &other)).await.said(), "400 invalid_grant");
    assert_eq!(send(&fields, &token_proof(&bank, &key)).await.said(), "200");
}

/// Pushes a request of `web`, with a proof of this key.
async fn push(bank: &Bank, key: &ClientKey, more: &[(&str, &str)]) -> Reply {
    let proof = key.proof("POST", &format!("{ISSUER}/par"), bank.now(), &json!({}));
    let mut fields = vec![
        ("response_type", "code"),
        ("redirect_uri", CALLBACK),
        ("scope", "openid"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    fields.extend(more);
    bank.post_with("/par", &[("authorization", &basic("web")), ("dpop", &proof)], &fields).await
}

#[tokio::test]
async fn rfc9449_10_1_a_proof_with_the_push_binds_the_code() {
    let bank = Bank::new().await;
    let (key, other) = (ClientKey::new(), ClientKey::new());
    let uri = push(&bank, &key, &[]).await.text("request_uri");
    let path = format!("/authorize?{}", form(&[("client_id", "web"), ("request_uri", &uri)]));
    let code = bank.decide(&path, "allow").await.parameter("code").unwrap();
    let refused = redeem(&bank, &code, &[token_proof(&bank, &other)]).await;
    assert_eq!(refused.said(), "400 invalid_grant");
    assert_eq!(redeem(&bank, &code, &[token_proof(&bank, &key)]).await.said(), "200");
}

#[tokio::test]
async fn rfc9449_10_1_dpop_jkt_is_the_key_of_the_proof() {
    let bank = Bank::new().await;
    let (key, other) = (ClientKey::new(), ClientKey::new());
    assert_eq!(push(&bank, &key, &[("dpop_jkt", &key.thumbprint())]).await.said(), "201");
    let refused = push(&bank, &key, &[("dpop_jkt", &other.thumbprint())]).await;
    assert_eq!(refused.said(), "400 invalid_dpop_proof");
}
