//! The API's end of a stream: opened once the client is admitted, with the signed identity of a request and none of the
//! client's credentials (SECURITY R20).

use super::client::{Socket, Upstream};
use super::{Opened, Standing};
use crate::forward::{Outbound, Sent, write_head};
use crate::gate::{Caller, Visit};
use crate::site::base;
use http::Method;
use http::header::{self, HeaderMap, HeaderName};
use mandate_wire::stream::{accept_key, key};
use std::io;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::protocol::Role;

/// Longest head of an answer, in bytes.
const LONGEST: usize = 16 * 1024;
/// Headers of the handshake: each hop says its own.
const OWN: [HeaderName; 5] = [
    header::SEC_WEBSOCKET_KEY,
    header::SEC_WEBSOCKET_VERSION,
    header::SEC_WEBSOCKET_PROTOCOL,
    header::SEC_WEBSOCKET_EXTENSIONS,
    header::SEC_WEBSOCKET_ACCEPT,
];

impl Standing {
    /// Opens the API's end.
    ///
    /// # Errors
    /// What went wrong, for the log.
    pub(super) async fn dial(
        &self,
        visit: Visit<'_>,
        opened: &Opened,
        caller: Caller<'_>,
    ) -> Result<Upstream, &'static str> {
        let upstream = visit.site.upstream.as_ref().ok_or("this host has no API")?;
        let nonce = key(&self.gate.ids.next());
        let mut headers: HeaderMap = opened.headers.clone();
        for name in &OWN {
            headers.remove(name);
        }
        let outbound = Outbound {
            method: &Method::GET,
            target: &self.target,
            headers: &headers,
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
        if let Some(subprotocol) = opened.subprotocol {
            line(&mut head, "sec-websocket-protocol", subprotocol);
        }
        head.extend_from_slice(b"\r\n");
        self.gate.metrics.add_connected();
        let shaking = shake_hands(upstream.address(), &head);
        let (stream, answer, rest) = tokio::time::timeout(self.gate.limits.connect, shaking)
            .await
            .map_err(|_| "it took too long")?
            .map_err(|_| "it cannot be reached, or closed the connection")?;
        agrees(&answer, &accept_key(nonce.as_bytes()), opened.subprotocol)?;
        let largest = self.gate.stream_limits.upstream_message;
        Ok(Socket::new(stream, Role::Client, rest, largest).await)
    }
}

/// Sends a head and reads the head of the answer. With it comes what the API has sent beyond.
async fn shake_hands(
    address: std::net::SocketAddr,
    head: &[u8],
) -> io::Result<(TcpStream, Vec<u8>, Vec<u8>)> {
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
