//! Answers of `/token` (RFC 6749 section 5.1) and refresh tokens (section 6, RFC 9700 section 4.14).

use super::{Bank, app};
use mandate_core::refresh::RefreshMode;
use mandate_core::settings::AuthMethod;

const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";

#[tokio::test]
async fn rfc6749_5_1_the_answer_is_json() {
    let reply = Bank::new().await.tokens("openid accounts").await;
    assert_eq!(
        (reply.header("content-type"), reply.member("token_type")),
        ("application/json", "Bearer".into())
    );
}

#[tokio::test]
async fn rfc6749_5_1_the_answer_says_how_long_the_token_lives() {
    assert_eq!(Bank::new().await.tokens("accounts").await.member("expires_in"), 600);
}

#[tokio::test]
async fn rfc6749_5_1_nobody_keeps_the_answer() {
    let reply = Bank::new().await.tokens("accounts").await;
    assert_eq!((reply.header("cache-control"), reply.header("pragma")), ("no-store", "no-cache"));
}

#[tokio::test]
async fn rfc6749_3_3_the_answer_says_the_scope_that_was_given() {
    let bank = Bank::new().await;
    let tokens = bank.tokens("openid accounts").await;
    assert_eq!(tokens.member("scope"), "accounts openid");
    let fewer = bank.refresh("web", &tokens.text("refresh_token"), &[("scope", "accounts")]).await;
    assert_eq!(fewer.member("scope"), "accounts", "{fewer:?}");
    assert_eq!(fewer.claims("access_token")["scope"], "accounts");
}

#[tokio::test]
async fn rfc6749_6_never_more_than_was_granted() {
    let bank = Bank::new().await;
    let token = bank.tokens("accounts").await.text("refresh_token");
    for scope in ["accounts email", "email", "a\"b"] {
        let reply = bank.refresh("web", &token, &[("scope", scope)]).await;
        assert_eq!(reply.said(), "400 invalid_scope", "{scope}");
    }
    assert_eq!(bank.refresh("web", &token, &[]).await.said(), "200", "nothing was spent");
}

#[tokio::test]
async fn rfc6749_10_4_refresh_tokens_cannot_be_made() {
    let bank = Bank::new().await;
    let token = bank.tokens("accounts").await.text("refresh_token");
    let (kept, last) = token.split_at(token.len() - 2);
    let forged = format!("{kept}{}", if last == "AA" { "BB" } else { "AA" });
    assert_eq!(bank.refresh("web", &forged, &[]).await.said(), "400 invalid_grant");
    bank.register(app("other")).await;
    assert_eq!(bank.refresh("other", &token, &[]).await.said(), "400 invalid_grant", "another client's");
    assert_eq!(bank.refresh("web", &token, &[]).await.said(), "200", "nothing was spent");
}

#[tokio::test]
async fn rfc9700_2_2_2_refresh_tokens_of_public_clients_change() {
    let bank = Bank::new().await;
    bank.app("public", |settings| {
        settings.auth_method = AuthMethod::None;
        settings.refresh = RefreshMode::Static;
    })
    .await;
    let code = bank.code(&[("client_id", "public")]).await;
    let fields = [
        ("grant_type", "authorization_code"),
        ("client_id", "public"),
        ("code", code.as_str()),
        ("redirect_uri", super::CALLBACK),
        ("code_verifier", super::VERIFIER),
    ];
    let token = bank.post("/token", &fields).await.text("refresh_token");
    let fields = [("grant_type", "refresh_token"), ("client_id", "public"), ("refresh_token", &*token)];
    assert_ne!(bank.post("/token", &fields).await.text("refresh_token"), token);
}

#[tokio::test]
async fn rfc9700_4_14_2_a_replay_ends_the_chain() {
    let bank = Bank::new().await;
    bank.app("strict", |settings| settings.refresh = RefreshMode::Strict).await;
    let code = bank.code(&[("client_id", "strict")]).await;
    let first = bank.redeem("strict", &code, &[]).await.text("refresh_token");
    let second = bank.refresh("strict", &first, &[]).await.text("refresh_token");
    assert_eq!(bank.refresh("strict", &first, &[]).await.said(), "400 invalid_grant");
    assert_eq!(bank.refresh("strict", &second, &[]).await.said(), "400 invalid_grant", "the chain is over");
}

#[tokio::test]
async fn rfc9700_4_14_2_refresh_tokens_end_when_they_are_not_used() {
    let bank = Bank::new().await;
    let token = bank.tokens("accounts").await.text("refresh_token");
    bank.advance(86_400);
    assert_eq!(bank.refresh("web", &token, &[]).await.said(), "400 invalid_grant");
}

#[tokio::test]
async fn rfc6749_4_and_6_parameters_that_are_required() {
    let bank = Bank::new().await;
    for fields in [
        vec![],
        vec![("grant_type", "authorization_code")],
        vec![("grant_type", "refresh_token")],
        vec![("grant_type", DEVICE)],
    ] {
        let reply = bank.post_as("web", "/token", &fields).await;
        assert_eq!(
            (reply.said().as_str(), reply.cause()),
            ("400 invalid_request", "request.parameter_missing"),
            "{fields:?}"
        );
    }
}
