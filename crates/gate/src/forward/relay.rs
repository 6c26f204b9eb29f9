//! The body of an answer that is passed on as it comes.

use super::chunked::Piece;
use super::conn::Conn;
use super::exchange::{Upload, poll_send};
use super::response::Framing;
use crate::body::BrokenOff;
use crate::gate::Limits;
use crate::site::Upstream;
use bytes::Bytes;
use mandate_core::Clock;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// An answer under way. Dropping it closes the connection, unless it had come to its end.
pub struct Relay {
    pub(super) conn: Option<Box<Conn>>,
    pub(super) framing: Framing,
    pub(super) upload: Option<Upload>,
    pub(super) lasting: bool,
    pub(super) upstream: Upstream,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) limits: Limits,
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay").field("framing", &self.framing).finish_non_exhaustive()
    }
}

impl Relay {
    pub(crate) fn is_done(&self) -> bool {
        self.conn.is_none()
    }

    /// Bytes to come, where that is known.
    pub(crate) fn left(&self) -> Option<u64> {
        match self.framing {
            _ if self.conn.is_none() => Some(0),
            Framing::Length(left) => Some(left),
            Framing::Chunked(_) | Framing::Close => None,
        }
    }

    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BrokenOff>>> {
        match ready!(self.poll_piece(cx)) {
            Ok(Some(data)) => {
                if self.framing == Framing::Length(0) {
                    self.finish();
                }
                Poll::Ready(Some(Ok(data)))
            }
            Ok(None) => {
                self.finish();
                Poll::Ready(None)
            }
            Err(what) => {
                self.conn = None;
                Poll::Ready(Some(Err(BrokenOff(what))))
            }
        }
    }

    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, &'static str>> {
        let Some(conn) = &mut self.conn else { return Poll::Ready(Ok(None)) };
        if self.upload.is_some() && matches!(poll_send(cx, conn, &mut self.upload), Poll::Ready(Err(_))) {
            // The answer counts, whatever became of the rest of the request.
            self.upload = None;
            self.lasting = false;
        }
        loop {
            match self.framing.take(&mut conn.received)? {
                Piece::Data(data) => {
                    conn.alarm.set(self.clock.monotonic() + self.limits.idle);
                    return Poll::Ready(Ok(Some(data)));
                }
                Piece::Done => return Poll::Ready(Ok(None)),
                Piece::Starved => {}
            }
            match conn.poll_receive(cx) {
                Poll::Ready(Ok(0)) if self.framing == Framing::Close => return Poll::Ready(Ok(None)),
                Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(Err("it closed the connection")),
                Poll::Ready(Ok(_)) => {}
                Poll::Pending => {
                    ready!(conn.alarm.poll(cx, &*self.clock));
                    return Poll::Ready(Err("nothing came for too long"));
                }
            }
        }
    }

    fn finish(&mut self) {
        if let Some(conn) = self.conn.take()
            && self.lasting
            && self.upload.is_none()
        {
            put_away(conn, &self.upstream, self.clock.monotonic(), &self.limits);
        }
    }
}

/// Keeps a connection, if the API said nothing beyond its answer.
pub(super) fn put_away(conn: Box<Conn>, upstream: &Upstream, now: Duration, limits: &Limits) {
    if conn.received.is_empty() {
        upstream.0.pool.put(conn, now, limits.kept_connections, limits.kept_for);
    }
}
