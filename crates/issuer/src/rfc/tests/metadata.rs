//! What the server says about itself (RFC 8414).

use super::{Bank, ISSUER};
use serde_json::{Value, json};

const PATH: &str = "/.well-known/oauth-authorization-server";

async fn document(bank: &Bank) -> Value {
    let reply = bank.get(PATH).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json()
}

/// The grant types that are said to be offered.
pub(super) async fn grants(bank: &Bank) -> Vec<Value> {
    document(bank).await["grant_types_supported"].as_array().cloned().unwrap_or_default()
}

#[tokio::test]
async fn rfc8414_2_what_is_there() {
    let document = document(&Bank::new().await).await;
    let algs = json!(["ES256", "EdDSA", "PS256", "RS256"]);
    for (name, value) in [
        ("issuer", json!(ISSUER)),
        ("authorization_endpoint", json!("https://bank.example/authorize")),
        ("token_endpoint", json!("https://bank.example/token")),
        ("device_authorization_endpoint", json!("https://bank.example/device_authorization")),
        ("response_types_supported", json!(["code"])),
        ("response_modes_supported", json!(["query", "form_post", "jwt", "query.jwt", "form_post.jwt"])),
        (
            "grant_types_supported",
            json!([
                "authorization_code",
                "refresh_token",
                "client_credentials",
                "urn:ietf:params:oauth:grant-type:device_code"
            ]),
        ),
        ("code_challenge_methods_supported", json!(["S256"])),
        ("token_endpoint_auth_signing_alg_values_supported", algs.clone()),
        ("introspection_endpoint_auth_signing_alg_values_supported", algs.clone()),
        ("revocation_endpoint_auth_signing_alg_values_supported", algs),
        ("authorization_response_iss_parameter_supported", json!(true)),
    ] {
        assert_eq!(document[name], value, "{name}");
    }
    for name in [
        "scopes_supported",
        "token_endpoint_auth_methods_supported",
        "revocation_endpoint_auth_methods_supported",
        "introspection_endpoint_auth_methods_supported",
    ] {
        assert!(document[name].as_array().is_some_and(|words| !words.is_empty()), "{name}: {document}");
    }
}

#[tokio::test]
async fn rfc8414_3_where_and_how_it_is_found() {
    let reply = Bank::new().await.get(PATH).await;
    assert_eq!((reply.status, reply.header("content-type")), (200, "application/json"));
    assert_eq!(reply.member("issuer"), ISSUER);
}

#[tokio::test]
async fn rfc8414_3_2_empty_lists_are_left_out() {
    let bank = Bank::with(|platform| platform.scopes.clear()).await;
    let document = document(&bank).await;
    assert_eq!(document.get("scopes_supported"), None);
}
