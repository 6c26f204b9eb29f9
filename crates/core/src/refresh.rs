//! Refresh chains: which refresh token is answered with what (DESIGN D7; SECURITY R2, R13-R15).

mod repeats;

pub use repeats::{Repeat, Repeats};

use crate::disclosure::PossessionProof;
use crate::model::Ended;
use crate::{ChainId, ClientId, GrantId, Offset, PlatformId, ScopeSet, Timestamp, must};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A replay this soon after the answer looks like a client that lost it.
const RETRY_MS: i64 = 10_000;

/// What becomes of a refresh token when it is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefreshMode {
    /// It stays as it is (FAPI 2.0).
    Static,
    /// It is replaced; presented again before its successor was used, it gives the same successor.
    #[default]
    Idempotent,
    /// It is replaced, and may never be presented again.
    Strict,
}

impl RefreshMode {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Static, Self::Idempotent, Self::Strict];
    /// The word in settings and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Static => "static",
            Self::Idempotent => "idempotent",
            Self::Strict => "strict",
        }
    }
    /// The mode with this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|m| m.as_str() == word)
    }
}

/// The successive refresh tokens of one grant, as one row. A refresh token is the chain's id, a generation and a MAC over
/// platform, client, chain, generation and salt: none is ever stored.
#[derive(Clone, PartialEq, Eq)]
pub struct Chain {
    /// The tenant.
    pub platform: PlatformId,
    /// Its handle.
    pub id: ChainId,
    /// What it hangs from.
    pub grant: GrantId,
    /// The client it was issued to.
    pub client: ClientId,
    /// What its access tokens may be for at most; never narrowed by a refresh.
    pub scopes: ScopeSet,
    /// What the MAC covers beside names, so that the key alone forges nothing (SECURITY R2).
    pub salt: [u8; 16],
    /// Generation of the MAC key under which its tokens are said.
    pub key: u32,
    /// The generation that is good now.
    pub generation: u64,
    /// The key that its refresh tokens are bound to, as a thumbprint.
    pub binding: Option<Box<str>>,
    /// Opaque text of the issuer.
    pub context: Box<str>,
    /// When it began.
    pub issued_at: Timestamp,
    /// When the current generation was first answered.
    pub answered_at: Timestamp,
    /// How often it was answered again since.
    pub reanswers: u32,
    /// It ends then unless it is used before.
    pub idle_ends_at: Option<Timestamp>,
    /// It ends then in any case.
    pub ends_at: Option<Timestamp>,
    /// Log offset its issuer had applied (SECURITY R10).
    pub offset: Offset,
    /// Its early end.
    pub ended: Option<Ended>,
    /// What its owner can see of tokens that came again.
    pub repeats: Repeats,
}

impl fmt::Debug for Chain {
    /// Without the salt: it is half of what forges (SECURITY R2, R4).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chain")
            .field("platform", &self.platform)
            .field("id", &self.id)
            .field("grant", &self.grant)
            .field("client", &self.client)
            .field("generation", &self.generation)
            .field("answered_at", &self.answered_at)
            .field("reanswers", &self.reanswers)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

/// What comes with a refresh token, its MAC having been verified.
#[derive(Clone, Debug)]
pub struct RefreshRule {
    /// The authenticated client.
    pub client: ClientId,
    /// The generation presented.
    pub generation: u64,
    /// The client's mode.
    pub mode: RefreshMode,
    /// Thumbprint of the key that this request proved.
    pub binding: Option<Box<str>>,
    /// How long the same successor is said again, from its first answer (SECURITY R15).
    pub window_ms: i64,
    /// And how often at most, those not counted that come within ten seconds of the first answer.
    pub most_reanswers: u32,
    /// How long the chain lives from a refresh to the next one.
    pub idle_ms: Option<i64>,
    /// The caller's network.
    pub from: Box<str>,
    /// The MAC key under which a new generation is said. A row names the key of its current one (SECURITY R2).
    pub key: u32,
}

/// What a refresh does to its chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshStep {
    /// It moves on.
    Rotate {
        /// To this generation, which is the answer.
        to: u64,
    },
    /// The answer is said again.
    Again {
        /// The generation that was answered.
        generation: u64,
    },
    /// The token stays.
    Same,
}

/// Why there is no refresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshFault {
    /// The chain is another client's.
    OtherClient,
    /// It is bound to a key that this request did not prove.
    OtherKey,
    /// Its time has passed.
    Expired,
    /// The token had been replaced, and its time to be said again is over. The chain has to end.
    Replayed(Look),
}

/// What a replay looks like. For the record: all three end the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// One generation behind, within ten seconds of the answer: a client that did not get it.
    Retry,
    /// One generation behind: two of a client's processes, or a thief.
    Race,
    /// Further behind.
    Theft,
}

impl Look {
    /// The look with this word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Retry, Self::Race, Self::Theft].into_iter().find(|look| look.as_str() == word)
    }
    /// The word in records.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Race => "race",
            Self::Theft => "theft",
        }
    }
}

/// Whether the answer was given just now: those who ask again so soon asked at the same time, many tasks of one program
/// with one token. They get what the first of them got, and count as one. Of requests at the same time any may be the
/// first to commit, so the others may have arrived before its answer, on nodes whose clocks differ also well before.
fn at_once(chain: &Chain, now: Timestamp) -> bool {
    now.millis_since(chain.answered_at).unsigned_abs() < RETRY_MS.unsigned_abs()
}

