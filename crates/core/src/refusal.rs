//! A refusal: the cause, what had passed, what would fail next, the facts, and whom they are about.

use crate::disclosure::{FactName, Facts, PossessionProof, Subjects, Value};
use crate::policy::Check;
use crate::{Cause, DecisionId, PlatformId, Timestamp};

/// An event that a refusal points to; shown to those whom it is about (DESIGN D4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// `replaced_by`, `issued_under`, `spent_for` …
    pub relation: Box<str>,
    /// `key:PK…`, `grant:…`.
    pub subject: Box<str>,
    /// When it happened.
    pub at: Option<Timestamp>,
}

/// Why a request was refused.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// What the wire says.
    pub cause: Cause,
    /// What is behind a merged answer; for the record only.
    pub true_cause: Option<Cause>,
    /// Checks that passed, in their order.
    pub passed: Vec<Check>,
    /// The first one that failed.
    pub failed: Option<Check>,
    /// What would have failed after it, where that is known.
    pub next: Vec<Cause>,
    /// What is known about it.
    pub facts: Facts,
    /// Whom it is about.
    pub subjects: Subjects,
    /// Present if the request held a genuine credential.
    pub proof: Option<PossessionProof>,
    /// What it points to.
    pub links: Vec<Link>,
    /// Whether the credential is bound to a key, so that another one would have to be shown with a proof, too.
    pub is_bound: bool,
}

impl Refusal {
    /// A refusal of a request whose sender has proven nothing.
    pub fn anonymous(cause: Cause) -> Self {
        Self {
            cause,
            true_cause: None,
            passed: Vec::new(),
            failed: None,
            next: Vec::new(),
            facts: Facts::none(),
            subjects: Subjects::default(),
            proof: None,
            links: Vec::new(),
            is_bound: false,
        }
    }
    /// Adds a fact.
    #[must_use]
    pub fn with(mut self, name: FactName, value: impl Into<Value>) -> Self {
        self.facts = self.facts.with(name, value);
        self
    }
    /// Remembers the cause behind a merged one.
    #[must_use]
    pub fn because(mut self, true_cause: Cause) -> Self {
        self.true_cause = Some(true_cause);
        self
    }
    /// The same refusal under a cause that stands for several; what it was is remembered.
    #[must_use]
    pub fn said_as(mut self, merged: Cause) -> Self {
        if merged != self.cause {
            self.true_cause = Some(self.true_cause.unwrap_or(self.cause));
            self.cause = merged;
        }
        self
    }
    /// What it really was.
    pub fn truth(&self) -> Cause {
        self.true_cause.unwrap_or(self.cause)
    }
    /// Adds the proof that a genuine credential was shown.
    #[must_use]
    pub fn to_holder(mut self, proof: PossessionProof) -> Self {
        self.proof = Some(proof);
        self
    }
    /// Adds whom it is about.
    #[must_use]
    pub fn about(mut self, subjects: Subjects) -> Self {
        self.subjects = subjects;
        self
    }
    /// Seconds to wait, if the facts say so.
    pub fn retry_after_s(&self) -> Option<i64> {
        self.facts.for_record().iter().find_map(|f| match (f.name, &f.value) {
            (FactName::RetryAfter, Value::Number(n)) => Some(*n),
            _ => None,
        })
    }
}

/// A refusal that has an id and a place, as it is recorded and explained.
#[derive(Clone, Debug)]
pub struct Decision {
    /// Its id.
    pub id: DecisionId,
    /// The tenant.
    pub platform: PlatformId,
    /// When.
    pub at: Timestamp,
    /// The surface's word.
    pub surface: Box<str>,
    /// The host's name in the platform file.
    pub host: Box<str>,
    /// `GET /v2/account`: method and route pattern, never the raw path.
    pub route: Box<str>,
    /// The refusal.
    pub refusal: Refusal,
}
