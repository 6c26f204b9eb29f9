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
use mandate_core::platform::Surface;

/// Whether a path on a surface is the issuer's, before the body is read.
pub fn owns(surface: Surface, path: &str) -> bool {
    match surface {
        Surface::AlpacaConnect | Surface::RfcOauth => true,
        Surface::RfcApi => false,
        Surface::AlpacaRest => path == "/oauth/token",
        Surface::AlpacaBroker => path.starts_with("/v1/oauth/"),
    }
}

/// Answers a request to a path that [`owns`] claims.
pub async fn handle(arrival: &Arrival<'_>, request: Request<Bytes>) -> Response<Bytes> {
    let path = request.uri().path();
    let oauth = path == "/oauth/token";
    match arrival.host().surface {
        Surface::AlpacaConnect | Surface::AlpacaRest if oauth => {
            alpaca::connect::token(arrival, request).await
        }
        Surface::AlpacaBroker => alpaca::broker::handle(arrival, request).await,
        Surface::RfcOauth if rfc::owns(path) => rfc::handle(arrival, request).await,
        Surface::AlpacaConnect | Surface::AlpacaRest | Surface::RfcOauth | Surface::RfcApi => {
            pages::handle(arrival, request).await
        }
    }
}
