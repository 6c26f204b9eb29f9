//! Storage that speaks the domain: one trait of atomic verbs, two backends, one conformance suite.
//!
//! Every verb is one transaction; what it answers has been committed durably. Nothing hands a transaction out.

mod cache;
mod feed;
mod kills;
mod minted;
mod postgres;
mod settings;
mod sign_on;
mod signing;
mod sqlite;
mod values;
mod verbs;

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;

pub use cache::{Cached, LEASE};
pub use feed::{Feed, Listener};
pub use minted::*;
pub use sign_on::{SignOn, SignedOn};
pub use signing::SigningKeyRow;
pub use sqlite::on_lost_commit;
pub use verbs::*;

use std::sync::Arc;

/// Opens the store at `url`: `sqlite:PATH`, `sqlite::memory:` or `postgresql://…`. Runs the migrations that are
/// missing. The feed gets every log entry that this process commits, before the verb is answered.
///
/// # Errors
/// [`StoreError::Unavailable`] if it cannot be reached or opened, [`StoreError::Misuse`] if the URL is none of these.
pub async fn open(url: &str, feed: Arc<Feed>) -> Result<Arc<dyn Store>, StoreError> {
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        return Ok(Arc::new(postgres::Postgres::open(url, feed).await?));
    }
    match url.strip_prefix("sqlite:") {
        Some(path) => Ok(Arc::new(sqlite::Sqlite::open(path, feed).await?)),
        None => Err(StoreError::Misuse(format!(
            "`{url}` is no store: use sqlite:PATH, sqlite::memory: or postgresql://USER@HOST/DATABASE"
        ))),
    }
}
