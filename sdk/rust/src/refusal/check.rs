//! A refusal as an error.

use super::Refusal;
use crate::causes::Cause;
use std::fmt;

/// An answer that says no, as an error a program can match on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Which kind.
    pub kind: RefusedKind,
    /// All that the answer says of itself.
    pub refusal: Box<Refusal>,
}

/// Kinds of refusals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RefusedKind {
    /// The credential lacks a scope.
    ScopeMissing,
    /// 401: the credential itself is refused.
    CredentialRefused,
    /// What is asked for is not licensed (causes `licence.*`).
    LicenceRefused,
    /// 429.
    RateLimited,
    /// 5xx.
    IssuerUnavailable,
    /// Anything else from 400 on.
    Refused,
}

impl RefusedKind {
    /// As in the scenarios.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ScopeMissing => "ScopeMissing",
            Self::CredentialRefused => "CredentialRefused",
            Self::LicenceRefused => "LicenceRefused",
            Self::RateLimited => "RateLimited",
            Self::IssuerUnavailable => "IssuerUnavailable",
            Self::Refused => "Refused",
        }
    }
}

impl Refusal {
    /// The kind of error this is.
    pub fn kind(&self) -> RefusedKind {
        let is_scope = self.cause.as_ref() == Some(&Cause::SCOPE_MISSING)
            || self.error.as_deref() == Some("insufficient_scope");
        match self.status {
            _ if is_scope => RefusedKind::ScopeMissing,
            _ if self.cause.as_ref().is_some_and(|c| c.as_str().starts_with("licence.")) => {
                RefusedKind::LicenceRefused
            }
            401 => RefusedKind::CredentialRefused,
            429 => RefusedKind::RateLimited,
            500.. => RefusedKind::IssuerUnavailable,
            _ => RefusedKind::Refused,
        }
    }
    /// As an error.
    pub fn into_error(self) -> Refused {
        Refused { kind: self.kind(), refusal: Box::new(self) }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let refusal = &self.refusal;
        write!(f, "refused with {}", refusal.status)?;
        if let Some(what) = refusal.title.as_ref().or(refusal.error.as_ref()) {
            write!(f, ": {what}")?;
        }
        if let Some(cause) = &refusal.cause {
            write!(f, " ({cause})")?;
        }
        if !refusal.scopes_missing.is_empty() {
            write!(f, "; missing: {}", refusal.scopes_missing.join(" "))?;
        }
        if let Some(who) = refusal.who_can_act {
            write!(f, ". Who can act: {}.", who.in_words())?;
        }
        if let Some(remedy) = &refusal.remedy {
            write!(f, " {remedy}")?;
        }
        if let Some(link) = &refusal.error_uri {
            write!(f, " See {link}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Refused {}
