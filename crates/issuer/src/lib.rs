//! The authorization server: token endpoints, pages, and the admin API. Handlers parse, authenticate, load, check,
//! mint, spend and render; rules are in `mandate-core`, words in `mandate-wire`.

pub mod admin;
mod alpaca;
#[cfg(test)]
mod doubles;
mod fail;
mod pages;
pub mod passwords;
mod pkce;
pub mod rfc;
mod state;
pub mod throttle;

pub use fail::Fail;
pub use pages::environment as templates;
pub use state::{Arrival, Issuer, Meters, Pending, Tenant};

use bytes::Bytes;
use http::{Request, Response};
use mandate_core::platform::{Call, Surface};

/// Whether a path on a surface is the issuer's, before the body is read.
pub fn owns(surface: Surface, path: &str) -> bool {
    surface.has_pages() || surface.endpoint(path).is_some() || (surface.explains() && pages::explains(path))
}

/// Answers a request to a path that [`owns`] claims.
pub async fn handle(arrival: &Arrival<'_>, request: Request<Bytes>) -> Response<Bytes> {
    let endpoint = arrival.host().surface.endpoint(request.uri().path());
    match endpoint.map(|endpoint| (endpoint, endpoint.call)) {
        None | Some((_, Call::Authorize | Call::DevicePage | Call::EndSession)) => {
            pages::handle(arrival, request).await
        }
        Some((_, Call::Redeem)) => alpaca::connect::token(arrival, request).await,
        Some((_, Call::Partners)) => alpaca::broker::handle(arrival, request).await,
        Some((endpoint, _)) => rfc::handle(arrival, endpoint, request).await,
    }
}
