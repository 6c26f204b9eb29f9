//! PostgreSQL, for more than one machine: any number of nodes over one database, with no state that cannot be
//! rebuilt.
//!
//! Reads are one statement each, so one snapshot, and carry the head of the log that this snapshot saw. Acts are one
//! transaction each ([`work`]); the hot ones share statements ([`batch`]).

mod accounts;
mod admin;
mod batch;
mod chains;
mod clients;
mod codes;
mod devices;
mod error;
mod grants;
mod keys;
mod log;
mod lookups;
mod marks;
mod model;
mod platforms;
mod pool;
mod pushed;
mod records;
mod rotations;
mod row;
mod schema;
mod sessions;
mod sign_on;
mod signing;
mod tokens;
mod users;
mod verbs;
mod work;

use crate::feed::Feed;
use crate::verbs::StoreError;
use batch::Queue;
use pool::Pool;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use work::Shared;

/// A store in a PostgreSQL database.
#[derive(Debug)]
pub(crate) struct Postgres {
    shared: Arc<Shared>,
    issues: Queue<tokens::Issue>,
    redemptions: Queue<codes::Redemption>,
    rotations: Queue<rotations::Rotation>,
    lookups: Queue<lookups::Lookup>,
    announced: watch::Sender<u64>,
    listener: AbortHandle,
    days: records::Days,
}

impl Postgres {
    /// Connects, migrates and starts the lanes and the listener, which end when the store is dropped.
    pub(crate) async fn open(url: &str, feed: Arc<Feed>) -> Result<Self, StoreError> {
        let pool = Pool::new(url)?;
        schema::migrate(&pool).await?;
        let announced = watch::Sender::new(0);
        let listener = tokio::spawn(log::listen(Arc::clone(&pool), announced.clone())).abort_handle();
        let shared = Arc::new(Shared::new(pool, feed));
        // Nothing was remembered before now, so nothing of the past needs to be told.
        shared.feed.advance(log::head(&shared).await?);
        Ok(Self {
            issues: Queue::start(&shared, 1),
            redemptions: Queue::start(&shared, 1),
            rotations: Queue::start(&shared, 1),
            lookups: Queue::start(&shared, 1),
            shared,
            announced,
            listener,
            days: records::Days::default(),
        })
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.listener.abort();
    }
}
