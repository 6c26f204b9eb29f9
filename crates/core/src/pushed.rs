//! Authorization requests that a client pushed beforehand (RFC 9126).

use crate::{ClientId, Digest, PlatformId, Timestamp};

/// A pushed authorization request as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pushed {
    /// The tenant.
    pub platform: PlatformId,
    /// What is looked up: digest of the secret part of the `request_uri`.
    pub digest: Digest,
    /// The client that pushed it, authenticated. Nobody else may use it.
    pub client: ClientId,
    /// The parameters as they were pushed; opaque text of the issuer.
    pub parameters: Box<str>,
    /// The key that the code will be bound to (RFC 9449 section 10.1), as a thumbprint.
    pub binding: Option<Box<str>>,
    /// When it was pushed.
    pub issued_at: Timestamp,
    /// No authorization begins with it from then on.
    pub expires_at: Timestamp,
    /// Whether it led to an answer: it does so once.
    pub completed: bool,
}
