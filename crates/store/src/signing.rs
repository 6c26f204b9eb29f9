//! Signing keys as the store keeps them.

use crate::Changed;
use mandate_core::succession::{KeyLife, Turn, TurnFault, turn};
use mandate_core::{PlatformId, Timestamp};
use std::fmt;

/// A key that signs tokens, or that refresh tokens are MACs under. What is secret is wrapped (SECURITY R1).
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKeyRow {
    /// The tenant.
    pub platform: PlatformId,
    /// Its name in headers and key sets.
    pub kid: Box<str>,
    /// `ES256`, `EdDSA`, …; [`mandate_core::succession::MAC`] for refresh tokens, whose `kid` is a number.
    pub alg: Box<str>,
    /// The private half, wrapped.
    pub wrapped: Vec<u8>,
    /// The public half: text of a JWK; empty for MAC keys.
    pub public: Box<str>,
    /// When it was made.
    pub created_at: Timestamp,
    /// It is published before, and signs from then on.
    pub active_from: Timestamp,
    /// It signs nothing from then on.
    pub retires_at: Option<Timestamp>,
    /// It is not published from then on.
    pub gone_at: Option<Timestamp>,
}

impl fmt::Debug for SigningKeyRow {
    /// Without the private half, wrapped or not (SECURITY R4).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKeyRow")
            .field("platform", &self.platform)
            .field("kid", &self.kid)
            .field("alg", &self.alg)
            .field("active_from", &self.active_from)
            .field("retires_at", &self.retires_at)
            .finish_non_exhaustive()
    }
}

impl SigningKeyRow {
    /// Its times.
    pub fn life(&self) -> KeyLife {
        KeyLife {
            kid: self.kid.clone(),
            active_from: self.active_from,
            retires_at: self.retires_at,
            gone_at: self.gone_at,
        }
    }
}

/// What a turn does to the rows of an algorithm.
pub(crate) struct TurnPlan {
    /// Rows that are there and change.
    pub(crate) changed: Vec<KeyLife>,
    /// The offered key with its times, if it is taken.
    pub(crate) made: Option<SigningKeyRow>,
}

impl TurnPlan {
    pub(crate) fn of(
        keys: &[KeyLife],
        offered: &SigningKeyRow,
        act: &Turn,
        outlives_ms: Option<i64>,
        now: Timestamp,
    ) -> Result<Self, Changed> {
        let lives = turn(keys, act, &offered.kid, outlives_ms, now).map_err(|fault| match fault {
            TurnFault::Unknown => Changed::NotFound,
            TurnFault::Already | TurnFault::NotDue => Changed::Conflict,
        })?;
        let (new, changed): (Vec<_>, Vec<_>) = lives.into_iter().partition(|life| life.kid == offered.kid);
        let made = new.into_iter().next().map(|life| SigningKeyRow {
            active_from: life.active_from,
            retires_at: life.retires_at,
            gone_at: life.gone_at,
            ..offered.clone()
        });
        Ok(Self { changed, made })
    }
}
