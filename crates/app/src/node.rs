//! One running node: storage, memory, issuer, gate, and the platforms as they stand now.

use crate::keys::{Purpose, RootKey};
use crate::outbound::Outbound;
use crate::record::Behind;
use crate::sample::Sample;
use crate::signing::{Maker, Ring};
use crate::tls::Tls;
use anyhow::Context as _;
use arc_swap::ArcSwap;
use mandate_core::model::{Account, Credential, TokenFacts};
use mandate_core::platform::{Host, Platform, Snapshot, Upstream};
use mandate_core::succession::Schedule;
use mandate_core::{
    AccountId, ClientId, Clock, DecisionId, Digest, Entropy, LogEntry, PlatformId, Secret, SubjectKind,
    Timestamp,
};
use mandate_gate::{Facts, FactsUnavailable, Gate, Looked, Site};
use mandate_issuer::rfc::Keys;
use mandate_issuer::{Issuer, Tenant, admin};
use mandate_store::{Cached, Feed, PlatformRow, SigningKeyRow, Store, StoreError, Used};
use mandate_wire::dialect::Dialects;
use mandate_wire::identity::IdentityKey;
use mandate_wire::seal::Sealer;
use mandate_wire::ticket::Tickets;
use mandate_wire::{Recorder, platform_file};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::Notify;

/// The longest life of an access token that a platform file may set, and an hour.
const LONGEST_TOKEN_S: i64 = 31_536_000 + 3600;

/// What a node is made of, before it starts.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) store_url: String,
    pub(crate) key_file: PathBuf,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) templates: Option<PathBuf>,
    /// Multiplies every plan's limit; 1 outside benchmarks.
    pub(crate) limit_factor: u32,
    /// Certificates: its own and those of clients.
    pub(crate) tls: Arc<Tls>,
    /// Whether this is the demo, whose stores nobody else may open.
    pub(crate) demo: bool,
    /// When signing keys are replaced.
    pub(crate) schedule: Schedule,
    /// Fetches what clients publish.
    pub(crate) outbound: Outbound,
    /// What platforms may speak.
    pub(crate) dialects: Dialects,
}

/// A platform as it stands now.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) tenant: Arc<Tenant>,
    pub(crate) sites: Vec<Arc<Site>>,
    /// What its keys were made of, where its dialect signs.
    ring: Option<Arc<Ring>>,
}

/// One running node.
pub(crate) struct Node {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) cache: Arc<Cached>,
    pub(crate) issuer: Arc<Issuer>,
    pub(crate) gate: Arc<Gate>,
    pub(crate) metrics: Arc<mandate_gate::Metrics>,
    pub(crate) behind: Arc<Behind>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) tls: Arc<Tls>,
    platforms: ArcSwap<HashMap<PlatformId, Arc<Live>>>,
    root: RootKey,
    /// Where `builtin:sample` leads, for each platform that asks for it: its API believes that platform's gate alone.
    samples: Mutex<HashMap<PlatformId, Arc<Sample>>>,
    signed: Arc<ArcSwap<SignedBy>>,
    limit_factor: u32,
    dialects: Dialects,
    schedule: Schedule,
    /// Platforms are read anew by one at a time.
    reloading: tokio::sync::Mutex<()>,
    /// Woken when a platform file was applied, here or on another node.
    pub(crate) applied: Arc<Notify>,
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Node").field("store", &self.store).finish_non_exhaustive()
    }
}

