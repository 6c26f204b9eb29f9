//! What frames and close frames say of a decision, whatever the protocol (DESIGN D4).

use crate::explain::error_uri;
use mandate_core::disclosure::{BodyTier, View};
use mandate_core::refusal::Decision;
use serde_json::{Map, Value, json};

/// Most bytes of a close frame's reason (RFC 6455 section 5.5 leaves 125 for it and its code).
const LONGEST_REASON: usize = 123;

/// A decision in the words that its reader may be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The catalogue's id of the cause.
    pub cause: &'static str,
    /// The decision's id.
    pub decision_id: String,
    /// Where it is explained.
    pub error_uri: String,
    /// One sentence.
    pub message: String,
}

impl Told {
    /// What a frame may say: holders of a genuine credential are told more (SECURITY R6, R7).
    pub fn of(decision: &Decision, issuer: &str) -> Self {
        let facts = &decision.refusal.facts;
        match &decision.refusal.proof {
            Some(proof) if decision.refusal.true_cause.is_none() => {
                Self::seen(decision, &facts.for_holder(proof), issuer)
            }
            Some(_) | None => Self::seen(decision, &facts.public(), issuer),
        }
    }

    fn seen<T: BodyTier>(decision: &Decision, view: &View<'_, T>, issuer: &str) -> Self {
        let entry = decision.refusal.cause.entry();
        Self {
            cause: entry.id,
            decision_id: decision.id.to_string(),
            error_uri: error_uri(issuer, decision.id.as_str()),
            message: view.fill(entry.point),
        }
    }

    /// Puts cause, decision id and address into an object of the protocol's own.
    pub fn into_object(self, object: &mut Map<String, Value>) {
        object.insert("cause".into(), json!(self.cause));
        object.insert("decision_id".into(), json!(self.decision_id));
        object.insert("error_uri".into(), json!(self.error_uri));
    }
}

/// The reason of the close frame: "cause id", at most 123 bytes.
pub fn close_reason(decision: &Decision) -> String {
    let cause = decision.refusal.cause.id();
    let whole = format!("{cause} {}", decision.id);
    if whole.len() <= LONGEST_REASON { whole } else { cause.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::samples::{decision, sealed};
    use mandate_core::Cause;

    #[test]
    fn r24_the_reason_fits_for_every_cause_and_holds_the_id() {
        for cause in Cause::all() {
            for decision in [decision(cause), sealed(cause)] {
                let reason = close_reason(&decision);
                assert!(reason.len() <= LONGEST_REASON, "{reason}");
                assert_eq!(reason, format!("{} {}", cause.id(), decision.id));
            }
        }
    }
}
