//! The API of the `lseg` sample platform: prices of the past, news, valuations, and where streams are.

mod history;
mod news;
mod valuation;

use super::answer::{Answer, Reply};
use super::calls::Call;
use http::{Method, StatusCode};
use serde_json::{Value, json};

/// Calls whose path ends with a slash.
pub(super) const SLASHED: [&str; 2] = ["/streaming/pricing/v1/", "/data/pricing/snapshots/v1/"];

/// Finds the function for a call of this API.
pub(super) fn answer(call: &Call<'_>, method: &Method, path: &[&str]) -> Option<Reply> {
    let (get, post) = (*method == Method::GET, *method == Method::POST);
    Some(match path {
        ["data", "historical-pricing", "v1", "views", view, ric] if get => history::view(call, view, ric)?,
        ["data", "news", "v1", "headlines"] if get => news::headlines(call),
        ["data", "news", "v1", "stories", id] if get => news::story(call, id),
        ["data", "quantitative-analytics", "v1", "financial-contracts"] if post => valuation::contracts(call),
        ["data", "pricing", "snapshots", "v1", ""] if get => history::snapshots(call),
        ["streaming", "pricing", "v1", ""] | ["streaming", "pricing", "v1"] if get => streams(call),
        _ => return None,
    })
}

/// `GET /streaming/pricing/v1/`: the addresses of websocket streams. A client speaks TLS if the port is 443.
fn streams(call: &Call<'_>) -> Reply {
    let streams = call.streams();
    let services = streams.iter().map(|(host, port)| {
        json!({
            "port": port,
            "location": ["local-1a"],
            "transport": "websocket",
            "provider": "sample",
            "endpoint": host,
            "dataFormat": ["tr_json2"],
        })
    });
    let wanted = call.query.get("transport").is_none_or(|transport| transport == "websocket");
    let services: Vec<Value> = if wanted { services.collect() } else { Vec::new() };
    Ok(Answer::ok(json!({"services": services})))
}

/// 400 in the words of this API: which parameter, and why.
fn invalid(call: &Call<'_>, key: &str, reason: &str) -> Answer {
    error(call, StatusCode::BAD_REQUEST, "400", "Validation error", &json!([{"key": key, "reason": reason}]))
}

fn error(call: &Call<'_>, status: StatusCode, code: &str, message: &str, errors: &Value) -> Answer {
    let word = status.canonical_reason().unwrap_or_default();
    let mut error = json!({"id": call.id(), "code": code, "message": message, "status": word});
    if let (Some(map), Value::Array(_)) = (error.as_object_mut(), errors) {
        map.insert("errors".into(), errors.clone());
    }
    Answer { status, body: Some(json!({"error": error})) }
}

/// A segment of a path, decoded.
fn decoded(segment: &str) -> Option<String> {
    let whole = format!("x={}", segment.replace('+', "%2B"));
    let value = url::form_urlencoded::parse(whole.as_bytes()).next()?.1.into_owned();
    (!value.contains('\u{fffd}')).then_some(value)
}
