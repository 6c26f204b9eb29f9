//! Streams of the sample: what happens to orders, market data, and prices by the item. Whoever is connected has been
//! signed in by the gate; what comes first here is a subscription.

mod items;
mod market;
mod trades;

use super::Brokerage;
use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use mandate_wire::identity::Claims;
use mandate_wire::stream::accept_key;
use std::sync::Arc;
use std::time::Duration;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

/// One connection.
type Socket = WebSocketStream<TokioIo<hyper::upgrade::Upgraded>>;
/// How often prices are told.
const TICK: Duration = Duration::from_millis(500);
/// Symbols of one connection, at most.
const MAX_SYMBOLS: usize = 500;

/// Whether this asks for a websocket.
pub(super) fn is_asked<B>(request: &Request<B>) -> bool {
    request.headers().get(header::UPGRADE).is_some_and(|v| v.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// Opens the stream of this path, if the gate vouches for the caller.
pub(super) fn open(brokerage: &Arc<Brokerage>, mut request: Request<Incoming>) -> Response<Full<Bytes>> {
    let refused = |status| {
        let mut response = Response::new(Full::default());
        *response.status_mut() = status;
        response
    };
    let Some(claims) = brokerage.caller(&request, brokerage.clock.now()) else {
        return refused(StatusCode::UNAUTHORIZED);
    };
    let headers = request.headers();
    let Some(accept) = headers.get(header::SEC_WEBSOCKET_KEY).map(|key| accept_key(key.as_bytes())) else {
        return refused(StatusCode::BAD_REQUEST);
    };
    let named = |name: header::HeaderName, value: &str| headers.get(name).is_some_and(|v| v == value);
    let by_item = named(header::SEC_WEBSOCKET_PROTOCOL, "tr_json2");
    let packed = named(header::CONTENT_TYPE, "application/msgpack");
    let path = request.uri().path().to_owned();
    let kind = match path.strip_prefix("/v2/") {
        _ if by_item => Kind::Items,
        Some("iex" | "sip" | "test" | "delayed_sip") => Kind::Market { packed },
        _ if path == "/stream" => Kind::Trades,
        _ => return refused(StatusCode::NOT_FOUND),
    };
    let upgrade = hyper::upgrade::on(&mut request);
    let brokerage = brokerage.clone();
    tokio::spawn(async move {
        let Ok(upgraded) = upgrade.await else { return };
        let config = WebSocketConfig::default().read_buffer_size(1024).write_buffer_size(0);
        let socket =
            WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config)).await;
        kind.run(&brokerage, claims, socket).await;
    });
    let mut response = refused(StatusCode::SWITCHING_PROTOCOLS);
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    if let Ok(accept) = HeaderValue::try_from(accept) {
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    }
    if by_item {
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static("tr_json2"));
    }
    response
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Trades,
    Market { packed: bool },
    Items,
}

impl Kind {
    async fn run(self, brokerage: &Brokerage, claims: Claims, socket: Socket) {
        match self {
            Self::Trades => trades::run(brokerage, &claims, socket).await,
            Self::Market { packed } => market::run(brokerage, socket, packed).await,
            Self::Items => items::run(brokerage, socket).await,
        }
    }
}
