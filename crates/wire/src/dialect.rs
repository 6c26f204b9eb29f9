//! How refusals are said. A dialect renders and never decides: deleting one loses words, not a rule.

pub mod alpaca;
pub mod lseg;
pub mod rfc;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode};
use mandate_core::must;
use mandate_core::platform::Surface;
use mandate_core::refusal::Decision;
use serde::Serialize;

/// The header that names the cause.
pub const CAUSE: HeaderName = HeaderName::from_static("mandate-cause");
/// The header that names the decision.
pub const DECISION: HeaderName = HeaderName::from_static("mandate-decision");

/// What a surface says to a class of causes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// HTTP status.
    pub status: u16,
    /// The vendor's number.
    pub code: u32,
}

/// Says a refusal in the words of a surface.
pub fn render(surface: Surface, decision: &Decision, issuer: &str) -> Response<Bytes> {
    match surface {
        Surface::RfcOauth => rfc::oauth(decision, issuer),
        Surface::RfcApi => rfc::api(decision, issuer),
        Surface::AlpacaConnect => {
            alpaca::render(alpaca::connect::row(decision.refusal.cause), decision, issuer, true)
        }
        Surface::AlpacaBroker => {
            alpaca::render(alpaca::broker::row(decision.refusal.cause), decision, issuer, false)
        }
        Surface::AlpacaRest => {
            alpaca::render(alpaca::rest::row(decision.refusal.cause), decision, issuer, false)
        }
    }
}

/// A header value made of a text of ours; texts of ours are visible ASCII.
pub(crate) fn header(text: &str) -> HeaderValue {
    let visible: String = text.chars().map(|c| if matches!(c, ' '..='~') { c } else { '?' }).collect();
    HeaderValue::from_str(&visible).unwrap_or(HeaderValue::from_static(""))
}

/// A JSON answer that nobody may keep.
pub fn json_answer(status: u16, body: &impl Serialize) -> Response<Bytes> {
    // What is written here are our own types: nothing in them can fail to be written.
    let (status, text) = serde_json::to_vec(body).map_or((500, Vec::new()), |text| (status, text));
    let mut response = Response::new(Bytes::from(text));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    if must!("rfc6749-5.1-json") {
        headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    if must!("rfc6749-5.1-no-store") {
        headers.insert(http::header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}
