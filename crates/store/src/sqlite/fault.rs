//! Why an act failed inside its transaction.

use crate::StoreError;

pub(super) type Result<T> = std::result::Result<T, Fault>;

/// Undoes the transaction.
#[derive(Debug)]
pub(super) enum Fault {
    /// SQLite said no.
    Sql(rusqlite::Error),
    /// We did.
    Store(StoreError),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl Fault {
    pub(super) fn misuse(text: impl Into<String>) -> Self {
        Self::Store(StoreError::Misuse(text.into()))
    }
    /// Whether a row of this kind is there already.
    pub(super) fn is_conflict(error: &rusqlite::Error) -> bool {
        error.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation)
    }
    pub(super) fn into_store_error(self) -> StoreError {
        match self {
            Self::Store(error) => error,
            Self::Sql(error) if Self::is_conflict(&error) => StoreError::Misuse(error.to_string()),
            Self::Sql(error) => StoreError::Unavailable(error.to_string()),
        }
    }
}
