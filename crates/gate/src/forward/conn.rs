//! One connection to an API, with its buffers.

use super::alarm::Alarm;
use bytes::BytesMut;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWrite as _};
use tokio::net::TcpStream;

/// Read at once, at most.
const PIECE: usize = 16 * 1024;
/// A write buffer that has grown beyond this is given back.
const KEPT: usize = 64 * 1024;

#[derive(Debug)]
pub(crate) struct Conn {
    stream: TcpStream,
    /// Received and not yet taken.
    pub(crate) received: BytesMut,
    /// To be sent; what has been sent stays until the request is done, so that it can be sent again.
    pub(crate) outgoing: Vec<u8>,
    sent: usize,
    /// Whether any byte of this request may have left.
    pub(crate) has_sent: bool,
    /// Whether a request was answered on it before this one.
    pub(crate) reused: bool,
    /// When it was put away.
    pub(crate) idle_since: Duration,
    pub(crate) alarm: Alarm,
}

impl Conn {
    pub(crate) async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            received: BytesMut::new(),
            outgoing: Vec::with_capacity(2048),
            sent: 0,
            has_sent: false,
            reused: false,
            idle_since: Duration::ZERO,
            alarm: Alarm::default(),
        })
    }

    /// Whether nothing came in while it was put away, its end included. Asks the system only if there is news.
    pub(crate) fn is_quiet(&self) -> bool {
        let mut byte = [0];
        matches!(self.stream.try_read(&mut byte), Err(e) if e.kind() == io::ErrorKind::WouldBlock)
    }

    /// Makes it ready for the next request.
    pub(crate) fn rewind(&mut self) {
        self.outgoing.clear();
        self.outgoing.shrink_to(KEPT);
        self.sent = 0;
        self.has_sent = false;
        self.reused = true;
    }

    /// Takes over a request that another connection failed to deliver.
    pub(crate) fn take_over(&mut self, other: &mut Self) {
        std::mem::swap(&mut self.outgoing, &mut other.outgoing);
        self.sent = 0;
    }

    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.sent < self.outgoing.len() {
            let n = ready!(Pin::new(&mut self.stream).poll_write(cx, &self.outgoing[self.sent..]))?;
            if n == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent += n;
            self.has_sent = true;
        }
        Poll::Ready(Ok(()))
    }

    /// Forgets what has been sent, to make room for more of a body.
    pub(crate) fn forget_sent(&mut self) {
        self.outgoing.clear();
        self.sent = 0;
    }

    /// Reads what is there. 0: the other side has closed.
    pub(crate) fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.received.reserve(PIECE);
        pin!(self.stream.read_buf(&mut self.received)).poll(cx)
    }
}
