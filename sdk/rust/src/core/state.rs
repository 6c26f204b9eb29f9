//! What a session says of itself.

use crate::error::NeedsLogin;
use crate::seams::Millis;
use std::fmt;

/// How a session stands, worked out from what is held and from the clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// There is a token that is good now (or an API key).
    Live {
        /// When the issuer ends it, if it said so.
        ends_at: Option<Millis>,
    },
    /// There is none and nothing is wrong: the next call fetches one.
    Idle,
    /// There is none, the last attempt failed in passing; it will be tried again.
    Waiting {
        /// No request is made before.
        until: Millis,
        /// What happened, in words.
        reason: String,
    },
    /// There is none and no attempt can help until somebody acts.
    NeedsLogin(Box<NeedsLogin>),
    /// `close` or `logout` was called.
    Closed,
}

impl State {
    /// `live`, `idle`, `waiting`, `needs_login`, `closed`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Live { .. } => "live",
            Self::Idle => "idle",
            Self::Waiting { .. } => "waiting",
            Self::NeedsLogin(_) => "needs_login",
            Self::Closed => "closed",
        }
    }
}

/// Why nothing but a person can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The grant needs a person and nobody has signed in yet.
    NeverSignedIn,
    /// The refresh token is refused and the grant cannot be had again without a person.
    GrantEnded,
    /// As `GrantEnded`, after an answer to this very refresh token was lost: the issuer does not repeat answers.
    RefreshLost,
    /// The issuer refuses the client or the request.
    ClientRefused,
    /// The person said no, or the code ran out.
    Denied,
    /// Another program signed on with the same account.
    Displaced,
    /// An API key, or a token that cannot be renewed, was answered 401.
    KeyRefused,
    /// What was stored cannot be read, and only a person can replace it.
    StoreCorrupt,
}

impl Reason {
    /// As in the scenarios: `never_signed_in` and so on.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NeverSignedIn => "never_signed_in",
            Self::GrantEnded => "grant_ended",
            Self::RefreshLost => "refresh_lost",
            Self::ClientRefused => "client_refused",
            Self::Denied => "denied",
            Self::Displaced => "displaced",
            Self::KeyRefused => "key_refused",
            Self::StoreCorrupt => "store_corrupt",
        }
    }
    /// Who can act if the issuer does not say.
    pub(crate) const fn who_can_act(self) -> WhoCanAct {
        match self {
            Self::NeverSignedIn
            | Self::GrantEnded
            | Self::RefreshLost
            | Self::Denied
            | Self::StoreCorrupt => WhoCanAct::EndUser,
            Self::ClientRefused | Self::Displaced | Self::KeyRefused => WhoCanAct::Caller,
        }
    }
    /// What happened, as the beginning of a sentence.
    pub(crate) const fn in_words(self) -> &'static str {
        match self {
            Self::NeverSignedIn => "nobody has signed in yet",
            Self::GrantEnded => "the sign-in has ended",
            Self::RefreshLost => {
                "the sign-in is lost: an answer of the issuer did not arrive, and the issuer does not repeat it"
            }
            Self::ClientRefused => "the issuer refuses this client or its request",
            Self::Denied => "the sign-in was denied or took too long",
            Self::Displaced => "another program signed on with the same account",
            Self::KeyRefused => "the API refuses the key or token that was given",
            Self::StoreCorrupt => "the stored sign-in cannot be read",
        }
    }
    /// What to do if the issuer does not say.
    pub(crate) const fn remedy(self) -> &'static str {
        match self {
            Self::NeverSignedIn | Self::StoreCorrupt => "Sign in.",
            Self::GrantEnded | Self::RefreshLost | Self::Denied => "Sign in again.",
            Self::ClientRefused => "Compare the client's settings with its registration.",
            Self::Displaced => "Give each program its own account, or sign in again to take this one back.",
            Self::KeyRefused => "Give the program a valid key.",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Who can end a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WhoCanAct {
    /// Whoever wrote or runs the program.
    Caller,
    /// The owner of the client or key.
    Owner,
    /// The person who signs in.
    EndUser,
    /// Whoever runs the API.
    Operator,
    /// Nobody: it passes.
    Time,
}

impl WhoCanAct {
    /// As in the catalogue: `caller`, `owner`, `end_user`, `operator`, `time`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Owner => "owner",
            Self::EndUser => "end_user",
            Self::Operator => "operator",
            Self::Time => "time",
        }
    }
    /// Reads the catalogue's word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Caller, Self::Owner, Self::EndUser, Self::Operator, Self::Time]
            .into_iter()
            .find(|who| who.as_str() == word)
    }
    pub(crate) const fn in_words(self) -> &'static str {
        match self {
            Self::Caller => "whoever runs this program",
            Self::Owner => "the owner of the client or key",
            Self::EndUser => "the person who signs in",
            Self::Operator => "the operator of the API",
            Self::Time => "nobody, it passes",
        }
    }
}

impl fmt::Display for WhoCanAct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
