//! The request that asks for a stream (RFC 6455 section 4.2).

use super::client::Socket;
use super::metered::Metered;
use super::{Hold, Opened, Standing, Stream};
use crate::body::GateBody;
use crate::front::{self, Refused};
use crate::gate::{Gate, Visit};
use crate::limit::Source;
use http::header::{self, HeaderName};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Version};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use mandate_core::Cause;
use mandate_core::disclosure::FactName;
use mandate_core::refusal::Refusal;
use mandate_wire::credential::Presented;
use mandate_wire::stream::{Opening, StreamDialect, Terms, accept_key, is_key};
use std::sync::Arc;
use std::time::Duration;
use tokio_tungstenite::tungstenite::protocol::Role;

const KEY: HeaderName = header::SEC_WEBSOCKET_KEY;
const VERSION: HeaderName = header::SEC_WEBSOCKET_VERSION;
const PROTOCOL: HeaderName = header::SEC_WEBSOCKET_PROTOCOL;
/// The connection must have been handed over after so long.
const HAND_OVER: Duration = Duration::from_secs(5);
/// What frames and short control frames take beside the messages themselves.
const OVERHEAD: usize = 1024;

/// Whether a request asks for a websocket.
pub(crate) fn is_asked(headers: &HeaderMap) -> bool {
    tokens(headers, &header::UPGRADE).any(|token| token.eq_ignore_ascii_case(b"websocket"))
}

fn tokens<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'h [u8]> {
    headers.get_all(name).iter().flat_map(|v| v.as_bytes().split(|b| *b == b',')).map(<[u8]>::trim_ascii)
}

/// The one value of a header.
fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h HeaderValue> {
    let mut all = headers.get_all(name).iter();
    all.next().filter(|_| all.next().is_none())
}

/// What is wrong with a handshake.
fn defect(method: &Method, version: Version, headers: &HeaderMap) -> Option<&'static str> {
    if *method != Method::GET || version != Version::HTTP_11 {
        return Some("a websocket is opened by GET over HTTP/1.1");
    }
    if !tokens(headers, &header::CONNECTION).any(|token| token.eq_ignore_ascii_case(b"upgrade")) {
        return Some("Connection does not name Upgrade");
    }
    if !only(headers, &KEY).is_some_and(|key| is_key(key.as_bytes())) {
        return Some("Sec-WebSocket-Key is not one key of sixteen bytes in base64");
    }
    if headers.contains_key(header::TRANSFER_ENCODING)
        || headers.get(header::CONTENT_LENGTH).is_some_and(|length| length.as_bytes() != b"0")
    {
        return Some("a request for a websocket has no body");
    }
    None
}

/// The first subprotocol that the client offers and the protocol goes by.
fn subprotocol(headers: &HeaderMap, terms: &Terms) -> Option<&'static str> {
    tokens(headers, &PROTOCOL)
        .find_map(|offered| terms.subprotocols.iter().copied().find(|known| known.as_bytes() == offered))
}

fn refused(refusal: Box<Refusal>) -> Refused<'static> {
    Refused::before_routing(refusal)
}

