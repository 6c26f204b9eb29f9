//! One request to a page, with what every handler asks of it.

use crate::{Arrival, Fail};
use bytes::Bytes;
use http::{HeaderMap, Request};
use mandate_wire::form::Form;

/// A request to a page.
#[derive(Debug)]
pub(super) struct Visit<'a> {
    /// Where it came in.
    pub(super) arrival: &'a Arrival<'a>,
    /// It.
    pub(super) request: &'a Request<Bytes>,
    /// Method and path pattern, for the record.
    pub(super) route: String,
}

impl<'a> Visit<'a> {
    /// `pattern` is that of the page; `None` where there is none.
    pub(super) fn new(arrival: &'a Arrival<'a>, request: &'a Request<Bytes>, pattern: Option<&str>) -> Self {
        let known = mandate_wire::body::is_known_method(request.method());
        let method = if known { request.method().as_str() } else { "?" };
        Self { arrival, request, route: format!("{method} {}", pattern.unwrap_or("(no page)")) }
    }
    /// The headers.
    pub(super) fn headers(&self) -> &'a HeaderMap {
        self.request.headers()
    }
    /// The parameters of the query.
    pub(super) fn query(&self) -> Result<Form, Fail> {
        Ok(Form::parse(self.request.uri().query().unwrap_or("").as_bytes())?)
    }
    /// Whether the sender reads HTML: a browser. Anything else is a program.
    pub(super) fn wants_html(&self) -> bool {
        self.accepts("text/html")
    }
    /// Whether the sender asked for JSON.
    pub(super) fn wants_json(&self) -> bool {
        self.accepts("application/json")
    }
    fn accepts(&self, kind: &str) -> bool {
        let mut accepted =
            self.headers().get_all(http::header::ACCEPT).iter().filter_map(|v| v.to_str().ok());
        accepted.any(|v| {
            v.split(',').any(|p| p.split(';').next().unwrap_or("").trim().eq_ignore_ascii_case(kind))
        })
    }
}
