//! The pages over a real store: one small world, and a browser that keeps a cookie.

mod explained;
mod flow;
mod owner;
mod sign_in;

use super::handle;
use crate::doubles::{Counting, Hands};
use crate::passwords::Passwords;
use crate::throttle::Throttle;
use crate::{Arrival, Issuer, Tenant};
use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use mandate_core::limit::Meter;
use mandate_core::model::{Account, Client, ClientOwner, Status, User, UserKind};
use mandate_core::platform::{Environment, Host, Partner, Plan, Platform, ScopeDefinition, Snapshot, Tokens};
use mandate_core::refusal::Decision;
use mandate_core::{Clock, Offset, Scope, ScopeSet, Secret, Timestamp};
use mandate_store::{Audit, Cached, Changed, Feed, Store};
use mandate_wire::Recorder;
use mandate_wire::seal::Sealer;
use mandate_wire::ticket::Tickets;
use std::net::IpAddr;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

pub(super) const PASSWORD: &str = "correct horse battery";
pub(super) const CALLBACK: &str = "https://rp.example.test/cb";

/// Nodes over one store, with one platform, three users (carol owns nothing) and two apps.
pub(super) struct World {
    nodes: [Arc<Issuer>; 2],
    tenant: Arc<Tenant>,
    clock: Arc<Hands>,
    pub(super) recorded: Arc<Mutex<Vec<Decision>>>,
    turn: AtomicU64,
}

pub(crate) fn platform(issuer: &str) -> Platform {
    let environment = |id: &str, prefix: &str| Environment {
        id: id.into(),
        key_prefix: prefix.into(),
        resettable: id == "paper",
        needs_approval: id == "live",
    };
    let scope = |word: &str, title: &str| ScopeDefinition {
        scope: Scope::new(word).unwrap(),
        title: title.into(),
        expands_to: ScopeSet::default(),
    };
    let host = |name: &str, url: &str, surface| Host {
        name: name.into(),
        listen: "127.0.0.1:0".into(),
        url: url.into(),
        aliases: vec!["localhost:7110".into()],
        environments: vec!["paper".into(), "live".into()],
        surface,
        upstream: None,
    };
    Platform {
        id: "alpaca".into(),
        name: "Sample Brokerage".into(),
        dialect: mandate_wire::dialect::alpaca::DIALECT,
        issuer: issuer.into(),
        contact: "help@example.test".into(),
        legacy: mandate_core::platform::Legacy::default(),
        tokens: Tokens {
            code_lifetime_s: 600,
            access_lifetime_s: None,
            session_lifetime_s: 43_200,
            id_token_lifetime_s: 600,
            refresh_idle_s: None,
            refresh_lifetime_s: None,
        },
        environments: vec![environment("paper", "PK"), environment("live", "AK")],
        hosts: vec![
            host("connect", issuer, mandate_wire::dialect::alpaca::CONNECT),
            host("api", "http://127.0.0.1:7111", mandate_wire::dialect::alpaca::REST),
        ],
        upstreams: Vec::new(),
        scopes: vec![
            scope("account:write", "Change account settings and watchlists"),
            scope("trading", "Place, change and cancel orders"),
            scope("data", "Read market data"),
        ],
        licences: Vec::new(),
        products: Vec::new(),
        plans: vec![Plan { id: "basic".into(), requests_per_minute: 200 }],
        default_plan: "basic".into(),
        routes: Vec::new(),
        partners: vec![Partner {
            id: "sunrise".into(),
            name: "Sunrise Brokerage".into(),
            scopes: ScopeSet::default(),
            environments: vec!["live".into()],
            plan: "basic".into(),
        }],
    }
}

impl World {
    pub(super) async fn new() -> Self {
        Self::at("http://127.0.0.1:7110").await
    }

