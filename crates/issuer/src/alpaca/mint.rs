//! Access tokens and codes of the Alpaca dialect: UUID-shaped, version 4 (SECURITY R3).

use crate::Arrival;
use mandate_core::{Secret, format};
use mandate_store::{NewToken, token_handle};

/// A fresh access token: the text for the client and what the store keeps.
pub(super) fn token(arrival: &Arrival<'_>) -> (Secret, NewToken) {
    let secret = Secret::new(format::uuid_v4(&*arrival.issuer.entropy));
    let digest = secret.digest();
    let lifetime = arrival.tenant.snapshot.platform.tokens.access_lifetime_s;
    let new = NewToken {
        digest,
        handle: token_handle(&digest),
        issued_at: arrival.now,
        expires_at: lifetime.map(|s| arrival.now.plus_seconds(i64::from(s))),
        offset: arrival.issuer.cache.feed().applied(),
        chain: None,
    };
    (secret, new)
}
