//! The token endpoint, and what pages say to programs: RFC 6749's fields. The numbers are those of the vendor's list of
//! authorization errors.

use super::said::{Said, Text, shown};
use mandate_core::disclosure::FactName;
use mandate_core::refusal::Decision;
use mandate_core::{Cause, Class};

const fn flat(status: u16, error: &'static str) -> Said {
    Said::Flat { status, error, text: None, title: None }
}

const fn fixed(status: u16, error: &'static str, text: &'static str) -> Said {
    Said::Flat { status, error, text: Some(Text::Fixed(text)), title: None }
}

/// 1
const PARAMETER_MISSING: Said =
    Said::Flat { status: 400, error: "invalid_request", text: Some(Text::MissingParameter), title: None };
/// 2
const CODE: Said =
    fixed(400, "invalid_grant", "Authorization code doesn't exist or is invalid for the client");
/// 3
const GRANT_TYPE_MISSING: Said =
    fixed(400, "invalid_request", "The grant type was not specified in the request");
/// 4
const SCOPE: Said = fixed(400, "invalid_scope", "The scope requested is invalid for this client");
/// 5
pub(super) const CLIENT_NOT_ACTIVE: Said = fixed(401, "invalid_client", "Client is not active");
/// 6
const CLIENT_REJECTED: Said = fixed(400, "invalid_client", "The client credentials are invalid");
/// 10
const GRANT_TYPE_UNAUTHORIZED: Said = Said::Flat {
    status: 400,
    error: "unauthorized_client",
    text: Some(Text::Fixed("The grant type is unauthorized for this client_id")),
    title: Some("Unauthorized client."),
};
/// 11
const REFRESH: Said = Said::Flat {
    status: 400,
    error: "invalid_grant",
    text: Some(Text::Fixed("Invalid refresh token")),
    title: Some("Provided authorization credentials are invalid or expired."),
};

/// How a refusal is said: by its class, unless its cause has words of its own.
pub(super) fn said(decision: &Decision) -> Said {
    match decision.refusal.cause {
        Cause::ParameterMissing => match shown(decision, FactName::Parameter).as_deref() {
            Some("grant_type") => GRANT_TYPE_MISSING,
            _ => PARAMETER_MISSING,
        },
        Cause::GrantTypeUnsupported => flat(400, "unsupported_grant_type"),
        Cause::ResponseTypeUnsupported => flat(400, "unsupported_response_type"),
        Cause::CodeReplayedToken => CODE,
        Cause::Internal => flat(500, "server_error"),
        other => of_class(other.class()),
    }
}

/// One row for every class; a new class does not compile until it has one.
#[expect(clippy::match_same_arms, reason = "a table: one row for each class")]
const fn of_class(class: Class) -> Said {
    match class {
        Class::CredentialMissing => flat(401, "invalid_token"),
        Class::CredentialMalformed => flat(400, "invalid_request"),
        Class::CredentialRejected => super::api::TOKEN,
        Class::CredentialWrongKind => super::api::TOKEN,
        Class::CredentialEnded => super::api::TOKEN,
        Class::EnvironmentMismatch => super::api::TOKEN,
        Class::ClientNotActive => CLIENT_NOT_ACTIVE,
        Class::ClientNotApproved => CLIENT_NOT_ACTIVE,
        Class::ClientRejected => CLIENT_REJECTED,
        Class::GrantTypeNotAllowed => GRANT_TYPE_UNAUTHORIZED,
        Class::GrantEnded => REFRESH,
        Class::AccountNotActive => flat(403, "access_denied"),
        Class::AccountNotCovered => flat(403, "access_denied"),
        Class::CodeInvalid => CODE,
        Class::RefreshInvalid => REFRESH,
        Class::ProofRejected => flat(400, "invalid_request"),
        Class::RedirectInvalid => flat(400, "invalid_request"),
        Class::ScopeInvalid => SCOPE,
        Class::ScopeMissing => super::api::SCOPE,
        Class::LicenceForbids => flat(403, "access_denied"),
        Class::PlanLacks => flat(403, "access_denied"),
        Class::RateLimited => flat(429, "temporarily_unavailable"),
        Class::RequestMalformed => flat(400, "invalid_request"),
        Class::ContentTypeWrong => flat(415, "invalid_request"),
        Class::RequestTooLarge => flat(413, "invalid_request"),
        Class::NotFound => flat(404, "invalid_request"),
        Class::MethodNotAllowed => flat(405, "invalid_request"),
        Class::HostUnknown => flat(421, "invalid_request"),
        Class::AccessDenied => flat(403, "access_denied"),
        Class::SignInRejected => flat(401, "access_denied"),
        Class::FormRejected => flat(403, "access_denied"),
        Class::UpstreamUnavailable => flat(502, "temporarily_unavailable"),
        Class::ServerFault => flat(503, "temporarily_unavailable"),
    }
}
