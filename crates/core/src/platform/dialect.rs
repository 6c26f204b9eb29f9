//! What a dialect says of itself: which surfaces it has, and what stands on them. A dialect is data here and words in
//! `wire`; nothing in this crate, in the issuer or in the gate knows one by its name (DESIGN D1).

use std::fmt;
use std::hash::{Hash, Hasher};

/// The wire shape of a family of APIs. A handle: two are equal if they are the same dialect.
#[derive(Clone, Copy)]
pub struct Dialect(&'static DialectData);

/// What is said of a dialect.
#[derive(Debug)]
pub struct DialectData {
    /// The word in platform files.
    pub id: &'static str,
    /// Its surfaces; no two have one word.
    pub surfaces: &'static [Surface],
    /// The surface that routes stand on unless they name another; API keys of accounts work there.
    pub usual: Surface,
    /// How much an authorization request can say.
    pub front: Front,
    /// The shape of authorization codes.
    pub codes: CodeText,
    /// Whether platforms keep keys: for signed tokens and for refresh tokens.
    pub keeps_keys: bool,
    /// Whether a token without any scope reads its account, which the owner is told then.
    pub reads_account: bool,
}

/// How much an authorization request can say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Front {
    /// All of OAuth 2.1 and OpenID Connect: PKCE is demanded, requests may be pushed or signed.
    Full,
    /// RFC 6749 section 4.1 alone: PKCE is taken and not demanded, parameters of later documents are not looked at, and
    /// the owner names the accounts.
    Plain,
}

/// The shape of authorization codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeText {
    /// With a prefix and a checksum.
    Marked,
    /// A UUID of version 4 (SECURITY R3).
    Uuid,
}

/// The face of a dialect that a host shows. A handle: two are equal if they are the same surface of the same dialect.
#[derive(Clone, Copy)]
pub struct Surface(&'static SurfaceData);

/// What is said of a surface.
#[derive(Debug)]
pub struct SurfaceData {
    /// The word in platform files.
    pub id: &'static str,
    /// Pages of ours on it.
    pub pages: Pages,
    /// Whether an API stands behind it.
    pub upstream: Upstreams,
    /// What the issuer answers on it, beside pages.
    pub endpoints: &'static [Endpoint],
}

/// Pages that a surface has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pages {
    /// None.
    None,
    /// Explanations of refusals, which know no session: nobody signs in here (SECURITY R19).
    Explanations,
    /// All of them: then no API stands behind it (SECURITY R19).
    All,
}

/// Whether an API stands behind a surface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upstreams {
    /// Never.
    Never,
    /// If the platform file says so.
    Maybe,
    /// Always.
    Always,
}

/// A path that the issuer answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Compared exactly; one that ends in `*` stands for everything below.
    pub path: &'static str,
    /// What is done there.
    pub call: Call,
}

/// What can be asked of the issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    /// The authorization endpoint (RFC 6749 section 3.1), a page.
    Authorize,
    /// Where people type the code of a device (RFC 8628 section 3.3), a page.
    DevicePage,
    /// RP-initiated logout, a page.
    EndSession,
    /// The token endpoint (RFC 6749 section 3.2).
    Token,
    /// A token endpoint that redeems codes for tokens without an end, and does nothing else.
    Redeem,
    /// Pushed authorization requests (RFC 9126).
    Push,
    /// Device authorization (RFC 8628 section 3.1).
    Device,
    /// Introspection (RFC 7662).
    Introspect,
    /// Revocation (RFC 7009).
    Revoke,
    /// The userinfo endpoint (OpenID Connect Core section 5.3).
    Userinfo,
    /// The key set (RFC 7517 section 5).
    Jwks,
    /// Metadata (RFC 8414, OpenID Connect Discovery).
    Metadata,
    /// The calls by which a partner acts for its customers.
    Partners,
}

impl Dialect {
    /// The handle of a dialect; its data is a `static`.
    pub const fn of(data: &'static DialectData) -> Self {
        Self(data)
    }
    /// What is said of it.
    pub const fn data(self) -> &'static DialectData {
        self.0
    }
    /// The word in platform files.
    pub const fn as_str(self) -> &'static str {
        self.0.id
    }
    /// Whether its authorization requests say all that OAuth 2.1 and OpenID Connect know.
    pub fn is_full(self) -> bool {
        self.0.front == Front::Full
    }
}

