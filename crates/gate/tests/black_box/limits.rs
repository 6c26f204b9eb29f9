//! Limits, and the headers that tell of them on every answer.

use crate::api::Api;
use crate::house::{House, KEY, PARTNER, Plans, START, TOKEN};
use mandate_gate::Outcome;

fn is_uuid_v4(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() == 36 && bytes[14] == b'4' && [8, 13, 18, 23].iter().all(|i| bytes[*i] == b'-')
}

#[tokio::test]
async fn every_answer_tells_the_limit_and_has_an_id_of_its_own() {
    let api = Api::start().await;
    let house = House::before(&api).await;
    let bad = "APCA-API-KEY-ID: PK1\r\nAPCA-API-SECRET-KEY: wrong\r\n";
    let mut ids = std::collections::HashSet::new();
    for (line, headers, status, remaining) in [
        ("GET /v2/account", KEY, 200, 199),
        ("HEAD /v2/account", KEY, 200, 198),
        ("GET /v2/bars", TOKEN, 401, 198), // refused: shown, not spent
        ("GET /v2/account", TOKEN, 200, 197),
        ("GET /v2/clock", "", 200, 200),
        ("GET /v2/account", "", 401, 200),
        ("GET /v2/account", bad, 401, 200),
        ("GET /nowhere", KEY, 404, 200),
        ("DELETE /v2/account", KEY, 405, 200),
        ("GET /v2//account", KEY, 400, 200),
    ] {
        let answer = house.ask(line, headers).await;
        assert_eq!(answer.status, status, "{line}: {answer:?}");
        assert_eq!(answer.number("x-ratelimit-limit"), 200, "{line}");
        assert_eq!(answer.number("x-ratelimit-remaining"), remaining, "{line}");
        assert!((START..START + 60).contains(&answer.number("x-ratelimit-reset")), "{line}");
        assert!(is_uuid_v4(answer.get("x-request-id").unwrap()), "{line}");
        assert!(ids.insert(answer.get("x-request-id").unwrap().to_owned()));
    }
}

#[tokio::test]
async fn over_the_limit_is_429_and_waiting_as_told_is_enough() {
    let api = Api::start().await;
    let house = House::built(api.address, Plans { per_minute: 3, ..Plans::default() }).await;
    for remaining in [2, 1, 0] {
        assert_eq!(house.ask("GET /v2/account", KEY).await.number("x-ratelimit-remaining"), remaining);
    }
    // The limit is the account's, whatever the credential.
    let over = house.ask("GET /v2/account", TOKEN).await;
    assert_eq!(
        (over.status, over.cause().as_str(), over.json()["code"].as_i64()),
        (429, "rate.limited", Some(42_910_000))
    );
    assert_eq!((over.number("retry-after"), over.number("x-ratelimit-remaining")), (20, 0));
    assert_eq!(over.number("x-ratelimit-reset"), START + 60);
    assert_eq!(house.metrics.count(Outcome::RateLimited), 1);
    assert_eq!(house.records.lock().unwrap().len(), 1);
    house.clock.advance_ms(20_000);
    assert_eq!(house.ask("GET /v2/account", KEY).await.status, 200);
    // A partner has its own.
    let partner = format!("GET /v1/accounts/S1 HTTP/1.1\r\nHost: broker-api.test\r\n{PARTNER}\r\n");
    assert_eq!(crate::client::ask(house.broker, partner).await.number("x-ratelimit-remaining"), 2);
    assert_eq!(api.all().len(), 5);
}
