//! Signing keys as the store keeps them.

use mandate_core::{PlatformId, Timestamp};
use std::fmt;

/// A key that signs access tokens. The private half is wrapped (SECURITY R1).
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKeyRow {
    /// The tenant.
    pub platform: PlatformId,
    /// Its name in headers and key sets.
    pub kid: Box<str>,
    /// `ES256`, `EdDSA`.
    pub alg: Box<str>,
    /// The private half, wrapped.
    pub wrapped: Vec<u8>,
    /// The public half: text of a JWK.
    pub public: Box<str>,
    /// When it was made.
    pub created_at: Timestamp,
    /// It is published before, and signs from then on.
    pub active_from: Timestamp,
    /// It signs nothing from then on.
    pub retires_at: Option<Timestamp>,
    /// It is not published from then on.
    pub gone_at: Option<Timestamp>,
}

impl fmt::Debug for SigningKeyRow {
    /// Without the private half, wrapped or not (SECURITY R4).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKeyRow")
            .field("platform", &self.platform)
            .field("kid", &self.kid)
            .field("alg", &self.alg)
            .field("active_from", &self.active_from)
            .field("retires_at", &self.retires_at)
            .finish_non_exhaustive()
    }
}
