//! Limits on attempts to sign in: for each address and for each name, whether the name exists or not. Nobody is
//! locked out: an attempt is free again within seconds (DESIGN D13, SECURITY R5, R7).

mod busy;

pub use busy::{Busy, BusyClient};

use crate::Fail;
use mandate_core::disclosure::FactName;
use mandate_core::limit::{Exceeded, Meter, Rate};
use mandate_core::refusal::Refusal;
use mandate_core::{Cause, Digest, Entropy, PlatformId, Timestamp};
use std::net::IpAddr;

/// Wrong passwords for one name.
const BY_NAME: Rate = Rate { per_minute: 10 };
/// Wrong passwords from one address: a household or a small office shares it.
const BY_ADDRESS: Rate = Rate { per_minute: 60 };
/// Meters of each kind. Names share a meter by a keyed digest, so memory is bounded and nobody can aim at a neighbour.
const SLOTS: usize = 1 << 15;

/// The limits of this node.
pub struct Throttle {
    names: Box<[Meter]>,
    addresses: Box<[Meter]>,
    key: [u8; 16],
    /// Clients that come near the limit of token requests.
    pub busy: Busy,
}

impl std::fmt::Debug for Throttle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Throttle(…)")
    }
}

/// An attempt that was let through. It counts unless it is [forgiven](Attempt::forgive).
#[derive(Debug)]
#[must_use]
pub struct Attempt<'a> {
    name: &'a Meter,
    address: &'a Meter,
}

impl Attempt<'_> {
    /// The password was right: the attempt does not count.
    pub fn forgive(self) {
        self.name.give_back(BY_NAME);
        self.address.give_back(BY_ADDRESS);
    }
}

impl Throttle {
    /// Nothing has been tried yet.
    pub fn new(entropy: &dyn Entropy) -> Self {
        let mut key = [0u8; 16];
        entropy.fill(&mut key);
        let meters = || (0..SLOTS).map(|_| Meter::default()).collect();
        Self { names: meters(), addresses: meters(), key, busy: Busy::default() }
    }

    /// Counts an attempt before its password is looked at.
    ///
    /// # Errors
    /// [`Cause::SignInThrottled`] with the seconds to wait.
    pub fn attempt(
        &self,
        platform: &PlatformId,
        name: &str,
        address: IpAddr,
        now: Timestamp,
    ) -> Result<Attempt<'_>, Fail> {
        let address = self.slot(&self.addresses, &["address", platform.as_str(), &source(address)]);
        let name = self.slot(&self.names, &["name", platform.as_str(), name]);
        address.take(BY_ADDRESS, now).map_err(|over| refused(&over))?;
        if let Err(over) = name.take(BY_NAME, now) {
            address.give_back(BY_ADDRESS);
            return Err(refused(&over));
        }
        Ok(Attempt { name, address })
    }

    fn slot<'a>(&self, meters: &'a [Meter], parts: &[&str]) -> &'a Meter {
        let mut bytes = self.key.to_vec();
        for part in parts {
            bytes.extend_from_slice(&part.len().to_be_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
        let digest = Digest::of(&bytes);
        let [a, b, ..] = digest.as_bytes();
        &meters[usize::from(u16::from_be_bytes([*a, *b])) % meters.len()]
    }
}

/// Who an address is, for limits: a whole /64 of IPv6 is one subscriber's.
fn source(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => format!("{:x?}", &v6.segments()[..4]),
    }
}

fn refused(over: &Exceeded) -> Fail {
    Refusal::anonymous(Cause::SignInThrottled)
        .with(FactName::RetryAfter, (over.retry_after_ms + 999) / 1000)
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Sevens;
    impl Entropy for Sevens {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(7);
        }
    }

    fn tries(throttle: &Throttle, name: &str, last: u8, now: Timestamp) -> usize {
        let address = IpAddr::from([192, 0, last, 1]);
        (0..1000).take_while(|_| throttle.attempt(&"p".into(), name, address, now).is_ok()).count()
    }

    #[test]
    fn r05_names_and_addresses_are_limited_and_let_go_within_a_minute() {
        let (throttle, now) = (Throttle::new(&Sevens), Timestamp::from_seconds(1000));
        assert_eq!(tries(&throttle, "ann", 1, now), 10);
        assert_eq!(tries(&throttle, "ann", 2, now), 0, "from another address too");
        let Err(Fail(refusal)) = throttle.attempt(&"p".into(), "ann", IpAddr::from([192, 0, 1, 1]), now)
        else {
            panic!("refused");
        };
        assert_eq!(refusal.cause, Cause::SignInThrottled);
        let wait = refusal.retry_after_s().unwrap();
        assert!((1..=60).contains(&wait));
        assert_eq!(tries(&throttle, "ann", 1, now.plus_seconds(wait)), 1);
        assert_eq!(tries(&throttle, "ann", 1, now.plus_seconds(120)), 10);
        let many: usize = (0..100).map(|i| tries(&throttle, &format!("name {i}"), 9, now)).sum();
        assert_eq!(many, 60, "one address");
    }

    #[test]
    fn one_subscriber_of_ipv6_is_one_source() {
        let at = |text: &str| source(text.parse().unwrap());
        assert_eq!(at("2001:db8:1:2:3::1"), at("2001:db8:1:2:ffff::2"));
        assert_ne!(at("2001:db8:1:2::1"), at("2001:db8:1:3::1"));
        assert_eq!(at("::ffff:192.0.2.1"), at("192.0.2.1"));
    }

    #[test]
    fn right_passwords_do_not_count() {
        let (throttle, now) = (Throttle::new(&Sevens), Timestamp::from_seconds(1000));
        for _ in 0..500 {
            throttle.attempt(&"p".into(), "ann", IpAddr::from([192, 0, 1, 1]), now).unwrap().forgive();
        }
        assert_eq!(tries(&throttle, "ann", 1, now), 10);
    }
}
