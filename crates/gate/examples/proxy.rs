//! The gate alone, in front of an API, with its facts in a map: for measuring what a proxied request costs.
//!
//! `proxy PORT API_PORT ACCOUNTS`. Routes: `GET /v2/clock` without authorization; `GET /v2/account` and
//! `POST /v2/orders` for the keys `PK0`, `PK1` … with the secrets `secret-0` … and the tokens `token-0` …, of as many
//! accounts. One thread, so that it can be pinned to a core and compared with other proxies.

#![expect(clippy::wildcard_imports, reason = "a world is made of every noun")]

use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use mandate_core::model::*;
use mandate_core::platform::*;
use mandate_core::{AccountId, Clock, Digest, Entropy, Offset, PlatformId, Scope, ScopeSet, Timestamp};
use mandate_gate::{Facts, Gate, Limits, Looked, Metrics, Site, Upstream};
use mandate_wire::{Recorder, identity::IdentityKey, seal::Sealer};
use std::collections::HashMap;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::Instant;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const START: Timestamp = Timestamp::from_seconds(1_790_000_000);

/// Begins at a fixed time and goes on at the usual pace.
#[derive(Debug)]
struct Running(Instant);

impl Clock for Running {
    fn now(&self) -> Timestamp {
        START.plus_millis(i64::try_from(self.0.elapsed().as_millis()).unwrap_or(i64::MAX))
    }
    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }
}

#[derive(Debug)]
struct System;

impl Entropy for System {
    fn fill(&self, buffer: &mut [u8]) {
        getrandom::fill(buffer).expect("the system has randomness");
    }
}

#[derive(Debug, Default)]
struct Memory {
    credentials: HashMap<String, Credential>,
    tokens: HashMap<[u8; 32], Arc<TokenFacts>>,
}

impl Facts for Memory {
    fn peek_credential(&self, _: &PlatformId, id: &str) -> Option<Option<Credential>> {
        Some(self.credentials.get(id).cloned())
    }
    fn credential(&self, _: &PlatformId, _: &str) -> Looked<Option<Credential>> {
        Box::pin(async { Ok(None) })
    }
    fn peek_token(&self, _: &PlatformId, digest: &Digest) -> Option<Option<Arc<TokenFacts>>> {
        Some(self.tokens.get(digest.as_bytes()).cloned())
    }
    fn token(&self, _: &PlatformId, _: Digest) -> Looked<Option<Arc<TokenFacts>>> {
        Box::pin(async { Ok(None) })
    }
    fn account(&self, _: &PlatformId, _: &str) -> Looked<Option<Arc<Account>>> {
        Box::pin(async { Ok(None) })
    }
}

fn platform(port: u16) -> Result<Snapshot, Box<dyn Error>> {
    let route = |method: &str, path: &str, access| Route {
        method: method.into(),
        path: path.into(),
        surface: mandate_wire::dialect::alpaca::REST,
        access,
        scope: Scope::new("trading").ok().filter(|_| access == RouteAccess::Account),
        product: None,
        account_param: None,
        stream: None,
    };
    Ok(Snapshot::compile(
        Platform {
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
            hosts: vec![Host {
                name: "paper-api".into(),
                listen: format!("127.0.0.1:{port}").into(),
                url: format!("http://127.0.0.1:{port}").into(),
                aliases: Vec::new(),
                environments: vec!["paper".into()],
                surface: mandate_wire::dialect::alpaca::REST,
                upstream: Some("sample".into()),
            }],
            upstreams: Vec::new(),
            scopes: vec![ScopeDefinition {
                scope: Scope::new("trading")?,
                title: "trading".into(),
                expands_to: ScopeSet::default(),
            }],
            licences: Vec::new(),
            products: Vec::new(),
            plans: vec![Plan { id: "standard".into(), requests_per_minute: 50_000_000 }],
            default_plan: "standard".into(),
            routes: vec![
                route("GET", "/v2/clock", RouteAccess::Public),
                route("GET", "/v2/account", RouteAccess::Account),
                route("POST", "/v2/orders", RouteAccess::Account),
            ],
            partners: Vec::new(),
        },
        1,
    )?)
}

