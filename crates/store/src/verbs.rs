//! The trait of atomic verbs and the values they take and give.

use mandate_core::grant::{CodeFault, CodeRule, GrantSpec};
use mandate_core::model::{
    Account, Administrator, ApiKey, Client, ClientSecret, Code, Credential, EndReason, Grant, PasswordHash,
    Session, Status, TokenFacts, User,
};
use mandate_core::{
    AccountId, AdminId, ClientId, ClientSettings, DecisionId, Digest, GrantId, KeyId, LogEntry, Offset,
    OperationId, PartnerId, PlatformId, SessionId, Timestamp, TokenHandle, UserId,
};
use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;

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
    /// Its binding; `grant` is filled in by the store, `redeemed` is ignored.
    pub code: Code,
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
}

/// What became of an authorization code. Exactly one caller ever sees `Fresh`; a refusal spends nothing.
#[derive(Debug, Clone)]
pub enum Redeemed {
    /// Spent now; the token is stored under this grant with these scopes.
    Fresh {
        /// The grant.
        grant: GrantId,
        /// Scopes of the token.
        scopes: mandate_core::ScopeSet,
    },
    /// The rule said no.
    Refused(CodeFault, Box<Code>),
    /// The grant, its client or user ended after the code was made.
    GrantEnded(Box<Code>),
    /// It had been spent; everything matched, so what it gave has been revoked in this same transaction
    /// (RFC 6749 section 4.1.2).
    Replayed(Box<Code>),
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
    /// From now on it may not come without PKCE, or may again.
    pub requires_pkce: Option<bool>,
}

impl ClientChange {
    /// What the settings are after it.
    pub(crate) fn settled(&self, known: &ClientSettings) -> ClientSettings {
        ClientSettings { requires_pkce: self.requires_pkce.unwrap_or(known.requires_pkce) }
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

/// The verbs. Everything is scoped by platform first. Lists are ordered by creation, newest last, and bounded to
/// 1,000 rows unless said otherwise.
pub trait Store: Debug + Send + Sync {
    // The store itself.

    /// What kind of store this is.
    fn info(&self) -> Fut<'_, StoreInfo>;
    /// Marks a store without platforms as a demo's. `Conflict` if a real one is in use.
    fn stamp_demo(&self) -> Fut<'_, Changed>;
    /// Reads something, to show that it can.
    fn ping(&self) -> Fut<'_, ()>;
    /// Look-ups made so far: a metric, and what shows that known and unknown names cost the same (SECURITY R7).
    fn reads(&self) -> u64;
    /// The wrapped root key material kept in the store for `purpose`, or stores `offered` if there is none; what it
    /// returns is what all nodes use (SECURITY R1: `offered` is wrapped already).
    fn wrapped_key<'a>(&'a self, purpose: &'a str, offered: &'a [u8]) -> Fut<'a, Vec<u8>>;
    /// The newest offset of the log.
    fn head(&self) -> Fut<'_, Offset>;
    /// Entries after an offset, in order, at most `limit`.
    fn log_after(&self, after: Offset, limit: u32) -> Fut<'_, Vec<LogEntry>>;
    /// Returns when the log may have grown, or after a second. Several nodes: wakes on NOTIFY.
    fn log_moved(&self) -> Fut<'_, ()>;

    // Platforms.

    /// Stores a platform file; `expected` is the revision it was planned against (0: new). `Conflict` if another
    /// apply came between. One log entry on the platform, effect change.
    fn apply_platform<'a>(
        &'a self,
        row: &'a PlatformRow,
        expected: u64,
        audit: &'a Audit,
    ) -> Fut<'a, Changed>;
    /// All platforms.
    fn platforms(&self) -> Fut<'_, Vec<PlatformRow>>;

    // Users and sessions.

