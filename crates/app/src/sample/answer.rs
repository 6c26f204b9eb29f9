//! Answers: a status and JSON, or nothing.

use bytes::Bytes;
use http::StatusCode;
use serde_json::{Value, json};

/// What a request gets.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Option<Value>,
}

/// An answer or a refusal, which is an answer, too.
pub(super) type Reply = Result<Answer, Answer>;

impl Answer {
    /// 200 with `body`.
    pub(super) fn ok(body: Value) -> Self {
        Self { status: StatusCode::OK, body: Some(body) }
    }

    /// 204.
    pub(super) const fn nothing() -> Self {
        Self { status: StatusCode::NO_CONTENT, body: None }
    }

    /// 207 with one row for each thing that was done.
    pub(super) fn several(rows: Vec<Value>) -> Self {
        Self { status: StatusCode::MULTI_STATUS, body: Some(Value::Array(rows)) }
    }

    /// An error: `code` and `message` are what every client reads.
    pub(super) fn refusal(status: StatusCode, code: u32, message: &str) -> Self {
        Self { status, body: Some(json!({"code": code, "message": message})) }
    }

    /// 400: the request cannot be read.
    pub(super) fn bad_request(message: &str) -> Self {
        Self::refusal(StatusCode::BAD_REQUEST, 40_010_000, message)
    }

    /// 403: the request is understood and refused for business reasons.
    pub(super) fn forbidden(message: &str) -> Self {
        Self::refusal(StatusCode::FORBIDDEN, 40_310_000, message)
    }

    /// 404.
    pub(super) fn not_found(message: &str) -> Self {
        Self::refusal(StatusCode::NOT_FOUND, 40_410_000, message)
    }

    /// 422: a value makes no sense.
    pub(super) fn invalid(message: &str) -> Self {
        Self::refusal(StatusCode::UNPROCESSABLE_ENTITY, 42_210_000, message)
    }

    /// This error with one more field.
    #[must_use]
    pub(super) fn with(mut self, name: &str, value: Value) -> Self {
        if let Some(Value::Object(body)) = &mut self.body {
            body.insert(name.to_owned(), value);
        }
        self
    }

    /// The body's bytes.
    pub(super) fn bytes(&self) -> Bytes {
        self.body.as_ref().map_or_else(Bytes::new, |body| body.to_string().into())
    }
}
