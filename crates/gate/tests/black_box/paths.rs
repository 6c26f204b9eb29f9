//! The bytes that are decided on are the bytes that are forwarded.

use crate::api::Api;
use crate::house::{House, KEY, platform};
use mandate_core::platform::Routed;
use proptest::prelude::*;
use proptest::string::string_regex;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

#[tokio::test]
async fn paths_with_two_readings_are_refused() {
    let api = Api::start().await;
    let house = House::before(&api).await;
    for path in [
        "/v2/orders/../account",
        "/v2/orders/%2e%2e",
        "/v2/orders/..;x",
        "/v2//account",
        "/v2%2Faccount",
        "/v2/assets/a%5cb",
        "/v2/assets/a%00",
        "/v2/assets/%252e%252e",
        "http://paper-api.test/v2/account",
        "/v2/%61ccount",
        "/v2/orders/a%zz",
    ] {
        let answer = house.ask(&format!("GET {path}"), KEY).await;
        assert_eq!((answer.status, answer.cause().as_str()), (400, "request.malformed"), "{path}");
    }
    assert!(api.all().is_empty());
}

#[tokio::test]
async fn unknown_paths_and_methods_are_told_apart() {
    let api = Api::start().await;
    let house = House::before(&api).await;
    for line in ["GET /v3/account", "GET /v2/account/", "GET /V2/account", "GET /"] {
        let answer = house.ask(line, KEY).await;
        assert_eq!((answer.status, answer.cause().as_str()), (404, "request.path_unknown"), "{line}");
    }
    for (line, allow) in [("DELETE /v2/account", "GET, HEAD"), ("PURGE /v2/orders", "GET, POST, HEAD")] {
        let answer = house.ask(line, KEY).await;
        assert_eq!((answer.status, answer.cause().as_str()), (405, "request.method_not_allowed"), "{line}");
        assert_eq!(answer.get("allow"), Some(allow));
    }
    let head = house.ask("HEAD /v3/account", KEY).await;
    assert_eq!((head.status, head.cause().as_str(), head.body.len()), (404, "request.path_unknown", 0));
    assert!(api.all().is_empty());
}

/// Whatever is asked for: if it is forwarded, then unchanged, signed for exactly these bytes, and on a route that the
/// platform has, whether or not the path is decoded.
#[test]
fn what_is_forwarded_is_what_was_decided_on() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (api, house) = runtime.block_on(async {
        let api = Api::start().await;
        let house =
            House::built(api.address, crate::house::Plans { per_minute: 1_000_000, ..Default::default() })
                .await;
        (api, house)
    });
    let snapshot = platform(1);
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner =
        TestRunner::new_with_rng(Config { cases: 1500, failure_persistence: None, ..Config::default() }, rng);
    let segment =
        "(v2|account|orders|assets|[a-z0-9.%;:@-]{0,6}|%2[eEfF]|%6[0-9a-f]ccount|\\.\\.|%[0-9a-f]{2})";
    let paths = (
        "GET|HEAD|POST|DELETE",
        prop_oneof![
            string_regex(&format!("(/{segment}){{1,4}}")).unwrap(),
            string_regex(&format!("/v2/(orders|assets)(/{segment}){{1,2}}")).unwrap(),
        ],
        prop_oneof![Just(String::new()), "\\?[a-z0-9=&%./]{0,12}"],
    );
    let forwarded = std::cell::Cell::new(0);
    runner
        .run(&paths, |(method, path, query)| {
            api.received.lock().unwrap().clear();
            let target = format!("{path}{query}");
            let answer = runtime.block_on(house.ask(&format!("{method} {target}"), KEY));
            let Some(got) = api.received.lock().unwrap().pop() else {
                prop_assert!(answer.status >= 400);
                return Ok(());
            };
            forwarded.set(forwarded.get() + 1);
            prop_assert_eq!(&got.line, &format!("{} {} HTTP/1.1", method, target));
            let claims = house.claims(got.get("mandate-identity").unwrap()).unwrap();
            prop_assert_eq!((claims.htm, claims.htu), (method.clone(), target));
            prop_assert!(matches!(
                snapshot.route(mandate_wire::dialect::alpaca::REST, &method, &path),
                Routed::Route(..)
            ));
            prop_assert!(
                !path.contains("//") && !path.contains("%2f") && !path.split('/').any(|s| s == "..")
            );
            Ok(())
        })
        .unwrap();
    assert!(forwarded.get() > 100, "{forwarded:?}");
}
