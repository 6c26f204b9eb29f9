//! A platform of the `rfc` dialect on SQLite in memory: ann is signed in, the clock is ours, and the apps are made by
//! the tests.

use super::Reply;
use crate::doubles::{Counting, Hands};
use crate::passwords::Passwords;
use crate::rfc::{Keys, MutualTls};
use crate::throttle::Throttle;
use crate::{Arrival, Issuer, Tenant};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::Request;
use mandate_core::limit::Meter;
use mandate_core::model::{Account, Client, ClientOwner, ClientSecret, Session, Status, User, UserKind};
use mandate_core::platform::{Environment, Host, Plan, Platform, ScopeDefinition, Snapshot, Tokens};
use mandate_core::settings::{ClientSettings, GrantType};
use mandate_core::{Clock, Digest, Offset, Scope, ScopeSet, Timestamp};
use mandate_store::{Audit, Cached, Changed, Feed, Store};
use mandate_wire::Recorder;
use mandate_wire::jose::{Alg, Nonces, SigningKey};
use mandate_wire::refresh_token::{RefreshKey, RefreshKeys};
use mandate_wire::seal::Sealer;
use mandate_wire::ticket::Tickets;
use std::net::IpAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock};

pub(crate) const ISSUER: &str = "https://bank.example";
pub(crate) const API: &str = "https://api.bank.example";
pub(crate) const OTHER_API: &str = "https://data.bank.example";
pub(crate) const CALLBACK: &str = "https://app.example/cb";
/// The example of RFC 7636 appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const COOKIE: &str = "the-session-of-ann";

/// Made once: it takes as long as everything else together.
static RSA: LazyLock<Vec<u8>> = LazyLock::new(|| SigningKey::generate(Alg::Rs256).unwrap().to_vec());

/// One node of one platform.
pub(crate) struct Bank {
    node: Arc<Issuer>,
    pub(crate) tenant: Arc<Tenant>,
    clock: Arc<Hands>,
}

fn platform() -> Platform {
    let scope = |word: &&str| ScopeDefinition {
        scope: Scope::new(word).unwrap(),
        title: format!("Use {word}").into(),
        expands_to: ScopeSet::default(),
    };
    let host = |name: &str, url: &str, surface| Host {
        name: name.into(),
        listen: "127.0.0.1:0".into(),
        url: url.into(),
        aliases: Vec::new(),
        environments: vec!["live".into()],
        surface,
        upstream: None,
    };
    Platform {
        id: "bank".into(),
        name: "Sample Bank".into(),
        dialect: mandate_wire::dialect::rfc::DIALECT,
        issuer: ISSUER.into(),
        contact: "help@bank.example".into(),
        legacy: mandate_core::platform::Legacy::default(),
        tokens: Tokens {
            code_lifetime_s: 120,
            access_lifetime_s: None,
            session_lifetime_s: 43_200,
            id_token_lifetime_s: 600,
            refresh_idle_s: Some(86_400),
            refresh_lifetime_s: Some(864_000),
        },
        environments: vec![Environment {
            id: "live".into(),
            key_prefix: "LK".into(),
            resettable: false,
            needs_approval: false,
        }],
        hosts: vec![
            host("issuer", ISSUER, mandate_wire::dialect::rfc::OAUTH),
            host("api", API, mandate_wire::dialect::rfc::API),
            host("data", OTHER_API, mandate_wire::dialect::rfc::API),
        ],
        upstreams: Vec::new(),
        scopes: ["openid", "profile", "email", "offline_access", "accounts", "quotes"]
            .iter()
            .map(scope)
            .collect(),
        licences: Vec::new(),
        products: Vec::new(),
        plans: vec![Plan { id: "basic".into(), requests_per_minute: 200 }],
        default_plan: "basic".into(),
        routes: Vec::new(),
        partners: Vec::new(),
    }
}

/// A confidential client by HTTP Basic, with every grant type, whose secret is `ID-secret`; to be changed as wanted.
pub(crate) fn app(id: &str) -> Client {
    let then = Timestamp::from_seconds(1);
    Client {
        platform: "bank".into(),
        id: id.into(),
        name: "An app".into(),
        description: "".into(),
        url: "".into(),
        terms_of_use: "".into(),
        privacy_policy: "".into(),
        owner: ClientOwner::Operator,
        status: Status::Active,
        status_since: then,
        live_trading_approved: false,
        redirect_uris: vec![CALLBACK.into()],
        scopes: ScopeSet::parse("openid profile email offline_access accounts").unwrap(),
        licences: Vec::new(),
        visible_to: Vec::new(),
        settings: ClientSettings { grants: GrantType::ALL.to_vec(), ..ClientSettings::default() },
        secrets: vec![ClientSecret {
            digest: Digest::of(format!("{id}-secret").as_bytes()),
            partner: None,
            created_at: then,
            ended_at: None,
        }],
        created_at: then,
        active_from: None,
        expires_at: None,
        kill: Offset(0),
    }
}

