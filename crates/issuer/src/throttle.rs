//! Limits on attempts to sign in: for each address and for each name, whether the name exists or not. Nobody is
//! locked out: an attempt is free again within seconds (DESIGN D13, SECURITY R5, R7).

use crate::Fail;
use mandate_core::disclosure::FactName;
use mandate_core::limit::{Exceeded, Meter, Rate};
use mandate_core::refusal::Refusal;
use mandate_core::{Cause, Digest, Entropy, PlatformId, Timestamp};
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::{Semaphore, SemaphorePermit};

/// Wrong passwords for one name.
const BY_NAME: Rate = Rate { per_minute: 10 };
/// Wrong passwords from one address: a household or a small office shares it.
const BY_ADDRESS: Rate = Rate { per_minute: 60 };
/// Programs of one machine that may wait for each other; more are turned away for a second.
const WAITING: usize = 128;
/// Turns. Names share one as they share meters.
const TURNS: usize = 1 << 12;
/// Meters of each kind. Names share a meter by a keyed digest, so memory is bounded and nobody can aim at a neighbour.
const SLOTS: usize = 1 << 15;

/// The limits of this node.
pub struct Throttle {
    names: Box<[Meter]>,
    addresses: Box<[Meter]>,
    turns: Box<[Turns]>,
    key: [u8; 16],
}

/// The attempts at one name follow each other.
struct Turns {
    one: Semaphore,
    waiting: AtomicUsize,
}

/// The turn of an attempt; the next one is let in when it is dropped.
#[derive(Debug)]
#[must_use]
pub struct Turn<'a> {
    _one: SemaphorePermit<'a>,
}

/// A place among those who wait, given back when dropped, whatever becomes of the wait.
struct Wait<'a>(&'a AtomicUsize);

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Turns {
    async fn next(&self) -> Result<Turn<'_>, Fail> {
        let busy = || Refusal::anonymous(Cause::SignInThrottled).with(FactName::RetryAfter, 1).into();
        let waits = Wait(&self.waiting);
        if waits.0.fetch_add(1, Ordering::AcqRel) >= WAITING {
            return Err(busy());
        }
        // it is never closed
        Ok(Turn { _one: self.one.acquire().await.map_err(|_| busy())? })
    }
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
        let turn = |_| Turns { one: Semaphore::new(1), waiting: AtomicUsize::new(0) };
        Self { names: meters(), addresses: meters(), turns: (0..TURNS).map(turn).collect(), key }
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
        let address = self.of_address(platform, address, now)?;
        self.of_name(platform, name, address, now)
    }

    /// As [`Self::attempt`], after those before it at the same name have been judged: a machine's programs that start all
    /// at once do not use its limit up while their password is being looked at. The address is counted before the wait.
    ///
    /// # Errors
    /// As [`Self::attempt`]; also if too many wait.
    pub async fn attempt_in_turn(
        &self,
        platform: &PlatformId,
        name: &str,
        address: IpAddr,
        now: Timestamp,
    ) -> Result<(Attempt<'_>, Turn<'_>), Fail> {
        let address = self.of_address(platform, address, now)?;
        let turn = match self.slot(&self.turns, &["turn", platform.as_str(), name]).next().await {
            Ok(turn) => turn,
            Err(busy) => {
                address.give_back(BY_ADDRESS);
                return Err(busy);
            }
        };
        Ok((self.of_name(platform, name, address, now)?, turn))
    }

    fn of_address(&self, platform: &PlatformId, address: IpAddr, now: Timestamp) -> Result<&Meter, Fail> {
        let meter = self.slot(&self.addresses, &["address", platform.as_str(), &source(address)]);
        meter.take(BY_ADDRESS, now).map_err(|over| refused(&over))?;
        Ok(meter)
    }

    fn of_name<'a>(
        &'a self,
        platform: &PlatformId,
        name: &str,
        address: &'a Meter,
        now: Timestamp,
    ) -> Result<Attempt<'a>, Fail> {
        let name = self.slot(&self.names, &["name", platform.as_str(), name]);
        if let Err(over) = name.take(BY_NAME, now) {
            address.give_back(BY_ADDRESS);
            return Err(refused(&over));
        }
        Ok(Attempt { name, address })
    }

    fn slot<'a, T>(&self, slots: &'a [T], parts: &[&str]) -> &'a T {
        let mut bytes = self.key.to_vec();
        for part in parts {
            bytes.extend_from_slice(&part.len().to_be_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
        let digest = Digest::of(&bytes);
        let [a, b, ..] = digest.as_bytes();
        &slots[usize::from(u16::from_be_bytes([*a, *b])) % slots.len()]
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
    use std::future::Future as _;
    use std::task::Poll;

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

    #[tokio::test]
    async fn r05_right_passwords_that_come_at_once_follow_each_other() {
        let (throttle, now) = (&Throttle::new(&Sevens), Timestamp::from_seconds(1000));
        let home = IpAddr::from([192, 0, 2, 1]);
        let one = |right: bool, last: u8| async move {
            let address = if right { home } else { IpAddr::from([192, 0, 3, last]) };
            let (attempt, _turn) =
                throttle.attempt_in_turn(&"p".into(), "GE-A-1", address, now).await.ok()?;
            // it takes its time
            for _ in 0..3 {
                tokio::task::yield_now().await;
            }
            if right {
                attempt.forgive();
            }
            Some(())
        };
        let right = futures_util::future::join_all((0..60).map(|_| one(true, 0))).await;
        assert!(right.iter().all(Option::is_some), "many more than the limit of wrong ones");
        let wrong = futures_util::future::join_all((0..60).map(|i| one(false, i))).await;
        assert_eq!(wrong.iter().flatten().count(), 10, "which holds");
    }

    #[tokio::test]
    async fn r05_those_who_wait_are_bounded() {
        let (throttle, now) = (&Throttle::new(&Sevens), Timestamp::from_seconds(1000));
        let platform = &PlatformId::from("p");
        let at = |i: usize| {
            let [a, b] = u16::try_from(i).unwrap().to_be_bytes();
            throttle.attempt_in_turn(platform, "GE-A-1", IpAddr::from([192, a, b, 1]), now)
        };
        let held = at(0).await.unwrap();
        let mut waiting: Vec<_> = (1..=WAITING).map(|i| Box::pin(at(i))).collect();
        for wait in &mut waiting {
            let asleep = std::future::poll_fn(|cx| Poll::Ready(wait.as_mut().poll(cx).is_pending()));
            assert!(asleep.await);
        }
        let Err(Fail(refusal)) = at(1000).await else { panic!("too many") };
        assert_eq!((refusal.cause, refusal.retry_after_s()), (Cause::SignInThrottled, Some(1)));
        drop((held, waiting));
        assert!(at(1001).await.is_ok(), "who went away waits no more");
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
