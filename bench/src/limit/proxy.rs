//! A reverse proxy: requests pass unchanged but for the hop's own headers, over pooled keep-alive connections.

use std::cell::RefCell;
use std::collections::{HashSet, VecDeque};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::rc::Rc;

use anyhow::Result;
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

use crate::signed::Verifier;

type Answer = Response<UnsyncBoxBody<Bytes, hyper::Error>>;

/// Connections to the upstream, the one used longest ago in front.
struct Pool {
    upstream: SocketAddr,
    connections: RefCell<VecDeque<SendRequest<Incoming>>>,
}

/// Who may pass.
pub(crate) enum Door {
    /// Everybody.
    Open,
    /// Credentials whose SHA-256 digest is known.
    Known(HashSet<[u8; 32]>),
    /// Bearer tokens that verify.
    Signed(Verifier),
}

impl Door {
    /// For the credentials of a file of digests (in hex, one a line).
    pub(crate) fn known(digests: &str) -> Result<Self> {
        crate::read_digests(digests).map(Self::Known)
    }

    /// For tokens signed by this key.
    pub(crate) fn signed(alg: &str, key: &str) -> Result<Self> {
        Verifier::new(alg, key).map(Self::Signed)
    }

    fn admits(&self, headers: &HeaderMap) -> bool {
        match self {
            Self::Open => true,
            Self::Known(known) => digest(headers).is_some_and(|digest| known.contains(&digest)),
            Self::Signed(verifier) => headers
                .get(AUTHORIZATION)
                .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "))
                .is_some_and(|token| verifier.admits(token)),
        }
    }
}

/// Serves as a proxy on `port`.
pub(crate) async fn run(port: u16, upstream: &str, door: Door) -> Result<()> {
    let door = Rc::new(door);
    let pool = Rc::new(Pool { upstream: upstream.parse()?, connections: RefCell::default() });
    crate::serve(port, move |request: Request<Incoming>| {
        let (pool, door) = (Rc::clone(&pool), Rc::clone(&door));
        async move {
            if !door.admits(request.headers()) {
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

/// The digest of the request's credential: of the API key's id and secret, or of the bearer token.
fn digest(headers: &HeaderMap) -> Option<[u8; 32]> {
    let mut digest = Sha256::new();
    match (headers.get("apca-api-key-id"), headers.get("apca-api-secret-key"), headers.get(AUTHORIZATION)) {
        (Some(id), Some(secret), _) => {
            digest.update(id.as_bytes());
            digest.update(b":");
            digest.update(secret.as_bytes());
        }
        (_, _, Some(bearer)) => digest.update(bearer.as_bytes()),
        _ => return None,
    }
    Some(digest.finalize().into())
}

fn empty(status: StatusCode) -> Answer {
    let mut response = Response::new(Empty::new().map_err(|never| match never {}).boxed_unsync());
    *response.status_mut() = status;
    response
}
