//! What a failed statement means for the act that it was part of.

use crate::verbs::StoreError;
use tokio_postgres::Error;
use tokio_postgres::error::Severity;

const SILENT: &str = "the database did not answer in time";

/// Why a statement has no result.
#[derive(Debug, Clone)]
pub(super) enum Failure {
    /// The database said no: the transaction has no effect.
    Refused(String),
    /// The database said no to a statement that can never work, or to a value that it cannot hold.
    Wrong(String),
    /// The connection is gone or silent. What was being committed may or may not have been.
    Lost(String),
}

impl Failure {
    /// Sorts an error of the driver. Only primary messages are kept: details may quote values.
    pub(super) fn of(error: &Error) -> Self {
        let Some(db) = error.as_db_error() else {
            return match error.to_string() {
                text if is_ours(&text) => Self::Wrong(text),
                text => Self::Lost(text),
            };
        };
        let code = db.code().code();
        let text = format!("{} (SQLSTATE {code})", db.message());
        if matches!(db.parsed_severity(), Some(Severity::Fatal | Severity::Panic)) {
            return Self::Lost(text);
        }
        match &code[..2] {
            // A prepared statement that outlived a change of the schema: this connection is of no more use.
            "0A" | "26" => Self::Lost(text),
            "22" | "23" | "42" => Self::Wrong(text),
            _ => Self::Refused(text),
        }
    }

    /// The statement took longer than we wait.
    pub(super) fn silent() -> Self {
        Self::Lost(SILENT.into())
    }

    /// Whether the connection had been closed when the statement was to be sent, or was while it ran: then another
    /// one may answer at once. A database that is silent will be on the next connection too.
    pub(super) fn closed(&self) -> bool {
        matches!(self, Self::Lost(why) if why != SILENT)
    }
}

/// Errors of the driver about our own parameters and rows, found before anything was sent or after it was answered.
fn is_ours(text: &str) -> bool {
    ["error serializing", "error deserializing", "invalid column", "expected "]
        .iter()
        .any(|s| text.starts_with(s))
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(text) | Failure::Lost(text) => Self::Unavailable(text),
            Failure::Wrong(text) => Self::Misuse(text),
        }
    }
}
