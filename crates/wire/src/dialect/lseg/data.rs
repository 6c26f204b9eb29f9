//! The envelope of the API: `{"error":{"id","code","message","status"}}`, whose `id` is the decision's.

use crate::dialect::{CAUSE, DECISION, header, json_answer};
use crate::explain::{error_uri, facts_object};
use bytes::Bytes;
use http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};
use mandate_core::disclosure::{BodyTier, FactName, View};
use mandate_core::refusal::Decision;
use mandate_core::{Cause, Class};
use serde_json::{Map, Value, json};
use std::fmt::Write as _;

/// What is said to a cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// HTTP status.
    pub status: u16,
    /// `code`, unless it is the status in digits.
    pub code: Option<&'static str>,
    /// What stands in `message`.
    pub message: Message,
}

/// What stands in `message`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Message {
    /// The cause's own first sentence.
    Point,
    /// A sentence that clients compare.
    Fixed(&'static str),
    /// The sentence with scopes that clients take apart.
    Scopes,
}

/// Status, code and message for a cause: its class's row, unless the cause has one of its own.
pub fn row(cause: Cause) -> Row {
    match cause {
        Cause::Internal => plain(500),
        Cause::CredentialAmbiguous => plain(400),
        Cause::TokenExpired => Row { message: Message::Fixed("token expired"), ..plain(401) },
        other => class_row(other.class()),
    }
}

const fn plain(status: u16) -> Row {
    Row { status, code: None, message: Message::Point }
}

/// One row for every class; a new class does not compile until it has one.
#[expect(clippy::match_same_arms, reason = "a table: one row for each class")]
const fn class_row(class: Class) -> Row {
    match class {
        Class::CredentialMissing => plain(401),
        Class::CredentialMalformed => plain(401),
        Class::CredentialRejected => plain(401),
        Class::CredentialWrongKind => plain(401),
        Class::CredentialEnded => plain(401),
        Class::EnvironmentMismatch => plain(401),
        Class::ClientNotActive => plain(401),
        Class::ClientNotApproved => plain(403),
        Class::ClientRejected => plain(401),
        Class::GrantTypeNotAllowed => plain(400),
        Class::GrantEnded => plain(401),
        Class::AccountNotActive => plain(403),
        Class::AccountNotCovered => plain(403),
        Class::CodeInvalid => plain(400),
        Class::RefreshInvalid => plain(400),
        Class::ProofRejected => plain(401),
        Class::RedirectInvalid => plain(400),
        Class::ScopeInvalid => plain(400),
        Class::ScopeMissing => {
            Row { status: 403, code: Some("insufficient_scope"), message: Message::Scopes }
        }
        Class::LicenceForbids => plain(403),
        Class::PlanLacks => plain(403),
        Class::RateLimited => Row { status: 429, code: None, message: Message::Fixed("too many attempts") },
        Class::RequestMalformed => plain(400),
        Class::ContentTypeWrong => plain(400),
        Class::RequestTooLarge => plain(413),
        Class::NotFound => plain(404),
        Class::MethodNotAllowed => plain(405),
        Class::HostUnknown => plain(421),
        Class::AccessDenied => plain(403),
        Class::SignInRejected => plain(401),
        Class::FormRejected => plain(403),
        Class::UpstreamUnavailable => plain(502),
        Class::ServerFault => plain(503),
    }
}

