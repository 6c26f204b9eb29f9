//! The way to an issuer: straight, or through the proxy that the environment names (`HTTPS_PROXY`, `NO_PROXY` and so on).

use bytes::Bytes;
use http::header::{HOST, PROXY_AUTHORIZATION};
use http::{HeaderValue, Request, Uri};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use hyper_util::rt::TokioIo;
use std::net::IpAddr;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// Bytes in both directions.
pub(super) trait Bytewise: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Bytewise for T {}

/// Where a request goes.
pub(super) struct Place<'a> {
    pub(super) name: &'a str,
    pub(super) port: u16,
    pub(super) secure: bool,
}

/// An open way.
pub(super) struct Way {
    pub(super) stream: Box<dyn Bytewise>,
    /// Who is asked for the whole address in plain text, and what it wants to see of us.
    pub(super) asks: Option<Intercept>,
}

/// Opens the way. Says what is wrong with it in words for the person at the shell.
pub(super) async fn open(uri: &Uri, place: &Place<'_>, proxies: &Matcher) -> Result<Way, String> {
    // What is plain only because it stays on this machine does stay here.
    let stays = !place.secure && is_here(place.name);
    let Some(proxy) = proxies.intercept(uri).filter(|_| !stays) else {
        return Ok(Way { stream: Box::new(connected(place.name, place.port).await?), asks: None });
    };
    let (name, port) = spoken_to(&proxy)?;
    let stream = connected(&name, port).await.map_err(|why| format!("the proxy {why}"))?;
    if !place.secure {
        return Ok(Way { stream: Box::new(stream), asks: Some(proxy) });
    }
    let stream =
        tunnel(stream, place, &proxy).await.map_err(|why| format!("the proxy {name}:{port} {why}"))?;
    Ok(Way { stream, asks: None })
}

async fn connected(name: &str, port: u16) -> Result<TcpStream, String> {
    TcpStream::connect((name, port)).await.map_err(|e| format!("{name}:{port} cannot be reached: {e}"))
}

fn spoken_to(proxy: &Intercept) -> Result<(String, u16), String> {
    let uri = proxy.uri();
    let name = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    match uri.scheme_str() {
        Some("http") => Ok((name, uri.port_u16().unwrap_or(80))),
        other => Err(format!(
            "the environment names a proxy, {name}, that is spoken to by {}: only those by http can be used",
            other.unwrap_or("nothing known")
        )),
    }
}

/// RFC 9110 section 9.3.6. The proxy sees the name and the port; TLS ends at the issuer.
async fn tunnel(
    stream: TcpStream,
    place: &Place<'_>,
    proxy: &Intercept,
) -> Result<Box<dyn Bytewise>, String> {
    let broken = |e: &dyn std::fmt::Display| format!("did not open a way to {}: {e}", place.name);
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|e| broken(&e))?;
    tokio::spawn(connection.with_upgrades());
    let shown = if place.name.contains(':') { format!("[{}]", place.name) } else { place.name.to_owned() };
    let target = format!("{shown}:{}", place.port);
    let mut ask = Request::connect(&target).body(Empty::<Bytes>::new()).map_err(|e| broken(&e))?;
    ask.headers_mut().insert(HOST, HeaderValue::try_from(&target).map_err(|e| broken(&e))?);
    if let Some(pass) = proxy.basic_auth() {
        ask.headers_mut().insert(PROXY_AUTHORIZATION, pass.clone());
    }
    let answer = sender.send_request(ask).await.map_err(|e| broken(&e))?;
    if !answer.status().is_success() {
        return Err(format!("answered {} for {}", answer.status().as_u16(), place.name));
    }
    let upgraded = hyper::upgrade::on(answer).await.map_err(|e| broken(&e))?;
    Ok(Box::new(TokioIo::new(upgraded)))
}

fn is_here(name: &str) -> bool {
    name == "localhost" || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_plain_because_it_stays_here_stays_here() {
        let here = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = here.local_addr().unwrap().port();
        let nowhere = Matcher::builder().all("http://proxy.invalid:3128").build();
        let uri: Uri = format!("http://127.0.0.1:{port}/token").parse().unwrap();
        let way = open(&uri, &Place { name: "127.0.0.1", port, secure: false }, &nowhere).await;
        assert!(way.is_ok_and(|way| way.asks.is_none()));
        let secure: Uri = format!("https://127.0.0.1:{port}/token").parse().unwrap();
        let way = open(&secure, &Place { name: "127.0.0.1", port, secure: true }, &nowhere).await;
        assert!(way.is_err_and(|why| why.starts_with("the proxy proxy.invalid:3128 cannot be reached")));
    }

    #[tokio::test]
    async fn a_proxy_of_another_kind_is_named_without_its_password() {
        let uri = Uri::from_static("https://issuer.example/token");
        let place = Place { name: "issuer.example", port: 443, secure: true };
        let socks = Matcher::builder().all("socks5://jane:s3cret@proxy.example:1080").build();
        let Err(why) = open(&uri, &place, &socks).await else { panic!("it cannot be used") };
        assert_eq!(
            why,
            "the environment names a proxy, proxy.example, that is spoken to by socks5: only those by http can be used"
        );
    }
}
