//! The admin API from outside: requests in, responses out, over a store in memory.

mod bodies;
mod document;
mod rights;
pub(super) mod samples;
mod work;

use super::*;
use crate::passwords::Passwords;
use crate::throttle::Throttle;
use mandate_core::model::AdminRights;
use mandate_core::platform::Snapshot;
use mandate_core::{Clock, Entropy, OperationId, Secret, Timestamp};
use mandate_store::{Audit, Cached, Changed, Feed, PlatformRow};
use mandate_wire::ticket::Tickets;
use mandate_wire::{Recorder, seal::Sealer};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

#[derive(Debug)]
struct TestClock(AtomicI64);
impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(self.0.load(Ordering::Relaxed))
    }
    fn monotonic(&self) -> Duration {
        Duration::from_secs(1)
    }
}

/// A counter, mixed well enough that ids differ.
#[derive(Debug, Default)]
struct TestEntropy(AtomicU64);
impl Entropy for TestEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        for byte in buffer {
            let n = self.0.fetch_add(1, Ordering::Relaxed);
            *byte = n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes()[1];
        }
    }
}

/// Platforms that are served as soon as they are stored.
struct Served {
    store: Arc<dyn mandate_store::Store>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    live: Mutex<BTreeMap<PlatformId, Arc<Tenant>>>,
}
impl fmt::Debug for Served {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Served")
    }
}
impl Served {
    fn live(&self) -> std::sync::MutexGuard<'_, BTreeMap<PlatformId, Arc<Tenant>>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
    async fn reload(&self) {
        for row in self.store.platforms().await.unwrap() {
            let platform =
                mandate_wire::platform_file::read(&row.document, mandate_wire::dialect::Dialects::shipped())
                    .unwrap();
            let id = platform.id.clone();
            let recorder = Recorder::new(
                id.clone(),
                Sealer::new(&[7; 32]).unwrap(),
                self.entropy.clone(),
                self.clock.clone(),
                Arc::new(|_| {}),
            );
            let tenant = Tenant {
                dialect: &mandate_wire::dialect::alpaca::Alpaca,
                keys: None,
                snapshot: Arc::new(Snapshot::compile(platform, row.revision).unwrap()),
                recorder: Arc::new(recorder),
                tickets: Arc::new(Tickets::new(id.clone(), &[8; 32]).unwrap()),
            };
            self.live().insert(id, Arc::new(tenant));
        }
    }
}
impl Tenants for Served {
    fn get(&self, id: &PlatformId) -> Option<Arc<Tenant>> {
        self.live().get(id).cloned()
    }
    fn ids(&self) -> Vec<PlatformId> {
        self.live().keys().cloned().collect()
    }
}

/// These platforms sign nothing.
#[derive(Debug)]
struct NoKeys;
impl KeyMaker for NoKeys {
    fn offered<'a>(
        &'a self,
        _: &'a PlatformId,
        _: &'a str,
        _: &'a [mandate_store::SigningKeyRow],
    ) -> Making<'a, mandate_store::SigningKeyRow> {
        Box::pin(async { Err("no keys are made here".to_owned()) })
    }
    fn publish_ms(&self) -> i64 {
        0
    }
    fn reload(&self) -> Making<'_, ()> {
        Box::pin(async { Ok(()) })
    }
}

/// A node with the platform `sun` and one administrator of each kind.
struct Scene {
    admin: Admin,
    served: Arc<Served>,
    tokens: BTreeMap<&'static str, Secret>,
}

/// What was answered.
#[derive(Debug)]
struct Said {
    status: u16,
    json: Json,
    text: String,
    headers: http::HeaderMap,
}

impl Said {
    fn error(&self) -> &str {
        self.json["error"].as_str().unwrap_or("")
    }
    fn message(&self) -> &str {
        self.json["message"].as_str().unwrap_or("")
    }
    fn text(&self, member: &str) -> String {
        self.json[member].as_str().unwrap_or_else(|| panic!("no text `{member}` in {}", self.json)).to_owned()
    }
}

