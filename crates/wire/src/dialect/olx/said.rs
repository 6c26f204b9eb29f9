//! What a refusal looks like: three shapes of bodies, each with what it can be looked up by.

use crate::dialect::{CAUSE, DECISION, header, json_answer};
use crate::explain::error_uri;
use bytes::Bytes;
use http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};
use mandate_core::Class;
use mandate_core::disclosure::FactName;
use mandate_core::refusal::Decision;
use serde_json::{Map, Value, json};
use std::fmt::Write as _;

/// How a refusal is said. A text that is `None` is the catalogue's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    /// RFC 6749's fields, with a title for people where the vendor has one.
    Flat { status: u16, error: &'static str, text: Option<Text>, title: Option<&'static str> },
    /// The API's envelope.
    Envelope { status: u16, detail: Option<&'static str> },
    /// The envelope once more wrapped: what requests without a version get.
    Wrapped { status: u16, detail: &'static str },
    /// What requests with another version get.
    Named { status: u16, kind: &'static str, message: &'static str },
}

/// A text of the vendor's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Text {
    /// As it is.
    Fixed(&'static str),
    /// `Missing parameter: "…" is required`.
    MissingParameter,
}

impl Said {
    pub(super) const fn status(self) -> u16 {
        match self {
            Self::Flat { status, .. }
            | Self::Envelope { status, .. }
            | Self::Wrapped { status, .. }
            | Self::Named { status, .. } => status,
        }
    }
}

/// One fact of a refusal, as its sender may see it.
pub(super) fn shown(decision: &Decision, name: FactName) -> Option<String> {
    let facts = &decision.refusal.facts;
    match &decision.refusal.proof {
        // a merged answer stays merged, whoever asks (SECURITY R7)
        Some(proof) if decision.refusal.true_cause.is_none() => {
            facts.for_holder(proof).get(name).map(mandate_core::disclosure::Value::in_words)
        }
        Some(_) | None => facts.public().get(name).map(mandate_core::disclosure::Value::in_words),
    }
}

/// The catalogue's sentence.
fn point(decision: &Decision) -> String {
    let (facts, template) = (&decision.refusal.facts, decision.refusal.cause.entry().point);
    match &decision.refusal.proof {
        Some(proof) if decision.refusal.true_cause.is_none() => facts.for_holder(proof).fill(template),
        Some(_) | None => facts.public().fill(template),
    }
}

fn title(status: u16) -> &'static str {
    StatusCode::from_u16(status).ok().and_then(|s| s.canonical_reason()).unwrap_or_default()
}

/// The whole answer.
pub(super) fn response(said: &Said, decision: &Decision, issuer: &str) -> Response<Bytes> {
    let mut body = Map::new();
    match *said {
        Said::Flat { error, text, title, .. } => {
            let text = match text {
                Some(Text::Fixed(text)) => text.to_owned(),
                Some(Text::MissingParameter) => {
                    let name = shown(decision, FactName::Parameter).unwrap_or_default();
                    format!("Missing parameter: \"{name}\" is required")
                }
                None => point(decision),
            };
            body.insert("error".into(), json!(error));
            body.insert("error_description".into(), json!(text));
            if let Some(title) = title {
                body.insert("error_human_title".into(), json!(title));
            }
        }
        Said::Envelope { status, detail } => {
            let detail = detail.map_or_else(|| point(decision), str::to_owned);
            body.insert("error".into(), envelope(status, &detail));
        }
        Said::Wrapped { status, detail } => {
            body.insert("data".into(), json!({"error": envelope(status, detail)}));
        }
        Said::Named { kind, message, .. } => {
            body.insert("error".into(), json!({"type": kind, "message": message}));
        }
    }
    let cause = decision.refusal.cause;
    body.insert("cause".into(), json!(cause.id()));
    body.insert("decision_id".into(), json!(decision.id.as_str()));
    body.insert("error_uri".into(), json!(error_uri(issuer, decision.id.as_str())));
    let mut response = json_answer(said.status(), &Value::Object(body));
    let headers = response.headers_mut();
    headers.insert(CAUSE, HeaderValue::from_static(cause.id()));
    headers.insert(DECISION, header(decision.id.as_str()));
    if said.status() == 401 {
        headers.insert(WWW_AUTHENTICATE, challenge(said, decision, issuer));
    }
    if let Some(seconds) = decision.refusal.retry_after_s() {
        headers.insert(RETRY_AFTER, header(&seconds.to_string()));
    }
    response
}

fn envelope(status: u16, detail: &str) -> Value {
    json!({"status": status, "title": title(status), "detail": detail})
}

/// RFC 6750 section 3, with the cause and the decision as further parameters. Without a credential no error code is given
/// (section 3.1).
fn challenge(said: &Said, decision: &Decision, issuer: &str) -> HeaderValue {
    let mut text = String::from("Bearer realm=\"api\"");
    if let Said::Flat { error, .. } = said
        && decision.refusal.cause.class() != Class::CredentialMissing
    {
        let _infallible = write!(text, ", error=\"{error}\"");
    }
    if let Some(scopes) = shown(decision, FactName::ScopesNeeded) {
        let _infallible = write!(text, ", scope=\"{}\"", crate::dialect::rfc::plain(&scopes));
    }
    let _infallible = write!(
        text,
        ", error_uri=\"{}\", cause=\"{}\", decision_id=\"{}\"",
        error_uri(issuer, decision.id.as_str()),
        decision.refusal.cause.id(),
        decision.id
    );
    header(&text)
}
