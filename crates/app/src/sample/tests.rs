//! The sample API over its socket, with a clock of the test's own.

mod data;
mod identity;
mod marketplace;
mod orders;
mod owners;

use super::Sample;
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use mandate_core::{Clock, Entropy, Timestamp};
use mandate_wire::identity::{Claims, HEADER, IdentityKey};
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

/// A Wednesday, 11:00 in New York.
const NOON: i64 = 1_715_180_400;
const ACCOUNT: &str = "0b1c6a7e-94cf-4cf1-9c26-4d3a2f9b7a10";

#[derive(Debug)]
struct TestClock(AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(self.0.load(Ordering::Relaxed))
    }
    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
}

#[derive(Debug)]
struct Counting(AtomicU64);

impl Entropy for Counting {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(0);
        let number = self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        for (byte, digit) in buffer.iter_mut().rev().zip(number.iter().rev()) {
            *byte = *digit;
        }
    }
}

/// What came back.
#[derive(Debug)]
struct Got {
    status: StatusCode,
    headers: HeaderMap,
    raw: Bytes,
}

impl Got {
    /// The body of a 200.
    #[track_caller]
    fn ok(&self) -> Value {
        assert_eq!(self.status, StatusCode::OK, "{self:?}");
        serde_json::from_slice(&self.raw).unwrap()
    }

    /// The message of a refusal.
    #[track_caller]
    fn refused(&self, status: u16, code: u64) -> String {
        let body: Value = serde_json::from_slice(&self.raw).unwrap();
        assert_eq!((self.status.as_u16(), body["code"].as_u64()), (status, Some(code)), "{body}");
        body["message"].as_str().unwrap().to_owned()
    }
}

/// A running brokerage and its gate's key.
struct Bench {
    sample: Sample,
    address: SocketAddr,
    clock: Arc<TestClock>,
    key: Arc<IdentityKey>,
}

impl Bench {
    async fn new() -> Self {
        let clock = Arc::new(TestClock(AtomicI64::new(NOON)));
        let sample = Sample::new(clock.clone(), Arc::new(Counting(AtomicU64::new(1))));
        let key = Arc::new(IdentityKey::new(&[7; 32]));
        let address = sample.start(key.clone()).await.unwrap();
        Self { sample, address, clock, key }
    }

    /// What the gate says of a call.
    fn claims(&self, kind: &str, subject: &str, method: &str, target: &str) -> Claims {
        let now = self.clock.now().seconds();
        Claims {
            iss: "http://issuer.test".into(),
            aud: "sample".into(),
            sub: subject.into(),
            kind: kind.into(),
            env: "paper".into(),
            client: String::new(),
            grant: String::new(),
            scope: String::new(),
            htm: method.into(),
            htu: target.into(),
            iat: now,
            exp: now + 30,
        }
    }

    async fn send(&self, method: &str, target: &str, identities: &[String], body: impl Into<Bytes>) -> Got {
        let stream = tokio::net::TcpStream::connect(self.address).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let mut request = Request::builder().method(method).uri(target).header("host", "sample");
        for identity in identities {
            request = request.header(HEADER, identity);
        }
        let response = sender.send_request(request.body(Full::new(body.into())).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let raw = body.collect().await.unwrap().to_bytes();
        Got { status: parts.status, headers: parts.headers, raw }
    }

    /// A call that the gate let through.
    async fn call_as(
        &self,
        kind: &str,
        subject: &str,
        method: &str,
        target: &str,
        body: impl Into<Bytes>,
    ) -> Got {
        let identity = self.key.sign(&self.claims(kind, subject, method, target));
        self.send(method, target, &[identity], body).await
    }

    async fn get(&self, target: &str) -> Got {
        self.call_as("key", ACCOUNT, "GET", target, "").await
    }

    async fn call(&self, method: &str, target: &str, body: Value) -> Got {
        self.call_as("token", ACCOUNT, method, target, body.to_string()).await
    }
}
