//! At most one look-up in flight per key: a thundering herd asks once.

use crate::facts::{FactsUnavailable, Looked};
use crate::locked;
use futures_util::future::{FutureExt as _, Shared, WeakShared};
use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::Mutex;

/// Abandoned look-ups are swept out when so many entries stand.
const SWEEP: usize = 1024;

/// Look-ups under way. An entry does not keep its look-up alive: it ends when nobody waits for it any more.
pub(crate) struct Flights<K, T: Clone>(Mutex<HashMap<K, WeakShared<Looked<T>>>>);

impl<K, T: Clone> Default for Flights<K, T> {
    fn default() -> Self {
        Self(Mutex::new(HashMap::new()))
    }
}

impl<K, T: Clone> fmt::Debug for Flights<K, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Flights(…)")
    }
}

impl<K: Hash + Eq + Clone, T: Clone> Flights<K, T> {
    /// Waits for the look-up of this key, starting it if there is none.
    pub(crate) async fn join(
        &self,
        key: &K,
        start: impl FnOnce() -> Looked<T>,
    ) -> Result<T, FactsUnavailable> {
        let found = self.enter(key, start).await;
        locked(&self.0).remove(key);
        found
    }

    fn enter(&self, key: &K, start: impl FnOnce() -> Looked<T>) -> Shared<Looked<T>> {
        let mut open = locked(&self.0);
        if let Some(shared) = open.get(key).and_then(WeakShared::upgrade) {
            return shared;
        }
        let shared = start().shared();
        if open.len() >= SWEEP {
            open.retain(|_, flight| flight.upgrade().is_some());
        }
        if let Some(weak) = shared.downgrade() {
            open.insert(key.clone(), weak);
        }
        shared
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[tokio::test]
    async fn a_herd_asks_once_and_a_later_one_again() {
        let (flights, asked) = (Flights::<u8, u8>::default(), AtomicUsize::new(0));
        let ask = || {
            flights.join(&7, || {
                asked.fetch_add(1, Ordering::Relaxed);
                Box::pin(async {
                    tokio::time::sleep(std::time::Duration::from_millis(1)).await;
                    Ok(1)
                })
            })
        };
        assert_eq!(tokio::join!(ask(), ask(), ask()), (Ok(1), Ok(1), Ok(1)));
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        assert_eq!(ask().await, Ok(1));
        assert_eq!(asked.load(Ordering::Relaxed), 2);
    }
}
