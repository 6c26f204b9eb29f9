//! Websockets: what reaches the API, and what ends a stream from outside.

use crate::house::{House, Plans};
use futures_util::{SinkExt as _, StreamExt as _};
use mandate_core::log::{Effect, Subject};
use mandate_core::{LogEntry, Offset, SubjectKind, Timestamp};
use mandate_gate::StreamLimits;
use mandate_wire::stream::accept_key;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

type Socket = WebSocketStream<TcpStream>;
const LOGIN: &str = r#"{"action":"auth","key":"PK1","secret":"secret"}"#;
const PATIENCE: Duration = Duration::from_secs(5);

/// What the API has seen: heads, and messages.
#[derive(Debug, Default)]
struct Seen {
    heads: Vec<String>,
    messages: Vec<String>,
}

/// An API that agrees to every websocket; one that floods says something at once and never stops.
async fn api(floods: bool) -> (SocketAddr, Arc<Mutex<Seen>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, seen) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(Seen::default())));
    let sees = seen.clone();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let seen = sees.clone();
            tokio::spawn(async move {
                let head = read_head(&mut stream).await;
                let key = header(&head, "sec-websocket-key").unwrap().to_owned();
                seen.lock().unwrap().heads.push(head);
                let answer = format!(
                    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {}\r\n\r\n",
                    accept_key(key.as_bytes())
                );
                stream.write_all(answer.as_bytes()).await.unwrap();
                let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, None).await;
                while floods && socket.send(Message::text("x".repeat(100_000))).await.is_ok() {}
                while let Some(Ok(message)) = socket.next().await {
                    if let Message::Text(text) = message {
                        seen.lock().unwrap().messages.push(text.to_string());
                    }
                }
            });
        }
    });
    (address, seen)
}

async fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    let mut found =
        head.lines().filter_map(|l| l.split_once(": ")).filter(|(n, _)| n.eq_ignore_ascii_case(name));
    let value = found.next().map(|(_, value)| value);
    assert!(found.next().is_none(), "{name} stands twice");
    value
}

