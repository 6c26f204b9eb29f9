//! The APIs that tokens are for (RFC 8707, RFC 9700 section 2.3).

use super::{API, Bank, OTHER_API};
use serde_json::json;

#[tokio::test]
async fn rfc9700_2_3_a_token_says_whom_it_is_for() {
    let bank = Bank::new().await;
    assert_eq!(bank.tokens("accounts").await.claims("access_token")["aud"], json!([API, OTHER_API]));
}

#[tokio::test]
async fn rfc8707_2_unknown_resources_are_refused() {
    let bank = Bank::new().await;
    let reply = bank.authorize(&[("resource", "https://evil.example")]).await;
    assert_eq!(reply.parameter("error").as_deref(), Some("invalid_target"), "{reply:?}");
    let code = bank.code(&[]).await;
    let reply = bank.redeem("web", &code, &[("resource", "https://evil.example")]).await;
    assert_eq!(reply.said(), "400 invalid_target", "{reply:?}");
    assert_eq!(bank.redeem("web", &code, &[]).await.said(), "200", "nothing was spent");
}

#[tokio::test]
async fn rfc8707_2_tokens_are_for_the_resource_asked_for() {
    let bank = Bank::new().await;
    let code = bank.code(&[("resource", OTHER_API)]).await;
    let tokens = bank.redeem("web", &code, &[]).await;
    assert_eq!(tokens.claims("access_token")["aud"], OTHER_API);
    let again = bank.refresh("web", &tokens.text("refresh_token"), &[]).await;
    assert_eq!(again.claims("access_token")["aud"], OTHER_API, "the chain knows it too");
}

#[tokio::test]
async fn rfc8707_2_2_a_token_request_narrows_and_never_widens() {
    let bank = Bank::new().await;
    let code = bank.code(&[]).await;
    let tokens = bank.redeem("web", &code, &[("resource", API)]).await;
    assert_eq!(tokens.claims("access_token")["aud"], API);
    let again = bank.refresh("web", &tokens.text("refresh_token"), &[("resource", OTHER_API)]).await;
    assert_eq!(again.claims("access_token")["aud"], OTHER_API, "everything was granted");
    let code = bank.code(&[("resource", API)]).await;
    let other = bank.redeem("web", &code, &[("resource", OTHER_API)]).await;
    assert_ne!(
        other.json()["access_token"].as_str().map(super::keys::claims).unwrap_or_default()["aud"],
        OTHER_API
    );
}
