//! The sample APIs that stand behind the gate where a platform file says `builtin:sample`: a brokerage, a bank, a
//! marketplace, told apart by their paths.
//!
//! It trusts nobody. Each request must carry the gate's signed identity (SECURITY R20), made for exactly its method,
//! path and query; whoever dials the API around the gate gets 401. What it keeps (orders, positions, watchlists) is in
//! memory and bounded; prices are a function of symbol and time, so the same question has the same answer everywhere.

#![expect(
    clippy::unnecessary_wraps,
    reason = "all calls answer in one shape, also those that refuse nothing"
)]

mod account;
mod amount;
mod answer;
mod assets;
mod bank;
mod book;
mod broker;
mod calls;
mod data;
mod days;
mod intake;
mod marketplace;
mod order;
mod orders;
mod positions;
mod prices;
mod slots;
mod streams;
mod vendor;
mod watchlists;

#[cfg(test)]
mod tests;

use answer::{Answer, Reply};
use arc_swap::{ArcSwap, ArcSwapOption};
use book::Books;
use bytes::Bytes;
use calls::Call;
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use mandate_core::{Clock, Entropy, Timestamp};
use mandate_wire::identity::{self, Claims, IdentityKey};
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::OnceCell;
use tokio::task::{AbortHandle, JoinSet};

/// The largest body that is read.
const MAX_BODY: usize = 1 << 20;

/// The sample brokerage. Its server stops when this is dropped.
#[derive(Debug)]
pub(crate) struct Sample {
    brokerage: Arc<Brokerage>,
    running: OnceCell<(SocketAddr, AbortHandle)>,
}

/// What all connections share.
#[derive(Debug)]
struct Brokerage {
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    identity: ArcSwapOption<IdentityKey>,
    /// Host and port of each websocket stream of the platform.
    streams: ArcSwap<Vec<(String, u16)>>,
    books: Mutex<Books>,
    adverts: Mutex<marketplace::Board>,
}

impl Sample {
    /// A brokerage without customers, which does not listen yet.
    pub(crate) fn new(clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        let brokerage = Brokerage {
            clock,
            entropy,
            identity: ArcSwapOption::empty(),
            streams: ArcSwap::default(),
            books: Mutex::default(),
            adverts: Mutex::default(),
        };
        Self { brokerage: Arc::new(brokerage), running: OnceCell::new() }
    }

    /// Says from now on that the platform's websocket streams are at these hosts and ports.
    pub(crate) fn streams_at(&self, streams: Vec<(String, u16)>) {
        self.brokerage.streams.store(Arc::new(streams));
    }

    /// Listens on a free port of this machine, if it does not yet, and believes `identity` from now on, no earlier key.
    pub(crate) async fn start(&self, identity: Arc<IdentityKey>) -> anyhow::Result<SocketAddr> {
        self.brokerage.identity.store(Some(identity));
        let (address, _) = self
            .running
            .get_or_try_init(|| async {
                let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
                let address = listener.local_addr()?;
                let task = tokio::spawn(accept(self.brokerage.clone(), listener));
                anyhow::Ok((address, task.abort_handle()))
            })
            .await?;
        Ok(*address)
    }
}

impl Drop for Sample {
    fn drop(&mut self) {
        if let Some((_, task)) = self.running.get() {
            task.abort();
        }
    }
}

async fn accept(brokerage: Arc<Brokerage>, listener: TcpListener) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
        };
        match accepted {
            Ok((stream, _)) => {
                let _ = stream.set_nodelay(true);
                let brokerage = brokerage.clone();
                connections.spawn(async move {
                    let service = service_fn(move |request| {
                        let brokerage = brokerage.clone();
                        async move { Ok::<_, Infallible>(brokerage.serve(request).await) }
                    });
                    let served = hyper::server::conn::http1::Builder::new()
                        .auto_date_header(false)
                        .serve_connection(TokioIo::new(stream), service)
                        .with_upgrades()
                        .await;
                    if let Err(error) = served {
                        tracing::debug!(%error, "a connection to the sample API ended early");
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "the sample API cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

impl Brokerage {
    async fn serve(self: &Arc<Self>, request: Request<Incoming>) -> Response<Full<Bytes>> {
        if streams::is_asked(&request) {
            return streams::open(self, request);
        }
        let answer = self.answer(request).await.unwrap_or_else(|refused| refused);
        let mut response = Response::new(Full::new(answer.bytes()));
        *response.status_mut() = answer.status;
        if answer.status != StatusCode::NO_CONTENT {
            let json = header::HeaderValue::from_static("application/json; charset=UTF-8");
            response.headers_mut().insert(header::CONTENT_TYPE, json);
        }
        response
    }

    async fn answer(&self, request: Request<Incoming>) -> Reply {
        let now = self.clock.now();
        let open = ["/health", "/v1/clock", "/v2/clock"].contains(&request.uri().path());
        let claims = self.caller(&request, now).or_else(|| open.then(Claims::default)).ok_or_else(|| {
            Answer::refusal(
                StatusCode::UNAUTHORIZED,
                40_110_000,
                "no signed identity: this API is reached through the gate only",
            )
        })?;
        let (parts, body) = request.into_parts();
        let body = match Limited::new(body, MAX_BODY).collect().await {
            Ok(collected) => collected.to_bytes(),
            Err(error) if error.is::<http_body_util::LengthLimitError>() => {
                return Err(Answer::refusal(
                    StatusCode::PAYLOAD_TOO_LARGE,
                    41_310_000,
                    "request body is larger than 1 MiB",
                ));
            }
            Err(_) => return Err(Answer::bad_request("request body ended early")),
        };
        calls::answer(&Call::new(self, &parts, claims, now, body))
    }

    /// Who calls, if the gate says so for this very request.
    fn caller<B>(&self, request: &Request<B>, now: Timestamp) -> Option<Claims> {
        let mut values = request.headers().get_all(identity::HEADER).iter();
        let value = values.next()?.to_str().ok()?;
        if values.next().is_some() {
            return None;
        }
        let claims = self.identity.load().as_ref()?.verify(value, now)?;
        let target = request.uri().path_and_query()?.as_str();
        (claims.htm == request.method().as_str() && claims.htu == target).then_some(claims)
    }

    /// The books, for a moment.
    fn books(&self) -> std::sync::MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The adverts, for a moment.
    fn board(&self) -> std::sync::MutexGuard<'_, marketplace::Board> {
        self.adverts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
