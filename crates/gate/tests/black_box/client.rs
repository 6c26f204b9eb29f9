//! A caller that sends any bytes it likes.

use std::net::SocketAddr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// The connection broke off before the end of the body.
    pub(crate) broken: bool,
}

impl Answer {
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(n, _)| n == name).map(|(_, v)| v.as_str());
        let first = found.next();
        assert!(found.next().is_none(), "{name} stands twice");
        first
    }
    pub(crate) fn number(&self, name: &str) -> i64 {
        self.get(name).unwrap_or_else(|| panic!("{name} is missing in {:?}", self.headers)).parse().unwrap()
    }
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|e| panic!("{e}: {:?}", String::from_utf8_lossy(&self.body)))
    }
    /// The cause, which header and body agree on.
    pub(crate) fn cause(&self) -> String {
        let cause = self.get("mandate-cause").unwrap_or("none").to_owned();
        if !self.body.is_empty() && cause != "none" {
            assert_eq!(self.json()["cause"], cause.as_str());
        }
        cause
    }
}

pub(crate) struct Client {
    socket: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self { socket: TcpStream::connect(address).await.unwrap(), buffer: Vec::new() }
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.socket.write_all(bytes.as_ref()).await.unwrap();
    }

    /// `None` when the gate closes without a word.
    pub(crate) async fn answer(&mut self, to_head: bool) -> Option<Answer> {
        let end = loop {
            match self.buffer.windows(4).position(|w| w == b"\r\n\r\n") {
                Some(end) => break end,
                None if self.socket.read_buf(&mut self.buffer).await.unwrap_or(0) == 0 => return None,
                None => {}
            }
        };
        let head = String::from_utf8(self.buffer.drain(..end + 4).collect()).unwrap();
        let mut lines = head.trim_end().split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers: Vec<(String, String)> = lines
            .map(|l| l.split_once(':').map(|(n, v)| (n.to_ascii_lowercase(), v.trim().to_owned())).unwrap())
            .collect();
        let mut answer = Answer { status, headers, body: Vec::new(), broken: false };
        if to_head || status == 204 || status == 304 {
            return Some(answer);
        }
        if let Some(length) = answer.get("content-length") {
            let length: usize = length.parse().unwrap();
            while self.buffer.len() < length && !answer.broken {
                answer.broken = self.socket.read_buf(&mut self.buffer).await.unwrap_or(0) == 0;
            }
            answer.body = self.buffer.drain(..length.min(self.buffer.len())).collect();
        } else if answer.get("transfer-encoding") == Some("chunked") {
            self.chunks(&mut answer).await;
        } else {
            while self.socket.read_buf(&mut self.buffer).await.unwrap_or(0) > 0 {}
            answer.body = std::mem::take(&mut self.buffer);
        }
        Some(answer)
    }

    async fn chunks(&mut self, answer: &mut Answer) {
        loop {
            let line = self.buffer.windows(2).position(|w| w == b"\r\n");
            let size = line.map(|end| {
                (end, usize::from_str_radix(std::str::from_utf8(&self.buffer[..end]).unwrap(), 16).unwrap())
            });
            match size {
                Some((end, size)) if self.buffer.len() >= end + size + 4 => {
                    answer.body.extend_from_slice(&self.buffer[end + 2..end + 2 + size]);
                    self.buffer.drain(..end + size + 4);
                    if size == 0 {
                        return;
                    }
                }
                _ if self.socket.read_buf(&mut self.buffer).await.unwrap_or(0) == 0 => {
                    answer.broken = true;
                    return;
                }
                _ => {}
            }
        }
    }
}

/// One request on a connection of its own.
pub(crate) async fn ask(address: SocketAddr, request: impl AsRef<[u8]>) -> Answer {
    let mut client = Client::connect(address).await;
    client.send(request.as_ref()).await;
    client.answer(request.as_ref().starts_with(b"HEAD ")).await.expect("an answer")
}
