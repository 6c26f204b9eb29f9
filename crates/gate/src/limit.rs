//! Where the meters stand: sharded by key, and forgotten once their budget is whole again.

use crate::locked;
use mandate_core::limit::Meter;
use mandate_core::policy::MeterKey;
use mandate_core::{PlatformId, Timestamp};
use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex};

const SHARDS: usize = 32;
/// A shard is swept when it has grown to this, and then at twice what had to stay.
const SWEEP: usize = 256;

/// A key of meters.
pub(crate) trait Key: Hash + Eq + Clone {
    /// A number that differs between keys more often than not: which shard to look in. Need not be secret, since
    /// nothing but waiting depends on it.
    fn spread(&self) -> usize;
}

impl Key for (PlatformId, MeterKey) {
    fn spread(&self) -> usize {
        let id = match &self.1 {
            MeterKey::Account(account) => account.as_str(),
            MeterKey::Partner(partner) => partner.as_str(),
            MeterKey::Client(client) | MeterKey::OwnTokens(client) => client.as_str(),
            MeterKey::SignOns(user) => user.as_str(),
            MeterKey::Refreshes(chain) => chain.as_str(),
        };
        id.bytes().rev().take(4).fold(0, |sum, byte| sum * 31 + usize::from(byte))
    }
}

impl Key for (PlatformId, Source) {
    fn spread(&self) -> usize {
        match self.1.0 {
            IpAddr::V4(four) => four.octets().into_iter().map(usize::from).sum(),
            IpAddr::V6(six) => six.octets().into_iter().map(usize::from).sum(),
        }
    }
}

/// Meters by key. Those that still count are never dropped, so memory is bounded by the keys that were active within
/// the last minute.
#[derive(Debug)]
pub(crate) struct Meters<K, N = ()> {
    shards: Box<[Mutex<Shard<K, N>>]>,
    most: usize,
}

#[derive(Debug)]
struct Shard<K, N> {
    // With a note beside each, for whoever keeps the meters.
    meters: HashMap<K, (Arc<Meter>, N)>,
    sweep_at: usize,
}

impl<K: Key, N: Default> Meters<K, N> {
    /// Meters of proven principals: as many as there are.
    pub(crate) fn new() -> Self {
        Self::at_most(usize::MAX)
    }

    /// Meters of anybody who comes: at most `most`, about; beyond that some are forgotten early.
    pub(crate) fn at_most(most: usize) -> Self {
        let shard = || Mutex::new(Shard { meters: HashMap::new(), sweep_at: SWEEP });
        Self { shards: (0..SHARDS).map(|_| shard()).collect(), most: most / SHARDS }
    }

    /// The meter of a key.
    pub(crate) fn get(&self, key: &K, now: Timestamp) -> Arc<Meter> {
        self.on(key, now, |meter, _| meter.clone())
    }

    /// Takes from the meter of a key, or looks at it.
    pub(crate) fn on<T>(&self, key: &K, now: Timestamp, act: impl FnOnce(&Arc<Meter>, &mut N) -> T) -> T {
        let mut shard = locked(&self.shards[key.spread() % SHARDS]);
        if let Some((meter, note)) = shard.meters.get_mut(key) {
            return act(meter, note);
        }
        if shard.meters.len() >= shard.sweep_at.min(self.most) {
            shard.sweep(now, self.most);
        }
        let (meter, note) = shard.meters.entry(key.clone()).or_default();
        act(meter, note)
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.shards.iter().map(|s| locked(s).meters.len()).sum()
    }
}

impl<K: Key, N> Shard<K, N> {
    fn sweep(&mut self, now: Timestamp, most: usize) {
        // One that somebody holds is about to be taken from.
        self.meters.retain(|_, (meter, _)| Arc::strong_count(meter) > 1 || !meter.is_idle(now));
        if self.meters.len() >= most {
            self.meters.clear();
        }
        self.sweep_at = (self.meters.len() * 2).max(SWEEP);
    }
}

/// Which use of a credential was told last.
#[derive(Debug, Default)]
pub(crate) struct Told {
    at: Option<Timestamp>,
    // Where the credential's id stands: another place is at worst news once too often.
    id: usize,
}

/// A use is news again after so long.
const NEWS_MS: i64 = 10_000;

impl Told {
    /// Whether the use of a credential is worth telling; then it counts as told.
    pub(crate) fn is_news(&mut self, id: &str, now: Timestamp) -> bool {
        let place = id.as_ptr().addr();
        if self.id == place && self.at.is_some_and(|at| (0..NEWS_MS).contains(&now.millis_since(at))) {
            return false;
        }
        *self = Self { at: Some(now), id: place };
        true
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

    impl Key for u32 {
        fn spread(&self) -> usize {
            usize::try_from(*self).unwrap()
        }
    }

    #[test]
    fn idle_meters_are_forgotten_and_counting_ones_are_not() {
        let meters = Meters::<u32, ()>::new();
        let start = Timestamp::from_seconds(1_000_000);
        for key in 0..50_000 {
            assert!(meters.on(&key, start, |m, ()| m.take(RATE, start)).is_ok());
        }
        assert!((0..50_000).all(|key| meters.on(&key, start, |m, ()| m.take(RATE, start)).is_err()));
        let later = start.plus_seconds(120);
        for key in 50_000..110_000 {
            meters.on(&key, later, |_, ()| ());
        }
        assert!(meters.len() < 70_000, "{}", meters.len());
    }

    #[test]
    fn strangers_take_bounded_memory() {
        let meters = Meters::<u32, ()>::at_most(3200);
        let start = Timestamp::from_seconds(1_000_000);
        for key in 0..50_000 {
            let _ = meters.on(&key, start, |m, ()| m.take(RATE, start));
        }
        assert!(meters.len() <= 3200 + SHARDS);
    }

    #[test]
    fn a_use_is_news_when_it_is_another_or_a_while_later() {
        let (mut told, start) = (Told::default(), Timestamp::from_seconds(1_000_000));
        let (one, other) = (String::from("PK1"), String::from("PK2"));
        let mut is_news = |id: &str, s: i64| told.is_news(id, start.plus_seconds(s));
        assert!(is_news(&one, 0) && !is_news(&one, 0) && !is_news(&one, 9) && is_news(&one, 10));
        assert!(
            is_news(&other, 10) && is_news(&one, 10) && is_news(&one, 0),
            "another one, or a clock that went back"
        );
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
