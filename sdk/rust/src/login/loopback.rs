//! Listens on a loopback address for the browser's way back (RFC 8252 section 7.3).

use crate::error::Error;
use crate::session::Session;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

/// How long a person has.
const PATIENCE: Duration = Duration::from_mins(5);
/// How long a connection has for its request.
const READING: Duration = Duration::from_secs(5);
/// Most bytes of a request that are read.
const LARGEST: usize = 16 * 1024;

impl Session {
    /// Signs in by a browser on this machine. `open` gets the address to show or to open. Waits for five minutes.
    pub async fn login_by_loopback(&self, open: impl FnOnce(&Url)) -> Result<(), Error> {
        let broken = |e: std::io::Error| Error::Protocol(format!("cannot listen on 127.0.0.1: {e}"));
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(broken)?;
        let port = listener.local_addr().map_err(broken)?.port();
        let login = self.login_by_code(&format!("http://127.0.0.1:{port}/callback")).await?;
        open(login.address());
        let (heard, mut requests) = tokio::sync::mpsc::channel(8);
        // Browsers open connections ahead of need and say nothing on them: none keeps another waiting.
        let accepting = async {
            loop {
                let Ok((stream, _)) = listener.accept().await else { continue };
                let heard = heard.clone();
                tokio::spawn(async move {
                    if let Ok(Some(request)) = tokio::time::timeout(READING, target(stream)).await {
                        let _nobody_waits = heard.send(request).await;
                    }
                });
            }
        };
        let waiting = async {
            loop {
                let Some((mut stream, target)) = requests.recv().await else { continue };
                let callback = Url::parse(&format!("http://127.0.0.1:{port}{target}")).ok();
                match callback.filter(|url| url.path() == "/callback" && login.is_ours(url)) {
                    Some(callback) => {
                        answer(&mut stream, "200 OK", "Signed in. You can close this window.").await;
                        return callback;
                    }
                    None => answer(&mut stream, "404 Not Found", "Nothing is here.").await,
                }
            }
        };
        let either = async {
            tokio::select! {
                callback = waiting => callback,
                never = accepting => never,
            }
        };
        match tokio::time::timeout(PATIENCE, either).await {
            Ok(callback) => login.finish(&callback).await,
            Err(_) => Err(self.inner.denied("the browser did not come back in time", true)),
        }
    }
}

/// The target of a GET request.
async fn target(mut stream: TcpStream) -> Option<(TcpStream, String)> {
    let mut head = Vec::new();
    while !head.windows(4).any(|w| w == b"\r\n\r\n") {
        let mut part = [0; 1024];
        let n = stream.read(&mut part).await.ok().filter(|n| *n > 0)?;
        head.extend(&part[..n]);
        if head.len() > LARGEST {
            return None;
        }
    }
    let head = String::from_utf8(head).ok()?;
    let mut words = head.lines().next()?.split(' ');
    let is_get = words.next() == Some("GET");
    let target = words.next().filter(|t| is_get && t.starts_with('/'))?;
    Some((stream, target.to_owned()))
}

async fn answer(stream: &mut TcpStream, status: &str, text: &str) {
    let page = format!("<!doctype html><meta charset=\"utf-8\"><title>{text}</title><p>{text}</p>\n");
    let whole = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\n\
         Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nConnection: close\r\n\r\n{page}",
        page.len()
    );
    let _browser_went_away = stream.write_all(whole.as_bytes()).await;
    let _browser_went_away = stream.shutdown().await;
}
