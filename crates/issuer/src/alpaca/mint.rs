//! Access tokens and codes of the Alpaca dialect: UUID-shaped, version 4 (SECURITY R3).

use crate::{Arrival, Fail};
use mandate_core::legacy::LegacyUse;
use mandate_core::model::Client;
use mandate_core::{Secret, format};
use mandate_store::{NewToken, token_handle};

/// A fresh access token: the text for the client and what the store keeps.
///
/// # Errors
/// It would have no end, and the platform file does not allow that, or not to this client.
pub(super) fn token(arrival: &Arrival<'_>, client: &Client) -> Result<(Secret, NewToken), Fail> {
    let platform = &arrival.tenant.snapshot.platform;
    if platform.tokens.access_lifetime_s.is_none() {
        platform.legacy.demand(LegacyUse::NonExpiringToken, &client.settings)?;
    }
    let secret = Secret::new(format::uuid_v4(&*arrival.issuer.entropy));
    let digest = secret.digest();
    let lifetime = platform.tokens.access_lifetime_s;
    let new = NewToken {
        digest,
        handle: token_handle(&digest),
        issued_at: arrival.now,
        expires_at: lifetime.map(|s| arrival.now.plus_seconds(i64::from(s))),
        offset: arrival.issuer.cache.feed().applied(),
        chain: None,
    };
    Ok((secret, new))
}

/// Counts a token that was handed out without an end.
pub(super) fn note(arrival: &Arrival<'_>, client: &Client, new: &NewToken) {
    if new.expires_at.is_none() {
        arrival.used_of_old(&client.id, LegacyUse::NonExpiringToken);
    }
}
