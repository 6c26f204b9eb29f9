//! A small world to test in.

use super::Fixture;
use crate::{
    Audit, Changed, IssueToken, Mark, MarkKind, Minted, NewCode, NewToken, Redeemed, Rotated, Store,
    token_handle,
};
use mandate_core::grant::{CodeRule, GrantSpec};
use mandate_core::model::{
    Account, ApiKey, Client, ClientOwner, ClientSecret, Code, GrantedBy, KeyHolder, PasswordHash, Session,
    Status, TokenFacts, User, UserKind,
};
use mandate_core::refresh::{Chain, RefreshMode, RefreshRule};
use mandate_core::{
    Digest, LogEntry, Offset, OperationId, PartnerId, PlatformId, ScopeSet, SubjectKind, Timestamp,
};
use std::sync::atomic::{AtomicU64, Ordering};

/// Seconds after an arbitrary start.
pub(super) const fn at(s: i64) -> Timestamp {
    Timestamp::from_seconds(1_790_000_000 + s)
}
pub(super) const DAY: i64 = 86_400;

pub(super) fn scopes(text: &str) -> ScopeSet {
    ScopeSet::parse(text).expect("scopes")
}

static OPERATION: AtomicU64 = AtomicU64::new(0);

/// A platform on a store, and things on it.
pub(super) struct Scene<'a> {
    pub(super) fixture: &'a Fixture,
    pub(super) platform: PlatformId,
}

