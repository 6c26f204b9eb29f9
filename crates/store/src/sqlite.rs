//! The embedded backend: one file, one writer thread that groups commits, reads in place on the caller's thread.

mod accounts;
mod admin;
mod chains;
mod clients;
mod codes;
mod decisions;
mod devices;
mod fault;
mod grants;
mod keys;
mod legacy;
mod log;
mod marks;
mod purge;
mod pushed;
mod readers;
mod records;
mod rows;
mod schema;
mod sign_on;
mod signing;
mod tokens;
mod users;
mod verbs;
mod work;
mod writer;

pub use writer::on_lost_commit;

use crate::{At, Feed, Fut, StoreError};
use decisions::Decisions;
use fault::{Fault, Result};
use mandate_core::Offset;
use readers::Readers;
use rusqlite::Connection;
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use work::Work;
use writer::{Shared, Writer};

/// An open store.
#[derive(Debug)]
pub(crate) struct Sqlite {
    writer: Writer,
    shared: Arc<Shared>,
    /// `None` in memory: then the writer reads too, since there is one connection only.
    readers: Option<Readers>,
    decisions: Decisions,
    reads: AtomicU64,
}

impl Sqlite {
    /// Opens the file, which is made if there is none, or a store in memory for `:memory:`.
    #[expect(clippy::unused_async, reason = "the other backend waits here")]
    pub(crate) async fn open(path: &str, feed: Arc<Feed>) -> std::result::Result<Self, StoreError> {
        let path = (path != ":memory:").then(|| PathBuf::from(path));
        let failed = |what: String| {
            let name = path.as_deref().unwrap_or(Path::new(":memory:"));
            StoreError::Unavailable(format!("{}: {what}", name.display()))
        };
        let lock = path.as_deref().map(claim).transpose().map_err(failed)?;
        let conn = schema::open_writer(path.as_deref()).map_err(failed)?;
        let head = log::head(&conn).map_err(|e| failed(e.into_store_error().to_string()))?;
        let shared = Arc::new(Shared::default());
        shared.head.store(head.0, Ordering::Release);
        // Nothing has been cached yet that an older entry could concern.
        feed.advance(head);
        let folder = path.as_ref().map(|path| beside(path, "-decisions"));
        Ok(Self {
            decisions: Decisions::start(folder).map_err(|e| failed(e.to_string()))?,
            writer: Writer::start(conn, shared.clone(), feed, lock).map_err(|e| failed(e.to_string()))?,
            readers: path.map(Readers::new),
            shared,
            reads: AtomicU64::new(0),
        })
    }

    /// Changes something, in a transaction of the writer's.
    fn write<T, F>(&self, act: F) -> Fut<'_, T>
    where
        T: Send + 'static,
        F: FnMut(&Work<'_>) -> Result<T> + Send + 'static,
    {
        Box::pin(self.writer.act(act))
    }

    /// Looks something up.
    fn read<T, F>(&self, look: F) -> Fut<'_, T>
    where
        T: Send + 'static,
        F: Fn(&Connection) -> Result<T> + Send + 'static,
    {
        Box::pin(async move {
            self.reads.fetch_add(1, Ordering::Relaxed);
            self.read_unasked(look).await
        })
    }

    /// As [`Self::read`], for what the node does of itself, such as following the log: not counted.
    async fn read_unasked<T, F>(&self, look: F) -> std::result::Result<T, StoreError>
    where
        T: Send + 'static,
        F: Fn(&Connection) -> Result<T> + Send + 'static,
    {
        match &self.readers {
            None => self.writer.act(move |work| look(work.conn)).await,
            Some(_) if self.shared.dead.load(Ordering::Acquire) => {
                Err(StoreError::Unavailable("a commit was lost".into()))
            }
            Some(readers) => readers.read(look).map_err(Fault::into_store_error),
        }
    }

    /// Looks something up and says up to where the log is reflected in it: what had been committed before.
    fn read_at<T, F>(&self, look: F) -> Fut<'_, At<T>>
    where
        T: Send + 'static,
        F: Fn(&Connection) -> Result<T> + Send + 'static,
    {
        Box::pin(async move {
            let offset = Offset(self.shared.head.load(Ordering::Acquire));
            Ok(At { value: self.read(look).await?, offset })
        })
    }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Makes the file, readable by its owner only, and takes the lock that keeps other processes from writing: the
/// writer knows the head of the log by heart.
fn claim(path: &Path) -> std::result::Result<File, String> {
    let owned = |path: &Path| {
        let mut options = OpenOptions::new();
        options.create(true).append(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(path).map_err(|e| e.to_string())
    };
    let lock = owned(&beside(path, "-lock"))?;
    lock.try_lock().map_err(|e| match e {
        std::fs::TryLockError::WouldBlock => "another process has it open".to_owned(),
        std::fs::TryLockError::Error(e) => e.to_string(),
    })?;
    owned(path)?;
    Ok(lock)
}
