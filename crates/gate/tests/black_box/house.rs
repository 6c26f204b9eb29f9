//! A platform with its people, keys and tokens, and a gate in front of an API.

use crate::api::Api;
use crate::client::{Answer, ask};
use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use mandate_core::model::*;
use mandate_core::platform::*;
use mandate_core::refusal::Decision;
use mandate_core::{
    Clock, Digest, Entropy, EnvironmentId, Offset, PlatformId, ProductId, Scope, ScopeSet, Timestamp,
};
use mandate_gate::{
    Facts, FactsUnavailable, Gate, Limits, Looked, Metrics, Site, StreamLimits, Upstream, Used,
};
use mandate_wire::Recorder;
use mandate_wire::dialect::Dialect;
use mandate_wire::identity::{Claims, IdentityKey};
use mandate_wire::seal::Sealer;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;

pub(crate) const START: i64 = 1_790_000_000;
pub(crate) const KEY: &str = "APCA-API-KEY-ID: PK1\r\nAPCA-API-SECRET-KEY: secret\r\n";
pub(crate) const TOKEN: &str = "Authorization: Bearer token-1\r\n";
/// `sun-key:sun-secret`
pub(crate) const PARTNER: &str = "Authorization: Basic c3VuLWtleTpzdW4tc2VjcmV0\r\n";

#[derive(Debug)]
pub(crate) struct MovableClock(AtomicI64, tokio::time::Instant);

impl MovableClock {
    pub(crate) fn advance_ms(&self, ms: i64) {
        self.0.fetch_add(ms, Ordering::Relaxed);
    }
}
impl Clock for MovableClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::Relaxed))
    }
    fn monotonic(&self) -> Duration {
        self.1.elapsed()
    }
}

#[derive(Debug)]
struct System;
impl Entropy for System {
    fn fill(&self, buffer: &mut [u8]) {
        getrandom::fill(buffer).unwrap();
    }
}

/// Facts in a map. With `slow` set nothing is in memory and every question is a look-up.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    credentials: Mutex<HashMap<String, Credential>>,
    tokens: HashMap<[u8; 32], Arc<TokenFacts>>,
    accounts: HashMap<String, Arc<Account>>,
    pub(crate) slow: bool,
    pub(crate) down: bool,
    /// From now on as if the store were down, and then as if the log had been lost.
    pub(crate) cut_off: AtomicBool,
    pub(crate) lease_lost: AtomicBool,
    pub(crate) peeks: AtomicUsize,
    pub(crate) look_ups: AtomicUsize,
}

impl Memory {
    fn looked<T: Send + 'static>(&self, found: T) -> Looked<T> {
        self.look_ups.fetch_add(1, Ordering::Relaxed);
        let down = self.down || self.cut_off.load(Ordering::Relaxed);
        Box::pin(async move {
            tokio::task::yield_now().await;
            if down { Err(FactsUnavailable { retry_after_s: 2 }) } else { Ok(found) }
        })
    }
    fn peeked<T>(&self, found: T) -> Option<T> {
        self.peeks.fetch_add(1, Ordering::Relaxed);
        (!self.slow && !self.down && !self.cut_off.load(Ordering::Relaxed)).then_some(found)
    }
}

impl Memory {
    /// An operator takes a key back.
    pub(crate) fn revoke(&self, id: &str) {
        let mut credentials = self.credentials.lock().unwrap();
        let Some(Credential::Key(facts)) = credentials.get_mut(id) else { panic!("{id} is no key") };
        let at = Timestamp::from_seconds(START);
        let mut ended = KeyFacts::clone(facts);
        ended.key.ended = Some(Ended { at, reason: EndReason::Operator, successor: None });
        *facts = Arc::new(ended);
    }
}