impl<'a> Scene<'a> {
    pub(super) fn new(fixture: &'a Fixture) -> Self {
        Self::on(fixture, "sun")
    }
    pub(super) fn on(fixture: &'a Fixture, platform: &str) -> Self {
        Self { fixture, platform: platform.into() }
    }
    /// With user `ann`, her accounts `a1` (live) and `p1` (paper), client `app` and user `bob` with account `b1`.
    pub(super) async fn furnished(fixture: &'a Fixture) -> Self {
        let scene = Self::new(fixture);
        scene.user("ann").await;
        scene.user("bob").await;
        scene.account("a1", Some("ann"), "live").await;
        scene.account("p1", Some("ann"), "paper").await;
        scene.account("b1", Some("bob"), "live").await;
        scene.client("app").await;
        scene
    }
    pub(super) fn store(&self) -> &'a dyn Store {
        &*self.fixture.store
    }
    pub(super) fn applied(&self) -> Offset {
        self.fixture.feed.applied()
    }
    pub(super) fn audit(&self, action: &'static str, subject: &str, when: Timestamp) -> Audit {
        let number = OPERATION.fetch_add(1, Ordering::Relaxed);
        Audit {
            operation: OperationId::new(format!("op-{number}")),
            platform: Some(self.platform.clone()),
            actor: "admin:test".into(),
            action,
            subject: subject.into(),
            detail: "a=1".into(),
            at: when,
        }
    }

    pub(super) fn sample_user(&self, name: &str) -> User {
        User {
            platform: self.platform.clone(),
            id: name.into(),
            kind: UserKind::Person,
            name: format!("{name}@example").into(),
            password: Some(PasswordHash::new("$argon2id$1")),
            external: None,
            email: Some("someone@example.test".into()),
            password_version: 1,
            status: Status::Active,
            created_at: at(0),
        }
    }
    pub(super) async fn user(&self, name: &str) -> User {
        let user = self.sample_user(name);
        let done = self.store().create_user(&user, &self.audit("user.create", name, at(0))).await;
        assert_eq!(done.expect("create_user"), Changed::Done);
        user
    }
    pub(super) fn sample_session(&self, id: &str, user: &str) -> Session {
        Session {
            id: id.into(),
            digest: Digest::of(format!("cookie {} {id}", self.platform).as_bytes()),
            user: user.into(),
            created_at: at(10),
            last_seen: at(10),
            expires_at: at(3610),
            address: "192.0.2.0/24".into(),
            browser: "Firefox".into(),
        }
    }
    pub(super) fn sample_account(&self, id: &str, owner: Option<&str>, environment: &str) -> Account {
        Account {
            platform: self.platform.clone(),
            id: id.into(),
            environment: environment.into(),
            owner: owner.map(Into::into),
            partner: None,
            status: Status::Active,
            status_since: at(0),
            plan: Some("basic".into()),
            licences: vec!["sip".into(), "opra".into()],
            created_at: at(0),
            resets: 0,
            kill: Offset(0),
        }
    }
    pub(super) async fn account(&self, id: &str, owner: Option<&str>, environment: &str) -> Account {
        let account = self.sample_account(id, owner, environment);
        let done = self.store().create_account(&account, &self.audit("account.create", id, at(0))).await;
        assert_eq!(done.expect("create_account"), Changed::Done);
        account
    }
    pub(super) fn sample_key(&self, id: &str, account: &str) -> ApiKey {
        ApiKey {
            platform: self.platform.clone(),
            id: id.into(),
            holder: KeyHolder::Account(account.into()),
            environment: Some("live".into()),
            digest: Digest::of(id.as_bytes()),
            label: "bot".into(),
            created_at: at(1),
            offset: self.applied(),
            ended: None,
            last_used: None,
        }
    }
    pub(super) async fn key(&self, id: &str, account: &str) -> Changed {
        let key = self.sample_key(id, account);
        self.store().create_key(&key, &self.audit("key.create", id, at(1))).await.expect("create_key")
    }
    pub(super) fn sample_secret(text: &str, partner: Option<&str>, when: Timestamp) -> ClientSecret {
        ClientSecret {
            digest: Digest::of(text.as_bytes()),
            partner: partner.map(Into::into),
            created_at: when,
            ended_at: None,
        }
    }
    pub(super) fn sample_client(&self, id: &str) -> Client {
        Client {
            platform: self.platform.clone(),
            id: id.into(),
            name: "An app".into(),
            description: "Does things.".into(),
            url: "https://app.example".into(),
            terms_of_use: "https://app.example/terms".into(),
            privacy_policy: String::new().into(),
            owner: ClientOwner::User("bob".into()),
            status: Status::Active,
            status_since: at(0),
            live_trading_approved: false,
            redirect_uris: vec!["https://app.example/cb".into(), "http://127.0.0.1/cb".into()],
            scopes: scopes("account:write data trading"),
            licences: vec!["sip".into()],
            visible_to: vec!["dawn".into(), "dusk".into()],
            settings: mandate_core::ClientSettings::default(),
            secrets: vec![
                Self::sample_secret("s1", None, at(0)),
                Self::sample_secret("d1", Some("dawn"), at(0)),
            ],
            created_at: at(0),
            active_from: None,
            expires_at: Some(at(900 * DAY)),
            kill: Offset(0),
        }
    }
    pub(super) async fn client(&self, id: &str) -> Client {
        let client = self.sample_client(id);
        let done = self.store().create_client(&client, &self.audit("client.create", id, at(0))).await;
        assert_eq!(done.expect("create_client"), Changed::Done);
        client
    }
    /// A grant of ann's to `app` on `a1`.
    pub(super) fn spec(&self, new_id: &str) -> GrantSpec {
        GrantSpec {
            platform: self.platform.clone(),
            new_id: new_id.into(),
            client: "app".into(),
            user: Some("ann".into()),
            accounts: vec!["a1".into()],
            scopes: scopes("data"),
            granted_by: GrantedBy::Owner,
        }
    }
    pub(super) fn sample_token(&self, text: &str, when: Timestamp) -> NewToken {
        let digest = Digest::of(text.as_bytes());
        NewToken {
            digest,
            handle: token_handle(&digest),
            issued_at: when,
            expires_at: None,
            offset: self.applied(),
            chain: None,
        }
    }
    pub(super) fn sample_minted(&self, text: &str, when: Timestamp) -> Minted {
        Minted::stored(self.sample_token(text, when))
    }
    /// With a chain `CHAIN` that begins at generation 0, and no row for the token unless `stored`.
    pub(super) fn sample_pair(&self, text: &str, chain: &str, stored: bool, when: Timestamp) -> Minted {
        let chain = Some(self.sample_chain(chain, when));
        Minted { stored, chain, ..self.sample_minted(text, when) }
    }
    pub(super) fn sample_chain(&self, id: &str, when: Timestamp) -> Chain {
        Chain {
            platform: self.platform.clone(),
            id: id.into(),
            grant: "g1".into(),
            client: "app".into(),
            scopes: scopes("data"),
            salt: [7; 16],
            key: 3,
            generation: 0,
            binding: Some("thumb".into()),
            // of no effect: a chain carries on the context of the code that it begins with
            context: "other".into(),
            issued_at: when,
            answered_at: when,
            reanswers: 0,
            idle_ends_at: Some(when.plus_seconds(30 * DAY)),
            ends_at: Some(when.plus_seconds(90 * DAY)),
            offset: self.applied(),
            ended: None,
            repeats: mandate_core::refresh::Repeats::default(),
        }
    }
    /// A grant of ann's to `app`, with chain `c` and token `t` from a code.
    pub(super) async fn chained(&self) {
        self.store().issue_code(&self.sample_code("code", "g1", None)).await.expect("issue_code");
        let minted = self.sample_pair("t", "c", true, at(30));
        let digest = Digest::of(b"code");
        let redeemed = self.store().redeem_code(&self.platform, &digest, &Self::rule(), &minted).await;
        assert!(matches!(redeemed, Ok(Redeemed::Fresh { .. })), "{redeemed:?}");
    }
    pub(super) fn refresh(mode: RefreshMode, generation: u64) -> RefreshRule {
        RefreshRule {
            client: "app".into(),
            generation,
            mode,
            binding: Some("thumb".into()),
            window_ms: 60_000,
            most_reanswers: 80,
            idle_ms: Some(30 * DAY * 1000),
            from: "192.0.2.0/24".into(),
            key: 3,
        }
    }
    /// Presents a refresh token of chain `c`, for a stored token of this name.
    pub(super) async fn rotate(&self, rule: &RefreshRule, token: &str, when: Timestamp) -> Rotated {
        let minted = self.sample_minted(token, when);
        let rotated = self
            .store()
            .rotate_refresh(&self.platform, &"c".into(), rule, &scopes("data"), &minted, when)
            .await;
        rotated.expect("rotate_refresh")
    }
    pub(super) async fn chain(&self, id: &str) -> Option<Chain> {
        let found = self.store().chain(&self.platform, &id.into()).await.expect("chain").value;
        found.map(|(chain, _)| chain)
    }
    pub(super) fn sample_mark(kind: MarkKind, text: &str) -> Mark {
        Mark { kind, owner: "app".into(), digest: Digest::of(text.as_bytes()), ends_at: at(330) }
    }
    pub(super) async fn mark(&self, marks: &[Mark]) -> Option<MarkKind> {
        self.store().mark(&self.platform, marks, at(30)).await.expect("mark")
    }
    pub(super) fn sample_issue(&self, text: &str, partner: Option<&str>) -> IssueToken {
        IssueToken {
            grant: self.spec("g1"),
            known_grant: None,
            scopes: scopes("data"),
            partner: partner.map(Into::into),
            token: self.sample_token(text, at(20)),
            stored: true,
            chain: None,
            marks: vec![],
        }
    }
    pub(super) fn sample_code(&self, text: &str, new_id: &str, partner: Option<&str>) -> NewCode {
        NewCode {
            grant: self.spec(new_id),
            code: Code {
                digest: Digest::of(text.as_bytes()),
                client: "app".into(),
                redirect_uri: "https://app.example/cb".into(),
                challenge: None,
                grant: new_id.into(),
                scopes: scopes("data"),
                partner: partner.map(Into::into),
                issued_at: at(20),
                expires_at: at(620),
                offset: self.applied(),
                binding: None,
                context: "{\"acr\":1}".into(),
                redeemed: None,
                redeemed_chain: None,
            },
            completes: None,
        }
    }
    pub(super) fn rule() -> CodeRule {
        CodeRule {
            client: "app".into(),
            redirect_uri: "https://app.example/cb".into(),
            verifier: None,
            requires_pkce: false,
            binding: None,
            secret_of: None,
            own_secret_serves: None,
            resource: None,
        }
    }
    pub(super) async fn redeem(&self, code: &str, rule: &CodeRule, token: &str, when: Timestamp) -> Redeemed {
        let minted = self.sample_minted(token, when);
        let redeemed =
            self.store().redeem_code(&self.platform, &Digest::of(code.as_bytes()), rule, &minted).await;
        redeemed.expect("redeem_code")
    }
    pub(super) async fn token(&self, text: &str) -> Option<TokenFacts> {
        self.store().token(&self.platform, &Digest::of(text.as_bytes())).await.expect("token").value
    }
    pub(super) async fn counts(&self) -> (u64, u64, u64) {
        self.store().counts(&self.platform).await.expect("counts")
    }
    /// The whole log.
    pub(super) async fn entries(&self) -> Vec<LogEntry> {
        self.store().log_after(Offset(0), 10_000).await.expect("log_after")
    }
    /// Offset of the newest entry about this.
    pub(super) async fn newest(&self, kind: SubjectKind, id: &str) -> Option<LogEntry> {
        let entries = self.entries().await;
        entries
            .into_iter()
            .rev()
            .find(|e| e.subject.platform == self.platform && e.subject.kind == kind && &*e.subject.id == id)
    }
    pub(super) async fn has_kill(&self, kind: SubjectKind, id: &str) -> bool {
        let entries = self.entries().await;
        entries.iter().any(|e| {
            e.subject.platform == self.platform
                && e.subject.kind == kind
                && &*e.subject.id == id
                && e.effect == mandate_core::log::Effect::Kill
        })
    }
}

pub(super) fn partner(name: &str) -> PartnerId {
    name.into()
}