impl Node {
    /// Opens the store and puts the parts together. Nothing listens yet.
    pub(crate) async fn start(parts: Parts) -> anyhow::Result<Arc<Self>> {
        let feed = Feed::new();
        let applied = Arc::new(Notify::new());
        let woken = applied.clone();
        feed.listen(Arc::new(move |entries: &[LogEntry]| {
            if entries.iter().any(|e| e.subject.kind == SubjectKind::Platform) {
                woken.notify_one();
            }
        }));
        let store = mandate_store::open(&parts.store_url, feed.clone()).await?;
        let info = store.info().await?;
        match (parts.demo, info.demo) {
            (false, true) => anyhow::bail!(
                "this store was made by `mandate demo`, whose clock can be moved: use another one"
            ),
            (true, false) => {
                let stamped = store.stamp_demo().await?;
                anyhow::ensure!(
                    stamped == mandate_store::Changed::Done,
                    "this store is in use by a real server: the demo takes none of those"
                );
            }
            _ => {}
        }
        let root = RootKey::open(&*store, &parts.key_file, &*parts.entropy).await?;
        let alone = info.backend == "sqlite";
        let cache = Cached::new(store.clone(), feed.clone(), parts.clock.clone(), alone);
        // Signed tokens verify without asking, so what ended lately is held ready (SECURITY R10). None lives longer than a
        // year.
        cache.load_kills(parts.clock.now().plus_seconds(-LONGEST_TOKEN_S)).await?;
        if !alone {
            let following = cache.clone();
            tokio::spawn(async move { following.follow().await });
        }
        let behind = Arc::new(Behind::default());
        tokio::spawn(behind.clone().write_decisions(store.clone()));
        tokio::spawn(behind.clone().write_uses(store.clone()));
        tokio::spawn(purge(store.clone(), parts.clock.clone()));

        let noting = behind.clone();
        let metrics = Arc::new(mandate_gate::Metrics::default());
        let signed = Arc::new(ArcSwap::<SignedBy>::default());
        let gate = Arc::new(Gate::new(
            Arc::new(NodeFacts { cache: cache.clone(), signed: signed.clone() }),
            parts.clock.clone(),
            parts.entropy.clone(),
            metrics.clone(),
            Arc::new(move |platform: &PlatformId, used, at| {
                let used = match used {
                    mandate_gate::Used::Key(key) => Used::Key(key.clone()),
                    mandate_gate::Used::Grant(grant) => Used::Grant(grant.clone()),
                };
                noting.used(platform, used, at);
            }),
            mandate_gate::Limits::default(),
        ));
        let counting = behind.clone();
        // After the cache's own listener: what streams look up when they hear of an entry is no longer what it ended.
        let streams = Arc::downgrade(&gate);
        feed.listen(Arc::new(move |entries: &[LogEntry]| {
            if let Some(gate) = streams.upgrade() {
                gate.hear(entries);
            }
        }));
        tokio::spawn(Gate::watch_streams(Arc::downgrade(&gate)));
        let meters = gate.clone();
        let waiting = behind.clone();
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let issuer = Arc::new(Issuer {
            store: store.clone(),
            cache: cache.clone(),
            clock: parts.clock.clone(),
            entropy: parts.entropy.clone(),
            passwords: mandate_issuer::passwords::Passwords::new(threads, threads * 16, &*parts.entropy),
            throttle: mandate_issuer::throttle::Throttle::new(&*parts.entropy),
            templates: mandate_issuer::templates(parts.templates.as_deref()).context("templates")?,
            meters: Arc::new(move |platform, key| meters.meter(platform, key)),
            pending: Arc::new(move |platform: &PlatformId, id: &DecisionId| waiting.pending(platform, id)),
            legacy: Arc::new(move |platform: &PlatformId, client: &ClientId, what, at| {
                counting.legacy(platform, client, what, at);
            }),
            dialects: parts.dialects,
            client_keys: mandate_issuer::rfc::ClientKeys::new(Arc::new(parts.outbound)),
        });
        issuer.passwords.follow(cache.feed());
        let node = Arc::new(Self {
            store,
            cache,
            issuer,
            gate,
            metrics,
            behind,
            clock: parts.clock,
            entropy: parts.entropy,
            tls: parts.tls,
            platforms: ArcSwap::default(),
            root,
            samples: Mutex::default(),
            signed,
            limit_factor: parts.limit_factor,
            dialects: parts.dialects,
            schedule: parts.schedule,
            reloading: tokio::sync::Mutex::default(),
            applied,
        });
        node.reload().await?;
        tokio::spawn(keep_keys(Arc::downgrade(&node)));
        Ok(node)
    }

