//! `/introspect` (RFC 7662) and `/revoke` (RFC 7009).

use super::{Bank, Reply, app};
use mandate_core::settings::TokenFormat;
use mandate_store::ClientChange;

impl Bank {
    /// With a resource server, `rs`.
    async fn with_asker() -> Self {
        let bank = Self::new().await;
        bank.app("rs", |settings| settings.may_introspect = true).await;
        bank
    }
    async fn introspect(&self, token: &str) -> Reply {
        self.post_as("rs", "/introspect", &[("token", token)]).await
    }
    async fn is_active(&self, token: &str) -> bool {
        let reply = self.introspect(token).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        if reply.member("active") == false {
            assert_eq!(reply.json().as_object().unwrap().len(), 1, "nothing else is told: {reply:?}");
        }
        reply.member("active") == true
    }
    async fn revoke(&self, client: &str, token: &str) {
        assert_eq!(self.post_as(client, "/revoke", &[("token", token)]).await.said(), "200");
    }
}

#[tokio::test]
async fn rfc7662_2_1_who_may_ask_and_what_for() {
    let bank = Bank::with_asker().await;
    let token = bank.tokens("accounts").await.text("access_token");
    assert!(bank.is_active(&token).await);
    let other = bank.post_as("web", "/introspect", &[("token", &token)]).await;
    assert_eq!((other.status, other.cause()), (401, "introspection.not_allowed"), "{other:?}");
    let nothing = bank.post_as("rs", "/introspect", &[]).await;
    assert_eq!(nothing.said(), "400 invalid_request", "{nothing:?}");
}

/// SECURITY R18.
#[tokio::test]
async fn r18_an_api_is_told_about_tokens_for_itself_only() {
    let bank = Bank::with_asker().await;
    bank.app("other", |settings| {
        settings.may_introspect = true;
        settings.introspects = vec![super::OTHER_API.into()];
    })
    .await;
    let told = async |token: &str| {
        let reply = bank.post_as("other", "/introspect", &[("token", token)]).await;
        reply.member("active") == true
    };
    let (for_all, code) = (bank.tokens("accounts").await, bank.code(&[("resource", super::API)]).await);
    let for_one = bank.redeem("web", &code, &[]).await.text("access_token");
    assert!(told(&for_all.text("access_token")).await);
    assert!(!told(&for_one).await, "it is for the other API");
    assert!(bank.is_active(&for_one).await, "whose resource server is told");
    assert!(!told(&for_all.text("refresh_token")).await, "a refresh token is for no API");
}

#[tokio::test]
async fn rfc7662_4_only_the_current_genuine_refresh_token_is_active() {
    let bank = Bank::with_asker().await;
    let token = bank.tokens("accounts").await.text("refresh_token");
    assert!(bank.is_active(&token).await);
    let (kept, last) = token.split_at(token.len() - 2);
    let forged = format!("{kept}{}", if last == "AA" { "BB" } else { "AA" });
    assert!(!bank.is_active(&forged).await, "forged");
    let next = bank.refresh("web", &token, &[]).await.text("refresh_token");
    assert!(!bank.is_active(&token).await, "replaced");
    assert!(bank.is_active(&next).await);
}

#[tokio::test]
async fn rfc7662_4_refresh_tokens_end_with_their_time() {
    let bank = Bank::with_asker().await;
    let token = bank.tokens("accounts").await.text("refresh_token");
    bank.advance(86_400);
    assert!(!bank.is_active(&token).await);
}

#[tokio::test]
async fn rfc7662_4_refresh_tokens_end_with_their_chain() {
    let bank = Bank::with_asker().await;
    let token = bank.tokens("accounts").await.text("refresh_token");
    bank.revoke("web", &token).await;
    assert!(!bank.is_active(&token).await);
}

#[tokio::test]
async fn rfc7662_4_refresh_tokens_end_with_their_grant() {
    let bank = Bank::with_asker().await;
    let tokens = bank.tokens("accounts").await;
    let grant = tokens.claims("access_token")["grant"].as_str().unwrap().to_owned();
    let platform = "bank".into();
    let user = "u-ann".into();
    let reason = mandate_core::model::EndReason::Owner;
    bank.store()
        .revoke_grant(&platform, &grant.as_str().into(), Some(&user), reason, &bank.audit())
        .await
        .unwrap();
    assert!(!bank.is_active(&tokens.text("refresh_token")).await);
}

#[tokio::test]
async fn rfc7662_4_refresh_tokens_end_with_their_client() {
    let bank = Bank::with_asker().await;
    let tokens = bank.tokens("accounts").await;
    let off = ClientChange { status: Some(mandate_core::model::Status::Disabled), ..ClientChange::default() };
    bank.store().change_client(&"bank".into(), &"web".into(), &off, &bank.audit()).await.unwrap();
    assert!(!bank.is_active(&tokens.text("refresh_token")).await);
}

#[tokio::test]
async fn rfc7009_2_1_tokens_of_other_clients_stay() {
    let bank = Bank::with_asker().await;
    bank.register(app("other")).await;
    let tokens = bank.tokens("accounts").await;
    for name in ["refresh_token", "access_token"] {
        let token = tokens.text(name);
        bank.revoke("other", &token).await;
        assert!(bank.is_active(&token).await, "{name}");
    }
    let nothing = bank.post_as("web", "/revoke", &[]).await;
    assert_eq!(nothing.said(), "400 invalid_request", "{nothing:?}");
}

#[tokio::test]
async fn rfc7009_2_refresh_tokens_end_at_once() {
    let bank = Bank::new().await;
    let token = bank.tokens("accounts").await.text("refresh_token");
    bank.revoke("web", &token).await;
    assert_eq!(bank.refresh("web", &token, &[]).await.said(), "400 invalid_grant");
}

#[tokio::test]
async fn rfc7009_2_1_with_the_refresh_token_its_access_tokens_end() {
    let bank = Bank::with_asker().await;
    let tokens = bank.tokens("accounts").await;
    bank.revoke("web", &tokens.text("refresh_token")).await;
    assert!(!bank.is_active(&tokens.text("access_token")).await);
}

#[tokio::test]
async fn rfc7009_2_signed_tokens_end_at_once() {
    let bank = Bank::with_asker().await;
    let tokens = bank.tokens("accounts").await;
    let token = tokens.text("access_token");
    bank.revoke("web", &token).await;
    assert!(!bank.is_active(&token).await);
    assert!(bank.is_active(&tokens.text("refresh_token")).await, "and they alone");
}

#[tokio::test]
async fn rfc7009_2_opaque_tokens_end_at_once() {
    let bank = Bank::with_asker().await;
    bank.app("opaque", |settings| settings.access_token = TokenFormat::Opaque).await;
    let code = bank.code(&[("client_id", "opaque")]).await;
    let token = bank.redeem("opaque", &code, &[]).await.text("access_token");
    assert!(bank.is_active(&token).await);
    bank.revoke("opaque", &token).await;
    assert!(!bank.is_active(&token).await);
}

#[tokio::test]
async fn rfc7662_4_refresh_tokens_end_with_their_accounts() {
    let bank = Bank::with_asker().await;
    let token = bank.tokens("accounts").await.text("refresh_token");
    let off = mandate_core::model::Status::Disabled;
    bank.store().set_account_status(&"bank".into(), &"a-ann".into(), off, &bank.audit()).await.unwrap();
    assert!(!bank.is_active(&token).await);
}
