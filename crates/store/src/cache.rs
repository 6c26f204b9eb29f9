//! What this node remembers of the store, kept right by the log (SECURITY R10-R12).
//!
//! A remembered answer carries the offset at which it was true. It is used only if no entry about any of its
//! subjects has come since, and only while the node follows the log. Unknown ids are never remembered.

use crate::kills::{Kills, hash};
use crate::{At, Feed, Store, StoreError};
use mandate_core::grant::GrantSpec;
use mandate_core::model::{Account, Client, Credential, Grant, GrantedBy, KeyHolder, Killed, TokenFacts};
use mandate_core::{
    AccountId, ClientId, Clock, Digest, GrantId, LogEntry, Offset, PlatformId, SubjectKind, Timestamp,
};
use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// Subjects about which something happened lately; beyond this many, everything is forgotten instead.
const MOST_RECENT: usize = 200_000;
/// How long a node may go on using what it remembers without hearing from the log.
pub const LEASE: Duration = Duration::from_secs(5);

#[derive(Debug)]
struct Remembered<T> {
    value: T,
    offset: Offset,
    subjects: Vec<u64>,
    checked: AtomicU64,
}

type RememberedGrant = Arc<Remembered<(GrantKey, Arc<Grant>)>>;

#[derive(Debug)]
struct Memory {
    credentials: quick_cache::sync::Cache<Box<str>, Arc<Remembered<Credential>>>,
    tokens: quick_cache::sync::Cache<[u8; 32], Arc<Remembered<Arc<TokenFacts>>>>,
    accounts: quick_cache::sync::Cache<Box<str>, Arc<Remembered<Arc<Account>>>>,
    grants: quick_cache::sync::Cache<u64, RememberedGrant>,
    grants_by_id: quick_cache::sync::Cache<Box<str>, Arc<Remembered<Arc<Grant>>>>,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct GrantKey {
    client: ClientId,
    user: Option<mandate_core::UserId>,
    accounts: Vec<AccountId>,
    granted_by: GrantedBy,
}

#[derive(Debug, Default)]
struct Recent {
    last: HashMap<u64, Offset>,
    floor: Offset,
}

/// The node's memory.
#[derive(Debug)]
pub struct Cached {
    store: Arc<dyn Store>,
    feed: Arc<Feed>,
    clock: Arc<dyn Clock>,
    memories: RwLock<HashMap<PlatformId, Arc<Memory>>>,
    recent: Arc<RwLock<Recent>>,
    generation: Arc<AtomicU64>,
    kills: Arc<Kills>,
    /// Monotonic milliseconds at which the newest answered poll of the log was sent; `u64::MAX`: no lease needed.
    renewed: AtomicU64,
}

impl Cached {
    /// A memory over a store. `alone`: no other process writes to it, so the feed hears of everything.
    pub fn new(store: Arc<dyn Store>, feed: Arc<Feed>, clock: Arc<dyn Clock>, alone: bool) -> Arc<Self> {
        let recent = Arc::new(RwLock::new(Recent::default()));
        let generation = Arc::new(AtomicU64::new(1));
        let kills = Arc::new(Kills::default());
        let (heard, counted, killed) = (recent.clone(), generation.clone(), kills.clone());
        feed.listen(Arc::new(move |entries: &[LogEntry]| {
            killed.hear(entries);
            let mut recent = heard.write().unwrap_or_else(PoisonError::into_inner);
            if recent.last.len() > MOST_RECENT {
                recent.floor = recent.last.values().copied().max().unwrap_or(recent.floor);
                recent.last.clear();
            }
            for entry in entries {
                let subject = hash(&entry.subject.platform, entry.subject.kind, &entry.subject.id);
                let last = recent.last.entry(subject).or_default();
                *last = (*last).max(entry.offset);
            }
            drop(recent);
            counted.fetch_add(1, Ordering::AcqRel);
        }));
        let renewed = AtomicU64::new(if alone { u64::MAX } else { 0 });
        Arc::new(Self { store, feed, clock, memories: RwLock::default(), recent, generation, kills, renewed })
    }

    /// The feed, whose applied offset newly issued credentials carry.
    pub fn feed(&self) -> &Arc<Feed> {
        &self.feed
    }

