//! Authorization requests that are pushed (RFC 9126), signed (RFC 9101) or posted.

use super::bank::{form, request, session_cookie};
use super::{Bank, CALLBACK, CHALLENGE, ClientKey, ISSUER, Reply};
use serde_json::{Value, json};

/// What `web` pushes.
async fn push(bank: &Bank, more: &[(&str, &str)]) -> Reply {
    let mut fields = vec![
        ("response_type", "code"),
        ("redirect_uri", CALLBACK),
        ("scope", "openid"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    fields.retain(|(name, _)| !more.iter().any(|(other, _)| other == name));
    fields.extend(more);
    bank.post_as("web", "/par", &fields).await
}

fn at(client: &str, uri: &str) -> String {
    format!("/authorize?{}", form(&[("client_id", client), ("request_uri", uri)]))
}

#[tokio::test]
async fn rfc9126_2_2_a_push_is_created() {
    let bank = Bank::new().await;
    let pushed = push(&bank, &[]).await;
    assert_eq!((pushed.status, pushed.member("expires_in")), (201, json!(300)));
    assert!(pushed.text("request_uri").starts_with("urn:ietf:params:oauth:request_uri:"));
}

#[tokio::test]
async fn rfc9126_2_1_a_push_is_checked_at_once() {
    let bank = Bank::new().await;
    for (name, value, said) in [
        ("request_uri", "urn:ietf:params:oauth:request_uri:x", "400 invalid_request"),
        ("redirect_uri", "https://evil.example/cb", "400 invalid_request"),
        ("scope", "openid everything", "400 invalid_scope"),
        ("response_type", "token", "400 unsupported_response_type"),
    ] {
        assert_eq!(push(&bank, &[(name, value)]).await.said(), said, "{name}");
    }
}

#[tokio::test]
async fn rfc9126_2_2_a_request_uri_is_its_clients() {
    let bank = Bank::new().await;
    bank.app("other", |_| ()).await;
    let uri = push(&bank, &[]).await.text("request_uri");
    let refused = bank.get(&at("other", &uri)).await;
    assert_eq!((refused.status, refused.cause()), (400, "request_uri.invalid"));
    assert!(bank.decide(&at("web", &uri), "allow").await.parameter("code").is_some());
}

#[tokio::test]
async fn rfc9126_7_3_a_request_uri_serves_once() {
    let bank = Bank::new().await;
    let uri = push(&bank, &[]).await.text("request_uri");
    assert!(bank.decide(&at("web", &uri), "allow").await.parameter("code").is_some());
    let again = bank.get(&at("web", &uri)).await;
    assert_eq!((again.status, again.cause()), (400, "request_uri.invalid"));
}

#[tokio::test]
async fn rfc9126_7_3_a_request_uri_waits_five_minutes() {
    let bank = Bank::new().await;
    let uri = push(&bank, &[]).await.text("request_uri");
    bank.advance(299);
    assert_eq!(bank.get(&at("web", &uri)).await.status, 303);
    bank.advance(1);
    assert_eq!(bank.get(&at("web", &uri)).await.cause(), "request_uri.invalid");
}

/// A bank whose app `web-2` has this key, and a request object of it.
async fn signer() -> (Bank, ClientKey) {
    let (bank, key) = (Bank::new().await, ClientKey::new());
    bank.app("web-2", |settings| settings.jwks = Some(key.jwks())).await;
    (bank, key)
}

fn object(bank: &Bank, key: &ClientKey, more: &Value) -> String {
    let now = bank.now().seconds();
    let mut claims = json!({
        "iss": "web-2", "aud": ISSUER, "client_id": "web-2", "iat": now, "nbf": now, "exp": now + 60,
        "response_type": "code", "redirect_uri": CALLBACK, "scope": "openid", "state": "inside",
        "code_challenge": CHALLENGE, "code_challenge_method": "S256",
    });
    for (name, value) in more.as_object().unwrap() {
        claims[name] = value.clone();
    }
    key.sign(&json!({"alg": "ES256", "typ": "oauth-authz-req+jwt"}), &claims)
}

#[tokio::test]
async fn rfc9101_6_3_what_stands_beside_the_object_does_not_count() {
    let (bank, key) = signer().await;
    let object = object(&bank, &key, &json!({}));
    let path = request(&[("client_id", "web-2"), ("state", "outside"), ("request", &object)]);
    let reply = bank.decide(&path, "allow").await;
    assert_eq!(reply.parameter("state").as_deref(), Some("inside"), "{reply:?}");
    assert!(reply.parameter("code").is_some());
}

#[tokio::test]
async fn rfc9126_3_what_stands_beside_a_pushed_object_does_not_count() {
    let (bank, key) = signer().await;
    let object = object(&bank, &key, &json!({}));
    let fields = [
        ("request", object.as_str()),
        ("response_type", "code"),
        ("redirect_uri", CALLBACK),
        ("scope", "openid"),
        ("state", "outside"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let uri = bank.post_as("web-2", "/par", &fields).await.text("request_uri");
    let reply = bank.decide(&at("web-2", &uri), "allow").await;
    assert_eq!(reply.parameter("state").as_deref(), Some("inside"), "{reply:?}");
}

#[tokio::test]
async fn oidc_core_3_1_2_1_a_request_may_be_posted() {
    let bank = Bank::new().await;
    let path = request(&[]);
    let (path, fields) = path.split_once('?').unwrap();
    let headers = [("content-type", "application/x-www-form-urlencoded"), ("cookie", &session_cookie())];
    let reply = bank.send("POST", path, &headers, fields).await;
    assert!(reply.header("location").starts_with("/consent?"), "{reply:?}");
}

#[tokio::test]
async fn oidc_core_3_1_2_1_no_page_with_prompt_none() {
    let bank = Bank::new().await;
    let reply = bank.get(&request(&[("prompt", "none")])).await;
    assert_eq!(reply.parameter("error").as_deref(), Some("consent_required"), "{reply:?}");
    bank.code(&[]).await;
    let reply = bank.get(&request(&[("prompt", "none")])).await;
    assert!(reply.parameter("code").is_some(), "{reply:?}");
}
