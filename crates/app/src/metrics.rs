//! Metrics in the text format of `OpenMetrics`. Labels are few and fixed: no ids, no paths.

use crate::node::Node;
use mandate_gate::Outcome;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    outcome: &'static str,
}

/// The page at `/metrics`.
pub(crate) fn page(node: &Node) -> String {
    let mut registry = Registry::with_prefix("mandate");
    let mut gauge = |name: &str, help: &str, value: i64| {
        let metric: Gauge = Gauge::default();
        metric.set(value);
        registry.register(name, help, metric);
    };
    let whole = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    gauge(
        "log_applied_offset",
        "Newest offset of the log that this node has applied",
        whole(node.cache.feed().applied().0),
    );
    if let Some(lag) = node.cache.lag_ms() {
        gauge("log_lag_milliseconds", "Time since this node last heard from the log", whole(lag));
    }
    gauge("platforms", "Platforms in force", whole(node.platforms().len() as u64));
    gauge(
        "store_reads",
        "Look-ups made in the store since the start, without following the log",
        whole(node.store.reads()),
    );
    gauge(
        "decisions_dropped",
        "Decisions not recorded because too many waited",
        whole(node.behind.dropped()),
    );
    gauge(
        "upstream_connections_opened",
        "Connections made to the APIs behind the gate",
        whole(node.metrics.connected()),
    );
    gauge(
        "upstream_retried",
        "Requests sent again because a kept connection had gone",
        whole(node.metrics.retried()),
    );
    gauge("streams_open", "Websockets that are signed in on", whole(node.gate.open_streams() as u64));
    gauge("streams_opened", "Websockets whose login was accepted", whole(node.metrics.streams_opened()));
    gauge("streams_ended", "Websockets refused or ended by the gate", whole(node.metrics.streams_ended()));
    if node.tls.reads_files() {
        for (name, help, value) in node.tls.metrics() {
            gauge(name, help, whole(value));
        }
    }
    let requests = Family::<Labels, Gauge>::default();
    for outcome in Outcome::ALL.iter().copied() {
        requests.get_or_create(&Labels { outcome: outcome.as_str() }).set(whole(node.metrics.count(outcome)));
    }
    registry.register("gate_requests", "Requests at the gate by outcome", requests);
    let mut out = String::new();
    if encode(&mut out, &registry).is_err() {
        out.clear();
    }
    out
}