impl Facts for Memory {
    fn are_current(&self) -> bool {
        !self.lease_lost.load(Ordering::Relaxed)
    }
    fn peek_credential(&self, platform: &PlatformId, id: &str) -> Option<Option<Credential>> {
        assert_eq!(platform.as_str(), "alpaca");
        self.peeked(self.credentials.lock().unwrap().get(id).cloned())
    }
    fn credential(&self, _: &PlatformId, id: &str) -> Looked<Option<Credential>> {
        self.looked(self.credentials.lock().unwrap().get(id).cloned())
    }
    fn peek_token(&self, _: &PlatformId, digest: &Digest) -> Option<Option<Arc<TokenFacts>>> {
        self.peeked(self.tokens.get(digest.as_bytes()).cloned())
    }
    fn token(&self, _: &PlatformId, digest: Digest) -> Looked<Option<Arc<TokenFacts>>> {
        self.looked(self.tokens.get(digest.as_bytes()).cloned())
    }
    fn account(&self, _: &PlatformId, id: &str) -> Looked<Option<Arc<Account>>> {
        self.looked(self.accounts.get(id).cloned())
    }
}

fn scopes(text: &str) -> ScopeSet {
    ScopeSet::parse(text).unwrap()
}

pub(crate) fn platform(per_minute: u32) -> Snapshot {
    use RouteAccess::{Account as A, Partner as P, Public};
    use mandate_wire::dialect::alpaca::{BROKER as Broker, REST as Rest};
    let host = |name: &str, surface| Host {
        name: name.into(),
        listen: "127.0.0.1:0".into(),
        url: format!("http://{name}.test").into(),
        aliases: Vec::new(),
        environments: vec!["paper".into()],
        surface,
        upstream: Some("sample".into()),
    };
    let route = |method: &str, path: &str, surface, access, scope: Option<&str>| Route {
        method: method.into(),
        path: path.into(),
        surface,
        access,
        scope: scope.map(|s| Scope::new(s).unwrap()),
        product: (path == "/v2/bars").then(|| ProductId::from("market-data")),
        account_param: path.contains("{account_id}").then(|| "account_id".into()),
        stream: path.starts_with("/feeds/").then(|| StreamRoute {
            protocol: "data".into(),
            connections: Some(100),
            channels: Vec::new(),
        }),
    };
    let platform = Platform {
        id: "alpaca".into(),
        name: "Sample".into(),
        dialect: mandate_wire::dialect::alpaca::DIALECT,
        issuer: "http://issuer.test".into(),
        contact: "support@issuer.test".into(),
        legacy: mandate_core::platform::Legacy::default(),
        tokens: Tokens {
            code_lifetime_s: 600,
            access_lifetime_s: None,
            client_access_lifetime_s: None,
            requests_per_minute: None,
            session_lifetime_s: 3600,
            id_token_lifetime_s: 600,
            refresh_idle_s: None,
            refresh_lifetime_s: None,
        },
        environments: vec![Environment {
            id: "paper".into(),
            key_prefix: "PK".into(),
            resettable: true,
            needs_approval: false,
        }],
        hosts: vec![host("paper-api", Rest), host("broker-api", Broker)],
        upstreams: Vec::new(),
        scopes: ["trading", "data"]
            .map(|word| ScopeDefinition {
                scope: Scope::new(word).unwrap(),
                title: word.into(),
                expands_to: ScopeSet::default(),
            })
            .into(),
        licences: Vec::new(),
        products: vec![Product {
            id: "market-data".into(),
            title: "market data".into(),
            delegated: Delegated::Deny { unless: None },
            instead: "an own key".into(),
        }],
        plans: vec![Plan { id: "standard".into(), requests_per_minute: per_minute }],
        default_plan: "standard".into(),
        routes: vec![
            route("GET", "/v2/clock", Rest, Public, None),
            route("GET", "/v2/account", Rest, A, None),
            route("GET", "/feeds/{feed}", Rest, A, Some("data")),
            route("GET", "/v2/bars", Rest, A, Some("data")),
            route("GET", "/v2/orders", Rest, A, Some("trading")),
            route("POST", "/v2/orders", Rest, A, Some("trading")),
            route("GET", "/v2/orders/{order_id}", Rest, A, Some("trading")),
            route("DELETE", "/v2/orders/{order_id}", Rest, A, Some("trading")),
            route("GET", "/v2/assets/{*rest}", Rest, A, None),
            route("GET", "/v1/accounts/{account_id}", Broker, P, None),
        ],
        partners: vec![Partner {
            id: "sun".into(),
            name: "Sun".into(),
            scopes: scopes("trading"),
            environments: vec!["paper".into()],
            plan: "standard".into(),
        }],
    };
    Snapshot::compile(platform, 1).unwrap()
}

