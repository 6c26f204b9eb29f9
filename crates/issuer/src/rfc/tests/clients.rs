//! How clients show who they are (RFC 6749 sections 2.3 and 3.2.1), and what they may ask for.

use super::{Bank, app, basic};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use mandate_core::ClientId;
use mandate_core::model::ClientSecret;
use mandate_core::settings::{AuthMethod, GrantType};

const OWN: [(&str, &str); 2] = [("grant_type", "client_credentials"), ("scope", "accounts")];

#[tokio::test]
async fn rfc6749_2_3_one_way_in_one_request() {
    let bank = Bank::new().await;
    let twice = [OWN.as_slice(), &[("client_secret", "web-secret")]].concat();
    let reply = bank.post_as("web", "/token", &twice).await;
    assert_eq!((reply.status, reply.cause()), (400, "credential.ambiguous"), "{reply:?}");
    assert_eq!(bank.post_as("web", "/token", &OWN).await.said(), "200");
}

#[tokio::test]
async fn rfc6749_2_3_1_basic_is_taken() {
    let bank = Bank::new().await;
    let reply = bank.post_as("web", "/token", &OWN).await;
    assert_eq!(reply.said(), "200", "{reply:?}");
}

#[tokio::test]
async fn rfc6749_2_3_1_basic_is_form_encoded() {
    let bank = Bank::new().await;
    let mut client = app("web");
    client.id = ClientId::new("a:b c");
    client.secrets = vec![ClientSecret {
        digest: mandate_core::Digest::of(b"p+q%r s"),
        partner: None,
        created_at: client.created_at,
        ended_at: None,
    }];
    bank.register(client).await;
    let value = format!("Basic {}", STANDARD.encode("a%3Ab+c:p%2Bq%25r+s"));
    let reply = bank.post_with("/token", &[("authorization", &value)], &OWN).await;
    assert_eq!(reply.said(), "200", "{reply:?}");
}

#[tokio::test]
async fn rfc6749_2_3_1_the_secret_is_compared() {
    let bank = Bank::new().await;
    let wrong = format!("Basic {}", STANDARD.encode("web:web-secreT"));
    let reply = bank.post_with("/token", &[("authorization", &wrong)], &OWN).await;
    assert_eq!((reply.said().as_str(), reply.cause()), ("401 invalid_client", "client.rejected"));
    assert!(reply.header("www-authenticate").starts_with("Basic "), "{reply:?}");
}

#[tokio::test]
async fn rfc6749_3_2_1_a_confidential_client_always_authenticates() {
    let bank = Bank::new().await;
    let code = bank.code(&[]).await;
    let fields = [
        ("grant_type", "authorization_code"),
        ("client_id", "web"),
        ("code", code.as_str()),
        ("redirect_uri", super::CALLBACK),
        ("code_verifier", super::VERIFIER),
    ];
    let reply = bank.post("/token", &fields).await;
    assert_eq!(reply.said(), "401 invalid_client", "{reply:?}");
    assert_eq!(bank.post_as("web", "/token", &fields).await.said(), "200", "nothing was spent");
}

#[tokio::test]
async fn rfc6749_5_2_only_grant_types_of_the_registration() {
    let bank = Bank::new().await;
    bank.app("codes", |settings| settings.grants = vec![GrantType::AuthorizationCode]).await;
    let reply = bank.post_as("codes", "/token", &OWN).await;
    assert_eq!(reply.said(), "400 unauthorized_client", "{reply:?}");
}

#[tokio::test]
async fn rfc6749_4_4_only_confidential_clients_act_for_themselves() {
    let bank = Bank::new().await;
    bank.app("public", |settings| settings.auth_method = AuthMethod::None).await;
    let reply = bank.post("/token", &[OWN.as_slice(), &[("client_id", "public")]].concat()).await;
    assert_eq!(reply.said(), "400 unauthorized_client", "{reply:?}");
}

#[tokio::test]
async fn rfc6749_4_4_2_scopes_of_the_registration_only() {
    let bank = Bank::new().await;
    for scope in ["quotes", "accounts quotes", "nothing"] {
        let fields = [("grant_type", "client_credentials"), ("scope", scope)];
        assert_eq!(bank.post_as("web", "/token", &fields).await.said(), "400 invalid_scope", "{scope}");
    }
}

#[tokio::test]
async fn rfc6749_3_2_forms_by_post() {
    let bank = Bank::new().await;
    let (form, authorization) = (("content-type", "application/x-www-form-urlencoded"), basic("web"));
    let body = "grant_type=client_credentials&scope=accounts";
    let get = bank.send("GET", "/token", &[form, ("authorization", &authorization)], body).await;
    assert_eq!((get.status, get.header("allow")), (405, "POST"), "{get:?}");
    let json = ("content-type", "application/json");
    let other = bank.send("POST", "/token", &[json, ("authorization", &authorization)], body).await;
    assert_eq!((other.status, other.cause()), (400, "request.content_type"), "{other:?}");
}
