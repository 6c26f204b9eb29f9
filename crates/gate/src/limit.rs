//! Where the meters stand: sharded by key, and forgotten once their budget is whole again.

use crate::locked;
use mandate_core::Timestamp;
use mandate_core::limit::Meter;
use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hash, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex};

const SHARDS: usize = 32;
/// A shard is swept when it has grown to this, and then at twice what had to stay.
const SWEEP: usize = 256;

/// Meters by key. Those that still count are never dropped, so memory is bounded by the keys that were active within
/// the last minute.
#[derive(Debug)]
pub(crate) struct Meters<K> {
    shards: Box<[Mutex<Shard<K>>]>,
    hasher: RandomState,
    most: usize,
}

#[derive(Debug)]
struct Shard<K> {
    meters: HashMap<K, Arc<Meter>>,
    sweep_at: usize,
}

impl<K: Hash + Eq + Clone> Meters<K> {
    /// Meters of proven principals: as many as there are.
    pub(crate) fn new() -> Self {
        Self::at_most(usize::MAX)
    }

    /// Meters of anybody who comes: at most `most`, about; beyond that some are forgotten early.
    pub(crate) fn at_most(most: usize) -> Self {
        let shard = || Mutex::new(Shard { meters: HashMap::new(), sweep_at: SWEEP });
        Self {
            shards: (0..SHARDS).map(|_| shard()).collect(),
            hasher: RandomState::new(),
            most: most / SHARDS,
        }
    }

    /// The meter of a key.
    pub(crate) fn get(&self, key: &K, now: Timestamp) -> Arc<Meter> {
        let mut shard = locked(self.shard(key));
        if let Some(meter) = shard.meters.get(key) {
            return meter.clone();
        }
        if shard.meters.len() >= shard.sweep_at.min(self.most) {
            shard.sweep(now, self.most);
        }
        shard.meters.entry(key.clone()).or_default().clone()
    }

    fn shard(&self, key: &K) -> &Mutex<Shard<K>> {
        let hash = usize::try_from(self.hasher.hash_one(key) % SHARDS as u64).unwrap_or(0);
        &self.shards[hash]
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.shards.iter().map(|s| locked(s).meters.len()).sum()
    }
}

impl<K: Hash + Eq + Clone> Shard<K> {
    fn sweep(&mut self, now: Timestamp, most: usize) {
        // One that somebody holds is about to be taken from.
        self.meters.retain(|_, meter| Arc::strong_count(meter) > 1 || !meter.is_idle(now));
        if self.meters.len() >= most {
            self.meters.clear();
        }
        self.sweep_at = (self.meters.len() * 2).max(SWEEP);
    }
}

/// Where a caller sits: an IPv4 address, or the /64 that one IPv6 subscriber has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Source(IpAddr);

impl From<IpAddr> for Source {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(four) => IpAddr::V4(four),
            IpAddr::V6(six) => {
                let [a, b, c, d, ..] = six.segments();
                IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mandate_core::limit::Rate;

    const RATE: Rate = Rate { per_minute: 1 };

    #[test]
    fn idle_meters_are_forgotten_and_counting_ones_are_not() {
        let meters = Meters::<u32>::new();
        let start = Timestamp::from_seconds(1_000_000);
        for key in 0..50_000 {
            assert!(meters.get(&key, start).take(RATE, start).is_ok());
        }
        assert!((0..50_000).all(|key| meters.get(&key, start).take(RATE, start).is_err()));
        let later = start.plus_seconds(120);
        for key in 50_000..110_000 {
            meters.get(&key, later);
        }
        assert!(meters.len() < 70_000, "{}", meters.len());
    }

    #[test]
    fn strangers_take_bounded_memory() {
        let meters = Meters::<u32>::at_most(3200);
        let start = Timestamp::from_seconds(1_000_000);
        for key in 0..50_000 {
            let _ = meters.get(&key, start).take(RATE, start);
        }
        assert!(meters.len() <= 3200 + SHARDS);
    }

    #[test]
    fn one_ipv6_subscriber_is_one_source() {
        let source = |text: &str| Source::from(text.parse::<IpAddr>().unwrap());
        assert_eq!(source("2001:db8:1:2::1"), source("2001:db8:1:2:ffff::9"));
        assert_ne!(source("2001:db8:1:2::1"), source("2001:db8:1:3::1"));
        assert_eq!(source("::ffff:192.0.2.1"), source("192.0.2.1"));
        assert_ne!(source("192.0.2.2"), source("192.0.2.1"));
    }
}
