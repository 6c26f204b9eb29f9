//! The ordered log of things that end or change authority (DESIGN D8; SECURITY R9, R10).

use crate::model::EndReason;
use crate::{PlatformId, Timestamp};

/// Position in the log. Gap-free and in commit order within one timeline of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Offset(pub u64);

/// What an entry is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SubjectKind {
    /// One access token, by its handle; or a refresh chain and its access tokens, by the chain's id.
    Token,
    /// A grant and everything that hangs from it.
    Grant,
    /// An API key, by its public id.
    Key,
    /// An OAuth client.
    Client,
    /// An account.
    Account,
    /// A user.
    User,
    /// One browser session, by its handle.
    Session,
    /// A partner.
    Partner,
    /// The platform's policy: its file was applied again.
    Platform,
    /// A key that signs tokens, by its `kid`.
    SigningKey,
}

impl SubjectKind {
    /// All of them, each with its word.
    pub const ALL: [Self; 10] = [
        Self::Token,
        Self::Grant,
        Self::Key,
        Self::Client,
        Self::Account,
        Self::User,
        Self::Session,
        Self::Partner,
        Self::Platform,
        Self::SigningKey,
    ];
    /// The word in tables, logs and pages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Grant => "grant",
            Self::Key => "key",
            Self::Client => "client",
            Self::Account => "account",
            Self::User => "user",
            Self::Session => "session",
            Self::Partner => "partner",
            Self::Platform => "platform",
            Self::SigningKey => "signing_key",
        }
    }
    /// The kind with this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.as_str() == word)
    }
}

/// What an entry is about, fully named.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Subject {
    /// The tenant.
    pub platform: PlatformId,
    /// The kind of thing.
    pub kind: SubjectKind,
    /// Its public id.
    pub id: Box<str>,
}

/// What an entry does to credentials of the subject with a smaller offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// They are dead for good, even if the subject is enabled again (SECURITY R10).
    Kill,
    /// They are judged anew by facts that have changed.
    Change,
}

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// Its position.
    pub offset: Offset,
    /// What it is about.
    pub subject: Subject,
    /// What it does.
    pub effect: Effect,
    /// Why, where a token, a refresh chain or a grant ended: a token that carries its own claims has no row to say it.
    pub reason: Option<EndReason>,
    /// When it was committed.
    pub at: Timestamp,
}
