//! How long to wait after a failure in passing.

use crate::seams::Millis;

/// Longest wait that an issuer can ask for: an hour.
pub(crate) const LONGEST: Millis = 3_600_000;

/// Milliseconds to wait after the `n`-th failure in a row, from 0. `asked` is what `Retry-After` said, in milliseconds;
/// `u` a random number of [0, 1).
#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "bounded by an hour")]
pub(crate) fn wait(n: u32, asked: Option<Millis>, u: f64) -> Millis {
    let doubled = 500.0 * f64::from(1_u32 << n.min(10));
    let own = doubled.min(30_000.0) * (0.5 + 0.5 * u);
    let wait = match asked {
        Some(asked) => own.max(asked.max(0) as f64 + 1_000.0 * u),
        None => own,
    };
    (wait.min(1e15) as Millis).min(LONGEST)
}
