//! The words of the token endpoints: RFC 6749 section 5, with two sentences that clients compare.

use crate::dialect::{CAUSE, DECISION, TokenAnswer, header, json_answer, rfc};
use crate::explain::{error_uri, facts_object};
use bytes::Bytes;
use http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Response};
use mandate_core::cause::OAuthError;
use mandate_core::disclosure::{BodyTier, View};
use mandate_core::refusal::Decision;
use mandate_core::{Cause, Class};
use serde::Serialize;
use serde_json::{Map, Value, json};

/// What was given. Both endpoints name all of it, but for what does not exist.
#[derive(Serialize)]
struct Given<'a> {
    access_token: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_in: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'a str>,
    token_type: &'static str,
}

/// The answer of a token endpoint. `in_words`: the lifetime is a text of digits.
pub fn answer(in_words: bool, answer: &TokenAnswer<'_>) -> Response<Bytes> {
    let lifetime = |s: u32| if in_words { json!(s.to_string()) } else { json!(s) };
    json_answer(
        200,
        &Given {
            access_token: answer.access_token,
            refresh_token: answer.refresh_token,
            expires_in: answer.expires_in.map(lifetime),
            scope: answer.scope.as_deref(),
            token_type: answer.token_type.unwrap_or("Bearer"),
        },
    )
}

/// Status, error code, and the sentence that clients compare, where there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// HTTP status. A client that gets 400, 401 or 403 for a refresh never tries again.
    pub status: u16,
    /// `error`.
    pub error: OAuthError,
    /// `error_description`, unless it is the cause's own first sentence.
    pub sentence: Option<&'static str>,
}

/// What is said to a cause: its class's row, unless the cause has one of its own.
pub fn row(cause: Cause) -> Row {
    match cause {
        Cause::Internal => Row { status: 500, ..class_row(cause.class()) },
        Cause::SessionQuotaReached => {
            Row { sentence: Some("Session quota is reached."), ..class_row(cause.class()) }
        }
        // neither an unknown client nor a wrong secret
        Cause::CredentialAmbiguous | Cause::ClientMethodWrong => plain(400, OAuthError::InvalidRequest),
        other => {
            let row = class_row(other.class());
            // RFC 6749 section 5.2 has a closer word for some causes of these classes
            match other.class() {
                Class::GrantTypeNotAllowed | Class::RequestMalformed => {
                    Row { error: other.entry().oauth, ..row }
                }
                _ => row,
            }
        }
    }
}

const fn plain(status: u16, error: OAuthError) -> Row {
    Row { status, error, sentence: None }
}

/// One row for every class; a new class does not compile until it has one.
#[expect(clippy::match_same_arms, reason = "a table: one row for each class")]
const fn class_row(class: Class) -> Row {
    use OAuthError as E;
    const CLIENT: Row =
        Row { status: 401, error: E::InvalidClient, sentence: Some("Invalid Application Credential.") };
    match class {
        Class::CredentialMissing => plain(400, E::InvalidRequest),
        Class::CredentialMalformed => plain(400, E::InvalidRequest),
        Class::CredentialRejected => plain(400, E::InvalidGrant),
        Class::CredentialWrongKind => plain(400, E::InvalidGrant),
        Class::CredentialEnded => plain(400, E::InvalidGrant),
        Class::EnvironmentMismatch => plain(400, E::InvalidGrant),
        Class::ClientNotActive => CLIENT,
        Class::ClientNotApproved => plain(400, E::UnauthorizedClient),
        Class::ClientRejected => CLIENT,
        Class::GrantTypeNotAllowed => plain(400, E::UnauthorizedClient),
        Class::GrantEnded => plain(400, E::InvalidGrant),
        Class::AccountNotActive => plain(400, E::InvalidGrant),
        Class::AccountNotCovered => plain(400, E::InvalidGrant),
        Class::CodeInvalid => plain(400, E::InvalidGrant),
        Class::RefreshInvalid => plain(400, E::InvalidGrant),
        Class::ProofRejected => plain(400, E::InvalidRequest),
        Class::RedirectInvalid => plain(400, E::InvalidRequest),
        Class::ScopeInvalid => plain(400, E::InvalidScope),
        Class::ScopeMissing => plain(400, E::InvalidScope),
        Class::LicenceForbids => plain(400, E::AccessDenied),
        Class::PlanLacks => plain(400, E::AccessDenied),
        Class::RateLimited => plain(429, E::TemporarilyUnavailable),
        Class::RequestMalformed => plain(400, E::InvalidRequest),
        Class::ContentTypeWrong => plain(400, E::InvalidRequest),
        Class::RequestTooLarge => plain(413, E::InvalidRequest),
        Class::NotFound => plain(404, E::InvalidRequest),
        Class::MethodNotAllowed => plain(405, E::InvalidRequest),
        Class::HostUnknown => plain(421, E::InvalidRequest),
        Class::AccessDenied => plain(400, E::AccessDenied),
        Class::SignInRejected => plain(400, E::InvalidGrant),
        Class::FormRejected => plain(400, E::InvalidRequest),
        Class::UpstreamUnavailable => plain(502, E::TemporarilyUnavailable),
        Class::ServerFault => plain(503, E::TemporarilyUnavailable),
    }
}

