//! Clients that have used PKCE once (RFC 7636, SECURITY R22).

use crate::Arrival;
use mandate_core::model::Client;
use mandate_store::ClientChange;

/// From its first redemption with a verifier on, a client may not come without (SECURITY R22). The code is spent and the
/// token answered whatever becomes of this: the next redemption tries again.
pub(crate) async fn bind(arrival: &Arrival<'_>, client: &Client) {
    if client.settings.requires_pkce {
        return;
    }
    let change = ClientChange { requires_pkce: Some(true), ..ClientChange::default() };
    let audit = arrival.audit(
        format!("client:{}", client.id),
        "client.require_pkce",
        format!("client:{}", client.id),
        "it redeemed a code with a verifier".into(),
    );
    if let Err(error) =
        arrival.issuer.store.change_client(arrival.platform(), &client.id, &change, &audit).await
    {
        tracing::warn!(%error, client = %client.id, "a client could not be bound to PKCE");
    }
}
