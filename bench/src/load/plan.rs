//! What to send, how often, and what has to come back.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use anyhow::{Context, Result, bail};
use memchr::memmem;
use serde::Deserialize;

/// The plan of one run, as the harness writes it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Plan {
    /// Where the server listens.
    pub(crate) address: SocketAddr,
    /// How many keep-alive connections ask at the same time.
    pub(crate) connections: usize,
    /// When to stop at the latest.
    pub(crate) seconds: f64,
    /// Stop after so many requests.
    pub(crate) count: Option<usize>,
    /// Send each request once only (authorization codes), in place of beginning again.
    #[serde(default)]
    pub(crate) once: bool,
    /// A field of the JSON answer to collect and hand back.
    pub(crate) capture: Option<String>,
    /// A field of the JSON answer that takes the place of `$0` in the connection's next request (refresh tokens). Each
    /// connection then has a row of its own; the rows as they stand in the end are handed back.
    #[serde(default)]
    pub(crate) chain: Option<String>,
    /// What a right answer looks like.
    pub(crate) expect: Expect,
    /// The request; `$0`, `$1` … in it stand for the fields of a row.
    pub(crate) template: Template,
    /// One request is made ahead of each row, and they are sent in turn.
    pub(crate) rows: Vec<Vec<String>>,
}

/// A request with places to fill in.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Template {
    method: String,
    path: String,
    headers: BTreeMap<String, String>,
    body: Option<String>,
}

/// A right answer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expect {
    status: u16,
    /// All of these are in the body.
    contains: Vec<String>,
}

impl Plan {
    /// How many connections to open: in chains no more than there are rows.
    pub(crate) fn width(&self) -> usize {
        if self.chain.is_some() { self.connections.min(self.rows.len()) } else { self.connections }
    }

    /// All requests, ready to be written to a socket.
    pub(crate) fn requests(&self) -> Vec<Vec<u8>> {
        self.rows.iter().map(|row| self.template.fill(row)).collect()
    }
}

impl Template {
    /// The request of a row.
    pub(crate) fn fill(&self, row: &[String]) -> Vec<u8> {
        let filled = |text: &str| {
            // The last field first, so that `$1` does not eat the beginning of `$10`.
            row.iter()
                .enumerate()
                .rev()
                .fold(text.to_owned(), |text, (index, value)| text.replace(&format!("${index}"), value))
        };
        let mut lines = vec![format!("{} {} HTTP/1.1", self.method, filled(&self.path))];
        lines.extend(self.headers.iter().map(|(name, value)| format!("{name}: {}", filled(value))));
        let body = self.body.as_deref().map(filled);
        lines.extend(body.as_ref().map(|body| format!("Content-Length: {}", body.len())));
        format!("{}\r\n\r\n{}", lines.join("\r\n"), body.unwrap_or_default()).into_bytes()
    }
}

impl Expect {
    /// An error that quotes the answer when it is not as expected.
    pub(crate) fn check(&self, status: u16, body: &[u8]) -> Result<()> {
        if status == self.status
            && self.contains.iter().all(|part| memmem::find(body, part.as_bytes()).is_some())
        {
            return Ok(());
        }
        bail!("status {status}, body {}", String::from_utf8_lossy(&body[..body.len().min(400)]))
    }
}

/// The text in a field of a JSON object.
pub(crate) fn field(body: &[u8], name: &str) -> Result<String> {
    let document: serde_json::Value = serde_json::from_slice(body)?;
    document
        .get(name)
        .and_then(|value| value.as_str())
        .map(str::to_owned)
        .with_context(|| format!("no {name} in the answer"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_fill_path_headers_and_body() {
        let template = Template {
            method: "POST".into(),
            path: "/t/$0".into(),
            headers: BTreeMap::from([("X-Key".into(), "$1".into())]),
            body: Some("code=$0".into()),
        };
        let request = String::from_utf8(template.fill(&["abc".into(), "k".into()])).unwrap();
        assert_eq!(request, "POST /t/abc HTTP/1.1\r\nX-Key: k\r\nContent-Length: 8\r\n\r\ncode=abc");
    }

    #[test]
    fn an_answer_is_right_by_status_and_body() {
        let expect = Expect { status: 200, contains: vec!["\"code\":\"".into()] };
        assert!(expect.check(200, br#"{"code":"1"}"#).is_ok());
        assert!(expect.check(401, br#"{"code":"1"}"#).is_err());
        assert!(expect.check(200, b"{}").is_err());
        assert_eq!(field(br#"{"code":"1"}"#, "code").unwrap(), "1");
    }
}