impl Surface {
    /// The handle of a surface; its data is a `static`.
    pub const fn of(data: &'static SurfaceData) -> Self {
        Self(data)
    }
    /// What is said of it.
    pub const fn data(self) -> &'static SurfaceData {
        self.0
    }
    /// The word in platform files.
    pub const fn as_str(self) -> &'static str {
        self.0.id
    }
    /// Whether people sign in here: then no API stands behind it (SECURITY R19).
    pub fn has_pages(self) -> bool {
        self.0.pages == Pages::All
    }
    /// Whether refusals can be looked up here.
    pub fn explains(self) -> bool {
        self.0.pages != Pages::None
    }
    /// What the issuer is asked for at this path.
    pub fn endpoint(self, path: &str) -> Option<&'static Endpoint> {
        self.0.endpoints.iter().find(|endpoint| match endpoint.path.strip_suffix('*') {
            Some(above) => path.starts_with(above),
            None => path == endpoint.path,
        })
    }
    /// Where this is asked for; the first place, if there are several.
    pub fn path_of(self, call: Call) -> Option<&'static str> {
        self.0.endpoints.iter().find(|endpoint| endpoint.call == call).map(|endpoint| endpoint.path)
    }
}

// By address: a `static` is one thing, and its word alone would not tell two dialects apart.
macro_rules! by_address {
    ($handle:ty) => {
        impl PartialEq for $handle {
            fn eq(&self, other: &Self) -> bool {
                std::ptr::eq(self.0, other.0)
            }
        }
        impl Eq for $handle {}
        impl Hash for $handle {
            fn hash<H: Hasher>(&self, state: &mut H) {
                std::ptr::hash(self.0, state);
            }
        }
        impl fmt::Debug for $handle {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.0.id)
            }
        }
    };
}
by_address!(Dialect);
by_address!(Surface);

/// Dialects for tests of this crate: one like a brokerage's, one of the RFCs.
#[cfg(test)]
pub(crate) mod samples {
    use super::{CodeText, Dialect, DialectData, Front, Pages, Surface, SurfaceData, Upstreams};

    const fn surface(id: &'static str, pages: Pages, upstream: Upstreams) -> SurfaceData {
        SurfaceData { id, pages, upstream, endpoints: &[] }
    }
    static CONNECT_DATA: SurfaceData = surface("connect", Pages::All, Upstreams::Never);
    static BROKER_DATA: SurfaceData = surface("broker", Pages::None, Upstreams::Maybe);
    static REST_DATA: SurfaceData = surface("rest", Pages::None, Upstreams::Always);
    static OAUTH_DATA: SurfaceData = surface("oauth", Pages::All, Upstreams::Never);
    static API_DATA: SurfaceData = surface("api", Pages::None, Upstreams::Always);
    pub(crate) const CONNECT: Surface = Surface::of(&CONNECT_DATA);
    pub(crate) const BROKER: Surface = Surface::of(&BROKER_DATA);
    pub(crate) const REST: Surface = Surface::of(&REST_DATA);
    pub(crate) const OAUTH: Surface = Surface::of(&OAUTH_DATA);
    pub(crate) const API: Surface = Surface::of(&API_DATA);
    static PLAIN_DATA: DialectData = DialectData {
        id: "plain",
        surfaces: &[CONNECT, BROKER, REST],
        usual: REST,
        front: Front::Plain,
        codes: CodeText::Uuid,
        keeps_keys: false,
        reads_account: true,
    };
    static FULL_DATA: DialectData = DialectData {
        id: "full",
        surfaces: &[OAUTH, API],
        usual: API,
        front: Front::Full,
        codes: CodeText::Marked,
        keeps_keys: true,
        reads_account: false,
    };
    pub(crate) const PLAIN: Dialect = Dialect::of(&PLAIN_DATA);
    pub(crate) const FULL: Dialect = Dialect::of(&FULL_DATA);
}

#[cfg(test)]
mod tests {
    use super::samples::{API, PLAIN, REST};
    use super::*;

    static TWIN: SurfaceData =
        SurfaceData { id: "rest", pages: Pages::None, upstream: Upstreams::Always, endpoints: &[] };

    #[test]
    fn surfaces_of_one_word_in_two_dialects_are_two() {
        assert_eq!(REST, PLAIN.data().usual);
        assert_ne!(REST, Surface::of(&TWIN));
        assert_ne!(REST, API);
    }

    #[test]
    fn paths_are_compared_whole_unless_they_end_in_a_star() {
        static DATA: SurfaceData = SurfaceData {
            id: "x",
            pages: Pages::None,
            upstream: Upstreams::Never,
            endpoints: &[
                Endpoint { path: "/token", call: Call::Token },
                Endpoint { path: "/v1/oauth/*", call: Call::Partners },
            ],
        };
        let at = |path| Surface::of(&DATA).endpoint(path).map(|e| e.call);
        assert_eq!(at("/token"), Some(Call::Token));
        assert_eq!(at("/v1/oauth/clients/1"), Some(Call::Partners));
        for nothing in ["/token/", "/tokens", "/", "", "/v1/oauth"] {
            assert_eq!(at(nothing), None, "{nothing}");
        }
    }
}
