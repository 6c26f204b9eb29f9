//! When the API's end of a stream is opened: not before the first message that is for it, unless the API may speak
//! first.

use crate::dialects::{EARLY, RENEWED};
use crate::house::{House, Plans};
use crate::sockets::{
    LOGIN, Manner, SUBSCRIBE, api, closed, entry, header, house, next, opened, signed_in, until,
};
use futures_util::SinkExt as _;
use mandate_core::SubjectKind;
use mandate_gate::{Limits, StreamLimits};
use mandate_wire::dialect::Dialect;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;

/// Where nobody listens.
async fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

async fn speaking(api: SocketAddr, dialect: &'static dyn Dialect) -> House {
    House::built(api, Plans { dialect, ..Plans::default() }).await
}

/// A house that waits so long for an API to agree.
async fn waiting(api: SocketAddr, connect: Duration) -> House {
    let limits = Limits { connect, ..Limits::default() };
    House::built(api, Plans { limits, ..Plans::default() }).await
}

#[tokio::test]
async fn a_stream_calls_the_api_once_with_its_first_message_and_loses_no_order() {
    let (api, seen) = api(Manner::Slow(Duration::from_millis(300))).await;
    let house = house(api, StreamLimits::default()).await;
    let mut socket = signed_in(&house).await;
    for sent in [LOGIN, r#"{"action":"unknown"}"#] {
        socket.send(Message::text(sent)).await.unwrap();
        assert!(next(&mut socket).await.unwrap().to_text().unwrap().contains("error"));
    }
    assert_eq!(
        (seen.lock().unwrap().connections, house.metrics.connected()),
        (0, 0),
        "nothing was for the API"
    );
    let sent: Vec<String> = (0..20).map(|n| SUBSCRIBE.replace("\"A\"", &format!("\"A{n}\""))).collect();
    for message in &sent {
        socket.send(Message::text(message)).await.unwrap();
    }
    until(|| seen.lock().unwrap().messages.len() == sent.len()).await;
    let seen = seen.lock().unwrap();
    assert_eq!((&seen.messages, seen.connections), (&sent, 1));
}

#[tokio::test]
async fn an_idle_stream_outlives_its_api_and_is_told_when_it_needs_it() {
    let limits = StreamLimits { ping: Duration::from_millis(50), missed: 2, ..StreamLimits::default() };
    let house = house(nobody().await, limits).await;
    let mut socket = signed_in(&house).await;
    // Pings to the client, and none to anybody else.
    for _ in 0..8 {
        assert!(matches!(next(&mut socket).await, Some(Message::Ping(_))));
    }
    assert_eq!(house.gate.open_streams(), 1);
    socket.send(Message::text(SUBSCRIBE)).await.unwrap();
    assert_eq!(closed(&mut socket).await, (1011, "server.upstream".to_owned()));
    until(|| house.gate.open_streams() == 0).await;
    assert_eq!(house.metrics.connected(), 1, "tried once");
}

#[tokio::test]
async fn a_stream_that_was_never_called_for_closes_like_any_other() {
    let (api, seen) = api(Manner::Quiet).await;
    let house = house(api, StreamLimits::default()).await;
    let mut leaves = signed_in(&house).await;
    let mut stays = signed_in(&house).await;
    leaves.close(None).await.unwrap();
    until(|| house.gate.open_streams() == 1).await;
    house.gate.stop_streams();
    assert_eq!(closed(&mut stays).await, (1001, "server.stopping".to_owned()));
    assert_eq!(seen.lock().unwrap().connections, 0);
}

#[tokio::test]
async fn r24_a_revocation_ends_a_stream_that_never_called() {
    let (api, seen) = api(Manner::Quiet).await;
    let house = house(api, StreamLimits::default()).await;
    let mut socket = signed_in(&house).await;
    house.facts.revoke("PK1");
    house.gate.hear(&[entry(SubjectKind::Key, "PK1")]);
    assert_eq!(closed(&mut socket).await, (1008, "credential.revoked".to_owned()));
    assert_eq!(seen.lock().unwrap().connections, 0);
}

