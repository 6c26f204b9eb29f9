//! Devices without a browser (RFC 8628).

use super::{Bank, ISSUER};
use mandate_core::settings::GrantType;

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

#[tokio::test]
async fn rfc8628_3_1_who_may_begin() {
    let bank = Bank::new().await;
    bank.app("codes", |settings| settings.grants = vec![GrantType::AuthorizationCode]).await;
    let path = "/device_authorization";
    let reply = bank.post_as("codes", path, &[("scope", "accounts")]).await;
    assert_eq!(reply.said(), "400 unauthorized_client", "{reply:?}");
    let reply = bank.post_as("web", path, &[("scope", "quotes")]).await;
    assert_eq!(reply.said(), "400 invalid_scope", "{reply:?}");
}

#[tokio::test]
async fn rfc8628_3_2_what_a_device_is_told() {
    let bank = Bank::new().await;
    let reply = bank.post_as("web", "/device_authorization", &[("scope", "accounts")]).await;
    assert_eq!((reply.said().as_str(), reply.header("cache-control")), ("200", "no-store"));
    assert!(reply.text("device_code").len() > 20 && reply.text("user_code").len() == 9, "{reply:?}");
    assert_eq!(reply.text("verification_uri"), format!("{ISSUER}/device"));
    assert_eq!((reply.member("expires_in"), reply.member("interval")), (600.into(), 5.into()));
}

#[tokio::test]
async fn rfc8628_3_5_polls_are_answered_and_slowed_down() {
    let bank = Bank::new().await;
    let begun = bank.post_as("web", "/device_authorization", &[("scope", "accounts")]).await;
    let code = begun.text("device_code");
    let fields = [("grant_type", GRANT), ("device_code", &*code)];
    assert_eq!(bank.post_as("web", "/token", &fields).await.said(), "400 authorization_pending");
    bank.advance(1);
    assert_eq!(bank.post_as("web", "/token", &fields).await.said(), "400 slow_down");
    bank.advance(6);
    assert_eq!(bank.post_as("web", "/token", &fields).await.said(), "400 slow_down", "ten seconds now");
    bank.advance(600);
    assert_eq!(bank.post_as("web", "/token", &fields).await.said(), "400 expired_token");
}

#[tokio::test]
async fn rfc8628_5_1_codes_cannot_be_tried_for_ever() {
    let bank = Bank::new().await;
    let page = bank.get("/device").await;
    let token = page.field("form_token");
    let cookie = super::bank::session_cookie();
    let mut last = 0;
    for _ in 0..12 {
        let fields = [("form_token", &*token), ("user_code", "BBBB-BBBB")];
        last = bank.post_with("/device", &[("cookie", &cookie)], &fields).await.status;
    }
    assert_eq!(last, 429);
}