impl RefreshRule {
    /// Whose it is, then its end by time, then its generation: no replay is declared before all else has matched
    /// (SECURITY R14). Pure. Whether the chain or its grant has ended is the store's to ask, after [`Self::holder`].
    pub fn check(&self, chain: &Chain, now: Timestamp) -> Result<RefreshStep, RefreshFault> {
        self.holder(chain)?;
        if must!("rfc9700-4.14.2-idle", chain.idle_ends_at.is_some_and(|end| now >= end)) {
            return Err(RefreshFault::Expired);
        }
        if must!("rfc6749-5.2-refresh-expired", chain.ends_at.is_some_and(|end| now >= end)) {
            return Err(RefreshFault::Expired);
        }
        let (shown, current) = (self.generation, chain.generation);
        let next = RefreshStep::Rotate { to: shown.saturating_add(1) };
        match self.mode {
            RefreshMode::Static if shown == current && chain.key == self.key => Ok(RefreshStep::Same),
            // Its MAC key was replaced: it is said anew once, under the key of now (SECURITY R2).
            RefreshMode::Static if shown == current => Ok(next),
            // A token above its row's generation is ours all the same: the row came out of a backup (SECURITY R13).
            RefreshMode::Static if shown > current => Ok(RefreshStep::Rotate { to: shown }),
            RefreshMode::Idempotent | RefreshMode::Strict if shown >= current => Ok(next),
            RefreshMode::Static | RefreshMode::Idempotent
                if shown.saturating_add(1) == current && self.still_said(chain, now) =>
            {
                Ok(RefreshStep::Again { generation: current })
            }
            RefreshMode::Static | RefreshMode::Idempotent | RefreshMode::Strict => {
                Err(RefreshFault::Replayed(look(chain, shown, now)))
            }
        }
    }

    /// Whether the chain is this client's, and bound to no key but the one proven: a chain once bound never yields an
    /// unbound token (SECURITY R14).
    pub fn holder(&self, chain: &Chain) -> Result<(), RefreshFault> {
        if must!("rfc6749-6-client", chain.client != self.client) {
            return Err(RefreshFault::OtherClient);
        }
        if must!("rfc9449-5-refresh-key", chain.binding.is_some() && chain.binding != self.binding) {
            return Err(RefreshFault::OtherKey);
        }
        Ok(())
    }

    /// What it proves to present a chain's token, its MAC having been verified, by its client and with its key: it is the
    /// very credential (SECURITY R6). A public client has nothing else to show.
    ///
    /// # Errors
    /// As [`Self::holder`].
    pub fn proof(&self, chain: &Chain) -> Result<PossessionProof, RefreshFault> {
        self.holder(chain)?;
        Ok(PossessionProof(()))
    }

    /// What the owner sees once an answer was said again: nothing of those who ask within ten seconds from where the first
    /// one asked, everything else (SECURITY R15 demands it after 60 seconds, and from a new address at any time).
    fn noted(&self, chain: &Chain, now: Timestamp) -> Repeats {
        let known = chain.repeats.answered_to.is_empty() || chain.repeats.answered_to == self.from;
        if known && at_once(chain, now) {
            return chain.repeats.clone();
        }
        let look = look(chain, self.generation, now);
        chain.repeats.with(Repeat { at: now, from: self.from.clone(), look, replayed: false })
    }

    /// What the owner sees once a replay has ended the chain.
    pub fn replayed(&self, chain: &Chain, look: Look, now: Timestamp) -> Repeats {
        chain.repeats.with(Repeat { at: now, from: self.from.clone(), look, replayed: true })
    }

    fn still_said(&self, chain: &Chain, now: Timestamp) -> bool {
        now < chain.answered_at.plus_millis(self.window_ms)
            && (at_once(chain, now) || chain.reanswers < self.most_reanswers)
    }

    /// The chain after a step that [`Self::check`] gave.
    #[must_use]
    pub fn after(&self, chain: Chain, step: RefreshStep, now: Timestamp) -> Chain {
        let idle_ends_at = self.idle_ms.map(|ms| now.plus_millis(ms));
        match step {
            RefreshStep::Rotate { to } => {
                let repeats = Repeats { answered_to: self.from.clone(), ..chain.repeats };
                let key = self.key;
                Chain { generation: to, key, answered_at: now, reanswers: 0, idle_ends_at, repeats, ..chain }
            }
            // The window runs from the first answer (SECURITY R15).
            RefreshStep::Again { .. } => {
                let counted = u32::from(!at_once(&chain, now));
                let reanswers = chain.reanswers.saturating_add(counted);
                let repeats = self.noted(&chain, now);
                Chain { reanswers, repeats, ..chain }
            }
            RefreshStep::Same => Chain { idle_ends_at, ..chain },
        }
    }
}

fn look(chain: &Chain, shown: u64, now: Timestamp) -> Look {
    if shown.saturating_add(1) != chain.generation {
        Look::Theft
    } else if now < chain.answered_at.plus_millis(RETRY_MS) {
        Look::Retry
    } else {
        Look::Race
    }
}

#[cfg(test)]
mod tests;
