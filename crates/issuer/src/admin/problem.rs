//! What the admin API says when it does not do as asked: which field, why, and the nearest right thing.

use super::answer::respond;
use bytes::Bytes;
use http::header::{ALLOW, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};
use mandate_core::Cause;
use mandate_store::StoreError;
use serde_json::{Map, Value as Json, json};

/// A refusal of the admin API: `{"error", "message", "field"?, "hint"?, "cause"?}`.
#[derive(Debug)]
pub(super) struct Problem(Box<Parts>);

#[derive(Debug)]
struct Parts {
    status: StatusCode,
    error: &'static str,
    message: String,
    field: Option<String>,
    hint: Option<String>,
    cause: Option<Cause>,
    more: Map<String, Json>,
    allow: Option<String>,
}

impl Problem {
    fn new(status: StatusCode, error: &'static str, message: impl Into<String>) -> Self {
        Self(Box::new(Parts {
            status,
            error,
            message: message.into(),
            field: None,
            hint: None,
            cause: None,
            more: Map::new(),
            allow: None,
        }))
    }

    /// 400: the request cannot be read.
    pub(super) fn malformed(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", message)
    }
    /// 401: no administrator.
    pub(super) fn unauthorized(cause: Cause, message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "invalid_token", message).cause(cause)
    }
    /// 403: the token is genuine and may not do this.
    pub(super) fn forbidden(error: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, error, message)
    }
    /// 404: there is no such thing, or none that this administrator may see.
    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }
    /// 405.
    pub(super) fn method(allowed: &str) -> Self {
        let mut problem = Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            format!("this path takes {allowed}"),
        )
        .cause(Cause::MethodUnknown);
        problem.0.allow = Some(allowed.to_owned());
        problem
    }
    /// 409: something stands in the way.
    pub(super) fn conflict(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", message)
    }
    /// 413.
    pub(super) fn too_large(limit: usize) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too_large",
            format!("the body is longer than the {limit} bytes that this endpoint reads"),
        )
        .cause(Cause::RequestTooLarge)
    }
    /// 415.
    pub(super) fn content_type() -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "invalid_request",
            "the body has to be sent as `Content-Type: application/json`",
        )
        .cause(Cause::ContentType)
    }
    /// 422: the request can be read, and one field of it cannot be right.
    pub(super) fn invalid(field: &str, message: impl Into<String>) -> Self {
        let mut problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_value", message);
        problem.0.field = Some(field.to_owned());
        problem
    }
    /// 500: our own fault.
    pub(super) fn ours(what: &str) -> Self {
        tracing::error!(what, "admin API: internal fault");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "server_error",
            "this is a fault of the server, not of the request; its log says more",
        )
        .cause(Cause::Internal)
    }

    /// Adds the name of the field concerned.
    pub(super) fn field(mut self, name: &str) -> Self {
        self.0.field = Some(name.to_owned());
        self
    }
    /// Adds what would be right.
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }
    /// Adds the entry of the catalogue.
    pub(super) fn cause(mut self, cause: Cause) -> Self {
        self.0.cause = Some(cause);
        self
    }
    /// Adds a member of its own.
    pub(super) fn with(mut self, name: &str, value: Json) -> Self {
        self.0.more.insert(name.to_owned(), value);
        self
    }

    /// Its status.
    pub(super) fn status(&self) -> StatusCode {
        self.0.status
    }

    /// The bytes.
    pub(super) fn into_response(self) -> Response<Bytes> {
        let parts = *self.0;
        let mut body = Map::new();
        body.insert("error".into(), json!(parts.error));
        body.insert("message".into(), json!(parts.message));
        for (name, value) in [("field", parts.field), ("hint", parts.hint)] {
            if let Some(text) = value {
                body.insert(name.into(), json!(text));
            }
        }
        if let Some(cause) = parts.cause {
            body.insert("cause".into(), json!(cause.id()));
        }
        body.extend(parts.more);
        let mut response = respond(parts.status, "application/json", Json::Object(body).to_string().into());
        let headers = response.headers_mut();
        if parts.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(r#"Bearer realm="mandate admin""#));
        }
        if matches!(parts.status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("2"));
        }
        if let Some(allow) = parts.allow.and_then(|a| HeaderValue::try_from(a).ok()) {
            headers.insert(ALLOW, allow);
        }
        response
    }

    /// 503: we are busy.
    pub(super) fn busy(message: &str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable", message)
    }
}

impl From<StoreError> for Problem {
    /// Ours, and said so: never a 4xx, never a success.
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "storage did not answer");
        let message = match error {
            StoreError::Unavailable(_) => {
                "the storage of this service does not answer; nothing is wrong with the request, and nothing was changed"
            }
            StoreError::Unresolved(_) => {
                "the storage of this service broke off while it answered: whether the change was made could not be \
                 found out. Look before you send it again"
            }
            StoreError::Misuse(_) => return Self::ours("the store was misused"),
        };
        Self::busy(message).cause(Cause::StorageUnavailable)
    }
}
