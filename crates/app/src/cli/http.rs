//! The client of the admin API: one small request at a time over plain HTTP. The operator's listener is on the
//! loopback interface; from elsewhere it is reached through a tunnel.

use super::fault::Refused;
use super::out;
use anyhow::{Context as _, anyhow, bail};
use bytes::Bytes;
use http::{Method, Request, Response, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;
use mandate_core::Secret;
use serde_json::Value as Json;
use std::future::Future;
use std::time::Duration;
use tokio::net::TcpStream;
use url::Url;

/// Largest answer.
const LARGEST: usize = 64 * 1024 * 1024;
/// After this long without an answer we say that we are waiting.
const PATIENCE: Duration = Duration::from_secs(2);
/// And after this long we give up.
const TOO_LONG: Duration = Duration::from_mins(1);

/// A server.
#[derive(Clone, Debug)]
pub(super) struct Server {
    base: Url,
    host: String,
    port: u16,
}

/// A successful answer.
#[derive(Debug)]
pub(super) struct Answer {
    /// The body, if it was JSON; else null.
    pub(super) json: Json,
    /// The body as text.
    pub(super) text: String,
    /// The revision that a platform file came with.
    pub(super) revision: Option<u64>,
}

impl Server {
    /// A server by its address.
    pub(super) fn at(address: &str) -> anyhow::Result<Self> {
        let wanted = "an address such as http://127.0.0.1:7190";
        let base = Url::parse(address)
            .map_err(|e| anyhow!("`{address}` is no address of a server ({e}); expected {wanted}"))?;
        if base.scheme() == "https" {
            bail!(
                "{address}: the operator's listener speaks plain HTTP on the loopback interface\n  \
                 from another machine: ssh -L 7190:127.0.0.1:7190 SERVER, then --server http://127.0.0.1:7190"
            );
        }
        if base.scheme() != "http" || !matches!(base.path(), "" | "/") || base.query().is_some() {
            bail!("`{address}` is no address of a server; expected {wanted}");
        }
        let host = base.host_str().ok_or_else(|| anyhow!("`{address}` names no host; expected {wanted}"))?;
        let host = host.trim_matches(['[', ']']).to_owned();
        let port = base.port_or_known_default().unwrap_or(80);
        Ok(Self { base, host, port })
    }

    /// Its address as it was given.
    pub(super) fn address(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// Whether the way to it leaves this machine.
    pub(super) fn is_remote(&self) -> bool {
        let loopback = self.host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
        !loopback && self.host != "localhost"
    }

    /// Sends one request.
    pub(super) async fn send(&self, token: &Secret, call: &Call<'_>) -> anyhow::Result<Answer> {
        let answered = patiently(self.address(), self.exchange(token, call)).await;
        let response = answered.ok_or_else(|| {
            anyhow!("{} did not answer within {} seconds", self.address(), TOO_LONG.as_secs())
        })??;
        let revision = response.headers().get("mandate-revision").and_then(|v| v.to_str().ok()?.parse().ok());
        let status = response.status();
        let text = String::from_utf8_lossy(response.body()).into_owned();
        let json: Json = serde_json::from_str(&text).unwrap_or(Json::Null);
        if status.is_success() {
            return Ok(Answer { json, text, revision });
        }
        let raw = text.lines().next().unwrap_or("").chars().take(200).collect();
        Err(Refused { status, problem: json, raw }.into())
    }

    async fn exchange(&self, token: &Secret, call: &Call<'_>) -> anyhow::Result<Response<Bytes>> {
        let unreachable = || {
            format!(
                "{} does not answer; is the server running? `mandate serve` starts it, --server names another one",
                self.address()
            )
        };
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await.with_context(unreachable)?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.with_context(unreachable)?;
        let driving = tokio::spawn(connection);
        let response = sender.send_request(self.request(token, call)?).await.with_context(unreachable)?;
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, LARGEST).collect().await;
        let body = body.map_err(|e| anyhow!("the answer of {} broke off: {e}", self.address()))?.to_bytes();
        driving.abort();
        Ok(Response::from_parts(parts, body))
    }

    fn request(&self, token: &Secret, call: &Call<'_>) -> anyhow::Result<Request<Full<Bytes>>> {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.clear().extend(["admin", "v1"]).extend(call.path);
        }
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(call.query);
        }
        let target = &url[url::Position::BeforePath..url::Position::AfterQuery];
        let mut bearer = header::HeaderValue::try_from(format!("Bearer {}", token.expose()))
            .map_err(|_| anyhow!("the token holds characters that no token has"))?;
        bearer.set_sensitive(true);
        let body = call.body.map(ToString::to_string);
        let mut request = Request::builder()
            .method(call.method.clone())
            .uri(target)
            .header(header::HOST, &url[url::Position::BeforeHost..url::Position::AfterPort])
            .header(header::AUTHORIZATION, bearer)
            .header(header::ACCEPT, "application/json")
            .header(header::USER_AGENT, concat!("mandate/", env!("CARGO_PKG_VERSION")));
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        Ok(request.body(Full::from(body.unwrap_or_default()))?)
    }
}

/// One call of the admin API.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) method: Method,
    /// Segments below `/admin/v1`.
    pub(super) path: &'a [&'a str],
    pub(super) query: &'a [(&'a str, &'a str)],
    pub(super) body: Option<&'a Json>,
}

/// Waits, says so when it takes long, and gives up when it takes too long.
async fn patiently<T>(whom: &str, work: impl Future<Output = T>) -> Option<T> {
    let mut work = std::pin::pin!(work);
    if let Ok(done) = tokio::time::timeout(PATIENCE, &mut work).await {
        return Some(done);
    }
    out::aside(&format!("waiting for {whom} …"));
    tokio::time::timeout(TOO_LONG, work).await.ok()
}
