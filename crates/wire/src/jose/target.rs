//! Whether two target URIs are the same (RFC 9449 section 4.3, check 9): without query and fragment, after the
//! syntax-based and scheme-based normalisation of RFC 3986 sections 6.2.2 and 6.2.3.

use mandate_core::must;
use url::Url;

/// Whether a proof's `htu` is the request's URI.
pub(super) fn same(claimed: &str, target: &str) -> bool {
    let (claimed, target) = (bare(claimed), bare(target));
    // Nearly always they are equal as they stand, and nothing needs to be parsed.
    claimed == target
        || must!("rfc9449-4.3-htu-normal")
            && normal(claimed).is_some_and(|claimed| normal(target) == Some(claimed))
}

/// Without query and fragment.
fn bare(uri: &str) -> &str {
    uri.split_once(['?', '#']).map_or(uri, |(before, _)| before)
}

/// Scheme, authority and path in their one normal form; `None` for what is no absolute http URI.
fn normal(uri: &str) -> Option<(String, String)> {
    // RFC 3986 section 2. The parser below is a browser's: it would drop tabs and read backslashes as slashes.
    let allowed = |b: u8| matches!(b, 0x21..=0x7e) && !b"\"<>\\^`{|}".contains(&b);
    let (_, after) = uri.split_once("://")?;
    if after.starts_with('/') || !uri.bytes().all(allowed) {
        return None;
    }
    // Lower case for scheme and host, no default port, no dot segments, `/` for an empty path.
    let url = Url::parse(uri).ok()?;
    let plain =
        matches!(url.scheme(), "http" | "https") && url.username().is_empty() && url.password().is_none();
    let origin = plain.then(|| url.origin().ascii_serialization())?;
    Some((origin, unescaped(url.path())?))
}

/// RFC 3986 section 6.2.2.2: unreserved characters are not escaped; section 6.2.2.1: other escapes are upper case.
fn unescaped(path: &str) -> Option<String> {
    let mut out = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('%') {
        let (digits, end) = after.split_at_checked(2)?;
        if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        let byte = u8::from_str_radix(digits, 16).ok()?;
        out.push_str(before);
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push_str(&digits.to_ascii_uppercase());
        }
        rest = end;
    }
    out.push_str(rest);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TARGET: &str = "https://as.example/a/token";

    #[test]
    fn rfc9449_4_3_9_same_after_normalisation() {
        for htu in [
            TARGET,
            "https://as.example/a/token?x=1",
            "https://as.example/a/token#f",
            "https://as.example/a/token?x=1#f",
            "HTTPS://AS.Example/a/token",
            "https://as.example:443/a/token",
            "https://as.example:/a/token",
            "https://as.example/a/./token",
            "https://as.example/b/../a/token",
            "https://as.example/b/%2e%2E/a/token",
            "https://as.example/%61/%74oken",
        ] {
            assert!(same(htu, TARGET), "{htu}");
        }
        assert!(same("https://as.example", "https://as.example/"));
        assert!(same("https://as.example/%c3%a9", "https://as.example/%C3%A9"));
        assert!(same("http://as.example:80/x", "http://as.example/x?y"));
    }

    #[test]
    fn rfc9449_4_3_9_other_targets() {
        for htu in [
            "",
            "/a/token",
            "token",
            "http://as.example/a/token",
            "https://as.example:8443/a/token",
            "https://as.example.evil.example/a/token",
            "https://evil.example/a/token",
            "https://as.example/a/token/",
            "https://as.example/a/Token",
            "https://as.example/a%2Ftoken",
            "https://as.example/a//token",
            "https://as.example/a",
            "https://user@as.example/a/token",
            "https://as.example\\a\\token",
            "https:\\\\as.example/a/token",
            "https:/as.example/a/token",
            "https:///as.example/a/token",
            "https://as.example/a/to\tken",
            " https://as.example/a/token",
            "https://as.example/a/token%",
            "https://as.example/a/token%2",
            "https://as.example/a/tok\u{e9}n",
            "data:https://as.example/a/token",
        ] {
            assert!(!same(htu, TARGET), "{htu:?}");
        }
        assert!(!same("https://as.example/%zz", "https://as.example/%ZZ"));
    }
}
