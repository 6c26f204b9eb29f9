//! Authorization on a second device (RFC 8628), and when its poll is answered how.

use crate::{ClientId, Digest, GrantId, Offset, PlatformId, ScopeSet, Timestamp, must};

/// A poll may come this much before its time: networks are no clocks.
const GRACE_MS: i64 = 500;
/// "the interval MUST be increased by 5 seconds for this and all subsequent requests" (section 3.5)
const SLOWER_MS: i64 = 5000;

/// A device that waits for its owner, as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceFlow {
    /// The tenant.
    pub platform: PlatformId,
    /// What is looked up by the device: digest of the `device_code`.
    pub digest: Digest,
    /// What the owner types: eight letters, normalised.
    pub user_code: Box<str>,
    /// The client that began it.
    pub client: ClientId,
    /// What is asked for; once allowed, what was allowed.
    pub scopes: ScopeSet,
    /// Opaque text of the issuer.
    pub context: Box<str>,
    /// When it began.
    pub issued_at: Timestamp,
    /// It gives nothing from then on.
    pub expires_at: Timestamp,
    /// The least time between two polls.
    pub interval_ms: i64,
    /// When the device asked last.
    pub last_poll: Option<Timestamp>,
    /// How far it is.
    pub state: DeviceState,
}

/// How far a device flow is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeviceState {
    /// The owner has not decided.
    Pending,
    /// The owner has allowed it.
    Approved {
        /// The grant that was given.
        grant: GrantId,
        /// Opaque text of the issuer.
        context: Box<str>,
        /// Log offset applied before the owner, the client and the accounts were read (SECURITY R10).
        offset: Offset,
    },
    /// The owner has refused.
    Denied,
    /// The tokens have been handed out.
    Spent,
}

/// The answer to a poll.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Poll {
    /// Ask again: `authorization_pending`.
    Pending,
    /// Ask again, and less often: `slow_down`.
    SlowDown {
        /// The interval from now on.
        interval_ms: i64,
    },
    /// Allowed: this poll gets the tokens.
    Approved {
        /// The grant.
        grant: GrantId,
        /// Opaque text of the issuer.
        context: Box<str>,
        /// See [`DeviceState::Approved`].
        offset: Offset,
    },
    /// `access_denied`
    Denied,
    /// `expired_token`
    Expired,
    /// The tokens were handed out before.
    Spent,
    /// It was begun by another client.
    OtherClient,
}

impl DeviceFlow {
    /// RFC 8628 section 3.5. Pure. Whoever asks too fast is only slowed down while there is something to wait for.
    pub fn poll(&self, client: &ClientId, now: Timestamp) -> Poll {
        if must!("rfc8628-3.4-client", self.client != *client) {
            return Poll::OtherClient;
        }
        if self.state == DeviceState::Spent {
            return Poll::Spent;
        }
        if must!("rfc8628-3.5-expired", now >= self.expires_at) {
            return Poll::Expired;
        }
        match &self.state {
            DeviceState::Spent => Poll::Spent,
            DeviceState::Denied if must!("rfc8628-3.5-denied") => Poll::Denied,
            DeviceState::Approved { grant, context, offset } => {
                Poll::Approved { grant: grant.clone(), context: context.clone(), offset: *offset }
            }
            DeviceState::Pending | DeviceState::Denied => {
                let early = self.interval_ms.saturating_sub(GRACE_MS);
                let too_fast = self.last_poll.is_some_and(|last| now < last.plus_millis(early));
                if must!("rfc8628-3.5-slow-down", too_fast) {
                    let slower_ms = if must!("rfc8628-3.5-slower") { SLOWER_MS } else { 0 };
                    Poll::SlowDown { interval_ms: self.interval_ms.saturating_add(slower_ms) }
                } else {
                    Poll::Pending
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(state: DeviceState, last_poll: Option<i64>) -> DeviceFlow {
        DeviceFlow {
            platform: "p".into(),
            digest: Digest::of(b"device"),
            user_code: "BCDFGHJK".into(),
            client: "tv".into(),
            scopes: ScopeSet::default(),
            context: "".into(),
            issued_at: Timestamp::from_millis(0),
            expires_at: Timestamp::from_millis(600_000),
            interval_ms: 5000,
            last_poll: last_poll.map(Timestamp::from_millis),
            state,
        }
    }

    #[test]
    fn rfc8628_3_5_table() {
        let approved = DeviceState::Approved { grant: "g".into(), context: "c".into(), offset: Offset(7) };
        let given = Poll::Approved { grant: "g".into(), context: "c".into(), offset: Offset(7) };
        for (name, state, last, now, expected) in [
            ("first poll", DeviceState::Pending, None, 0, Poll::Pending),
            ("in time", DeviceState::Pending, Some(1000), 6000, Poll::Pending),
            ("within the grace", DeviceState::Pending, Some(1000), 5500, Poll::Pending),
            ("too fast", DeviceState::Pending, Some(1000), 5499, Poll::SlowDown { interval_ms: 10_000 }),
            ("at its end", DeviceState::Pending, None, 600_000, Poll::Expired),
            ("allowed", approved.clone(), Some(1000), 1001, given),
            ("allowed too late", approved, None, 600_000, Poll::Expired),
            ("refused", DeviceState::Denied, Some(1000), 1001, Poll::Denied),
            ("spent", DeviceState::Spent, None, 600_001, Poll::Spent),
        ] {
            let flow = flow(state, last);
            assert_eq!(flow.poll(&"tv".into(), Timestamp::from_millis(now)), expected, "{name}");
            assert_eq!(flow.poll(&"app".into(), Timestamp::from_millis(now)), Poll::OtherClient, "{name}");
        }
    }
}
