//! Requests that the HTTP parser gives up on get the dialect's error too. The parser answers those itself, with an
//! empty body; this wrapper notices that it speaks out of turn and says the refusal in its place.

use bytes::Bytes;
use http::Response;
use hyper::rt::{Read, ReadBufCursor, Write};
use std::fmt::Write as _;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};

/// The refusal to say in place of a bare status.
pub(crate) type Words = Arc<dyn Fn(u16) -> Option<Response<Bytes>> + Send + Sync>;

/// Whether our service has taken any request of a connection yet.
#[derive(Debug, Clone, Default)]
pub(crate) struct Turns(Arc<AtomicU32>);

impl Turns {
    /// The service has taken a request.
    pub(crate) fn begin(&self) {
        self.0.store(1, Ordering::Release);
    }
    fn is_ours(&self) -> bool {
        self.0.load(Ordering::Acquire) == 1
    }
}

/// A connection that keeps its manners.
pub(crate) struct Courteous<S> {
    inner: S,
    words: Words,
    turns: Turns,
    instead: Option<(Bytes, usize)>,
}

impl<S> Courteous<S> {
    pub(crate) fn new(inner: S, words: Words) -> Self {
        Self { inner, words, turns: Turns::default(), instead: None }
    }
    pub(crate) fn turns(&self) -> Turns {
        self.turns.clone()
    }
}

impl<S: Read + Unpin> Read for Courteous<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl<S: Write + Unpin> Courteous<S> {
    /// Drives our words out; ready when all are written.
    fn drive(&mut self, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        while let Some((bytes, written)) = &mut self.instead {
            if *written >= bytes.len() {
                break;
            }
            match Pin::new(&mut self.inner).poll_write(cx, &bytes[*written..]) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(std::io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(n)) => *written += n,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: Write + Unpin> Write for Courteous<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let this = &mut *self;
        if this.instead.is_none()
            && let Some(status) = bare_refusal(buf, this.turns.is_ours())
            && let Some(response) = (this.words)(status)
        {
            this.instead = Some((plain(&response), 0));
        }
        if this.instead.is_some() {
            return match this.drive(cx) {
                Poll::Ready(Ok(())) => Poll::Ready(Ok(buf.len())),
                Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
                Poll::Pending => Poll::Pending,
            };
        }
        Pin::new(&mut this.inner).poll_write(cx, buf)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

/// The status, if this is the parser's own answer: a status line and headers that say the body is empty, and none
/// of the headers that every answer of ours holds.
fn bare_refusal(buf: &[u8], ours: bool) -> Option<u16> {
    // Nearly every answer ends here.
    let head = buf.strip_prefix(b"HTTP/1.1 ").filter(|head| head.first() == Some(&b'4'))?;
    let status: u16 = std::str::from_utf8(head.get(..3)?).ok()?.parse().ok()?;
    if !matches!(status, 400 | 414 | 431) || buf.len() > 256 {
        return None;
    }
    let text = std::str::from_utf8(buf).ok()?.to_ascii_lowercase();
    let bare = text.contains("content-length: 0") && !text.contains("x-request-id");
    (bare || !ours).then_some(status)
}

/// An answer as it goes over the wire, closing the connection.
fn plain(response: &Response<Bytes>) -> Bytes {
    let mut head = format!(
        "HTTP/1.1 {} {}\r\nconnection: close\r\ncontent-length: {}\r\n",
        response.status().as_u16(),
        response.status().canonical_reason().unwrap_or(""),
        response.body().len()
    );
    for (name, value) in response.headers() {
        if let Ok(value) = value.to_str() {
            let _infallible = write!(head, "{name}: {value}\r\n");
        }
    }
    head.push_str("\r\n");
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(response.body());
    bytes.into()
}

impl<S> std::fmt::Debug for Courteous<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Courteous")
    }
}