fn people(accounts: usize) -> Result<Memory, Box<dyn Error>> {
    let mut memory = Memory::default();
    let (platform, scopes) = (PlatformId::new("alpaca"), ScopeSet::parse("trading")?);
    let client = Arc::new(Client {
        platform: platform.clone(),
        id: "app".into(),
        name: "App".into(),
        description: "".into(),
        url: "".into(),
        terms_of_use: "".into(),
        privacy_policy: "".into(),
        owner: ClientOwner::User("dev".into()),
        status: Status::Active,
        status_since: START,
        live_trading_approved: true,
        redirect_uris: Vec::new(),
        scopes: scopes.clone(),
        licences: Vec::new(),
        visible_to: Vec::new(),
        settings: mandate_core::ClientSettings::default(),
        secrets: Vec::new(),
        created_at: START,
        active_from: None,
        expires_at: None,
        kill: Offset(0),
    });
    for n in 0..accounts {
        let id = AccountId::new(format!("a5f7c0de-0000-4000-8000-{n:012}"));
        let account = Arc::new(Account {
            platform: platform.clone(),
            id: id.clone(),
            environment: "paper".into(),
            owner: Some(format!("user-{n}").into()),
            partner: None,
            status: Status::Active,
            status_since: START,
            plan: None,
            licences: Vec::new(),
            created_at: START,
            resets: 0,
            kill: Offset(0),
        });
        let key = ApiKey {
            platform: platform.clone(),
            id: format!("PK{n}").into(),
            holder: KeyHolder::Account(id.clone()),
            environment: Some("paper".into()),
            digest: Digest::of(format!("secret-{n}").as_bytes()),
            label: "".into(),
            created_at: START,
            offset: Offset(1),
            ended: None,
            last_used: None,
        };
        let facts = KeyFacts { key, account: Some(account.clone()) };
        memory.credentials.insert(format!("PK{n}"), Credential::Key(Arc::new(facts)));
        let digest = Digest::of(format!("token-{n}").as_bytes());
        let token = Token {
            platform: platform.clone(),
            digest,
            handle: format!("t{n}").into(),
            grant: format!("g{n}").into(),
            scopes: scopes.clone(),
            partner: None,
            issued_at: START,
            expires_at: None,
            offset: Offset(1),
            chain: None,
            binding: None,
            audience: Vec::new(),
            signed_by: None,
            ended: None,
        };
        let grant = Arc::new(Grant {
            platform: platform.clone(),
            id: format!("g{n}").into(),
            client: "app".into(),
            user: Some(format!("user-{n}").into()),
            accounts: vec![id],
            scopes: scopes.clone(),
            granted_by: GrantedBy::Owner,
            created_at: START,
            updated_at: START,
            last_used: None,
            ended: None,
        });
        let facts =
            TokenFacts { token, grant, client: client.clone(), accounts: vec![account], killed: None };
        memory.tokens.insert(*digest.as_bytes(), Arc::new(facts));
    }
    Ok(memory)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [port, api, accounts] = arguments.as_slice() else {
        return Err("usage: proxy PORT API_PORT ACCOUNTS".into());
    };
    let (port, api): (u16, u16) = (port.parse()?, api.parse()?);
    let clock = Arc::new(Running(Instant::now()));
    let gate = Arc::new(Gate::new(
        Arc::new(people(accounts.parse()?)?),
        clock.clone(),
        Arc::new(System),
        Arc::new(Metrics::default()),
        Arc::new(|_: &PlatformId, _: mandate_gate::Used<'_>, _| {}),
        Limits::default(),
    ));
    let sealer = Sealer::new(&[1; 32]).ok_or("a key of 32 bytes is always right")?;
    let recorder = Recorder::new("alpaca".into(), sealer, Arc::new(System), clock, Arc::new(drop));
    let site = Arc::new(Site {
        dialect: &mandate_wire::dialect::alpaca::Alpaca,
        snapshot: Arc::new(platform(port)?),
        host_index: 0,
        recorder: Arc::new(recorder),
        identity: Arc::new(IdentityKey::new(&[2; 32])),
        upstream: Some(Upstream::new("sample", "sample.internal", ([127, 0, 0, 1], api).into())),
    });
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    loop {
        let (socket, peer) = listener.accept().await?;
        socket.set_nodelay(true)?;
        let (gate, site) = (gate.clone(), site.clone());
        tokio::spawn(async move {
            let service = service_fn(|request: Request<Incoming>| {
                let (gate, site) = (gate.clone(), site.clone());
                async move {
                    Ok::<_, std::convert::Infallible>(gate.handle(&site, peer.ip(), None, request).await)
                }
            });
            // A caller that hangs up in the middle is its own affair.
            let _ = hyper::server::conn::http1::Builder::new()
                .writev(false)
                .serve_connection(TokioIo::new(socket), service)
                .await;
        });
    }
}
