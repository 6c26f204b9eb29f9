//! How often tokens may be asked for (DESIGN D13). Counted once possession is proven, for each machine, sign-on or service
//! account apart: strangers cannot use up anybody's limit, and a loop in one program does not end the session of another.

use super::Asked;
use crate::{Fail, pages};
use mandate_core::Cause;
use mandate_core::disclosure::{FactName as F, PossessionProof, Subjects};
use mandate_core::limit::Rate;
use mandate_core::policy::MeterKey;
use mandate_core::refusal::Refusal;

impl Asked<'_> {
    /// Spends one request of the limit. `proof`: of what it is counted for, unless that is the client itself.
    pub(super) fn counted(
        &self,
        key: &MeterKey,
        proof: Option<PossessionProof>,
        subjects: Subjects,
    ) -> Result<(), Fail> {
        let arrival = self.arrival;
        let Some(per_minute) = arrival.tenant.snapshot.platform.tokens.requests_per_minute else {
            return Ok(());
        };
        let meter = (arrival.issuer.meters)(arrival.platform(), key);
        let (taken, busy) = (meter.take(Rate { per_minute }, arrival.now), &arrival.issuer.throttle.busy);
        match taken {
            Ok(budget) => {
                busy.note(arrival.platform(), &self.client.id, (budget, false), arrival.now);
                let _first = self.budget.set(budget);
                Ok(())
            }
            Err(over) => {
                busy.note(arrival.platform(), &self.client.id, (over.budget, true), arrival.now);
                let refusal = Refusal::anonymous(Cause::TokenRequestsLimited)
                    .with(F::RequestsPerMinute, i64::from(per_minute))
                    .with(F::RetryAfter, (over.retry_after_ms + 999) / 1000)
                    .with(F::ClientName, &*self.client.name)
                    .with(F::Address, pages::network(arrival.address))
                    .about(subjects);
                Err(match proof {
                    Some(proof) => refusal.to_holder(proof).into(),
                    None => refusal.into(),
                })
            }
        }
    }
}