#[tokio::test]
async fn r24_a_call_is_decided_on_as_things_are_then() {
    let (api, seen) = api(Manner::Quiet).await;
    let house = house(api, StreamLimits::default()).await;
    let mut socket = signed_in(&house).await;
    // An answer: what stood at the beginning has been looked at.
    socket.send(Message::text(LOGIN)).await.unwrap();
    assert!(next(&mut socket).await.unwrap().to_text().unwrap().contains("error"));
    // The entry of the log has not come; the node's memory knows already.
    house.facts.revoke("PK1");
    socket.send(Message::text(r#"{"action":"unsubscribe","trades":["A"]}"#)).await.unwrap();
    assert_eq!(closed(&mut socket).await, (1008, "credential.revoked".to_owned()));
    assert_eq!(seen.lock().unwrap().connections, 0);
}

#[tokio::test]
async fn r24_a_slow_api_is_no_way_to_outlive_a_revocation() {
    let (api, seen) = api(Manner::Mute).await;
    let house = waiting(api, Duration::from_mins(1)).await;
    let mut socket = signed_in(&house).await;
    socket.send(Message::text(SUBSCRIBE)).await.unwrap();
    until(|| seen.lock().unwrap().connections == 1).await;
    house.facts.revoke("PK1");
    let begun = Instant::now();
    house.gate.hear(&[entry(SubjectKind::Key, "PK1")]);
    assert_eq!(closed(&mut socket).await, (1008, "credential.revoked".to_owned()));
    assert!(begun.elapsed() < Duration::from_secs(1));
    assert!(seen.lock().unwrap().messages.is_empty());
}

#[tokio::test]
async fn an_api_that_never_agrees_is_waited_for_as_long_as_for_any() {
    let (api, seen) = api(Manner::Mute).await;
    let house = waiting(api, Duration::from_millis(200)).await;
    let mut socket = signed_in(&house).await;
    socket.send(Message::text(SUBSCRIBE)).await.unwrap();
    assert_eq!(closed(&mut socket).await, (1011, "server.upstream".to_owned()));
    assert_eq!(seen.lock().unwrap().connections, 1);
}

#[tokio::test]
async fn the_api_is_told_who_is_signed_in_when_it_is_called() {
    let (api, seen) = api(Manner::Quiet).await;
    let house = speaking(api, &RENEWED).await;
    let login = |token: &str| {
        let key = format!(r#"{{"NameType":"AuthnToken","Elements":{{"AuthenticationToken":"{token}"}}}}"#);
        Message::text(format!(r#"{{"ID":1,"Domain":"Login","Key":{key}}}"#))
    };
    let mut socket = opened(&house, "User-Agent: samples\r\nCookie: mandate_s=1; a=b\r\nX-Hop: 1\r\n").await;
    for token in ["token-1", "token-2"] {
        socket.send(login(token)).await.unwrap();
        assert!(next(&mut socket).await.unwrap().to_text().unwrap().contains("Login accepted"));
    }
    socket.send(Message::text(r#"{"Type":"Ping"}"#)).await.unwrap();
    assert_eq!(next(&mut socket).await.unwrap().to_text().unwrap(), r#"{"Type":"Pong"}"#);
    assert_eq!(seen.lock().unwrap().connections, 0, "signs of life need no API");
    house.clock.advance_ms(3_600_000);
    for sent in [r#"{"ID":5,"Key":{"Name":"TRI.N"}}"#, r#"{"Type":"Ping"}"#] {
        socket.send(Message::text(sent)).await.unwrap();
    }
    until(|| seen.lock().unwrap().messages.len() == 2).await;
    let seen = seen.lock().unwrap();
    let head = &seen.heads[0];
    let claims = house.claims(header(head, "mandate-identity").unwrap()).unwrap();
    assert_eq!(
        (&*claims.kind, &*claims.client, &*claims.sub, &*claims.scope),
        ("token", "app", "A1", "data")
    );
    assert_eq!((header(head, "user-agent"), header(head, "cookie")), (Some("samples"), Some("a=b")));
    assert_eq!((header(head, "x-hop"), header(head, "host")), (Some("1"), Some("sample.internal")));
}

#[tokio::test]
async fn an_api_that_may_speak_first_is_called_at_the_login() {
    let (api, seen) = api(Manner::Greets).await;
    let house = speaking(api, &EARLY).await;
    let mut socket = signed_in(&house).await;
    assert_eq!(next(&mut socket).await.unwrap().to_text().unwrap(), "good morning");
    assert_eq!(seen.lock().unwrap().connections, 1);
    let house = speaking(nobody().await, &EARLY).await;
    let mut socket = opened(&house, "").await;
    socket.send(Message::text(LOGIN)).await.unwrap();
    assert_eq!(closed(&mut socket).await, (1011, "server.upstream".to_owned()), "a login that is refused");
    assert_eq!(house.gate.open_streams(), 0);
}

#[tokio::test]
async fn a_client_with_long_headers_is_not_kept_waiting_in_memory() {
    let (api, seen) = api(Manner::Quiet).await;
    let house = house(api, StreamLimits::default()).await;
    let mut socket = opened(&house, &format!("X-Long: {}\r\n", "x".repeat(4000))).await;
    assert!(next(&mut socket).await.is_some());
    socket.send(Message::text(LOGIN)).await.unwrap();
    assert!(next(&mut socket).await.unwrap().to_text().unwrap().contains("authenticated"));
    assert_eq!(seen.lock().unwrap().connections, 1);
}