impl Scene {
    /// `bootstrap`, `read`, `write`; `sun-write` and `moon-write`, for one platform each.
    async fn new() -> Self {
        let feed = Feed::new();
        let store = mandate_store::open("sqlite::memory:", feed.clone()).await.unwrap();
        let clock: Arc<dyn Clock> = Arc::new(TestClock(AtomicI64::new(1_790_000_000)));
        let entropy: Arc<dyn Entropy> = Arc::new(TestEntropy::default());
        let issuer = Arc::new(Issuer {
            dialects: mandate_wire::dialect::Dialects::shipped(),
            store: store.clone(),
            cache: Cached::new(store.clone(), feed, clock.clone(), true),
            clock: clock.clone(),
            entropy: entropy.clone(),
            passwords: Passwords::new(1, 8, &*entropy),
            throttle: Throttle::new(&*entropy),
            templates: minijinja::Environment::new(),
            meters: Arc::new(|_, _| Arc::default()),
            pending: Arc::new(|_, _| None),
            client_keys: crate::rfc::nothing_fetched(),
        });
        let served = Arc::new(Served { store, clock, entropy, live: Mutex::default() });
        let live = served.clone();
        let admin = Admin {
            issuer,
            tenants: served.clone(),
            pending: Arc::new(|_, _| None),
            keys: Arc::new(NoKeys),
            revision_live: Arc::new(move |id| live.get(id).map_or(0, |t| t.snapshot.revision)),
        };
        let mut scene = Self { admin, served, tokens: BTreeMap::new() };
        scene.store_platform("sun", 8000).await;
        scene.store_platform("moon", 9000).await;
        scene.enrol("bootstrap", AdminRights::Bootstrap, None).await;
        scene.enrol("read", AdminRights::Read, None).await;
        scene.enrol("write", AdminRights::Write, None).await;
        scene.enrol("sun-write", AdminRights::Write, Some("sun")).await;
        scene.enrol("moon-write", AdminRights::Write, Some("moon")).await;
        scene
    }

    fn system_audit(&self, number: &str) -> Audit {
        Audit {
            operation: OperationId::new(format!("test-{number}")),
            platform: None,
            actor: "system".into(),
            action: "test",
            subject: "test".into(),
            detail: String::new(),
            at: self.admin.issuer.clock.now(),
        }
    }

    async fn store_platform(&self, id: &str, port: u16) {
        let row = PlatformRow {
            id: id.into(),
            revision: 1,
            document: samples::document(id, port),
            applied_at: self.admin.issuer.clock.now(),
        };
        let done = self.admin.issuer.store.apply_platform(&row, 0, &self.system_audit(id)).await.unwrap();
        assert_eq!(done, Changed::Done);
        self.served.reload().await;
    }

    async fn enrol(&mut self, name: &'static str, rights: AdminRights, platform: Option<&str>) {
        let (now, entropy) = (self.admin.issuer.clock.now(), &*self.admin.issuer.entropy);
        let (admin, token) =
            mint::administrator(name, rights, platform.map(PlatformId::from), None, now, entropy);
        let store = &self.admin.issuer.store;
        let audit = self.system_audit(name);
        let done = if rights == AdminRights::Bootstrap {
            store.bootstrap_admin(&admin, &token.digest(), &audit).await
        } else {
            store.create_admin(&admin, &token.digest(), None, &audit).await
        };
        assert_eq!(done.unwrap(), Changed::Done);
        self.tokens.insert(name, token);
    }

    async fn raw(&self, request: Request<Bytes>) -> Said {
        let response = handle(&self.admin, Ipv4Addr::LOCALHOST.into(), request).await;
        let text = String::from_utf8(response.body().to_vec()).unwrap();
        Said {
            status: response.status().as_u16(),
            json: serde_json::from_str(&text).unwrap_or(Json::Null),
            headers: response.headers().clone(),
            text,
        }
    }

    async fn bytes(&self, who: &str, method: &str, path: &str, body: impl Into<Bytes>) -> Said {
        let mut request = Request::builder().method(method).uri(format!("/admin/v1{path}"));
        if let Some(token) = self.tokens.get(who) {
            request = request.header("authorization", format!("Bearer {}", token.expose()));
        }
        self.raw(request.header("content-type", "application/json").body(body.into()).unwrap()).await
    }

    async fn get(&self, who: &str, path: &str) -> Said {
        self.bytes(who, "GET", path, "").await
    }

    async fn post(&self, who: &str, path: &str, body: Json) -> Said {
        self.bytes(who, "POST", path, body.to_string()).await
    }

    async fn patch(&self, path: &str, body: Json) -> Said {
        self.bytes("write", "PATCH", path, body.to_string()).await
    }

    /// The last audit record.
    async fn last_act(&self) -> (String, String, String) {
        let records = self.admin.issuer.store.audit_after(0, 1000).await.unwrap();
        let last = records.last().unwrap();
        (last.actor.clone(), last.action.clone(), last.subject.clone())
    }
}
