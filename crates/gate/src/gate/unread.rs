//! Bodies of requests that were refused before they were read. A small one is read to its end, so that the connection
//! can go on; with a large one the answer says that the connection ends. Otherwise clients that keep connections would
//! find theirs gone at the next request.

use http_body::Body as _;
use hyper::body::Incoming;
use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

/// Largest body that is read for the sake of the connection, in bytes.
const SMALL: u64 = 64 * 1024;
/// For so long at most.
const PATIENCE: Duration = Duration::from_millis(500);

/// Whether nothing of the body is left to come.
pub(super) async fn drained(body: Option<Incoming>) -> bool {
    let Some(mut body) = body else { return true };
    if body.is_end_stream() {
        return true;
    }
    if body.size_hint().lower() > SMALL {
        return false;
    }
    let reading = async {
        let mut seen = 0;
        while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
            let Ok(frame) = frame else { return false };
            seen += frame.data_ref().map_or(0, |data| data.len() as u64);
            if seen > SMALL {
                return false;
            }
        }
        true
    };
    tokio::time::timeout(PATIENCE, reading).await.unwrap_or(false)
}
