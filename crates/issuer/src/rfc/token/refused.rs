//! What a token request is refused with.

use crate::{Arrival, Fail};
use mandate_core::binding::Binding;
use mandate_core::disclosure::FactName as F;
use mandate_core::grant::CodeFault;
use mandate_core::model::{Client, Code, EndReason};
use mandate_core::platform::Legacy;
use mandate_core::refresh::{Chain, Look, RefreshFault};
use mandate_core::refusal::Refusal;
use mandate_core::settings::GrantType;
use mandate_core::{Cause, ScopeSet};
use mandate_store::{MarkKind, Polled};

pub(super) fn unsupported(received: &str, offered: &[GrantType], legacy: Legacy) -> Refusal {
    let known = GrantType::ALL.iter().map(|g| g.as_str()).chain(["implicit"]);
    let shown = known.into_iter().find(|word| *word == received).unwrap_or("(one that is not known here)");
    let expected: Vec<&str> =
        offered.iter().filter(|g| g.is_allowed_by(legacy)).map(|g| g.as_str()).collect();
    Refusal::anonymous(Cause::GrantTypeUnsupported)
        .with(F::Received, shown)
        .with(F::Expected, expected.join(", "))
}

pub(in crate::rfc) fn not_allowed(arrival: &Arrival<'_>, client: &Client, grant: GrantType) -> Fail {
    let may: Vec<&str> =
        GrantType::ALL.iter().filter(|g| client.settings.may_use(**g)).map(|g| g.as_str()).collect();
    Refusal::anonymous(Cause::ClientGrantNotAllowed)
        .with(F::Received, grant.as_str())
        .with(F::Expected, if may.is_empty() { "none".to_owned() } else { may.join(", ") })
        .with(F::Contact, &*arrival.tenant.snapshot.platform.contact)
        .into()
}

/// What was used before, of the marks of a request.
pub(in crate::rfc) fn reused(kind: MarkKind) -> Fail {
    Refusal::anonymous(match kind {
        MarkKind::Assertion => Cause::AssertionReused,
        MarkKind::Proof => Cause::DpopReused,
        MarkKind::RequestObject => Cause::RequestObjectInvalid,
    })
    .into()
}

pub(super) fn scope_invalid(refused: &ScopeSet, allowed: &ScopeSet) -> Fail {
    Refusal::anonymous(Cause::ScopeInvalid)
        .with(F::ScopesRefused, refused)
        .with(F::ScopesAllowed, allowed)
        .into()
}

/// What a poll that gives nothing is told.
pub(in crate::rfc) fn device_refused(polled: &Polled) -> Fail {
    let cause = match polled {
        Polled::Pending => Cause::DevicePending,
        Polled::SlowDown(interval_ms) => {
            return Refusal::anonymous(Cause::DeviceSlowDown).with(F::RetryAfter, *interval_ms / 1000).into();
        }
        Polled::Denied => Cause::DeviceDenied,
        Polled::Expired => Cause::DeviceExpired,
        Polled::GrantEnded => Cause::GrantRevoked,
        Polled::Reused(kind) => return reused(*kind),
        Polled::Spent | Polled::OtherClient | Polled::Unknown | Polled::Approved { .. } => {
            return Refusal::anonymous(Cause::DeviceInvalid).because(Cause::CredentialUnknown).into();
        }
    };
    Refusal::anonymous(cause).into()
}

pub(super) fn resource_refused(received: &'static str, expected: &str) -> Fail {
    Refusal::anonymous(Cause::ResourceInvalid).with(F::Received, received).with(F::Expected, expected).into()
}

pub(super) fn code_invalid(true_cause: Cause) -> Fail {
    Refusal::anonymous(Cause::CodeInvalid).because(true_cause).into()
}

pub(super) fn about_code(cause: Cause, code: &Code) -> Fail {
    Refusal::anonymous(cause).with(F::IssuedAt, code.issued_at).with(F::ExpiredAt, code.expires_at).into()
}

pub(super) fn code_refused(fault: CodeFault, code: &Code) -> Fail {
    match fault {
        CodeFault::OtherClient | CodeFault::OtherPartner => code_invalid(Cause::CredentialSecretMismatch),
        CodeFault::Expired => about_code(Cause::CodeExpired, code),
        CodeFault::RedirectMismatch => about_code(Cause::CodeRedirectMismatch, code),
        CodeFault::VerifierMissing => about_code(Cause::PkceVerifierMissing, code),
        CodeFault::VerifierMismatch => about_code(Cause::PkceVerifierMismatch, code),
        CodeFault::OtherKey => Refusal::anonymous(Cause::DpopKeyMismatch).into(),
        CodeFault::OtherResource => {
            resource_refused("one that was not granted", "one of those in the authorization")
        }
    }
}

pub(super) fn refresh_refused(fault: RefreshFault, chain: &Chain) -> Fail {
    match fault {
        RefreshFault::Expired => Refusal::anonymous(Cause::RefreshExpired)
            .with(F::IssuedAt, chain.issued_at)
            .with(F::ExpiredAt, chain.ends_at.or(chain.idle_ends_at).unwrap_or(chain.issued_at))
            .into(),
        RefreshFault::OtherClient | RefreshFault::OtherKey | RefreshFault::Replayed(_) => {
            Refusal::anonymous(Cause::RefreshInvalid).because(Cause::CredentialSecretMismatch).into()
        }
    }
}

/// What a request for a chain that is bound did not show.
pub(super) fn proof_missing(chain: &Chain) -> Cause {
    match chain.binding.as_deref().map(Binding::read) {
        Some(Binding::Certificate(_)) => Cause::CertificateMissing,
        Some(Binding::Key(_)) | None => Cause::DpopMissing,
    }
}

pub(super) fn refresh_ended(chain: &Chain, now: mandate_core::Timestamp) -> Refusal {
    let reason = chain.ended.as_ref().map(|end| end.reason);
    Refusal::anonymous(Cause::RefreshEnded)
        .with(F::IssuedAt, chain.issued_at)
        .with(F::EndedAt, chain.ended.as_ref().map_or(now, |end| end.at))
        .with(
            F::EndReason,
            if reason == Some(EndReason::RefreshReplayed) { "an old one came again" } else { "revoked" },
        )
}

pub(super) fn look_in_words(look: Look) -> &'static str {
    match look {
        Look::Retry => "a late retry",
        Look::Race => "two programs refreshing at once",
        Look::Theft => "a token that somebody else has too",
    }
}
