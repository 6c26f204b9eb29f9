//! Decisions for tests of protocols.

use crate::decision::{Place, Recorder};
use crate::seal::Sealer;
use mandate_core::disclosure::FactName;
use mandate_core::refusal::{Decision, Refusal};
use mandate_core::{Cause, Clock, DecisionId, Entropy, Timestamp};
use std::sync::Arc;
use std::time::Duration;

#[derive(Debug)]
struct Still;
impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(1_767_225_600)
    }
    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
}
impl Entropy for Still {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(7);
    }
}

/// A refusal under an id as long as recorded ones are.
pub(crate) fn decision(cause: Cause) -> Decision {
    Decision { id: DecisionId::new("dAAAAAAAAAAAAAAAAAAAAAA"), ..sealed(cause) }
}

/// An anonymous refusal with all its facts, as the server names it.
pub(crate) fn sealed(cause: Cause) -> Decision {
    let mut refusal = Refusal::anonymous(cause);
    for fact in cause.entry().facts {
        if *fact != FactName::ServerTime {
            refusal = refusal.with(*fact, "a value of some length");
        }
    }
    let sealer = Sealer::new(&[1; 32]).unwrap();
    let still = Arc::new(Still);
    let recorder = Recorder::new("alpaca".into(), sealer, still.clone(), still, Arc::new(|_| ()));
    let place = Place { surface: "rest", host: "data", host_index: 3, route: "GET /v2/{feed}" };
    recorder.name(place, refusal)
}
