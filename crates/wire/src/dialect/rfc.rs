//! The dialect of the RFCs: RFC 6749 section 5.2 at the authorization server, RFC 6750 section 3 and RFC 9449 section 7.1
//! at protected resources. Status and error code stand in the catalogue.

use super::{
    AccessText, CAUSE, ClientShown, DECISION, Dialect, Encoding, TokenAnswer, TokenRules, header,
    json_answer, json_text,
};
use crate::explain::{error_uri, facts_object};
use crate::object::Object;
use bytes::Bytes;
use http::header::{PRAGMA, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Response};
use mandate_core::cause::OAuthError;
use mandate_core::disclosure::{BodyTier, FactName, View};
use mandate_core::platform::{
    self, Call, CodeText, DialectData, Endpoint, Front, Pages, Surface, SurfaceData, Upstreams,
};
use mandate_core::refusal::Decision;
use mandate_core::settings::GrantType;
use mandate_core::{Cause, Class, must};
use serde_json::{Map, Value, json};
use std::fmt::Write as _;

/// The dialect of the RFCs.
#[derive(Debug)]
pub struct Rfc;

static OAUTH_DATA: SurfaceData = SurfaceData {
    id: "oauth",
    pages: Pages::All,
    upstream: Upstreams::Never,
    endpoints: &[
        Endpoint { path: "/token", call: Call::Token },
        Endpoint { path: "/introspect", call: Call::Introspect },
        Endpoint { path: "/jwks", call: Call::Jwks },
        Endpoint { path: "/par", call: Call::Push },
        Endpoint { path: "/device_authorization", call: Call::Device },
        Endpoint { path: "/revoke", call: Call::Revoke },
        Endpoint { path: "/userinfo", call: Call::Userinfo },
        // RFC 8414 section 3, OpenID Connect Discovery section 4
        Endpoint { path: "/.well-known/oauth-authorization-server", call: Call::Metadata },
        Endpoint { path: "/.well-known/openid-configuration", call: Call::Metadata },
        Endpoint { path: "/authorize", call: Call::Authorize },
        Endpoint { path: "/device", call: Call::DevicePage },
        Endpoint { path: "/end_session", call: Call::EndSession },
    ],
};
static API_DATA: SurfaceData =
    SurfaceData { id: "api", pages: Pages::None, upstream: Upstreams::Always, endpoints: &[] };
static DATA: DialectData = DialectData {
    id: "rfc",
    surfaces: &[OAUTH, API],
    usual: API,
    front: Front::Full,
    lone_redirect: false,
    codes: CodeText::Marked,
    keeps_keys: true,
    reads_account: false,
};
/// The authorization server: endpoints and pages.
pub const OAUTH: Surface = Surface::of(&OAUTH_DATA);
/// Protected resources by RFC 6750 and RFC 9449.
pub const API: Surface = Surface::of(&API_DATA);
/// Its handle.
pub const DIALECT: platform::Dialect = platform::Dialect::of(&DATA);

/// What the token endpoint of OAuth 2.1 takes and gives.
pub static TOKEN: TokenRules = TokenRules {
    bodies: &[Encoding::Form],
    client: ClientShown::AsRegistered,
    grants: &[
        GrantType::AuthorizationCode,
        GrantType::RefreshToken,
        GrantType::ClientCredentials,
        GrantType::DeviceCode,
        GrantType::Password,
    ],
    access: AccessText::AsRegistered,
    scope_with_code: false,
};

impl Dialect for Rfc {
    fn dialect(&self) -> platform::Dialect {
        DIALECT
    }
    fn refusal(&self, surface: Surface, decision: &Decision, issuer: &str) -> Response<Bytes> {
        if surface == API { api(decision, issuer) } else { oauth(decision, issuer) }
    }
}

/// The answer of the token endpoint (RFC 6749 section 5.1).
pub fn token_answer(answer: &TokenAnswer<'_>) -> Response<Bytes> {
    let mut given = Object::with_capacity(1024);
    given.text("access_token", answer.access_token);
    if let Some(kind) = answer.token_type {
        given.text("token_type", kind);
    }
    if let Some(seconds) = &answer.expires_in {
        given.value("expires_in", seconds);
    }
    let scope = answer.scope.as_deref();
    for (name, text) in
        [("scope", scope), ("refresh_token", answer.refresh_token), ("id_token", answer.id_token)]
    {
        if let Some(text) = text {
            given.text(name, text);
        }
    }
    let mut response = json_text(200, given.end());
    if must!("rfc6749-5.1-pragma") {
        response.headers_mut().insert(PRAGMA, HeaderValue::from_static("no-cache"));
    }
    response
}

/// Says a refusal of the authorization server's own endpoints.
pub fn oauth(decision: &Decision, issuer: &str) -> Response<Bytes> {
    let (status, error) = at_the_issuer(decision.refusal.cause);
    let mut response = render(status, error, decision, issuer);
    if must!("rfc6749-5.2-challenge", status == 401) {
        // RFC 6749 section 5.2: the scheme that the client may have used.
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"token\""));
    }
    response
}