fn account(id: &str, partner: Option<&str>) -> Arc<Account> {
    let at = Timestamp::from_seconds(START);
    Arc::new(Account {
        platform: "alpaca".into(),
        id: id.into(),
        environment: "paper".into(),
        owner: Some("alice".into()),
        partner: partner.map(Into::into),
        status: Status::Active,
        status_since: at,
        plan: None,
        licences: Vec::new(),
        created_at: at,
        resets: 0,
        kill: Offset(0),
    })
}

fn key(id: &str, secret: &str, holder: KeyHolder, account: Option<Arc<Account>>) -> Credential {
    Credential::Key(Arc::new(KeyFacts {
        key: ApiKey {
            platform: "alpaca".into(),
            id: id.into(),
            environment: account.as_ref().map(|_| EnvironmentId::from("paper")),
            holder,
            digest: Digest::of(secret.as_bytes()),
            label: "bot".into(),
            created_at: Timestamp::from_seconds(START),
            offset: Offset(5),
            ended: None,
            last_used: None,
        },
        account,
    }))
}

fn token(text: &str, held: &str) -> TokenFacts {
    let at = Timestamp::from_seconds(START);
    let client = Client {
        platform: "alpaca".into(),
        id: "app".into(),
        name: "Chart App".into(),
        description: "".into(),
        url: "".into(),
        terms_of_use: "".into(),
        privacy_policy: "".into(),
        owner: ClientOwner::User("dev".into()),
        status: Status::Active,
        status_since: at,
        live_trading_approved: false,
        redirect_uris: Vec::new(),
        scopes: scopes("trading data"),
        licences: Vec::new(),
        visible_to: Vec::new(),
        settings: mandate_core::ClientSettings::default(),
        secrets: Vec::new(),
        created_at: at,
        active_from: None,
        expires_at: None,
        kill: Offset(0),
    };
    let grant = Grant {
        platform: "alpaca".into(),
        id: "g1".into(),
        client: "app".into(),
        user: Some("alice".into()),
        accounts: vec!["A1".into()],
        scopes: scopes("trading data"),
        granted_by: GrantedBy::Owner,
        created_at: at,
        updated_at: at,
        last_used: None,
        ended: None,
    };
    let token = Token {
        platform: "alpaca".into(),
        digest: Digest::of(text.as_bytes()),
        handle: text.into(),
        grant: "g1".into(),
        scopes: scopes(held),
        partner: None,
        issued_at: at,
        expires_at: None,
        offset: Offset(5),
        chain: None,
        binding: None,
        audience: Vec::new(),
        signed_by: None,
        ended: None,
    };
    let (grant, client) = (Arc::new(grant), Arc::new(client));
    TokenFacts { token, grant, client, accounts: vec![account("A1", None)], killed: None }
}

pub(crate) fn memory() -> Memory {
    let mine = account("A1", None);
    let credentials = HashMap::from([
        ("PK1".into(), key("PK1", "secret", KeyHolder::Account("A1".into()), Some(mine.clone()))),
        ("sun-key".into(), key("sun-key", "sun-secret", KeyHolder::Partner("sun".into()), None)),
    ]);
    let mut memory = Memory { credentials: Mutex::new(credentials), ..Memory::default() };
    for (text, held) in [("token-1", "trading data"), ("token-2", "data")] {
        memory.tokens.insert(*Digest::of(text.as_bytes()).as_bytes(), Arc::new(token(text, held)));
    }
    memory.accounts.extend([("A1".to_owned(), mine), ("S1".to_owned(), account("S1", Some("sun")))]);
    memory
}