/// Says a refusal of a token endpoint.
pub fn refusal(decision: &Decision, issuer: &str) -> Response<Bytes> {
    let refusal = &decision.refusal;
    let row = row(refusal.cause);
    let body = match &refusal.proof {
        // a merged answer stays merged, whoever asks (SECURITY R7)
        Some(proof) if refusal.true_cause.is_none() => {
            let view = refusal.facts.for_holder(proof);
            let mut body = base(row, decision, &view, issuer);
            body.insert("facts".into(), Value::Object(facts_object(&view)));
            body
        }
        Some(_) | None => base(row, decision, &refusal.facts.public(), issuer),
    };
    let mut response = json_answer(row.status, &Value::Object(body));
    let headers = response.headers_mut();
    headers.insert(CAUSE, HeaderValue::from_static(refusal.cause.id()));
    headers.insert(DECISION, header(decision.id.as_str()));
    if row.status == 401 {
        // RFC 6749 section 5.2: the scheme that the client may have used
        let challenge = format!(
            "Basic realm=\"token\", cause=\"{}\", decision_id=\"{}\"",
            refusal.cause.id(),
            decision.id.as_str()
        );
        headers.insert(WWW_AUTHENTICATE, header(&challenge));
    }
    if let Some(seconds) = refusal.retry_after_s() {
        headers.insert(RETRY_AFTER, header(&seconds.to_string()));
    }
    response
}

fn base<T: BodyTier>(row: Row, decision: &Decision, view: &View<'_, T>, issuer: &str) -> Map<String, Value> {
    let entry = decision.refusal.cause.entry();
    let point = rfc::plain(&view.fill(entry.point));
    let mut body = Map::new();
    body.insert("error".into(), json!(row.error.as_str()));
    body.insert("error_description".into(), json!(row.sentence.unwrap_or(&point)));
    body.insert("error_uri".into(), json!(error_uri(issuer, decision.id.as_str())));
    body.insert("cause".into(), json!(entry.id));
    body.insert("decision_id".into(), json!(decision.id.as_str()));
    if row.sentence.is_some() {
        body.insert("detail".into(), json!(point));
    }
    body.insert("remedy".into(), json!(view.fill(entry.remedy)));
    body.insert("who_can_act".into(), json!(entry.who.as_str()));
    body
}

#[cfg(test)]
mod tests {
    use super::*;
    use mandate_core::Timestamp;
    use mandate_core::refusal::Refusal;

    fn body(response: &Response<Bytes>) -> Value {
        serde_json::from_slice(response.body()).unwrap()
    }

    const fn given(refresh_token: Option<&str>) -> TokenAnswer<'_> {
        TokenAnswer {
            access_token: "a",
            token_type: Some("Bearer"),
            expires_in: Some(600),
            scope: None,
            refresh_token,
            id_token: None,
        }
    }

    #[test]
    fn lifetimes_are_text_on_the_first_endpoint_and_a_number_on_the_second() {
        assert_eq!(body(&answer(true, &given(Some("r"))))["expires_in"], json!("600"));
        let second = body(&answer(false, &given(None)));
        assert_eq!(second, json!({"access_token": "a", "expires_in": 600, "token_type": "Bearer"}));
    }

    #[test]
    fn sentences_that_clients_compare_are_exact() {
        let said = |cause| {
            let decision = Decision {
                id: "ID".into(),
                platform: "lseg".into(),
                at: Timestamp::default(),
                surface: "platform".into(),
                host: "platform".into(),
                route: "POST /auth/oauth2/v1/token".into(),
                refusal: Refusal::anonymous(cause),
            };
            let response = refusal(&decision, "http://issuer.test");
            let body = body(&response);
            (response.status().as_u16(), body["error"].clone(), body["error_description"].clone())
        };
        assert_eq!(
            said(Cause::ClientRejected),
            (401, json!("invalid_client"), json!("Invalid Application Credential."))
        );
        assert_eq!(
            said(Cause::SessionQuotaReached),
            (400, json!("access_denied"), json!("Session quota is reached."))
        );
    }

    /// A client that gets 400, 401 or 403 for a refresh is dead for ever, and so is one that gets any of its samples'
    /// "stop" statuses: what passes by itself must not be said that way.
    #[test]
    fn what_time_mends_is_429_or_a_fault_of_the_server() {
        for cause in Cause::all() {
            let said = row(cause);
            let class = cause.class();
            let passes =
                matches!(class, Class::RateLimited | Class::ServerFault | Class::UpstreamUnavailable);
            assert_eq!(said.status == 429 || said.status >= 500, passes, "{}", cause.id());
            assert_ne!(said.status, 403, "{}", cause.id());
        }
    }
}
