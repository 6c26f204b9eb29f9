//! Logins that fail over and over. Clients repeat a login that fails for ever, so after some failures a credential is
//! refused by a counter alone, before anything is looked up. Counted is the credential as a whole, secret included: a
//! stranger with the wrong secret does not shut out the one with the right one.

use crate::limit::{Key, Meters};
use mandate_core::disclosure::FactName;
use mandate_core::limit::Rate;
use mandate_core::refusal::Refusal;
use mandate_core::{Cause, Class, Digest, PlatformId, Timestamp};
use mandate_wire::credential::Presented;

/// Credentials whose failures are counted, at most.
const CREDENTIALS: usize = 100_000;

/// A credential as it was presented.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Failed([u8; 16]);

impl Key for (PlatformId, Failed) {
    fn spread(&self) -> usize {
        usize::from(self.1.0[0])
    }
}

impl Failed {
    pub(super) fn of(presented: &Presented) -> Self {
        let digest = match presented {
            Presented::Key { id, secret } => Digest::of(
                [&(id.len() as u64).to_be_bytes()[..], id.as_bytes(), secret.expose().as_bytes()]
                    .concat()
                    .as_slice(),
            ),
            Presented::Bearer(secret) | Presented::Dpop(secret) => secret.digest(),
        };
        let mut start = [0; 16];
        start.copy_from_slice(&digest.as_bytes()[..16]);
        Self(start)
    }
}

/// The counters.
#[derive(Debug)]
pub(crate) struct Storms {
    failures: Meters<(PlatformId, Failed)>,
    rate: Rate,
}

impl Storms {
    pub(crate) fn new(per_minute: u32) -> Self {
        Self { failures: Meters::at_most(CREDENTIALS), rate: Rate { per_minute } }
    }

    /// Whether this credential may be looked at.
    ///
    /// # Errors
    /// It has failed too often of late; the refusal says when it is looked at again.
    pub(super) fn check(
        &self,
        platform: &PlatformId,
        failed: Failed,
        now: Timestamp,
    ) -> Result<(), Box<Refusal>> {
        let key = (platform.clone(), failed);
        let budget = self.failures.on(&key, now, |meter, ()| meter.look(self.rate, now));
        if budget.remaining > 0 {
            return Ok(());
        }
        let wait = i64::from(60 / self.rate.per_minute.max(1)).max(1);
        Err(Box::new(Refusal::anonymous(Cause::AttemptsThrottled).with(FactName::RetryAfter, wait)))
    }

    /// Counts a login that failed, if the credential is what it failed by.
    pub(super) fn count(&self, platform: &PlatformId, failed: Failed, refusal: &Refusal, now: Timestamp) {
        let passing = [Class::RateLimited, Class::ServerFault, Class::UpstreamUnavailable];
        if !passing.contains(&refusal.cause.class()) {
            let key = (platform.clone(), failed);
            let _counted = self.failures.on(&key, now, |meter, ()| meter.take(self.rate, now));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mandate_core::Secret;

    #[test]
    fn r24_a_credential_that_fails_is_refused_by_its_counter_and_looked_at_again_later() {
        let (storms, platform) = (Storms::new(6), PlatformId::new("p"));
        let key =
            |secret: &str| Failed::of(&Presented::Key { id: "PK1".into(), secret: Secret::new(secret) });
        let start = Timestamp::from_seconds(1_000_000);
        let rejected = Refusal::anonymous(Cause::CredentialRejected);
        for _ in 0..6 {
            assert!(storms.check(&platform, key("wrong"), start).is_ok());
            storms.count(&platform, key("wrong"), &rejected, start);
        }
        let refusal = storms.check(&platform, key("wrong"), start).unwrap_err();
        assert_eq!((refusal.cause, refusal.retry_after_s()), (Cause::AttemptsThrottled, Some(10)));
        assert!(storms.check(&platform, key("right"), start).is_ok(), "the owner's own is another one");
        assert!(storms.check(&PlatformId::new("q"), key("wrong"), start).is_ok());
        assert!(storms.check(&platform, key("wrong"), start.plus_seconds(11)).is_ok());
    }

    #[test]
    fn what_passes_by_itself_is_not_held_against_a_credential() {
        let (storms, platform) = (Storms::new(1), PlatformId::new("p"));
        let token = Failed::of(&Presented::Bearer(Secret::new("t")));
        let now = Timestamp::from_seconds(1_000_000);
        for cause in
            [Cause::StreamLimit, Cause::RateLimited, Cause::UpstreamUnavailable, Cause::StorageUnavailable]
        {
            storms.count(&platform, token, &Refusal::anonymous(cause), now);
        }
        assert!(storms.check(&platform, token, now).is_ok());
    }
}
