//! An issuer and a clock in this very process.
#![allow(dead_code, clippy::allow_attributes, reason = "each test uses its part")]

use mandate_session::{BoxFuture, Builder, Clock, Millis, Session, Transport, TransportError};
use serde_json::json;
use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// 2026-01-05T09:00:00Z.
pub(crate) const START: Millis = 1_767_603_600_000;

/// True time, and how far the program's clock is from it.
#[derive(Debug)]
pub(crate) struct Time {
    pub(crate) truth: AtomicI64,
    pub(crate) off: AtomicI64,
}

impl Time {
    pub(crate) fn new(off: Millis) -> Arc<Self> {
        Arc::new(Self { truth: AtomicI64::new(START), off: AtomicI64::new(off) })
    }
    pub(crate) fn now(&self) -> Millis {
        self.truth.load(Ordering::SeqCst)
    }
    pub(crate) fn pass(&self, ms: Millis) {
        self.truth.fetch_add(ms, Ordering::SeqCst);
    }
}

/// The program's clock: sleeping lets true time pass.
struct Program(Arc<Time>);

impl Clock for Program {
    fn now(&self) -> Millis {
        self.0.now() + self.0.off.load(Ordering::SeqCst)
    }
    fn sleep(&self, time: Duration) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            self.0.pass(Millis::try_from(time.as_micros().div_ceil(1_000)).unwrap());
            tokio::task::yield_now().await;
        })
    }
}

/// Numbers that can be had again by their seed (xorshift64*).
#[derive(Debug)]
pub(crate) struct Dice(AtomicU64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed | 1))
    }
    pub(crate) fn below(&self, n: u64) -> u64 {
        let mut x = self.0.load(Ordering::SeqCst);
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        self.0.store(x, Ordering::SeqCst);
        (x.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % n
    }
}

/// An issuer that rotates refresh tokens, repeats its answer until the successor is used, and checks ends strictly.
pub(crate) struct Model {
    pub(crate) time: Arc<Time>,
    pub(crate) dice: Arc<Dice>,
    /// Of 100 requests, so many fail in this way.
    pub(crate) lost: u64,
    pub(crate) broken: u64,
    pub(crate) state: Mutex<Chain>,
    pub(crate) served: AtomicU64,
}

#[derive(Default)]
pub(crate) struct Chain {
    ends: HashMap<String, Millis>,
    current: String,
    previous: String,
    made: u64,
    limited_until: Millis,
    pub(crate) life: i64,
}

impl Model {
    pub(crate) fn new(time: &Arc<Time>, seed: u64, lost: u64, broken: u64) -> Arc<Self> {
        let chain = Chain { current: "given".to_owned(), life: 300, ..Chain::default() };
        Arc::new(Self {
            time: Arc::clone(time),
            dice: Arc::new(Dice::new(seed)),
            lost,
            broken,
            state: Mutex::new(chain),
            served: AtomicU64::new(0),
        })
    }

    /// A session that has this issuer and this time.
    pub(crate) fn session(self: &Arc<Self>) -> Session {
        self.builder().build().unwrap()
    }
    pub(crate) fn builder(self: &Arc<Self>) -> Builder {
        let builder = Session::refresh_token("app", "given").token_endpoint("https://issuer.example/token");
        builder.transport(ToModel(Arc::clone(self))).clock(Program(Arc::clone(&self.time)))
    }

    /// What the API says to a token: true if it is good at this very moment.
    pub(crate) fn admits(&self, token: &str) -> bool {
        self.state.lock().unwrap().ends.get(token).is_some_and(|end| self.time.now() < *end)
    }

    fn answer(
        &self,
        form: &HashMap<String, String>,
    ) -> Result<(u16, serde_json::Value, Option<u64>), TransportError> {
        let now = self.time.now();
        let mut chain = self.state.lock().unwrap();
        if now < chain.limited_until {
            let seconds = u64::try_from((chain.limited_until - now + 999) / 1_000).unwrap();
            return Ok((429, json!({"error": "temporarily_unavailable"}), Some(seconds)));
        }
        let dice = self.dice.below(1_000);
        if dice < 10 {
            // A burst: for a while nobody gets anything.
            chain.limited_until = now + 3_000 + i64::try_from(self.dice.below(12_000)).unwrap();
            return Ok((429, json!({"error": "temporarily_unavailable"}), Some(2)));
        }
        if self.dice.below(100) < self.broken {
            return Ok((503, json!({}), None));
        }
        let sent = form.get("refresh_token").map_or("", String::as_str);
        if sent == chain.previous {
            // The answer was lost: the same successor again.
        } else if sent == chain.current {
            chain.made += 1;
            chain.previous = std::mem::take(&mut chain.current);
            chain.current = format!("refresh-{}", chain.made);
        } else {
            return Ok((400, json!({"error": "invalid_grant"}), None));
        }
        chain.made += 1;
        let token = format!("access-{}", chain.made);
        let end = now + chain.life * 1_000;
        chain.ends.retain(|_, end| *end > now);
        chain.ends.insert(token.clone(), end);
        self.served.fetch_add(1, Ordering::SeqCst);
        if self.dice.below(100) < self.lost {
            return Err(TransportError::Lost("connection reset".to_owned()));
        }
        let body = json!({
            "access_token": token, "token_type": "Bearer", "expires_in": chain.life, "refresh_token": chain.current,
        });
        Ok((200, body, None))
    }
}

struct ToModel(Arc<Model>);

impl Transport for ToModel {
    fn send(
        &self,
        request: http::Request<Vec<u8>>,
    ) -> BoxFuture<'_, Result<http::Response<Vec<u8>>, TransportError>> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            // Requests take their time.
            self.0.time.pass(20 + i64::try_from(self.0.dice.below(200)).unwrap());
            let form = url::form_urlencoded::parse(request.body()).into_owned().collect();
            let (status, body, retry_after) = self.0.answer(&form)?;
            let mut response =
                http::Response::builder().status(status).header("date", http_date(self.0.time.now()));
            if let Some(seconds) = retry_after {
                response = response.header("retry-after", seconds);
            }
            Ok(response.body(body.to_string().into_bytes()).unwrap())
        })
    }
}

/// A date of January 2026, which is all that the tests need.
fn http_date(now: Millis) -> String {
    let since = (now - START) / 1_000 + 9 * 3_600;
    let (day, second) = (5 + since / 86_400, since % 86_400);
    format!("Mon, {day:02} Jan 2026 {:02}:{:02}:{:02} GMT", second / 3_600, second / 60 % 60, second % 60)
}
