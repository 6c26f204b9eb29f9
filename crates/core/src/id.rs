//! Public names of things: one type each, so that two of them cannot be swapped. None of them opens anything.

use std::{borrow::Borrow, fmt, sync::Arc};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Wraps a name that was parsed at the edge or read from the store.
            pub fn new(text: impl Into<Arc<str>>) -> Self {
                Self(text.into())
            }
            /// The text as it stands on the wire and in the store.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self::new(text)
            }
        }
        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self::new(text)
            }
        }
    )*};
}

ids! {
    /// A platform: the tenant. First part of every key of every table (DESIGN D16).
    PlatformId;
    /// An environment of a platform: `live`, `paper`, `sandbox`.
    EnvironmentId;
    /// A firm whose customers hold accounts, by its name in the platform file.
    PartnerId;
    /// A person who signs in.
    UserId;
    /// What a user owns and lets others act on. UUID-shaped on Alpaca.
    AccountId;
    /// The public half of an API key.
    KeyId;
    /// An OAuth client's public id: any opaque text.
    ClientId;
    /// What an owner allowed a client.
    GrantId;
    /// The successive refresh tokens of one grant. A handle, not a secret: it stands in the log.
    ChainId;
    /// The handle by which a token is named without naming the secret (SECURITY R3).
    TokenHandle;
    /// The handle of a browser session as its owner sees it; not the cookie.
    SessionId;
    /// The answer to one request, looked up by this id (DESIGN D4).
    DecisionId;
    /// Data or a function that is sold.
    ProductId;
    /// An administrator token's public name.
    AdminId;
    /// A named plan of limits.
    PlanId;
    /// A licence that a client or account may hold.
    LicenceId;
    /// One act of an administrator or owner, for finding out whether it was committed (SECURITY R17).
    OperationId;
}
