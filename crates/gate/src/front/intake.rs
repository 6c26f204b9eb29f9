//! The head of a request: what is not well-formed, or cannot be served, is refused before anything else.

use http::{HeaderMap, Method, header};
use mandate_core::refusal::Refusal;
use mandate_core::{Cause, disclosure::FactName};

/// Looks at what frames a request and says where it goes.
///
/// # Errors
/// Lengths that contradict each other, several hosts, a websocket.
pub(crate) fn check_head(headers: &HeaderMap) -> Result<(), Box<Refusal>> {
    let (mut hosts, mut lengths, mut coded, mut websocket) = (0, 0, false, false);
    for (name, value) in headers {
        match *name {
            header::HOST => hosts += 1,
            header::CONTENT_LENGTH => lengths += 1,
            header::TRANSFER_ENCODING => coded = true,
            header::UPGRADE => websocket |= names_websocket(value.as_bytes()),
            _ => {}
        }
    }
    match (hosts, lengths) {
        (0, _) => Err(malformed("it has no Host header")),
        (2.., _) => Err(malformed("it has more than one Host header")),
        (_, 1..) if coded => Err(malformed("it has both Content-Length and Transfer-Encoding")),
        (_, 2..) => Err(malformed("it has more than one Content-Length header")),
        _ if websocket => Err(malformed("this host takes no websocket yet")),
        _ => Ok(()),
    }
}

fn names_websocket(value: &[u8]) -> bool {
    value.windows(9).any(|w| w.eq_ignore_ascii_case(b"websocket"))
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
