//! A folder that processes of three languages share (STORE.md).

mod lease;
mod lock;
mod sign;
#[cfg(test)]
mod tests;

use super::{Lease, Locked, Record, Store, StoreError, Stored, Wait};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Keeps a session in a folder: `NAME.json` and, while somebody renews, `NAME.lock`. Any number of processes on one
/// machine may share it. The folder is made with mode 0700, files with 0600.
#[derive(Clone, Debug)]
pub struct FileStore {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    folder: PathBuf,
    name: String,
    beat: Duration,
    stale: Duration,
    full: AtomicBool,
    watched: Mutex<Option<lock::Watched>>,
}

/// Settings of a [`FileStore`].
#[derive(Clone, Debug)]
pub struct FileStoreBuilder {
    folder: PathBuf,
    name: String,
    beat: Duration,
    stale: Duration,
}

impl FileStoreBuilder {
    /// How often the holder of the lock shows that it lives; a second unless told.
    #[must_use]
    pub fn beat(mut self, every: Duration) -> Self {
        self.beat = every;
        self
    }
    /// After how long without a sign of life the holder counts as dead; 5 s unless told. 100 ms to 60 s.
    #[must_use]
    pub fn stale(mut self, after: Duration) -> Self {
        self.stale = after.clamp(sign::SHORTEST, sign::LONGEST);
        self
    }
    /// Makes the folder if it is absent. Refuses names other than 1 to 64 of `a-z 0-9 . _ -` that begin with a letter
    /// or digit, and a folder that others may write to.
    pub fn open(self) -> Result<FileStore, StoreError> {
        let fits = |c: u8| matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-');
        let first = self.name.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric);
        if !first || self.name.len() > 64 || !self.name.bytes().all(fits) {
            return Err(StoreError::Refused(format!(
                "`{}` is no name of a session: 1 to 64 of a-z 0-9 . _ -, a letter or digit first",
                crate::encoding::tame(&self.name, 80)
            )));
        }
        make_folder(&self.folder).map_err(|e| failed("cannot make the folder", &self.folder, &e))?;
        let store = FileStore {
            inner: Arc::new(Inner {
                folder: self.folder,
                name: self.name,
                beat: self.beat.max(Duration::from_millis(5)),
                stale: self.stale,
                full: AtomicBool::new(false),
                watched: Mutex::default(),
            }),
        };
        private(&store.inner.folder, "the folder")?;
        store.read()?;
        Ok(store)
    }
}

impl FileStore {
    /// A store in `folder` under a name, with usual times.
    pub fn open(folder: impl Into<PathBuf>, name: &str) -> Result<Self, StoreError> {
        Self::builder(folder, name).open()
    }
    /// The same, with settings.
    pub fn builder(folder: impl Into<PathBuf>, name: &str) -> FileStoreBuilder {
        FileStoreBuilder {
            folder: folder.into(),
            name: name.to_owned(),
            beat: Duration::from_secs(1),
            stale: sign::USUAL,
        }
    }
    /// Makes all writes of what is stored fail as on a full disk, or ends that. For tests.
    #[doc(hidden)]
    pub fn pretend_full(&self, full: bool) {
        self.inner.full.store(full, Ordering::Relaxed);
    }

    fn path(&self, ending: &str) -> PathBuf {
        self.inner.folder.join(format!("{}{ending}", self.inner.name))
    }
}

impl Store for FileStore {
    fn read(&self) -> Result<Stored, StoreError> {
        let path = self.path(".json");
        let mut file = match retried(|| File::open(&path)) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Stored::Absent),
            Err(e) => return Err(failed("cannot read", &path, &e)),
        };
        private(&path, "the file")?;
        let mut text = zeroize::Zeroizing::new(Vec::new());
        // A megabyte is far more than any session holds.
        let read = file.by_ref().take(1 << 20).read_to_end(&mut text);
        read.map_err(|e| failed("cannot read", &path, &e))?;
        Ok(Record::parse(&text).map_or(Stored::Corrupt, |record| Stored::Record(Box::new(record))))
    }

    fn lock(&self, wait: &Wait<'_>) -> Result<Locked, StoreError> {
        Ok(match self.take(wait)? {
            lock::Taken::Held(lease) => Locked::Held(Box::new(lease) as Box<dyn Lease>),
            lock::Taken::Seen(record) => Locked::Seen(record),
            lock::Taken::TimedOut => Locked::TimedOut,
        })
    }
}

fn failed(what: &str, path: &Path, e: &io::Error) -> StoreError {
    StoreError::Failed(format!("{what} {}: {e}", path.display()))
}

/// A new file that only we may read. Fails if there is one.
fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).read(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Refuses what others may write to: they could put their tokens in place of ours.
#[cfg(unix)]
fn private(path: &Path, what: &str) -> Result<(), StoreError> {
    use std::os::unix::fs::PermissionsExt as _;
    let Ok(metadata) = fs::metadata(path) else { return Ok(()) };
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o022 == 0 {
        return Ok(());
    }
    Err(StoreError::Refused(format!(
        "{what} {} has mode {mode:o}: others may write to it. `chmod go-rwx {0}` makes it fit",
        path.display()
    )))
}

/// Elsewhere what is in a home is its owner's.
#[cfg(not(unix))]
fn private(_: &Path, _: &str) -> Result<(), StoreError> {
    Ok(())
}

/// How often a file is tried again that cannot be opened.
const TRIES: u32 = if cfg!(windows) { 20 } else { 1 };

/// On Windows a file that another process is just replacing cannot be opened for a moment.
fn retried<T>(mut act: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let mut tries = 1;
    loop {
        match act() {
            Err(e) if e.kind() == io::ErrorKind::PermissionDenied && tries < TRIES => {
                tries += 1;
                std::thread::sleep(Duration::from_millis(5));
            }
            other => return other,
        }
    }
}