/// How a house is to be.
pub(crate) struct Plans {
    pub(crate) memory: Memory,
    pub(crate) limits: Limits,
    pub(crate) per_minute: u32,
    pub(crate) streams: StreamLimits,
    pub(crate) dialect: &'static dyn Dialect,
}

impl Default for Plans {
    fn default() -> Self {
        Self {
            memory: memory(),
            limits: Limits::default(),
            per_minute: 200,
            streams: StreamLimits::default(),
            dialect: &mandate_wire::dialect::alpaca::Alpaca,
        }
    }
}

pub(crate) struct House {
    /// The trading host.
    pub(crate) address: SocketAddr,
    pub(crate) broker: SocketAddr,
    pub(crate) gate: Arc<Gate>,
    pub(crate) clock: Arc<MovableClock>,
    pub(crate) facts: Arc<Memory>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) records: Arc<Mutex<Vec<Decision>>>,
    pub(crate) uses: Arc<Mutex<Vec<String>>>,
    identity: Arc<IdentityKey>,
}

impl House {
    pub(crate) async fn before(api: &Api) -> Self {
        Self::built(api.address, Plans::default()).await
    }

    pub(crate) async fn built(api: SocketAddr, plans: Plans) -> Self {
        let clock = Arc::new(MovableClock(AtomicI64::new(START * 1000), tokio::time::Instant::now()));
        let (facts, metrics) = (Arc::new(plans.memory), Arc::new(Metrics::default()));
        let (records, uses) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Vec::new())));
        let (sink, used) = (records.clone(), uses.clone());
        let gate = Arc::new(
            Gate::new(
                facts.clone(),
                clock.clone(),
                Arc::new(System),
                metrics.clone(),
                Arc::new(move |_: &PlatformId, what: Used<'_>, _| {
                    used.lock().unwrap().push(format!("{what:?}"));
                }),
                plans.limits,
            )
            .with_stream_limits(plans.streams),
        );
        tokio::spawn(Gate::watch_streams(Arc::downgrade(&gate)));
        let recorder = Arc::new(Recorder::new(
            "alpaca".into(),
            Sealer::new(&[1; 32]).unwrap(),
            Arc::new(System),
            clock.clone(),
            Arc::new(move |decision| sink.lock().unwrap().push(decision)),
        ));
        let identity = Arc::new(IdentityKey::new(&[2; 32]));
        let site = Site {
            dialect: plans.dialect,
            snapshot: Arc::new(platform(plans.per_minute)),
            host_index: 0,
            recorder,
            identity: identity.clone(),
            upstream: Some(Upstream::new("sample", "sample.internal", api)),
        };
        let address = listen(gate.clone(), site.clone()).await;
        let broker = listen(gate.clone(), Site { host_index: 1, ..site }).await;
        Self { address, broker, gate, clock, facts, metrics, records, uses, identity }
    }

    /// One request to the trading host: request line without version, and further header lines.
    pub(crate) async fn ask(&self, line: &str, headers: &str) -> Answer {
        ask(self.address, format!("{line} HTTP/1.1\r\nHost: paper-api.test\r\n{headers}\r\n")).await
    }

    pub(crate) fn claims(&self, header: &str) -> Option<Claims> {
        self.identity.verify(header, self.clock.now())
    }
}

async fn listen(gate: Arc<Gate>, site: Site) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (socket, peer) = listener.accept().await.unwrap();
            let (gate, site) = (gate.clone(), site.clone());
            tokio::spawn(async move {
                let service = service_fn(move |request: Request<Incoming>| {
                    let (gate, site) = (gate.clone(), site.clone());
                    async move {
                        Ok::<_, std::convert::Infallible>(gate.handle(&site, peer.ip(), None, request).await)
                    }
                });
                let _ = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(socket), service)
                    .with_upgrades()
                    .await;
            });
        }
    });
    address
}
