//! Broker API: 401 for a client that is unknown, not the partner's or has another secret; 422 for redirect and scope.

use crate::dialect::Row;
use mandate_core::{Cause, Class};

/// Status and code for a cause: its class's row, unless the cause has one of its own.
pub fn row(cause: Cause) -> Row {
    match cause {
        Cause::Internal => Row { status: 500, code: 50_010_000 },
        Cause::CredentialAmbiguous => Row { status: 400, code: 40_010_000 },
        Cause::ParameterMissing
        | Cause::ParameterInvalid
        | Cause::ParameterUnknown
        | Cause::ResponseTypeUnsupported
        | Cause::ClientSecretMissing => Row { status: 422, code: 42_210_000 },
        other => class_row(other.class()),
    }
}

/// One row for every class; a new class does not compile until it has one.
#[expect(clippy::match_same_arms, reason = "a table: one row for each class")]
fn class_row(class: Class) -> Row {
    match class {
        Class::CredentialMissing => Row { status: 401, code: 40_110_000 },
        Class::CredentialMalformed => Row { status: 401, code: 40_110_000 },
        Class::CredentialRejected => Row { status: 401, code: 40_110_000 },
        Class::CredentialWrongKind => Row { status: 401, code: 40_110_000 },
        Class::CredentialEnded => Row { status: 401, code: 40_110_000 },
        Class::EnvironmentMismatch => Row { status: 401, code: 40_110_000 },
        Class::ClientNotActive => Row { status: 401, code: 40_110_000 },
        Class::ClientNotApproved => Row { status: 401, code: 40_110_000 },
        Class::ClientRejected => Row { status: 401, code: 40_110_000 },
        Class::GrantTypeNotAllowed => Row { status: 400, code: 40_010_000 },
        Class::GrantEnded => Row { status: 401, code: 40_110_000 },
        Class::AccountNotActive => Row { status: 403, code: 40_310_000 },
        Class::AccountNotCovered => Row { status: 401, code: 40_110_000 },
        Class::CodeInvalid => Row { status: 400, code: 40_010_000 },
        Class::RefreshInvalid => Row { status: 400, code: 40_010_000 },
        Class::ProofRejected => Row { status: 401, code: 40_110_000 },
        Class::RedirectInvalid => Row { status: 422, code: 42_210_000 },
        Class::ScopeInvalid => Row { status: 422, code: 42_210_000 },
        Class::ScopeMissing => Row { status: 401, code: 40_110_000 },
        Class::LicenceForbids => Row { status: 401, code: 40_110_000 },
        Class::PlanLacks => Row { status: 403, code: 40_310_000 },
        Class::RateLimited => Row { status: 429, code: 42_910_000 },
        Class::RequestMalformed => Row { status: 400, code: 40_010_000 },
        Class::ContentTypeWrong => Row { status: 415, code: 41_510_000 },
        Class::RequestTooLarge => Row { status: 413, code: 41_310_000 },
        Class::NotFound => Row { status: 404, code: 40_410_000 },
        Class::MethodNotAllowed => Row { status: 405, code: 40_510_000 },
        Class::HostUnknown => Row { status: 421, code: 42_110_000 },
        Class::AccessDenied => Row { status: 403, code: 40_310_000 },
        Class::SignInRejected => Row { status: 401, code: 40_110_000 },
        Class::FormRejected => Row { status: 403, code: 40_310_000 },
        Class::UpstreamUnavailable => Row { status: 502, code: 50_210_000 },
        Class::ServerFault => Row { status: 503, code: 50_310_000 },
    }
}
