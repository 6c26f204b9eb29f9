//! The head of a request as the API gets it: the caller's own, without anything that only we may say.

use crate::request_id::RequestId;
use http::{HeaderMap, HeaderName, Method, header};
use mandate_core::must;
use std::io::Write as _;
use std::net::IpAddr;

/// Cookies whose names begin like this are ours and stay here (SECURITY R19).
const OUR_COOKIES: [&str; 3] = ["mandate_", "__Host-mandate_", "__Secure-mandate_"];

/// What a head is made of.
#[derive(Debug)]
pub(crate) struct Outbound<'a> {
    pub(crate) method: &'a Method,
    /// Path and query, as decided on.
    pub(crate) target: &'a str,
    pub(crate) headers: Theirs<'a>,
    /// What `Host` says to the API.
    pub(crate) authority: &'a str,
    /// Scheme and authority that the caller used.
    pub(crate) base: (&'a str, &'a str),
    pub(crate) peer: IpAddr,
    pub(crate) id: &'a RequestId,
    pub(crate) body: Sent,
}

/// The caller's own headers.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Theirs<'a> {
    /// As received.
    Received(&'a HeaderMap),
    /// As [`write_theirs`] wrote them earlier.
    Written(&'a [u8]),
}

/// How the body is framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    None,
    Length(u64),
    Chunked,
}

/// Writes a head. `sign` writes the signed identity, or nothing where nobody was identified: the header stands there
/// empty then (SECURITY R20).
pub(crate) fn write_head(out: &mut Vec<u8>, outbound: &Outbound<'_>, sign: impl FnOnce(&mut Vec<u8>)) {
    out.extend_from_slice(outbound.method.as_str().as_bytes());
    out.push(b' ');
    out.extend_from_slice(outbound.target.as_bytes());
    out.extend_from_slice(b" HTTP/1.1\r\n");
    line(out, "host", outbound.authority.as_bytes());
    match outbound.headers {
        Theirs::Received(headers) => write_theirs(out, headers),
        Theirs::Written(lines) => out.extend_from_slice(lines),
    }
    let (scheme, authority) = outbound.base;
    out.extend_from_slice(b"x-forwarded-for: ");
    let from = out.len();
    write_address(out, outbound.peer);
    let to = out.len();
    out.extend_from_slice(b"\r\nx-real-ip: ");
    out.extend_from_within(from..to);
    out.extend_from_slice(b"\r\nx-forwarded-host: ");
    out.extend_from_slice(authority.as_bytes());
    out.extend_from_slice(b"\r\nx-forwarded-proto: ");
    out.extend_from_slice(scheme.as_bytes());
    out.extend_from_slice(b"\r\nmandate-request-id: ");
    out.extend_from_slice(outbound.id);
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(mandate_wire::identity::HEADER.as_bytes());
    out.extend_from_slice(b": ");
    sign(out);
    out.extend_from_slice(b"\r\n");
    match outbound.body {
        Sent::None => {}
        Sent::Length(length) => {
            let _ = write!(out, "content-length: {length}\r\n");
        }
        Sent::Chunked => out.extend_from_slice(b"transfer-encoding: chunked\r\n"),
    }
    out.extend_from_slice(b"\r\n");
}

/// Writes those headers that are the caller's to send.
pub(crate) fn write_theirs(out: &mut Vec<u8>, headers: &HeaderMap) {
    let named = named_by_connection(headers);
    for (name, value) in headers {
        if !is_callers(name.as_str()) || named.contains(name) {
            continue;
        }
        if *name == header::COOKIE {
            let kept = without_our_cookies(value.as_bytes());
            if !kept.is_empty() {
                line(out, "cookie", &kept);
            }
            continue;
        }
        line(out, name.as_str(), value.as_bytes());
    }
}

