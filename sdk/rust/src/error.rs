//! Why a session cannot give a token.

use crate::core::state::{Reason, WhoCanAct};
use crate::refusal::Refusal;
use crate::seams::Millis;
use std::fmt;

/// Why there is no token. Texts name what happened, who can act, the remedy and the link; never a secret.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No attempt can help until somebody acts.
    #[error("{0}")]
    NeedsLogin(Box<NeedsLogin>),
    /// It failed in passing, for longer than the session's patience.
    #[error("{0}")]
    Unavailable(Unavailable),
    /// `close` or `logout` was called.
    #[error("the session is closed")]
    Closed,
    /// The settings are wrong; no request was made.
    #[error("misconfigured: {0}")]
    Misconfigured(String),
    /// The other side broke the protocol of signing in: a wrong state or issuer, say.
    #[error("{0}")]
    Protocol(String),
}

impl Error {
    /// The name of the kind, as in the scenarios.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::NeedsLogin(_) => "NeedsLogin",
            Self::Unavailable(_) => "Unavailable",
            Self::Closed => "Closed",
            Self::Misconfigured(_) => "Misconfigured",
            Self::Protocol(_) => "Protocol",
        }
    }
    /// The refusal of a call that made the session renew in vain, if that is how this came about.
    pub fn origin(&self) -> Option<&Refusal> {
        match self {
            Self::NeedsLogin(needs) => needs.origin.as_deref(),
            Self::Unavailable(unavailable) => unavailable.origin.as_deref(),
            _ => None,
        }
    }
    pub(crate) fn with_origin(mut self, refusal: Refusal) -> Self {
        match &mut self {
            Self::NeedsLogin(needs) => needs.origin = Some(Box::new(refusal)),
            Self::Unavailable(unavailable) => unavailable.origin = Some(Box::new(refusal)),
            _ => {}
        }
        self
    }
    pub(crate) fn misconfigured(text: impl Into<String>) -> Self {
        Self::Misconfigured(text.into())
    }
}

/// Somebody must act.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NeedsLogin {
    /// Why.
    pub reason: Reason,
    /// The issuer's cause, by the catalogue or as it was sent.
    pub cause: Option<String>,
    /// Who can act.
    pub who_can_act: WhoCanAct,
    /// What to do.
    pub remedy: String,
    /// Where more is said.
    pub link: Option<String>,
    /// What the issuer said besides, without secrets.
    pub detail: Option<String>,
    /// The refusal of the call that came before, if there was one.
    pub origin: Option<Box<Refusal>>,
}

impl NeedsLogin {
    /// For a reason alone.
    pub(crate) fn because(reason: Reason) -> Self {
        Self {
            reason,
            cause: None,
            who_can_act: reason.who_can_act(),
            remedy: reason.remedy().to_owned(),
            link: None,
            detail: None,
            origin: None,
        }
    }
    /// For a reason, as the issuer's refusal explains it.
    pub(crate) fn explained(reason: Reason, refusal: &Refusal) -> Self {
        let plain = Self::because(reason);
        Self {
            cause: refusal.cause.as_ref().map(|c| c.as_str().to_owned()),
            who_can_act: refusal.who_can_act.unwrap_or(plain.who_can_act),
            remedy: refusal.remedy.clone().unwrap_or(plain.remedy),
            link: refusal.error_uri.clone(),
            detail: Some(refusal.in_words()),
            ..Self::because(reason)
        }
    }
    pub(crate) fn with_detail(reason: Reason, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..Self::because(reason) }
    }
}

impl fmt::Display for NeedsLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason.in_words())?;
        if let Some(detail) = &self.detail {
            write!(f, " ({detail})")?;
        }
        write!(f, ". Who can act: {}. {}", self.who_can_act.in_words(), self.remedy)?;
        if let Some(link) = &self.link {
            write!(f, " See {link}")?;
        }
        Ok(())
    }
}

/// It failed in passing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unavailable {
    /// What happened, in words.
    pub reason: String,
    /// No request is made before.
    pub retry_at: Millis,
    /// Milliseconds from when this was said to then.
    pub retry_in: Millis,
    /// The refusal of the call that came before, if there was one.
    pub origin: Option<Box<Refusal>>,
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = (self.retry_in.max(0) + 999) / 1_000;
        write!(
            f,
            "the issuer cannot be asked at present: {}. It can be tried again in {seconds} s",
            self.reason
        )
    }
}