    /// With pages at another address.
    pub(super) async fn at(issuer: &str) -> Self {
        let feed = Feed::new();
        let store = mandate_store::open("sqlite::memory:", feed.clone()).await.unwrap();
        let clock = Arc::new(Hands(AtomicI64::new(1_790_000_000)));
        let entropy = Arc::new(Counting::default());
        let kept: Arc<Mutex<Vec<Decision>>> = Arc::default();
        let sink = kept.clone();
        let recorder = Recorder::new(
            "alpaca".into(),
            Sealer::new(&[1; 32]).unwrap(),
            entropy.clone(),
            clock.clone(),
            Arc::new(move |decision| sink.lock().unwrap().push(decision)),
        );
        let tenant = Arc::new(Tenant {
            dialect: &mandate_wire::dialect::alpaca::Alpaca,
            keys: None,
            snapshot: Arc::new(Snapshot::compile(platform(issuer), 1).unwrap()),
            recorder: Arc::new(recorder),
            tickets: Arc::new(Tickets::new("alpaca".into(), &[2; 32]).unwrap()),
        });
        let node = || {
            let cache = Cached::new(store.clone(), feed.clone(), clock.clone(), true);
            Arc::new(Issuer {
                dialects: mandate_wire::dialect::Dialects::shipped(),
                store: store.clone(),
                cache,
                clock: clock.clone(),
                entropy: entropy.clone(),
                passwords: Passwords::new(2, 8, &*entropy),
                throttle: Throttle::new(&*entropy),
                templates: super::environment(None).unwrap(),
                meters: Arc::new(|_, _| Arc::new(Meter::default())),
                pending: Arc::new(|_, _| None),
                client_keys: crate::rfc::nothing_fetched(),
            })
        };
        let world = Self { nodes: [node(), node()], tenant, clock, recorded: kept, turn: AtomicU64::new(0) };
        world.furnish().await;
        world
    }

    async fn furnish(&self) {
        for (name, accounts) in [
            ("alice", vec![("a-paper", "paper"), ("a-live", "live")]),
            ("bob", vec![("b-paper", "paper"), ("b-live", "live")]),
            ("carol", vec![]),
        ] {
            let password =
                self.nodes[0].passwords.hash(&Secret::new(PASSWORD), &*self.nodes[0].entropy).await.unwrap();
            let user = User {
                platform: "alpaca".into(),
                id: format!("u-{name}").into(),
                kind: UserKind::Person,
                name: name.into(),
                password: Some(password),
                external: None,
                email: None,
                password_version: 1,
                status: Status::Active,
                created_at: self.now(),
            };
            assert_eq!(self.store().create_user(&user, &self.audit()).await.unwrap(), Changed::Done);
            for (id, environment) in accounts {
                let account = account(id, environment, &user, self.now());
                assert_eq!(
                    self.store().create_account(&account, &self.audit()).await.unwrap(),
                    Changed::Done
                );
            }
        }
        for id in ["app", "other"] {
            assert_eq!(
                self.store().create_client(&client(id, self.now()), &self.audit()).await.unwrap(),
                Changed::Done
            );
        }
    }

    pub(super) fn store(&self) -> &dyn Store {
        &*self.nodes[0].store
    }
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }
    pub(super) fn advance(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds, Ordering::Relaxed);
    }
    pub(super) fn digests(&self) -> u64 {
        self.nodes.iter().map(|node| node.passwords.digests()).sum()
    }
    pub(super) fn tenant(&self) -> &Arc<Tenant> {
        &self.tenant
    }
    pub(super) fn audit(&self) -> Audit {
        self.arrival(&self.nodes[0]).audit("admin:test".into(), "test", "test".into(), String::new())
    }
    fn arrival<'a>(&'a self, node: &'a Arc<Issuer>) -> Arrival<'a> {
        let address = IpAddr::from([192, 0, 2, 7]);
        Arrival {
            issuer: node,
            tenant: &self.tenant,
            host_index: 0,
            address,
            certificate: None,
            now: self.now(),
        }
    }

    /// One request; nodes take turns.
    pub(super) async fn call(&self, request: Request<Bytes>) -> Response<Bytes> {
        let node = &self.nodes[usize::try_from(self.turn.fetch_add(1, Ordering::Relaxed) % 2).unwrap()];
        handle(&self.arrival(node), request).await
    }
}

/// The app's request, and more.
pub(super) fn authorize(more: &str) -> String {
    format!(
        "/oauth/authorize?response_type=code&client_id=app&redirect_uri={CALLBACK}&scope=trading+data&state=s%26t{more}"
    )
}

fn account(id: &str, environment: &str, owner: &User, now: Timestamp) -> Account {
    Account {
        platform: "alpaca".into(),
        id: id.into(),
        environment: environment.into(),
        owner: Some(owner.id.clone()),
        partner: None,
        status: Status::Active,
        status_since: now,
        plan: None,
        licences: Vec::new(),
        created_at: now,
        resets: 0,
        kill: Offset(0),
    }
}

