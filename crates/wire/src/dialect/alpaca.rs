//! The dialect of Alpaca-shaped platforms (its wire facts: docs/dialects/alpaca.md). Every error body holds an
//! integer `code` and a text `message`; anything else rides along.

pub mod broker;
pub mod connect;
pub mod rest;
pub mod streams;

use super::{CAUSE, DECISION, Dialect, Row, header, json_answer};
use crate::credential::{self, Presented};
use crate::explain::{error_uri, facts_object};
use crate::stream::StreamDialect;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response};
use mandate_core::Class;
use mandate_core::disclosure::{BodyTier, View};
use mandate_core::platform::{
    self, Call, CodeText, DialectData, Endpoint, Front, Pages, Surface, SurfaceData, Upstreams,
};
use mandate_core::refusal::{Decision, Refusal};
use serde_json::{Map, Value, json};
use std::fmt::Write as _;

/// The dialect of Alpaca-shaped platforms.
#[derive(Debug)]
pub struct Alpaca;

static CONNECT_DATA: SurfaceData = SurfaceData {
    id: "connect",
    pages: Pages::All,
    upstream: Upstreams::Never,
    endpoints: &[
        Endpoint { path: "/oauth/token", call: Call::Redeem },
        Endpoint { path: "/oauth/authorize", call: Call::Authorize },
        Endpoint { path: "/oauth/authorize/", call: Call::Authorize },
    ],
};
static BROKER_DATA: SurfaceData = SurfaceData {
    id: "broker",
    pages: Pages::None,
    upstream: Upstreams::Maybe,
    endpoints: &[Endpoint { path: "/v1/oauth/*", call: Call::Partners }],
};
static REST_DATA: SurfaceData = SurfaceData {
    id: "rest",
    pages: Pages::None,
    upstream: Upstreams::Always,
    endpoints: &[Endpoint { path: "/oauth/token", call: Call::Redeem }],
};
static DATA: DialectData = DialectData {
    id: "alpaca",
    surfaces: &[CONNECT, BROKER, REST],
    usual: REST,
    front: Front::Plain,
    lone_redirect: false,
    codes: CodeText::Uuid,
    keeps_keys: false,
    reads_account: true,
};
/// Connect: OAuth pages and token endpoint for third-party apps.
pub const CONNECT: Surface = Surface::of(&CONNECT_DATA);
/// Broker API: Basic authentication of partners, JSON.
pub const BROKER: Surface = Surface::of(&BROKER_DATA);
/// What partners are to send, in words.
pub const PARTNERS_KEY: &str = "the partner's key and secret as HTTP Basic";
/// Trading and data REST APIs.
pub const REST: Surface = Surface::of(&REST_DATA);
/// Its handle.
pub const DIALECT: platform::Dialect = platform::Dialect::of(&DATA);

impl Dialect for Alpaca {
    fn dialect(&self) -> platform::Dialect {
        DIALECT
    }
    fn refusal(&self, surface: Surface, decision: &Decision, issuer: &str) -> Response<Bytes> {
        let cause = decision.refusal.cause;
        if surface == CONNECT {
            render(connect::row(cause), decision, issuer, true)
        } else if surface == BROKER {
            render(broker::row(cause), decision, issuer, false)
        } else {
            render(rest::row(cause), decision, issuer, false)
        }
    }
    fn credential(
        &self,
        surface: Surface,
        headers: &HeaderMap,
        query: Option<&str>,
    ) -> Result<Presented, Box<Refusal>> {
        let expected = if surface == BROKER {
            PARTNERS_KEY
        } else {
            "an API key in the headers APCA-API-KEY-ID and APCA-API-SECRET-KEY, or a token as Authorization: Bearer"
        };
        credential::of_request(headers, query, expected)
    }
    fn streams(&self) -> &'static [&'static dyn StreamDialect] {
        streams::ALL
    }
}

