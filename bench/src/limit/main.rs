//! The limit: the least program that does the same work as the server, on bare hyper and one thread.
//!
//! Nothing is authenticated, parsed or decided here. What the server costs above these figures is the price of being
//! an authorization server; what these figures cost is the price of HTTP, of a digest and of a durable row.
//!
//! ```text
//! limit token PORT [FILE | postgresql://…]    an opaque token; with a store, its row is durable before the answer
//! limit proxy PORT UPSTREAM [DIGESTS]         a reverse proxy; with a file of digests, only for known credentials
//! ```

mod postgres;
mod proxy;
mod sqlite;
mod token;

use std::convert::Infallible;
use std::future::Future;

use anyhow::{Context, Result, bail};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::{LocalSet, spawn_local};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const USAGE: &str = "usage: limit token PORT [FILE | postgresql://…] | limit proxy PORT UPSTREAM [DIGESTS]";

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, async {
        match arguments[..] {
            ["token", port] => token::run(port.parse()?, None).await,
            ["token", port, store] => token::run(port.parse()?, Some(store)).await,
            ["proxy", port, upstream] => proxy::run(port.parse()?, upstream, None).await,
            ["proxy", port, upstream, digests] => proxy::run(port.parse()?, upstream, Some(digests)).await,
            _ => bail!(USAGE),
        }
    })
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
