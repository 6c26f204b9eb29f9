//! Both ends of a websocket: a client, and an API that agrees to one.

use crate::house::{House, Plans};
use futures_util::{SinkExt as _, StreamExt as _};
use mandate_core::log::{Effect, Subject};
use mandate_core::{LogEntry, Offset, SubjectKind, Timestamp};
use mandate_gate::StreamLimits;
use mandate_wire::stream::accept_key;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

pub(crate) type Socket = WebSocketStream<TcpStream>;
pub(crate) const SUBSCRIBE: &str = r#"{"action":"subscribe","trades":["A"]}"#;
pub(crate) const LOGIN: &str = r#"{"action":"auth","key":"PK1","secret":"secret"}"#;
const PATIENCE: Duration = Duration::from_secs(5);

/// What the API has seen: heads, and messages.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) connections: usize,
    pub(crate) heads: Vec<String>,
    pub(crate) messages: Vec<String>,
}

/// How an API takes a websocket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// It agrees, listens, and says nothing.
    Quiet,
    /// It says something at once.
    Greets,
    /// It says something at once and never stops.
    Floods,
    /// It takes its time before it agrees.
    Slow(Duration),
    /// It takes the connection and never answers.
    Mute,
}

/// An API of this manner.
pub(crate) async fn api(manner: Manner) -> (SocketAddr, Arc<Mutex<Seen>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, seen) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(Seen::default())));
    let sees = seen.clone();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let seen = sees.clone();
            tokio::spawn(async move {
                seen.lock().unwrap().connections += 1;
                let head = read_head(&mut stream).await;
                match manner {
                    Manner::Mute => std::future::pending().await,
                    Manner::Slow(pause) => tokio::time::sleep(pause).await,
                    Manner::Quiet | Manner::Greets | Manner::Floods => {}
                }
                let key = header(&head, "sec-websocket-key").unwrap().to_owned();
                seen.lock().unwrap().heads.push(head);
                let answer = format!(
                    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {}\r\n\r\n",
                    accept_key(key.as_bytes())
                );
                stream.write_all(answer.as_bytes()).await.unwrap();
                let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, None).await;
                if manner == Manner::Greets {
                    socket.send(Message::text("good morning")).await.unwrap();
                }
                while manner == Manner::Floods
                    && socket.send(Message::text("x".repeat(100_000))).await.is_ok()
                {}
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

pub(crate) fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    let mut found =
        head.lines().filter_map(|l| l.split_once(": ")).filter(|(n, _)| n.eq_ignore_ascii_case(name));
    let value = found.next().map(|(_, value)| value);
    assert!(found.next().is_none(), "{name} stands twice");
    value
}

pub(crate) async fn opened(house: &House, headers: &str) -> Socket {
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

pub(crate) async fn next(socket: &mut Socket) -> Option<Message> {
    tokio::time::timeout(PATIENCE, socket.next()).await.unwrap().and_then(Result::ok)
}

/// A stream that is signed in on with a key.
pub(crate) async fn signed_in(house: &House) -> Socket {
    let mut socket = opened(house, "").await;
    assert!(next(&mut socket).await.unwrap().to_text().unwrap().contains("connected"));
    socket.send(Message::text(LOGIN)).await.unwrap();
    assert!(next(&mut socket).await.unwrap().to_text().unwrap().contains("authenticated"));
    socket
}

/// Code and cause of the close frame.
pub(crate) async fn closed(socket: &mut Socket) -> (u16, String) {
    loop {
        if let Message::Close(close) = next(socket).await.expect("a close frame") {
            let close = close.unwrap();
            let cause = close.reason.split(' ').next().unwrap().to_owned();
            return (close.code.into(), cause);
        }
    }
}

pub(crate) fn entry(kind: SubjectKind, id: &str) -> LogEntry {
    let subject = Subject { platform: "alpaca".into(), kind, id: id.into() };
    LogEntry { offset: Offset(9), subject, effect: Effect::Kill, reason: None, at: Timestamp::default() }
}

pub(crate) async fn house(api: SocketAddr, streams: StreamLimits) -> House {
    House::built(api, Plans { streams, ..Plans::default() }).await
}

pub(crate) async fn until(done: impl Fn() -> bool) {
    for _ in 0..500 {
        if done() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it did not happen in time");
}
