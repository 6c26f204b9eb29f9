//! Which clients run towards the limit of token requests, for the operator. Kept by each node, in memory.

use mandate_core::limit::Budget;
use mandate_core::{ClientId, PlatformId, Timestamp};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Clients that are remembered; of more, those that were busy last.
const MOST: usize = 1000;

/// A client that used up four fifths of a limit, or all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BusyClient {
    /// Which.
    pub client: ClientId,
    /// The limit, in requests a minute.
    pub limit: u32,
    /// Requests that were answered with less than a fifth of the limit left.
    pub near: u64,
    /// Requests that were refused.
    pub refused: u64,
    /// The first of these, and the last.
    pub since: Timestamp,
    /// When the last of them came.
    pub last: Timestamp,
}

/// The clients of all platforms.
#[derive(Debug, Default)]
pub struct Busy(Mutex<HashMap<(PlatformId, ClientId), BusyClient>>);

impl Busy {
    /// Notes what a request left of its limit, and whether it was refused.
    pub(crate) fn note(
        &self,
        platform: &PlatformId,
        client: &ClientId,
        (budget, was_refused): (Budget, bool),
        now: Timestamp,
    ) {
        if !was_refused && u64::from(budget.remaining) * 5 >= u64::from(budget.limit) {
            return;
        }
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (platform.clone(), client.clone());
        if all.len() >= MOST
            && !all.contains_key(&key)
            && let Some(oldest) = all.iter().min_by_key(|(_, row)| row.last).map(|(key, _)| key.clone())
        {
            all.remove(&oldest);
        }
        let fresh = || BusyClient {
            client: client.clone(),
            limit: budget.limit,
            near: 0,
            refused: 0,
            since: now,
            last: now,
        };
        let row = all.entry(key).or_insert_with(fresh);
        if was_refused {
            row.refused += 1;
        } else {
            row.near += 1;
        }
        (row.limit, row.last) = (budget.limit, now);
    }

    /// Those of a platform; who was refused most comes first.
    pub fn of(&self, platform: &PlatformId) -> Vec<BusyClient> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut rows: Vec<BusyClient> =
            all.iter().filter(|((of, _), _)| of == platform).map(|(_, row)| row.clone()).collect();
        rows.sort_by(|a, b| (b.refused, b.near, &a.client).cmp(&(a.refused, a.near, &b.client)));
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn left(remaining: u32) -> Budget {
        Budget { limit: 50, remaining, reset: Timestamp::from_seconds(9) }
    }

    #[test]
    fn clients_near_the_limit_are_listed_before_they_are_refused() {
        let (busy, now) = (Busy::default(), Timestamp::from_seconds(1));
        let note =
            |client: &str, budget, refused| busy.note(&"p".into(), &client.into(), (budget, refused), now);
        note("calm", left(10), false);
        assert!(busy.of(&"p".into()).is_empty());
        note("soon", left(9), false);
        note("loud", left(0), true);
        note("loud", left(0), false);
        let rows = busy.of(&"p".into());
        let said: Vec<_> = rows.iter().map(|r| (r.client.as_str(), r.near, r.refused)).collect();
        assert_eq!(said, [("loud", 1, 1), ("soon", 1, 0)]);
        assert!(busy.of(&"other".into()).is_empty());
    }

    #[test]
    fn the_list_is_bounded_and_keeps_the_latest() {
        let busy = Busy::default();
        for n in 0..1500 {
            let at = Timestamp::from_seconds(n);
            busy.note(&"p".into(), &ClientId::new(format!("c{n}")), (left(0), true), at);
        }
        let rows = busy.of(&"p".into());
        assert_eq!(rows.len(), MOST);
        assert!(rows.iter().all(|row| row.last >= Timestamp::from_seconds(500)));
    }
}
