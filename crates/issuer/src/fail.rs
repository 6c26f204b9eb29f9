//! What a handler gives back instead of an answer.

use mandate_core::Cause;
use mandate_core::disclosure::FactName;
use mandate_core::refusal::Refusal;
use mandate_store::StoreError;

/// A refusal on its way to the renderer.
#[derive(Debug)]
pub struct Fail(pub Box<Refusal>);

impl From<Box<Refusal>> for Fail {
    fn from(refusal: Box<Refusal>) -> Self {
        Self(refusal)
    }
}

impl From<Refusal> for Fail {
    fn from(refusal: Refusal) -> Self {
        Self(Box::new(refusal))
    }
}

impl From<StoreError> for Fail {
    /// A storage failure is our fault, and says so: never `invalid_grant`, never a success.
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "storage did not answer");
        Self(Box::new(Refusal::anonymous(Cause::StorageUnavailable).with(FactName::RetryAfter, 2)))
    }
}
