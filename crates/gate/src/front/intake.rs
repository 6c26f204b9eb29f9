//! The head of a request: what is not well-formed, or cannot be served, is refused before anything else.

use http::{HeaderMap, Method, header};
use mandate_core::refusal::Refusal;
use mandate_core::{Cause, disclosure::FactName};

/// Looks at what frames a request and says where it goes.
///
/// # Errors
/// Lengths that contradict each other, several hosts.
pub(crate) fn check_head(headers: &HeaderMap) -> Result<(), Box<Refusal>> {
    let (mut hosts, mut lengths, mut coded) = (0, 0, false);
    for (name, _) in headers {
        match *name {
            header::HOST => hosts += 1,
            header::CONTENT_LENGTH => lengths += 1,
            header::TRANSFER_ENCODING => coded = true,
            _ => {}
        }
    }
    match (hosts, lengths) {
        (0, _) => Err(malformed("it has no Host header")),
        (2.., _) => Err(malformed("it has more than one Host header")),
        (_, 1..) if coded => Err(malformed("it has both Content-Length and Transfer-Encoding")),
        (_, 2..) => Err(malformed("it has more than one Content-Length header")),
        _ => Ok(()),
    }
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
    }
}
