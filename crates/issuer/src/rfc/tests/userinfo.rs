//! How tokens come to `/userinfo` (RFC 6750).

use super::Bank;

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

#[tokio::test]
async fn rfc6750_2_one_way_in_one_request() {
    let bank = Bank::new().await;
    let token = bank.tokens("openid").await.text("access_token");
    let bearer = format!("Bearer {token}");
    assert_eq!(bank.send("GET", "/userinfo", &[("authorization", &bearer)], "").await.status, 200);
    let body = format!("access_token={token}");
    let both = bank.send("POST", "/userinfo", &[FORM, ("authorization", &bearer)], &body).await;
    assert_eq!((both.status, both.cause()), (400, "credential.ambiguous"), "{both:?}");
}

#[tokio::test]
async fn rfc6750_2_2_a_body_counts_in_a_posted_form_only() {
    let bank = Bank::new().await;
    let body = format!("access_token={}", bank.tokens("openid").await.text("access_token"));
    assert_eq!(bank.send("POST", "/userinfo", &[FORM], &body).await.status, 200);
    let get = bank.send("GET", "/userinfo", &[FORM], &body).await;
    assert_eq!((get.status, get.cause()), (401, "credential.missing"), "{get:?}");
    let text = ("content-type", "text/plain");
    let other = bank.send("POST", "/userinfo", &[text], &body).await;
    assert_eq!((other.status, other.cause()), (401, "credential.missing"), "{other:?}");
}
