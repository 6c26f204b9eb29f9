//! The session's inside: what is held, and how callers come to it.

use crate::core::fresh::Fresh;
use crate::core::held::Held;
use crate::core::machine::{Machine, Need};
use crate::core::state::{Reason, State};
use crate::error::{Error, NeedsLogin};
use crate::flight::Kind;
use crate::observer::Event;
use crate::seams::Millis;
use crate::settings::{Endpoints, Grant, Settings};
use crate::store::{Record, StoreError, Stored};
use arc_swap::ArcSwapOption;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// Rounds of renewing for one call, should each token be dead on arrival.
const MOST_ROUNDS: usize = 4;

pub(crate) struct Inner {
    pub(crate) settings: Settings,
    pub(crate) owner: String,
    machine: Mutex<Machine>,
    /// What `machine` holds, for callers that need nothing else.
    live: ArcSwapOption<Held>,
    pub(crate) flight: Mutex<Option<crate::flight::Flight>>,
    pub(crate) nonces: Mutex<HashMap<String, String>>,
    pub(crate) endpoints: Mutex<Option<Arc<Endpoints>>>,
    pub(crate) fresh: Fresh,
    /// Counts changes of what is held.
    pub(crate) changes: watch::Sender<u64>,
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("settings", &self.settings)
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}

/// Locks; what another thread left when it panicked is still whole, for no code here panics half-way.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Inner {
    pub(crate) fn start(settings: Settings) -> Result<Self, Error> {
        let machine = Machine::new(&settings.grant)
            .ok_or_else(|| Error::misconfigured("the token holds characters that no header can"))?;
        let inner = Self {
            owner: settings.owner(),
            live: ArcSwapOption::new(machine.held.clone()),
            machine: Mutex::new(machine),
            settings,
            flight: Mutex::default(),
            nonces: Mutex::default(),
            endpoints: Mutex::default(),
            fresh: Fresh::default(),
            changes: watch::Sender::new(0),
        };
        if let Some(store) = inner.store() {
            match store.read() {
                Ok(stored) => {
                    if inner.take_stored(&stored)? {
                        inner.tell(&Event::TakenFromStore);
                    }
                }
                Err(StoreError::Refused(why)) => return Err(Error::Misconfigured(why)),
                Err(e) => inner.tell(&Event::StoreFailed { error: e.to_string() }),
            }
        }
        Ok(inner)
    }

    /// The store, for grants that have something to keep.
    pub(crate) fn store(&self) -> Option<&Arc<dyn crate::store::Store>> {
        let keeps = !matches!(self.settings.grant, Grant::Keys(_) | Grant::Given(..));
        self.settings.store.as_ref().filter(|_| keeps)
    }

    pub(crate) fn now(&self) -> Millis {
        self.settings.clock.now()
    }

    /// Reads or changes what is held.
    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut Machine) -> T) -> T {
        let mut machine = locked(&self.machine);
        let done = act(&mut machine);
        let held = machine.held.clone().filter(|_| !machine.closed);
        let is_same = match (&*self.live.load(), &held) {
            (Some(old), Some(new)) => Arc::ptr_eq(old, new),
            (None, None) => true,
            _ => false,
        };
        if !is_same {
            self.live.store(held);
        }
        drop(machine);
        if !is_same {
            self.changes.send_modify(|n| *n += 1);
        }
        done
    }

    pub(crate) fn tell(&self, event: &Event) {
        if let Some(observer) = &self.settings.observer {
            observer.event(event);
        }
    }

    pub(crate) fn state(&self) -> State {
        locked(&self.machine).state(&self.settings.grant, self.now())
    }

    pub(crate) fn need(&self) -> Need {
        locked(&self.machine).need(&self.settings.grant, self.now())
    }

    /// A token that is good now. While it is live this is one look and one reading of the clock.
    pub(crate) async fn obtain(self: &Arc<Self>) -> Result<Arc<Held>, Error> {
        if let Some(held) = self.quick() {
            return Ok(held);
        }
        let mut has_looked = false;
        for _ in 0..MOST_ROUNDS {
            match self.need() {
                Need::Use(held) => return Ok(held),
                Need::Closed => return Err(Error::Closed),
                Need::Blocked(needs) => {
                    if has_looked || !self.look().await? {
                        return Err(Error::NeedsLogin(needs));
                    }
                    has_looked = true;
                }
                Need::Early(old) => {
                    // Its failure is remembered and felt by nobody.
                    let _remembered = self.renew(Kind::Early).await;
                    match self.need() {
                        Need::Use(held) | Need::Early(held) => return Ok(held),
                        _ if old.is_good(self.now()) && self.with(|m| m.held.is_some()) => return Ok(old),
                        _ => {}
                    }
                }
                Need::Must => self.renew(Kind::Must).await?,
            }
        }
        let now = self.now();
        Err(Error::Unavailable(self.with(|m| m.unavailable(now))))
    }

    fn quick(&self) -> Option<Arc<Held>> {
        let live = self.live.load();
        let held = live.as_ref()?;
        let now = self.now();
        (held.is_good(now) && !held.is_early(now)).then(|| Arc::clone(held))
    }

    /// Reads the store, without lock and request. Whether there is reason to try again.
    async fn look(self: &Arc<Self>) -> Result<bool, Error> {
        let Some(store) = self.store().cloned() else { return Ok(false) };
        let read = blocking(move || store.read()).await;
        let stored = match read {
            Some(Ok(stored)) => stored,
            Some(Err(e)) => {
                self.tell(&Event::StoreFailed { error: e.to_string() });
                return Ok(false);
            }
            None => return Ok(false),
        };
        if self.take_stored(&stored)? {
            self.tell(&Event::TakenFromStore);
            return Ok(true);
        }
        Ok(!matches!(self.need(), Need::Blocked(_)))
    }

    /// Takes over what was read from the store. Whether that brought a good token that was not held.
    pub(crate) fn take_stored(&self, stored: &Stored) -> Result<bool, Error> {
        match stored {
            Stored::Record(record) => {
                self.own(record)?;
                let now = self.now();
                Ok(self.with(|m| m.adopt(record, now)))
            }
            Stored::Corrupt => {
                let grant = &self.settings.grant;
                let now = self.now();
                let needs = self.with(|m| {
                    m.store_is_empty();
                    let is_lost = !m.can_renew(grant) && m.held.is_none() && !m.is_blocked();
                    is_lost.then(|| {
                        let needs = NeedsLogin::because(Reason::StoreCorrupt);
                        m.block(needs.clone(), now);
                        needs
                    })
                });
                if let Some(needs) = needs {
                    self.tell(&Event::NeedsLogin(Box::new(needs)));
                }
                Ok(false)
            }
            Stored::Absent => {
                self.with(Machine::store_is_empty);
                Ok(false)
            }
        }
    }

    /// Refuses the file of another client.
    pub(crate) fn own(&self, record: &Record) -> Result<(), Error> {
        if record.owner == self.owner {
            return Ok(());
        }
        Err(Error::misconfigured(
            "the stored session belongs to other settings (issuer, client, grant, user, scope or resource); give this one a name of its own",
        ))
    }

    /// Waits until no renewal is under way, but no longer than one request may take.
    pub(crate) async fn settle(&self) {
        let flight = locked(&self.flight).clone();
        if let Some(flight) = flight {
            let _in_time = tokio::time::timeout(self.settings.timeout, flight.landed()).await;
        }
    }
}

/// Runs something that blocks on a thread where it may. None: the runtime is going down.
pub(crate) async fn blocking<T: Send + 'static>(act: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    tokio::task::spawn_blocking(act).await.ok()
}