impl Bank {
    /// With one app as [`app`] makes it: `web`.
    pub(crate) async fn new() -> Self {
        Self::with(|_| ()).await
    }

    /// The platform changed.
    pub(crate) async fn with(change: impl FnOnce(&mut Platform)) -> Self {
        let mut definition = platform();
        change(&mut definition);
        let feed = Feed::new();
        let store = mandate_store::open("sqlite::memory:", feed.clone()).await.unwrap();
        let clock = Arc::new(Hands(AtomicI64::new(1_790_000_000)));
        let entropy = Arc::new(Counting::default());
        let sealer = Sealer::new(&[1; 32]).unwrap();
        let recorder = Recorder::new("bank".into(), sealer, entropy.clone(), clock.clone(), Arc::new(|_| ()));
        let key = |alg| {
            let private = SigningKey::generate(alg).unwrap();
            Arc::new(SigningKey::from_pkcs8(alg, &private, None).unwrap())
        };
        let rsa = |alg| Arc::new(SigningKey::from_pkcs8(alg, &RSA, None).unwrap());
        let keys = Keys::new(
            vec![key(Alg::Es256), key(Alg::EdDsa), rsa(Alg::Ps256), rsa(Alg::Rs256)],
            Vec::new(),
            RefreshKeys::new(1, vec![(1, RefreshKey::new(&[3; 32]))]),
            Nonces::new(&[4; 32]),
            &definition,
            MutualTls::default(),
        );
        let tenant = Arc::new(Tenant {
            dialect: &mandate_wire::dialect::rfc::Rfc,
            keys: Some(Arc::new(keys)),
            snapshot: Arc::new(Snapshot::compile(definition, 1).unwrap()),
            recorder: Arc::new(recorder),
            tickets: Arc::new(Tickets::new("bank".into(), &[2; 32]).unwrap()),
        });
        let node = Arc::new(Issuer {
            dialects: mandate_wire::dialect::Dialects::shipped(),
            cache: Cached::new(store.clone(), feed, clock.clone(), true),
            store,
            clock: clock.clone(),
            throttle: Throttle::new(&*entropy),
            passwords: Passwords::new(1, 1, &*entropy),
            entropy,
            templates: crate::templates(None).unwrap(),
            meters: Arc::new(|_, _| Arc::new(Meter::default())),
            pending: Arc::new(|_, _| None),
            client_keys: crate::rfc::nothing_fetched(),
        });
        node.passwords.follow(node.cache.feed());
        let bank = Self { node, tenant, clock };
        bank.node.cache.load_kills(Timestamp::default()).await.unwrap();
        bank.furnish().await;
        bank
    }

    async fn furnish(&self) {
        let user = User {
            platform: "bank".into(),
            id: "u-ann".into(),
            kind: UserKind::Person,
            name: "ann".into(),
            password: None,
            external: None,
            email: Some("ann@example.test".into()),
            password_version: 1,
            status: Status::Active,
            created_at: self.now(),
        };
        assert_eq!(self.store().create_user(&user, &self.audit()).await.unwrap(), Changed::Done);
        let account = Account {
            platform: "bank".into(),
            id: "a-ann".into(),
            environment: "live".into(),
            owner: Some(user.id.clone()),
            partner: None,
            status: Status::Active,
            status_since: self.now(),
            plan: None,
            licences: Vec::new(),
            created_at: self.now(),
            resets: 0,
            kill: Offset(0),
        };
        assert_eq!(self.store().create_account(&account, &self.audit()).await.unwrap(), Changed::Done);
        let session = Session {
            id: "s-ann".into(),
            digest: Digest::of(COOKIE.as_bytes()),
            user: user.id,
            created_at: self.now(),
            last_seen: self.now(),
            expires_at: self.now().plus_seconds(8_640_000),
            address: "192.0.2.0/24".into(),
            browser: "Firefox".into(),
        };
        let made = self.store().create_session(&"bank".into(), &session, 1).await.unwrap();
        assert_eq!(made, Changed::Done);
        self.register(app("web")).await;
    }

    /// Adds a client.
    pub(crate) async fn register(&self, client: Client) {
        assert_eq!(self.store().create_client(&client, &self.audit()).await.unwrap(), Changed::Done);
    }

    /// Adds a client as [`app`] makes it, with other settings.
    pub(crate) async fn app(&self, id: &str, change: impl FnOnce(&mut ClientSettings)) {
        let mut client = app(id);
        change(&mut client.settings);
        self.register(client).await;
    }