    /// Makes a user. `Conflict` if the name is taken.
    fn create_user<'a>(&'a self, user: &'a User, audit: &'a Audit) -> Fut<'a, Changed>;
    /// By name, for sign-in. One read, whether the name is known or not (SECURITY R7).
    fn user_by_name<'a>(&'a self, platform: &'a PlatformId, name: &'a str) -> Fut<'a, Option<User>>;
    /// By id.
    fn user<'a>(&'a self, platform: &'a PlatformId, id: &'a UserId) -> Fut<'a, Option<User>>;
    /// All users.
    fn users<'a>(&'a self, platform: &'a PlatformId) -> Fut<'a, Vec<User>>;
    /// Sets a password if the version is still `expected`, and ends every session but `keep`.
    fn set_password<'a>(
        &'a self,
        platform: &'a PlatformId,
        user: &'a UserId,
        hash: &'a PasswordHash,
        expected: u64,
        keep: Option<&'a SessionId>,
        audit: &'a Audit,
    ) -> Fut<'a, Changed>;
    /// Opens a session if the user is active and the password version is still the one that was verified.
    fn create_session<'a>(
        &'a self,
        platform: &'a PlatformId,
        session: &'a Session,
        password_version: u64,
    ) -> Fut<'a, Changed>;
    /// The live session of a cookie with its user, seen now. `last_seen` moves at most once a minute.
    fn session<'a>(
        &'a self,
        platform: &'a PlatformId,
        digest: &'a Digest,
        now: Timestamp,
    ) -> Fut<'a, Option<(Session, User)>>;
    /// Live sessions of a user.
    fn sessions<'a>(
        &'a self,
        platform: &'a PlatformId,
        user: &'a UserId,
        now: Timestamp,
    ) -> Fut<'a, Vec<Session>>;
    /// Ends one session of this user, or all if `id` is `None`. Returns how many.
    fn end_sessions<'a>(
        &'a self,
        platform: &'a PlatformId,
        user: &'a UserId,
        id: Option<&'a SessionId>,
        audit: &'a Audit,
    ) -> Fut<'a, u64>;

    // Accounts and keys.

    /// Makes an account. `Conflict` if the id is taken, `NotFound` if the owner does not exist.
    fn create_account<'a>(&'a self, account: &'a Account, audit: &'a Audit) -> Fut<'a, Changed>;
    /// One account.
    fn account<'a>(&'a self, platform: &'a PlatformId, id: &'a AccountId) -> Fut<'a, At<Option<Account>>>;
    /// A user's accounts, or all.
    fn accounts<'a>(&'a self, platform: &'a PlatformId, owner: Option<&'a UserId>) -> Fut<'a, Vec<Account>>;
    /// Switches an account on or off. Off: log entry, kill.
    fn set_account_status<'a>(
        &'a self,
        platform: &'a PlatformId,
        id: &'a AccountId,
        status: Status,
        audit: &'a Audit,
    ) -> Fut<'a, Changed>;
    /// Makes a key. `TooMany` if the holder has two live keys in that environment, `Conflict` if the id names any
    /// credential already, `NotFound` if the account does not exist. Log entry on the key (change), so that no node
    /// goes on believing that the id is unknown.
    fn create_key<'a>(&'a self, key: &'a ApiKey, audit: &'a Audit) -> Fut<'a, Changed>;
    /// Makes `new` and ends `old` at `old_ends_at` with `new` as its successor. Not counted against the limit.
    fn replace_key<'a>(
        &'a self,
        platform: &'a PlatformId,
        old: &'a KeyId,
        new: &'a ApiKey,
        old_ends_at: Timestamp,
        audit: &'a Audit,
    ) -> Fut<'a, Changed>;
    /// Ends a key now. `Conflict` if it has ended. Log entry, kill.
    fn revoke_key<'a>(
        &'a self,
        platform: &'a PlatformId,
        id: &'a KeyId,
        reason: EndReason,
        audit: &'a Audit,
    ) -> Fut<'a, Changed>;
    /// Resets an account: every live key ends now with `new` as its successor, `new` is made, the account's count of
    /// resets grows.
    fn reset_account<'a>(
        &'a self,
        platform: &'a PlatformId,
        account: &'a AccountId,
        new: &'a ApiKey,
        audit: &'a Audit,
    ) -> Fut<'a, Changed>;
    /// Keys of an account or partner, ended ones of the last 400 days included.
    fn keys<'a>(
        &'a self,
        platform: &'a PlatformId,
        holder: &'a mandate_core::model::KeyHolder,
    ) -> Fut<'a, Vec<ApiKey>>;
    /// What a public credential id names: key or client. One read for known and unknown ids (SECURITY R7).
    fn credential<'a>(&'a self, platform: &'a PlatformId, id: &'a str) -> Fut<'a, At<Option<Credential>>>;

    // Clients.

    /// Makes a client with its secrets. `Conflict` if the id names any credential already.
    fn create_client<'a>(&'a self, client: &'a Client, audit: &'a Audit) -> Fut<'a, Changed>;
    /// Changes a client. Disabling: log entry, kill; anything else: log entry, change.
    fn change_client<'a>(
        &'a self,
        platform: &'a PlatformId,
        id: &'a ClientId,
        change: &'a ClientChange,
        audit: &'a Audit,
    ) -> Fut<'a, Changed>;
    /// Adds a secret, ending the older of two live ones of the same use at `older_ends_at` if that is given, else
    /// `TooMany`.
    fn add_client_secret<'a>(
        &'a self,
        platform: &'a PlatformId,
        id: &'a ClientId,
        secret: &'a ClientSecret,
        older_ends_at: Option<Timestamp>,
        audit: &'a Audit,
    ) -> Fut<'a, Changed>;
    /// All clients.
    fn clients<'a>(&'a self, platform: &'a PlatformId) -> Fut<'a, Vec<Client>>;

    // Grants, codes, tokens.

    /// The live grant of a key: client, subject, account set and origin as in `spec`.
    fn live_grant<'a>(&'a self, spec: &'a GrantSpec) -> Fut<'a, At<Option<Grant>>>;
    /// One grant.
    fn grant<'a>(&'a self, platform: &'a PlatformId, id: &'a GrantId) -> Fut<'a, Option<Grant>>;
    /// Opens or widens the grant and stores the code under it.
    fn issue_code<'a>(&'a self, new: &'a NewCode) -> Fut<'a, GrantId>;
    /// Atomic: the rule runs on the row inside the step that spends it. See [`Redeemed`]. The token's scopes and
    /// partner are the code's.
    fn redeem_code<'a>(
        &'a self,
        platform: &'a PlatformId,
        digest: &'a Digest,
        rule: &'a CodeRule,
        token: &'a NewToken,
    ) -> Fut<'a, Redeemed>;
    /// Opens or widens the grant and stores the token under it.
    fn issue_token<'a>(&'a self, new: &'a IssueToken) -> Fut<'a, GrantId>;
    /// A token by its digest, with all that a decision needs. One read for known and unknown digests.
    fn token<'a>(&'a self, platform: &'a PlatformId, digest: &'a Digest) -> Fut<'a, At<Option<TokenFacts>>>;
    /// Ends a token by digest or handle, if it was asked for by `partner` (`None`: by none). `NotFound` covers another
    /// partner's, `Conflict` one that has ended. Log entry, kill.
    fn revoke_token<'a>(
        &'a self,
        platform: &'a PlatformId,
        named: &'a TokenName,
        partner: Option<&'a PartnerId>,
        reason: EndReason,
        audit: &'a Audit,
    ) -> Fut<'a, Changed>;
    /// The grants that a user gave and those on the user's accounts, live ones first, ended ones of the last 400 days after them.
    fn connected_apps<'a>(
        &'a self,
        platform: &'a PlatformId,
        user: &'a UserId,
        now: Timestamp,
    ) -> Fut<'a, Vec<ConnectedApp>>;
    /// All grants of a platform, for the operator.
    fn grants<'a>(&'a self, platform: &'a PlatformId) -> Fut<'a, Vec<Grant>>;
    /// Ends a grant; if `owner` is given, only if it is on one of that user's accounts. Log entry, kill.
    fn revoke_grant<'a>(
        &'a self,
        platform: &'a PlatformId,
        id: &'a GrantId,
        owner: Option<&'a UserId>,
        reason: EndReason,
        audit: &'a Audit,
    ) -> Fut<'a, Changed>;
    /// Codes and tokens that exist, for tests that nothing was created: `(codes, tokens, grants)`.
    fn counts<'a>(&'a self, platform: &'a PlatformId) -> Fut<'a, (u64, u64, u64)>;

    // Records.

    /// Remembers refusals. Written behind: loss of the last batch in a crash is accepted (SECURITY R8).
    fn record_decisions<'a>(&'a self, rows: &'a [DecisionRow]) -> Fut<'a, ()>;
    /// One refusal.
    fn decision<'a>(&'a self, platform: &'a PlatformId, id: &'a DecisionId) -> Fut<'a, Option<DecisionRow>>;
    /// Notes roughly when keys and grants were last used. Written behind.
    fn note_use<'a>(&'a self, platform: &'a PlatformId, uses: &'a [(Used, Timestamp)]) -> Fut<'a, ()>;
    /// Audit records with a number above `after`, oldest first, at most `limit`.
    fn audit_after(&self, after: u64, limit: u32) -> Fut<'_, Vec<AuditRecord>>;
    /// Drops codes, sessions, ended credentials and decision buckets past their retention.
    fn purge(&self, now: Timestamp) -> Fut<'_, ()>;

    // Administrators.

    /// Makes the first administrator's one-hour token, only if the store never had one (SECURITY R25).
    fn bootstrap_admin<'a>(
        &'a self,
        admin: &'a Administrator,
        digest: &'a Digest,
        audit: &'a Audit,
    ) -> Fut<'a, Changed>;
    /// Makes an administrator; `spend` is the bootstrap token that is used up by it, if one made it.
    fn create_admin<'a>(
        &'a self,
        admin: &'a Administrator,
        digest: &'a Digest,
        spend: Option<&'a AdminId>,
        audit: &'a Audit,
    ) -> Fut<'a, Changed>;
    /// The live administrator of a token.
    fn admin<'a>(&'a self, digest: &'a Digest, now: Timestamp) -> Fut<'a, Option<Administrator>>;
    /// All live administrators.
    fn admins(&self) -> Fut<'_, Vec<Administrator>>;
    /// Ends an administrator's token.
    fn end_admin<'a>(&'a self, id: &'a AdminId, audit: &'a Audit) -> Fut<'a, Changed>;
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
