//! Who is let through, and what those are told who are not.

use crate::api::Api;
use crate::house::{House, KEY, PARTNER, Plans, START, TOKEN, memory};
use mandate_gate::{Limits, Outcome};
use std::sync::atomic::Ordering;

#[tokio::test]
async fn keys_and_tokens_open_their_routes() {
    let api = Api::start().await;
    let house = House::before(&api).await;
    for (line, credential) in [("GET /v2/account", KEY), ("GET /v2/orders", TOKEN), ("GET /v2/bars", KEY)] {
        let answer = house.ask(line, credential).await;
        assert_eq!((answer.status, answer.body.as_slice()), (200, &br#"{"ok":true}"#[..]), "{answer:?}");
    }
    assert_eq!(*house.uses.lock().unwrap(), ["Key(KeyId(PK1))", "Grant(GrantId(g1))", "Key(KeyId(PK1))"]);
    assert_eq!(house.metrics.count(Outcome::Allowed), 3);

    let refused = house.ask("GET /v2/bars", TOKEN).await;
    assert_eq!((refused.status, refused.cause().as_str()), (401, "licence.delegated_access"));
    assert_eq!(refused.json()["code"], 40_110_000);
    let records = house.records.lock().unwrap().clone();
    assert_eq!(records.len(), 1);
    assert_eq!(
        (&*records[0].route, records[0].id.as_str()),
        ("GET /v2/bars", refused.get("mandate-decision").unwrap())
    );
    assert_eq!(api.all().len(), 3);
}

#[tokio::test]
async fn partners_reach_their_own_accounts_only() {
    let api = Api::start().await;
    let house = House::before(&api).await;
    let ask = |path: &'static str| {
        crate::client::ask(
            house.broker,
            format!("GET {path} HTTP/1.1\r\nHost: broker-api.test\r\n{PARTNER}\r\n"),
        )
    };
    assert_eq!(ask("/v1/accounts/S1").await.status, 200);
    for foreign in ["/v1/accounts/A1", "/v1/accounts/nobody", "/v1/accounts/%531"] {
        assert_eq!(ask(foreign).await.cause(), "account.not_covered", "{foreign}");
    }
    let claims = house.claims(api.only().get("mandate-identity").unwrap()).unwrap();
    assert_eq!((claims.kind.as_str(), claims.sub.as_str(), claims.env.as_str()), ("partner", "sun", "paper"));
}

#[tokio::test]
async fn r21_two_credentials_are_ambiguous() {
    let api = Api::start().await;
    let house = House::before(&api).await;
    for (line, headers) in [
        ("GET /v2/account", format!("{KEY}{TOKEN}")),
        ("GET /v2/account", format!("{TOKEN}{TOKEN}")),
        ("GET /v2/account?access_token=x", KEY.to_owned()),
    ] {
        assert_eq!(house.ask(line, &headers).await.cause(), "credential.ambiguous");
    }
    assert!(api.all().is_empty());
    assert_eq!(house.facts.peeks.load(Ordering::Relaxed), 0);
}

/// Replaces what is fresh in every answer by as many stars.
fn masked(answer: &crate::client::Answer) -> String {
    let mut text =
        format!("{} {:?} {}", answer.status, answer.headers, String::from_utf8_lossy(&answer.body));
    for fresh in ["mandate-decision", "x-request-id"] {
        let id = answer.get(fresh).unwrap();
        text = text.replace(id, &"*".repeat(id.len()));
    }
    text
}

#[tokio::test]
async fn r07_unknown_id_and_wrong_secret_are_one_answer_at_one_price() {
    for slow in [false, true] {
        let api = Api::start().await;
        let mut memory = memory();
        memory.slow = slow;
        let house = House::built(api.address, Plans { memory, ..Plans::default() }).await;
        let mut seen = Vec::new();
        for headers in [
            "APCA-API-KEY-ID: PK1\r\nAPCA-API-SECRET-KEY: wrong!\r\n",
            "APCA-API-KEY-ID: PK9\r\nAPCA-API-SECRET-KEY: secret\r\n",
        ] {
            let (peeks, look_ups) = (&house.facts.peeks, &house.facts.look_ups);
            let before = (peeks.load(Ordering::Relaxed), look_ups.load(Ordering::Relaxed));
            let answer = house.ask("GET /v2/account", headers).await;
            let after = (peeks.load(Ordering::Relaxed), look_ups.load(Ordering::Relaxed));
            assert_eq!(answer.cause(), "credential.rejected");
            let date = answer.get("date").unwrap().to_owned();
            seen.push((masked(&answer).replace(&date, "date"), after.0 - before.0, after.1 - before.1));
        }
        assert_eq!(seen[0], seen[1]);
        assert_eq!((seen[0].1, seen[0].2), (1, 1));
        assert!(house.records.lock().unwrap().is_empty() && api.all().is_empty());
    }
}

#[tokio::test]
async fn r08_a_storm_of_refused_credentials_is_throttled_and_others_go_on() {
    let api = Api::start().await;
    let limits = Limits { attempts_per_minute: 5, ..Limits::default() };
    let house = House::built(api.address, Plans { limits, ..Plans::default() }).await;
    let wrong = "APCA-API-KEY-ID: PK1\r\nAPCA-API-SECRET-KEY: wrong\r\n";
    for _ in 0..5 {
        assert_eq!(house.ask("GET /v2/account", wrong).await.status, 401);
    }
    let throttled = house.ask("GET /v2/account", wrong).await;
    assert_eq!((throttled.status, throttled.cause().as_str()), (429, "attempts.throttled"));
    assert_eq!(throttled.number("retry-after"), 12);
    assert_eq!(house.ask("GET /v2/account", KEY).await.status, 200);
    assert_eq!(house.ask("GET /v2/account", "").await.cause(), "credential.missing");
    house.clock.advance_ms(12_000);
    assert_eq!(house.ask("GET /v2/account", wrong).await.status, 401);
}

#[tokio::test]
async fn without_facts_nothing_is_allowed() {
    let api = Api::start().await;
    let mut memory = memory();
    memory.down = true;
    let house = House::built(api.address, Plans { memory, ..Plans::default() }).await;
    for credential in [KEY, TOKEN] {
        let answer = house.ask("GET /v2/account", credential).await;
        assert_eq!((answer.status, answer.cause().as_str()), (503, "server.storage"));
        assert_eq!(answer.number("retry-after"), 2);
    }
    assert_eq!(house.ask("GET /v2/clock", "").await.status, 200);
    assert_eq!(api.all().len(), 1);
}

#[tokio::test]
async fn a_herd_with_one_key_is_one_look_up() {
    let api = Api::start().await;
    let mut memory = memory();
    memory.slow = true;
    let house = House::built(api.address, Plans { memory, ..Plans::default() }).await;
    let asks = (0..8).map(|_| house.ask("GET /v2/account", KEY));
    let answers = futures_util::future::join_all(asks).await;
    assert!(answers.iter().all(|a| a.status == 200 && a.number("x-ratelimit-limit") == 200));
    assert!(house.facts.look_ups.load(Ordering::Relaxed) <= 8);
    assert_eq!(answers.iter().map(|a| a.number("x-ratelimit-remaining")).min(), Some(192));
    assert!(answers.iter().all(|a| a.number("x-ratelimit-reset") > START));
}
