//! The trait's verbs, each handed to the file of its subject.

use super::lookups::Lookup;
use super::{
    Postgres, accounts, admin, chains, clients, codes, devices, grants, keys, log, marks, platforms, pushed,
    records, sessions, sign_on, signing, tokens, users,
};
use crate::minted::{Issued, Mark, MarkKind, Minted, Polled, Rotated};
use crate::sign_on::{SignOn, SignedOn};
use crate::signing::SigningKeyRow;
use crate::verbs::{
    At, Audit, AuditRecord, ChainWithGrant, Changed, ClientChange, ConnectedApp, DecisionRow, Fut,
    IssueToken, NewCode, PlatformRow, Redeemed, Store, StoreInfo, TokenName, Used,
};
use mandate_core::device::DeviceFlow;
use mandate_core::grant::{CodeRule, GrantSpec, LiveSession};
use mandate_core::model::{
    Account, Administrator, ApiKey, Client, ClientSecret, Credential, EndReason, Grant, KeyHolder,
    PasswordHash, Session, Status, TokenFacts, User,
};
use mandate_core::pushed::Pushed;
use mandate_core::refresh::RefreshRule;
use mandate_core::succession::Turn;
use mandate_core::{
    AccountId, AdminId, ChainId, ClientId, DecisionId, Digest, GrantId, KeyId, LogEntry, Offset, PartnerId,
    PlatformId, ScopeSet, SessionId, Timestamp, TokenHandle, UserId,
};

