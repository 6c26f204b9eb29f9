//! Enforcement in front of an API: identifies the caller of each request, has `mandate_core` decide on it, and
//! forwards exactly the bytes that were decided on, or says why not.
//!
//! The gate has no store and no clock of its own. It asks for facts through [`Facts`], and makes no rule: parsing
//! credentials and rendering refusals is `mandate_wire`'s, judging is `mandate_core`'s.

mod body;
mod facts;
mod flight;
mod forward;
mod front;
mod gate;
mod limit;
mod metrics;
mod request_id;
mod site;
mod stream;

pub use body::{BrokenOff, GateBody};
pub use facts::{Facts, FactsUnavailable, Looked};
pub use gate::{Gate, Limits, Used, Uses};
pub use metrics::{Histogram, Metrics, Outcome};
pub use site::{Site, Upstream, host_matches};
pub use stream::{Hold, StreamLimits};

use std::sync::{Mutex, MutexGuard, PoisonError};

/// What a lock guards, also after a thread died holding it: nothing here is left half done across a panic.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
