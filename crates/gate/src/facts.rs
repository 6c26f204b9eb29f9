//! What the gate asks for and never fetches itself: facts about credentials.

use mandate_core::model::{Account, Credential, TokenFacts};
use mandate_core::{Digest, PlatformId};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// Facts could not be had; nothing is known about the credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("facts are unavailable; try again in {retry_after_s} s")]
pub struct FactsUnavailable {
    /// When to try again.
    pub retry_after_s: u32,
}

/// A look-up under way.
pub type Looked<T> = Pin<Box<dyn Future<Output = Result<T, FactsUnavailable>> + Send>>;

/// Facts about credentials, from memory if they are there, otherwise by a look-up. An answer must be true at the
/// time it is given (SECURITY R11); the gate keeps none of them.
pub trait Facts: Send + Sync + fmt::Debug {
    /// What a public credential id names, if memory knows: `Some(None)` is a known absence. The fast path.
    fn peek_credential(&self, platform: &PlatformId, id: &str) -> Option<Option<Credential>>;
    /// What a public credential id names.
    fn credential(&self, platform: &PlatformId, id: &str) -> Looked<Option<Credential>>;
    /// The token with this digest, if memory knows: `Some(None)` is a known absence. The fast path.
    fn peek_token(&self, platform: &PlatformId, digest: &Digest) -> Option<Option<Arc<TokenFacts>>>;
    /// The token with this digest.
    fn token(&self, platform: &PlatformId, digest: Digest) -> Looked<Option<Arc<TokenFacts>>>;
    /// As [`Self::signed_token`], if it can be said without a look-up: `Some(None)` is no token of this platform.
    fn signed_token_at_hand(
        &self,
        _platform: &PlatformId,
        _digest: Digest,
        _text: &str,
    ) -> Option<Option<Arc<TokenFacts>>> {
        None
    }
    /// A token that carries its own claims: signature and claims have been looked at, expiry and state not. Those that
    /// were found once are among [`Self::peek_token`]'s, by the digest of the whole text.
    fn signed_token(
        &self,
        _platform: &PlatformId,
        _digest: Digest,
        _text: &str,
    ) -> Looked<Option<Arc<TokenFacts>>> {
        Box::pin(async { Ok(None) })
    }
    /// Whether this gate knows of everything that was revoked up to a moment ago: its lease holds (SECURITY R12). Streams
    /// do not outlast it.
    fn are_current(&self) -> bool {
        true
    }
    /// An account that a partner names in a path.
    fn account(&self, platform: &PlatformId, id: &str) -> Looked<Option<Arc<Account>>>;
}
