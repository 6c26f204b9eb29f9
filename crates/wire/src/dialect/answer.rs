//! What answers of all dialects have in common.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode};
use mandate_core::must;
use serde::Serialize;

/// The header that names the cause.
pub const CAUSE: HeaderName = HeaderName::from_static("mandate-cause");
/// The header that names the decision.
pub const DECISION: HeaderName = HeaderName::from_static("mandate-decision");

/// A header value made of a text of ours; texts of ours are visible ASCII.
pub fn header(text: &str) -> HeaderValue {
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
