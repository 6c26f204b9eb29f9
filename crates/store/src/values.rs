//! What verbs take and give.

use crate::minted::{Mark, MarkKind};
use mandate_core::grant::{CodeFault, GrantSpec};
use mandate_core::model::{Client, Code, Grant, Status};
use mandate_core::refresh::{Chain, Repeats};
use mandate_core::{
    ChainId, ClientSettings, DecisionId, Digest, GrantId, KeyId, Offset, OperationId, PartnerId, PlatformId,
    Timestamp, TokenHandle,
};
use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// What every verb gives back.
pub type Fut<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Why a verb has no answer. None of these is the caller's client's fault: the surface says 503.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The store cannot be reached, is full, or refused. Nothing was committed.
    #[error("the store is not available: {0}")]
    Unavailable(String),
    /// The connection was lost while committing and the outcome could not be read back (SECURITY R17).
    #[error("whether the act was committed could not be found out: {0}")]
    Unresolved(String),
    /// We asked for something impossible: a bug or a wrong URL.
    #[error("the store was misused: {0}")]
    Misuse(String),
}

/// A value and the log offset at which it was true (SECURITY R11).
#[derive(Debug, Clone)]
pub struct At<T> {
    /// The value.
    pub value: T,
    /// Every entry up to here is reflected in it.
    pub offset: Offset,
}

/// Who changes something, for the audit record; written in the transaction of the change.
#[derive(Debug, Clone)]
pub struct Audit {
    /// Names the act; committed at most once (SECURITY R17).
    pub operation: OperationId,
    /// The tenant, if it concerns one.
    pub platform: Option<PlatformId>,
    /// `admin:NAME`, `user:ID`, `partner:NAME`, `client:ID`, `system`.
    pub actor: String,
    /// The verb in words of the admin API: `client.disable`.
    pub action: &'static str,
    /// What it concerns: `client:ID`.
    pub subject: String,
    /// Allow-listed facts in words, no secrets.
    pub detail: String,
    /// When.
    pub at: Timestamp,
}

/// An audit record as read back.
#[derive(Debug, Clone)]
pub struct AuditRecord {
    /// Rising number.
    pub number: u64,
    /// The act.
    pub operation: OperationId,
    /// The tenant.
    pub platform: Option<PlatformId>,
    /// Who.
    pub actor: String,
    /// What.
    pub action: String,
    /// On what.
    pub subject: String,
    /// Facts.
    pub detail: String,
    /// When.
    pub at: Timestamp,
}

/// The outcome of a change that a rule of the store may refuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changed {
    /// Done and committed.
    Done,
    /// There is no such thing.
    NotFound,
    /// It exists already, or has ended already; nothing was changed.
    Conflict,
    /// A count would be exceeded (two live keys, two live secrets); nothing was changed.
    TooMany,
}

/// A platform file as applied.
#[derive(Debug, Clone)]
pub struct PlatformRow {
    /// Its id.
    pub id: PlatformId,
    /// Grows by one with each apply.
    pub revision: u64,
    /// The text of the file.
    pub document: String,
    /// When it was applied.
    pub applied_at: Timestamp,
}

/// A code to be stored.
#[derive(Debug, Clone)]
pub struct NewCode {
    /// What it opens.
    pub grant: GrantSpec,
    /// Its binding; `grant` is filled in by the store, `redeemed` and `redeemed_chain` are ignored.
    pub code: Code,
    /// The pushed request that it answers: completed in the same step, so that it is answered once (RFC 9126 section 7.3).
    pub completes: Option<Digest>,
}

/// A token to be stored under a grant that the store finds or opens.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// What is looked up later.
    pub digest: Digest,
    /// Its name: [`token_handle`] of the digest.
    pub handle: TokenHandle,
    /// When.
    pub issued_at: Timestamp,
    /// Its calendar end.
    pub expires_at: Option<Timestamp>,
    /// Log offset that the issuer had applied before it read grant and client (SECURITY R10).
    pub offset: Offset,
    /// The refresh chain that it hangs from; one that is minted or rotated beside it takes its place.
    pub chain: Option<ChainId>,
}

/// The public name of a token (SECURITY R3): 32 hex digits of SHA-256 over its digest. It leads back to neither digest
/// nor secret, and a store that knows a token by its name needs no second index for it.
pub fn token_handle(digest: &Digest) -> TokenHandle {
    TokenHandle::new(mandate_core::format::hex(&Digest::of(digest.as_bytes()).as_bytes()[..16]))
}

/// A direct issue of a token (Broker OAuth).
#[derive(Debug, Clone)]
pub struct IssueToken {
    /// The grant it hangs from.
    pub grant: GrantSpec,
    /// The live grant of that key with at least those scopes, if the caller knows it at `token.offset`: saves the
    /// look-up. If it has ended since, the token is dead at birth by its offset (SECURITY R10).
    pub known_grant: Option<GrantId>,
    /// Scopes of the token.
    pub scopes: mandate_core::ScopeSet,
    /// The partner asking.
    pub partner: Option<PartnerId>,
    /// The token.
    pub token: NewToken,
    /// As in [`crate::Minted::stored`].
    pub stored: bool,
    /// The refresh chain beside it; `grant` is filled in by the store.
    pub chain: Option<Chain>,
    /// As in [`crate::Minted::marks`].
    pub marks: Vec<Mark>,
}

