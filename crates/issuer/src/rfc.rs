//! The authorization server of the `rfc` dialect: its endpoints. Pages are shared with the other dialects.

mod about_tokens;
mod certificate;
mod client;
mod client_keys;
mod context;
mod device;
mod hint;
mod keys;
mod metadata;
mod mint;
mod person;
mod proof;
mod pushed;
mod request_object;
mod response;
mod signed;
mod signed_answer;
#[cfg(test)]
mod tests;
mod token;

pub(crate) use client::assertion_algs;
pub use client_keys::{ClientKeys, Document, Fetch, Fetching};
pub(crate) use context::Context;
pub(crate) use device::normalised as device_code;
pub(crate) use hint::id_token_hint;
pub use keys::{Keys, SIGNATURES, outlives_ms};
pub use metadata::MutualTls;
pub(crate) use pushed::digest as pushed_digest;
pub(crate) use request_object::signed_request;
pub(crate) use response::signed_response;
pub use signed::{facts as signed_token, facts_at_hand as signed_token_at_hand, looks_signed};

use crate::{Arrival, Fail};
use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ALLOW,
    CACHE_CONTROL, CONTENT_TYPE,
};
use http::{HeaderValue, Request, Response, StatusCode};
use mandate_core::refusal::Refusal;
use mandate_core::{Cause, disclosure::FactName, must};

/// An endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Endpoint {
    Token,
    Push,
    Device,
    Introspect,
    Revoke,
    Userinfo,
    Jwks,
    Metadata,
}

impl Endpoint {
    fn at(path: &str) -> Option<Self> {
        Some(match path {
            "/token" => Self::Token,
            "/par" => Self::Push,
            device::PATH => Self::Device,
            "/introspect" => Self::Introspect,
            "/revoke" => Self::Revoke,
            "/userinfo" => Self::Userinfo,
            "/jwks" => Self::Jwks,
            // RFC 8414 section 3, OpenID Connect Discovery section 4
            "/.well-known/oauth-authorization-server" if must!("rfc8414-3-path") => Self::Metadata,
            "/.well-known/openid-configuration" => Self::Metadata,
            _ => return None,
        })
    }
    fn allow(self) -> &'static str {
        match self {
            Self::Token | Self::Push | Self::Device | Self::Introspect | Self::Revoke => "POST",
            Self::Userinfo if must!("oidc-5.3.1-post") => "GET, POST",
            Self::Userinfo => "GET",
            Self::Jwks | Self::Metadata => "GET, HEAD",
        }
    }
    fn pattern(self) -> &'static str {
        match self {
            Self::Token => "/token",
            Self::Push => "/par",
            Self::Device => device::PATH,
            Self::Introspect => "/introspect",
            Self::Revoke => "/revoke",
            Self::Userinfo => "/userinfo",
            Self::Jwks => "/jwks",
            Self::Metadata => "/.well-known/…",
        }
    }
}

/// Whether a path is an endpoint's rather than a page's.
pub(crate) fn owns(path: &str) -> bool {
    Endpoint::at(path).is_some()
}

/// What programs in browsers may send to an endpoint from other origins (Fetch standard section 3.3).
fn preflight(endpoint: Endpoint) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(endpoint.allow()));
    headers
        .insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("authorization, content-type, dpop"));
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("3600"));
    response
}

/// Answers a request to an endpoint.
pub(crate) async fn handle(arrival: &Arrival<'_>, request: Request<Bytes>) -> Response<Bytes> {
    let Some(endpoint) = Endpoint::at(request.uri().path()) else {
        return arrival.refuse("(no endpoint)", Refusal::anonymous(Cause::PathUnknown).into());
    };
    let asks_first = request.method() == http::Method::OPTIONS
        && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    let answered =
        if asks_first { Ok(preflight(endpoint)) } else { dispatch(arrival, endpoint, &request).await };
    let mut response = match answered {
        Ok(response) => response,
        Err(fail) => {
            let method = mandate_wire::body::is_known_method(request.method());
            let method = if method { request.method().as_str() } else { "?" };
            let route = format!("{method} {}", endpoint.pattern());
            let mut response = if endpoint == Endpoint::Userinfo {
                mandate_wire::dialect::rfc::api(&arrival.name(&route, fail), arrival.issuer_url())
            } else {
                arrival.refuse(&route, fail)
            };
            if response.status() == StatusCode::METHOD_NOT_ALLOWED {
                response.headers_mut().insert(ALLOW, HeaderValue::from_static(endpoint.allow()));
            }
            response
        }
    };
    proof::tell_nonce(arrival, request.headers(), &mut response);
    // Programs in browsers fetch these; nothing here is told to a cookie.
    response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response.headers_mut().insert(
        ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static(
            "DPoP-Nonce, WWW-Authenticate, Retry-After, Mandate-Cause, Mandate-Decision",
        ),
    );
    response
}

async fn dispatch(
    arrival: &Arrival<'_>,
    endpoint: Endpoint,
    request: &Request<Bytes>,
) -> Result<Response<Bytes>, Fail> {
    let method = request.method();
    let allowed = endpoint.allow().split(", ").any(|allowed| allowed == method.as_str());
    if must!("rfc6749-3.2-post", !allowed) {
        let known = mandate_wire::body::is_known_method(method);
        let received = if known { method.as_str() } else { "an unknown method" };
        return Err(Refusal::anonymous(Cause::MethodUnknown)
            .with(FactName::Received, received)
            .with(FactName::Expected, endpoint.allow())
            .into());
    }
    match endpoint {
        Endpoint::Token => token::handle(arrival, request).await,
        Endpoint::Push => pushed::push(arrival, request).await,
        Endpoint::Device => device::begin(arrival, request).await,
        Endpoint::Introspect => about_tokens::introspect(arrival, request).await,
        Endpoint::Revoke => about_tokens::revoke(arrival, request).await,
        Endpoint::Userinfo => about_tokens::userinfo(arrival, request).await,
        Endpoint::Jwks => Ok(fixed(mint::keys(arrival)?.document())),
        Endpoint::Metadata => Ok(fixed(mint::keys(arrival)?.metadata())),
    }
}

/// A document that anybody may keep for a while.
fn fixed(document: Bytes) -> Response<Bytes> {
    let mut response = Response::new(document);
    let headers = response.headers_mut();
    if must!("rfc8414-3.2-json") {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    response
}

/// For tests whose clients publish nothing.
#[cfg(test)]
pub(crate) fn nothing_fetched() -> ClientKeys {
    #[derive(Debug)]
    struct Nothing;
    impl Fetch for Nothing {
        fn policy(&self) -> mandate_wire::outbound::OutboundPolicy {
            mandate_wire::outbound::OutboundPolicy::default()
        }
        fn get<'a>(&'a self, _: &'a str) -> Fetching<'a> {
            Box::pin(async { Err("nothing is fetched here") })
        }
    }
    ClientKeys::new(std::sync::Arc::new(Nothing))
}
