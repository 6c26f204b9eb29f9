//! The proxies of the environment, where a program says nothing about them. They are reqwest's rules with one more: what is
//! plain only because it stays on this machine stays there.

use super::transport::in_words;
use crate::error::Error;
use reqwest::{Client, ClientBuilder, NoProxy, Proxy};

/// This machine, as reqwest lists hosts that are asked without a proxy.
const HERE: &str = "localhost,127.0.0.0/8,::1";

/// A client with usual settings.
pub(super) fn usual() -> Result<ClientBuilder, Error> {
    with(Client::builder(), |name| std::env::var(name).ok())
}

fn with(builder: ClientBuilder, variable: impl Fn(&str) -> Option<String>) -> Result<ClientBuilder, Error> {
    let named = |upper: &str| variable(upper).or_else(|| variable(&upper.to_lowercase()));
    let address = |upper: &str| named(upper).filter(|value| !value.is_empty());
    let all = address("ALL_PROXY");
    // A header of a request would be HTTP_PROXY to a program behind CGI.
    let http = if variable("REQUEST_METHOD").is_some() { None } else { address("HTTP_PROXY") };
    let none = named("NO_PROXY").unwrap_or_default();
    let mut builder = builder.no_proxy();
    if let Some(http) = http.or_else(|| all.clone()) {
        let straight = NoProxy::from_string(&format!("{none},{HERE}"));
        builder = builder.proxy(read(Proxy::http(http), "HTTP_PROXY")?.no_proxy(straight));
    }
    if let Some(https) = address("HTTPS_PROXY").or(all) {
        builder =
            builder.proxy(read(Proxy::https(https), "HTTPS_PROXY")?.no_proxy(NoProxy::from_string(&none)));
    }
    Ok(builder)
}

fn read(proxy: reqwest::Result<Proxy>, name: &str) -> Result<Proxy, Error> {
    // The address may hold a password, and does not print.
    proxy.map_err(|e| Error::misconfigured(format!("{name} or ALL_PROXY: {}", in_words(&e.without_url()))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    /// Answers one request with its first line.
    async fn repeats(listener: TcpListener) {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = [0; 4096];
        let read = stream.read(&mut head).await.unwrap();
        let line = String::from_utf8_lossy(&head[..read]).lines().next().unwrap().to_owned();
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{line}", line.len());
        stream.write_all(answer.as_bytes()).await.unwrap();
    }

    async fn asked(url: &str, variables: &[(&str, &str)]) -> String {
        let variable =
            |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
        let client = with(Client::builder(), variable).unwrap().build().unwrap();
        match client.get(url).send().await {
            Ok(answer) => answer.text().await.unwrap(),
            Err(_) => "no way".to_owned(),
        }
    }

    async fn someone() -> (u16, TcpListener) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        (listener.local_addr().unwrap().port(), listener)
    }

    #[tokio::test]
    async fn what_is_plain_because_it_stays_here_stays_here() {
        for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
            let (port, listener) = someone().await;
            tokio::spawn(repeats(listener));
            let url = format!("http://127.0.0.1:{port}/token");
            assert_eq!(asked(&url, &[(name, "http://127.0.0.1:9")]).await, "GET /token HTTP/1.1", "{name}");
        }
    }

    #[tokio::test]
    async fn others_are_asked_through_the_proxy_of_the_environment() {
        for (name, value) in [("HTTP_PROXY", ""), ("HTTP_PROXY", "http://"), ("all_proxy", "http://")] {
            let (port, listener) = someone().await;
            tokio::spawn(repeats(listener));
            let proxy = if value.is_empty() { String::new() } else { format!("{value}127.0.0.1:{port}") };
            let got = asked("http://issuer.invalid/token", &[(name, &proxy)]).await;
            let expected =
                if value.is_empty() { "no way" } else { "GET http://issuer.invalid/token HTTP/1.1" };
            assert_eq!(got, expected, "{name}={value}");
        }
        let (port, listener) = someone().await;
        tokio::spawn(repeats(listener));
        let proxy = format!("http://127.0.0.1:{port}");
        let straight = [("HTTP_PROXY", &*proxy), ("NO_PROXY", "issuer.invalid")];
        assert_eq!(asked("http://issuer.invalid/token", &straight).await, "no way");
        let behind_cgi = [("HTTP_PROXY", &*proxy), ("REQUEST_METHOD", "GET")];
        assert_eq!(asked("http://issuer.invalid/token", &behind_cgi).await, "no way");
    }

    #[test]
    fn a_proxy_that_is_no_address_is_said_without_its_password() {
        let variable = |name: &str| (name == "HTTPS_PROXY").then(|| "http://jane:s3cret@[proxy".to_owned());
        let error = with(Client::builder(), variable).unwrap_err().to_string();
        assert!(error.contains("HTTPS_PROXY") && !error.contains("s3cret"), "{error}");
    }
}