    pub(crate) fn store(&self) -> &dyn Store {
        &*self.node.store
    }
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }
    pub(crate) fn advance(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds, Ordering::Relaxed);
    }
    pub(crate) fn audit(&self) -> Audit {
        self.arrival().audit("admin:test".into(), "test", "test".into(), String::new())
    }
    pub(crate) fn arrival(&self) -> Arrival<'_> {
        let address = IpAddr::from([192, 0, 2, 7]);
        Arrival {
            issuer: &self.node,
            tenant: &self.tenant,
            host_index: 0,
            address,
            certificate: None,
            now: self.now(),
        }
    }

    /// Any request.
    pub(crate) async fn call(&self, request: Request<Bytes>) -> Reply {
        Reply::of(&crate::handle(&self.arrival(), request).await)
    }

    /// `GET`, signed in.
    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &[("cookie", &session_cookie())], "").await
    }

    /// A request with headers of the test's choice.
    pub(crate) async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.call(request.body(Bytes::from(body.to_owned())).unwrap()).await
    }

    /// A form posted without authentication.
    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        self.post_with(path, &[], fields).await
    }

    /// A form posted by a client that authenticates by HTTP Basic.
    pub(crate) async fn post_as(&self, client: &str, path: &str, fields: &[(&str, &str)]) -> Reply {
        self.post_with(path, &[("authorization", &basic(client))], fields).await
    }

    /// A form posted with further headers.
    pub(crate) async fn post_with(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        fields: &[(&str, &str)],
    ) -> Reply {
        let mut all = vec![("content-type", "application/x-www-form-urlencoded")];
        all.extend(headers);
        self.send("POST", path, &all, &form(fields)).await
    }

    /// Goes to an address that shows ann a decision, and allows it; or the answer that came instead.
    pub(crate) async fn decide(&self, path: &str, decision: &str) -> Reply {
        let sent = self.get(path).await;
        let page = sent.header("location");
        if !page.starts_with("/consent") {
            return sent;
        }
        let page = self.get(page).await;
        let fields = [
            ("form_token", page.field("form_token")),
            ("request", page.field("request")),
            ("account_live", "a-ann".into()),
            ("decision", decision.into()),
        ];
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.post_with("/consent", &[("cookie", &session_cookie())], &fields).await
    }

    /// Sends ann to authorize; she allows it. The request is [`request`] with changes; an empty value takes one out.
    pub(crate) async fn authorize(&self, changes: &[(&str, &str)]) -> Reply {
        self.decide(&request(changes), "allow").await
    }

    /// A code for `web` (changes as for [`Bank::authorize`]).
    pub(crate) async fn code(&self, changes: &[(&str, &str)]) -> String {
        let reply = self.authorize(changes).await;
        reply.parameter("code").unwrap_or_else(|| panic!("no code: {reply:?}"))
    }

    /// Redeems a code for a client by HTTP Basic, with further fields.
    pub(crate) async fn redeem(&self, client: &str, code: &str, more: &[(&str, &str)]) -> Reply {
        let mut fields = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        fields.retain(|(name, _)| !more.iter().any(|(other, _)| other == name));
        fields.extend(more.iter().filter(|(_, value)| !value.is_empty()));
        self.post_as(client, "/token", &fields).await
    }

    /// Tokens of ann's for `web`, with this scope.
    pub(crate) async fn tokens(&self, scope: &str) -> Reply {
        let code = self.code(&[("scope", scope)]).await;
        let reply = self.redeem("web", &code, &[]).await;
        assert_eq!(reply.said(), "200", "{reply:?}");
        reply
    }

    /// Uses a refresh token.
    pub(crate) async fn refresh(&self, client: &str, token: &str, more: &[(&str, &str)]) -> Reply {
        let mut fields = vec![("grant_type", "refresh_token"), ("refresh_token", token)];
        fields.extend(more);
        self.post_as(client, "/token", &fields).await
    }
}

/// The cookie of ann's browser.
pub(crate) fn session_cookie() -> String {
    format!("__Host-mandate_bank_session={COOKIE}")
}

/// HTTP Basic for a client as [`app`] makes it.
pub(crate) fn basic(client: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{client}:{client}-secret")))
}

/// A form's text.
pub(crate) fn form(fields: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// An authorization request of `web`; an empty value takes a parameter out.
pub(crate) fn request(changes: &[(&str, &str)]) -> String {
    let mut fields = vec![
        ("client_id", "web"),
        ("response_type", "code"),
        ("redirect_uri", CALLBACK),
        ("scope", "openid accounts"),
        ("state", "s&1"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    fields.retain(|(name, _)| !changes.iter().any(|(other, _)| other == name));
    fields.extend(changes.iter().filter(|(_, value)| !value.is_empty()));
    format!("/authorize?{}", form(&fields))
}
