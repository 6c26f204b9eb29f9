//! The session's requests to an issuer: one connection each, HTTP/1.1, over TLS where the address says so.

use super::way::{self, Bytewise, Place};
use crate::outbound;
use bytes::Bytes;
use http::header::{HOST, PROXY_AUTHORIZATION, USER_AGENT};
use http::{HeaderValue, Request, Response, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::TokioIo;
use mandate_session::{BoxFuture, Transport, TransportError};
use rustls::pki_types::ServerName;
use std::path::Path;
use tokio_rustls::TlsConnector;

/// Largest answer.
const LARGEST: usize = 1024 * 1024;

/// Sends without a pool: a command makes one request or two.
pub(super) struct Direct {
    tls: TlsConnector,
    proxies: Matcher,
}

impl Direct {
    /// With the authorities in the file that `SSL_CERT_FILE` names, or those that the system trusts, and with the proxy that
    /// the environment names, if it names one.
    pub(super) fn new() -> anyhow::Result<Self> {
        let trusted = std::env::var_os("SSL_CERT_FILE").filter(|file| !file.is_empty());
        let tls = outbound::connector(trusted.as_deref().map(Path::new))?;
        Ok(Self { tls, proxies: Matcher::from_env() })
    }

    async fn exchange(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, TransportError> {
        let not_sent = |why: String| TransportError::NotSent(why);
        let uri = request.uri().clone();
        let host = uri.host().ok_or_else(|| not_sent("the address names no host".to_owned()))?;
        let name = host.trim_matches(['[', ']']);
        let secure = uri.scheme_str() == Some("https");
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let way = way::open(&uri, &Place { name, port, secure }, &self.proxies).await.map_err(not_sent)?;
        if !secure {
            let mut request = direct(request, &uri);
            if let Some(proxy) = way.asks {
                *request.uri_mut() = uri; // RFC 9112 section 3.2.2
                if let Some(pass) = proxy.basic_auth() {
                    request.headers_mut().insert(PROXY_AUTHORIZATION, pass.clone());
                }
            }
            return over(way.stream, request).await;
        }
        let server = ServerName::try_from(name.to_owned())
            .map_err(|_| not_sent(format!("{name} is no name of a server")))?;
        let stream = self
            .tls
            .connect(server, way.stream)
            .await
            .map_err(|e| not_sent(format!("no TLS with {name}: {e}")))?;
        over(stream, direct(request, &uri)).await
    }
}

impl Transport for Direct {
    fn send(&self, request: Request<Vec<u8>>) -> BoxFuture<'_, Result<Response<Vec<u8>>, TransportError>> {
        Box::pin(self.exchange(request))
    }
}

async fn over(
    stream: impl Bytewise + 'static,
    request: Request<Full<Bytes>>,
) -> Result<Response<Vec<u8>>, TransportError> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|e| TransportError::NotSent(format!("no HTTP/1.1: {e}")))?;
    let running = tokio::spawn(connection);
    let lost = |e: &dyn std::fmt::Display| TransportError::Lost(format!("the answer did not arrive: {e}"));
    let answered = async {
        let response = sender.send_request(request).await.map_err(|e| lost(&e))?;
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
