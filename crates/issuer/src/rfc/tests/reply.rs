//! What an endpoint or a page said.

use bytes::Bytes;
use http::{HeaderMap, Response};
use serde_json::Value;

/// An answer, read.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn of(response: &Response<Bytes>) -> Self {
        Self {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: String::from_utf8(response.body().to_vec()).unwrap(),
        }
    }

    /// A header's value; empty if it is not there.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The body.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// A member of the body; `Null` if it is not there.
    pub(crate) fn member(&self, name: &str) -> Value {
        self.json()[name].clone()
    }

    /// A member that is a text.
    pub(crate) fn text(&self, name: &str) -> String {
        self.member(name).as_str().unwrap_or_else(|| panic!("no {name}: {}", self.body)).to_owned()
    }

    /// Status and error code: `400 invalid_grant`; the status alone if all is well.
    pub(crate) fn said(&self) -> String {
        let json: Value = serde_json::from_str(&self.body).unwrap_or(Value::Null);
        match json["error"].as_str().or(self.parameter("error").as_deref()) {
            Some(error) => format!("{} {error}", self.status),
            None => self.status.to_string(),
        }
    }

    /// The cause of the catalogue, as the header has it; empty if all is well.
    pub(crate) fn cause(&self) -> &str {
        self.header("mandate-cause")
    }

    /// A parameter of the address that it leads to.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        let url = url::Url::parse(self.header("location")).ok()?;
        url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }

    /// The value of a hidden field of a page.
    pub(crate) fn field(&self, name: &str) -> String {
        let mark = format!("name=\"{name}\" value=\"");
        let start = self.body.find(&mark).unwrap_or_else(|| panic!("no {name}: {self:?}")) + mark.len();
        self.body[start..].split('"').next().unwrap().to_owned()
    }

    /// The claims of a signed token in the body, unverified.
    pub(crate) fn claims(&self, name: &str) -> Value {
        super::keys::claims(&self.text(name))
    }
}