fn line(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// An address as text. By hand where it is four numbers, since formatting machinery costs more than all the rest.
fn write_address(out: &mut Vec<u8>, address: IpAddr) {
    let IpAddr::V4(four) = address else {
        // Writing to a vector cannot fail.
        let _ = write!(out, "{address}");
        return;
    };
    for (i, number) in four.octets().into_iter().enumerate() {
        if i > 0 {
            out.push(b'.');
        }
        if number > 99 {
            out.push(b'0' + number / 100);
        }
        if number > 9 {
            out.push(b'0' + number / 10 % 10);
        }
        out.push(b'0' + number % 10);
    }
}

/// Headers that `Connection` declares to be this hop's (RFC 9110 section 7.6.1).
fn named_by_connection(headers: &HeaderMap) -> Vec<HeaderName> {
    let mut named = Vec::new();
    for value in headers.get_all(header::CONNECTION) {
        for token in value.as_bytes().split(|b| *b == b',').map(<[u8]>::trim_ascii) {
            if !token.eq_ignore_ascii_case(b"keep-alive") && !token.eq_ignore_ascii_case(b"close") {
                named.extend(HeaderName::from_bytes(token));
            }
        }
    }
    named
}

/// Whether a header is the caller's to send. Underscores count as dashes, since many servers cannot tell the two
/// apart.
fn is_callers(name: &str) -> bool {
    if name.as_bytes().contains(&b'_') { passes(&name.replace('_', "-")) } else { passes(name) }
}

fn passes(name: &str) -> bool {
    match name {
        // the hop's own, and framing, which is ours to say
        "connection" | "content-length" | "expect" | "host" | "http2-settings" | "keep-alive" | "te" | "trailer"
        | "transfer-encoding" | "upgrade"
        // the credential ends here
        | "authorization"
        // where the request came from is ours to say
        | "client-cert" | "client-cert-chain" | "client-ip" | "forwarded" | "true-client-ip" | "x-client-cert"
        | "x-client-ip" | "x-real-ip" | "x-request-id"
        // would have an API do something else than was decided on
        | "x-http-method" | "x-http-method-override" | "x-method-override" | "x-original-uri" | "x-original-url"
        | "x-rewrite-url" => false,
        _ => {
            let mut ours = ["apca-", "mandate-", "proxy-", "ssl-client-", "x-forwarded-", "x-ssl-"].into_iter();
            !must!("rfc9700-4.13-headers", ours.any(|prefix| name.starts_with(prefix)))
        }
    }
}

/// Whether a cookie's name is one of ours.
pub(super) fn is_our_cookie(name: &[u8]) -> bool {
    let name = name.trim_ascii();
    OUR_COOKIES
        .into_iter()
        .any(|ours| name.len() >= ours.len() && name[..ours.len()].eq_ignore_ascii_case(ours.as_bytes()))
}

/// A `Cookie` header without our own.
fn without_our_cookies(value: &[u8]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(value.len());
    for pair in value.split(|b| *b == b';').map(<[u8]>::trim_ascii) {
        let name = pair.split(|b| *b == b'=').next().unwrap_or(pair);
        if pair.is_empty() || is_our_cookie(name) {
            continue;
        }
        if !kept.is_empty() {
            kept.extend_from_slice(b"; ");
        }
        kept.extend_from_slice(pair);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn head(pairs: &[(&'static str, &'static str)], body: Sent) -> String {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        let mut out = Vec::new();
        write_head(
            &mut out,
            &Outbound {
                method: &Method::GET,
                target: "/v2/account?a=%2F",
                headers: Theirs::Received(&headers),
                authority: "sample",
                base: ("https", "api.test"),
                peer: "192.0.2.7".parse().unwrap(),
                id: b"ffffffff-ffff-4fff-bfff-ffffffffffff",
                body,
            },
            |out| out.extend_from_slice(b"signed"),
        );
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn r20_the_whole_head() {
        let expected = "GET /v2/account?a=%2F HTTP/1.1\r\nhost: sample\r\naccept: */*\r\nx-forwarded-for: 192.0.2.7\r\n\
            x-real-ip: 192.0.2.7\r\nx-forwarded-host: api.test\r\nx-forwarded-proto: https\r\n\
            mandate-request-id: ffffffff-ffff-4fff-bfff-ffffffffffff\r\nmandate-identity: signed\r\n\
            content-length: 3\r\n\r\n";
        let forged = [
            ("host", "api.test"),
            ("mandate-identity", "x"),
            ("mandate-account", "x"),
            ("mandate_account", "x"),
            ("mandate-new", "x"),
            ("authorization", "Bearer t"),
            ("apca-api-key-id", "x"),
            ("apca_api_secret_key", "x"),
            ("forwarded", "for=x"),
            ("x-forwarded-for", "x"),
            ("x-forwarded-anything", "x"),
            ("x_forwarded_for", "x"),
            ("x-real-ip", "x"),
            ("x-request-id", "x"),
            ("x-http-method-override", "DELETE"),
            ("x-original-url", "/admin"),
            ("connection", "keep-alive, X-Hop, accept-language"),
            ("x-hop", "x"),
            ("accept-language", "x"),
            ("keep-alive", "x"),
            ("te", "trailers"),
            ("trailer", "x"),
            ("upgrade", "h2c"),
            ("proxy-authorization", "x"),
            ("expect", "100-continue"),
            ("transfer-encoding", "chunked"),
            ("transfer_encoding", "chunked"),
            ("content-length", "9"),
            ("accept", "*/*"),
        ];
        assert_eq!(head(&forged, Sent::Length(3)), expected);
        assert!(head(&[], Sent::Chunked).ends_with("\r\ntransfer-encoding: chunked\r\n\r\n"));
    }

    #[test]
    fn addresses_are_written_as_usual() {
        for text in ["0.0.0.0", "9.10.99.100", "127.0.0.1", "255.205.250.199", "2001:db8::1"] {
            let mut out = Vec::new();
            write_address(&mut out, text.parse().unwrap());
            assert_eq!(out, text.as_bytes());
        }
    }

    #[test]
    fn r19_our_cookies_stay_here() {
        for (sent, kept) in [
            ("a=1; mandate_session=s; b=2", "a=1; b=2"),
            ("__Host-mandate_session=s", ""),
            ("a=1;MANDATE_x=s;;b", "a=1; b"),
            ("__host-mandate_x = s; amandate_=1", "amandate_=1"),
        ] {
            assert_eq!(without_our_cookies(sent.as_bytes()), kept.as_bytes(), "{sent}");
        }
    }
}
