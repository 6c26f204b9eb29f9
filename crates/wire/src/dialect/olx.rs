//! The dialect of OLX-shaped marketplaces (its wire facts: docs/dialects/olx.md): RFC 6749's fields with fixed texts at the
//! token endpoint, an envelope of its own at the API, and a header that names the API's version.

mod api;
mod oauth;
mod said;

use super::{
    AccessText, ClientShown, Dialect, Encoding, TokenAnswer, TokenRules, rfc::token_answer as answer_of_rfc,
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, Response};
use mandate_core::disclosure::FactName;
use mandate_core::platform::{
    self, Call, CodeText, DialectData, Endpoint, Front, Pages, Surface, SurfaceData, Upstreams,
};
use mandate_core::refusal::{Decision, Refusal};
use mandate_core::settings::GrantType;
use mandate_core::{Cause, Class};

/// The dialect of OLX-shaped marketplaces.
#[derive(Debug)]
pub struct Olx;

const TOKEN_PATHS: [&str; 2] = ["/api/open/oauth/token", "/api/open/oauth/token/"];

static OAUTH_DATA: SurfaceData = SurfaceData {
    id: "oauth",
    pages: Pages::All,
    upstream: Upstreams::Never,
    endpoints: &[
        Endpoint { path: TOKEN_PATHS[0], call: Call::Token },
        Endpoint { path: TOKEN_PATHS[1], call: Call::Token },
        Endpoint { path: "/oauth/authorize", call: Call::Authorize },
        Endpoint { path: "/oauth/authorize/", call: Call::Authorize },
    ],
};
// Clients know one address for everything, so tokens are given here, too; pages are not (SECURITY R19).
static API_DATA: SurfaceData = SurfaceData {
    id: "api",
    pages: Pages::None,
    upstream: Upstreams::Always,
    endpoints: &[
        Endpoint { path: TOKEN_PATHS[0], call: Call::Token },
        Endpoint { path: TOKEN_PATHS[1], call: Call::Token },
    ],
};
static DATA: DialectData = DialectData {
    id: "olx",
    surfaces: &[OAUTH, API],
    usual: API,
    front: Front::Plain,
    lone_redirect: true,
    codes: CodeText::Marked,
    keeps_keys: true,
    reads_account: false,
};
/// Pages and the token endpoint.
pub const OAUTH: Surface = Surface::of(&OAUTH_DATA);
/// The API, and the token endpoint once more.
pub const API: Surface = Surface::of(&API_DATA);
/// Its handle.
pub const DIALECT: platform::Dialect = platform::Dialect::of(&DATA);

static TOKEN: TokenRules = TokenRules {
    bodies: &[Encoding::Form, Encoding::Json],
    client: ClientShown::InBody,
    grants: &[GrantType::AuthorizationCode, GrantType::ClientCredentials, GrantType::RefreshToken],
    access: AccessText::Hex,
    scope_with_code: true,
};

const VERSION: HeaderName = HeaderName::from_static("version");
const SERVED: &str = "2.0";

impl Dialect for Olx {
    fn dialect(&self) -> platform::Dialect {
        DIALECT
    }

    fn refusal(&self, surface: Surface, decision: &Decision, issuer: &str) -> Response<Bytes> {
        let said = if surface == OAUTH { oauth::said(decision) } else { api::said(decision.refusal.cause) };
        said::response(&said, decision, issuer)
    }

    /// The token endpoint has its own words also where it stands beside the API.
    fn endpoint_refusal(&self, _surface: Surface, decision: &Decision, issuer: &str) -> Response<Bytes> {
        said::response(&oauth::said(decision), decision, issuer)
    }

    /// A token that is garbage, one that has expired and one that was taken back are told the same.
    fn merged(&self, surface: Surface, cause: Cause) -> Option<Cause> {
        let ended = matches!(cause.class(), Class::CredentialEnded | Class::GrantEnded);
        (surface == API && ended).then_some(Cause::CredentialRejected)
    }

    fn admits(&self, _surface: Surface, _path: &str, headers: &HeaderMap) -> Result<(), Box<Refusal>> {
        let mut versions = headers.get_all(VERSION).iter();
        let cause = match (versions.next().map(http::HeaderValue::as_bytes), versions.next()) {
            (None | Some(b""), _) => Cause::VersionMissing,
            (Some(text), None) if text == SERVED.as_bytes() => return Ok(()),
            (Some(_), _) => Cause::VersionUnsupported,
        };
        Err(Box::new(
            Refusal::anonymous(cause).with(FactName::Parameter, "Version").with(FactName::Expected, SERVED),
        ))
    }

    fn token_rules(&self, _path: &str) -> &'static TokenRules {
        &TOKEN
    }

    fn token_answer(&self, _path: &str, answer: &TokenAnswer<'_>) -> Response<Bytes> {
        let token_type = answer.token_type.map(|word| if word == "Bearer" { "bearer" } else { word });
        answer_of_rfc(&TokenAnswer { token_type, scope: answer.scope.clone(), ..*answer })
    }
}

#[cfg(test)]
mod tests;
