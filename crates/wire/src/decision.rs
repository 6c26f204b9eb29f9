//! Gives refusals their ids and hands those of proven principals to the record.

use crate::seal::{Sealed, Sealer};
use mandate_core::disclosure::{FactName, Tier, Value};
use mandate_core::refusal::{Decision, Refusal};
use mandate_core::{Clock, DecisionId, Entropy, PlatformId, Timestamp, format};
use std::sync::Arc;

mod record;

pub use record::{decode, encode};

/// Where a request came in.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The surface's word.
    pub surface: &'a str,
    /// The host's name in the platform file.
    pub host: &'a str,
    /// Its position there.
    pub host_index: usize,
    /// Method and route pattern.
    pub route: &'a str,
}

/// Takes decisions that are to be remembered. Must not block.
pub type Sink = Arc<dyn Fn(Decision) + Send + Sync>;

/// Names refusals of one platform.
pub struct Recorder {
    /// The tenant.
    pub platform: PlatformId,
    sealer: Sealer,
    entropy: Arc<dyn Entropy>,
    clock: Arc<dyn Clock>,
    sink: Sink,
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recorder").field("platform", &self.platform).finish_non_exhaustive()
    }
}

impl Recorder {
    /// A recorder for one platform; `sink` takes what is to be remembered.
    pub fn new(
        platform: PlatformId,
        sealer: Sealer,
        entropy: Arc<dyn Entropy>,
        clock: Arc<dyn Clock>,
        sink: Sink,
    ) -> Self {
        Self { platform, sealer, entropy, clock, sink }
    }

    /// Gives a refusal its id. A proven principal's is recorded under a random id (128 bits); an anonymous one's
    /// id seals what little there is to say (SECURITY R8).
    pub fn name(&self, place: Place<'_>, mut refusal: Refusal) -> Decision {
        let at = self.clock.now();
        refusal.facts = refusal.facts.with(FactName::ServerTime, at);
        let recorded = refusal.proof.is_some();
        let id = if recorded {
            DecisionId::new(format::opaque("d", &*self.entropy))
        } else {
            self.sealer.seal(&self.platform, &sealed(place, &refusal, at), &*self.entropy)
        };
        let decision = Decision {
            id,
            platform: self.platform.clone(),
            at,
            surface: place.surface.into(),
            host: place.host.into(),
            route: place.route.into(),
            refusal,
        };
        if recorded {
            (self.sink)(decision.clone());
        }
        decision
    }

    /// What a sealed id of this platform says.
    pub fn open(&self, id: &str) -> Option<Sealed> {
        self.sealer.open(&self.platform, id)
    }
}

fn sealed(place: Place<'_>, refusal: &Refusal, at: Timestamp) -> Sealed {
    let merged = refusal.true_cause.is_some();
    let detail = refusal
        .facts
        .for_record()
        .iter()
        .filter(|f| !merged && f.name.tier() == Tier::Public && f.name != FactName::ServerTime)
        .find_map(|f| match &f.value {
            Value::Text(text) => Some((f.name, text.to_string())),
            Value::List(_) | Value::Number(_) | Value::Time(_) | Value::Flag(_) => None,
        });
    Sealed {
        at,
        cause: refusal.cause,
        true_cause: refusal.true_cause,
        host: u8::try_from(place.host_index).unwrap_or(u8::MAX),
        detail,
    }
}
