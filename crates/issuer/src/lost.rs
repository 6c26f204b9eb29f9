//! What happened around a refusal and stands in its sign-on's chain: a refresh whose answer never arrived, or another
//! sign-on that took its place.

use mandate_core::disclosure::{FactName, Value};
use mandate_core::model::EndReason;
use mandate_core::refresh::lost_answer;
use mandate_core::refusal::Decision;
use mandate_core::{Cause, ChainId, Timestamp, format};
use mandate_store::{Store, StoreError};

/// The subject of links to sign-ons.
const SESSION: &str = "session:";

/// One sentence for whom a dead token was about: that its sign-on had been refreshed before and the client had nothing of
/// that, or what took its place. `None`: neither.
///
/// # Errors
/// The store does not answer.
pub(crate) async fn noticed(store: &dyn Store, decision: &Decision) -> Result<Option<String>, StoreError> {
    if !matches!(decision.refusal.cause, Cause::TokenExpired | Cause::TokenRevoked | Cause::SessionDisplaced)
    {
        return Ok(None);
    }
    let own = decision.refusal.links.iter().find(|link| &*link.relation == "session");
    let session = own.and_then(|link| link.subject.strip_prefix(SESSION));
    let (Some(session), Some(issued_at)) = (session, issued_at(decision)) else { return Ok(None) };
    let Some((chain, _)) = store.chain(&decision.platform, &ChainId::from(session)).await?.value else {
        return Ok(None);
    };
    if let Some(ended) = chain.ended.as_ref().filter(|ended| ended.reason == EndReason::Displaced) {
        let at = format::rfc3339(ended.at);
        let by = match &ended.successor {
            Some(id) => store.chain(&decision.platform, &ChainId::from(&**id)).await?.value,
            None => None,
        };
        let by =
            by.map(|(by, _)| format!(": {} from {}", by.client, by.repeats.answered_to)).unwrap_or_default();
        return Ok(Some(format!(
            "Another sign-on of the same machine user took this one's place at {at}{by}."
        )));
    }
    Ok(lost_answer(&chain, issued_at, decision.at).map(|answered_at| {
        format!(
            "The sign-on of this token was refreshed at {}, before this request, and the client did not have what was \
             answered: the answer was lost on the way, or the program dropped it. A client that sends the same refresh \
             token again at once gets the same successor; one that does not signs on again.",
            format::rfc3339(answered_at)
        )
    }))
}

fn issued_at(decision: &Decision) -> Option<Timestamp> {
    decision.refusal.facts.for_record().iter().find_map(|fact| match (fact.name, &fact.value) {
        (FactName::IssuedAt, Value::Time(at)) => Some(*at),
        _ => None,
    })
}
