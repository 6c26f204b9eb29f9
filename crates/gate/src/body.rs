//! The body of an answer: one piece, or what the API sends as it comes.

use crate::forward::Relay;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll};

/// The body of an answer of the gate.
#[derive(Debug)]
pub enum GateBody {
    /// All of it.
    Full(Option<Bytes>),
    /// From the API, as it comes.
    Relay(Relay),
}

/// The API broke off in the middle of its answer. The status has been sent, so all that can be done is to break off
/// as well.
#[derive(Debug, thiserror::Error)]
#[error("the API behind the gate broke off: {0}")]
pub struct BrokenOff(pub(crate) &'static str);

impl GateBody {
    /// A body of one piece.
    pub fn full(bytes: Bytes) -> Self {
        Self::Full((!bytes.is_empty()).then_some(bytes))
    }
    /// No body.
    pub const fn empty() -> Self {
        Self::Full(None)
    }
}

impl Body for GateBody {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        match self.get_mut() {
            Self::Full(bytes) => Poll::Ready(bytes.take().map(|b| Ok(Frame::data(b)))),
            Self::Relay(relay) => relay.poll(cx).map(|piece| piece.map(|p| p.map(Frame::data))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Full(bytes) => bytes.is_none(),
            Self::Relay(relay) => relay.is_done(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Full(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |b| b.len() as u64)),
            Self::Relay(relay) => relay.left().map_or_else(SizeHint::default, SizeHint::with_exact),
        }
    }
}
