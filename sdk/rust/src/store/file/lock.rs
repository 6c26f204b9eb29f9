//! Taking `NAME.lock`: by making it, or by taking it over from a process that died (STORE.md).

use super::lease::FileLease;
use super::sign::{self, Heart, Seen, content, write_at_start};
use super::{FileStore, create, failed, retried};
use crate::encoding::hex;
use crate::inner::locked;
use crate::seams::Random as _;
use crate::store::{Record, Store as _, StoreError, Stored, Wait};
use crate::system::{SystemRandom, instant, wall};
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

/// What trying came to.
#[derive(Debug)]
pub(super) enum Taken {
    Held(FileLease),
    Seen(Box<Record>),
    TimedOut,
}

impl FileStore {
    /// Steps 1 to 4 of STORE.md. Sleeps between looks.
    pub(super) fn take(&self, wait: &Wait<'_>) -> Result<Taken, StoreError> {
        let began = instant();
        // Kept from one attempt to the next: those that do not wait find a dead holder, too.
        let mut watched = locked(&self.inner.watched).take();
        loop {
            if let Some(lease) = self.make()? {
                return Ok(Taken::Held(lease));
            }
            if let Some(seen) = self.look() {
                match &mut watched {
                    Some(before) if before.seen == seen => {
                        if before.since.elapsed() >= seen.stale
                            && let Some(lease) = self.claim(before)?
                        {
                            return Ok(Taken::Held(lease));
                        }
                    }
                    _ => watched = Some(Watched { seen, since: instant(), claims: 0 }),
                }
            } else {
                watched = None;
                continue;
            }
            if let Ok(Stored::Record(record)) = self.read()
                && (wait.enough)(&record)
            {
                return Ok(Taken::Seen(record));
            }
            if began.elapsed() >= wait.patience || wait.is_given_up() {
                // Two locks that are being made look the same: only one with an id is known again later.
                *locked(&self.inner.watched) = watched.filter(|watched| watched.seen.id.is_some());
                return Ok(Taken::TimedOut);
            }
            std::thread::sleep(Duration::from_micros(20_000 + random_below(40_000)));
        }
    }

