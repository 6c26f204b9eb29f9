//! Who may call at all (SECURITY R20).

use super::{ACCOUNT, Bench, Got};
use http::StatusCode;
use mandate_wire::identity::IdentityKey;
use std::sync::Arc;
use std::sync::atomic::Ordering;

fn is_refused(got: &Got) {
    let message = got.refused(401, 40_110_000);
    assert_eq!(message, "no signed identity: this API is reached through the gate only");
}

#[tokio::test]
async fn r20_a_call_without_a_signed_identity_is_refused() {
    let bench = Bench::new().await;
    for target in ["/v2/account", "/v2/calendar", "/accounts", "/quotes/AAPL", "/nothing"] {
        is_refused(&bench.send("GET", target, &[], "").await);
    }
    for target in ["/v2/clock", "/health"] {
        let got = bench.send("GET", target, &[], "").await;
        assert_eq!(got.status, StatusCode::OK, "{target} is for everybody, as the platform files have it");
    }
    is_refused(&bench.send("POST", "/v2/orders", &[], "x".repeat(2 << 20)).await);
}

#[tokio::test]
async fn r20_a_forged_identity_is_refused() {
    let bench = Bench::new().await;
    let claims = bench.claims("key", ACCOUNT, "GET", "/v2/account");
    let good = bench.key.sign(&claims);
    assert_eq!(
        bench.send("GET", "/v2/account", std::slice::from_ref(&good), "").await.status,
        StatusCode::OK
    );

    let other_key = IdentityKey::new(&[8; 32]).sign(&claims);
    let unsigned = format!("{}.", good.rsplit_once('.').unwrap().0);
    for forged in [other_key, unsigned, String::new(), "x.y.z".into(), format!("{good}x")] {
        is_refused(&bench.send("GET", "/v2/account", &[forged], "").await);
    }
    is_refused(&bench.send("GET", "/v2/account", &[good.clone(), good], "").await);
}

#[tokio::test]
async fn r20_an_identity_is_good_for_its_own_request_only() {
    let bench = Bench::new().await;
    let identity = bench.key.sign(&bench.claims("key", ACCOUNT, "GET", "/v2/orders?status=all"));
    for (method, target) in [
        ("GET", "/v2/account"),
        ("GET", "/v2/orders"),
        ("GET", "/v2/orders?status=open"),
        ("GET", "/v2/orders?status=all&limit=1"),
        ("GET", "/v2/orders?status=%61ll"),
        ("DELETE", "/v2/orders?status=all"),
        ("HEAD", "/v2/orders?status=all"),
    ] {
        let got = bench.send(method, target, std::slice::from_ref(&identity), "").await;
        assert_eq!(got.status, StatusCode::UNAUTHORIZED, "{method} {target}");
    }
    assert_eq!(bench.send("GET", "/v2/orders?status=all", &[identity], "").await.status, StatusCode::OK);
}

#[tokio::test]
async fn r20_an_identity_expires() {
    let bench = Bench::new().await;
    let identity = [bench.key.sign(&bench.claims("key", ACCOUNT, "GET", "/v2/account"))];
    bench.clock.0.fetch_add(29, Ordering::Relaxed);
    bench.send("GET", "/v2/account", &identity, "").await.ok();
    bench.clock.0.fetch_add(1, Ordering::Relaxed);
    is_refused(&bench.send("GET", "/v2/account", &identity, "").await);
    bench.clock.0.fetch_sub(60, Ordering::Relaxed);
    is_refused(&bench.send("GET", "/v2/account", &identity, "").await);
}

#[tokio::test]
async fn r20_a_new_key_replaces_the_old_one() {
    let bench = Bench::new().await;
    let old = [bench.key.sign(&bench.claims("key", ACCOUNT, "GET", "/v2/account"))];
    let key = Arc::new(IdentityKey::new(&[9; 32]));
    assert_eq!(bench.sample.start(key.clone()).await.unwrap(), bench.address);
    is_refused(&bench.send("GET", "/v2/account", &old, "").await);
    let new = [key.sign(&bench.claims("key", ACCOUNT, "GET", "/v2/account"))];
    bench.send("GET", "/v2/account", &new, "").await.ok();
}

#[tokio::test]
async fn callers_get_their_own_calls_only() {
    let bench = Bench::new().await;
    bench.call_as("none", "", "GET", "/v2/clock", "").await.ok();
    for target in ["/v2/account", "/v2/stocks/bars?symbols=AAPL&timeframe=1Day", "/v1/accounts"] {
        bench.call_as("none", "", "GET", target, "").await.refused(403, 40_310_000);
    }
    bench.call_as("partner", "sunrise", "GET", "/v2/account", "").await.refused(403, 40_310_000);
    bench.call_as("partner", "sunrise", "GET", "/v2/stocks/snapshots?symbols=AAPL", "").await.ok();
    for target in ["/v1/accounts", "/v1/accounts/x", "/v1/trading/accounts/x/orders"] {
        bench.get(target).await.refused(403, 40_310_000);
    }
}

#[tokio::test]
async fn strange_requests_are_answered() {
    let bench = Bench::new().await;
    for target in
        ["/", "/v2", "/v2/", "/v2/account/", "/v2//account", "/v3/account", "/v2/stocks/AAPL", "/v2/%FF"]
    {
        bench.get(target).await.refused(404, 40_410_000);
    }
    bench.call("PUT", "/v2/account", serde_json::json!({})).await.refused(404, 40_410_000);
    let large = bench.call_as("key", ACCOUNT, "POST", "/v2/orders", vec![b' '; (1 << 20) + 1]).await;
    large.refused(413, 41_310_000);
    for body in [&b""[..], b"[]", b"{", b"\"\"", b"{\"symbol\":\"\xff\"}"] {
        let got = bench.call_as("key", ACCOUNT, "POST", "/v2/orders", body.to_vec()).await;
        got.refused(400, 40_010_000);
    }
}

#[tokio::test]
async fn head_is_get_without_a_body() {
    let bench = Bench::new().await;
    let get = bench.get("/v2/account").await;
    let head = bench.call_as("key", ACCOUNT, "HEAD", "/v2/account", "").await;
    assert_eq!((head.status, head.raw.len()), (StatusCode::OK, 0));
    assert_eq!(head.headers["content-type"], get.headers["content-type"]);
    assert_eq!(head.headers["content-length"], get.raw.len().to_string());
    let none = bench.call_as("key", ACCOUNT, "HEAD", "/v2/orders/none", "").await;
    assert_eq!((none.status, none.raw.len()), (StatusCode::NOT_FOUND, 0));
}
