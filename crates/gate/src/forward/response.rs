//! The head of an answer: read strictly, and relieved of what only we may say.

use super::chunked::{Chunks, Piece};
use super::request::is_our_cookie;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use std::mem::MaybeUninit;

/// Headers of one answer, at most.
const HEADERS: usize = 100;
/// Longest head.
const LONGEST: usize = 64 * 1024;

/// How the end of a body is found (RFC 9112 section 6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    Length(u64),
    Chunked(Chunks),
    Close,
}

impl Framing {
    /// Takes what can be taken of the body. Of a body that ends with the connection there is always more.
    pub(crate) fn take(&mut self, received: &mut BytesMut) -> Result<Piece, &'static str> {
        match self {
            Self::Length(0) => Ok(Piece::Done),
            Self::Length(_) | Self::Close if received.is_empty() => Ok(Piece::Starved),
            Self::Length(left) => {
                let n = usize::try_from(*left).unwrap_or(usize::MAX).min(received.len());
                *left -= n as u64;
                Ok(Piece::Data(received.split_to(n).freeze()))
            }
            Self::Close => Ok(Piece::Data(received.split().freeze())),
            Self::Chunked(chunks) => chunks.take(received),
        }
    }
}

/// The head of an answer; its headers go into the map they were read into.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Head {
    pub(crate) status: StatusCode,
    pub(crate) framing: Framing,
    /// Whether the connection may be used again.
    pub(crate) lasting: bool,
    /// A redirect, which is never passed on: clients of APIs break on it.
    pub(crate) redirects: bool,
}

/// Reads a head, if all of it was received. Interim answers are dropped.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn read(
    received: &mut BytesMut,
    headers: &mut HeaderMap,
    to_head: bool,
) -> Result<Option<Head>, &'static str> {
    loop {
        let Some(head) = read_one(received, headers, to_head)? else { return Ok(None) };
        if head.status == StatusCode::SWITCHING_PROTOCOLS {
            return Err("the API changed the protocol unasked");
        }
        if !head.status.is_informational() {
            return Ok(Some(head));
        }
    }
}

fn read_one(
    received: &mut BytesMut,
    headers: &mut HeaderMap,
    to_head: bool,
) -> Result<Option<Head>, &'static str> {
    let mut fields = [const { MaybeUninit::<httparse::Header<'_>>::uninit() }; HEADERS];
    let mut response = httparse::Response::new(&mut []);
    let parsed = httparse::ParserConfig::default().parse_response_with_uninit_headers(
        &mut response,
        received,
        &mut fields,
    );
    let length = match parsed {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) if received.len() <= LONGEST => return Ok(None),
        Ok(httparse::Status::Partial) => return Err("the head of the answer is too long"),
        Err(_) => return Err("the head of the answer cannot be read"),
    };
    let status =
        response.code.and_then(|c| StatusCode::from_u16(c).ok()).ok_or("the answer has no status")?;
    let mut reader = Reader::new(response.version == Some(1));
    reader.look_for_named(response.headers);
    headers.clear();
    let start = received.as_ptr() as usize;
    // Values are cut out of the buffer without a copy, which wants it shared: until then their places are kept.
    let mut kept: Vec<(HeaderName, usize, usize)> = Vec::with_capacity(response.headers.len());
    for field in response.headers.iter() {
        if let Some(name) = reader.field(field.name, field.value)? {
            kept.push((name, field.value.as_ptr() as usize - start, field.value.len()));
        }
    }
    let framing = reader.framing(status, to_head)?;
    let head: Bytes = received.split_to(length).freeze();
    for (name, at, length) in kept {
        let value = HeaderValue::from_maybe_shared(head.slice(at..at + length));
        headers.append(name, value.map_err(|_| "a header of the answer cannot be read")?);
    }
    let redirects = status.is_redirection() && headers.contains_key(header::LOCATION);
    Ok(Some(Head { status, framing, lasting: reader.lasting && framing != Framing::Close, redirects }))
}

/// Gathers what the fields say about the message itself.
struct Reader {
    modern: bool,
    lasting: bool,
    length: Option<u64>,
    chunked: bool,
    named: Vec<HeaderName>,
}

impl Reader {
    fn new(modern: bool) -> Self {
        Self { modern, lasting: modern, length: None, chunked: false, named: Vec::new() }
    }

