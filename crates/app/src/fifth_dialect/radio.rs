//! A client's end of that websocket.

use super::port::Port;
use futures_util::{SinkExt as _, StreamExt as _};
use mandate_wire::stream::{accept_key, key};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

pub(super) struct Radio(WebSocketStream<TcpStream>);

impl Radio {
    /// The handshake of RFC 6455 section 4.1.
    pub(super) async fn on(port: &Port) -> Self {
        let mut stream = TcpStream::connect(port.address()).await.unwrap();
        let nonce = key(&[7; 16]);
        let asked = format!(
            "GET /stream HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {nonce}\r\n\r\n",
            port.address()
        );
        stream.write_all(asked.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap();
        assert!(head.starts_with("HTTP/1.1 101 ") && head.contains(&accept_key(nonce.as_bytes())), "{head}");
        Self(WebSocketStream::from_raw_socket(stream, Role::Client, None).await)
    }

    pub(super) async fn say(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    /// The next message; of a close frame its code and its reason.
    pub(super) async fn hear(&mut self) -> String {
        loop {
            match self.0.next().await.unwrap().unwrap() {
                Message::Text(text) => return text.to_string(),
                Message::Close(Some(close)) => {
                    return format!("close {} {}", u16::from(close.code), close.reason);
                }
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }
}
