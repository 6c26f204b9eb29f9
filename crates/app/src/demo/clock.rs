//! The demo's clock, which can be moved, and its seeded secrets.

use crate::ops::Extra;
use crate::system::SystemClock;
use bytes::Bytes;
use http::{Method, Request, Response};
use mandate_core::{Clock, Digest, Entropy, Secret, Timestamp, format};
use mandate_wire::dialect::json_answer;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

/// The system's clock plus what it was moved by. Only forward.
#[derive(Debug)]
pub(crate) struct DemoClock {
    system: SystemClock,
    moved_ms: AtomicI64,
    /// Remembers how far it was moved, so that a second start in the folder does not go back in time.
    file: PathBuf,
}

/// Furthest the clock can be moved in one step: ten years.
const FURTHEST_S: i64 = 10 * 366 * 86_400;

impl DemoClock {
    pub(crate) fn new(dir: &Path) -> Self {
        let file = dir.join("clock-moved-ms");
        let moved = std::fs::read_to_string(&file).ok().and_then(|t| t.trim().parse().ok()).unwrap_or(0);
        Self { system: SystemClock::new(), moved_ms: AtomicI64::new(moved), file }
    }

    /// `GET` tells the time, `POST {"advance_s": N}` moves it. Wants the demo's administrator token.
    pub(crate) fn endpoint(self: &Arc<Self>, token: &Secret) -> Extra {
        let (clock, token) = (self.clone(), token.digest());
        Arc::new(move |request| {
            (request.uri().path() == "/demo/clock").then(|| clock.answer(request, &token))
        })
    }

    fn answer(&self, request: &Request<Bytes>, token: &Digest) -> Response<Bytes> {
        let sent = request.headers().get(http::header::AUTHORIZATION).and_then(|v| v.to_str().ok());
        let sent = sent.and_then(|v| v.strip_prefix("Bearer ")).unwrap_or("");
        if Digest::of(sent.as_bytes()) != *token {
            let words =
                "the demo's clock wants the administrator token of the sheet, as Authorization: Bearer";
            return json_answer(401, &json!({"error": "invalid_token", "message": words}));
        }
        if request.method() == Method::POST {
            let body: Option<serde_json::Value> = serde_json::from_slice(request.body()).ok();
            let advance = body.as_ref().and_then(|b| b.get("advance_s")).and_then(serde_json::Value::as_f64);
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_precision_loss,
                reason = "bounded on the line before"
            )]
            let ms = advance.filter(|s| (0.0..=FURTHEST_S as f64).contains(s)).map(|s| (s * 1000.0) as i64);
            let Some(ms) = ms else {
                let words = "send {\"advance_s\": N} with a number of seconds from 0 to ten years";
                return json_answer(400, &json!({"error": "invalid_request", "message": words}));
            };
            let moved = self.moved_ms.fetch_add(ms, Ordering::AcqRel) + ms;
            if let Err(error) = std::fs::write(&self.file, moved.to_string()) {
                tracing::warn!(%error, "how far the clock was moved cannot be remembered");
            }
        } else if request.method() != Method::GET {
            return json_answer(405, &json!({"error": "invalid_request", "message": "GET or POST"}));
        }
        json_answer(200, &json!({"now": format::rfc3339(self.now())}))
    }
}

impl Clock for DemoClock {
    fn now(&self) -> Timestamp {
        self.system.now().plus_millis(self.moved_ms.load(Ordering::Acquire))
    }
    /// Leases are never judged by the clock that can be moved (SECURITY R12).
    fn monotonic(&self) -> Duration {
        self.system.monotonic()
    }
    fn is_moved(&self) -> bool {
        self.moved_ms.load(Ordering::Relaxed) != 0
    }
}

/// The same bytes for the same seed: what stands on the sheet of a seeded demo. Never used for anything else.
#[derive(Debug)]
pub(crate) struct Seeded {
    seed: u64,
    block: AtomicU64,
}

impl Seeded {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, block: AtomicU64::new(0) }
    }
}

impl Entropy for Seeded {
    fn fill(&self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(32) {
            let block = self.block.fetch_add(1, Ordering::Relaxed);
            let digest = Digest::of(format!("mandate demo {} {block}", self.seed).as_bytes());
            chunk.copy_from_slice(&digest.as_bytes()[..chunk.len()]);
        }
    }
}
