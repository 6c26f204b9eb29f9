//! Fetching documents from addresses that clients name: the address that was judged is the one that is connected to, and
//! nothing leads on from there (SECURITY R18).

use anyhow::Context as _;
use bytes::Bytes;
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_LENGTH, HOST, USER_AGENT};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt as _, Empty, LengthLimitError, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use mandate_issuer::rfc::{Document, Fetch, Fetching};
use mandate_wire::outbound::{OutboundPolicy, Target};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio_rustls::TlsConnector;

/// Largest document, in bytes.
const LARGEST: usize = 64 * 1024;
/// A fetch may take so long, from the name's resolution to the last byte.
const LONGEST: Duration = Duration::from_secs(3);
/// Fetches at a time.
const AT_ONCE: usize = 32;
/// Addresses of one name that are tried.
const MOST_ADDRESSES: usize = 3;
/// Where systems keep the certificates of authorities.
const BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
    "/etc/ssl/ca-bundle.pem",
];

const UNREACHED: &str = "its host could not be reached";
const SLOW: &str = "it took longer than three seconds";
const TOO_LARGE: &str = "it is larger than 64 KiB";
const NOT_HTTP: &str = "its host does not answer as HTTP/1.1 does";

/// Fetches documents.
#[derive(Debug)]
pub(crate) struct Outbound {
    policy: OutboundPolicy,
    tls: TlsConnectorOf,
    room: Semaphore,
}

struct TlsConnectorOf(TlsConnector);

impl std::fmt::Debug for TlsConnectorOf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TlsConnector")
    }
}

impl Outbound {
    /// With the authorities in a file, or with the system's.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(crate) fn new(policy: OutboundPolicy, ca_file: Option<&Path>) -> anyhow::Result<Self> {
        let tls = TlsConnectorOf(connector(ca_file)?);
        Ok(Self { policy, tls, room: Semaphore::new(AT_ONCE) })
    }

    async fn fetch(&self, uri: &str) -> Result<Document, &'static str> {
        let _room = self.room.acquire().await.map_err(|_| UNREACHED)?;
        let target = self.policy.target(uri).map_err(refused)?;
        let found = tokio::net::lookup_host((&*target.host, target.port)).await;
        let found: Vec<SocketAddr> = found.map_err(|_| "its host's name cannot be resolved")?.collect();
        let stream = connect(&judged(self.policy, &found)?).await?;
        if !target.tls {
            return get(stream, &target).await;
        }
        let name =
            ServerName::try_from(target.host.clone()).map_err(|_| "its host's name is none for TLS")?;
        let stream = self.tls.0.connect(name, stream).await;
        get(stream.map_err(|_| "its host has no certificate that is trusted here")?, &target).await
    }
}

impl Fetch for Outbound {
    fn policy(&self) -> OutboundPolicy {
        self.policy
    }
    fn get<'a>(&'a self, uri: &'a str) -> Fetching<'a> {
        Box::pin(async move { tokio::time::timeout(LONGEST, self.fetch(uri)).await.unwrap_or(Err(SLOW)) })
    }
}

/// TLS to others, with the authorities in a file or with the system's.
///
/// # Errors
/// The file cannot be read.
pub(crate) fn connector(ca_file: Option<&Path>) -> anyhow::Result<TlsConnector> {
    let bundle = ca_file.or_else(|| BUNDLES.iter().map(Path::new).find(|file| file.exists()));
    let mut roots = RootCertStore::empty();
    if let Some(file) = bundle {
        let read = CertificateDer::pem_file_iter(file)
            .with_context(|| format!("the certificates in {} cannot be read", file.display()))?;
        let (taken, _) = roots.add_parsable_certificates(read.filter_map(Result::ok));
        anyhow::ensure!(taken > 0, "{} holds no certificate of an authority", file.display());
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

fn refused(fault: mandate_wire::outbound::OutboundFault) -> &'static str {
    use mandate_wire::outbound::OutboundFault as F;
    match fault {
        F::Url => "it is no absolute URL with a host",
        F::Scheme => "it is not an https address",
        F::Parts => "it holds a user name, a password or a fragment",
        F::Text => "it is not 1 to 2000 printable ASCII characters",
        F::NotPublic => "it leads to an address that is not public",
    }
}

/// The addresses to try. One that is not public among them spoils all: whoever mixes them means no good.
fn judged(policy: OutboundPolicy, found: &[SocketAddr]) -> Result<Vec<SocketAddr>, &'static str> {
    for address in found {
        policy.may_connect(address.ip()).map_err(refused)?;
    }
    Ok(found.iter().copied().take(MOST_ADDRESSES).collect())
}