    /// Follows the log for ever: reads what is new, tells it, and renews the lease. For stores that several nodes
    /// write to.
    pub async fn follow(&self) {
        loop {
            let sent = self.millis();
            let after = self.feed.applied();
            match self.store.log_after(after, 1000).await {
                Ok(entries) => {
                    if let Some(first) = entries.first()
                        && first.offset.0 != after.0 + 1
                    {
                        tracing::error!(
                            after = after.0,
                            next = first.offset.0,
                            "gap in the log; forgetting everything"
                        );
                        self.forget_all(first.offset);
                        // What was in the gap may have killed: read again, or try again from before the gap.
                        if let Err(error) = self.load_kills(self.kills.since()).await {
                            tracing::warn!(%error, "the kills cannot be read");
                            tokio::time::sleep(Duration::from_millis(200)).await;
                            continue;
                        }
                    }
                    self.feed.tell(&entries);
                    if let Some(last) = entries.last() {
                        self.feed.advance(last.offset);
                    }
                    self.renewed.store(sent.max(1), Ordering::Release);
                    if entries.is_empty() && self.store.log_moved().await.is_err() {
                        tokio::time::sleep(Duration::from_millis(200)).await;
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "the log cannot be read");
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            }
        }
    }

    /// Reads all killing entries from a time on, once at the start: what the longest-lived self-contained token was
    /// issued before. From then on the feed keeps them.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn load_kills(&self, since: Timestamp) -> Result<(), StoreError> {
        let entries = self.store.kills_since(since).await?;
        self.kills.hear(&entries);
        self.kills.loaded(since);
        Ok(())
    }

    /// The entry after `offset` that killed what was issued about this subject before it (SECURITY R10). From memory
    /// only; for self-contained tokens, whose subjects are token, chain (as token), grant, client, user and accounts.
    /// `None` means something only while [`Self::kills_are_current`].
    pub fn killed(
        &self,
        platform: &PlatformId,
        kind: SubjectKind,
        id: &str,
        offset: Offset,
    ) -> Option<Killed> {
        self.kills.after(platform, kind, id, offset)
    }

    /// Whether the kills of before were loaded and those of now are heard: this node's lease holds (SECURITY R12).
    pub fn kills_are_current(&self) -> bool {
        self.leased() && self.kills.since() != Timestamp::from_millis(i64::MAX)
    }

    /// A grant, from memory only; ended ones too.
    pub fn peek_grant(&self, platform: &PlatformId, id: &GrantId) -> Option<Arc<Grant>> {
        let found = self.memory(platform).grants_by_id.get(id.as_str())?;
        self.usable(&found).then(|| found.value.clone())
    }

    /// A grant, from memory or the store; ended ones too.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn grant(&self, platform: &PlatformId, id: &GrantId) -> Result<Option<Arc<Grant>>, StoreError> {
        if let Some(found) = self.peek_grant(platform, id) {
            return Ok(Some(found));
        }
        // Taken before the look-up, which reflects at least what has been applied here.
        let offset = self.feed.applied();
        let Some(grant) = self.store.grant(platform, id).await?.map(Arc::new) else { return Ok(None) };
        let subjects = vec![hash(platform, SubjectKind::Grant, id.as_str())];
        self.memory(platform)
            .grants_by_id
            .insert(id.as_str().into(), remember(grant.clone(), offset, subjects));
        Ok(Some(grant))
    }

    /// Milliseconds since the lease was renewed; `None` when none is needed.
    pub fn lag_ms(&self) -> Option<u64> {
        match self.renewed.load(Ordering::Acquire) {
            u64::MAX => None,
            renewed => Some(self.millis().saturating_sub(renewed)),
        }
    }

    fn millis(&self) -> u64 {
        u64::try_from(self.clock.monotonic().as_millis()).unwrap_or(u64::MAX)
    }

    fn forget_all(&self, floor: Offset) {
        let mut recent = self.recent.write().unwrap_or_else(PoisonError::into_inner);
        recent.floor = floor;
        recent.last.clear();
        drop(recent);
        self.generation.fetch_add(1, Ordering::AcqRel);
    }

    fn leased(&self) -> bool {
        match self.renewed.load(Ordering::Acquire) {
            u64::MAX => true,
            0 => false,
            renewed => Duration::from_millis(self.millis().saturating_sub(renewed)) <= LEASE,
        }
    }

