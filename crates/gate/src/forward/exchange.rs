//! One request and the head of its answer.

use super::burst::let_others_go_first;
use super::conn::Conn;
use super::relay::{Relay, put_away};
use super::response::{self, Framing, Head};
use crate::body::GateBody;
use crate::gate::Limits;
use crate::metrics::Metrics;
use crate::site::Upstream;
use bytes::Buf as _;
use http::{HeaderMap, Response};
use http_body::Body as _;
use hyper::body::Incoming;
use mandate_core::Clock;
use std::future::poll_fn;
use std::io::Write as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// Requests that may not be sent twice go over connections that were in use a moment ago, so that hardly ever one is
/// lost to a connection that the API was closing.
const FRESH: Duration = Duration::from_secs(1);

/// What an exchange is made over.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Via<'a> {
    pub(crate) upstream: &'a Upstream,
    /// When the request came in, on the clock that nobody moves.
    pub(crate) begun: Duration,
    pub(crate) clock: &'a Arc<dyn Clock>,
    pub(crate) limits: &'a Limits,
    pub(crate) metrics: &'a Metrics,
}

/// What an exchange needs to know of the request beside its head.
#[derive(Debug)]
pub(crate) struct Ask {
    pub(crate) upload: Option<Upload>,
    /// A HEAD request: its answer has no body.
    pub(crate) to_head: bool,
    /// It may be sent twice (RFC 9110 section 9.2.2).
    pub(crate) idempotent: bool,
}

