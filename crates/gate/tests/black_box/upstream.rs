//! APIs that fail, redirect, or close connections.

use crate::api::{Api, Reply, reply};
use crate::client::ask;
use crate::house::{House, KEY, Plans};
use mandate_gate::{Limits, Outcome};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

#[tokio::test]
async fn an_api_that_is_down_is_explained() {
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let house = House::built(nobody, Plans::default()).await;
    let answer = house.ask("GET /v2/account", KEY).await;
    assert_eq!((answer.status, answer.cause().as_str()), (502, "server.upstream"));
    let body = answer.json();
    assert_eq!(
        (body["code"].as_i64(), body["decision_id"].as_str()),
        (Some(50_210_000), answer.get("mandate-decision"))
    );
    assert_eq!(answer.number("x-ratelimit-remaining"), 199);
    let record = house.records.lock().unwrap()[0].clone();
    assert_eq!(Some(record.id.as_str()), answer.get("mandate-decision"));
    assert_eq!(record.refusal.subjects.account_owner, Some("alice".into()));
    let public = house.ask("GET /v2/clock", "").await;
    assert_eq!((public.status, public.cause().as_str()), (502, "server.upstream"));
    assert_eq!(house.metrics.count(Outcome::UpstreamFailed), 2);
}

#[tokio::test]
async fn redirects_and_nonsense_are_turned() {
    for raw in [
        "HTTP/1.1 301 Moved\r\nLocation: http://elsewhere/\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 307 Temporary\r\nLocation: /v2/account/\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "nonsense\r\n\r\n",
    ] {
        let api = Api::behaving(move |_| Reply::Pieces(vec![raw.as_bytes().to_vec()])).await;
        let house = House::before(&api).await;
        let answer = house.ask("GET /v2/account", KEY).await;
        assert_eq!((answer.status, answer.cause().as_str()), (502, "server.upstream"), "{raw}");
        assert!(answer.get("location").is_none());
        assert_eq!(api.all().len(), 1, "asked once");
    }
    let api = Api::behaving(|_| reply("404 Not Found\r\nContent-Type: a/b", "no such order")).await;
    let answer = House::before(&api).await.ask("GET /v2/orders/1", KEY).await;
    assert_eq!(
        (answer.status, answer.body.as_slice(), answer.get("mandate-cause")),
        (404, &b"no such order"[..], None)
    );
}

#[tokio::test]
async fn an_api_that_takes_too_long_is_not_waited_for() {
    let api = Api::behaving(|_| Reply::Silence).await;
    let limits = Limits { answer: Duration::from_millis(50), ..Limits::default() };
    let house = House::built(api.address, Plans { limits, ..Plans::default() }).await;
    // An order that may have been placed must not be repeated, and clients repeat what got 504.
    for (line, status) in [("GET /v2/account", 504), ("POST /v2/orders", 502)] {
        let answer = house.ask(line, KEY).await;
        assert_eq!((answer.status, answer.cause().as_str()), (status, "server.upstream"), "{line}");
    }
}

#[tokio::test]
async fn an_answer_may_not_pause_for_ever() {
    let api = Api::behaving(|got| match got.target() {
        "/v2/account" => Reply::Pieces(vec![b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab".to_vec()]),
        _ => Reply::Silence,
    })
    .await;
    let limits = Limits { idle: Duration::from_millis(50), ..Limits::default() };
    let house = House::built(api.address, Plans { limits, ..Plans::default() }).await;
    assert!(house.ask("GET /v2/account", KEY).await.broken);
}

/// An API that closes a kept connection, without saying so, when the second request comes on it.
async fn closing() -> (Api, House) {
    let seen = AtomicUsize::new(0);
    let api = Api::behaving(move |_| match seen.fetch_add(1, Ordering::Relaxed) {
        1 => Reply::Hang,
        _ => reply("200 OK", "{}"),
    })
    .await;
    let house = House::before(&api).await;
    assert_eq!(house.ask("GET /v2/account", KEY).await.status, 200);
    (api, house)
}

#[tokio::test]
async fn a_stale_connection_costs_one_retry() {
    let (api, house) = closing().await;
    assert_eq!(house.ask("GET /v2/account", KEY).await.status, 200);
    assert_eq!((house.metrics.retried(), house.metrics.connected(), api.all().len()), (1, 2, 3));
    // Spent once.
    assert_eq!(house.ask("GET /v2/account", KEY).await.number("x-ratelimit-remaining"), 197);
}

#[tokio::test]
async fn an_order_is_never_sent_twice() {
    for body in ["", "{}"] {
        let (api, house) = closing().await;
        let length = body.len();
        let request = format!(
            "POST /v2/orders HTTP/1.1\r\nHost: paper-api.test\r\n{KEY}Content-Length: {length}\r\n\r\n{body}"
        );
        let answer = ask(house.address, request).await;
        assert_eq!((answer.status, answer.cause().as_str()), (502, "server.upstream"));
        assert_eq!((house.metrics.retried(), api.all().len()), (0, 2));
    }
}

#[tokio::test]
async fn a_connection_that_was_closed_while_kept_is_not_used() {
    let api =
        Api::behaving(|_| Reply::ThenClose(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}".to_vec())).await;
    let house = House::before(&api).await;
    for _ in 0..3 {
        assert_eq!(house.ask("POST /v2/orders", KEY).await.status, 200);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!((house.metrics.retried(), house.metrics.connected()), (0, 3));
}
