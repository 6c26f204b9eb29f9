//! What stands in access tokens (RFC 9068) and ID tokens (OpenID Connect Core section 2), and which of them are taken.

use super::{API, Bank, ISSUER, OTHER_API, Reply};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use mandate_core::settings::IdTokenAlg;
use mandate_wire::jose::Alg;
use serde_json::{Value, json};

fn header(text: &str) -> Value {
    let part = text.split('.').next().unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// What `/userinfo` says of a bearer token.
async fn userinfo(bank: &Bank, token: &str) -> Reply {
    bank.send("GET", "/userinfo", &[("authorization", &format!("Bearer {token}"))], "").await
}

#[tokio::test]
async fn rfc9068_2_an_access_token() {
    let bank = Bank::new().await;
    let tokens = bank.tokens("openid accounts").await;
    let text = tokens.text("access_token");
    assert_eq!(header(&text)["typ"], "at+jwt");
    let mut claims = tokens.claims("access_token");
    let jti = claims["jti"].as_str().map(str::to_owned);
    assert!(jti.is_some_and(|jti| jti.len() >= 20), "{claims}");
    for name in ["jti", "grant", "chain", "off", "auth_time"] {
        claims.as_object_mut().unwrap().remove(name);
    }
    let now = bank.now().seconds();
    let expected = json!({
        "iss": ISSUER, "sub": "u-ann", "aud": [API, OTHER_API], "exp": now + 600, "iat": now, "client_id": "web",
        "scope": "accounts openid",
    });
    assert_eq!(claims, expected);
}

#[tokio::test]
async fn rfc9068_2_1_signed_as_registered() {
    let bank = Bank::new().await;
    for (name, alg) in [
        ("ES256", IdTokenAlg::Es256),
        ("EdDSA", IdTokenAlg::EdDsa),
        ("PS256", IdTokenAlg::Ps256),
        ("RS256", IdTokenAlg::Rs256),
    ] {
        bank.app(name, |settings| settings.access_token_alg = alg).await;
        let code = bank.code(&[("client_id", name)]).await;
        let text = bank.redeem(name, &code, &[]).await.text("access_token");
        assert_eq!(header(&text)["alg"], name);
        assert_eq!(userinfo(&bank, &text).await.said(), "200", "{name}");
    }
}

#[tokio::test]
async fn rfc9068_3_the_audience_is_the_resource() {
    let bank = Bank::new().await;
    let code = bank.code(&[("resource", OTHER_API)]).await;
    assert_eq!(bank.redeem("web", &code, &[]).await.claims("access_token")["aud"], OTHER_API);
}

#[tokio::test]
async fn rfc9068_4_only_access_tokens_of_this_issuer_are_taken() {
    let bank = Bank::new().await;
    let claims = bank.tokens("openid").await.claims("access_token");
    let keys = bank.tenant.keys.as_ref().unwrap();
    let sign = |typ: &str, claims: &Value| keys.signer(Alg::Es256).unwrap().sign(typ, claims).unwrap();
    assert_eq!(userinfo(&bank, &sign("at+jwt", &claims)).await.said(), "200");
    assert_eq!(userinfo(&bank, &sign("application/at+jwt", &claims)).await.said(), "200");
    assert_eq!(userinfo(&bank, &sign("JWT", &claims)).await.said(), "401 invalid_token");
    let mut elsewhere = claims;
    elsewhere["iss"] = "https://other.example".into();
    assert_eq!(userinfo(&bank, &sign("at+jwt", &elsewhere)).await.said(), "401 invalid_token");
}

#[tokio::test]
async fn oidc_core_2_an_id_token() {
    let bank = Bank::new().await;
    let signed_in = bank.now().seconds();
    bank.advance(30);
    let code = bank.code(&[("nonce", "n-1"), ("max_age", "3600")]).await;
    let mut claims = bank.redeem("web", &code, &[]).await.claims("id_token");
    for name in ["acr", "sid"] {
        claims.as_object_mut().unwrap().remove(name);
    }
    let now = bank.now().seconds();
    let expected = json!({
        "iss": ISSUER, "sub": "u-ann", "aud": "web", "exp": now + 600, "iat": now, "auth_time": signed_in,
        "nonce": "n-1",
    });
    assert_eq!(claims, expected);
}

#[tokio::test]
async fn oidc_core_3_1_3_7_an_id_token_is_signed_as_registered() {
    let bank = Bank::new().await;
    bank.app("ed", |settings| settings.id_token_alg = IdTokenAlg::EdDsa).await;
    let code = bank.code(&[("client_id", "ed")]).await;
    let tokens = bank.redeem("ed", &code, &[]).await;
    assert_eq!(header(&tokens.text("id_token"))["alg"], "EdDSA");
    let code = bank.code(&[]).await;
    assert_eq!(header(&bank.redeem("web", &code, &[]).await.text("id_token"))["alg"], "ES256");
}

#[tokio::test]
async fn oidc_core_12_2_a_refreshed_id_token() {
    let bank = Bank::new().await;
    let code = bank.code(&[("nonce", "n-1")]).await;
    let first = bank.redeem("web", &code, &[]).await;
    bank.advance(30);
    let fresh = bank.refresh("web", &first.text("refresh_token"), &[]).await.claims("id_token");
    let old = first.claims("id_token");
    for name in ["iss", "sub", "aud", "auth_time"] {
        assert_eq!(fresh[name], old[name], "{name}");
    }
    assert_eq!(fresh["iat"], json!(bank.now().seconds()));
    assert!(fresh.get("nonce").is_none(), "{fresh}");
}

#[tokio::test]
async fn oidc_core_5_3_userinfo() {
    let bank = Bank::new().await;
    let all = bank.tokens("openid profile email accounts").await;
    let told = userinfo(&bank, &all.text("access_token")).await;
    assert_eq!((told.said().as_str(), told.member("sub")), ("200", json!("u-ann")));
    let authorization = format!("Bearer {}", all.text("access_token"));
    let posted = bank.send("POST", "/userinfo", &[("authorization", &authorization)], "").await;
    assert_eq!(posted.member("sub"), "u-ann", "{posted:?}");
    let without = bank.tokens("accounts").await;
    let told = userinfo(&bank, &without.text("access_token")).await;
    assert_eq!(told.said(), "403 insufficient_scope");
}

#[tokio::test]
async fn oidc_discovery_3_what_is_there() {
    let bank = Bank::new().await;
    let found = bank.get("/.well-known/openid-configuration").await.json();
    assert_eq!(found["jwks_uri"], format!("{ISSUER}/jwks"));
    assert_eq!(found["userinfo_endpoint"], format!("{ISSUER}/userinfo"));
    assert_eq!(found["subject_types_supported"], json!(["public"]));
    assert_eq!(found["id_token_signing_alg_values_supported"], json!(["ES256", "EdDSA", "PS256", "RS256"]));
    let claims = found["claims_supported"].as_array().unwrap();
    assert!(["sub", "iss", "auth_time"].iter().all(|name| claims.contains(&json!(name))), "{found}");
}