    fn memory(&self, platform: &PlatformId) -> Arc<Memory> {
        if let Some(memory) = self.memories.read().unwrap_or_else(PoisonError::into_inner).get(platform) {
            return memory.clone();
        }
        let mut memories = self.memories.write().unwrap_or_else(PoisonError::into_inner);
        memories
            .entry(platform.clone())
            .or_insert_with(|| {
                Arc::new(Memory {
                    credentials: quick_cache::sync::Cache::new(200_000),
                    tokens: quick_cache::sync::Cache::new(200_000),
                    accounts: quick_cache::sync::Cache::new(100_000),
                    grants: quick_cache::sync::Cache::new(100_000),
                    grants_by_id: quick_cache::sync::Cache::new(100_000),
                })
            })
            .clone()
    }

    fn usable<T>(&self, remembered: &Remembered<T>) -> bool {
        if !self.leased() {
            return false;
        }
        let generation = self.generation.load(Ordering::Acquire);
        if remembered.checked.load(Ordering::Acquire) == generation {
            return true;
        }
        let recent = self.recent.read().unwrap_or_else(PoisonError::into_inner);
        let stale = remembered.offset < recent.floor
            || remembered.subjects.iter().any(|s| recent.last.get(s).is_some_and(|n| *n > remembered.offset));
        drop(recent);
        if !stale {
            remembered.checked.store(generation, Ordering::Release);
        }
        !stale
    }

    /// A key or client, from memory only.
    pub fn peek_credential(&self, platform: &PlatformId, id: &str) -> Option<Credential> {
        let found = self.memory(platform).credentials.get(id)?;
        self.usable(&found).then(|| found.value.clone())
    }

    /// What a public credential id names, from the store: exactly one look-up, known or not (SECURITY R7).
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn credential(
        &self,
        platform: &PlatformId,
        id: &str,
    ) -> Result<Option<Credential>, StoreError> {
        let At { value, offset } = self.store.credential(platform, id).await?;
        if let Some(credential) = &value {
            let subjects = match credential {
                Credential::Key(facts) => {
                    let mut subjects = vec![hash(platform, SubjectKind::Key, facts.key.id.as_str())];
                    match &facts.key.holder {
                        KeyHolder::Account(account) => {
                            subjects.push(hash(platform, SubjectKind::Account, account.as_str()));
                        }
                        KeyHolder::Partner(partner) => {
                            subjects.push(hash(platform, SubjectKind::Partner, partner.as_str()));
                        }
                    }
                    subjects
                }
                Credential::Client(client) => vec![hash(platform, SubjectKind::Client, client.id.as_str())],
            };
            self.memory(platform)
                .credentials
                .insert(id.into(), remember(credential.clone(), offset, subjects));
        }
        Ok(value)
    }

    /// A client, from memory only.
    pub fn peek_client(&self, platform: &PlatformId, id: &ClientId) -> Option<Arc<Client>> {
        as_client(self.peek_credential(platform, id.as_str()))
    }

