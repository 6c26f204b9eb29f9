//! The trait of atomic verbs.

use crate::minted::{Issued, Mark, MarkKind, Minted, Polled, Rotated};
use crate::sign_on::{SignOn, SignedOn};
use crate::signing::SigningKeyRow;
use mandate_core::device::DeviceFlow;
use mandate_core::grant::{CodeRule, GrantSpec, LiveSession};
use mandate_core::legacy::LegacyCount;
use mandate_core::model::{
    Account, Administrator, ApiKey, Client, ClientSecret, Credential, EndReason, Grant, PasswordHash,
    Session, Status, TokenFacts, User,
};
use mandate_core::pushed::Pushed;
use mandate_core::refresh::RefreshRule;
use mandate_core::succession::Turn;
use mandate_core::{
    AccountId, AdminId, ChainId, ClientId, DecisionId, Digest, GrantId, KeyId, LogEntry, Offset, PartnerId,
    PlatformId, SessionId, Timestamp, TokenHandle, UserId,
};
use std::fmt::Debug;

pub use crate::values::*;

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
    /// Look-ups made so far: a metric, and what shows that known and unknown names cost the same (SECURITY R7). Following
    /// the log and purging are none: nobody asked for them.
    fn reads(&self) -> u64;
    /// The wrapped root key material kept in the store for `purpose`, or stores `offered` if there is none; what it
    /// returns is what all nodes use (SECURITY R1: `offered` is wrapped already).
    fn wrapped_key<'a>(&'a self, purpose: &'a str, offered: &'a [u8]) -> Fut<'a, Vec<u8>>;
    /// The newest offset of the log.
    fn head(&self) -> Fut<'_, Offset>;
    /// Entries after an offset, in order, at most `limit`.
    fn log_after(&self, after: Offset, limit: u32) -> Fut<'_, Vec<LogEntry>>;
    /// All killing entries from a time on, in order, without a bound.
    fn kills_since(&self, at: Timestamp) -> Fut<'_, Vec<LogEntry>>;
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
    /// Sets a password if the version is still `expected`, and ends every session but `keep`; a machine's sign-ons too.
    /// Log entry on the user, change.
    fn set_password<'a>(
        &'a self,
        platform: &'a PlatformId,
        user: &'a UserId,
        hash: &'a PasswordHash,
        expected: u64,
        keep: Option<&'a SessionId>,
        audit: &'a Audit,
    ) -> Fut<'a, Changed>;
    /// Sets how many sign-ons a machine may have at once; those that are live go on. `Conflict` if the user is a person. Log
    /// entry on the user, change.
    fn set_user_sessions<'a>(
        &'a self,
        platform: &'a PlatformId,
        user: &'a UserId,
        sessions: u32,
        audit: &'a Audit,
    ) -> Fut<'a, Changed>;
    /// Opens a session if the user is a person, active, and the password version is still the one that was verified.
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
    /// Opens or widens the grant and stores the code under it. `None`: the pushed request that it completes was completed
    /// before or is gone, and nothing was stored. Its time is not asked for: it may run out while the owner reads.
    fn issue_code<'a>(&'a self, new: &'a NewCode) -> Fut<'a, Option<GrantId>>;
    /// Atomic: the rule runs on the row inside the step that spends it. See [`Redeemed`]. The token's scopes and
    /// partner are the code's, and so are grant, client, scopes and context of the chain; neither has an offset above the code's.
    fn redeem_code<'a>(
        &'a self,
        platform: &'a PlatformId,
        digest: &'a Digest,
        rule: &'a CodeRule,
        minted: &'a Minted,
    ) -> Fut<'a, Redeemed>;
    /// Opens or widens the grant and stores under it what is to be stored.
    fn issue_token<'a>(&'a self, new: &'a IssueToken) -> Fut<'a, Issued>;
    /// Atomic: a machine signs on. The rule runs on the machine and its live sign-ons, over all clients; what it displaces
    /// ends in the same step, with `chain` of `minted` as its successor: log entries on the tokens of those chains, kill.
    /// A live sign-on is a chain that no act, no time and nothing that it hangs from has ended. See [`SignedOn`].
    fn sign_on<'a>(&'a self, new: &'a SignOn) -> Fut<'a, SignedOn>;
    /// The live sign-ons of a machine, oldest first.
    fn sign_ons<'a>(
        &'a self,
        platform: &'a PlatformId,
        user: &'a UserId,
        now: Timestamp,
    ) -> Fut<'a, Vec<LiveSession>>;
    /// The sign-ons whose place this chain took, oldest first; from them to it their chains' ends lead.
    fn displaced<'a>(&'a self, platform: &'a PlatformId, by: &'a ChainId) -> Fut<'a, Vec<LiveSession>>;
    /// Remembers that these were used: all of them, or none if one was used before, whose kind it then gives
    /// (SECURITY R16).
    fn mark<'a>(
        &'a self,
        platform: &'a PlatformId,
        marks: &'a [Mark],
        now: Timestamp,
    ) -> Fut<'a, Option<MarkKind>>;
    /// A refresh chain with its grant, ended or not.
    fn chain<'a>(&'a self, platform: &'a PlatformId, id: &'a ChainId) -> Fut<'a, At<Option<ChainWithGrant>>>;
    /// Atomic: the rule runs on the row inside the step that moves it. See [`Rotated`]. A stored token takes its grant
    /// and chain from it, its scopes from `scopes`, and has no offset above the chain's: what has been killed since
    /// stays dead (SECURITY R10). Whoever signs a self-contained token puts the chain's offset into it.
    fn rotate_refresh<'a>(
        &'a self,
        platform: &'a PlatformId,
        id: &'a ChainId,
        rule: &'a RefreshRule,
        scopes: &'a mandate_core::ScopeSet,
        minted: &'a Minted,
        now: Timestamp,
    ) -> Fut<'a, Rotated>;
    /// As [`Self::rotate_refresh`], by one who has just read the chain: a store that judges beside the row need not read
    /// it again. If the chain or what it hangs from has moved since, it is judged anew.
    fn rotate_seen<'a>(
        &'a self,
        seen: &'a ChainWithGrant,
        rule: &'a RefreshRule,
        scopes: &'a mandate_core::ScopeSet,
        minted: &'a Minted,
        now: Timestamp,
    ) -> Fut<'a, Rotated> {
        self.rotate_refresh(&seen.0.platform, &seen.0.id, rule, scopes, minted, now)
    }
    /// Ends a client's chain and its access tokens. `NotFound` covers another client's, `Conflict` one that has ended.
    /// Log entry on the token of the chain's id, kill.
    fn end_chain<'a>(
        &'a self,
        platform: &'a PlatformId,
        id: &'a ChainId,
        client: &'a ClientId,
        reason: EndReason,
        audit: &'a Audit,
    ) -> Fut<'a, Changed>;

    // Requests that wait for their owner.

    /// Begins a device flow. `Conflict` if the user code is in use.
    fn create_device<'a>(&'a self, flow: &'a DeviceFlow) -> Fut<'a, Changed>;
    /// The device flow of a user code until its time is over, whatever its state.
    fn device_by_user_code<'a>(
        &'a self,
        platform: &'a PlatformId,
        user_code: &'a str,
        now: Timestamp,
    ) -> Fut<'a, Option<DeviceFlow>>;
    /// The owner's decision. `allowed`: opens or widens the grant, and the flow's scopes are the grant's from then on;
    /// `None`: denied. `offset`: what was applied before the page read owner, client and accounts. `NotFound` if it is
    /// unknown or its time is over, `Conflict` if it was decided before.
    #[expect(clippy::too_many_arguments, reason = "one act, and each of them is a part of it")]
    fn decide_device<'a>(
        &'a self,
        platform: &'a PlatformId,
        user_code: &'a str,
        allowed: Option<&'a GrantSpec>,
        context: &'a str,
        offset: Offset,
        now: Timestamp,
        audit: &'a Audit,
    ) -> Fut<'a, Changed>;
    /// Atomic: a device asks. See [`Polled`]. Client, scopes and grant of token and chain are the flow's.
    fn poll_device<'a>(
        &'a self,
        platform: &'a PlatformId,
        digest: &'a Digest,
        client: &'a ClientId,
        minted: &'a Minted,
        now: Timestamp,
    ) -> Fut<'a, Polled>;
    /// Stores a pushed request, or nothing if a mark was there already.
    fn push_request<'a>(&'a self, pushed: &'a Pushed, marks: &'a [Mark]) -> Fut<'a, Option<MarkKind>>;
    /// A pushed request that an authorization may begin with: `None` once it has expired or was completed.
    fn pushed<'a>(
        &'a self,
        platform: &'a PlatformId,
        digest: &'a Digest,
        now: Timestamp,
    ) -> Fut<'a, Option<Pushed>>;
    /// Completes a pushed request without a code: the owner said no. `Conflict` if it was completed before.
    fn complete_pushed<'a>(&'a self, platform: &'a PlatformId, digest: &'a Digest) -> Fut<'a, Changed>;

    // Signing keys.

    /// The keys of a platform, oldest first, those that are gone included.
    fn signing_keys<'a>(&'a self, platform: &'a PlatformId) -> Fut<'a, Vec<SigningKeyRow>>;
    /// Runs a turn on the keys of the offered key's algorithm: all of it in one step, whoever else does the same at the
    /// same time (DESIGN D6). The offered key is kept if the turn needs one. `outlives_ms`: how long something lives that
    /// a key signed last. `NotFound` if the key that the turn names is none of the algorithm, `Conflict` if nothing
    /// changes or the offered id is taken. Log entry on the platform, change; on a key that is no longer believed, kill;
    /// chains whose MAC key it is end.
    fn turn_signing_keys<'a>(
        &'a self,
        offered: &'a SigningKeyRow,
        turn: &'a Turn,
        outlives_ms: Option<i64>,
        audit: &'a Audit,
    ) -> Fut<'a, Changed>;
    /// Ends a MAC key that retired at least [`mandate_core::succession::MAC_LINGERS_MS`] ago, if no live chain names it
    /// (SECURITY R2): `Conflict` while one does. Log entry on the platform, change.
    fn end_mac_key<'a>(
        &'a self,
        platform: &'a PlatformId,
        kid: &'a str,
        audit: &'a Audit,
    ) -> Fut<'a, Changed>;

    // Tokens.

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
    /// Notes the end of a token that has no row: a self-contained one, whose holder gives it back. Log entry, kill.
    fn kill_token<'a>(
        &'a self,
        platform: &'a PlatformId,
        handle: &'a TokenHandle,
        audit: &'a Audit,
    ) -> Fut<'a, ()>;
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
    /// Adds to the counts of what clients use of older times; unknown ones begin. Written behind.
    fn note_legacy<'a>(&'a self, platform: &'a PlatformId, counts: &'a [LegacyCount]) -> Fut<'a, ()>;
    /// Those counts, by client and by what was used.
    fn legacy_uses<'a>(&'a self, platform: &'a PlatformId) -> Fut<'a, Vec<LegacyCount>>;
    /// Audit records with a number above `after`, oldest first, at most `limit`.
    fn audit_after(&self, after: u64, limit: u32) -> Fut<'_, Vec<AuditRecord>>;
    /// Drops codes, sessions, chains, device flows, pushed requests, marks, ended credentials and decision buckets past their
    /// retention.
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
