//! Bodies in both directions.

use crate::api::{Api, Reply, reply};
use crate::client::{Client, ask};
use crate::house::{House, KEY, Plans};
use mandate_gate::Limits;
use std::time::Duration;

fn chunked(pieces: &[&str]) -> String {
    pieces.iter().map(|p| format!("{:x}\r\n{p}\r\n", p.len())).collect::<String>() + "0\r\n\r\n"
}

#[tokio::test]
async fn request_bodies_arrive_whole() {
    let api = Api::behaving(|got| reply("200 OK", std::str::from_utf8(&got.body).unwrap())).await;
    let house = House::before(&api).await;
    let long = "order ".repeat(100_000);
    for (headers, sent, expected) in [
        ("Content-Length: 2\r\n".to_owned(), "{}".to_owned(), "{}".to_owned()),
        (format!("Content-Length: {}\r\n", long.len()), long.clone(), long.clone()),
        ("Transfer-Encoding: chunked\r\n".to_owned(), chunked(&["ab", &long, "c"]), format!("ab{long}c")),
        ("Content-Length: 0\r\n".to_owned(), String::new(), String::new()),
        (String::new(), String::new(), String::new()),
    ] {
        let request = format!("POST /v2/orders HTTP/1.1\r\nHost: paper-api.test\r\n{KEY}{headers}\r\n{sent}");
        let answer = ask(house.address, request).await;
        assert!(answer.status == 200 && answer.body == expected.as_bytes(), "{headers}: {:?}", answer.status);
    }
    let framings: Vec<_> = api.all().iter().map(|got| got.get("content-length").map(str::to_owned)).collect();
    assert_eq!(framings, [Some("2".into()), Some("600000".into()), None, Some("0".into()), Some("0".into())]);
    assert_eq!(house.metrics.connected(), 1, "one connection served them all");
}

#[tokio::test]
async fn a_body_streams_before_it_has_ended() {
    let api = Api::behaving(|got| reply("200 OK", &got.body.len().to_string())).await;
    let house = House::before(&api).await;
    let mut client = Client::connect(house.address).await;
    client.send(format!("POST /v2/orders HTTP/1.1\r\nHost: paper-api.test\r\n{KEY}Expect: 100-continue\r\nContent-Length: 6\r\n\r\n")).await;
    assert_eq!(client.answer(true).await.unwrap().status, 100);
    for piece in ["ab", "cd", "ef"] {
        tokio::time::sleep(Duration::from_millis(5)).await;
        client.send(piece).await;
    }
    assert_eq!(client.answer(false).await.unwrap().body, b"6");
    assert!(api.only().get("expect").is_none());
}

#[tokio::test]
async fn answers_stream_in_every_framing() {
    let big = "x".repeat(300_000);
    let length = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", big.len() + 2);
    let pieces = move |target: &str| match target {
        "/v2/assets/length" => vec![length.clone(), "ab".into(), big.clone()],
        "/v2/assets/chunked" => vec![
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n".into(),
            format!("{:x}\r\n{big}\r\n0", big.len()),
            "\r\nTrailer: x\r\n\r\n".into(),
        ],
        "/v2/assets/empty" => vec!["HTTP/1.1 204 No Content\r\n\r\n".into()],
        "/v2/assets/interim" => {
            vec!["HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 304 Same\r\nETag: e\r\n\r\n".into()]
        }
        _ => vec!["HTTP/1.1 200 OK\r\nContent-Le".into(), "ngth: 0\r\n\r\n".into()],
    };
    let api = Api::behaving(move |got| {
        Reply::Pieces(pieces(got.target()).into_iter().map(String::into_bytes).collect())
    })
    .await;
    let house = House::before(&api).await;
    for (path, status, length) in [
        ("length", 200, 300_002),
        ("chunked", 200, 300_002),
        ("empty", 204, 0),
        ("interim", 304, 0),
        ("split", 200, 0),
    ] {
        let answer = house.ask(&format!("GET /v2/assets/{path}"), KEY).await;
        assert_eq!((answer.status, answer.body.len(), answer.broken), (status, length, false), "{path}");
    }
    assert_eq!(house.metrics.connected(), 1, "one connection served them all");
    assert!(api.all().iter().all(|got| got.connection == 1));
}

#[tokio::test]
async fn an_answer_that_ends_with_its_connection_is_passed_on() {
    let api = Api::behaving(|_| Reply::ThenClose(b"HTTP/1.1 200 OK\r\n\r\nall of it".to_vec())).await;
    let house = House::before(&api).await;
    for _ in 0..2 {
        assert_eq!(house.ask("GET /v2/account", KEY).await.body, b"all of it");
    }
    assert_eq!((house.metrics.connected(), house.metrics.retried()), (2, 0));
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_broken_off() {
    for cut in [
        "Content-Length: 100\r\n\r\nab",
        "Transfer-Encoding: chunked\r\n\r\n5\r\nab",
        "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    ] {
        let api =
            Api::behaving(move |_| Reply::ThenClose(format!("HTTP/1.1 200 OK\r\n{cut}").into_bytes())).await;
        let house = House::before(&api).await;
        let mut client = Client::connect(house.address).await;
        client.send(format!("GET /v2/account HTTP/1.1\r\nHost: paper-api.test\r\n{KEY}\r\n")).await;
        assert!(client.answer(false).await.is_none_or(|a| a.broken), "{cut}");
    }
}

#[tokio::test]
async fn bodies_that_are_too_large_are_refused() {
    let api = Api::start().await;
    let limits = Limits { request_body: 1000, ..Limits::default() };
    let house = House::built(api.address, Plans { limits, ..Plans::default() }).await;
    let body = "x".repeat(1001);
    let declared = house.ask("POST /v2/orders", &format!("{KEY}Content-Length: 1001\r\n")).await;
    assert_eq!((declared.status, declared.cause().as_str()), (413, "request.too_large"));
    assert!(api.all().is_empty());
    let sent = chunked(&[&body]);
    let request = format!(
        "POST /v2/orders HTTP/1.1\r\nHost: paper-api.test\r\n{KEY}Transfer-Encoding: chunked\r\n\r\n{sent}"
    );
    let streamed = ask(house.address, request).await;
    assert_eq!((streamed.status, streamed.cause().as_str()), (413, "request.too_large"));
    assert!(api.all().is_empty(), "the API never saw a whole request");
}

#[tokio::test]
async fn a_sender_that_stops_is_told_so() {
    let api = Api::start().await;
    let limits = Limits { answer: Duration::from_millis(50), ..Limits::default() };
    let house = House::built(api.address, Plans { limits, ..Plans::default() }).await;
    let answer = house.ask("POST /v2/orders", &format!("{KEY}Content-Length: 5\r\n")).await;
    assert_eq!((answer.status, answer.cause().as_str()), (400, "request.body_malformed"));
}