    /// Step 1: exclusive create. None: there is a lock.
    fn make(&self) -> Result<Option<FileLease>, StoreError> {
        let path = self.path(".lock");
        let file = match retried(|| create(&path)) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => return Ok(None),
            Err(e) => return Err(failed("cannot make", &path, &e)),
        };
        match self.begin(file, new_id(), None) {
            Ok(lease) => Ok(Some(lease)),
            Err(e) => {
                let _left_to_go_stale = fs::remove_file(&path);
                Err(e)
            }
        }
    }

    /// What stands in the lock. None: it is gone.
    fn look(&self) -> Option<Seen> {
        match retried(|| fs::read(self.path(".lock"))) {
            Ok(mut bytes) => {
                bytes.truncate(4 * sign::SIZE);
                Some(Seen::read(bytes))
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => None,
            Err(_) => Some(Seen::read(Vec::new())),
        }
    }

    /// Step 3: the holder is dead. Exactly one process wins the claim.
    fn claim(&self, watched: &mut Watched) -> Result<Option<FileLease>, StoreError> {
        watched.claims += 1;
        let silent = watched.since.elapsed();
        watched.since = instant();
        let claim = self.path(&format!(".lock.{}.{}", watched.seen.claim_name(), watched.claims));
        match create(&claim) {
            Ok(_) => {}
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => return Ok(None),
            Err(e) => return Err(failed("cannot make", &claim, &e)),
        }
        let taken = if self.look().as_ref() == Some(&watched.seen) {
            let lease = self.replace(silent);
            if let Some(dead) = watched.seen.id.as_ref().filter(|_| lease.is_ok()) {
                // What it was writing when it died. One that only slept fails to write, and must not write any more.
                let _mostly_absent = fs::remove_file(self.path(&format!(".json.{dead}.tmp")));
            }
            lease.map(Some)
        } else {
            Ok(None)
        };
        let _left_for_a_minute = fs::remove_file(&claim);
        taken
    }

    /// Puts a lock of our own in place of a dead one.
    fn replace(&self, silent: Duration) -> Result<FileLease, StoreError> {
        let id = new_id();
        let path = self.path(&format!(".lock.{id}.tmp"));
        let file = create(&path).map_err(|e| failed("cannot make", &path, &e))?;
        let lease = write_at_start(&file, &content(&id, self.inner.beat, self.inner.stale, 0))
            .and_then(|()| retried(|| fs::rename(&path, self.path(".lock"))))
            .map_err(|e| failed("cannot replace the lock by", &path, &e))
            .and_then(|()| self.begin(file, id, Some(silent)));
        if lease.is_err() {
            let _left_for_a_minute = fs::remove_file(&path);
        }
        lease
    }

    /// Holds the lock from here on.
    fn begin(&self, file: File, id: String, over: Option<Duration>) -> Result<FileLease, StoreError> {
        let (beat, stale) = (self.inner.beat, self.inner.stale);
        let heart = write_at_start(&file, &content(&id, beat, stale, 0))
            .and_then(|()| Heart::start(file, &id, beat, stale))
            .map_err(|e| failed("cannot write", &self.path(".lock"), &e))?;
        self.sweep();
        let generation = match self.read() {
            Ok(Stored::Record(record)) => record.generation,
            _ => 0,
        };
        Ok(FileLease { store: self.clone(), id, heart: Some(heart), generation, over })
    }

    /// Whether the lock is still ours.
    pub(super) fn is_held_by(&self, id: &str) -> bool {
        self.look().is_some_and(|seen| seen.id.as_deref() == Some(id))
    }

    /// Removes what dead processes left: claims and temporary files older than a minute.
    fn sweep(&self) {
        let Ok(folder) = fs::read_dir(&self.inner.folder) else { return };
        for entry in folder.flatten() {
            let is_left = entry.file_name().to_str().is_some_and(|name| self.is_debris(name));
            if is_left && is_old(&entry.path()) {
                let _another_did = fs::remove_file(entry.path());
            }
        }
    }

    fn is_debris(&self, name: &str) -> bool {
        let Some(rest) = name.strip_prefix(self.inner.name.as_str()) else { return false };
        let parts: Vec<&str> = rest.split('.').collect();
        match parts.as_slice() {
            ["", "lock" | "json", id, "tmp"] => sign::is_id(id),
            ["", "lock", id, n] => (sign::is_id(id) || *id == "unreadable") && n.parse::<u32>().is_ok(),
            _ => false,
        }
    }
}

/// A lock that is watched for a sign of life.
#[derive(Debug)]
pub(super) struct Watched {
    seen: Seen,
    since: Instant,
    claims: u32,
}

fn is_old(path: &Path) -> bool {
    let modified = fs::metadata(path).and_then(|m| m.modified());
    modified.is_ok_and(|at| wall().duration_since(at).is_ok_and(|age| age > Duration::from_mins(1)))
}

fn new_id() -> String {
    let mut bytes = [0; 16];
    SystemRandom.fill(&mut bytes);
    hex(&bytes)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "small"
)]
fn random_below(n: u64) -> u64 {
    (SystemRandom.unit() * n as f64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;

    /// All believe in the same moment that the holder is dead.
    #[test]
    fn a_claim_has_one_winner() {
        let folder = std::env::temp_dir().join(format!("mandate-session-claim-{}", std::process::id()));
        let dead = content(&new_id(), Duration::from_millis(20), sign::SHORTEST, 7);
        for round in 0..20 {
            let _absent = fs::remove_dir_all(&folder);
            let store = FileStore::open(&folder, "main").unwrap();
            fs::write(folder.join("main.lock"), &dead).unwrap();
            let barrier = Barrier::new(12);
            let won: usize = std::thread::scope(|scope| {
                let all: Vec<_> = (0..12)
                    .map(|_| {
                        scope.spawn(|| {
                            let seen = Seen::read(dead.clone());
                            let mut watched = Watched { seen, since: instant(), claims: 0 };
                            barrier.wait();
                            let lease = store.claim(&mut watched).unwrap();
                            // Nobody lets go before all have tried.
                            barrier.wait();
                            usize::from(lease.is_some())
                        })
                    })
                    .collect();
                all.into_iter().map(|one| one.join().unwrap()).sum()
            });
            assert_eq!(won, 1, "round {round}");
        }
        fs::remove_dir_all(&folder).unwrap();
    }
}
