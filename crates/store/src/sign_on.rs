//! A machine's sign-on: what it takes and gives.

use crate::minted::{MarkKind, Minted};
use crate::values::Audit;
use mandate_core::grant::{GrantSpec, LiveSession, SignOnRule};
use mandate_core::model::PasswordHash;
use mandate_core::{GrantId, ScopeSet};

/// A machine that has shown its password and wants tokens.
#[derive(Clone, Debug)]
pub struct SignOn {
    /// What it opens; its `user` is the machine.
    pub grant: GrantSpec,
    /// Runs on the machine and its live sign-ons as they stand locked.
    pub rule: SignOnRule,
    /// Its password from now on. A change ends its other sign-ons, as it ends the sessions of a person.
    pub new_password: Option<PasswordHash>,
    /// Scopes of token and chain.
    pub scopes: ScopeSet,
    /// Token, chain and marks. Grant, client and scopes of the chain are filled in by the store.
    pub minted: Minted,
    /// The act and its time; the record is written if a sign-on was displaced or the password changed.
    pub audit: Audit,
}

/// What became of a sign-on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignedOn {
    /// Token and chain are stored.
    Done {
        /// What they hang from.
        grant: GrantId,
        /// The sign-ons whose place it took, ended in the same step; oldest first.
        displaced: Vec<LiveSession>,
    },
    /// There are as many sign-ons as there may be; nothing was changed.
    QuotaReached {
        /// So many.
        quota: u32,
        /// Oldest first.
        live: Vec<LiveSession>,
    },
    /// The machine is gone, switched off or has another password by now; nothing was changed.
    NotVerified,
    /// This mark was there already: nothing was done.
    Reused(MarkKind),
}
