//! One keep-alive connection that speaks just enough HTTP/1.1: a request in bytes, the answer's status and body.

use std::net::SocketAddr;

use anyhow::{Context, Result, bail};
use httparse::{EMPTY_HEADER, Header, Status};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// An open connection and what has been read from it.
pub(crate) struct Connection {
    socket: TcpStream,
    buffer: Vec<u8>,
}

/// The answer to one request.
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    /// The body, in the form in which it was transferred.
    pub(crate) body: &'a [u8],
    /// The server closes the connection after it.
    pub(crate) closes: bool,
}

/// Where in the buffer an answer lies.
struct Frame {
    status: u16,
    head: usize,
    end: usize,
    closes: bool,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Result<Self> {
        let socket =
            TcpStream::connect(address).await.with_context(|| format!("cannot connect to {address}"))?;
        socket.set_nodelay(true)?;
        Ok(Self { socket, buffer: Vec::with_capacity(16 * 1024) })
    }

    /// Sends a request and waits for all of its answer.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> Result<Answer<'_>> {
        self.buffer.clear();
        self.socket.write_all(request).await?;
        loop {
            if self.socket.read_buf(&mut self.buffer).await? == 0 {
                bail!("the server closed the connection in place of an answer");
            }
            let Some(frame) = frame(&self.buffer)? else { continue };
            if frame.end != self.buffer.len() {
                bail!("{} bytes after the answer", self.buffer.len() - frame.end);
            }
            let body = &self.buffer[frame.head..frame.end];
            return Ok(Answer { status: frame.status, body, closes: frame.closes });
        }
    }
}

/// Finds a complete answer at the beginning of `buffer`.
fn frame(buffer: &[u8]) -> Result<Option<Frame>> {
    let mut headers = [EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut headers);
    let Status::Complete(head) = response.parse(buffer)? else { return Ok(None) };
    let length = match value(response.headers, "content-length") {
        Some(length) => Some(length.parse()?),
        None => chunked_length(&buffer[head..])?,
    };
    let status = response.code.context("no status")?;
    let closes =
        value(response.headers, "connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
    Ok(length
        .map(|length| Frame { status, head, end: head + length, closes })
        .filter(|frame| frame.end <= buffer.len()))
}

fn value<'a>(headers: &[Header<'a>], name: &str) -> Option<&'a str> {
    let header = headers.iter().find(|header| header.name.eq_ignore_ascii_case(name))?;
    std::str::from_utf8(header.value).ok()
}

/// How long a chunked body is in its transferred form; none while it is incomplete.
fn chunked_length(body: &[u8]) -> Result<Option<usize>> {
    let mut position = 0;
    loop {
        match httparse::parse_chunk_size(&body[position..]) {
            Ok(Status::Complete((line, size))) => {
                position += line + usize::try_from(size)? + 2;
                if position > body.len() {
                    return Ok(None);
                }
                if size == 0 {
                    return Ok(Some(position));
                }
            }
            Ok(Status::Partial) => return Ok(None),
            Err(_) => bail!("neither a length nor chunks"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(text: &str) -> Option<(usize, usize)> {
        frame(text.as_bytes()).unwrap().map(|frame| (frame.head, frame.end))
    }

    #[test]
    fn bodies_end_where_their_length_or_their_last_chunk_says() {
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n";
        assert_eq!(lengths(&format!("{head}ok")), Some((head.len(), head.len() + 2)));
        assert_eq!(lengths(&format!("{head}o")), None);
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert_eq!(lengths(&format!("{head}2\r\nok\r\n0\r\n\r\n")), Some((head.len(), head.len() + 12)));
        assert_eq!(lengths(&format!("{head}2\r\nok\r\n0\r\n")), None);
        assert_eq!(lengths("HTTP/1.1 20"), None);
    }
}
