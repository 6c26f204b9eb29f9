//! How a client is to be treated: what its registration says beyond names and scopes.

use serde::{Deserialize, Serialize};

/// Settings of a client. Stored as one document, so that a new one needs no migration; one that is missing has its
/// default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClientSettings {
    /// It may not come without a challenge (RFC 7636). Set by hand, or by its first code that was redeemed with a verifier:
    /// what it can do once it can do always, and a request without a challenge is then somebody else's (SECURITY R22).
    pub requires_pkce: bool,
}
