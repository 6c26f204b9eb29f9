//! The store, as a session uses it: the lock around a renewal, what is read under it, what is written.

use crate::error::Error;
use crate::flight::Kind;
use crate::inner::{Inner, blocking};
use crate::observer::Event;
use crate::store::{Lease, Locked, Stored, Wait, Written};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

impl Inner {
    /// Takes the store's lock, or sees that it is not needed. None: it cannot be had, and we go on without.
    pub(crate) async fn take_lock(self: &Arc<Self>, kind: Kind) -> Result<Option<Locked>, Error> {
        let settings = &self.settings;
        let patience = match kind {
            // Whoever has a token does not wait for others.
            Kind::Early => Duration::ZERO,
            Kind::Must => settings.patience,
        };
        self.lock_for(patience, true).await
    }

    /// The lock, waited for so long. With `stops_early` a good token that others stored is enough.
    pub(crate) async fn lock_for(
        self: &Arc<Self>,
        patience: Duration,
        stops_early: bool,
    ) -> Result<Option<Locked>, Error> {
        let Some(store) = self.store().cloned() else { return Ok(None) };
        let given_up = GivenUp(Arc::default());
        let (me, flag) = (Arc::clone(self), Arc::clone(&given_up.0));
        let taken = blocking(move || {
            let enough = |record: &crate::store::Record| {
                let now = me.now();
                stops_early && record.owner == me.owner && me.with(|m| m.would_adopt(record, now))
            };
            store.lock(&Wait { patience, given_up: &flag, enough: &enough })
        });
        match taken.await {
            Some(Ok(Locked::Held(lease))) => {
                if let Some(age) = lease.taken_over() {
                    let age_ms = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
                    self.tell(&Event::LockTakenOver { age_ms });
                }
                Ok(Some(Locked::Held(lease)))
            }
            Some(Ok(other)) => Ok(Some(other)),
            Some(Err(e)) => {
                self.tell(&Event::StoreFailed { error: e.to_string() });
                Ok(None)
            }
            None => Err(Error::Closed),
        }
    }

    /// Reads the store as holder of the lock. Whether that brought a good token that was not held.
    pub(crate) async fn read_under_lock(&self, lease: &mut Option<Box<dyn Lease>>) -> Result<bool, Error> {
        let Some(store) = self.store().cloned() else { return Ok(false) };
        let Some(mut held) = lease.take() else { return Ok(false) };
        let read = blocking(move || {
            let stored = store.read();
            let put_away = match &stored {
                Ok(Stored::Corrupt) => held.set_aside(),
                _ => Ok(()),
            };
            (held, stored, put_away)
        });
        let Some((held, stored, put_away)) = read.await else { return Err(Error::Closed) };
        *lease = Some(held);
        match (stored, put_away) {
            (Ok(stored), Ok(())) => self.take_stored(&stored),
            (Ok(_), Err(e)) | (Err(e), _) => {
                self.tell(&Event::StoreFailed { error: e.to_string() });
                Ok(false)
            }
        }
    }

    /// Reads the store as holder of the lock for what must outlive a newer sign-in: the generation and the members of
    /// other versions.
    pub(crate) async fn note_stored(&self, lease: &mut Option<Box<dyn Lease>>) -> Result<(), Error> {
        let Some(store) = self.store().cloned() else { return Ok(()) };
        let Some(mut held) = lease.take() else { return Ok(()) };
        let read = blocking(move || {
            let stored = store.read();
            if matches!(stored, Ok(Stored::Corrupt)) {
                let _written_over = held.set_aside();
            }
            (held, stored)
        });
        let Some((held, stored)) = read.await else { return Err(Error::Closed) };
        *lease = Some(held);
        if let Ok(Stored::Record(record)) = stored {
            self.own(&record)?;
            self.with(|m| m.note(*record));
        }
        Ok(())
    }

    /// Writes what is held, as holder of the lock.
    pub(crate) async fn keep(&self, lease: &mut Option<Box<dyn Lease>>) {
        let Some(mut held) = lease.take() else {
            if self.store().is_some() {
                self.with(|m| {
                    let record = m.record(&self.owner);
                    m.saved(record, false);
                });
            }
            return;
        };
        let record = self.with(|m| m.record(&self.owner));
        let writing = blocking(move || {
            let written = held.write(&record);
            (held, record, written)
        });
        let Some((held, record, written)) = writing.await else { return };
        *lease = Some(held);
        match written {
            Ok(Written::Done) => self.with(|m| m.saved(record, true)),
            Ok(Written::Overtaken(theirs)) => {
                let _other_owner = self.take_stored(&Stored::Record(theirs));
            }
            Err(e) => {
                self.with(|m| m.saved(record, false));
                self.tell(&Event::StoreFailed { error: e.to_string() });
            }
        }
    }
}

/// Says so to the thread that waits when nobody does any more.
struct GivenUp(Arc<AtomicBool>);

impl Drop for GivenUp {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