/// The body of a request on its way to the API.
#[derive(Debug)]
pub(crate) struct Upload {
    pub(crate) body: Incoming,
    pub(crate) chunked: bool,
    /// So many bytes more may come.
    pub(crate) allowed: u64,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// No connection.
    Unreachable,
    /// The API took too long.
    Slow,
    /// It closed the connection before it answered.
    Closed,
    /// It answered something that may not be passed on.
    Unusable(&'static str),
    /// The body of the request is larger than allowed.
    TooLarge,
    /// The body of the request broke off, or its sender took too long.
    SenderGone,
}

/// Sends a request and waits for the head of its answer. `write` writes the request's head; once written, its map of
/// headers serves for those of the answer.
pub(crate) async fn exchange(
    via: Via<'_>,
    mut ask: Ask,
    mut headers: HeaderMap,
    write: impl FnOnce(&mut Vec<u8>, &HeaderMap),
) -> Result<Response<GateBody>, Fault> {
    let repeatable = ask.idempotent && ask.upload.is_none();
    let age = if repeatable { via.limits.kept_for } else { via.limits.kept_for.min(FRESH) };
    let mut conn = match via.upstream.0.pool.take(via.begun, age) {
        Some(conn) => conn,
        None => open(via).await?,
    };
    write(&mut conn.outgoing, &headers);
    conn.alarm.set(via.begun + via.limits.answer);
    let_others_go_first().await;
    let mut sending = true;
    let mut answer = poll_fn(|cx| poll_head(cx, via, &mut conn, &mut ask, &mut headers, &mut sending)).await;
    if answer.as_ref().err() == Some(&Fault::Closed)
        && conn.reused
        && conn.received.is_empty()
        && (repeatable || !conn.has_sent)
    {
        via.metrics.add_retried();
        let mut fresh = open(via).await?;
        fresh.take_over(&mut conn);
        conn = fresh;
        conn.alarm.set(via.clock.monotonic() + via.limits.answer);
        sending = true;
        answer = poll_fn(|cx| poll_head(cx, via, &mut conn, &mut ask, &mut headers, &mut sending)).await;
    }
    let head = answer?;
    // The answer will be written next.
    let_others_go_first().await;
    if head.redirects {
        return Err(Fault::Unusable("it answered with a redirect"));
    }
    Ok(arrived(via, conn, head, headers, ask.upload))
}

async fn open(via: Via<'_>) -> Result<Box<Conn>, Fault> {
    via.metrics.add_connected();
    match tokio::time::timeout(via.limits.connect, Conn::open(via.upstream.0.pool.address)).await {
        Ok(Ok(conn)) => Ok(Box::new(conn)),
        Ok(Err(error)) => {
            tracing::warn!(upstream = via.upstream.name(), %error, "cannot connect to the API");
            Err(Fault::Unreachable)
        }
        Err(_) => {
            tracing::warn!(upstream = via.upstream.name(), "connecting to the API took too long");
            Err(Fault::Slow)
        }
    }
}

fn poll_head(
    cx: &mut Context<'_>,
    via: Via<'_>,
    conn: &mut Conn,
    ask: &mut Ask,
    headers: &mut HeaderMap,
    sending: &mut bool,
) -> Poll<Result<Head, Fault>> {
    if *sending {
        let before = ask.upload.as_ref().map(|u| u.allowed);
        match poll_send(cx, conn, &mut ask.upload) {
            // If it has closed, it may have answered before.
            Poll::Ready(Ok(()) | Err(Fault::Closed)) => *sending = false,
            Poll::Ready(Err(fault)) => return Poll::Ready(Err(fault)),
            Poll::Pending => {}
        }
        if before != ask.upload.as_ref().map(|u| u.allowed) {
            conn.alarm.set(via.clock.monotonic() + via.limits.answer);
        }
    }
    loop {
        if !conn.received.is_empty()
            && let Some(head) =
                response::read(&mut conn.received, headers, ask.to_head).map_err(Fault::Unusable)?
        {
            return Poll::Ready(Ok(head));
        }
        match conn.poll_receive(cx) {
            Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(Err(Fault::Closed)),
            Poll::Ready(Ok(_)) => {}
            Poll::Pending => break,
        }
    }
    ready!(conn.alarm.poll(cx, &**via.clock));
    // While the body is under way it is its sender that we wait for.
    Poll::Ready(Err(if ask.upload.is_some() { Fault::SenderGone } else { Fault::Slow }))
}

/// Sends what is to be sent: the head, then the body as it comes.
pub(super) fn poll_send(
    cx: &mut Context<'_>,
    conn: &mut Conn,
    upload: &mut Option<Upload>,
) -> Poll<Result<(), Fault>> {
    loop {
        ready!(conn.poll_flush(cx)).map_err(|_| Fault::Closed)?;
        let Some(under_way) = upload else { return Poll::Ready(Ok(())) };
        let frame = ready!(Pin::new(&mut under_way.body).poll_frame(cx));
        conn.forget_sent();
        match frame {
            Some(Ok(frame)) => {
                let Ok(data) = frame.into_data() else { continue };
                under_way.allowed =
                    under_way.allowed.checked_sub(data.remaining() as u64).ok_or(Fault::TooLarge)?;
                if data.is_empty() {
                    continue;
                }
                if under_way.chunked {
                    // Writing to a vector cannot fail.
                    let _ = write!(conn.outgoing, "{:x}\r\n", data.len());
                    conn.outgoing.extend_from_slice(&data);
                    conn.outgoing.extend_from_slice(b"\r\n");
                } else {
                    conn.outgoing.extend_from_slice(&data);
                }
            }
            Some(Err(_)) => return Poll::Ready(Err(Fault::SenderGone)),
            None => {
                if under_way.chunked {
                    conn.outgoing.extend_from_slice(b"0\r\n\r\n");
                }
                *upload = None;
            }
        }
    }
}

/// The answer. A body that is there already is handed on in one piece, and the connection is free at once.
fn arrived(
    via: Via<'_>,
    mut conn: Box<Conn>,
    head: Head,
    headers: HeaderMap,
    upload: Option<Upload>,
) -> Response<GateBody> {
    let whole = match head.framing {
        Framing::Length(length) if conn.received.len() as u64 >= length => usize::try_from(length).ok(),
        Framing::Length(_) | Framing::Chunked(_) | Framing::Close => None,
    };
    let body = if let Some(length) = whole {
        let bytes = conn.received.split_to(length).freeze();
        if head.lasting && upload.is_none() {
            put_away(conn, via.upstream, via.begun, via.limits);
        }
        GateBody::full(bytes)
    } else {
        conn.alarm.set(via.clock.monotonic() + via.limits.idle);
        GateBody::Relay(Relay {
            conn: Some(conn),
            framing: head.framing,
            upload,
            lasting: head.lasting,
            upstream: via.upstream.clone(),
            clock: via.clock.clone(),
            limits: *via.limits,
        })
    };
    let mut response = Response::new(body);
    *response.status_mut() = head.status;
    *response.headers_mut() = headers;
    response
}