impl IssueToken {
    /// Whether all that is issued says everything itself, under a grant that is known.
    pub(crate) fn leaves_no_trace(&self) -> bool {
        !self.stored && self.known_grant.is_some() && self.is_single()
    }
    /// Whether nothing is issued beside the token, and nothing spent by it.
    pub(crate) fn is_single(&self) -> bool {
        self.chain.is_none() && self.marks.is_empty()
    }
}

/// A refresh chain and the grant that it hangs from, as they are now.
pub type ChainWithGrant = (Chain, Arc<Grant>);

/// What became of an authorization code. Exactly one caller ever sees `Fresh`; a refusal spends nothing.
#[derive(Debug, Clone)]
pub enum Redeemed {
    /// Spent now; the token is stored under this grant with these scopes.
    Fresh {
        /// The grant.
        grant: GrantId,
        /// Scopes of the token.
        scopes: mandate_core::ScopeSet,
        /// The code as it was: its context, and the offset that token and chain may have at most. Whoever signs a
        /// self-contained token puts that offset into it.
        code: Box<Code>,
    },
    /// The rule said no.
    Refused(CodeFault, Box<Code>),
    /// The grant, its client or user ended after the code was made.
    GrantEnded(Box<Code>),
    /// It had been spent; everything matched, so what it gave has been revoked in this same transaction
    /// (RFC 6749 section 4.1.2).
    Replayed(Box<Code>),
    /// All else matched, but this mark of single use was there already: nothing was spent.
    Reused(MarkKind),
    /// There is no such code.
    Unknown,
}

/// A refusal to be remembered, written behind (SECURITY R8). `document` is made and read by `wire`.
#[derive(Debug, Clone)]
pub struct DecisionRow {
    /// Its id.
    pub id: DecisionId,
    /// The tenant.
    pub platform: PlatformId,
    /// When.
    pub at: Timestamp,
    /// Id of the cause, for counting.
    pub cause: String,
    /// The record.
    pub document: String,
}

/// A grant as its owner sees it in the list of connected apps.
#[derive(Debug, Clone)]
pub struct ConnectedApp {
    /// The grant.
    pub grant: Grant,
    /// The app.
    pub client: Client,
    /// What there is to see of its refresh tokens that came again, the newest first; one for each of its chains.
    pub repeats: Vec<Repeats>,
}

impl ConnectedApp {
    pub(crate) fn new(grant: Grant, client: Client) -> Self {
        Self { grant, client, repeats: Vec::new() }
    }
    pub(crate) fn with_repeats(mut self, texts: impl IntoIterator<Item = String>) -> Self {
        self.repeats =
            texts.into_iter().map(|text| Repeats::read(&text)).filter(|r| r.last.is_some()).collect();
        self.repeats.sort_by_key(|r| std::cmp::Reverse(r.last.as_ref().map(|last| last.at)));
        self
    }
}

/// A change to a client. `None` leaves a field alone.
#[derive(Debug, Clone, Default)]
pub struct ClientChange {
    /// Disabling kills its credentials for good (SECURITY R10).
    pub status: Option<Status>,
    /// Approval for live trading.
    pub live_trading_approved: Option<bool>,
    /// Replaces the list.
    pub redirect_uris: Option<Vec<Box<str>>>,
    /// Replaces the set.
    pub scopes: Option<mandate_core::ScopeSet>,
    /// Replaces the list.
    pub licences: Option<Vec<mandate_core::LicenceId>>,
    /// Replaces the list.
    pub visible_to: Option<Vec<PartnerId>>,
    /// Shown to people.
    pub name: Option<Box<str>>,
    /// Shown to people.
    pub description: Option<Box<str>>,
    /// Replaces the settings whole.
    pub settings: Option<ClientSettings>,
    /// From now on it may not come without PKCE, or may again.
    pub requires_pkce: Option<bool>,
}

impl ClientChange {
    /// What the settings are after it.
    pub(crate) fn settled(&self, known: &ClientSettings) -> ClientSettings {
        let settings = self.settings.clone().unwrap_or_else(|| known.clone());
        ClientSettings { requires_pkce: self.requires_pkce.unwrap_or(settings.requires_pkce), ..settings }
    }
}

/// What a store says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreInfo {
    /// New after every restore, clone or promotion with possible loss (SECURITY R13).
    pub timeline: String,
    /// Whether a demo made it: then nothing else may open it (SECURITY R25).
    pub demo: bool,
    /// `sqlite` or `postgresql`.
    pub backend: &'static str,
}

/// How a token is named for revocation.
#[derive(Debug, Clone)]
pub enum TokenName {
    /// By its digest: the caller sent the token itself.
    Digest(Digest),
    /// By its handle.
    Handle(TokenHandle),
}

/// What was used.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Used {
    /// A key.
    Key(KeyId),
    /// A grant.
    Grant(GrantId),
}
