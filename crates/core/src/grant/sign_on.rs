//! Machines that sign on with name and password (RFC 6749 section 4.3; SECURITY R5, R22): whom the password grant serves,
//! and how many sign-ons one machine may have at once. A sign-on is a refresh chain.

use crate::disclosure::{FactName as F, PossessionProof};
use crate::model::{PasswordHash, Status, User};
use crate::policy::displaced_by;
use crate::refresh::Chain;
use crate::refusal::{Link, Refusal};
use crate::{Cause, ChainId, ClientId, Timestamp, format, must};

/// What the password of a name is compared with: that of a machine in use. For anybody else nothing is, whatever password
/// a person may have; the work is done in vain then, so that every name costs the same (SECURITY R5, R7).
pub fn password_of_machine(found: Option<&User>) -> Option<&PasswordHash> {
    found.filter(|user| user.kind.is_machine() && user.status == Status::Active)?.password.as_ref()
}

/// Whether the one of this name has shown to be that machine. `matched`: the password was the one of
/// [`password_of_machine`].
///
/// # Errors
/// One answer for everything that does not fit; what it was stands in the record (SECURITY R7).
pub fn identify_machine(found: Option<&User>, matched: bool) -> Result<PossessionProof, Box<Refusal>> {
    let rejected =
        |true_cause| Err(Box::new(Refusal::anonymous(Cause::PasswordRejected).because(true_cause)));
    match found {
        None => rejected(Cause::CredentialUnknown),
        Some(user) if !user.kind.is_machine() => rejected(Cause::CredentialWrongKind),
        Some(user) if must!("rfc6749-4.3.2-password", !matched) || user.status != Status::Active => {
            rejected(Cause::CredentialSecretMismatch)
        }
        Some(_) => Ok(PossessionProof(())),
    }
}

/// A sign-on that is live: its chain has not ended, by no act and by no time, and what it hangs from has not either.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveSession {
    /// Its refresh chain.
    pub id: ChainId,
    /// By which client.
    pub client: ClientId,
    /// Since when.
    pub since: Timestamp,
    /// From which network it was last answered.
    pub from: Box<str>,
}

impl LiveSession {
    /// The sign-on of a chain; `None` once it has ended by an act or by its time.
    pub fn of(chain: &Chain, now: Timestamp) -> Option<Self> {
        let past = |end: Option<Timestamp>| end.is_some_and(|end| now >= end);
        let over = chain.ended.is_some() || past(chain.idle_ends_at) || past(chain.ends_at);
        (!over).then(|| Self::was(chain))
    }
    /// The sign-on of a chain, whether it has ended or not.
    pub fn was(chain: &Chain) -> Self {
        Self {
            id: chain.id.clone(),
            client: chain.client.clone(),
            since: chain.issued_at,
            from: chain.repeats.answered_to.clone(),
        }
    }
    /// One line for those whose it is.
    fn in_words(&self) -> String {
        let from = if self.from.is_empty() { "an unknown network" } else { &*self.from };
        format!("{} since {} from {from}", self.client, format::rfc3339(self.since))
    }
}

/// What comes with a sign-on, the password having been verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignOnRule {
    /// The version of the password that was verified.
    pub password_version: u64,
    /// Whether it takes the place of all others, at once.
    pub exclusive: bool,
}

/// Why a sign-on cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignOnFault {
    /// The machine is gone, switched off or a person, or its password is another one by now.
    NotVerified,
    /// It has as many sign-ons as it may have.
    QuotaReached {
        /// So many.
        quota: u32,
    },
}

impl SignOnRule {
    /// Judges by the user and its live sign-ons as they stand locked. Gives those whose place it takes: all of them if it is
    /// to be exclusive, otherwise none. Pure.
    pub fn check<'l>(
        &self,
        user: Option<&User>,
        live: &'l [LiveSession],
    ) -> Result<&'l [LiveSession], SignOnFault> {
        let quota = user
            .filter(|user| user.status == Status::Active && user.password_version == self.password_version)
            .and_then(|user| user.kind.sessions())
            .ok_or(SignOnFault::NotVerified)?;
        if self.exclusive {
            Ok(live)
        } else if live.len() < usize::try_from(quota).unwrap_or(usize::MAX) {
            Ok(&[])
        } else {
            Err(SignOnFault::QuotaReached { quota })
        }
    }
}

/// The refusal of a machine that has shown its password and has as many sign-ons as it may have.
pub fn quota_reached(quota: u32, live: &[LiveSession], proof: PossessionProof) -> Refusal {
    let since: Vec<String> = live.iter().map(|session| format::rfc3339(session.since)).collect();
    let whole: Vec<String> = live.iter().map(LiveSession::in_words).collect();
    let mut refusal = Refusal::anonymous(Cause::SessionQuotaReached)
        .to_holder(proof)
        .with(F::Limit, i64::from(quota))
        .with(F::SessionsLive, i64::try_from(live.len()).unwrap_or(i64::MAX))
        .with(F::SessionsSince, since.join(", "))
        .with(F::SessionsFrom, whole.join("; "));
    refusal.links = live
        .iter()
        .map(|session| Link {
            relation: "live".into(),
            subject: format!("session:{}", session.id).into(),
            at: Some(session.since),
        })
        .collect();
    refusal
}

/// The refusal of a refresh token whose sign-on was displaced. `by`: the sign-on that took its place, if it is still known.
pub fn displaced(chain: &Chain, by: Option<&Chain>, now: Timestamp) -> Refusal {
    let ended = chain.ended.as_ref();
    let mut refusal = Refusal::anonymous(Cause::SessionDisplaced)
        .with(F::IssuedAt, chain.issued_at)
        .with(F::EndedAt, ended.map_or(now, |ended| ended.at))
        .with(F::EndReason, "another sign-on took its place");
    if let Some(by) = by {
        let from = &by.repeats.answered_to;
        let from = if from.is_empty() { "an unknown network" } else { from };
        let since = format::rfc3339(by.issued_at);
        refusal = refusal.with(F::DisplacedBy, format!("{} since {since} from {from}", by.client));
    }
    refusal.links.extend(ended.and_then(displaced_by));
    refusal
}

/// From a sign-on to those whose place it took, for explanations.
pub fn displaced_links(displaced: &[LiveSession]) -> Vec<Link> {
    let link = |session: &LiveSession| Link {
        relation: "displaced".into(),
        subject: format!("session:{}", session.id).into(),
        at: Some(session.since),
    };
    displaced.iter().map(link).collect()
}

#[cfg(test)]
mod tests;
