//! Where a session's tokens are kept between processes.

mod file;
mod record;

pub use file::{FileStore, FileStoreBuilder};
pub use record::Record;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Keeps one session's [`Record`], and lets one process at a time renew. All calls block; the session makes them on
/// threads where they may.
pub trait Store: Send + Sync + 'static {
    /// What is stored. Takes no lock.
    fn read(&self) -> Result<Stored, StoreError>;
    /// Waits until it holds the lock, until `wait` is over, or until `wait` sees what it waits for.
    fn lock(&self, wait: &Wait<'_>) -> Result<Locked, StoreError>;
}

/// The lock, held. It is released when this is dropped.
pub trait Lease: Send + fmt::Debug {
    /// How long the lock had been without a sign of life, if it was taken over from a dead holder.
    fn taken_over(&self) -> Option<Duration>;
    /// Puts away what cannot be read, so that it counts as absent.
    fn set_aside(&mut self) -> Result<(), StoreError>;
    /// Writes, unless somebody took the lock over and wrote meanwhile.
    fn write(&mut self, record: &Record) -> Result<Written, StoreError>;
    /// Removes what is stored.
    fn remove(&mut self) -> Result<(), StoreError>;
}

/// What reading came to.
#[derive(Clone, Debug)]
pub enum Stored {
    /// Nothing is stored.
    Absent,
    /// Something is, and it cannot be read.
    Corrupt,
    /// This.
    Record(Box<Record>),
}

/// What locking came to.
#[derive(Debug)]
pub enum Locked {
    /// The lock is held.
    Held(Box<dyn Lease>),
    /// What was waited for is there; the lock is not held.
    Seen(Box<Record>),
    /// It took too long.
    TimedOut,
}

/// What writing came to.
#[derive(Clone, Debug)]
pub enum Written {
    /// It is written.
    Done,
    /// Somebody else took the lock over and wrote this meanwhile; nothing was written.
    Overtaken(Box<Record>),
}

/// For how long, and for what, a lock is waited for.
pub struct Wait<'a> {
    /// Real time.
    pub patience: Duration,
    /// Set when nobody waits any more.
    pub given_up: &'a AtomicBool,
    /// Whether this record is what is waited for.
    pub enough: &'a (dyn Fn(&Record) -> bool + Sync),
}

impl Wait<'_> {
    pub(crate) fn is_given_up(&self) -> bool {
        self.given_up.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Wait<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wait").field("patience", &self.patience).finish_non_exhaustive()
    }
}

/// The store failed. Texts hold paths, never what is stored.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// It must not be used like this: others may write to it, say.
    #[error("{0}")]
    Refused(String),
    /// Reading or writing failed.
    #[error("{0}")]
    Failed(String),
}