async fn opened(house: &House, headers: &str) -> Socket {
    let mut stream = TcpStream::connect(house.address).await.unwrap();
    let head = format!(
        "GET /feeds/iex?a=1 HTTP/1.1\r\nHost: paper-api.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let answer = read_head(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
    assert_eq!(header(&answer, "sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    WebSocketStream::from_raw_socket(stream, Role::Client, None).await
}

async fn next(socket: &mut Socket) -> Option<Message> {
    tokio::time::timeout(PATIENCE, socket.next()).await.unwrap().and_then(Result::ok)
}

async fn signed_in(house: &House) -> Socket {
    let mut socket = opened(house, "").await;
    assert!(next(&mut socket).await.unwrap().to_text().unwrap().contains("connected"));
    socket.send(Message::text(LOGIN)).await.unwrap();
    assert!(next(&mut socket).await.unwrap().to_text().unwrap().contains("authenticated"));
    socket
}

/// Code and cause of the close frame.
async fn closed(socket: &mut Socket) -> (u16, String) {
    loop {
        if let Message::Close(close) = next(socket).await.expect("a close frame") {
            let close = close.unwrap();
            let cause = close.reason.split(' ').next().unwrap().to_owned();
            return (close.code.into(), cause);
        }
    }
}

fn entry(kind: SubjectKind, id: &str) -> LogEntry {
    let subject = Subject { platform: "alpaca".into(), kind, id: id.into() };
    LogEntry { offset: Offset(9), subject, effect: Effect::Kill, at: Timestamp::default() }
}

async fn house(api: SocketAddr, streams: StreamLimits) -> House {
    House::built(api, Plans { streams, ..Plans::default() }).await
}

async fn until(done: impl Fn() -> bool) {
    for _ in 0..500 {
        if done() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it did not happen in time");
}

#[tokio::test]
async fn r24_the_api_sees_who_calls_and_neither_credential_nor_login() {
    let (api, seen) = api(false).await;
    let house = house(api, StreamLimits::default()).await;
    let mut by_header =
        opened(&house, "APCA-API-KEY-ID: PK1\r\nAPCA-API-SECRET-KEY: secret\r\nX-Mine: 1\r\n").await;
    assert!(next(&mut by_header).await.is_some() && next(&mut by_header).await.is_some());
    let mut socket = signed_in(&house).await;
    let subscribe = r#"{"action":"subscribe","trades":["A"]}"#;
    for sent in [subscribe, LOGIN, r#"{"action":"unknown"}"#, subscribe] {
        socket.send(Message::text(sent)).await.unwrap();
    }
    until(|| seen.lock().unwrap().messages.len() == 2).await;
    let seen = seen.lock().unwrap();
    assert_eq!(seen.messages, [subscribe, subscribe]);
    for head in &seen.heads {
        assert!(head.starts_with("GET /feeds/iex?a=1 HTTP/1.1\r\n"), "{head}");
        let claims = house.claims(header(head, "mandate-identity").unwrap()).unwrap();
        assert_eq!(
            (&*claims.kind, &*claims.sub, &*claims.htm, &*claims.htu),
            ("key", "A1", "GET", "/feeds/iex?a=1")
        );
        assert!(!head.to_lowercase().contains("apca-") && !head.contains("secret"), "{head}");
        assert_ne!(header(head, "sec-websocket-key"), Some("dGhlIHNhbXBsZSBub25jZQ=="));
    }
    assert_eq!(header(&seen.heads[0], "x-mine"), Some("1"));
}

#[tokio::test]
async fn r12_a_lost_lease_closes_every_stream() {
    let (api, _) = api(false).await;
    let house = house(api, StreamLimits::default()).await;
    let (mut one, mut other) = (signed_in(&house).await, signed_in(&house).await);
    house.facts.lease_lost.store(true, Ordering::Relaxed);
    for socket in [&mut one, &mut other] {
        assert_eq!(closed(socket).await, (1013, "server.storage".to_owned()));
    }
    until(|| house.gate.open_streams() == 0).await;
}

#[tokio::test]
async fn r24_what_cannot_be_decided_again_does_not_go_on() {
    let (api, _) = api(false).await;
    let house = house(api, StreamLimits::default()).await;
    let mut socket = signed_in(&house).await;
    house.gate.hear(&[entry(SubjectKind::Account, "A1")]);
    socket.send(Message::text(r#"{"action":"unsubscribe"}"#)).await.unwrap();
    house.facts.cut_off.store(true, Ordering::Relaxed);
    house.gate.hear(&[entry(SubjectKind::Account, "A2"), entry(SubjectKind::Key, "PK1")]);
    assert_eq!(closed(&mut socket).await, (1013, "server.storage".to_owned()));
}

#[tokio::test]
async fn r24_a_client_that_does_not_read_outlives_neither_patience_nor_a_revocation() {
    let (api, _) = api(true).await;
    let limits = StreamLimits { patience: Duration::from_millis(700), ..StreamLimits::default() };
    let slow = house(api, limits).await;
    let _unread = signed_in(&slow).await;
    until(|| slow.gate.open_streams() == 0).await;
    assert_eq!(slow.records.lock().unwrap().len(), 0, "nobody's fault that a record would name");
    let patient = house(api, StreamLimits { patience: Duration::from_mins(10), ..limits }).await;
    let _unread = signed_in(&patient).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    patient.facts.cut_off.store(true, Ordering::Relaxed);
    patient.gate.hear(&[entry(SubjectKind::Key, "PK1")]);
    until(|| patient.gate.open_streams() == 0).await;
}

#[tokio::test]
async fn a_client_that_gives_no_sign_is_gone() {
    let (api, _) = api(false).await;
    let limits = StreamLimits { ping: Duration::from_millis(100), missed: 3, ..StreamLimits::default() };
    let house = house(api, limits).await;
    let mut lively = signed_in(&house).await;
    let silent = signed_in(&house).await;
    let reading = tokio::spawn(async move {
        for _ in 0..10 {
            next(&mut lively).await.unwrap();
        }
        lively
    });
    until(|| house.gate.open_streams() == 1).await;
    let _lively = reading.await.unwrap();
    drop(silent);
}

#[tokio::test]
async fn an_api_that_opens_no_stream_is_a_fault_and_not_the_callers() {
    let (api, _) = api(false).await;
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let house = house(nobody, StreamLimits::default()).await;
    let mut socket = opened(&house, "").await;
    socket.send(Message::text(LOGIN)).await.unwrap();
    assert_eq!(closed(&mut socket).await, (1011, "server.upstream".to_owned()));
    assert_ne!(api, nobody);
    assert_eq!(house.gate.open_streams(), 0);
}
