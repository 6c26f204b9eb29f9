//! The API's end of a stream: opened with the signed identity of a request and none of the client's credentials
//! (SECURITY R20), at the login or when it is first needed.

use super::client::{Socket, Upstream};
use super::{Opened, Standing};
use crate::forward::{Outbound, Sent, Theirs, write_head, write_theirs};
use crate::gate::{Caller, Visit};
use crate::site::base;
use http::Method;
use http::header::{self, HeaderName};
use mandate_wire::stream::{FirstWord, Terms, accept_key, key};
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::{Error, Message};

/// Longest head of an answer, in bytes.
const LONGEST: usize = 16 * 1024;
/// So many bytes of the client's headers are kept for later at most; who sends more has its stream opened at once.
const KEPT: usize = 2048;
/// Headers of the handshake: each hop says its own.
const OWN: [HeaderName; 5] = [
    header::SEC_WEBSOCKET_KEY,
    header::SEC_WEBSOCKET_VERSION,
    header::SEC_WEBSOCKET_PROTOCOL,
    header::SEC_WEBSOCKET_EXTENSIONS,
    header::SEC_WEBSOCKET_ACCEPT,
];

/// The API's end of a stream that is signed in on.
pub(super) enum Far {
    /// Nothing was for the API so far. An idle stream is in this state, so it is small.
    Later(Kept),
    /// Open.
    Open(Box<Upstream>),
}

impl Far {
    pub(super) const fn is_open(&self) -> bool {
        matches!(self, Self::Open(_))
    }

    /// The next message of the API; none comes from one that has not been called.
    pub(super) async fn next(&mut self) -> Option<Result<Message, Error>> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Message, Error>>> {
        match self {
            Self::Open(upstream) => upstream.poll_next(cx),
            Self::Later(_) => Poll::Pending,
        }
    }

    /// Hands the API a message and writes it out.
    pub(super) fn poll_tell(
        &mut self,
        cx: &mut Context<'_>,
        message: &mut Option<Message>,
    ) -> Poll<Result<(), Error>> {
        let Self::Open(upstream) = self else { return Poll::Ready(Err(Error::AlreadyClosed)) };
        ready!(upstream.poll_put(cx, message))?;
        upstream.poll_flush(cx)
    }

    /// Sends one frame, if anybody is there.
    pub(super) async fn send(&mut self, message: Message) -> Result<(), Error> {
        match self {
            Self::Open(upstream) => upstream.send(message).await,
            Self::Later(_) => Ok(()),
        }
    }
}

/// What the API is to be told of the request that opened a stream.
pub(super) struct Kept {
    /// The client's headers as they are sent on: no credential among them, and no share of what they came in.
    lines: Box<[u8]>,
    subprotocol: Option<&'static str>,
}

impl Kept {
    pub(super) fn of(opened: Opened) -> Self {
        let Opened { mut headers, subprotocol, .. } = opened;
        for name in &OWN {
            headers.remove(name);
        }
        let mut lines = Vec::new();
        write_theirs(&mut lines, &headers);
        Self { lines: lines.into(), subprotocol }
    }

    /// Whether the API's end may be opened later.
    pub(super) const fn may_wait(&self, terms: &Terms) -> bool {
        matches!(terms.first_word, FirstWord::Clients) && self.lines.len() <= KEPT
    }
}

/// A call to the API that is ready to be made. It holds nothing of the stream, so that the stream can look at news
/// while the call is under way.
pub(super) struct Call {
    address: SocketAddr,
    head: Vec<u8>,
    /// What agrees to it.
    accept: String,
    subprotocol: Option<&'static str>,
    within: Duration,
    largest: usize,
}