    /// Reads the platforms and their keys again and swaps what has changed. A file that this version cannot read leaves
    /// the platform as it was.
    pub(crate) async fn reload(&self) -> anyhow::Result<()> {
        let _alone = self.reloading.lock().await;
        let rows = self.store.platforms().await?;
        let current = self.platforms.load_full();
        let mut next = HashMap::new();
        for row in rows {
            let standing = current.get(&row.id);
            if let Some(live) = standing.filter(|l| l.tenant.snapshot.revision == row.revision) {
                let live = self.rekeyed(live).await.unwrap_or_else(|error| {
                    tracing::error!(platform = %row.id, %error, "signing keys cannot be read");
                    live.clone()
                });
                next.insert(row.id.clone(), live);
                continue;
            }
            match self.bring_up(&row).await {
                Ok(live) => {
                    tracing::info!(platform = %row.id, revision = row.revision, "platform in force");
                    next.insert(row.id.clone(), Arc::new(live));
                }
                Err(error) => {
                    tracing::error!(platform = %row.id, revision = row.revision, %error, "platform file cannot be used");
                    if let Some(live) = standing {
                        next.insert(row.id.clone(), live.clone());
                    }
                }
            }
        }
        self.signed.store(Arc::new(
            next.iter().filter_map(|(id, live)| Some((id.clone(), signer(live)?))).collect(),
        ));
        self.gate.adopt(next.iter().map(|(id, live)| (id.clone(), live.sites.clone())).collect());
        self.platforms.store(Arc::new(next));
        Ok(())
    }

    async fn bring_up(&self, row: &PlatformRow) -> anyhow::Result<Live> {
        let mut platform = platform_file::read(&row.document, self.dialects).map_err(|problems| {
            anyhow::anyhow!("{}", problems.first().map(ToString::to_string).unwrap_or_default())
        })?;
        for plan in &mut platform.plans {
            plan.requests_per_minute = plan.requests_per_minute.saturating_mul(self.limit_factor);
        }
        if let Some(limit) = &mut platform.tokens.requests_per_minute {
            *limit = limit.saturating_mul(self.limit_factor);
        }
        let id = platform.id.clone();
        let snapshot = Arc::new(Snapshot::compile(platform, row.revision)?);
        let dialect = self.dialects.get(snapshot.platform.dialect).context("dialect")?;
        let sealer = Sealer::new(&self.root.derive(Purpose::DecisionIds, &id)?).context("sealer")?;
        let behind = self.behind.clone();
        let recorder = Arc::new(Recorder::new(
            id.clone(),
            sealer,
            self.entropy.clone(),
            self.clock.clone(),
            Arc::new(move |decision| behind.decision(decision)),
        ));
        let tickets =
            Arc::new(Tickets::new(id.clone(), &self.root.derive(Purpose::Tickets, &id)?).context("tickets")?);
        let identity = Arc::new(IdentityKey::new(&self.root.derive(Purpose::UpstreamIdentity, &id)?));
        let mut sites = Vec::new();
        for (host_index, host) in snapshot.platform.hosts.iter().enumerate() {
            let upstream = match &host.upstream {
                None => None,
                Some(name) => {
                    let named = snapshot.platform.upstreams.iter().find(|u| u.name == *name);
                    Some(
                        self.upstream(
                            &id,
                            named.context("upstream")?,
                            &identity,
                            streams_of(&snapshot.platform),
                        )
                        .await?,
                    )
                }
            };
            sites.push(Arc::new(Site {
                dialect,
                snapshot: snapshot.clone(),
                host_index,
                recorder: recorder.clone(),
                identity: identity.clone(),
                upstream,
            }));
        }
        let ring = self.ring(&snapshot.platform, None).await?;
        let keys = ring.as_ref().map(|ring| ring.keys.clone());
        Ok(Live { tenant: Arc::new(Tenant { dialect, snapshot, recorder, tickets, keys }), sites, ring })
    }

