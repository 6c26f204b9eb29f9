//! Websockets: what reaches the API, and what ends a stream from outside.

use crate::sockets::{
    LOGIN, Manner, SUBSCRIBE, api, closed, entry, header, house, next, opened, signed_in, until,
};
use futures_util::SinkExt as _;
use mandate_core::SubjectKind;
use mandate_gate::StreamLimits;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio_tungstenite::tungstenite::Message;

#[tokio::test]
async fn r24_the_api_sees_who_calls_and_neither_credential_nor_login() {
    let (api, seen) = api(Manner::Quiet).await;
    let house = house(api, StreamLimits::default()).await;
    let mut by_header =
        opened(&house, "APCA-API-KEY-ID: PK1\r\nAPCA-API-SECRET-KEY: secret\r\nX-Mine: 1\r\n").await;
    assert!(next(&mut by_header).await.is_some() && next(&mut by_header).await.is_some());
    by_header.send(Message::text(SUBSCRIBE)).await.unwrap();
    until(|| seen.lock().unwrap().messages.len() == 1).await;
    let mut socket = signed_in(&house).await;
    for sent in [SUBSCRIBE, LOGIN, r#"{"action":"unknown"}"#, SUBSCRIBE] {
        socket.send(Message::text(sent)).await.unwrap();
    }
    until(|| seen.lock().unwrap().messages.len() == 3).await;
    let seen = seen.lock().unwrap();
    assert_eq!((&*seen.messages, seen.heads.len()), (&[SUBSCRIBE; 3].map(String::from)[..], 2));
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
    let (api, _) = api(Manner::Quiet).await;
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
    let (api, _) = api(Manner::Quiet).await;
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
    let (api, _) = api(Manner::Floods).await;
    let limits = StreamLimits { patience: Duration::from_millis(700), ..StreamLimits::default() };
    let slow = house(api, limits).await;
    let mut unread = signed_in(&slow).await;
    unread.send(Message::text(SUBSCRIBE)).await.unwrap();
    until(|| slow.gate.open_streams() == 0).await;
    assert_eq!(slow.records.lock().unwrap().len(), 0, "nobody's fault that a record would name");
    let patient = house(api, StreamLimits { patience: Duration::from_mins(10), ..limits }).await;
    let mut unread = signed_in(&patient).await;
    unread.send(Message::text(SUBSCRIBE)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    patient.facts.cut_off.store(true, Ordering::Relaxed);
    patient.gate.hear(&[entry(SubjectKind::Key, "PK1")]);
    until(|| patient.gate.open_streams() == 0).await;
}

#[tokio::test]
async fn a_client_that_gives_no_sign_is_gone() {
    let (api, _) = api(Manner::Quiet).await;
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
