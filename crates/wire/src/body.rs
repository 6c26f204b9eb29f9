//! What is said about bodies that cannot be read, and content types.

use http::HeaderMap;
use mandate_core::refusal::Refusal;
use mandate_core::{Cause, disclosure::FactName, must};

/// Largest request body of an endpoint of ours, in bytes.
pub const LARGEST: usize = 64 * 1024;

/// What is wrong with a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Bytes that are not UTF-8.
    NotUtf8,
    /// A `%` without two hexadecimal digits after it.
    Escape,
    /// Too many parts.
    TooMany,
    /// Not JSON.
    NotJson,
    /// JSON, but not one object of texts.
    NotAnObject,
    /// The connection broke off.
    BrokenOff,
}

impl Fault {
    /// For people.
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::NotUtf8 => "it is not UTF-8",
            Self::Escape => "a % in it is not followed by two hexadecimal digits",
            Self::TooMany => "it holds too many parts",
            Self::NotJson => "it is not JSON",
            Self::NotAnObject => "it is not one JSON object whose members are texts",
            Self::BrokenOff => "it broke off before its end",
        }
    }
}

/// The refusal of a body that cannot be read.
pub fn malformed(fault: Fault, expected: &str) -> Box<Refusal> {
    Box::new(
        Refusal::anonymous(Cause::BodyMalformed)
            .with(FactName::Defect, fault.in_words())
            .with(FactName::Expected, expected),
    )
}

/// The refusal of a body that is too large.
pub fn too_large(limit: usize) -> Box<Refusal> {
    Box::new(
        Refusal::anonymous(Cause::RequestTooLarge)
            .with(FactName::Parameter, "the body")
            .with(FactName::Limit, i64::try_from(limit).unwrap_or(i64::MAX)),
    )
}

/// Types whose names may stand in a record.
const KNOWN: [&str; 5] = [
    "application/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "text/plain",
    "application/xml",
];

/// Whether a body says that it is JSON.
pub fn is_json(headers: &HeaderMap) -> bool {
    let mut sent = headers.get_all(http::header::CONTENT_TYPE).iter();
    let first = sent.next().and_then(|v| v.to_str().ok()).unwrap_or("");
    let essence = first.split(';').next().unwrap_or("").trim();
    essence.eq_ignore_ascii_case("application/json") && sent.next().is_none()
}

/// Demands a content type; parameters such as `charset` are ignored.
///
/// # Errors
/// Another type, or none.
pub fn demand_content_type(headers: &HeaderMap, wanted: &'static str) -> Result<(), Box<Refusal>> {
    let mut sent = headers.get_all(http::header::CONTENT_TYPE).iter();
    let first = sent.next().and_then(|v| v.to_str().ok()).unwrap_or("");
    let essence = first.split(';').next().unwrap_or("").trim();
    let right = essence.eq_ignore_ascii_case(wanted) && sent.next().is_none();
    if !must!("rfc6749-3.2-form", !right) {
        return Ok(());
    }
    let received = match KNOWN.into_iter().find(|k| essence.eq_ignore_ascii_case(k)) {
        Some(known) => known,
        None if essence.is_empty() => "none",
        None => "another one",
    };
    Err(Box::new(
        Refusal::anonymous(Cause::ContentType)
            .with(FactName::Received, received)
            .with(FactName::Expected, wanted),
    ))
}

/// Methods whose names may stand in a record; anything else a caller invents is not repeated (SECURITY R4).
pub fn is_known_method(method: &http::Method) -> bool {
    use http::Method as M;
    [M::GET, M::HEAD, M::POST, M::PUT, M::PATCH, M::DELETE, M::OPTIONS, M::TRACE, M::CONNECT].contains(method)
}
