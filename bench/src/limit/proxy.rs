//! A reverse proxy: requests pass unchanged but for the hop's own headers, over pooled keep-alive connections.

use std::cell::RefCell;
use std::collections::{HashSet, VecDeque};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::rc::Rc;

use anyhow::{Context, Result};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty, combinators::UnsyncBoxBody};
use hyper::body::Incoming;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper::header::{AUTHORIZATION, CONNECTION, HeaderMap};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use sha2::{Digest, Sha256};
use tokio::net::TcpStream;
use tokio::task::spawn_local;

type Answer = Response<UnsyncBoxBody<Bytes, hyper::Error>>;

/// Connections to the upstream, the one used longest ago in front.
struct Pool {
    upstream: SocketAddr,
    connections: RefCell<VecDeque<SendRequest<Incoming>>>,
}

/// Serves as a proxy on `port`; with a file of SHA-256 digests (in hex, one a line), for those credentials only.
pub(crate) async fn run(port: u16, upstream: &str, digests: Option<&str>) -> Result<()> {
    let known = digests.map(read_digests).transpose()?.map(Rc::new);
    let pool = Rc::new(Pool { upstream: upstream.parse()?, connections: RefCell::default() });
    crate::serve(port, move |request: Request<Incoming>| {
        let (pool, known) = (Rc::clone(&pool), known.clone());
        async move {
            if known.is_some_and(|known| !admits(&known, request.headers())) {
                return Ok(empty(StatusCode::UNAUTHORIZED));
            }
            Ok::<_, Infallible>(
                pool.forward(request).await.unwrap_or_else(|_| empty(StatusCode::BAD_GATEWAY)),
            )
        }
    })
    .await
}

impl Pool {
    async fn forward(self: Rc<Self>, mut request: Request<Incoming>) -> Result<Answer> {
        request.headers_mut().remove(CONNECTION);
        let reused = self.connections.borrow_mut().pop_front_if(|sender| sender.is_ready());
        let mut sender = match reused {
            Some(sender) => sender,
            None => self.connect().await?,
        };
        let response = sender.send_request(request).await?;
        // It is ready again once this answer has been passed on.
        self.connections.borrow_mut().push_back(sender);
        Ok(response.map(BodyExt::boxed_unsync))
    }

    async fn connect(&self) -> Result<SendRequest<Incoming>> {
        let socket = TcpStream::connect(self.upstream).await?;
        socket.set_nodelay(true)?;
        let (mut sender, connection) = Builder::new().writev(false).handshake(TokioIo::new(socket)).await?;
        spawn_local(connection);
        sender.ready().await?;
        Ok(sender)
    }
}

/// Whether the digest of the request's credential is known: of the API key's id and secret, or of the bearer token.
fn admits(known: &HashSet<[u8; 32]>, headers: &HeaderMap) -> bool {
    let mut digest = Sha256::new();
    match (headers.get("apca-api-key-id"), headers.get("apca-api-secret-key"), headers.get(AUTHORIZATION)) {
        (Some(id), Some(secret), _) => {
            digest.update(id.as_bytes());
            digest.update(b":");
            digest.update(secret.as_bytes());
        }
        (_, _, Some(bearer)) => digest.update(bearer.as_bytes()),
        _ => return false,
    }
    known.contains(&<[u8; 32]>::from(digest.finalize()))
}

fn read_digests(path: &str) -> Result<HashSet<[u8; 32]>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {path}"))?;
    text.lines().map(parse_digest).collect::<Option<_>>().context("a line is not a SHA-256 digest in hex")
}

fn parse_digest(line: &str) -> Option<[u8; 32]> {
    let mut digest = [0; 32];
    (line.len() == 64).then_some(())?;
    for (position, byte) in digest.iter_mut().enumerate() {
        *byte = u8::from_str_radix(line.get(2 * position..2 * position + 2)?, 16).ok()?;
    }
    Some(digest)
}

fn empty(status: StatusCode) -> Answer {
    let mut response = Response::new(Empty::new().map_err(|never| match never {}).boxed_unsync());
    *response.status_mut() = status;
    response
}