    /// What keys are made with, now.
    pub(crate) fn maker(&self) -> Maker<'_> {
        Maker {
            store: &*self.store,
            root: &self.root,
            entropy: &*self.entropy,
            schedule: self.schedule,
            mutual: self.tls.mutual(),
            now: self.clock.now(),
        }
    }

    /// The keys of a platform whose dialect signs; the standing ones if nothing has changed.
    async fn ring(
        &self,
        platform: &Platform,
        standing: Option<&Arc<Ring>>,
    ) -> anyhow::Result<Option<Arc<Ring>>> {
        if !platform.dialect.data().keeps_keys {
            return Ok(None);
        }
        let maker = self.maker();
        let rows = maker.kept(platform).await?;
        let standing = standing.filter(|s| s.made_of == maker.made_of(&rows, platform));
        Ok(Some(Arc::new(match standing {
            Some(ring) => {
                let (keys, made_of) = (ring.keys.clone(), ring.made_of.clone());
                Ring { keys, made_of, next: maker.next(&rows, platform) }
            }
            None => maker.ring(&rows, platform)?,
        })))
    }

    async fn rekeyed(&self, live: &Arc<Live>) -> anyhow::Result<Arc<Live>> {
        let tenant = &live.tenant;
        let ring = self.ring(&tenant.snapshot.platform, live.ring.as_ref()).await?;
        let keys = ring.as_ref().map(|ring| ring.keys.clone());
        let tenant = match (&keys, &tenant.keys) {
            (Some(new), Some(old)) if Arc::ptr_eq(new, old) => tenant.clone(),
            (None, None) => tenant.clone(),
            _ => Arc::new(Tenant {
                dialect: tenant.dialect,
                snapshot: tenant.snapshot.clone(),
                recorder: tenant.recorder.clone(),
                tickets: tenant.tickets.clone(),
                keys,
            }),
        };
        Ok(Arc::new(Live { tenant, sites: live.sites.clone(), ring }))
    }

    /// When keys of some platform change next.
    fn keys_change_at(&self) -> Option<Timestamp> {
        self.platforms.load().values().filter_map(|live| live.ring.as_ref()?.next).min()
    }

    fn sample(&self, platform: &PlatformId) -> Arc<Sample> {
        let mut samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        let made = || Arc::new(Sample::new(self.clock.clone(), self.entropy.clone()));
        samples.entry(platform.clone()).or_insert_with(made).clone()
    }

    async fn upstream(
        &self,
        platform: &PlatformId,
        upstream: &Upstream,
        identity: &Arc<IdentityKey>,
        streams: Vec<(String, u16)>,
    ) -> anyhow::Result<mandate_gate::Upstream> {
        let (address, authority) = if &*upstream.url == "builtin:sample" {
            let sample = self.sample(platform);
            sample.streams_at(streams);
            let address = sample.start(identity.clone()).await?;
            (address, address.to_string())
        } else {
            let url = url::Url::parse(&upstream.url)?;
            let host = url.host_str().context("the upstream's URL names no host")?;
            let port = url.port_or_known_default().unwrap_or(80);
            let found: Vec<SocketAddr> = tokio::net::lookup_host((host, port))
                .await
                .with_context(|| format!("the upstream {} cannot be resolved", upstream.url))?
                .collect();
            (*found.first().context("the upstream has no address")?, format!("{host}:{port}"))
        };
        Ok(mandate_gate::Upstream::new(&*upstream.name, authority, address))
    }

    /// The platforms as they stand now.
    pub(crate) fn platforms(&self) -> Arc<HashMap<PlatformId, Arc<Live>>> {
        self.platforms.load_full()
    }

    /// The same for a moment, not to be held while waiting.
    pub(crate) fn platforms_now(&self) -> arc_swap::Guard<Arc<HashMap<PlatformId, Arc<Live>>>> {
        self.platforms.load()
    }

    /// Writes what waits, before a stop.
    pub(crate) async fn settle(&self) {
        self.behind.flush(&*self.store).await;
        self.behind.write_legacy(&*self.store).await;
    }
}

impl admin::Tenants for Node {
    fn get(&self, id: &PlatformId) -> Option<Arc<Tenant>> {
        self.platforms.load().get(id).map(|l| l.tenant.clone())
    }
    fn ids(&self) -> Vec<PlatformId> {
        let mut ids: Vec<PlatformId> = self.platforms.load().keys().cloned().collect();
        ids.sort();
        ids
    }
}

impl admin::KeyMaker for Node {
    fn offered<'a>(
        &'a self,
        platform: &'a PlatformId,
        alg: &'a str,
        rows: &'a [SigningKeyRow],
    ) -> admin::Making<'a, SigningKeyRow> {
        Box::pin(
            async move { self.maker().offered(platform, alg, rows).await.map_err(|error| error.to_string()) },
        )
    }
    fn publish_ms(&self) -> i64 {
        self.schedule.publish_ms
    }
    fn reload(&self) -> admin::Making<'_, ()> {
        Box::pin(async move { self.reload().await.map_err(|error| error.to_string()) })
    }
}

/// Host and port of each address where a platform has websockets, for the sample API's discovery.
fn streams_of(platform: &Platform) -> Vec<(String, u16)> {
    let at = |host: &Host| {
        let url = url::Url::parse(&host.url).ok()?;
        Some((url.host_str()?.to_owned(), url.port_or_known_default()?))
    };
    let streams =
        |host: &&Host| platform.routes.iter().any(|r| r.stream.is_some() && r.surface == host.surface);
    platform.hosts.iter().filter(streams).filter_map(at).collect()
}

