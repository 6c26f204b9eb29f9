//! The APIs that tokens are for (RFC 8707, RFC 9700 section 2.3).

use super::{API, Bank, OTHER_API};
use mandate_core::settings::TokenFormat;
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
    assert_eq!(other.said(), "400 invalid_target", "{other:?}");
    let tokens = bank.redeem("web", &code, &[]).await;
    assert_eq!(tokens.claims("access_token")["aud"], API, "nothing was spent");
    let refresh = tokens.text("refresh_token");
    let other = bank.refresh("web", &refresh, &[("resource", OTHER_API)]).await;
    assert_eq!(other.said(), "400 invalid_target", "{other:?}");
    assert_eq!(bank.refresh("web", &refresh, &[("resource", API)]).await.said(), "200");
}

/// An opaque token is for every API, so what is for one is signed, whatever the client prefers.
#[tokio::test]
async fn rfc8707_2_opaque_tokens_do_not_widen() {
    let bank = Bank::new().await;
    bank.app("opaque", |settings| settings.access_token = TokenFormat::Opaque).await;
    let code = bank.code(&[("client_id", "opaque"), ("resource", OTHER_API)]).await;
    let narrow = bank.redeem("opaque", &code, &[]).await;
    assert_eq!(narrow.claims("access_token")["aud"], OTHER_API);
    let code = bank.code(&[("client_id", "opaque")]).await;
    let wide = bank.redeem("opaque", &code, &[]).await.text("access_token");
    assert!(!wide.contains('.'), "{wide}");
}
