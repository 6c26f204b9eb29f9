//! Issuing an opaque token: 122 random bits in the form of a UUID, its digest stored if there is a store.

use std::rc::Rc;

use anyhow::Result;
use http_body_util::BodyExt;
use sha2::{Digest, Sha256};

use crate::{postgres, sqlite};

/// What is kept of a token.
#[derive(Debug)]
pub(crate) struct Row {
    /// SHA-256 of the token.
    pub(crate) digest: [u8; 32],
    /// The grant it hangs from: here any sixteen bytes.
    pub(crate) grant: [u8; 16],
    /// When, in milliseconds.
    pub(crate) issued_at: i64,
}

/// Where rows go.
enum Store {
    Nowhere,
    Sqlite(sqlite::Writer),
    Postgres(postgres::Writer),
}

impl Store {
    async fn open(target: Option<&str>) -> Result<Self> {
        Ok(match target {
            None => Self::Nowhere,
            Some(url) if url.starts_with("postgres") => Self::Postgres(postgres::Writer::open(url).await?),
            Some(path) => Self::Sqlite(sqlite::Writer::open(path)?),
        })
    }

    /// Returns once the row is on disk; false when it could not be written.
    async fn keep(&self, row: Row) -> bool {
        match self {
            Self::Nowhere => true,
            Self::Sqlite(writer) => writer.keep(row).await,
            Self::Postgres(writer) => writer.keep(row).await,
        }
    }
}

/// Serves tokens on `port`.
pub(crate) async fn run(port: u16, target: Option<&str>) -> Result<()> {
    let store = Rc::new(Store::open(target).await?);
    let durable = target.is_some();
    crate::serve(port, move |request| {
        let store = Rc::clone(&store);
        async move {
            // The server has to read what it is asked before it can answer.
            let complete = request.into_body().collect().await.is_ok();
            let (token, grant) = (uuid(), random());
            let kept = !durable || store.keep(row(&token, grant)).await;
            let body = format!(r#"{{"access_token":"{token}","token_type":"Bearer","scope":"general"}}"#);
            Ok(crate::json(body, complete && kept))
        }
    })
    .await
}

fn row(token: &str, grant: [u8; 16]) -> Row {
    let now = std::time::UNIX_EPOCH.elapsed().map_or(0, |age| age.as_millis());
    Row {
        digest: Sha256::digest(token.as_bytes()).into(),
        grant,
        issued_at: i64::try_from(now).unwrap_or(i64::MAX),
    }
}

pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the system has randomness");
    bytes
}

/// A version 4 UUID in its usual form.
pub(crate) fn uuid() -> String {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut bytes: [u8; 16] = random();
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let mut text = String::with_capacity(36);
    for (position, byte) in bytes.iter().enumerate() {
        if matches!(position, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push(char::from(HEX[usize::from(byte >> 4)]));
        text.push(char::from(HEX[usize::from(byte & 15)]));
    }
    text
}
