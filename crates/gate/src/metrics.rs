//! Counters of one gate, for whoever exports them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

macro_rules! outcomes {
    ($($(#[$doc:meta])* $name:ident = $word:literal;)*) => {
        /// What became of a request.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Outcome {$($(#[$doc])* $name,)*}
        impl Outcome {
            /// Every one.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];
            /// The label.
            pub const fn as_str(self) -> &'static str {
                match self {$(Self::$name => $word,)*}
            }
        }
    };
}

outcomes! {
    /// Allowed and forwarded.
    Allowed = "allowed";
    /// Forwarded without identification.
    Public = "public";
    /// A stream was opened.
    Upgraded = "upgraded";
    /// Refused, nothing proven.
    RefusedAnonymous = "refused_anonymous";
    /// Refused, the credential being genuine.
    RefusedProven = "refused_proven";
    /// Over the limit of a plan.
    RateLimited = "rate_limited";
    /// Too many credentials that were not accepted.
    Throttled = "throttled";
    /// No such path or method.
    Unrouted = "unrouted";
    /// Not well-formed, or too large.
    Malformed = "malformed";
    /// The API behind the gate did not answer.
    UpstreamFailed = "upstream_failed";
    /// Facts could not be had.
    FactsUnavailable = "facts_unavailable";
    /// An error of ours.
    Internal = "internal";
}

const KINDS: usize = Outcome::ALL.len();
/// Upper ends of the buckets, in microseconds.
const BOUNDS: [u64; 14] =
    [50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000, 10_000_000];

/// Counters of one gate.
#[derive(Debug, Default)]
pub struct Metrics {
    outcomes: [AtomicU64; KINDS],
    buckets: [AtomicU64; BOUNDS.len() + 1],
    sum_us: AtomicU64,
    connected: AtomicU64,
    retried: AtomicU64,
    streams_opened: AtomicU64,
    streams_ended: AtomicU64,
}

/// How long requests took, up to the head of the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Histogram {
    /// Upper end in microseconds, and how many took at most so long and longer than the bucket before. The last one
    /// has no end.
    pub buckets: Vec<(Option<u64>, u64)>,
    /// All of them together, in microseconds.
    pub sum_us: u64,
}

impl Metrics {
    /// How many requests came to this.
    pub fn count(&self, outcome: Outcome) -> u64 {
        self.outcomes[outcome as usize].load(Ordering::Relaxed)
    }
    /// How long they took.
    pub fn latency(&self) -> Histogram {
        let ends = BOUNDS.iter().copied().map(Some).chain([None]);
        Histogram {
            buckets: ends.zip(self.buckets.iter().map(|b| b.load(Ordering::Relaxed))).collect(),
            sum_us: self.sum_us.load(Ordering::Relaxed),
        }
    }
    /// Connections opened to APIs.
    pub fn connected(&self) -> u64 {
        self.connected.load(Ordering::Relaxed)
    }
    /// Requests sent again because a kept connection had been closed.
    pub fn retried(&self) -> u64 {
        self.retried.load(Ordering::Relaxed)
    }

    pub(crate) fn add(&self, outcome: Outcome, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = BOUNDS.iter().position(|end| us <= *end).unwrap_or(BOUNDS.len());
        self.outcomes[outcome as usize].fetch_add(1, Ordering::Relaxed);
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        self.sum_us.fetch_add(us, Ordering::Relaxed);
    }
    /// Streams whose login was accepted.
    pub fn streams_opened(&self) -> u64 {
        self.streams_opened.load(Ordering::Relaxed)
    }
    /// Streams that the gate refused or ended.
    pub fn streams_ended(&self) -> u64 {
        self.streams_ended.load(Ordering::Relaxed)
    }
    pub(crate) fn add_stream_opened(&self) {
        self.streams_opened.fetch_add(1, Ordering::Relaxed);
    }
    pub(crate) fn add_stream_ended(&self) {
        self.streams_ended.fetch_add(1, Ordering::Relaxed);
    }
    pub(crate) fn add_connected(&self) {
        self.connected.fetch_add(1, Ordering::Relaxed);
    }
    pub(crate) fn add_retried(&self) {
        self.retried.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_request_is_in_one_bucket() {
        let metrics = Metrics::default();
        for ms in [0, 1, 20, 60_000] {
            metrics.add(Outcome::Allowed, Duration::from_millis(ms));
        }
        assert_eq!(metrics.count(Outcome::Allowed), 4);
        let latency = metrics.latency();
        assert_eq!(latency.buckets.iter().map(|(_, n)| n).sum::<u64>(), 4);
        assert_eq!(latency.buckets.last(), Some(&(None, 1)));
    }
}
