//! The allow-list of facts that a record may hold (SECURITY R4): typed values under fixed names.

use super::{About, Tier};
use crate::Timestamp;

macro_rules! facts {
    ($($(#[$doc:meta])* $name:ident = $word:literal, $tier:ident, $about:ident;)*) => {
        /// The name of a fact. Its tier and whose it is are fixed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum FactName {$($(#[$doc])* $name,)*}
        impl FactName {
            /// Every name.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];
            /// The name in JSON and in templates of the catalogue.
            pub const fn as_str(self) -> &'static str {
                match self {$(Self::$name => $word,)*}
            }
            /// Who may be told.
            pub const fn tier(self) -> Tier {
                match self {$(Self::$name => Tier::$tier,)*}
            }
            /// Whose fact it is.
            pub const fn about(self) -> About {
                match self {$(Self::$name => About::$about,)*}
            }
            /// The fact with this name.
            pub fn from_word(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|n| n.as_str() == word)
            }
        }
    };
}

facts! {
    // What the request itself shows.
    /// Environments that this host serves.
    HostEnvironments = "host_environments", Public, Credential;
    /// The parameter or header concerned.
    Parameter = "parameter", Public, Credential;
    /// What is wrong with the text.
    Defect = "defect", Public, Credential;
    /// What was received (a content type, a method, a grant type).
    Received = "received", Public, Credential;
    /// What is expected in its place.
    Expected = "expected", Public, Credential;
    /// The largest size, count or length.
    Limit = "limit", Public, Credential;
    /// The server's time.
    ServerTime = "server_time", Public, Credential;
    /// Whom to ask.
    Contact = "contact", Public, Credential;
    /// Seconds after which the same request may succeed.
    RetryAfter = "retry_after_s", Public, Credential;

    // What the holder of the credential may know.
    /// What the server recognised the credential as.
    CredentialKind = "credential_kind", Holder, Credential;
    /// The environment of the credential.
    CredentialEnvironments = "credential_environments", Holder, Credential;
    /// When it was issued.
    IssuedAt = "issued_at", Holder, Credential;
    /// When it ended.
    EndedAt = "ended_at", Holder, Credential;
    /// When it expired.
    ExpiredAt = "expired_at", Holder, Credential;
    /// Why it ended.
    EndReason = "end_reason", Holder, Credential;
    /// Scopes that would do.
    ScopesNeeded = "scopes_needed", Holder, Credential;
    /// Scopes the token holds.
    ScopesHeld = "scopes_held", Holder, Credential;
    /// Scopes that were asked for and may not be.
    ScopesRefused = "scopes_refused", Holder, Credential;
    /// Scopes the client may ask for.
    ScopesAllowed = "scopes_allowed", Holder, Credential;
    /// The product the route belongs to.
    Product = "product", Holder, Credential;
    /// The licence rule that decided.
    LicenceRule = "licence_rule", Holder, Credential;
    /// The licence that would open the product.
    LicenceNeeded = "licence_needed", Holder, Credential;
    /// How the token came about.
    Origin = "origin", Holder, Credential;
    /// The client's status.
    ClientStatus = "client_status", Holder, Credential;
    /// The plan whose limit was reached.
    Plan = "plan", Holder, Credential;
    /// Requests a minute.
    RequestsPerMinute = "requests_per_minute", Holder, Credential;
    /// Whether the code may still be redeemed.
    CodeUsable = "code_still_usable", Holder, Credential;
    /// Base addresses that would serve the credential.
    RightHosts = "right_hosts", Holder, Credential;
    /// How many sign-ons of a machine are live.
    SessionsLive = "sessions_live", Holder, Credential;
    /// Since when each of them is.
    SessionsSince = "sessions_since", Holder, Credential;
    /// When an account or client was switched off.
    Since = "since", Holder, Credential;

    // What only the one it is about may know.
    /// The id of the key that replaced this one.
    Successor = "successor_key", Owner, AccountOwner;
    /// The key's label.
    KeyLabel = "key_label", Owner, AccountOwner;
    /// The key's public id.
    KeyIdShown = "key_id", Owner, AccountOwner;
    /// When the key was last used.
    LastUsed = "last_used", Owner, AccountOwner;
    /// The account concerned.
    Account = "account", Owner, AccountOwner;
    /// The grant concerned.
    Grant = "grant", Owner, AccountOwner;
    /// The app that holds the token.
    ClientName = "client_name", Owner, AccountOwner;
    /// The client's public id.
    ClientIdShown = "client_id", Owner, ClientDeveloper;
    /// Who ended it.
    EndedBy = "ended_by", Owner, AccountOwner;
    /// Redirect URIs registered for the client.
    RegisteredRedirects = "registered_redirect_uris", Owner, ClientDeveloper;
    /// The nearest registered redirect URI.
    NearestRedirect = "nearest_redirect_uri", Owner, ClientDeveloper;
    /// The partner concerned.
    Partner = "partner", Owner, Partner;
    /// The cause behind a merged answer.
    TrueCause = "true_cause", Owner, Operator;
    /// How often a refresh token came again.
    Repeats = "refresh_repeats", Owner, AccountOwner;
    /// When it last did.
    LastRepeat = "refresh_last_repeat", Owner, AccountOwner;
    /// From which network.
    RepeatedFrom = "refresh_repeated_from", Owner, AccountOwner;
    /// What that looked like.
    RepeatLook = "refresh_repeat_looks_like", Owner, AccountOwner;
    /// The live sign-ons of a machine: by which client, since when, from which network.
    SessionsFrom = "sessions_from", Owner, AccountOwner;
    /// The sign-on that took the place of this one: by which client, since when, from which network.
    DisplacedBy = "displaced_by", Owner, AccountOwner;
    /// Shortened address of the caller.
    Address = "address", Owner, AccountOwner;
}

/// A typed value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// One short text.
    Text(Box<str>),
    /// Several.
    List(Vec<Box<str>>),
    /// A count.
    Number(i64),
    /// A point in time.
    Time(Timestamp),
    /// Yes or no.
    Flag(bool),
}

impl Value {
    /// For sentences. Times are RFC 3339 in UTC to the second.
    pub fn in_words(&self) -> String {
        match self {
            Self::Text(text) => text.to_string(),
            Self::List(list) if list.is_empty() => "none".into(),
            Self::List(list) => list.join(" "),
            Self::Number(n) => n.to_string(),
            Self::Time(at) => crate::format::rfc3339(*at),
            Self::Flag(flag) => if *flag { "yes" } else { "no" }.into(),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}
impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}
impl From<Timestamp> for Value {
    fn from(at: Timestamp) -> Self {
        Self::Time(at)
    }
}
impl From<i64> for Value {
    fn from(n: i64) -> Self {
        Self::Number(n)
    }
}
impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}
impl From<&crate::ScopeSet> for Value {
    fn from(scopes: &crate::ScopeSet) -> Self {
        Self::List(scopes.iter().map(|s| s.as_str().into()).collect())
    }
}
impl<T: AsRef<str>> From<Vec<T>> for Value {
    fn from(list: Vec<T>) -> Self {
        Self::List(list.iter().map(|t| t.as_ref().into()).collect())
    }
}

/// One fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// Which.
    pub name: FactName,
    /// Its value.
    pub value: Value,
}