impl Store for Postgres {
    fn info(&self) -> Fut<'_, StoreInfo> {
        Box::pin(platforms::info(&self.shared))
    }
    fn stamp_demo(&self) -> Fut<'_, Changed> {
        Box::pin(platforms::stamp_demo(&self.shared))
    }
    fn ping(&self) -> Fut<'_, ()> {
        Box::pin(async { log::head(&self.shared).await.map(drop) })
    }
    fn reads(&self) -> u64 {
        self.shared.reads.load(std::sync::atomic::Ordering::Relaxed)
    }
    fn wrapped_key<'a>(&'a self, purpose: &'a str, offered: &'a [u8]) -> Fut<'a, Vec<u8>> {
        Box::pin(platforms::wrapped_key(&self.shared, purpose, offered))
    }
    fn head(&self) -> Fut<'_, Offset> {
        Box::pin(log::head(&self.shared))
    }
    fn log_after(&self, after: Offset, limit: u32) -> Fut<'_, Vec<LogEntry>> {
        Box::pin(log::after(&self.shared, after, limit))
    }
    fn kills_since(&self, at: Timestamp) -> Fut<'_, Vec<LogEntry>> {
        Box::pin(log::kills_since(&self.shared, at))
    }
    fn log_moved(&self) -> Fut<'_, ()> {
        Box::pin(async {
            log::moved(&self.shared, &self.announced).await;
            Ok(())
        })
    }

    fn apply_platform<'a>(
        &'a self,
        row: &'a PlatformRow,
        expected: u64,
        audit: &'a Audit,
    ) -> Fut<'a, Changed> {
        Box::pin(platforms::apply(&self.shared, row, expected, audit))
    }
    fn platforms(&self) -> Fut<'_, Vec<PlatformRow>> {
        Box::pin(platforms::all(&self.shared))
    }

    fn create_user<'a>(&'a self, user: &'a User, audit: &'a Audit) -> Fut<'a, Changed> {
        Box::pin(users::create(&self.shared, user, audit))
    }
    fn user_by_name<'a>(&'a self, platform: &'a PlatformId, name: &'a str) -> Fut<'a, Option<User>> {
        Box::pin(users::by_name(&self.shared, platform, name))
    }
    fn user<'a>(&'a self, platform: &'a PlatformId, id: &'a UserId) -> Fut<'a, Option<User>> {
        Box::pin(users::by_id(&self.shared, platform, id))
    }
    fn users<'a>(&'a self, platform: &'a PlatformId) -> Fut<'a, Vec<User>> {
        Box::pin(users::all(&self.shared, platform))
    }
    fn set_password<'a>(
        &'a self,
        platform: &'a PlatformId,
        user: &'a UserId,
        hash: &'a PasswordHash,
        expected: u64,
        keep: Option<&'a SessionId>,
        audit: &'a Audit,
    ) -> Fut<'a, Changed> {
        Box::pin(users::set_password(&self.shared, platform, user, hash, expected, keep, audit))
    }
    fn set_user_sessions<'a>(
        &'a self,
        platform: &'a PlatformId,
        user: &'a UserId,
        sessions: u32,
        audit: &'a Audit,
    ) -> Fut<'a, Changed> {
        Box::pin(users::set_sessions(&self.shared, platform, user, sessions, audit))
    }
    fn create_session<'a>(
        &'a self,
        platform: &'a PlatformId,
        session: &'a Session,
        password_version: u64,
    ) -> Fut<'a, Changed> {
        Box::pin(sessions::create(&self.shared, platform, session, password_version))
    }
    fn session<'a>(
        &'a self,
        platform: &'a PlatformId,
        digest: &'a Digest,
        now: Timestamp,
    ) -> Fut<'a, Option<(Session, User)>> {
        Box::pin(sessions::live(&self.shared, platform, digest, now))
    }
    fn sessions<'a>(
        &'a self,
        platform: &'a PlatformId,
        user: &'a UserId,
        now: Timestamp,
    ) -> Fut<'a, Vec<Session>> {
        Box::pin(sessions::of_user(&self.shared, platform, user, now))
    }
    fn end_sessions<'a>(
        &'a self,
        platform: &'a PlatformId,
        user: &'a UserId,
        id: Option<&'a SessionId>,
        audit: &'a Audit,
    ) -> Fut<'a, u64> {
        Box::pin(sessions::end(&self.shared, platform, user, id, audit))
    }

    fn create_account<'a>(&'a self, account: &'a Account, audit: &'a Audit) -> Fut<'a, Changed> {
        Box::pin(accounts::create(&self.shared, account, audit))
    }
    fn account<'a>(&'a self, platform: &'a PlatformId, id: &'a AccountId) -> Fut<'a, At<Option<Account>>> {
        Box::pin(accounts::by_id(&self.shared, platform, id))
    }
    fn accounts<'a>(&'a self, platform: &'a PlatformId, owner: Option<&'a UserId>) -> Fut<'a, Vec<Account>> {
        Box::pin(accounts::list(&self.shared, platform, owner))
    }
    fn set_account_status<'a>(
        &'a self,
        platform: &'a PlatformId,
        id: &'a AccountId,
        status: Status,
        audit: &'a Audit,
    ) -> Fut<'a, Changed> {
        Box::pin(accounts::set_status(&self.shared, platform, id, status, audit))
    }
    fn create_key<'a>(&'a self, key: &'a ApiKey, audit: &'a Audit) -> Fut<'a, Changed> {
        Box::pin(keys::create(&self.shared, key, audit))
    }
    fn replace_key<'a>(
        &'a self,
        platform: &'a PlatformId,
        old: &'a KeyId,
        new: &'a ApiKey,
        old_ends_at: Timestamp,
        audit: &'a Audit,
    ) -> Fut<'a, Changed> {
        Box::pin(keys::replace(&self.shared, platform, old, new, old_ends_at, audit))
    }
    fn revoke_key<'a>(
        &'a self,
        platform: &'a PlatformId,
        id: &'a KeyId,
        reason: EndReason,
        audit: &'a Audit,
    ) -> Fut<'a, Changed> {
        Box::pin(keys::revoke(&self.shared, platform, id, reason, audit))
    }
    fn reset_account<'a>(
        &'a self,
        platform: &'a PlatformId,
        account: &'a AccountId,
        new: &'a ApiKey,
        audit: &'a Audit,
    ) -> Fut<'a, Changed> {
        Box::pin(keys::reset_account(&self.shared, platform, account, new, audit))
    }
    fn keys<'a>(&'a self, platform: &'a PlatformId, holder: &'a KeyHolder) -> Fut<'a, Vec<ApiKey>> {
        Box::pin(keys::of_holder(&self.shared, platform, holder))
    }
    fn credential<'a>(&'a self, platform: &'a PlatformId, id: &'a str) -> Fut<'a, At<Option<Credential>>> {
        Box::pin(keys::credential(&self.shared, platform, id))
    }

    fn create_client<'a>(&'a self, client: &'a Client, audit: &'a Audit) -> Fut<'a, Changed> {
        Box::pin(clients::create(&self.shared, client, audit))
    }
    fn change_client<'a>(
        &'a self,
        platform: &'a PlatformId,
        id: &'a ClientId,
        change: &'a ClientChange,
        audit: &'a Audit,
    ) -> Fut<'a, Changed> {
        Box::pin(clients::change(&self.shared, platform, id, change, audit))
    }
    fn add_client_secret<'a>(
        &'a self,
        platform: &'a PlatformId,
        id: &'a ClientId,
        secret: &'a ClientSecret,
        older_ends_at: Option<Timestamp>,
        audit: &'a Audit,
    ) -> Fut<'a, Changed> {
        Box::pin(clients::add_secret(&self.shared, platform, id, secret, older_ends_at, audit))
    }
    fn clients<'a>(&'a self, platform: &'a PlatformId) -> Fut<'a, Vec<Client>> {
        Box::pin(clients::all(&self.shared, platform))
    }

    fn live_grant<'a>(&'a self, spec: &'a GrantSpec) -> Fut<'a, At<Option<Grant>>> {
        Box::pin(grants::live(&self.shared, spec))
    }
    fn grant<'a>(&'a self, platform: &'a PlatformId, id: &'a GrantId) -> Fut<'a, Option<Grant>> {
        Box::pin(grants::by_id(&self.shared, platform, id))
    }
    fn issue_code<'a>(&'a self, new: &'a NewCode) -> Fut<'a, Option<GrantId>> {
        Box::pin(codes::issue(&self.shared, new))
    }
    fn redeem_code<'a>(
        &'a self,
        platform: &'a PlatformId,
        digest: &'a Digest,
        rule: &'a CodeRule,
        minted: &'a Minted,
    ) -> Fut<'a, Redeemed> {
        Box::pin(codes::redeem(&self.shared, &self.redemptions, platform, digest, rule, minted))
    }
    fn issue_token<'a>(&'a self, new: &'a IssueToken) -> Fut<'a, Issued> {
        Box::pin(async move {
            match &new.known_grant {
                Some(grant) if new.leaves_no_trace() => Ok(Issued::Done(grant.clone())),
                Some(grant) if new.is_single() && new.token.chain.is_none() => {
                    let ready = tokens::Ready::new(new, grant.clone());
                    self.issues.submit(|reply| tokens::Issue { ready, reply }).await
                }
                Some(_) | None => tokens::issue(&self.shared, new).await,
            }
        })
    }
    fn sign_on<'a>(&'a self, new: &'a SignOn) -> Fut<'a, SignedOn> {
        Box::pin(sign_on::sign_on(&self.shared, new))
    }
    fn sign_ons<'a>(
        &'a self,
        platform: &'a PlatformId,
        user: &'a UserId,
        now: Timestamp,
    ) -> Fut<'a, Vec<LiveSession>> {
        Box::pin(sign_on::live(&self.shared, platform, user, now))
    }
    fn displaced<'a>(&'a self, platform: &'a PlatformId, by: &'a ChainId) -> Fut<'a, Vec<LiveSession>> {
        Box::pin(sign_on::displaced(&self.shared, platform, by))
    }
    fn mark<'a>(
        &'a self,
        platform: &'a PlatformId,
        marks: &'a [Mark],
        now: Timestamp,
    ) -> Fut<'a, Option<MarkKind>> {
        Box::pin(marks::mark(&self.shared, platform, marks, now))
    }
    fn chain<'a>(&'a self, platform: &'a PlatformId, id: &'a ChainId) -> Fut<'a, At<Option<ChainWithGrant>>> {
        let (platform, id) = (platform.clone(), id.clone());
        Box::pin(self.lookups.submit(|reply| Lookup { platform, id, reply }))
    }
    fn rotate_refresh<'a>(
        &'a self,
        platform: &'a PlatformId,
        id: &'a ChainId,
        rule: &'a RefreshRule,
        scopes: &'a ScopeSet,
        minted: &'a Minted,
        now: Timestamp,
    ) -> Fut<'a, Rotated> {
        Box::pin(chains::rotate(&self.shared, &self.rotations, (platform, id), rule, scopes, minted, now))
    }
    fn end_chain<'a>(
        &'a self,
        platform: &'a PlatformId,
        id: &'a ChainId,
        client: &'a ClientId,
        reason: EndReason,
        audit: &'a Audit,
    ) -> Fut<'a, Changed> {
        Box::pin(chains::end_for(&self.shared, platform, id, client, reason, audit))
    }
    fn create_device<'a>(&'a self, flow: &'a DeviceFlow) -> Fut<'a, Changed> {
        Box::pin(devices::create(&self.shared, flow))
    }
    fn device_by_user_code<'a>(
        &'a self,
        platform: &'a PlatformId,
        user_code: &'a str,
        now: Timestamp,
    ) -> Fut<'a, Option<DeviceFlow>> {
        Box::pin(devices::by_user_code(&self.shared, platform, user_code, now))
    }
    fn decide_device<'a>(
        &'a self,
        platform: &'a PlatformId,
        user_code: &'a str,
        allowed: Option<&'a GrantSpec>,
        context: &'a str,
        offset: Offset,
        now: Timestamp,
        audit: &'a Audit,
    ) -> Fut<'a, Changed> {
        let decision = devices::Decision { allowed, context, offset, now };
        Box::pin(devices::decide(&self.shared, platform, user_code, decision, audit))
    }
    fn poll_device<'a>(
        &'a self,
        platform: &'a PlatformId,
        digest: &'a Digest,
        client: &'a ClientId,
        minted: &'a Minted,
        now: Timestamp,
    ) -> Fut<'a, Polled> {
        Box::pin(devices::poll(&self.shared, platform, digest, client, minted, now))
    }
    fn push_request<'a>(&'a self, pushed: &'a Pushed, marks: &'a [Mark]) -> Fut<'a, Option<MarkKind>> {
        Box::pin(pushed::push(&self.shared, pushed, marks))
    }
    fn pushed<'a>(
        &'a self,
        platform: &'a PlatformId,
        digest: &'a Digest,
        now: Timestamp,
    ) -> Fut<'a, Option<Pushed>> {
        Box::pin(pushed::find(&self.shared, platform, digest, now))
    }
    fn complete_pushed<'a>(&'a self, platform: &'a PlatformId, digest: &'a Digest) -> Fut<'a, Changed> {
        Box::pin(pushed::complete(&self.shared, platform, digest))
    }
    fn signing_keys<'a>(&'a self, platform: &'a PlatformId) -> Fut<'a, Vec<SigningKeyRow>> {
        Box::pin(signing::list(&self.shared, platform))
    }
    fn turn_signing_keys<'a>(
        &'a self,
        offered: &'a SigningKeyRow,
        turn: &'a Turn,
        outlives_ms: Option<i64>,
        audit: &'a Audit,
    ) -> Fut<'a, Changed> {
        Box::pin(signing::turn(&self.shared, offered, turn, outlives_ms, audit))
    }
    fn end_mac_key<'a>(
        &'a self,
        platform: &'a PlatformId,
        kid: &'a str,
        audit: &'a Audit,
    ) -> Fut<'a, Changed> {
        Box::pin(signing::end_mac(&self.shared, platform, kid, audit))
    }
    fn token<'a>(&'a self, platform: &'a PlatformId, digest: &'a Digest) -> Fut<'a, At<Option<TokenFacts>>> {
        Box::pin(tokens::facts(&self.shared, platform, digest))
    }
    fn revoke_token<'a>(
        &'a self,
        platform: &'a PlatformId,
        named: &'a TokenName,
        partner: Option<&'a PartnerId>,
        reason: EndReason,
        audit: &'a Audit,
    ) -> Fut<'a, Changed> {
        Box::pin(tokens::revoke(&self.shared, platform, named, partner, reason, audit))
    }
    fn kill_token<'a>(
        &'a self,
        platform: &'a PlatformId,
        handle: &'a TokenHandle,
        audit: &'a Audit,
    ) -> Fut<'a, ()> {
        Box::pin(tokens::kill(&self.shared, platform, handle, audit))
    }
    fn connected_apps<'a>(
        &'a self,
        platform: &'a PlatformId,
        user: &'a UserId,
        now: Timestamp,
    ) -> Fut<'a, Vec<ConnectedApp>> {
        Box::pin(grants::connected(&self.shared, platform, user, now))
    }
    fn grants<'a>(&'a self, platform: &'a PlatformId) -> Fut<'a, Vec<Grant>> {
        Box::pin(grants::all(&self.shared, platform))
    }
    fn revoke_grant<'a>(
        &'a self,
        platform: &'a PlatformId,
        id: &'a GrantId,
        owner: Option<&'a UserId>,
        reason: EndReason,
        audit: &'a Audit,
    ) -> Fut<'a, Changed> {
        Box::pin(grants::revoke(&self.shared, platform, id, owner, reason, audit))
    }
    fn counts<'a>(&'a self, platform: &'a PlatformId) -> Fut<'a, (u64, u64, u64)> {
        Box::pin(platforms::counts(&self.shared, platform))
    }

    fn record_decisions<'a>(&'a self, rows: &'a [DecisionRow]) -> Fut<'a, ()> {
        Box::pin(records::record(&self.shared, &self.days, rows))
    }
    fn decision<'a>(&'a self, platform: &'a PlatformId, id: &'a DecisionId) -> Fut<'a, Option<DecisionRow>> {
        Box::pin(records::by_id(&self.shared, platform, id))
    }
    fn note_use<'a>(&'a self, platform: &'a PlatformId, uses: &'a [(Used, Timestamp)]) -> Fut<'a, ()> {
        Box::pin(records::note_use(&self.shared, platform, uses))
    }
    fn audit_after(&self, after: u64, limit: u32) -> Fut<'_, Vec<AuditRecord>> {
        Box::pin(records::audit_after(&self.shared, after, limit))
    }
    fn purge(&self, now: Timestamp) -> Fut<'_, ()> {
        Box::pin(records::purge(&self.shared, &self.days, now))
    }

    fn bootstrap_admin<'a>(
        &'a self,
        admin: &'a Administrator,
        digest: &'a Digest,
        audit: &'a Audit,
    ) -> Fut<'a, Changed> {
        Box::pin(admin::bootstrap(&self.shared, admin, digest, audit))
    }
    fn create_admin<'a>(
        &'a self,
        admin: &'a Administrator,
        digest: &'a Digest,
        spend: Option<&'a AdminId>,
        audit: &'a Audit,
    ) -> Fut<'a, Changed> {
        Box::pin(admin::create(&self.shared, admin, digest, spend, audit))
    }
    fn admin<'a>(&'a self, digest: &'a Digest, now: Timestamp) -> Fut<'a, Option<Administrator>> {
        Box::pin(admin::by_digest(&self.shared, digest, now))
    }
    fn admins(&self) -> Fut<'_, Vec<Administrator>> {
        Box::pin(admin::all(&self.shared))
    }
    fn end_admin<'a>(&'a self, id: &'a AdminId, audit: &'a Audit) -> Fut<'a, Changed> {
        Box::pin(admin::end(&self.shared, id, audit))
    }
}
