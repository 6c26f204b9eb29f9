//! What is handed out in one act, what is spent by it, and how such acts end.

use crate::NewToken;
use mandate_core::model::{EndReason, Ended, Grant};
use mandate_core::refresh::{Chain, Look, RefreshFault, RefreshRule, RefreshStep};
use mandate_core::{ClientId, Digest, GrantId, Offset, ScopeSet, Timestamp, must};

/// What is of single use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MarkKind {
    /// A client's or user's assertion (RFC 7523).
    Assertion,
    /// A proof of possession (RFC 9449).
    Proof,
    /// A signed authorization request (RFC 9101).
    RequestObject,
}

impl MarkKind {
    /// The word in tables and records.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Assertion => "assertion",
            Self::Proof => "proof",
            Self::RequestObject => "request_object",
        }
    }
}

/// That something of single use was used (SECURITY R16).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// What it is.
    pub kind: MarkKind,
    /// Whose: a client's id or a key's thumbprint.
    pub owner: Box<str>,
    /// Which one.
    pub digest: Digest,
    /// When it is of no more use by its own time, leeway included.
    pub ends_at: Timestamp,
}

/// An access token and what comes with it.
#[derive(Clone, Debug)]
pub struct Minted {
    /// The token. One that says everything itself has a name too: [`crate::token_handle`] of its digest.
    pub token: NewToken,
    /// Whether it is opaque, so that it is looked up; one that says everything itself leaves no row.
    pub stored: bool,
    /// The refresh chain that begins with it.
    pub chain: Option<Chain>,
    /// What the act uses up, in the same step and after everything else has matched. If one of them was used before,
    /// nothing happens.
    pub marks: Vec<Mark>,
}

impl Minted {
    /// An opaque token and nothing beside it.
    pub fn stored(token: NewToken) -> Self {
        Self { token, stored: true, chain: None, marks: Vec::new() }
    }
    /// Whether there is an opaque token and nothing beside it.
    pub(crate) fn is_plain(&self) -> bool {
        self.stored && self.chain.is_none() && self.marks.is_empty() && self.token.chain.is_none()
    }
    /// The token of a grant or chain with this offset: what was killed after that, it cannot make good (SECURITY R10).
    pub(crate) fn token_at(&self, offset: Offset) -> NewToken {
        let chain = self.chain.as_ref().map(|c| &c.id).or(self.token.chain.as_ref());
        NewToken { offset: offset.min(self.token.offset), chain: chain.cloned(), ..self.token.clone() }
    }
    /// The chain of a grant that was opened at this offset by this client.
    pub(crate) fn chain_at(
        &self,
        offset: Offset,
        client: &ClientId,
        grant: &GrantId,
        scopes: &ScopeSet,
        context: &str,
    ) -> Option<Chain> {
        self.chain.as_ref().map(|chain| Chain {
            client: client.clone(),
            grant: grant.clone(),
            scopes: scopes.clone(),
            offset: offset.min(chain.offset),
            context: context.into(),
            ..chain.clone()
        })
    }
}

/// What became of a token that was to be issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Issued {
    /// It hangs from this grant.
    Done(GrantId),
    /// This mark was there already: nothing was done.
    Reused(MarkKind),
}

impl Issued {
    /// The grant, if it was done.
    pub fn granted(self) -> Option<GrantId> {
        match self {
            Self::Done(grant) => Some(grant),
            Self::Reused(_) => None,
        }
    }
}

/// What became of a refresh token. Whatever it is, whose it is has been checked first.
#[derive(Clone, Debug)]
pub enum Rotated {
    /// Answered.
    Answered {
        /// What was done to the chain.
        step: RefreshStep,
        /// The chain after it.
        chain: Box<Chain>,
        /// Its grant as it is now.
        grant: Box<Grant>,
    },
    /// The rule said no; nothing was changed.
    Refused(RefreshFault, Box<Chain>),
    /// It had been replaced: chain and access tokens have ended in this same step.
    Replayed(Look, Box<Chain>),
    /// The chain had ended before.
    Ended(Box<Chain>),
    /// The grant, its client, its user, its partner or all its accounts ended after the chain began.
    GrantEnded(Box<Chain>),
    /// This mark was there already: nothing was done.
    Reused(MarkKind),
    /// There is no such chain.
    Unknown,
}

/// What became of a device's poll.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Polled {
    /// `authorization_pending`
    Pending,
    /// `slow_down`: the interval from now on, in milliseconds.
    SlowDown(i64),
    /// Allowed, and handed out now: exactly one poll sees this.
    Approved {
        /// The grant.
        grant: GrantId,
        /// What was allowed.
        scopes: ScopeSet,
        /// The issuer's text of the decision.
        context: Box<str>,
        /// The offset that token and chain may have at most.
        offset: Offset,
    },
    /// `access_denied`
    Denied,
    /// `expired_token`
    Expired,
    /// Handed out before.
    Spent,
    /// Begun by another client.
    OtherClient,
    /// Allowed, but the grant, its client, its user, its partner or all its accounts ended since.
    GrantEnded,
    /// This mark was there already: nothing was handed out.
    Reused(MarkKind),
    /// There is no such flow.
    Unknown,
}

/// What is to be done to a chain.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// This step, which leaves it so.
    Step(RefreshStep, Chain),
    /// It ends: it is so from now on.
    End(Look, Chain),
    /// Nothing.
    Not(Rotated),
}

/// Judges a presented token by its chain as it stands locked: whose it is, then whether chain or grant have ended, then
/// its time and generation (SECURITY R14).
pub(crate) fn judge(rule: &RefreshRule, chain: Chain, grant_ended: bool, now: Timestamp) -> Verdict {
    if let Err(fault) = rule.holder(&chain) {
        return Verdict::Not(Rotated::Refused(fault, Box::new(chain)));
    }
    if chain.ended.is_some() {
        return Verdict::Not(Rotated::Ended(Box::new(chain)));
    }
    if grant_ended {
        return Verdict::Not(Rotated::GrantEnded(Box::new(chain)));
    }
    match rule.check(&chain, now) {
        Ok(step) => Verdict::Step(step, rule.after(chain, step, now)),
        Err(RefreshFault::Replayed(look)) if must!("rfc9700-4.14.2-replay") => {
            let ended = Some(Ended { at: now, reason: EndReason::RefreshReplayed, successor: None });
            let repeats = rule.replayed(&chain, look, now);
            Verdict::End(look, Chain { ended, repeats, ..chain })
        }
        Err(fault) => Verdict::Not(Rotated::Refused(fault, Box::new(chain))),
    }
}
