//! The request target, read strictly: the bytes that are routed and decided on are the bytes that are forwarded, so
//! whatever an API could read in two ways is refused (DESIGN D10).

use http::Uri;

/// A request target in origin form (RFC 9112 section 3.2.1).
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Target<'a> {
    /// Path and query, as received and as forwarded.
    pub(crate) whole: &'a str,
    /// The path as received.
    pub(crate) path: &'a str,
    /// The query as received.
    pub(crate) query: Option<&'a str>,
    /// The path after decoding, where that is another text. Both must lead to the same route.
    pub(crate) decoded: Option<String>,
}

/// Reads a target.
///
/// # Errors
/// What is wrong with it, for people.
pub(crate) fn read(uri: &Uri) -> Result<Target<'_>, &'static str> {
    let target = match uri.path_and_query() {
        Some(target) if uri.scheme().is_none() && uri.authority().is_none() => target,
        Some(_) | None => return Err("the request target is not a path"),
    };
    let path = target.path();
    if !path.starts_with('/') {
        return Err("the request target is not a path");
    }
    let mut encoded = false;
    let mut before = b' ';
    let mut suspicious = false;
    for byte in path.bytes() {
        match byte {
            b'%' => encoded = true,
            b'/' if before == b'/' => return Err("the path has an empty segment"),
            b'.' if before == b'/' => suspicious = true,
            _ if stands_for_itself(byte) => {}
            b'\\' => return Err("the path has a backslash"),
            _ => return Err("the path has a character that must be percent-encoded"),
        }
        before = byte;
    }
    let decoded = if encoded { Some(decode(path)?) } else { None };
    let meant = decoded.as_deref().unwrap_or(path);
    if (suspicious || encoded) && meant.split('/').any(is_dots) {
        return Err("the path has a dot segment");
    }
    Ok(Target { whole: target.as_str(), path, query: target.query(), decoded })
}

/// `pchar` without percent-encoding, and the slash (RFC 3986 section 3.3).
fn stands_for_itself(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'/' | b'-'
                | b'.'
                | b'_'
                | b'~'
                | b'!'
                | b'$'
                | b'&'
                | b'\''
                | b'('
                | b')'
                | b'*'
                | b'+'
                | b','
                | b';'
                | b'='
                | b':'
                | b'@'
        )
}

/// Some servers cut a segment at its semicolon before they look at it.
fn is_dots(segment: &str) -> bool {
    matches!(segment.split(';').next(), Some("." | ".."))
}

fn decode(path: &str) -> Result<String, &'static str> {
    let bytes = path.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] != b'%' {
            out.push(bytes[at]);
            at += 1;
            continue;
        }
        let byte = pair(bytes, at).ok_or("the path has a percent sign that encodes nothing")?;
        match byte {
            b'/' | b'\\' => return Err("the path has an encoded slash or backslash"),
            0..=0x1f | 0x7f => return Err("the path has an encoded control character"),
            _ => out.push(byte),
        }
        at += 3;
    }
    if (0..out.len()).any(|i| out[i] == b'%' && pair(&out, i).is_some()) {
        return Err("the path is percent-encoded twice");
    }
    String::from_utf8(out).map_err(|_| "the path is not UTF-8")
}

/// The byte that `%xy` at this place stands for.
fn pair(bytes: &[u8], at: usize) -> Option<u8> {
    let digit =
        |i: usize| bytes.get(i).and_then(|b| char::from(*b).to_digit(16)).and_then(|d| u8::try_from(d).ok());
    Some(digit(at + 1)? << 4 | digit(at + 2)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn defect(target: &str) -> Option<&'static str> {
        read(&target.parse::<Uri>().unwrap()).err()
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_refused() {
        for (target, word) in [
            ("http://h/v2/account", "not a path"),
            ("h:80", "not a path"),
            ("*", "not a path"),
            ("/v2//account", "empty segment"),
            ("/v2/../account", "dot segment"),
            ("/v2/.", "dot segment"),
            ("/v2/%2e%2E/account", "dot segment"),
            ("/v2/..;x=1/account", "dot segment"),
            ("/v2/.%2e;/account", "dot segment"),
            ("/v2%2Faccount", "encoded slash"),
            ("/v2%5caccount", "encoded slash"),
            ("/v2/a%00", "control"),
            ("/v2/a%0d%0aX:1", "control"),
            ("/v2/a%zz", "encodes nothing"),
            ("/v2/a%4", "encodes nothing"),
            ("/v2/%252e%252e", "twice"),
            ("/v2/%ff", "not UTF-8"),
            ("/v2/\"a", "must be percent-encoded"),
            ("/v2/{a}", "must be percent-encoded"),
        ] {
            assert!(defect(target).is_some_and(|d| d.contains(word)), "{target}: {:?}", defect(target));
        }
        assert!("/v2\\account".parse::<Uri>().is_err() || defect("/v2\\account").is_some());
    }

    #[test]
    fn ordinary_paths_pass_unchanged() {
        for target in [
            "/",
            "/v2/account",
            "/v2/orders/a.b",
            "/v2/..a",
            "/v2/bars?x=../..&y=%2F",
            "/v2/BTC%20USD",
            "/v2/a:b@c",
            "/v2/%E2%82%AC",
        ] {
            let uri = target.parse::<Uri>().unwrap();
            assert_eq!(read(&uri).map(|t| t.whole), Ok(target));
        }
    }

    proptest! {
        /// A path that is let through decodes to one without dot segments, and to itself if nothing is encoded.
        #[test]
        fn let_through_means_one_reading(path in "(/([a-z.;:]|%2[eEfF]|%5[cC]|%41){0,4}){1,4}") {
            if let Ok(uri) = path.parse::<Uri>() && let Ok(target) = read(&uri) {
                let meant = target.decoded.as_deref().unwrap_or(target.path);
                prop_assert!(!meant.split('/').any(is_dots) && !meant.contains("//") && !meant.contains('\\'));
                prop_assert_eq!(meant.matches('/').count(), path.matches('/').count());
                prop_assert_eq!(target.whole, path.as_str());
            }
        }
    }
}