/// Who signs the tokens of each platform that signs: its keys and its issuer.
type SignedBy = HashMap<PlatformId, (Arc<Keys>, Box<str>)>;

fn signer(live: &Live) -> Option<(Arc<Keys>, Box<str>)> {
    let keys = live.tenant.keys.clone()?;
    Some((keys, live.tenant.snapshot.platform.issuer.clone()))
}

/// The gate's facts, from this node's memory and store.
#[derive(Debug)]
struct NodeFacts {
    cache: Arc<Cached>,
    signed: Arc<ArcSwap<SignedBy>>,
}

fn unavailable(error: &StoreError) -> FactsUnavailable {
    tracing::error!(%error, "storage did not answer");
    FactsUnavailable { retry_after_s: 2 }
}

impl Facts for NodeFacts {
    fn are_current(&self) -> bool {
        self.cache.kills_are_current()
    }
    fn peek_credential(&self, platform: &PlatformId, id: &str) -> Option<Option<Credential>> {
        self.cache.peek_credential(platform, id).map(Some)
    }
    fn credential(&self, platform: &PlatformId, id: &str) -> Looked<Option<Credential>> {
        let (cache, platform, id) = (self.cache.clone(), platform.clone(), id.to_owned());
        Box::pin(async move { cache.credential(&platform, &id).await.map_err(|e| unavailable(&e)) })
    }
    fn peek_token(&self, platform: &PlatformId, digest: &Digest) -> Option<Option<Arc<TokenFacts>>> {
        self.cache.peek_token(platform, digest).map(Some)
    }
    fn token(&self, platform: &PlatformId, digest: Digest) -> Looked<Option<Arc<TokenFacts>>> {
        let (cache, platform) = (self.cache.clone(), platform.clone());
        Box::pin(async move { cache.token(&platform, &digest).await.map_err(|e| unavailable(&e)) })
    }
    fn signed_token_at_hand(
        &self,
        platform: &PlatformId,
        digest: Digest,
        text: &str,
    ) -> Option<Option<Arc<TokenFacts>>> {
        let signed = self.signed.load();
        let (keys, issuer) = signed.get(platform)?;
        mandate_issuer::rfc::signed_token_at_hand(&self.cache, keys, (platform, issuer), text, digest)
    }
    fn signed_token(
        &self,
        platform: &PlatformId,
        digest: Digest,
        text: &str,
    ) -> Looked<Option<Arc<TokenFacts>>> {
        let found = self.signed.load().get(platform).cloned();
        let (cache, platform, text) = (self.cache.clone(), platform.clone(), Secret::new(text));
        Box::pin(async move {
            let Some((keys, issuer)) = found else { return Ok(None) };
            let ours = (&platform, &*issuer);
            let facts = mandate_issuer::rfc::signed_token(&cache, &keys, ours, text.expose(), digest).await;
            facts.map_err(|e| unavailable(&e))
        })
    }
    fn account(&self, platform: &PlatformId, id: &str) -> Looked<Option<Arc<Account>>> {
        let (cache, platform, id) = (self.cache.clone(), platform.clone(), AccountId::new(id));
        Box::pin(async move { cache.account(&platform, &id).await.map_err(|e| unavailable(&e)) })
    }
}

/// Looks at the clock, which can be moved in the demo, and reads the keys anew when some change their stage.
async fn keep_keys(node: Weak<Node>) {
    loop {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let Some(node) = node.upgrade() else { return };
        if node.keys_change_at().is_some_and(|at| at <= node.clock.now()) {
            if let Err(error) = node.reload().await {
                tracing::error!(%error, "platforms could not be read; trying again");
            }
            if node.keys_change_at().is_some_and(|at| at <= node.clock.now()) {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

/// Drops what is past its retention, every ten minutes.
async fn purge(store: Arc<dyn Store>, clock: Arc<dyn Clock>) {
    loop {
        tokio::time::sleep(Duration::from_mins(10)).await;
        let now: Timestamp = clock.now();
        if let Err(error) = store.purge(now).await {
            tracing::warn!(%error, "old rows could not be dropped");
        }
    }
}
