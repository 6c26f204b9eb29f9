//! The operator's listener: health, readiness, metrics, the admin API. It serves no page and takes no cookie
//! (SECURITY R19, R25).

use crate::node::Node;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use mandate_issuer::admin::{self, Admin};
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

const LARGEST: usize = 2 * 1024 * 1024;

/// Answers a path that only one kind of server has (the demo's clock). `None`: not its path.
pub(crate) type Extra = Arc<dyn Fn(&Request<Bytes>) -> Option<Response<Bytes>> + Send + Sync>;

/// The operator's listener.
pub(crate) struct Ops {
    pub(crate) node: Arc<Node>,
    pub(crate) admin: Admin,
    /// Authorities that the `Host` header may name.
    pub(crate) hosts: Vec<String>,
    pub(crate) extra: Option<Extra>,
}

impl std::fmt::Debug for Ops {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ops").field("hosts", &self.hosts).finish_non_exhaustive()
    }
}

impl Ops {
    pub(crate) fn new(node: Arc<Node>, hosts: Vec<String>, extra: Option<Extra>) -> Arc<Self> {
        let (pending, live) = (node.behind.clone(), node.clone());
        let admin = Admin {
            issuer: node.issuer.clone(),
            tenants: node.clone(),
            keys: node.clone(),
            pending: Arc::new(move |platform, id| pending.pending(platform, id)),
            revision_live: Arc::new(move |platform| {
                live.platforms().get(platform).map_or(0, |l| l.tenant.snapshot.revision)
            }),
        };
        Arc::new(Self { node, admin, hosts, extra })
    }

    /// Serves until it is aborted.
    pub(crate) async fn serve(self: Arc<Self>, listener: TcpListener) {
        loop {
            let Ok((stream, peer)) = listener.accept().await else {
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            let this = self.clone();
            tokio::spawn(async move {
                let service = service_fn(|request| {
                    let this = this.clone();
                    async move { Ok::<_, Infallible>(this.answer(peer, request).await.map(Full::new)) }
                });
                let ended = hyper::server::conn::http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(Duration::from_secs(15))
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
                if let Err(error) = ended {
                    tracing::debug!(%error, "operator's connection ended");
                }
            });
        }
    }

    async fn answer(&self, peer: SocketAddr, request: Request<Incoming>) -> Response<Bytes> {
        let named = request.headers().get(http::header::HOST).and_then(|h| h.to_str().ok()).unwrap_or("");
        if !self.hosts.iter().any(|h| h.eq_ignore_ascii_case(named)) {
            return text(StatusCode::MISDIRECTED_REQUEST, "this host name is not served here\n");
        }
        let (parts, body) = request.into_parts();
        let body = match tokio::time::timeout(Duration::from_secs(20), Limited::new(body, LARGEST).collect())
            .await
        {
            Ok(Ok(collected)) => collected.to_bytes(),
            Ok(Err(_)) => return text(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large or broke off\n"),
            Err(_) => return text(StatusCode::REQUEST_TIMEOUT, "the body took too long\n"),
        };
        self.route(peer.ip(), Request::from_parts(parts, body)).await
    }

    async fn route(&self, peer: IpAddr, request: Request<Bytes>) -> Response<Bytes> {
        if let Some(response) = self.extra.as_ref().and_then(|extra| extra(&request)) {
            return response;
        }
        let path = request.uri().path();
        if path.starts_with("/admin/v1/") {
            return admin::handle(&self.admin, peer, request).await;
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return text(StatusCode::METHOD_NOT_ALLOWED, "only GET\n");
        }
        match path {
            "/healthz" => text(StatusCode::OK, "ok\n"),
            "/readyz" => match self.node.store.ping().await {
                Ok(()) => text(StatusCode::OK, "ready\n"),
                Err(error) => {
                    tracing::warn!(%error, "not ready");
                    text(StatusCode::SERVICE_UNAVAILABLE, "storage does not answer\n")
                }
            },
            "/metrics" => {
                let mut response = text(StatusCode::OK, &crate::metrics::page(&self.node));
                response.headers_mut().insert(
                    http::header::CONTENT_TYPE,
                    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8"),
                );
                response
            }
            _ => text(StatusCode::NOT_FOUND, "try /healthz, /readyz, /metrics or /admin/v1/openapi.json\n"),
        }
    }
}

/// A short plain answer that nobody may keep.
pub(crate) fn text(status: StatusCode, text: &str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(text.to_owned()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(http::header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
