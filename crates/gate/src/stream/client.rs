//! Connections that speak the websocket protocol, with buffers as small as an idle one needs.

use super::metered::Metered;
use futures_util::{Sink as _, Stream as _};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use mandate_wire::stream::{Frame, Message as Said};
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

/// The client's end.
pub(super) type Client = Socket<Metered<TokioIo<Upgraded>>>;
/// The API's end.
pub(super) type Upstream = Socket<TcpStream>;

/// Kept for reading, in bytes: what an idle connection costs, and what is read at once.
const READ: usize = 1024;
/// What is to be sent is written when so much has gathered, or when nothing more comes.
const WRITE: usize = 4096;

/// One connection.
#[derive(Debug)]
pub(super) struct Socket<S>(WebSocketStream<S>);

impl<S: AsyncRead + AsyncWrite + Unpin> Socket<S> {
    pub(super) async fn new(stream: S, role: Role, received: Vec<u8>, largest: usize) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ)
            .write_buffer_size(WRITE)
            .max_message_size(Some(largest))
            .max_frame_size(Some(largest));
        Self(if received.is_empty() {
            WebSocketStream::from_raw_socket(stream, role, Some(config)).await
        } else {
            WebSocketStream::from_partially_read(stream, received, role, Some(config)).await
        })
    }

    pub(super) fn get_mut(&mut self) -> &mut S {
        self.0.get_mut()
    }

    /// The next message. Pings are answered on the way.
    pub(super) async fn next(&mut self) -> Option<Result<Message, Error>> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Message, Error>>> {
        Pin::new(&mut self.0).poll_next(cx)
    }

    /// Puts a message among those to be sent, once there is room.
    pub(super) fn poll_put(
        &mut self,
        cx: &mut Context<'_>,
        message: &mut Option<Message>,
    ) -> Poll<Result<(), Error>> {
        let mut sink = Pin::new(&mut self.0);
        std::task::ready!(sink.as_mut().poll_ready(cx))?;
        match message.take() {
            // A message that was taken is on its way, even if the connection takes no more of it now.
            Some(message) => Poll::Ready(match sink.start_send(message) {
                Err(Error::WriteBufferFull(_)) | Ok(()) => Ok(()),
                Err(error) => Err(error),
            }),
            None => Poll::Ready(Ok(())),
        }
    }

    /// Writes what is to be sent.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    /// Sends messages and writes them out.
    pub(super) async fn say(&mut self, messages: Vec<Said>) -> Result<(), Error> {
        for said in messages {
            let mut message = Some(to_send(said));
            poll_fn(|cx| self.poll_put(cx, &mut message)).await?;
        }
        poll_fn(|cx| self.poll_flush(cx)).await
    }

    /// Sends one frame and writes it out.
    pub(super) async fn send(&mut self, message: Message) -> Result<(), Error> {
        let mut message = Some(message);
        poll_fn(|cx| self.poll_put(cx, &mut message)).await?;
        poll_fn(|cx| self.poll_flush(cx)).await
    }
}

fn to_send(said: Said) -> Message {
    match said {
        Said::Text(text) => Message::text(text),
        Said::Binary(bytes) => Message::binary(bytes),
    }
}

/// A message for the protocol to read; `None` for control frames.
pub(super) fn frame(message: &Message) -> Option<Frame<'_>> {
    match message {
        Message::Text(text) => Some(Frame::Text(text.as_str())),
        Message::Binary(bytes) => Some(Frame::Binary(bytes)),
        Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_) => None,
    }
}