impl Standing {
    /// The call that opens the API's end in this caller's name.
    ///
    /// # Errors
    /// What is wrong, for the log.
    pub(super) fn call(
        &self,
        visit: Visit<'_>,
        kept: &Kept,
        caller: Caller<'_>,
    ) -> Result<Call, &'static str> {
        let upstream = visit.site.upstream.as_ref().ok_or("this host has no API")?;
        let nonce = key(&self.gate.ids.next());
        let outbound = Outbound {
            method: &Method::GET,
            target: &self.target,
            headers: Theirs::Written(&kept.lines),
            authority: upstream.authority(),
            base: base(visit.host),
            peer: visit.peer,
            id: visit.id,
            body: Sent::None,
        };
        let mut head = Vec::with_capacity(2048);
        write_head(&mut head, &outbound, |out| {
            caller.sign(out, visit, upstream, &Method::GET, &self.target);
        });
        // the empty line that ends it
        head.truncate(head.len().saturating_sub(2));
        head.extend_from_slice(b"upgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-version: 13\r\n");
        let line = |head: &mut Vec<u8>, name: &str, value: &str| {
            head.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        };
        line(&mut head, "sec-websocket-key", &nonce);
        if let Some(subprotocol) = kept.subprotocol {
            line(&mut head, "sec-websocket-protocol", subprotocol);
        }
        head.extend_from_slice(b"\r\n");
        self.gate.metrics.add_connected();
        Ok(Call {
            address: upstream.address(),
            head,
            accept: accept_key(nonce.as_bytes()),
            subprotocol: kept.subprotocol,
            within: self.gate.limits.connect,
            largest: self.gate.stream_limits.upstream_message,
        })
    }

    /// Says in the log that the API's end could not be opened.
    pub(super) fn log_unopened(&self, what: &'static str) {
        let upstream = self.site.upstream.as_ref().map_or("none", |u| u.name());
        tracing::warn!(upstream, route = self.route().unwrap_or("none"), what, "the API opened no stream");
    }
}

impl Call {
    /// Makes the call.
    ///
    /// # Errors
    /// What went wrong, for the log.
    pub(super) async fn made(self) -> Result<Box<Upstream>, &'static str> {
        let shaking = shake_hands(self.address, &self.head);
        let (stream, answer, rest) = tokio::time::timeout(self.within, shaking)
            .await
            .map_err(|_| "it took too long")?
            .map_err(|_| "it cannot be reached, or closed the connection")?;
        agrees(&answer, &self.accept, self.subprotocol)?;
        Ok(Box::new(Socket::new(stream, Role::Client, rest, self.largest).await))
    }
}

/// Sends a head and reads the head of the answer. With it comes what the API has sent beyond.
async fn shake_hands(address: SocketAddr, head: &[u8]) -> io::Result<(TcpStream, Vec<u8>, Vec<u8>)> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    stream.write_all(head).await?;
    let mut received = Vec::with_capacity(1024);
    loop {
        if let Some(end) = received.windows(4).position(|w| w == b"\r\n\r\n") {
            let rest = received.split_off(end + 4);
            return Ok((stream, received, rest));
        }
        if received.len() > LONGEST || stream.read_buf(&mut received).await? == 0 {
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
}

/// Whether the answer is the right one to the handshake (RFC 6455 section 4.2.2).
fn agrees(answer: &[u8], accept: &str, subprotocol: Option<&str>) -> Result<(), &'static str> {
    let mut fields = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut fields);
    match response.parse(answer) {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) | Err(_) => return Err("its answer cannot be read"),
    }
    if response.code != Some(101) {
        return Err("it did not agree to a websocket");
    }
    let all = |name: &'static str| {
        response
            .headers
            .iter()
            .filter(move |f| f.name.eq_ignore_ascii_case(name))
            .map(|f| f.value.trim_ascii())
    };
    if !all("upgrade").any(|value| value.eq_ignore_ascii_case(b"websocket")) {
        return Err("it agreed to something else");
    }
    if !all("sec-websocket-accept").eq([accept.as_bytes()]) {
        return Err("its Sec-WebSocket-Accept is wrong");
    }
    if all("sec-websocket-extensions").next().is_some() {
        return Err("it uses an extension that nobody offered");
    }
    if all("sec-websocket-protocol").any(|value| Some(value) != subprotocol.map(str::as_bytes)) {
        return Err("it chose another subprotocol");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc6455_4_1_only_the_right_answer_opens_a_stream() {
        let good = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: A\r\n";
        let judged = |head: String| agrees(format!("{head}\r\n").as_bytes(), "A", Some("tr_json2")).is_ok();
        assert!(judged(good.into()) && judged(format!("{good}Sec-WebSocket-Protocol: tr_json2\r\n")));
        for bad in [
            good.replace("101", "200"),
            good.replace("Accept: A", "Accept: B"),
            good.replace("Upgrade: WebSocket\r\n", ""),
            format!("{good}Sec-WebSocket-Protocol: other\r\n"),
            format!("{good}Sec-WebSocket-Extensions: permessage-deflate\r\n"),
            format!("{good}Sec-WebSocket-Accept: A\r\n"),
            "nonsense".into(),
        ] {
            assert!(!judged(bad.clone()), "{bad}");
        }
    }
}
