//! A server of that dialect on a free port, with one client, and a client's end of it.

use super::harbour::Harbour;
use crate::listen::{Bounds, Listeners};
use crate::node::{Node, Parts};
use crate::outbound::Outbound;
use crate::system::{SystemClock, SystemEntropy};
use crate::tls::{Files, Tls};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use mandate_core::model::{Client, ClientOwner, ClientSecret, EndReason, Status};
use mandate_core::settings::{AuthMethod, GrantType};
use mandate_core::{
    ClientId, ClientSettings, Digest, Offset, OperationId, PlatformId, ScopeSet, Secret, format,
};
use mandate_store::{Audit, Changed, PlatformRow, TokenName};
use mandate_wire::dialect::{Dialect, Dialects, alpaca, rfc};
use mandate_wire::outbound::OutboundPolicy;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub(super) const SHIP: &str = "black-pearl";
pub(super) const SECRET: &str = "a-secret-of-the-ship-0123456789";
static SPOKEN: [&dyn Dialect; 3] = [&rfc::Rfc, &alpaca::Alpaca, &Harbour];

/// What came back.
#[derive(Debug)]
pub(super) struct Got {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Value,
    pub(super) text: String,
}

/// A running server.
pub(super) struct Port {
    node: Arc<Node>,
    address: SocketAddr,
    folder: PathBuf,
}

impl Drop for Port {
    fn drop(&mut self) {
        let _gone = std::fs::remove_dir_all(&self.folder);
    }
}

impl Port {
    pub(super) async fn open() -> Self {
        let entropy = Arc::new(SystemEntropy::default());
        let folder =
            std::env::temp_dir().join(format!("mandate-harbour-{}", format::random_hex::<8>(&*entropy)));
        std::fs::create_dir(&folder).unwrap();
        let node = Node::start(Parts {
            store_url: "sqlite::memory:".into(),
            key_file: folder.join("root.key"),
            clock: Arc::new(SystemClock::new()),
            entropy,
            templates: None,
            limit_factor: 1,
            tls: Tls::load(Files::default(), None, Duration::from_secs(5)).unwrap(),
            demo: false,
            dialects: Dialects::of(&SPOKEN),
            outbound: Outbound::new(OutboundPolicy::default(), None).unwrap(),
            schedule: crate::config::SigningKeys::default().schedule(),
        })
        .await
        .unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let document = include_str!("harbour.toml").replace("PORT", &address.port().to_string());
        let port = Self { node, address, folder };
        port.apply(document).await;
        port.register().await;
        let bounds = Bounds {
            connections: 100,
            header_timeout: Duration::from_secs(5),
            body_timeout: Duration::from_secs(5),
            trusted_proxies: Arc::from([]),
        };
        let listeners = Listeners::new(port.node.clone(), bounds);
        listeners.adopt(&address.to_string(), listener);
        listeners.match_platforms().await;
        port
    }

    fn audit(&self) -> Audit {
        Audit {
            operation: OperationId::new(format::opaque("o", &*self.node.entropy)),
            platform: Some(PlatformId::new("harbour")),
            actor: "test".into(),
            action: "test",
            subject: "test".into(),
            detail: String::new(),
            at: self.node.clock.now(),
        }
    }

    async fn apply(&self, document: String) {
        let row =
            PlatformRow { id: "harbour".into(), revision: 1, document, applied_at: self.node.clock.now() };
        assert_eq!(self.node.store.apply_platform(&row, 0, &self.audit()).await.unwrap(), Changed::Done);
        self.node.reload().await.unwrap();
        assert!(self.node.platforms().contains_key(&row.id), "the platform is in force");
    }

    async fn register(&self) {
        let now = self.node.clock.now();
        let secret = Secret::new(SECRET);
        let client = Client {
            platform: "harbour".into(),
            id: ClientId::new(SHIP),
            name: "The ship".into(),
            description: "".into(),
            url: "".into(),
            terms_of_use: "".into(),
            privacy_policy: "".into(),
            owner: ClientOwner::Operator,
            status: Status::Active,
            status_since: now,
            live_trading_approved: true,
            redirect_uris: Vec::new(),
            scopes: ScopeSet::parse("accounts quotes").unwrap(),
            licences: Vec::new(),
            visible_to: Vec::new(),
            secrets: vec![ClientSecret {
                digest: secret.digest(),
                partner: None,
                created_at: now,
                ended_at: None,
            }],
            settings: ClientSettings {
                auth_method: AuthMethod::SecretPost,
                grants: vec![GrantType::ClientCredentials],
                ..ClientSettings::default()
            },
            created_at: now,
            active_from: None,
            expires_at: None,
            kill: Offset(0),
        };
        assert_eq!(self.node.store.create_client(&client, &self.audit()).await.unwrap(), Changed::Done);
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends a token.
    pub(super) async fn take_back(&self, pass: &str) {
        let (named, platform) = (TokenName::Digest(Digest::of(pass.as_bytes())), PlatformId::new("harbour"));
        let audit = self.audit();
        let ended = self.node.store.revoke_token(&platform, &named, None, EndReason::Operator, &audit).await;
        assert_eq!(ended.unwrap(), Changed::Done);
    }

    /// Method and path of every route in the platform file.
    pub(super) fn routes(&self) -> Vec<(String, String)> {
        let platforms = self.node.platforms();
        let snapshot = &platforms[&PlatformId::new("harbour")].tenant.snapshot;
        snapshot.routes().map(|r| (r.route.method.to_string(), r.route.path.to_string())).collect()
    }

    /// A token for these scopes.
    pub(super) async fn sign_on(&self, scope: &str) -> String {
        let asked = json!({
            "grant_type": "client_credentials", "client_id": SHIP, "client_secret": SECRET, "scope": scope,
        });
        let got = self.post("/harbour/sign-on", &asked).await;
        assert_eq!(got.status, StatusCode::CREATED, "{}", got.body);
        got.body["pass"].as_str().unwrap().to_owned()
    }

    pub(super) async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Got {
        self.send(&Method::GET, path, headers, None).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Got {
        self.send(&Method::POST, path, &[("content-type", "application/json")], Some(body)).await
    }

    pub(super) async fn send(
        &self,
        method: &Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Got {
        let stream = tokio::net::TcpStream::connect(self.address).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        let running = tokio::spawn(connection);
        let mut request =
            Request::builder().method(method).uri(path).header(header::HOST, self.address.to_string());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = body.map(Value::to_string).unwrap_or_default();
        let request = request.body(Full::new(Bytes::from(body))).unwrap();
        let response = sender.send_request(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        running.abort();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Got { status: parts.status, headers: parts.headers, body, text }
    }
}