    /// A client, from the store: exactly one look-up, known or not.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn look_up_client(
        &self,
        platform: &PlatformId,
        id: &ClientId,
    ) -> Result<Option<Arc<Client>>, StoreError> {
        Ok(as_client(self.credential(platform, id.as_str()).await?))
    }

    /// A client, from memory or the store.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn client(
        &self,
        platform: &PlatformId,
        id: &ClientId,
    ) -> Result<Option<Arc<Client>>, StoreError> {
        match self.peek_client(platform, id) {
            Some(found) => Ok(Some(found)),
            None => self.look_up_client(platform, id).await,
        }
    }

    /// A token, from memory only.
    pub fn peek_token(&self, platform: &PlatformId, digest: &Digest) -> Option<Arc<TokenFacts>> {
        let found = self.memory(platform).tokens.get(digest.as_bytes())?;
        self.usable(&found).then(|| found.value.clone())
    }

    /// A token, from the store.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn token(
        &self,
        platform: &PlatformId,
        digest: &Digest,
    ) -> Result<Option<Arc<TokenFacts>>, StoreError> {
        let At { value, offset } = self.store.token(platform, digest).await?;
        let Some(facts) = value.map(|facts| Arc::new(self.shared(facts, offset))) else { return Ok(None) };
        self.keep_token(&facts, offset);
        Ok(Some(facts))
    }

    /// The same facts, read at `offset`. What many tokens hang from is held once, as far as memory has the very same of it.
    fn shared(&self, mut facts: TokenFacts, offset: Offset) -> TokenFacts {
        let platform = &facts.token.platform;
        if let Some(known) = self.peek_client(platform, &facts.client.id).filter(|c| **c == *facts.client) {
            facts.client = known;
        }
        if let Some(known) = self.peek_grant(platform, &facts.grant.id).filter(|g| **g == *facts.grant) {
            facts.grant = known;
        } else {
            let subjects = vec![hash(platform, SubjectKind::Grant, facts.grant.id.as_str())];
            let id = facts.grant.id.as_str().into();
            let kept = remember(facts.grant.clone(), offset, subjects);
            self.memory(platform).grants_by_id.insert(id, kept);
        }
        facts
    }

    /// Remembers a token with its facts, which were true at `offset`: one that was looked up, or one whose own claims have
    /// been verified.
    pub fn keep_token(&self, facts: &Arc<TokenFacts>, offset: Offset) {
        let platform = &facts.token.platform;
        let mut subjects = vec![
            hash(platform, SubjectKind::Token, facts.token.handle.as_str()),
            hash(platform, SubjectKind::Grant, facts.grant.id.as_str()),
            hash(platform, SubjectKind::Client, facts.client.id.as_str()),
        ];
        subjects.extend(facts.accounts.iter().map(|a| hash(platform, SubjectKind::Account, a.id.as_str())));
        subjects.extend(facts.grant.user.iter().map(|u| hash(platform, SubjectKind::User, u.as_str())));
        // A chain ends as a token of its id.
        subjects.extend(facts.token.chain.iter().map(|c| hash(platform, SubjectKind::Token, c.as_str())));
        subjects.extend(facts.token.partner.iter().map(|p| hash(platform, SubjectKind::Partner, p.as_str())));
        subjects.extend(facts.token.signed_by.iter().map(|k| hash(platform, SubjectKind::SigningKey, k)));
        let digest = *facts.token.digest.as_bytes();
        self.memory(platform).tokens.insert(digest, remember(facts.clone(), offset, subjects));
    }

    /// An account, from memory only.
    pub fn peek_account(&self, platform: &PlatformId, id: &AccountId) -> Option<Arc<Account>> {
        let found = self.memory(platform).accounts.get(id.as_str())?;
        self.usable(&found).then(|| found.value.clone())
    }

    /// An account, from memory or the store.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn account(
        &self,
        platform: &PlatformId,
        id: &AccountId,
    ) -> Result<Option<Arc<Account>>, StoreError> {
        if let Some(found) = self.peek_account(platform, id) {
            return Ok(Some(found));
        }
        let At { value, offset } = self.store.account(platform, id).await?;
        let Some(account) = value.map(Arc::new) else { return Ok(None) };
        let subjects = vec![hash(platform, SubjectKind::Account, id.as_str())];
        self.memory(platform)
            .accounts
            .insert(id.as_str().into(), remember(account.clone(), offset, subjects));
        Ok(Some(account))
    }

    /// The live grant of a key if it holds the scopes of `spec`, from memory or the store.
    ///
    /// # Errors
    /// The store did not answer.
    pub async fn live_grant(&self, spec: &GrantSpec) -> Result<Option<Arc<Grant>>, StoreError> {
        let key = GrantKey {
            client: spec.client.clone(),
            user: spec.user.clone(),
            accounts: spec.accounts.clone(),
            granted_by: spec.granted_by.clone(),
        };
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        let slot = hasher.finish();
        let memory = self.memory(&spec.platform);
        if let Some(found) = memory.grants.get(&slot)
            && found.value.0 == key
            && self.usable(&found)
            && found.value.1.scopes.covers(&spec.scopes)
        {
            return Ok(Some(found.value.1.clone()));
        }
        let At { value, offset } = self.store.live_grant(spec).await?;
        let Some(grant) = value.map(Arc::new) else { return Ok(None) };
        let mut subjects = vec![hash(&spec.platform, SubjectKind::Grant, grant.id.as_str())];
        subjects.push(hash(&spec.platform, SubjectKind::Client, grant.client.as_str()));
        memory.grants.insert(slot, remember((key, grant.clone()), offset, subjects));
        Ok(grant.scopes.covers(&spec.scopes).then_some(grant))
    }
}

fn as_client(found: Option<Credential>) -> Option<Arc<Client>> {
    match found {
        Some(Credential::Client(client)) => Some(client),
        Some(Credential::Key(_)) | None => None,
    }
}

fn remember<T>(value: T, offset: Offset, subjects: Vec<u64>) -> Arc<Remembered<T>> {
    // Generation 0 was never current: the first use checks every entry that has come since the look-up.
    Arc::new(Remembered { value, offset, subjects, checked: AtomicU64::new(0) })
}
