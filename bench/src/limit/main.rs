//! The limit: the least program that does the same work as the server, on bare hyper and one thread.
//!
//! Nothing is authenticated, parsed or decided here. What the server costs above these figures is the price of being
//! an authorization server; what these figures cost is the price of HTTP, of a digest and of a durable row.
//!
//! ```text
//! limit token PORT [FILE | postgresql://…]    an opaque token; with a store, its row is durable before the answer
//! limit signed PORT                           a signed token (ES256), nothing kept
//! limit known PORT DIGESTS                    introspection: whether a token's digest is in a set
//! limit fixed PORT FILE                       one document, from memory
//! limit proxy PORT UPSTREAM [DIGESTS]         a reverse proxy; with a file of digests, only for known credentials
//! limit verify PORT UPSTREAM ALG KEY          a reverse proxy for tokens signed (ES256, RS256) by this key (DER, in hex)
//! ```

mod document;
mod known;
mod postgres;
mod proxy;
mod signed;
mod sqlite;
mod token;

use std::collections::HashSet;
use std::convert::Infallible;
use std::future::Future;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::{LocalSet, spawn_local};

use crate::proxy::Door;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const USAGE: &str = "usage: limit token PORT [FILE | postgresql://…] | limit signed PORT | limit known PORT DIGESTS | \
    limit fixed PORT FILE | limit proxy PORT UPSTREAM [DIGESTS] | limit verify PORT UPSTREAM ALG KEY";

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, async {
        match arguments[..] {
            ["token", port] => token::run(port.parse()?, None).await,
            ["token", port, store] => token::run(port.parse()?, Some(store)).await,
            ["signed", port] => signed::run(port.parse()?).await,
            ["known", port, digests] => known::run(port.parse()?, digests).await,
            ["fixed", port, file] => document::run(port.parse()?, file).await,
            ["proxy", port, upstream] => proxy::run(port.parse()?, upstream, Door::Open).await,
            ["proxy", port, upstream, digests] => {
                proxy::run(port.parse()?, upstream, Door::known(digests)?).await
            }
            ["verify", port, upstream, alg, key] => {
                proxy::run(port.parse()?, upstream, Door::signed(alg, key)?).await
            }
            _ => bail!(USAGE),
        }
    })
}

/// An answer in JSON that nobody keeps.
fn json(body: impl Into<Bytes>, complete: bool) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if !complete {
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    }
    response
}

/// Reads a file of SHA-256 digests in hex, one a line.
fn read_digests(path: &str) -> Result<HashSet<[u8; 32]>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {path}"))?;
    text.lines().map(parse_hex).collect::<Option<_>>().context("a line is not a SHA-256 digest in hex")
}

fn parse_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    bytes_of_hex(text)?.try_into().ok()
}

fn bytes_of_hex(text: &str) -> Option<Vec<u8>> {
    let pairs = (0..text.len()).step_by(2);
    pairs.map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}

/// Serves HTTP/1.1 on a loopback port for ever.
async fn serve<S, F, B>(port: u16, service: S) -> Result<()>
where
    S: Fn(Request<Incoming>) -> F + Clone + 'static,
    F: Future<Output = Result<Response<B>, Infallible>> + 'static,
    B: Body + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let listener = TcpListener::bind(("127.0.0.1", port)).await.context("cannot listen")?;
    loop {
        let (socket, _) = listener.accept().await?;
        socket.set_nodelay(true)?;
        let service = service.clone();
        spawn_local(async move {
            // The load generator closes its connections when it is done: not an error.
            // Head and body are small: copied together they are written cheaper than as a vector.
            let mut server = http1::Builder::new();
            server.writev(false);
            let _ = server.serve_connection(TokioIo::new(socket), service_fn(service)).await;
        });
    }
}