async fn connect(addresses: &[SocketAddr]) -> Result<TcpStream, &'static str> {
    for address in addresses {
        if let Ok(Ok(stream)) = tokio::time::timeout(LONGEST / 2, TcpStream::connect(address)).await {
            return Ok(stream);
        }
    }
    Err(UNREACHED)
}

/// One request on a connection of its own.
async fn get<S>(stream: S, target: &Target) -> Result<Document, &'static str>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) =
        http1::handshake::<_, Empty<Bytes>>(TokioIo::new(stream)).await.map_err(|_| NOT_HTTP)?;
    let running = tokio::spawn(connection);
    let request = Request::get(&*target.path)
        .header(HOST, &*target.authority)
        .header(ACCEPT, "application/jwk-set+json, application/json")
        .header(USER_AGENT, concat!("mandate/", env!("CARGO_PKG_VERSION")))
        .body(Empty::new())
        .map_err(|_| NOT_HTTP)?;
    let answered = async {
        let response = sender.send_request(request).await.map_err(|_| NOT_HTTP)?;
        let (parts, body) = response.into_parts();
        if parts.status.is_redirection() {
            return Err("it answers with a redirect, and none is followed");
        }
        if parts.status != StatusCode::OK {
            return Err("it does not answer with status 200");
        }
        let announced =
            parts.headers.get(CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<usize>().ok());
        if announced.is_some_and(|length| length > LARGEST) {
            return Err(TOO_LARGE);
        }
        let body = Limited::new(body, LARGEST).collect().await;
        let body = body.map_err(|error| if error.is::<LengthLimitError>() { TOO_LARGE } else { NOT_HTTP })?;
        let body = body.to_bytes();
        let text = String::from_utf8(body.to_vec()).map_err(|_| "it is not UTF-8")?;
        Ok(Document { text, max_age_s: max_age(&parts.headers) })
    }
    .await;
    running.abort();
    answered
}

/// RFC 9111 section 5.2.2: what must not be kept counts for the shortest time there is.
fn max_age(headers: &HeaderMap) -> Option<u32> {
    let mut age = None;
    for value in headers.get_all(CACHE_CONTROL) {
        for directive in value.to_str().unwrap_or("").split(',').map(str::trim) {
            let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
            if name.eq_ignore_ascii_case("no-store") || name.eq_ignore_ascii_case("no-cache") {
                return Some(0);
            }
            if name.eq_ignore_ascii_case("max-age") {
                age = value.trim_matches('"').parse().ok();
            }
        }
    }
    age
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r18_one_address_that_is_not_public_spoils_a_name() {
        let policy = OutboundPolicy::default();
        let at = |texts: &[&str]| texts.iter().map(|t| t.parse().unwrap()).collect::<Vec<SocketAddr>>();
        let public = at(&["1.1.1.1:443", "[2606:4700::1111]:443"]);
        assert_eq!(judged(policy, &public).unwrap(), public);
        for mixed in [at(&["1.1.1.1:443", "10.0.0.1:443"]), at(&["[::ffff:169.254.169.254]:443"])] {
            assert!(judged(policy, &mixed).unwrap_err().contains("not public"));
        }
    }

    #[test]
    fn lives_by_cache_control() {
        let age = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(CACHE_CONTROL, value.parse().unwrap());
            }
            max_age(&headers)
        };
        assert_eq!(age(&[]), None);
        assert_eq!(age(&["public, max-age=300"]), Some(300));
        assert_eq!(age(&["Max-Age=\"60\""]), Some(60));
        assert_eq!(age(&["max-age=-1"]), None);
        assert_eq!(age(&["max-age=300", "no-store"]), Some(0));
    }
}
