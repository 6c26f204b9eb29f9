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
use mandate_core::platform::{Call, Endpoint};
use mandate_core::refusal::Refusal;
use mandate_core::{Cause, disclosure::FactName, must};

/// The methods that an endpoint takes, as `Allow` says them.
fn allow(call: Call) -> &'static str {
    match call {
        Call::Userinfo if must!("oidc-5.3.1-post") => "GET, POST",
        Call::Userinfo => "GET",
        Call::Jwks | Call::Metadata => "GET, HEAD",
        _ => "POST",
    }
}

/// What programs in browsers may send to an endpoint from other origins (Fetch standard section 3.3).
fn preflight(call: Call) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(allow(call)));
    headers
        .insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("authorization, content-type, dpop"));
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("3600"));
    response
}

/// Answers a request to an endpoint.
pub(crate) async fn handle(
    arrival: &Arrival<'_>,
    endpoint: &'static Endpoint,
    request: Request<Bytes>,
) -> Response<Bytes> {
    if !must!("rfc8414-3-path") && endpoint.path == "/.well-known/oauth-authorization-server" {
        return arrival.refuse("(no endpoint)", Refusal::anonymous(Cause::PathUnknown).into());
    }
    let asks_first = request.method() == http::Method::OPTIONS
        && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    let answered =
        if asks_first { Ok(preflight(endpoint.call)) } else { dispatch(arrival, endpoint, &request).await };
    let mut response = match answered {
        Ok(response) => response,
        Err(fail) => {
            let method = mandate_wire::body::is_known_method(request.method());
            let method = if method { request.method().as_str() } else { "?" };
            let route = format!("{method} {}", endpoint.path);
            let mut response = if endpoint.call == Call::Userinfo {
                let decision = arrival.name(&route, fail);
                arrival.tenant.dialect.resource_refusal(&decision, arrival.issuer_url())
            } else {
                arrival.refuse(&route, fail)
            };
            if response.status() == StatusCode::METHOD_NOT_ALLOWED {
                response.headers_mut().insert(ALLOW, HeaderValue::from_static(allow(endpoint.call)));
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
    endpoint: &'static Endpoint,
    request: &Request<Bytes>,
) -> Result<Response<Bytes>, Fail> {
    let method = request.method();
    let allowed = allow(endpoint.call).split(", ").any(|allowed| allowed == method.as_str());
    if must!("rfc6749-3.2-post", !allowed) {
        let known = mandate_wire::body::is_known_method(method);
        let received = if known { method.as_str() } else { "an unknown method" };
        return Err(Refusal::anonymous(Cause::MethodUnknown)
            .with(FactName::Received, received)
            .with(FactName::Expected, allow(endpoint.call))
            .into());
    }
    match endpoint.call {
        Call::Token => token::handle(arrival, endpoint.path, request).await,
        Call::Push => pushed::push(arrival, request).await,
        Call::Device => device::begin(arrival, request).await,
        Call::Introspect => about_tokens::introspect(arrival, request).await,
        Call::Revoke => about_tokens::revoke(arrival, request).await,
        Call::Userinfo => about_tokens::userinfo(arrival, request).await,
        Call::Jwks => Ok(fixed(mint::keys(arrival)?.document())),
        Call::Metadata => Ok(fixed(mint::keys(arrival)?.metadata())),
        Call::Authorize | Call::DevicePage | Call::EndSession | Call::Redeem | Call::Partners => {
            Err(Refusal::anonymous(Cause::Internal).into())
        }
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
