//! The API: RFC 6750's errors flat, everything else in the vendor's envelope. The numbers are those of the vendor's list of
//! authorization errors.

use super::said::{Said, Text};
use mandate_core::{Cause, Class};

const fn envelope(status: u16) -> Said {
    Said::Envelope { status, detail: None }
}

/// 7
pub(super) const TOKEN: Said = Said::Flat {
    status: 401,
    error: "invalid_token",
    text: Some(Text::Fixed("The access token provided is invalid")),
    title: None,
};
/// 8
pub(super) const SCOPE: Said = Said::Flat {
    status: 401,
    error: "insufficient_scope",
    text: Some(Text::Fixed("The request requires higher privileges than provided by the access token")),
    title: Some("Insufficient scope."),
};
/// 9
const NO_OWNER: Said = Said::Envelope { status: 400, detail: Some("Invalid owner in token") };

/// How a refusal is said: by its class, unless its cause has words of its own.
pub(super) fn said(cause: Cause) -> Said {
    match cause {
        Cause::TokenNoOwner => NO_OWNER,
        Cause::VersionMissing => Said::Wrapped { status: 400, detail: "Missing required 'Version' header!" },
        Cause::VersionUnsupported => {
            Said::Named { status: 404, kind: "NotFoundException", message: "Unsupported API version" }
        }
        Cause::CredentialAmbiguous => envelope(400),
        Cause::Internal => envelope(500),
        other => of_class(other.class()),
    }
}

/// One row for every class; a new class does not compile until it has one.
#[expect(clippy::match_same_arms, reason = "a table: one row for each class")]
const fn of_class(class: Class) -> Said {
    match class {
        Class::CredentialMissing => envelope(401),
        Class::CredentialMalformed => TOKEN,
        Class::CredentialRejected => TOKEN,
        Class::CredentialWrongKind => TOKEN,
        Class::CredentialEnded => TOKEN,
        Class::EnvironmentMismatch => TOKEN,
        Class::ClientNotActive => super::oauth::CLIENT_NOT_ACTIVE,
        Class::ClientNotApproved => envelope(403),
        Class::ClientRejected => envelope(401),
        Class::GrantTypeNotAllowed => envelope(400),
        Class::GrantEnded => TOKEN,
        Class::AccountNotActive => envelope(403),
        Class::AccountNotCovered => envelope(403),
        Class::CodeInvalid => envelope(400),
        Class::RefreshInvalid => envelope(400),
        Class::ProofRejected => TOKEN,
        Class::RedirectInvalid => envelope(400),
        Class::ScopeInvalid => envelope(400),
        Class::ScopeMissing => SCOPE,
        Class::LicenceForbids => envelope(403),
        Class::PlanLacks => envelope(403),
        Class::RateLimited => envelope(429),
        Class::RequestMalformed => envelope(400),
        Class::ContentTypeWrong => envelope(415),
        Class::RequestTooLarge => envelope(413),
        Class::NotFound => envelope(404),
        Class::MethodNotAllowed => envelope(405),
        Class::HostUnknown => envelope(421),
        Class::AccessDenied => envelope(403),
        Class::SignInRejected => envelope(401),
        Class::FormRejected => envelope(403),
        Class::UpstreamUnavailable => envelope(502),
        Class::ServerFault => envelope(503),
    }
}
