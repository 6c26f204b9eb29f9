//! Addresses: what a listener binds, what clients dial, what stands behind the gate.

use mandate_core::must;
use std::net::SocketAddr;
use url::Url;

/// What is wrong with a text, and what would be right.
pub type Complaint = (String, Option<String>);

/// `127.0.0.1:7110`.
pub fn listen(text: &str) -> Result<SocketAddr, Complaint> {
    if let Ok(address) = text.parse::<SocketAddr>() {
        if address.port() == 0 {
            return Err(("port 0 would be another at each start".into(), None));
        }
        return Ok(address);
    }
    let port = text.rsplit([':', '/']).find(|part| part.parse::<u16>().is_ok_and(|p| p != 0));
    let hint = port.map(|port| format!("127.0.0.1:{port}"));
    Err(("no address to listen on: an IP address and a port".into(), hint))
}

/// Whether binding the one leaves no room for the other.
pub(super) fn overlap(a: SocketAddr, b: SocketAddr) -> bool {
    a == b || (a.port() == b.port() && (a.ip().is_unspecified() || b.ip().is_unspecified()))
}

/// An origin as it is written: scheme, host and port, nothing after them.
pub(super) fn origin(text: &str) -> Result<Url, Complaint> {
    let complain = |message: &str, hint: Option<String>| Err((message.to_owned(), hint));
    let Ok(url) = Url::parse(text) else {
        let meant = Url::parse(&format!("http://{}", text.trim_start_matches(['/', ':']))).ok();
        let hint = meant.filter(|_| !text.contains("//")).map(|url| bare(&url));
        return complain("no URL", hint);
    };
    match url.scheme() {
        "http" | "https" if url.host_str().is_some() => {}
        scheme => {
            let after = text.split_once("://").map(|(_, after)| after);
            let right = if scheme.ends_with('s') { "https" } else { "http" };
            // `localhost:7110` parses as scheme and path
            let hint = match after {
                Some(after) => Some(format!("{right}://{after}")),
                None => Some(format!("http://{text}")),
            };
            return complain("no http or https URL", hint);
        }
    }
    let written = bare(&url);
    if must!("rfc8414-2-issuer-url", text != written) {
        return complain("must be scheme, host and port alone", Some(written));
    }
    Ok(url)
}

/// Scheme, host and port as an origin is written, without the scheme's own port.
fn bare(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// Host and port, as a `Host` header says them, with the port written out.
pub(super) fn authority(url: &Url) -> String {
    format!("{}:{}", url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or_default())
}

/// An alias: the same without a scheme.
pub fn alias(text: &str, scheme: &str) -> Result<String, Complaint> {
    let without = text.split_once("://").map_or(text, |(_, after)| after);
    match Url::parse(&format!("{scheme}://{without}")) {
        Ok(url) if url.host_str().is_some() => {
            let full = authority(&url);
            let short =
                url.port().map_or_else(|| url.host_str().unwrap_or_default().to_owned(), |_| full.clone());
            if text == short || text == full {
                Ok(full)
            } else {
                Err(("must be host and port alone, in lower case".into(), Some(short)))
            }
        }
        _ => Err(("no host and port".into(), None)),
    }
}

/// The sample brokerage that comes with the binary.
pub(super) const SAMPLE: &str = "builtin:sample";

/// `http://host:port` or the built-in sample.
pub(super) fn upstream(text: &str) -> Result<(), Complaint> {
    if text == SAMPLE {
        return Ok(());
    }
    if !text.contains("//") && super::nearest::nearest(text, [SAMPLE]).is_some() {
        return Err((format!("no URL, nor `{SAMPLE}`"), Some(SAMPLE.to_owned())));
    }
    match origin(text) {
        Ok(url) if url.scheme() == "http" => Ok(()),
        Ok(_) => {
            Err(("an upstream is spoken to by plain http".into(), Some(text.replacen("https", "http", 1))))
        }
        Err(complaint) => Err(complaint),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_near_an_origin_becomes_one() {
        for (wrong, right) in [
            ("http://127.0.0.1:7110/", Some("http://127.0.0.1:7110")),
            ("http://127.0.0.1:7110/oauth?x=1#y", Some("http://127.0.0.1:7110")),
            ("127.0.0.1:7110", Some("http://127.0.0.1:7110")),
            ("localhost:7110", Some("http://localhost:7110")),
            ("HTTPS://Broker.Example", Some("https://broker.example")),
            ("https://broker.example:443", Some("https://broker.example")),
            ("htp://127.0.0.1:7110", Some("http://127.0.0.1:7110")),
            ("http://127.0.0.1:port", None),
        ] {
            let (_, hint) = origin(wrong).unwrap_err();
            assert_eq!(hint.as_deref(), right, "{wrong}");
        }
        assert!(origin("https://broker.example").is_ok());
        assert!(origin("http://[::1]:7110").is_ok());
    }

    #[test]
    fn listening_wants_address_and_port() {
        assert!(listen("127.0.0.1:7110").is_ok());
        assert!(listen("[::1]:7110").is_ok());
        for wrong in ["localhost:7110", ":7110", "7110", "http://127.0.0.1:7110"] {
            assert_eq!(listen(wrong).unwrap_err().1.as_deref(), Some("127.0.0.1:7110"), "{wrong}");
        }
        assert_eq!(listen("127.0.0.1:0").unwrap_err().1, None);
        let at = |text: &str| text.parse::<SocketAddr>().unwrap();
        assert!(overlap(at("0.0.0.0:1"), at("127.0.0.1:1")));
        assert!(!overlap(at("127.0.0.2:1"), at("127.0.0.1:1")));
    }

    #[test]
    fn aliases_are_authorities() {
        assert_eq!(alias("localhost:7110", "http"), Ok("localhost:7110".into()));
        assert_eq!(alias("broker.example", "https"), Ok("broker.example:443".into()));
        assert_eq!(
            alias("http://localhost:7110/x", "http").unwrap_err().1.as_deref(),
            Some("localhost:7110")
        );
        assert!(alias("a b", "http").is_err());
    }

    #[test]
    fn upstreams_are_plain_http_or_the_sample() {
        assert!(upstream("builtin:sample").is_ok() && upstream("http://10.0.0.1:8080").is_ok());
        assert_eq!(upstream("builtin:smaple").unwrap_err().1.as_deref(), Some(SAMPLE));
        assert_eq!(upstream("https://10.0.0.1").unwrap_err().1.as_deref(), Some("http://10.0.0.1"));
    }
}
