//! The session's requests to an issuer: one connection each, HTTP/1.1, over TLS where the address says so.

use crate::outbound;
use bytes::Bytes;
use http::header::{HOST, USER_AGENT};
use http::{HeaderValue, Request, Response, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use mandate_session::{BoxFuture, Transport, TransportError};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Largest answer.
const LARGEST: usize = 1024 * 1024;

/// Sends without a pool: a command makes one request or two.
pub(super) struct Direct {
    tls: TlsConnector,
}

impl Direct {
    /// With the authorities that the system trusts.
    pub(super) fn new() -> anyhow::Result<Self> {
        Ok(Self { tls: outbound::connector(None)? })
    }

    async fn exchange(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, TransportError> {
        let not_sent = |why: String| TransportError::NotSent(why);
        let uri = request.uri().clone();
        let host = uri.host().ok_or_else(|| not_sent("the address names no host".to_owned()))?;
        let name = host.trim_matches(['[', ']']).to_owned();
        let secure = uri.scheme_str() == Some("https");
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let stream = TcpStream::connect((name.as_str(), port))
            .await
            .map_err(|e| not_sent(format!("{name}:{port} cannot be reached: {e}")))?;
        if !secure {
            return over(stream, request, &uri).await;
        }
        let server = ServerName::try_from(name.clone())
            .map_err(|_| not_sent(format!("{name} is no name of a server")))?;
        let stream = self
            .tls
            .connect(server, stream)
            .await
            .map_err(|e| not_sent(format!("no TLS with {name}: {e}")))?;
        over(stream, request, &uri).await
    }
}

impl Transport for Direct {
    fn send(&self, request: Request<Vec<u8>>) -> BoxFuture<'_, Result<Response<Vec<u8>>, TransportError>> {
        Box::pin(self.exchange(request))
    }
}

async fn over<S>(stream: S, request: Request<Vec<u8>>, uri: &Uri) -> Result<Response<Vec<u8>>, TransportError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|e| TransportError::NotSent(format!("no HTTP/1.1: {e}")))?;
    let running = tokio::spawn(connection);
    let lost = |e: &dyn std::fmt::Display| TransportError::Lost(format!("the answer did not arrive: {e}"));
    let answered = async {
        let response = sender.send_request(direct(request, uri)).await.map_err(|e| lost(&e))?;
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, LARGEST).collect().await.map_err(|e| lost(&e))?.to_bytes();
        Ok(Response::from_parts(parts, body.to_vec()))
    }
    .await;
    running.abort();
    answered
}

/// With the target in origin form, as servers want it.
fn direct(request: Request<Vec<u8>>, uri: &Uri) -> Request<Full<Bytes>> {
    let (mut parts, body) = request.into_parts();
    if let Some(target) = uri.path_and_query() {
        parts.uri = Uri::from(target.clone());
    }
    if let Some(authority) = uri.authority().and_then(|a| HeaderValue::try_from(a.as_str()).ok()) {
        parts.headers.insert(HOST, authority);
    }
    parts
        .headers
        .insert(USER_AGENT, HeaderValue::from_static(concat!("mandate/", env!("CARGO_PKG_VERSION"))));
    Request::from_parts(parts, Full::from(body))
}
