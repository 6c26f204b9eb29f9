//! What programs are told.

use crate::error::NeedsLogin;
use crate::seams::Millis;

/// Is told what happens to a session. Called while nothing is locked; it must not block for long.
pub trait Observer: Send + Sync + 'static {
    /// Something happened.
    fn event(&self, event: &Event);
}

impl<F: Fn(&Event) + Send + Sync + 'static> Observer for F {
    fn event(&self, event: &Event) {
        self(event);
    }
}

/// What happened. Holds no secrets.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// There is a new token from the issuer.
    Renewed {
        /// When it ends, if the issuer says so.
        ends_at: Option<Millis>,
        /// Before the old one had ended.
        early: bool,
    },
    /// Another process had renewed.
    TakenFromStore,
    /// An attempt failed in passing.
    Failed {
        /// In words.
        reason: String,
        /// No request before this.
        retry_at: Millis,
    },
    /// Somebody must act.
    NeedsLogin(Box<NeedsLogin>),
    /// The store could not be read or written; the session goes on with what it holds.
    StoreFailed {
        /// In words.
        error: String,
    },
    /// The lock of a dead process was taken over.
    LockTakenOver {
        /// For how long it had shown no sign of life.
        age_ms: u64,
    },
    /// The issuer's clock differs from ours.
    Skew {
        /// By so many milliseconds it is ahead.
        ms: Millis,
    },
}

impl Event {
    /// As in the scenarios: `renewed` and so on.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Renewed { .. } => "renewed",
            Self::TakenFromStore => "taken_from_store",
            Self::Failed { .. } => "failed",
            Self::NeedsLogin(_) => "needs_login",
            Self::StoreFailed { .. } => "store_failed",
            Self::LockTakenOver { .. } => "lock_taken_over",
            Self::Skew { .. } => "skew",
        }
    }
}