    fn look_for_named(&mut self, fields: &[httparse::Header<'_>]) {
        for field in fields.iter().filter(|f| f.name.eq_ignore_ascii_case("connection")) {
            for token in field.value.split(|b| *b == b',').map(<[u8]>::trim_ascii) {
                if token.eq_ignore_ascii_case(b"close") {
                    self.lasting = false;
                } else if !token.eq_ignore_ascii_case(b"keep-alive") {
                    self.named.extend(HeaderName::from_bytes(token));
                }
            }
        }
    }

    /// The name, if the field is to be passed on.
    fn field(&mut self, name: &str, value: &[u8]) -> Result<Option<HeaderName>, &'static str> {
        let name =
            HeaderName::from_bytes(name.as_bytes()).map_err(|_| "a header of the answer cannot be read")?;
        if name == header::CONTENT_LENGTH {
            let length = number(value).ok_or("the length of the answer cannot be read")?;
            if self.length.is_some_and(|before| before != length) {
                return Err("the answer has several lengths");
            }
            let first = self.length.replace(length).is_none();
            return Ok(first.then_some(name));
        }
        if name == header::TRANSFER_ENCODING {
            if self.chunked || !self.modern || !value.trim_ascii().eq_ignore_ascii_case(b"chunked") {
                return Err("the answer has a transfer coding that is not known");
            }
            self.chunked = true;
            return Ok(None);
        }
        if name == header::SET_COOKIE && is_our_cookie(value.split(|b| *b == b'=').next().unwrap_or(value)) {
            return Ok(None);
        }
        let passes = is_apis(name.as_str()) && !self.named.contains(&name);
        Ok(passes.then_some(name))
    }

    fn framing(&self, status: StatusCode, to_head: bool) -> Result<Framing, &'static str> {
        if self.chunked && self.length.is_some() {
            return Err("the answer has both a length and a transfer coding");
        }
        if to_head || matches!(status.as_u16(), 100..=199 | 204 | 304) {
            return Ok(Framing::Length(0));
        }
        Ok(match self.length {
            _ if self.chunked => Framing::Chunked(Chunks::Size),
            Some(length) => Framing::Length(length),
            None => Framing::Close,
        })
    }
}

/// Digits only (RFC 9110 section 8.6).
fn number(value: &[u8]) -> Option<u64> {
    let value = value.trim_ascii();
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(value).ok()?.parse().ok()
}

/// Whether a header is the API's to send.
fn is_apis(name: &str) -> bool {
    match name {
        // the hop's own
        "connection" | "keep-alive" | "te" | "trailer" | "upgrade"
        // leads callers around the gate
        | "alt-svc"
        // ours to say
        | "x-request-id" => false,
        _ => !["mandate-", "mandate_", "proxy-", "x-ratelimit-"].into_iter().any(|prefix| name.starts_with(prefix)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, to_head: bool) -> Result<(Head, HeaderMap, usize), &'static str> {
        let (mut received, mut headers) = (BytesMut::from(text), HeaderMap::new());
        let head = read(&mut received, &mut headers, to_head)?.ok_or("incomplete")?;
        Ok((head, headers, received.len()))
    }

    #[test]
    fn framing_is_found_or_refused() {
        let framing = |text: &str| parse(text, false).map(|(h, ..)| (h.framing, h.lasting));
        let chunked = Framing::Chunked(Chunks::Size);
        assert_eq!(framing("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"), Ok((Framing::Length(5), true)));
        assert_eq!(framing("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), Ok((chunked, true)));
        assert_eq!(framing("HTTP/1.1 200 OK\r\n\r\n"), Ok((Framing::Close, false)));
        assert_eq!(framing("HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\n"), Ok((Framing::Length(0), true)));
        assert_eq!(framing("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n"), Ok((Framing::Length(5), false)));
        assert_eq!(
            framing("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"),
            Ok((Framing::Length(0), false))
        );
        assert_eq!(
            parse("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", true).unwrap().0.framing,
            Framing::Length(0)
        );
        for bad in [
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
            "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            "HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n",
            "HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
            "nonsense\r\n\r\n",
        ] {
            assert!(framing(bad).is_err(), "{bad}");
        }
        assert_eq!(framing("HTTP/1.1 200 OK\r\nContent-"), Err("incomplete"));
        assert!(
            parse(&format!("HTTP/1.1 200 OK\r\nA: {}", "x".repeat(LONGEST)), false)
                .is_err_and(|e| e != "incomplete")
        );
    }

    #[test]
    fn r19_r20_only_the_apis_own_headers_pass() {
        let (head, headers, rest) = parse(
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nConnection: X-Hop\r\nX-Hop: 1\r\nMandate-Cause: x\r\nX-Request-ID: x\r\n\
             X-RateLimit-Limit: 9\r\nKeep-Alive: x\r\nAlt-Svc: x\r\nSet-Cookie: mandate_session=x; Path=/\r\n\
             Set-Cookie: __Host-mandate_s=x\r\nSet-Cookie: own=1\r\nContent-Type: a/b\r\nContent-Length: 2\r\n\r\nhi",
            false,
        )
        .unwrap();
        assert_eq!((head.status, rest, head.redirects), (StatusCode::OK, 2, false));
        let mut names: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["content-length", "content-type", "set-cookie"]);
        assert_eq!(headers["set-cookie"], "own=1");
        assert!(
            parse("HTTP/1.1 301 Moved\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", false)
                .unwrap()
                .0
                .redirects
        );
        assert!(!parse("HTTP/1.1 304 Same\r\n\r\n", false).unwrap().0.redirects);
    }
}