/// Says a refusal at a protected resource.
pub fn api(decision: &Decision, issuer: &str) -> Response<Bytes> {
    let (status, error) = at_the_api(decision.refusal.cause);
    let mut response = render(status, error, decision, issuer);
    if must!("rfc6750-3-challenge", status == 401 || error == OAuthError::InsufficientScope) {
        let value = challenge(error, decision, issuer);
        response.headers_mut().insert(WWW_AUTHENTICATE, value);
    }
    response
}

/// Credentials of the API are nothing that the token endpoint takes: there the grant is at fault.
fn at_the_issuer(cause: Cause) -> (u16, OAuthError) {
    let entry = cause.entry();
    match cause {
        Cause::GrantRevoked
        | Cause::AccountDisabled
        | Cause::SessionDisplaced
        | Cause::DpopKeyMismatch
        | Cause::CertificateMismatch => (400, OAuthError::InvalidGrant),
        Cause::CertificateMissing => (400, OAuthError::InvalidRequest),
        _ => (entry.status, entry.oauth),
    }
}

fn at_the_api(cause: Cause) -> (u16, OAuthError) {
    let entry = cause.entry();
    match (cause, entry.class) {
        // RFC 6750 section 3.1
        (_, Class::ScopeMissing) if must!("rfc6750-3.1-forbidden") => (403, OAuthError::InsufficientScope),
        (_, Class::LicenceForbids | Class::AccountNotCovered | Class::ClientNotApproved) => {
            (403, OAuthError::AccessDenied)
        }
        // RFC 9449 section 7.1
        (_, Class::ProofRejected) if must!("rfc9449-7.1-unauthorized") => (401, entry.oauth),
        (_, Class::ClientNotActive | Class::CredentialEnded) => (401, OAuthError::InvalidToken),
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
    headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
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
    let point = view.fill(entry.point);
    let description = if must!("rfc6749-5.2-description") { plain(&point) } else { point };
    body.insert("error_description".into(), json!(description));
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
    // RFC 8705 section 3: a token that is bound to a certificate goes by the scheme Bearer
    let by_certificate = matches!(refusal.cause, Cause::CertificateMissing | Cause::CertificateMismatch);
    let by_key = refusal.is_bound || (entry.class == Class::ProofRejected && !by_certificate);
    let bound = must!("rfc9449-7.1-challenge", by_key);
    let scheme = if bound { "DPoP" } else { "Bearer" };
    let mut text = format!("{scheme} realm=\"api\"");
    let bare = must!("rfc6750-3.1-bare", entry.class == Class::CredentialMissing);
    if must!("rfc6750-3.1-error", !bare) {
        let _infallible = write!(text, ", error=\"{}\"", error.as_str());
    }
    if must!("rfc9449-7.1-algs", scheme == "DPoP") {
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

#[cfg(test)]
mod tests {
    use super::*;
    use mandate_core::Timestamp;
    use mandate_core::refusal::Refusal;

    fn decision(cause: Cause) -> Decision {
        Decision {
            id: "ID".into(),
            platform: "bank".into(),
            at: Timestamp::default(),
            surface: "api".into(),
            host: "api".into(),
            route: "GET /accounts".into(),
            refusal: Refusal::anonymous(cause),
        }
    }

    fn challenge_of(response: &Response<Bytes>) -> &str {
        response.headers().get(WWW_AUTHENTICATE).map_or("", |value| value.to_str().unwrap())
    }

    #[test]
    fn rfc6749_5_2_descriptions_are_plain() {
        let mut decision = decision(Cause::ContentType);
        decision.refusal =
            decision.refusal.with(FactName::Received, "\"\\\u{e4}").with(FactName::Expected, "x");
        let body: Value = serde_json::from_slice(oauth(&decision, "https://bank.example").body()).unwrap();
        let text = body["error_description"].as_str().unwrap();
        assert!(text.bytes().all(|b| matches!(b, 0x20 | 0x21 | 0x23..=0x5b | 0x5d..=0x7e)), "{text}");
    }

    #[test]
    fn rfc6749_5_2_who_does_not_authenticate_is_challenged() {
        let response = oauth(&decision(Cause::ClientRejected), "https://bank.example");
        assert_eq!((response.status().as_u16(), challenge_of(&response)), (401, "Basic realm=\"token\""));
    }

    #[test]
    fn rfc6750_3_challenges_say_what_was_wrong() {
        for (cause, status, error) in [
            (Cause::TokenExpired, 401, "error=\"invalid_token\""),
            (Cause::CodeReplayedToken, 401, "error=\"invalid_token\""),
            (Cause::ScopeMissing, 403, "error=\"insufficient_scope\""),
        ] {
            let response = api(&decision(cause), "https://bank.example");
            let challenge = challenge_of(&response);
            assert_eq!(response.status().as_u16(), status);
            assert!(challenge.starts_with("Bearer realm=") && challenge.contains(error), "{challenge}");
        }
    }

    #[test]
    fn rfc6750_3_1_without_a_token_no_error_is_named() {
        let response = api(&decision(Cause::CredentialMissing), "https://bank.example");
        let challenge = challenge_of(&response);
        assert!(challenge.starts_with("Bearer realm=") && !challenge.contains("error="), "{challenge}");
    }
}
