//! The API behind every proxy that is measured: any request gets the same small JSON document, over keep-alive.
//!
//! It shares a core with the load generator, so it does as little as a correct HTTP/1.1 server can.
//!
//! Usage: `upstream PORT`

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const BODY: &str = r#"{"timestamp":"2026-01-05T10:00:00-05:00","is_open":true,"next_open":"2026-01-06T09:30:00-05:00","next_close":"2026-01-05T16:00:00-05:00"}"#;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let port: u16 = std::env::args().nth(1).context("usage: upstream PORT")?.parse()?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    let answer: &'static [u8] = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{BODY}",
        BODY.len()
    )
    .into_bytes()
    .leak();
    loop {
        let (socket, _) = listener.accept().await?;
        socket.set_nodelay(true)?;
        tokio::spawn(async move {
            // A proxy that hangs up in the middle is the proxy's affair.
            let _ = converse(socket, answer).await;
        });
    }
}

/// Answers request after request until the other side closes.
async fn converse(mut socket: TcpStream, answer: &[u8]) -> Result<()> {
    let mut buffer = Vec::with_capacity(16 * 1024);
    loop {
        while let Some(length) = request_length(&buffer)? {
            buffer.drain(..length);
            socket.write_all(answer).await?;
        }
        if buffer.len() > 64 * 1024 {
            bail!("request too long");
        }
        if socket.read_buf(&mut buffer).await? == 0 {
            return Ok(());
        }
    }
}

/// How many bytes the first request in `buffer` takes, body included; none while it is incomplete.
fn request_length(buffer: &[u8]) -> Result<Option<usize>> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut request = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(head) = request.parse(buffer)? else { return Ok(None) };
    let body = match request.headers.iter().find(|h| h.name.eq_ignore_ascii_case("content-length")) {
        Some(header) => std::str::from_utf8(header.value)?.trim().parse()?,
        None => 0,
    };
    Ok((buffer.len() >= head + body).then_some(head + body))
}
