//! What the issuer's clock says, against ours.

use crate::seams::Millis;

/// A `Date` is believed if request and answer took no longer together.
const BELIEVED_WITHIN: Millis = 2_000;
/// And counts if it differs by more from what is held.
const WORTH_KEEPING: Millis = 2_000;
/// A clock as wrong as this explains the refusal of a signed time.
const EXPLAINS: Millis = 30_000;

/// Milliseconds that the issuer's clock is ahead of ours, by one answer. `date` has whole seconds, hence the half.
pub(crate) fn measured(date: Millis, sent: Millis, received: Millis) -> Option<Millis> {
    let took = received - sent;
    (0..=BELIEVED_WITHIN).contains(&took).then(|| date + 500 - (sent + took / 2))
}

/// Whether a measurement replaces what is held.
pub(crate) fn replaces(measured: Millis, held: Millis) -> bool {
    (measured - held).abs() > WORTH_KEEPING
}

/// Whether the clock was so wrong that a signed time had to be refused.
pub(crate) fn explains(measured: Millis, held: Millis) -> bool {
    (measured - held).abs() > EXPLAINS
}
