//! An API that remembers the bytes it got and answers as it is told.

use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) line: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// How many connections had been accepted.
    pub(crate) connection: usize,
}

impl Received {
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(n, _)| n == name).map(|(_, v)| v.as_str());
        let first = found.next();
        assert!(found.next().is_none(), "{name} stands twice");
        first
    }
    pub(crate) fn target(&self) -> &str {
        self.line.split(' ').nth(1).unwrap()
    }
}

/// What it does with a request.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// Sends these pieces, each after a short pause.
    Pieces(Vec<Vec<u8>>),
    /// Sends this and closes without saying so.
    ThenClose(Vec<u8>),
    /// Closes.
    Hang,
    /// Says nothing.
    Silence,
}

pub(crate) fn reply(head: &str, body: &str) -> Reply {
    Reply::Pieces(vec![
        format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes(),
    ])
}

type Behaviour = Arc<dyn Fn(&Received) -> Reply + Send + Sync>;

#[derive(Clone)]
pub(crate) struct Api {
    pub(crate) address: std::net::SocketAddr,
    pub(crate) received: Arc<Mutex<Vec<Received>>>,
}

impl Api {
    /// An API that says `{"ok":true}` to everything.
    pub(crate) async fn start() -> Self {
        Self::behaving(|_| reply("200 OK\r\nContent-Type: application/json", r#"{"ok":true}"#)).await
    }

    pub(crate) async fn behaving(behaviour: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let api = Self { address: listener.local_addr().unwrap(), received: Arc::default() };
        let (behaviour, received): (Behaviour, _) = (Arc::new(behaviour), api.received.clone());
        tokio::spawn(async move {
            for connection in 1.. {
                let Ok((socket, _)) = listener.accept().await else { return };
                tokio::spawn(converse(socket, behaviour.clone(), received.clone(), connection));
            }
        });
        api
    }

    pub(crate) fn all(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }
    pub(crate) fn only(&self) -> Received {
        let all = self.all();
        assert_eq!(all.len(), 1, "{all:?}");
        all[0].clone()
    }
}

async fn converse(
    mut socket: TcpStream,
    behaviour: Behaviour,
    log: Arc<Mutex<Vec<Received>>>,
    connection: usize,
) {
    let mut buffer = Vec::new();
    while let Some(mut request) = read(&mut socket, &mut buffer).await {
        request.connection = connection;
        log.lock().unwrap().push(request.clone());
        match behaviour(&request) {
            Reply::Pieces(pieces) => {
                for (i, piece) in pieces.iter().enumerate() {
                    if i > 0 {
                        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
                    }
                    if socket.write_all(piece).await.is_err() {
                        return;
                    }
                }
            }
            Reply::ThenClose(bytes) => {
                let _ = socket.write_all(&bytes).await;
                return;
            }
            Reply::Hang => return,
            Reply::Silence => std::future::pending().await,
        }
    }
}

async fn more(socket: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<()> {
    (socket.read_buf(buffer).await.ok()? > 0).then_some(())
}

async fn read(socket: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Received> {
    let end = loop {
        match buffer.windows(4).position(|w| w == b"\r\n\r\n") {
            Some(end) => break end,
            None => more(socket, buffer).await?,
        }
    };
    let head = String::from_utf8(buffer.drain(..end + 4).collect()).ok()?;
    let mut lines = head.trim_end().split("\r\n");
    let line = lines.next()?.to_owned();
    let headers: Vec<(String, String)> =
        lines.map(|l| l.split_once(':').map(|(n, v)| (n.into(), v.trim().into())).expect(l)).collect();
    let get = |name: &str| headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone());
    let mut body = Vec::new();
    if let Some(length) = get("content-length") {
        let length: usize = length.parse().ok()?;
        while buffer.len() < length {
            more(socket, buffer).await?;
        }
        body.extend(buffer.drain(..length));
    } else if get("transfer-encoding").is_some() {
        loop {
            let end = loop {
                match buffer.windows(2).position(|w| w == b"\r\n") {
                    Some(end) => break end,
                    None => more(socket, buffer).await?,
                }
            };
            let size = usize::from_str_radix(std::str::from_utf8(&buffer[..end]).ok()?, 16).ok()?;
            while buffer.len() < end + 2 + size + 2 {
                more(socket, buffer).await?;
            }
            body.extend_from_slice(&buffer[end + 2..end + 2 + size]);
            buffer.drain(..end + 2 + size + 2);
            if size == 0 {
                break;
            }
        }
    }
    Some(Received { line, headers, body, connection: 0 })
}
