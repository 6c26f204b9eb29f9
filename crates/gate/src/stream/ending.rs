//! How streams end.

use super::Stream;
use super::client::frame;
use mandate_core::refusal::Refusal;
use mandate_core::{Cause, Class};
use mandate_wire::stream::{Stage, close_reason};
use std::time::Duration;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

/// Why a stream ends.
#[derive(Debug)]
pub(super) enum End {
    /// The client has gone.
    Gone,
    /// The client said goodbye in the protocol's words.
    Left,
    /// The API closed, with this.
    Closed(Option<CloseFrame>),
    /// It may not go on.
    Refused(Stage, Box<Refusal>),
}

/// The code of the close frame (RFC 6455 section 7.4.1).
fn code(cause: Cause) -> CloseCode {
    match (cause, cause.class()) {
        (Cause::ServerStopping, _) => CloseCode::Away,
        (Cause::StorageUnavailable, _) => CloseCode::Again,
        (Cause::RequestTooLarge, _) => CloseCode::Size,
        (_, Class::ServerFault | Class::UpstreamUnavailable) => CloseCode::Error,
        _ => CloseCode::Policy,
    }
}

impl Stream {
    /// Says why, closes, and waits a moment for the other side to have read it.
    pub(super) async fn end(mut self, end: End) {
        let patience = self.at.gate.stream_limits.close;
        let (said, close) = match end {
            End::Gone => {
                // A close of the client's is answered by reading on.
                let client = &mut self.client;
                let answered = async { while let Some(Ok(_)) = client.next().await {} };
                let _in_time = tokio::time::timeout(patience, answered).await;
                return;
            }
            End::Left => (Vec::new(), CloseFrame { code: CloseCode::Normal, reason: "".into() }),
            End::Closed(close) => (Vec::new(), sayable(close)),
            End::Refused(stage, refusal) => {
                let cause = refusal.cause;
                self.at.gate.metrics.add_stream_ended();
                let (decision, said) = self.say(stage, *refusal);
                (said, CloseFrame { code: code(cause), reason: close_reason(&decision).into() })
            }
        };
        let client = &mut self.client;
        let goodbye = async {
            client.say(said).await?;
            client.send(Message::Close(Some(close))).await?;
            // What still comes is read and dropped: a connection that is closed with unread bytes in it is reset, and
            // the reason with it.
            while let Some(Ok(_)) = client.next().await {}
            Ok::<_, tokio_tungstenite::tungstenite::Error>(())
        };
        let _in_time = tokio::time::timeout(patience, goodbye).await;
    }
}

/// A close of the API's, as far as it may be repeated to a client.
fn sayable(close: Option<CloseFrame>) -> CloseFrame {
    match close {
        Some(close) if close.code.is_allowed() => close,
        _ => CloseFrame { code: CloseCode::Normal, reason: "".into() },
    }
}

/// The refusal of a client that does not keep up.
pub(super) fn slow(defect: &'static str) -> End {
    use mandate_core::disclosure::FactName;
    let refusal = Refusal::anonymous(Cause::StreamSlowClient).with(FactName::Defect, defect);
    End::Refused(Stage::End, Box::new(refusal))
}

/// Waits for so long for a client's message that is not a control frame.
pub(super) async fn next_message(
    client: &mut super::Client,
    within: Duration,
) -> Result<Option<Message>, tokio::time::error::Elapsed> {
    tokio::time::timeout(within, async {
        loop {
            match client.next().await {
                Some(Ok(message)) if frame(&message).is_some() => return Some(message),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    })
    .await
}
