//! What is left of a limit, as headers say it.

use http::{HeaderMap, HeaderName, HeaderValue};
use mandate_core::disclosure::{FactName, Value};
use mandate_core::limit::Budget;
use mandate_core::refusal::Refusal;
use mandate_core::{Cause, Timestamp};

/// What is left according to a refused token request: nothing.
pub(crate) fn of_refused(refusal: &Refusal, now: Timestamp) -> Option<Budget> {
    let limit = refusal.facts.for_record().iter().find_map(|fact| match (fact.name, &fact.value) {
        (FactName::RequestsPerMinute, Value::Number(n)) => u32::try_from(*n).ok(),
        _ => None,
    });
    let wait = refusal.retry_after_s().filter(|_| refusal.cause == Cause::TokenRequestsLimited)?;
    Some(Budget { limit: limit?, remaining: 0, reset: now.plus_seconds(wait) })
}

/// Puts what is left on an answer.
pub(crate) fn tell(headers: &mut HeaderMap, budget: Budget) {
    let reset = u64::try_from(budget.reset.plus_millis(999).seconds()).unwrap_or(0);
    for (name, number) in [
        ("x-ratelimit-limit", u64::from(budget.limit)),
        ("x-ratelimit-remaining", u64::from(budget.remaining)),
        ("x-ratelimit-reset", reset),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from(number));
    }
}