/// Says a refusal. `oauth`: with the fields of RFC 6749 section 5.2 as well.
fn render(row: Row, decision: &Decision, issuer: &str, oauth: bool) -> Response<Bytes> {
    let facts = &decision.refusal.facts;
    let body = match &decision.refusal.proof {
        // a merged answer stays merged, whoever asks (SECURITY R7)
        Some(proof) if decision.refusal.true_cause.is_none() => {
            told_holder(row, decision, &facts.for_holder(proof), issuer)
        }
        Some(_) | None => told_public(row, decision, &facts.public(), issuer),
    };
    finish(row, decision, issuer, body, oauth)
}

/// The fields that every error body has.
fn base<T: BodyTier>(row: Row, decision: &Decision, view: &View<'_, T>, issuer: &str) -> Map<String, Value> {
    let entry = decision.refusal.cause.entry();
    let mut body = Map::new();
    body.insert("code".into(), json!(row.code));
    body.insert("message".into(), json!(view.fill(entry.point)));
    body.insert("cause".into(), json!(entry.id));
    body.insert("decision_id".into(), json!(decision.id.as_str()));
    body.insert("error_uri".into(), json!(error_uri(issuer, decision.id.as_str())));
    body
}

fn told_public<T: BodyTier>(
    row: Row,
    decision: &Decision,
    view: &View<'_, T>,
    issuer: &str,
) -> Map<String, Value> {
    let mut body = base(row, decision, view, issuer);
    body.insert("remedy".into(), json!(view.fill(decision.refusal.cause.entry().remedy)));
    body
}

fn told_holder<T: BodyTier>(
    row: Row,
    decision: &Decision,
    view: &View<'_, T>,
    issuer: &str,
) -> Map<String, Value> {
    let refusal = &decision.refusal;
    let entry = refusal.cause.entry();
    let mut body = base(row, decision, view, issuer);
    if let Some(next) = refusal.next.first() {
        let message =
            format!("{}; and more stands in the way: {}", view.fill(entry.point), next.entry().title);
        body.insert("message".into(), json!(message));
    }
    body.insert("remedy".into(), json!(view.fill(entry.remedy)));
    body.insert("who_can_act".into(), json!(entry.who.as_str()));
    body.insert("passed".into(), json!(refusal.passed.iter().map(|c| c.as_str()).collect::<Vec<_>>()));
    if let Some(failed) = refusal.failed {
        body.insert("failed".into(), json!(failed.as_str()));
    }
    if !refusal.next.is_empty() {
        body.insert("would_fail_next".into(), json!(refusal.next.iter().map(|c| c.id()).collect::<Vec<_>>()));
    }
    body.insert("facts".into(), Value::Object(facts_object(view)));
    body
}

fn finish(
    row: Row,
    decision: &Decision,
    issuer: &str,
    mut body: Map<String, Value>,
    oauth: bool,
) -> Response<Bytes> {
    let refusal = &decision.refusal;
    let entry = refusal.cause.entry();
    if oauth {
        body.insert("error".into(), json!(entry.oauth.as_str()));
        body.insert("error_description".into(), body.get("message").cloned().unwrap_or_default());
    }
    let mut response = json_answer(row.status, &Value::Object(body));
    let headers = response.headers_mut();
    headers.insert(CAUSE, HeaderValue::from_static(entry.id));
    headers.insert(DECISION, header(decision.id.as_str()));
    if row.status == 401 {
        headers.insert(http::header::WWW_AUTHENTICATE, challenge(decision, issuer));
    }
    if let Some(seconds) = refusal.retry_after_s() {
        headers.insert(http::header::RETRY_AFTER, header(&seconds.to_string()));
    }
    response
}

/// RFC 6750 section 3, with the cause and the decision as further parameters. Without a credential no error code
/// is given (section 3.1).
fn challenge(decision: &Decision, issuer: &str) -> HeaderValue {
    let entry = decision.refusal.cause.entry();
    let mut text = String::from("Bearer realm=\"api\"");
    if entry.class != Class::CredentialMissing {
        text.push_str(", error=\"");
        text.push_str(entry.oauth_at_a_resource().as_str());
        text.push('"');
    }
    let _infallible = write!(
        text,
        ", error_uri=\"{}\", cause=\"{}\", decision_id=\"{}\"",
        error_uri(issuer, decision.id.as_str()),
        entry.id,
        decision.id
    );
    header(&text)
}
