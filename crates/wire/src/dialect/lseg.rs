//! The dialect of LSEG-shaped platforms (its wire facts: docs/dialects/lseg.md). One base URL serves token endpoints and
//! API: the token endpoints answer in the words of RFC 6749, the API in an envelope of its own.

pub mod data;
pub mod streams;
pub mod token;

use super::{AccessText, ClientShown, Dialect, Encoding, TokenAnswer, TokenRules};
use crate::stream::StreamDialect;
use bytes::Bytes;
use http::Response;
use mandate_core::platform::{
    self, Call, CodeText, DialectData, Endpoint, Front, Pages, Surface, SurfaceData, Upstreams,
};
use mandate_core::refusal::Decision;
use mandate_core::settings::GrantType;

/// The dialect of LSEG-shaped platforms.
#[derive(Debug)]
pub struct Lseg;

/// Where machines sign on and refresh.
pub const V1_TOKEN: &str = "/auth/oauth2/v1/token";
/// Where service accounts get tokens.
pub const V2_TOKEN: &str = "/auth/oauth2/v2/token";
/// Where tokens are given back.
pub const REVOKE: &str = "/auth/oauth2/v1/revoke";

static PLATFORM_DATA: SurfaceData = SurfaceData {
    id: "platform",
    // an API stands on the same origin, so nobody signs in here (SECURITY R19)
    pages: Pages::Explanations,
    upstream: Upstreams::Always,
    endpoints: &[
        Endpoint { path: V1_TOKEN, call: Call::Token },
        Endpoint { path: V2_TOKEN, call: Call::Token },
        Endpoint { path: REVOKE, call: Call::Revoke },
    ],
};
static STREAM_DATA: SurfaceData =
    SurfaceData { id: "stream", pages: Pages::None, upstream: Upstreams::Always, endpoints: &[] };
static DATA: DialectData = DialectData {
    id: "lseg",
    surfaces: &[PLATFORM, STREAM],
    usual: PLATFORM,
    front: Front::Plain,
    codes: CodeText::Marked,
    keeps_keys: true,
    reads_account: false,
    lone_redirect: false,
};
/// Token endpoints, explanations, and the API.
pub const PLATFORM: Surface = Surface::of(&PLATFORM_DATA);
/// Where websockets are.
pub const STREAM: Surface = Surface::of(&STREAM_DATA);
/// Its handle.
pub const DIALECT: platform::Dialect = platform::Dialect::of(&DATA);

/// What the first token endpoint takes and gives: machines, whose application key is a public client.
pub static V1: TokenRules = TokenRules {
    bodies: &[Encoding::Form],
    client: ClientShown::InBodyOrBasic,
    grants: &[GrantType::Password, GrantType::RefreshToken],
    access: AccessText::Signed,
    scope_with_code: false,
};
/// What the second takes and gives: service accounts.
pub static V2: TokenRules = TokenRules { grants: &[GrantType::ClientCredentials], ..V1 };

impl Dialect for Lseg {
    fn dialect(&self) -> platform::Dialect {
        DIALECT
    }
    fn refusal(&self, _surface: Surface, decision: &Decision, issuer: &str) -> Response<Bytes> {
        data::refusal(decision, issuer)
    }
    fn endpoint_refusal(&self, _surface: Surface, decision: &Decision, issuer: &str) -> Response<Bytes> {
        token::refusal(decision, issuer)
    }
    fn streams(&self) -> &'static [&'static dyn StreamDialect] {
        streams::ALL
    }
    fn token_rules(&self, path: &str) -> &'static TokenRules {
        if path == V2_TOKEN { &V2 } else { &V1 }
    }
    fn token_answer(&self, path: &str, answer: &TokenAnswer<'_>) -> Response<Bytes> {
        token::answer(path == V1_TOKEN, answer)
    }
}
