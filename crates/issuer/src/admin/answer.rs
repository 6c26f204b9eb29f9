//! What an endpoint gives back: JSON that no cache keeps.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName};
use http::{HeaderValue, Response, StatusCode};
use serde_json::Value as Json;

/// A successful answer.
#[derive(Debug)]
pub(super) struct Answer {
    status: StatusCode,
    content_type: &'static str,
    body: Bytes,
    revision: Option<u64>,
}

impl Answer {
    /// 200 with an object.
    pub(super) fn ok(body: &Json) -> Self {
        Self::json(StatusCode::OK, body)
    }
    /// 201 with what was made.
    pub(super) fn created(body: &Json) -> Self {
        Self::json(StatusCode::CREATED, body)
    }
    /// 200 with a list.
    pub(super) fn items(items: Vec<Json>) -> Self {
        Self::ok(&Json::Object([("items".to_owned(), Json::Array(items))].into_iter().collect()))
    }
    /// 200 with the text of a platform file.
    pub(super) fn platform_file(text: String, revision: u64) -> Self {
        Self {
            status: StatusCode::OK,
            content_type: "application/toml; charset=utf-8",
            body: text.into(),
            revision: Some(revision),
        }
    }
    fn json(status: StatusCode, body: &Json) -> Self {
        Self { status, content_type: "application/json", body: body.to_string().into(), revision: None }
    }

    /// The bytes.
    pub(super) fn into_response(self) -> Response<Bytes> {
        let mut response = respond(self.status, self.content_type, self.body);
        if let Some(revision) = self.revision {
            response
                .headers_mut()
                .insert(HeaderName::from_static("mandate-revision"), HeaderValue::from(revision));
        }
        response
    }
}

/// A response with the headers that every answer of the admin API has (SECURITY R4).
pub(super) fn respond(status: StatusCode, content_type: &'static str, body: Bytes) -> Response<Bytes> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff"));
    response
}
