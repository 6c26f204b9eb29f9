//! The dialect of the RFCs: RFC 6749 section 5.2 at the authorization server, RFC 6750 section 3 and RFC 9449 section 7.1
//! at protected resources. Status and error code stand in the catalogue.

use super::{CAUSE, DECISION, header, json_answer};
use crate::explain::{error_uri, facts_object};
use bytes::Bytes;
use http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Response};
use mandate_core::cause::OAuthError;
use mandate_core::disclosure::{BodyTier, FactName, View};
use mandate_core::refusal::Decision;
use mandate_core::{Cause, Class};
use serde_json::{Map, Value, json};
use std::fmt::Write as _;

/// Says a refusal of the authorization server's own endpoints.
pub fn oauth(decision: &Decision, issuer: &str) -> Response<Bytes> {
    let (status, error) = at_the_issuer(decision.refusal.cause);
    let mut response = render(status, error, decision, issuer);
    if status == 401 {
        // RFC 6749 section 5.2: the scheme that the client may have used.
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"token\""));
    }
    response
}

/// Says a refusal at a protected resource.
pub fn api(decision: &Decision, issuer: &str) -> Response<Bytes> {
    let (status, error) = at_the_api(decision.refusal.cause);
    let mut response = render(status, error, decision, issuer);
    if status == 401 || error == OAuthError::InsufficientScope {
        let value = challenge(error, decision, issuer);
        response.headers_mut().insert(WWW_AUTHENTICATE, value);
    }
    response
}

/// Credentials of the API are nothing that the token endpoint takes: there the grant is at fault.
fn at_the_issuer(cause: Cause) -> (u16, OAuthError) {
    let entry = cause.entry();
    match cause {
        Cause::GrantRevoked | Cause::AccountDisabled | Cause::DpopKeyMismatch => {
            (400, OAuthError::InvalidGrant)
        }
        _ => (entry.status, entry.oauth),
    }
}

fn at_the_api(cause: Cause) -> (u16, OAuthError) {
    let entry = cause.entry();
    match (cause, entry.class) {
        // RFC 6750 section 3.1
        (_, Class::ScopeMissing) => (403, OAuthError::InsufficientScope),
        (_, Class::LicenceForbids | Class::AccountNotCovered | Class::ClientNotApproved) => {
            (403, OAuthError::AccessDenied)
        }
        // RFC 9449 section 7.1
        (_, Class::ProofRejected) => (401, entry.oauth),
        (_, Class::ClientNotActive) => (401, OAuthError::InvalidToken),
        _ => (entry.status, entry.oauth),
    }
}

fn render(status: u16, error: OAuthError, decision: &Decision, issuer: &str) -> Response<Bytes> {
    let facts = &decision.refusal.facts;
    let body = match &decision.refusal.proof {
        // a merged answer stays merged, whoever asks (SECURITY R7)
        Some(proof) if decision.refusal.true_cause.is_none() => {
            let mut body = base(error, decision, &facts.for_holder(proof), issuer);
            let refusal = &decision.refusal;
            body.insert(
                "passed".into(),
                json!(refusal.passed.iter().map(|c| c.as_str()).collect::<Vec<_>>()),
            );
            if let Some(failed) = refusal.failed {
                body.insert("failed".into(), json!(failed.as_str()));
            }
            body.insert("facts".into(), Value::Object(facts_object(&facts.for_holder(proof))));
            body
        }
        Some(_) | None => base(error, decision, &facts.public(), issuer),
    };
    let mut response = json_answer(status, &Value::Object(body));
    let headers = response.headers_mut();
    headers.insert(http::header::PRAGMA, HeaderValue::from_static("no-cache"));
    headers.insert(CAUSE, HeaderValue::from_static(decision.refusal.cause.id()));
    headers.insert(DECISION, header(decision.id.as_str()));
    if let Some(seconds) = decision.refusal.retry_after_s() {
        headers.insert(RETRY_AFTER, header(&seconds.to_string()));
    }
    response
}

fn base<T: BodyTier>(
    error: OAuthError,
    decision: &Decision,
    view: &View<'_, T>,
    issuer: &str,
) -> Map<String, Value> {
    let entry = decision.refusal.cause.entry();
    let mut body = Map::new();
    body.insert("error".into(), json!(error.as_str()));
    body.insert("error_description".into(), json!(plain(&view.fill(entry.point))));
    body.insert("error_uri".into(), json!(error_uri(issuer, decision.id.as_str())));
    body.insert("cause".into(), json!(entry.id));
    body.insert("decision_id".into(), json!(decision.id.as_str()));
    body.insert("remedy".into(), json!(view.fill(entry.remedy)));
    body.insert("who_can_act".into(), json!(entry.who.as_str()));
    body
}

/// `error_description` holds visible ASCII without quote and backslash (RFC 6749 section 5.2).
pub fn plain(text: &str) -> String {
    let one = |c: char| match c {
        '"' | '`' => '\'',
        '\\' => '/',
        ' '..='~' => c,
        _ => '?',
    };
    text.chars().map(one).collect()
}

/// RFC 6750 section 3 and RFC 9449 section 7.1. Without a credential no error code is given (RFC 6750 section 3.1).
fn challenge(error: OAuthError, decision: &Decision, issuer: &str) -> HeaderValue {
    let refusal = &decision.refusal;
    let entry = refusal.cause.entry();
    let bound = refusal.is_bound || entry.class == Class::ProofRejected;
    let scheme = if bound { "DPoP" } else { "Bearer" };
    let mut text = format!("{scheme} realm=\"api\"");
    if entry.class != Class::CredentialMissing {
        let _infallible = write!(text, ", error=\"{}\"", error.as_str());
    }
    if scheme == "DPoP" {
        text.push_str(", algs=\"ES256 EdDSA PS256\"");
    }
    if let (OAuthError::InsufficientScope, Some(proof)) = (error, &refusal.proof)
        && let Some(scopes) = refusal.facts.for_holder(proof).get(FactName::ScopesNeeded)
    {
        let _infallible = write!(text, ", scope=\"{}\"", plain(&scopes.in_words()));
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