impl Gate {
    /// Answers a request for a stream. What follows on the connection is a task of its own.
    pub(crate) fn upgrade<'a>(
        self: &Arc<Self>,
        visit: Visit<'a>,
        mut parts: Parts,
    ) -> Result<Response<GateBody>, Refused<'a>> {
        let target = front::read(&parts.uri).map_err(|defect| refused(front::malformed(defect)))?;
        front::check_head(&parts.headers).map_err(refused)?;
        let (route, _) = crate::gate::find_route(visit, &parts.method, &target)?;
        visit
            .site
            .dialect
            .admits(visit.host.surface, target.path, &parts.headers)
            .map_err(|r| Refused::on(route, r))?;
        let protocol = route.route.stream.as_ref().and_then(|s| protocol_of(visit, &s.protocol));
        let Some(protocol) = protocol else {
            return Err(Refused::on(route, front::malformed("this path takes no websocket")));
        };
        if let Some(what) = defect(&parts.method, parts.version, &parts.headers) {
            return Err(Refused::on(route, front::malformed(what)));
        }
        if only(&parts.headers, &VERSION).is_none_or(|version| version.as_bytes() != b"13") {
            let refusal = front::malformed("Sec-WebSocket-Version is not 13");
            return Err(Refused {
                status: Some(StatusCode::UPGRADE_REQUIRED),
                ..Refused::on(route, refusal)
            });
        }
        if target.decoded.is_some() {
            // one feed has one path, so that its streams can be counted
            let refusal = front::malformed("the path of a websocket has no percent-encoding");
            return Err(Refused::on(route, refusal));
        }
        if self.streams.is_stopping() {
            return Err(Refused::on(route, Box::new(Refusal::anonymous(Cause::ServerStopping))));
        }
        let terms = protocol.terms();
        let (presented, carries_another) = in_headers(visit, terms, &parts.headers, target.query)
            .map_err(|refusal| Refused::on(route, self.count_failure(visit, refusal)))?;
        let (limits, from) = (self.stream_limits, Source::from(visit.peer));
        let Some(waiting) = self.streams.wait(from, limits.waiting_from_one, limits.waiting) else {
            let refusal = Refusal::anonymous(Cause::AttemptsThrottled).with(FactName::RetryAfter, 10);
            return Err(Refused::on(route, Box::new(refusal)));
        };
        let Some(on_upgrade) = parts.extensions.remove::<OnUpgrade>() else {
            return Err(Refused::on(route, front::malformed("this connection cannot be upgraded")));
        };
        let accept = parts.headers.get(KEY).map(|key| accept_key(key.as_bytes())).unwrap_or_default();
        let subprotocol = subprotocol(&parts.headers, terms);
        let talk = protocol.begin(Opening { headers: &parts.headers });
        let hold = parts.extensions.remove::<Hold>();
        let (site, peer, id) = (visit.site.clone(), visit.peer, *visit.id);
        let certificate = visit.certificate.map(Into::into);
        let whole: Box<str> = target.whole.into();
        let opened = Opened { headers: parts.headers, subprotocol, carries_another };
        let gate = self.clone();
        tokio::spawn(async move {
            let Ok(Ok(upgraded)) = tokio::time::timeout(HAND_OVER, on_upgrade).await else { return };
            let metered = Metered::new(TokioIo::new(upgraded), terms.largest_login + OVERHEAD);
            let largest = gate.stream_limits.client_message;
            let client = Socket::new(metered, Role::Server, Vec::new(), largest).await;
            let at = Standing { gate, site, peer, certificate, target: whole, id, terms };
            let stream = Stream { at, talk, client, _hold: hold };
            stream.begin(opened, presented, waiting).await;
        });
        Ok(switching(&accept, subprotocol))
    }
}

fn protocol_of(visit: Visit<'_>, word: &str) -> Option<&'static dyn StreamDialect> {
    visit.site.dialect.streams().iter().copied().find(|p| p.word() == word)
}

/// The credential in the headers, where the protocol takes one there; and whether there is one where it does not. A
/// credential in the query is refused in any case.
fn in_headers(
    visit: Visit<'_>,
    terms: &Terms,
    headers: &HeaderMap,
    query: Option<&str>,
) -> Result<(Option<Presented>, bool), Box<Refusal>> {
    let found = visit.site.dialect.credential(visit.host.surface, headers, query);
    match found {
        Ok(presented) if terms.header_credentials => Ok((Some(presented), false)),
        Ok(_) => Ok((None, true)),
        Err(refusal) if refusal.cause == Cause::CredentialMissing => Ok((None, false)),
        Err(refusal) => Err(refusal),
    }
}

fn switching(accept: &str, subprotocol: Option<&'static str>) -> Response<GateBody> {
    let mut response = Response::new(GateBody::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    if let Ok(accept) = HeaderValue::from_str(accept) {
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    }
    if let Some(subprotocol) = subprotocol {
        headers.insert(PROTOCOL, HeaderValue::from_static(subprotocol));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(*name, HeaderValue::from_static(value));
        }
        map
    }
    const GOOD: [(&str, &str); 2] =
        [("connection", "keep-alive, Upgrade"), ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")];

    #[test]
    fn rfc6455_4_2_1_a_handshake_is_read_strictly() {
        let judged = |pairs: &[_]| defect(&Method::GET, Version::HTTP_11, &headers(pairs));
        assert_eq!(judged(&GOOD), None);
        assert!(judged(&GOOD[..1]).is_some() && judged(&GOOD[1..]).is_some());
        assert!(judged(&[GOOD[0], GOOD[1], GOOD[1]]).is_some(), "two keys");
        assert!(judged(&[GOOD[0], GOOD[1], ("content-length", "3")]).is_some(), "a body");
        assert!(judged(&[GOOD[0], ("sec-websocket-key", "short")]).is_some());
        assert!(defect(&Method::POST, Version::HTTP_11, &headers(&GOOD)).is_some());
        assert!(defect(&Method::GET, Version::HTTP_10, &headers(&GOOD)).is_some());
        assert!(is_asked(&headers(&[("upgrade", "h2c, WebSocket")])));
        assert!(!is_asked(&headers(&[("upgrade", "h2c")])));
    }
}
