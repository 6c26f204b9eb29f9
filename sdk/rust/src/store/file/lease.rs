//! What the holder of the lock may do.

use super::sign::Heart;
use super::{FileStore, create, failed, retried};
use crate::store::{Lease, Record, Store as _, StoreError, Stored, Written};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::sync::atomic::Ordering;
use std::time::Duration;

/// The lock, held. Dropping it releases.
#[derive(Debug)]
pub(super) struct FileLease {
    pub(super) store: FileStore,
    pub(super) id: String,
    pub(super) heart: Option<Heart>,
    /// What was stored when the lock was taken.
    pub(super) generation: u64,
    pub(super) over: Option<Duration>,
}

impl Lease for FileLease {
    fn taken_over(&self) -> Option<Duration> {
        self.over
    }

    fn set_aside(&mut self) -> Result<(), StoreError> {
        let path = self.store.path(".json");
        retried(|| fs::rename(&path, self.store.path(".json.corrupt")))
            .map_err(|e| failed("cannot set aside", &path, &e))
    }

    fn write(&mut self, record: &Record) -> Result<Written, StoreError> {
        if !self.store.is_held_by(&self.id)
            && let Stored::Record(theirs) = self.store.read()?
            && theirs.generation > self.generation
        {
            return Ok(Written::Overtaken(theirs));
        }
        let path = self.store.path(&format!(".json.{}.tmp", self.id));
        let written = self.write_to(&path, record);
        if written.is_err() {
            let _left_for_a_minute = fs::remove_file(&path);
        }
        written.map_err(|e| failed("cannot write", &self.store.path(".json"), &e))?;
        self.generation = record.generation;
        Ok(Written::Done)
    }

    fn remove(&mut self) -> Result<(), StoreError> {
        let path = self.store.path(".json");
        match fs::remove_file(&path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(failed("cannot remove", &path, &e)),
            _ => Ok(()),
        }
    }
}

impl FileLease {
    fn write_to(&self, path: &std::path::Path, record: &Record) -> io::Result<()> {
        let _older = fs::remove_file(path);
        let mut file = create(path)?;
        if self.store.inner.full.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        file.write_all(record.to_text().expose().as_bytes())?;
        file.sync_all()?;
        drop(file);
        retried(|| fs::rename(path, self.store.path(".json")))?;
        // The name outlives a power cut only if the folder is written too; not all systems can be asked for that.
        if cfg!(unix)
            && let Ok(folder) = File::open(&self.store.inner.folder)
        {
            let _as_far_as_possible = folder.sync_all();
        }
        Ok(())
    }
}

impl Drop for FileLease {
    fn drop(&mut self) {
        self.heart = None;
        if self.store.is_held_by(&self.id) {
            let _left_to_go_stale = fs::remove_file(self.store.path(".lock"));
        }
    }
}
