//! Bytes that may be read before a login. The message library takes memory for a message as soon as its length is
//! announced; here no more comes in than a login needs, whatever was announced (SECURITY R24).

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A connection of which only so much is read, until it is opened up.
#[derive(Debug)]
pub(super) struct Metered<S> {
    inner: S,
    left: Option<usize>,
}

impl<S> Metered<S> {
    pub(super) const fn new(inner: S, most: usize) -> Self {
        Self { inner, left: Some(most) }
    }
    /// Lets everything through from now on.
    pub(super) const fn open_up(&mut self) {
        self.left = None;
    }
    /// Whether more came than may.
    pub(super) const fn is_spent(&self) -> bool {
        matches!(self.left, Some(0))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Metered<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        if self.is_spent() {
            return Poll::Ready(Err(io::Error::other("too much came before the login")));
        }
        ready!(Pin::new(&mut self.inner).poll_read(cx, buf))?;
        if let Some(left) = &mut self.left {
            *left = left.saturating_sub(buf.filled().len() - before);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Metered<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
