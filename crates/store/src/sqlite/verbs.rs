//! The verbs, each handed to the module of its subject.

use super::{
    Sqlite, accounts, admin, chains, clients, codes, devices, grants, keys, legacy, log, marks, purge,
    pushed, records, sign_on, signing, tokens, users,
};
use crate::{
    At, Audit, AuditRecord, ChainWithGrant, Changed, ClientChange, ConnectedApp, DecisionRow, Fut,
    IssueToken, Issued, Mark, MarkKind, Minted, NewCode, PlatformRow, Polled, Redeemed, Rotated, SignOn,
    SignedOn, SigningKeyRow, Store, StoreInfo, TokenName, Used,
};
use mandate_core::device::DeviceFlow;
use mandate_core::grant::{CodeRule, GrantSpec, LiveSession};
use mandate_core::legacy::LegacyCount;
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
use std::sync::atomic::Ordering;
use std::time::Duration;

/// A session's last page is noted this often.
const SEEN_EVERY_MS: i64 = 60_000;

impl Store for Sqlite {
    fn info(&self) -> Fut<'_, StoreInfo> {
        self.read(log::info)
    }
    fn stamp_demo(&self) -> Fut<'_, Changed> {
        self.write(log::stamp_demo)
    }
    fn ping(&self) -> Fut<'_, ()> {
        self.read(move |conn| log::head(conn).map(drop))
    }
    fn reads(&self) -> u64 {
        self.reads.load(Ordering::Relaxed)
    }
    fn wrapped_key<'a>(&'a self, purpose: &'a str, offered: &'a [u8]) -> Fut<'a, Vec<u8>> {
        let (purpose, offered) = (purpose.to_owned(), offered.to_vec());
        self.write(move |work| log::wrapped_key(work, &purpose, &offered))
    }
    fn head(&self) -> Fut<'_, Offset> {
        let head = Offset(self.shared.head.load(Ordering::Acquire));
        Box::pin(std::future::ready(Ok(head)))
    }
    fn log_after(&self, after: Offset, limit: u32) -> Fut<'_, Vec<LogEntry>> {
        Box::pin(self.read_unasked(move |conn| log::after(conn, after, limit)))
    }
    fn kills_since(&self, at: Timestamp) -> Fut<'_, Vec<LogEntry>> {
        self.read(move |conn| log::kills_since(conn, at))
    }
    fn log_moved(&self) -> Fut<'_, ()> {
        Box::pin(async {
            tokio::time::timeout(Duration::from_secs(1), self.shared.moved.notified()).await.ok();
            Ok(())
        })
    }

    fn apply_platform<'a>(
        &'a self,
        row: &'a PlatformRow,
        expected: u64,
        audit: &'a Audit,
    ) -> Fut<'a, Changed> {
        let (row, audit) = (row.clone(), audit.clone());
        self.write(move |work| log::apply_platform(work, &row, expected, &audit))
    }
    fn platforms(&self) -> Fut<'_, Vec<PlatformRow>> {
        self.read(log::platforms)
    }
    fn create_user<'a>(&'a self, user: &'a User, audit: &'a Audit) -> Fut<'a, Changed> {
        let (user, audit) = (user.clone(), audit.clone());
        self.write(move |work| users::create(work, &user, &audit))
    }
    fn user_by_name<'a>(&'a self, platform: &'a PlatformId, name: &'a str) -> Fut<'a, Option<User>> {
        let (platform, name) = (platform.clone(), name.to_owned());
        self.read(move |conn| users::by_name(conn, &platform, &name))
    }
    fn user<'a>(&'a self, platform: &'a PlatformId, id: &'a UserId) -> Fut<'a, Option<User>> {
        let (platform, id) = (platform.clone(), id.clone());
        self.read(move |conn| users::by_id(conn, &platform, &id))
    }
    fn users<'a>(&'a self, platform: &'a PlatformId) -> Fut<'a, Vec<User>> {
        let platform = platform.clone();
        self.read(move |conn| users::list(conn, &platform))
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
        let (platform, user, hash, keep, audit) =
            (platform.clone(), user.clone(), hash.clone(), keep.cloned(), audit.clone());
        self.write(move |work| {
            users::set_password(work, &platform, &user, &hash, expected, keep.as_ref(), &audit)
        })
    }
    fn set_user_sessions<'a>(
        &'a self,
        platform: &'a PlatformId,
        user: &'a UserId,
        sessions: u32,
        audit: &'a Audit,
    ) -> Fut<'a, Changed> {
        let (platform, user, audit) = (platform.clone(), user.clone(), audit.clone());
        self.write(move |work| users::set_sessions(work, &platform, &user, sessions, &audit))
    }
    fn create_session<'a>(
        &'a self,
        platform: &'a PlatformId,
        session: &'a Session,
        password_version: u64,
    ) -> Fut<'a, Changed> {
        let (platform, session) = (platform.clone(), session.clone());
        self.write(move |work| users::create_session(work, &platform, &session, password_version))
    }
    fn session<'a>(
        &'a self,
        platform: &'a PlatformId,
        digest: &'a Digest,
        now: Timestamp,
    ) -> Fut<'a, Option<(Session, User)>> {
        Box::pin(async move {
            let (of, cookie) = (platform.clone(), *digest);
            let found = self.read(move |conn| users::session(conn, &of, &cookie, now)).await?;
            let Some((mut session, user)) = found else { return Ok(None) };
            if now.millis_since(session.last_seen) >= SEEN_EVERY_MS {
                session.last_seen = now;
                let (of, id) = (platform.clone(), session.id.clone());
                self.write(move |work| users::see_session(work, &of, &id, now)).await?;
            }
            Ok(Some((session, user)))
        })
    }
    fn sessions<'a>(
        &'a self,
        platform: &'a PlatformId,
        user: &'a UserId,
        now: Timestamp,
    ) -> Fut<'a, Vec<Session>> {
        let (platform, user) = (platform.clone(), user.clone());
        self.read(move |conn| users::sessions(conn, &platform, &user, now))
    }
    fn end_sessions<'a>(
        &'a self,
        platform: &'a PlatformId,
        user: &'a UserId,
        id: Option<&'a SessionId>,
        audit: &'a Audit,
    ) -> Fut<'a, u64> {
        let (platform, user, id, audit) = (platform.clone(), user.clone(), id.cloned(), audit.clone());
        self.write(move |work| users::end_sessions(work, &platform, &user, id.as_ref(), &audit))
    }
    fn create_account<'a>(&'a self, account: &'a Account, audit: &'a Audit) -> Fut<'a, Changed> {
        let (account, audit) = (account.clone(), audit.clone());
        self.write(move |work| accounts::create(work, &account, &audit))
    }
    fn account<'a>(&'a self, platform: &'a PlatformId, id: &'a AccountId) -> Fut<'a, At<Option<Account>>> {
        let (platform, id) = (platform.clone(), id.clone());
        self.read_at(move |conn| accounts::by_id(conn, &platform, &id))
    }
    fn accounts<'a>(&'a self, platform: &'a PlatformId, owner: Option<&'a UserId>) -> Fut<'a, Vec<Account>> {
        let (platform, owner) = (platform.clone(), owner.cloned());
        self.read(move |conn| accounts::list(conn, &platform, owner.as_ref()))
    }
    fn set_account_status<'a>(
        &'a self,
        platform: &'a PlatformId,
        id: &'a AccountId,
        status: Status,
        audit: &'a Audit,
    ) -> Fut<'a, Changed> {
        let (platform, id, audit) = (platform.clone(), id.clone(), audit.clone());
        self.write(move |work| accounts::set_status(work, &platform, &id, status, &audit))
    }
    fn create_key<'a>(&'a self, key: &'a ApiKey, audit: &'a Audit) -> Fut<'a, Changed> {
        let (key, audit) = (key.clone(), audit.clone());
        self.write(move |work| keys::create(work, &key, &audit))
    }
    fn replace_key<'a>(
        &'a self,
        platform: &'a PlatformId,
        old: &'a KeyId,
        new: &'a ApiKey,
        old_ends_at: Timestamp,
        audit: &'a Audit,
    ) -> Fut<'a, Changed> {
        let (platform, old, new, audit) = (platform.clone(), old.clone(), new.clone(), audit.clone());
        self.write(move |work| keys::replace(work, &platform, &old, &new, old_ends_at, &audit))
    }
    fn revoke_key<'a>(
        &'a self,
        platform: &'a PlatformId,
        id: &'a KeyId,
        reason: EndReason,
        audit: &'a Audit,
    ) -> Fut<'a, Changed> {
        let (platform, id, audit) = (platform.clone(), id.clone(), audit.clone());
        self.write(move |work| keys::revoke(work, &platform, &id, reason, &audit))
    }
    fn reset_account<'a>(
        &'a self,
        platform: &'a PlatformId,
        account: &'a AccountId,
        new: &'a ApiKey,
        audit: &'a Audit,
    ) -> Fut<'a, Changed> {
        let (platform, account, new, audit) = (platform.clone(), account.clone(), new.clone(), audit.clone());
        self.write(move |work| accounts::reset(work, &platform, &account, &new, &audit))
    }
    fn keys<'a>(&'a self, platform: &'a PlatformId, holder: &'a KeyHolder) -> Fut<'a, Vec<ApiKey>> {
        let (platform, holder) = (platform.clone(), holder.clone());
        self.read(move |conn| keys::list(conn, &platform, &holder))
    }
    fn credential<'a>(&'a self, platform: &'a PlatformId, id: &'a str) -> Fut<'a, At<Option<Credential>>> {
        let (platform, id) = (platform.clone(), id.to_owned());
        self.read_at(move |conn| keys::credential(conn, &platform, &id))
    }
    fn create_client<'a>(&'a self, client: &'a Client, audit: &'a Audit) -> Fut<'a, Changed> {
        let (client, audit) = (client.clone(), audit.clone());
        self.write(move |work| clients::create(work, &client, &audit))
    }
    fn change_client<'a>(
        &'a self,
        platform: &'a PlatformId,
        id: &'a ClientId,
        change: &'a ClientChange,
        audit: &'a Audit,
    ) -> Fut<'a, Changed> {
        let (platform, id, change, audit) = (platform.clone(), id.clone(), change.clone(), audit.clone());
        self.write(move |work| clients::change(work, &platform, &id, &change, &audit))
    }
    fn add_client_secret<'a>(
        &'a self,
        platform: &'a PlatformId,
        id: &'a ClientId,
        secret: &'a ClientSecret,
        older_ends_at: Option<Timestamp>,
        audit: &'a Audit,
    ) -> Fut<'a, Changed> {
        let (platform, id, secret, audit) = (platform.clone(), id.clone(), secret.clone(), audit.clone());
        self.write(move |work| clients::add_secret(work, &platform, &id, &secret, older_ends_at, &audit))
    }
    fn clients<'a>(&'a self, platform: &'a PlatformId) -> Fut<'a, Vec<Client>> {
        let platform = platform.clone();
        self.read(move |conn| clients::list(conn, &platform))
    }
    fn live_grant<'a>(&'a self, spec: &'a GrantSpec) -> Fut<'a, At<Option<Grant>>> {
        let spec = spec.clone();
        self.read_at(move |conn| grants::live(conn, &spec))
    }
    fn grant<'a>(&'a self, platform: &'a PlatformId, id: &'a GrantId) -> Fut<'a, Option<Grant>> {
        let (platform, id) = (platform.clone(), id.clone());
        self.read(move |conn| grants::by_id(conn, &platform, &id))
    }
    fn issue_code<'a>(&'a self, new: &'a NewCode) -> Fut<'a, Option<GrantId>> {
        let new = new.clone();
        self.write(move |work| codes::issue(work, &new))
    }
    fn redeem_code<'a>(
        &'a self,
        platform: &'a PlatformId,
        digest: &'a Digest,
        rule: &'a CodeRule,
        minted: &'a Minted,
    ) -> Fut<'a, Redeemed> {
        let (platform, digest, rule, minted) = (platform.clone(), *digest, rule.clone(), minted.clone());
        self.write(move |work| codes::redeem(work, &platform, &digest, &rule, &minted))
    }
    fn issue_token<'a>(&'a self, new: &'a IssueToken) -> Fut<'a, Issued> {
        if let Some(grant) = new.known_grant.as_ref().filter(|_| new.leaves_no_trace()) {
            return Box::pin(std::future::ready(Ok(Issued::Done(grant.clone()))));
        }
        let new = new.clone();
        self.write(move |work| tokens::issue(work, &new))
    }
    fn sign_on<'a>(&'a self, new: &'a SignOn) -> Fut<'a, SignedOn> {
        let new = new.clone();
        self.write(move |work| sign_on::sign_on(work, &new))
    }
    fn sign_ons<'a>(
        &'a self,
        platform: &'a PlatformId,
        user: &'a UserId,
        now: Timestamp,
    ) -> Fut<'a, Vec<LiveSession>> {
        let (platform, user) = (platform.clone(), user.clone());
        self.read(move |conn| sign_on::live(conn, &platform, &user, now))
    }
    fn displaced<'a>(&'a self, platform: &'a PlatformId, by: &'a ChainId) -> Fut<'a, Vec<LiveSession>> {
        let (platform, by) = (platform.clone(), by.clone());
        self.read(move |conn| sign_on::displaced(conn, &platform, &by))
    }
    fn mark<'a>(
        &'a self,
        platform: &'a PlatformId,
        marks: &'a [Mark],
        _: Timestamp,
    ) -> Fut<'a, Option<MarkKind>> {
        let (platform, marks) = (platform.clone(), marks.to_vec());
        self.write(move |work| marks::insert(work, &platform, &marks))
    }
    fn chain<'a>(&'a self, platform: &'a PlatformId, id: &'a ChainId) -> Fut<'a, At<Option<ChainWithGrant>>> {
        let (platform, id) = (platform.clone(), id.clone());
        self.read_at(move |conn| chains::find(conn, &platform, &id))
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
        let (platform, id, rule) = (platform.clone(), id.clone(), rule.clone());
        let (scopes, minted) = (scopes.clone(), minted.clone());
        self.write(move |work| chains::rotate(work, &platform, &id, &rule, &scopes, &minted, now))
    }
    fn end_chain<'a>(
        &'a self,
        platform: &'a PlatformId,
        id: &'a ChainId,
        client: &'a ClientId,
        reason: EndReason,
        audit: &'a Audit,
    ) -> Fut<'a, Changed> {
        let (platform, id, client, audit) = (platform.clone(), id.clone(), client.clone(), audit.clone());
        self.write(move |work| chains::end_for(work, &platform, &id, &client, reason, &audit))
    }
    fn create_device<'a>(&'a self, flow: &'a DeviceFlow) -> Fut<'a, Changed> {
        let flow = flow.clone();
        self.write(move |work| devices::create(work, &flow))
    }
    fn device_by_user_code<'a>(
        &'a self,
        platform: &'a PlatformId,
        user_code: &'a str,
        now: Timestamp,
    ) -> Fut<'a, Option<DeviceFlow>> {
        let (platform, user_code) = (platform.clone(), user_code.to_owned());
        self.read(move |conn| devices::by_user_code(conn, &platform, &user_code, now))
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
        let (platform, user_code, audit) = (platform.clone(), user_code.to_owned(), audit.clone());
        let decision =
            devices::Decision { allowed: allowed.cloned(), context: context.to_owned(), offset, now };
        self.write(move |work| devices::decide(work, &platform, &user_code, &decision, &audit))
    }
    fn poll_device<'a>(
        &'a self,
        platform: &'a PlatformId,
        digest: &'a Digest,
        client: &'a ClientId,
        minted: &'a Minted,
        now: Timestamp,
    ) -> Fut<'a, Polled> {
        let (platform, digest, client, minted) = (platform.clone(), *digest, client.clone(), minted.clone());
        self.write(move |work| devices::poll(work, &platform, &digest, &client, &minted, now))
    }
    fn push_request<'a>(&'a self, pushed: &'a Pushed, marks: &'a [Mark]) -> Fut<'a, Option<MarkKind>> {
        let (request, marks) = (pushed.clone(), marks.to_vec());
        self.write(move |work| pushed::push(work, &request, &marks))
    }
    fn pushed<'a>(
        &'a self,
        platform: &'a PlatformId,
        digest: &'a Digest,
        now: Timestamp,
    ) -> Fut<'a, Option<Pushed>> {
        let (platform, digest) = (platform.clone(), *digest);
        self.read(move |conn| pushed::find(conn, &platform, &digest, now))
    }
    fn complete_pushed<'a>(&'a self, platform: &'a PlatformId, digest: &'a Digest) -> Fut<'a, Changed> {
        let (platform, digest) = (platform.clone(), *digest);
        self.write(move |work| pushed::complete(work, &platform, &digest))
    }
    fn signing_keys<'a>(&'a self, platform: &'a PlatformId) -> Fut<'a, Vec<SigningKeyRow>> {
        let platform = platform.clone();
        self.read(move |conn| signing::list(conn, &platform))
    }
    fn turn_signing_keys<'a>(
        &'a self,
        offered: &'a SigningKeyRow,
        turn: &'a Turn,
        outlives_ms: Option<i64>,
        audit: &'a Audit,
    ) -> Fut<'a, Changed> {
        let (offered, turn, audit) = (offered.clone(), turn.clone(), audit.clone());
        self.write(move |work| signing::turn(work, &offered, &turn, outlives_ms, &audit))
    }
    fn end_mac_key<'a>(
        &'a self,
        platform: &'a PlatformId,
        kid: &'a str,
        audit: &'a Audit,
    ) -> Fut<'a, Changed> {
        let (platform, kid, audit) = (platform.clone(), kid.to_owned(), audit.clone());
        self.write(move |work| signing::end_mac(work, &platform, &kid, &audit))
    }
    fn token<'a>(&'a self, platform: &'a PlatformId, digest: &'a Digest) -> Fut<'a, At<Option<TokenFacts>>> {
        let (platform, digest) = (platform.clone(), *digest);
        self.read_at(move |conn| tokens::find(conn, &platform, &digest))
    }
    fn revoke_token<'a>(
        &'a self,
        platform: &'a PlatformId,
        named: &'a TokenName,
        partner: Option<&'a PartnerId>,
        reason: EndReason,
        audit: &'a Audit,
    ) -> Fut<'a, Changed> {
        let (platform, named, partner, audit) =
            (platform.clone(), named.clone(), partner.cloned(), audit.clone());
        self.write(move |work| tokens::revoke(work, &platform, &named, partner.as_ref(), reason, &audit))
    }
    fn kill_token<'a>(
        &'a self,
        platform: &'a PlatformId,
        handle: &'a TokenHandle,
        audit: &'a Audit,
    ) -> Fut<'a, ()> {
        let (platform, handle, audit) = (platform.clone(), handle.clone(), audit.clone());
        self.write(move |work| tokens::kill(work, &platform, &handle, &audit))
    }
    fn connected_apps<'a>(
        &'a self,
        platform: &'a PlatformId,
        user: &'a UserId,
        now: Timestamp,
    ) -> Fut<'a, Vec<ConnectedApp>> {
        let (platform, user) = (platform.clone(), user.clone());
        self.read(move |conn| grants::connected_apps(conn, &platform, &user, now))
    }
    fn grants<'a>(&'a self, platform: &'a PlatformId) -> Fut<'a, Vec<Grant>> {
        let platform = platform.clone();
        self.read(move |conn| grants::list(conn, &platform))
    }
    fn revoke_grant<'a>(
        &'a self,
        platform: &'a PlatformId,
        id: &'a GrantId,
        owner: Option<&'a UserId>,
        reason: EndReason,
        audit: &'a Audit,
    ) -> Fut<'a, Changed> {
        let (platform, id, owner, audit) = (platform.clone(), id.clone(), owner.cloned(), audit.clone());
        self.write(move |work| grants::revoke(work, &platform, &id, owner.as_ref(), reason, &audit))
    }
    fn counts<'a>(&'a self, platform: &'a PlatformId) -> Fut<'a, (u64, u64, u64)> {
        let platform = platform.clone();
        self.read(move |conn| records::counts(conn, &platform))
    }
    fn record_decisions<'a>(&'a self, rows: &'a [DecisionRow]) -> Fut<'a, ()> {
        Box::pin(self.decisions.record(rows))
    }
    fn decision<'a>(&'a self, platform: &'a PlatformId, id: &'a DecisionId) -> Fut<'a, Option<DecisionRow>> {
        Box::pin(async move {
            self.reads.fetch_add(1, Ordering::Relaxed);
            self.decisions.find(platform, id).await
        })
    }
    fn note_use<'a>(&'a self, platform: &'a PlatformId, uses: &'a [(Used, Timestamp)]) -> Fut<'a, ()> {
        let (platform, uses) = (platform.clone(), uses.to_vec());
        self.write(move |work| records::note_use(work, &platform, &uses))
    }
    fn note_legacy<'a>(&'a self, platform: &'a PlatformId, counts: &'a [LegacyCount]) -> Fut<'a, ()> {
        let (platform, counts) = (platform.clone(), counts.to_vec());
        self.write(move |work| legacy::note(work, &platform, &counts))
    }
    fn legacy_uses<'a>(&'a self, platform: &'a PlatformId) -> Fut<'a, Vec<LegacyCount>> {
        let platform = platform.clone();
        self.read(move |conn| legacy::list(conn, &platform))
    }
    fn audit_after(&self, after: u64, limit: u32) -> Fut<'_, Vec<AuditRecord>> {
        self.read(move |conn| records::audit_after(conn, after, limit))
    }
    fn purge(&self, now: Timestamp) -> Fut<'_, ()> {
        Box::pin(async move {
            for step in purge::STEPS {
                let mut next = Some(-1);
                while let Some(from) = next {
                    next = self.write(move |work| step(work, now, from)).await?;
                }
            }
            self.decisions.drop_old(now).await
        })
    }

    fn bootstrap_admin<'a>(
        &'a self,
        admin: &'a Administrator,
        digest: &'a Digest,
        audit: &'a Audit,
    ) -> Fut<'a, Changed> {
        let (admin, digest, audit) = (admin.clone(), *digest, audit.clone());
        self.write(move |work| admin::bootstrap(work, &admin, &digest, &audit))
    }
    fn create_admin<'a>(
        &'a self,
        admin: &'a Administrator,
        digest: &'a Digest,
        spend: Option<&'a AdminId>,
        audit: &'a Audit,
    ) -> Fut<'a, Changed> {
        let (admin, digest, spend, audit) = (admin.clone(), *digest, spend.cloned(), audit.clone());
        self.write(move |work| admin::create(work, &admin, &digest, spend.as_ref(), &audit))
    }
    fn admin<'a>(&'a self, digest: &'a Digest, now: Timestamp) -> Fut<'a, Option<Administrator>> {
        let digest = *digest;
        self.read(move |conn| admin::find(conn, &digest, now))
    }
    fn admins(&self) -> Fut<'_, Vec<Administrator>> {
        self.read(admin::list)
    }
    fn end_admin<'a>(&'a self, id: &'a AdminId, audit: &'a Audit) -> Fut<'a, Changed> {
        let (id, audit) = (id.clone(), audit.clone());
        self.write(move |work| admin::end(work, &id, &audit))
    }
}