/// Says a refusal of the API.
pub fn refusal(decision: &Decision, issuer: &str) -> Response<Bytes> {
    let refusal = &decision.refusal;
    let row = row(refusal.cause);
    let body = match &refusal.proof {
        // a merged answer stays merged, whoever asks (SECURITY R7)
        Some(proof) if refusal.true_cause.is_none() => {
            let view = refusal.facts.for_holder(proof);
            let mut body = base(row, decision, &view, issuer);
            let passed: Vec<&str> = refusal.passed.iter().map(|c| c.as_str()).collect();
            body.insert("passed".into(), json!(passed));
            if let Some(failed) = refusal.failed {
                body.insert("failed".into(), json!(failed.as_str()));
            }
            body.insert("facts".into(), Value::Object(facts_object(&view)));
            body
        }
        Some(_) | None => base(row, decision, &refusal.facts.public(), issuer),
    };
    let mut response = json_answer(row.status, &Value::Object(body));
    let headers = response.headers_mut();
    headers.insert(CAUSE, HeaderValue::from_static(refusal.cause.id()));
    headers.insert(DECISION, header(decision.id.as_str()));
    if row.status == 401 || row.message == Message::Scopes {
        headers.insert(WWW_AUTHENTICATE, challenge(decision, issuer));
    }
    if let Some(seconds) = refusal.retry_after_s() {
        headers.insert(RETRY_AFTER, header(&seconds.to_string()));
    }
    response
}

fn base<T: BodyTier>(row: Row, decision: &Decision, view: &View<'_, T>, issuer: &str) -> Map<String, Value> {
    let entry = decision.refusal.cause.entry();
    let point = view.fill(entry.point);
    let (message, detail) = match row.message {
        Message::Point => (point, None),
        Message::Fixed(sentence) => (sentence.to_owned(), Some(point)),
        Message::Scopes => (scopes(view), Some(point)),
    };
    let status = StatusCode::from_u16(row.status).ok().and_then(|s| s.canonical_reason());
    let code = row.code.map_or_else(|| row.status.to_string(), ToOwned::to_owned);
    let mut body = Map::new();
    body.insert(
        "error".into(),
        json!({
            "id": decision.id.as_str(),
            "code": code,
            "message": message,
            "status": status.unwrap_or_default(),
        }),
    );
    body.insert("cause".into(), json!(entry.id));
    body.insert("decision_id".into(), json!(decision.id.as_str()));
    body.insert("error_uri".into(), json!(error_uri(issuer, decision.id.as_str())));
    if let Some(detail) = detail {
        body.insert("detail".into(), json!(detail));
    }
    body.insert("remedy".into(), json!(view.fill(entry.remedy)));
    body.insert("who_can_act".into(), json!(entry.who.as_str()));
    body
}

/// What of the scopes that a route needs is not there. Clients take the sentence apart at its brackets, and remember it.
fn scopes<T: BodyTier>(view: &View<'_, T>) -> String {
    let words = |name| view.get(name).map(mandate_core::disclosure::Value::in_words).unwrap_or_default();
    let held = words(FactName::ScopesHeld);
    let split = |text: &str| -> Vec<String> {
        text.split([' ', ',']).filter(|word| !word.is_empty()).map(ToOwned::to_owned).collect()
    };
    let held = split(&held);
    let needed = split(&words(FactName::ScopesNeeded));
    let missing: Vec<&str> = needed.iter().filter(|s| !held.contains(s)).map(String::as_str).collect();
    format!(
        "access denied. Scopes required to access the resource: [{}]. Missing scopes: [{}]",
        needed.join(" "),
        missing.join(" ")
    )
}

/// RFC 6750 section 3. Without a credential no error code is given (section 3.1).
fn challenge(decision: &Decision, issuer: &str) -> HeaderValue {
    let refusal = &decision.refusal;
    let entry = refusal.cause.entry();
    let mut text = String::from("Bearer realm=\"api\"");
    if entry.class != Class::CredentialMissing {
        let _infallible = write!(text, ", error=\"{}\"", entry.oauth_at_a_resource().as_str());
    }
    if let (Class::ScopeMissing, Some(proof)) = (entry.class, &refusal.proof)
        && let Some(scopes) = refusal.facts.for_holder(proof).get(FactName::ScopesNeeded)
    {
        let _infallible = write!(text, ", scope=\"{}\"", crate::dialect::rfc::plain(&scopes.in_words()));
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
