//! When a token is renewed, and until when it is good.

use crate::seams::Millis;

/// Longest lifetime that is believed: ten years, in seconds.
pub(crate) const LONGEST: u64 = 10 * 365 * 86_400;

/// The moments of one token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Windows {
    /// When the issuer says that it ends. None: unknown.
    pub(crate) ends_at: Option<Millis>,
    /// From here on one caller renews it.
    pub(crate) renew_at: Option<Millis>,
    /// Before this it is good.
    pub(crate) usable_until: Option<Millis>,
}

/// The moments of a token that was asked for at `sent` and lives for `lifetime` seconds from then, which may come
/// with a hint to renew it after `refresh_in` seconds. `u` is the token's random number of [0, 1). A token that
/// cannot be renewed is used to its very end.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "at most ten years in milliseconds"
)]
pub(crate) fn windows(
    sent: Millis,
    lifetime: Option<u64>,
    refresh_in: Option<u64>,
    u: f64,
    renewable: bool,
) -> Windows {
    let Some(seconds) = lifetime.filter(|l| *l >= 1).map(|l| l.min(LONGEST)) else {
        return Windows::default();
    };
    let life = seconds as f64 * 1_000.0;
    let end = sent + life as Millis;
    if !renewable {
        return Windows { ends_at: Some(end), renew_at: Some(end), usable_until: Some(end) };
    }
    let usable_until = end - (life / 20.0).min(5_000.0) as Millis;
    let renew_at = match refresh_in.filter(|r| (1..seconds).contains(r)) {
        Some(after) => {
            let after = after as f64 * 1_000.0;
            sent + (after + ((life - after) / 10.0).min(30_000.0) * u) as Millis
        }
        None => end - ((life / 5.0).min(300_000.0) * (0.5 + 0.5 * u)) as Millis,
    };
    Windows {
        ends_at: Some(end),
        renew_at: Some(renew_at.min(usable_until)),
        usable_until: Some(usable_until),
    }
}
