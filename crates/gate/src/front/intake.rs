//! The head of a request: what is not well-formed, or cannot be served, is refused before anything else.

use http::{HeaderMap, Method, header};
use mandate_core::refusal::Refusal;
use mandate_core::{Cause, disclosure::FactName};

/// Looks at what frames a request and says where it goes.
///
/// # Errors
/// Lengths that contradict each other, several hosts, a websocket.
pub(crate) fn check_head(headers: &HeaderMap) -> Result<(), Box<Refusal>> {
    if !headers.contains_key(header::HOST) {
        return Err(malformed("it has no Host header"));
    }
    if several(headers, header::HOST) {
        return Err(malformed("it has more than one Host header"));
    }
    let length = headers.contains_key(header::CONTENT_LENGTH);
    if length && headers.contains_key(header::TRANSFER_ENCODING) {
        return Err(malformed("it has both Content-Length and Transfer-Encoding"));
    }
    if length && several(headers, header::CONTENT_LENGTH) {
        return Err(malformed("it has more than one Content-Length header"));
    }
    let websocket =
        |v: &http::HeaderValue| v.as_bytes().to_ascii_lowercase().windows(9).any(|w| w == b"websocket");
    if headers.contains_key(header::UPGRADE) && headers.get_all(header::UPGRADE).iter().any(websocket) {
        return Err(malformed("this host takes no websocket yet"));
    }
    Ok(())
}

fn several(headers: &HeaderMap, name: header::HeaderName) -> bool {
    headers.get_all(name).iter().nth(1).is_some()
}

/// The refusal of a request that cannot be read.
pub(crate) fn malformed(defect: &'static str) -> Box<Refusal> {
    Box::new(Refusal::anonymous(Cause::RequestMalformed).with(FactName::Defect, defect))
}

/// The method for records and bodies: a word of ours, never the sender's text.
pub(crate) fn method_word(method: &Method) -> &'static str {
    const KNOWN: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"];
    KNOWN.into_iter().find(|known| method.as_str() == *known).unwrap_or("another method")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(pairs: &[(&'static str, &'static str)]) -> bool {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(*name, http::HeaderValue::from_static(value));
        }
        check_head(&map).is_err()
    }

    #[test]
    fn contradictions_are_refused() {
        let host = ("host", "a");
        assert!(!refused(&[host, ("content-length", "1"), ("upgrade", "h2c")]));
        assert!(refused(&[]));
        assert!(refused(&[host, ("host", "b")]));
        assert!(refused(&[host, ("content-length", "1"), ("content-length", "1")]));
        assert!(refused(&[host, ("content-length", "1"), ("transfer-encoding", "chunked")]));
        assert!(refused(&[host, ("upgrade", "h2c, WebSocket")]));
    }
}