fn client(id: &str, now: Timestamp) -> Client {
    Client {
        platform: "alpaca".into(),
        id: id.into(),
        name: "Chart <b>Maker</b>".into(),
        description: "Draws & trades \"charts\".".into(),
        url: "https://charts.example.test/".into(),
        terms_of_use: "javascript:alert(1)".into(),
        privacy_policy: "https://charts.example.test/privacy".into(),
        owner: ClientOwner::User("u-bob".into()),
        status: Status::Active,
        status_since: now,
        live_trading_approved: false,
        redirect_uris: vec![CALLBACK.into(), "http://localhost".into()],
        scopes: ScopeSet::parse("trading data account:write").unwrap(),
        licences: Vec::new(),
        visible_to: Vec::new(),
        settings: mandate_core::ClientSettings::default(),
        secrets: Vec::new(),
        created_at: now,
        active_from: None,
        expires_at: None,
        kill: Offset(0),
    }
}

/// A browser: keeps one cookie, reads forms, follows redirects that stay.
pub(super) struct Browser<'w> {
    pub(super) world: &'w World,
    pub(super) cookie: Option<String>,
    pub(super) headers: Vec<(&'static str, String)>,
}

/// An answer, read.
pub(super) struct Shown {
    pub(super) status: StatusCode,
    pub(super) headers: http::HeaderMap,
    pub(super) body: String,
    pub(super) path: String,
}

impl Shown {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }
    /// The value of a hidden field.
    pub(super) fn field(&self, name: &str) -> String {
        let mark = format!("name=\"{name}\" value=\"");
        let start = self.body.find(&mark).unwrap_or_else(|| panic!("no {name}: {}", self.body)) + mark.len();
        self.body[start..].split('"').next().unwrap().to_owned()
    }
    pub(super) fn is_error(&self, cause: &str) -> bool {
        self.body.contains("id=\"error\"")
            && self.header("mandate-cause") == cause
            && self.body.contains(cause)
    }
    /// A parameter of the redirect.
    pub(super) fn parameter(&self, name: &str) -> Option<String> {
        let location = url::Url::parse(self.header("location")).unwrap();
        let found = location.query_pairs().find(|(key, _)| key == name);
        found.map(|(_, value)| value.into_owned())
    }
}

impl<'w> Browser<'w> {
    pub(super) fn new(world: &'w World) -> Self {
        Self { world, cookie: None, headers: vec![("accept", "text/html,*/*;q=0.8".into())] }
    }

    pub(super) async fn signed_in(world: &'w World, name: &str) -> Self {
        let mut browser = Self::new(world);
        let login = browser.get("/login").await;
        let done = browser.sign_in(&login, name, PASSWORD).await;
        assert_eq!((done.status, done.path.as_str()), (StatusCode::OK, "/apps"), "{}", done.body);
        browser
    }

    pub(super) async fn sign_in(&mut self, login: &Shown, name: &str, password: &str) -> Shown {
        let mut fields = vec![
            ("form_token", login.field("form_token")),
            ("username", name.into()),
            ("password", password.into()),
        ];
        for hidden in ["request", "next"] {
            if login.body.contains(&format!("name=\"{hidden}\"")) {
                fields.push((hidden, login.field(hidden)));
            }
        }
        self.post("/login", &fields).await
    }

    pub(super) async fn get(&mut self, path: &str) -> Shown {
        self.send("GET", path, String::new()).await
    }

    pub(super) async fn post(&mut self, path: &str, fields: &[(&str, String)]) -> Shown {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(fields.iter().map(|(name, value)| (*name, value.as_str())));
        self.send("POST", path, form.finish()).await
    }

    async fn send(&mut self, method: &str, path: &str, body: String) -> Shown {
        let (mut method, mut path, mut body) = (method.to_owned(), path.to_owned(), body);
        loop {
            let mut request = Request::builder().method(method.as_str()).uri(path.as_str());
            for (name, value) in &self.headers {
                request = request.header(*name, value);
            }
            if method == "POST" {
                request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
            }
            if let Some(cookie) = &self.cookie {
                request = request.header(header::COOKIE, cookie);
            }
            let answer = self.world.call(request.body(Bytes::from(body)).unwrap()).await;
            if let Some(cookie) = answer.headers().get(header::SET_COOKIE) {
                let pair = cookie.to_str().unwrap().split(';').next().unwrap();
                self.cookie = Some(pair.to_owned()).filter(|p| !p.ends_with('='));
            }
            let shown = Shown {
                status: answer.status(),
                headers: answer.headers().clone(),
                body: String::from_utf8(answer.body().to_vec()).unwrap(),
                path: path.split('?').next().unwrap().to_owned(),
            };
            match shown.header("location") {
                inside if inside.starts_with('/') => {
                    (method, path, body) = ("GET".into(), inside.to_owned(), String::new());
                }
                _ => return shown,
            }
        }
    }
}
