//! What one scenario has: a clock, sessions, and everything that was said.

use super::server::Server;
use mandate_session::{
    BoxFuture, Builder, Client, Clock, Error, Event, FileStore, Millis, Random, Secret, Session,
};
use serde_json::{Value as Json, json};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Notify;

/// 2026-01-05T09:00:00Z.
const START: Millis = 1_767_603_600_000;

/// A clock that does not wait: whoever sleeps moves it, here and at the server.
pub(crate) struct TestClock {
    now: AtomicI64,
    slept: AtomicI64,
    server: Server,
    id: String,
    /// Sleepers wait until others have moved it.
    by_hand: AtomicBool,
    moved: Notify,
    /// After so much sleep in all, the order is given.
    order: Mutex<Option<(Millis, Json)>>,
}

impl TestClock {
    pub(crate) async fn advance(&self, ms: Millis) {
        self.server.order(&self.id, &json!({"op": "advance", "ms": ms})).await;
        self.now.fetch_add(ms, Ordering::SeqCst);
        self.moved.notify_waiters();
    }
    pub(crate) fn now(&self) -> Millis {
        self.now.load(Ordering::SeqCst)
    }
    pub(crate) fn take_slept(&self) -> Millis {
        self.slept.swap(0, Ordering::SeqCst)
    }
    pub(crate) fn by_hand(&self, is: bool) {
        self.by_hand.store(is, Ordering::SeqCst);
        self.moved.notify_waiters();
    }
    /// Gives an order once it was slept for so long, in all from now.
    pub(crate) fn order_after(&self, ms: Millis, order: Json) {
        *self.order.lock().unwrap() = Some((self.slept.load(Ordering::SeqCst) + ms, order));
    }
}

struct Shared(Arc<TestClock>);

impl Clock for Shared {
    fn now(&self) -> Millis {
        self.0.now()
    }
    fn sleep(&self, time: Duration) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let clock = &self.0;
            let ms = Millis::try_from(time.as_micros().div_ceil(1_000)).unwrap();
            if clock.by_hand.load(Ordering::SeqCst) {
                let until = clock.now() + ms;
                loop {
                    let moved = clock.moved.notified();
                    if clock.now() >= until || !clock.by_hand.load(Ordering::SeqCst) {
                        return;
                    }
                    moved.await;
                }
            }
            let slept = clock.slept.fetch_add(ms, Ordering::SeqCst) + ms;
            clock.advance(ms).await;
            let due = clock.order.lock().unwrap().take_if(|(at, _)| slept >= *at);
            if let Some((_, order)) = due {
                clock.server.order(&clock.id, &order).await;
            }
        })
    }
}

/// Always the same for the spread; real for the rest.
struct TestRandom(f64);

impl Random for TestRandom {
    fn fill(&self, bytes: &mut [u8]) {
        mandate_session::SystemRandom.fill(bytes);
    }
    fn unit(&self) -> f64 {
        self.0
    }
}

/// One process of the scenario.
pub(crate) struct Process {
    pub(crate) session: Session,
    pub(crate) client: Client,
    pub(crate) store: Option<FileStore>,
    pub(crate) events: Arc<Mutex<Vec<String>>>,
    /// Texts of everything that came out.
    said: Arc<Mutex<Vec<String>>>,
}

impl Process {
    pub(crate) fn say(&self, what: &impl std::fmt::Debug) {
        self.said.lock().unwrap().push(format!("{what:?}"));
    }
}

pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) id: String,
    pub(crate) issuer: String,
    pub(crate) api: String,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) settings: Json,
    pub(crate) folder: PathBuf,
    pub(crate) processes: HashMap<String, Arc<Process>>,
    pub(crate) said: Arc<Mutex<Vec<String>>>,
    /// A step left something in the folder on purpose.
    pub(crate) littered: bool,
    /// A server of another make; the clock is then the machine's.
    pub(crate) peer: Option<Json>,
    pub(crate) last: Option<super::expect::Answer>,
}

impl World {
    pub(crate) async fn new(server: &Server, scenario: &Json, real: bool, peer: Option<Json>) -> Self {
        let made = server.order("new", &super::server::new_order(scenario, START, real)).await;
        let text = |name: &str| made[name].as_str().unwrap().to_owned();
        let mut settings = match &peer {
            Some(peer) => peer["sessions"][scenario["use"].as_str().unwrap()].clone(),
            None => scenario["session"].clone(),
        };
        if real {
            let whose = [
                "client_id",
                "client_secret",
                "auth",
                "username",
                "password",
                "refresh_token",
                "scope",
                "extra",
            ];
            settings.as_object_mut().unwrap().retain(|name, _| !whose.contains(&name.as_str()));
        }
        lay_over(&mut settings, &made["session"]);
        #[expect(clippy::cast_possible_truncation, reason = "seconds of a test")]
        let off = (settings["clock_off"].as_f64().unwrap_or(0.0) * 1_000.0) as i64;
        let clock = TestClock {
            now: AtomicI64::new(START + off),
            slept: AtomicI64::new(0),
            server: server.clone(),
            id: text("id"),
            by_hand: AtomicBool::new(false),
            moved: Notify::new(),
            order: Mutex::new(None),
        };
        Self {
            server: server.clone(),
            folder: std::env::temp_dir().join(format!(
                "mandate-scenario-{}-{}",
                std::process::id(),
                text("id")
            )),
            id: text("id"),
            issuer: text("issuer"),
            api: peer.as_ref().map_or(text("api"), |peer| peer["api"].as_str().unwrap().to_owned()),
            clock: Arc::new(clock),
            settings,
            processes: HashMap::new(),
            said: Arc::default(),
            littered: false,
            peer,
            last: None,
        }
    }

    pub(crate) async fn order(&self, order: &Json) -> Json {
        self.server.order(&self.id, order).await
    }

    /// The process of a step, made at first need.
    pub(crate) fn process(&mut self, step: &Json) -> Result<Arc<Process>, Error> {
        let name = step["session"].as_str().unwrap_or("main").to_owned();
        if let Some(process) = self.processes.get(&name) {
            return Ok(Arc::clone(process));
        }
        let mut settings = self.settings.clone();
        lay_over(&mut settings, &step["with"]);
        let (events, said) = (Arc::<Mutex<Vec<String>>>::default(), Arc::clone(&self.said));
        let (names, texts) = (Arc::clone(&events), Arc::clone(&said));
        let (mut builder, store) = self.builder(&settings);
        builder = builder.observer(move |event: &Event| {
            names.lock().unwrap().push(event.name().to_owned());
            texts.lock().unwrap().push(format!("{event:?}"));
        });
        said.lock().unwrap().push(format!("{builder:?}"));
        let session = builder.build().inspect_err(|e| said.lock().unwrap().push(format!("{e} {e:?}")))?;
        let client = Client::from_builder(&session, reqwest::Client::builder().no_proxy())?;
        let process = Arc::new(Process { session, client, store, events, said });
        self.processes.insert(name, Arc::clone(&process));
        Ok(process)
    }

    fn builder(&self, settings: &Json) -> (Builder, Option<FileStore>) {
        let text = |name: &str| settings[name].as_str().map(str::to_owned);
        let secret = |name: &str| Secret::new(text(name).unwrap_or_default());
        let id = text("client_id").unwrap_or_default();
        let mut builder = match settings["grant"].as_str().unwrap() {
            "client_credentials" => Session::client_credentials_without_secret(id),
            "authorization_code" => Session::authorization_code(id),
            "device" => Session::device(id),
            "refresh_token" => Session::refresh_token(id, secret("refresh_token")),
            "password" => Session::password(id, text("username").unwrap(), secret("password")),
            "api_key" => Session::api_key([
                ("APCA-API-KEY-ID", secret("key_id")),
                ("APCA-API-SECRET-KEY", secret("key_secret")),
            ]),
            "access_token" => Session::access_token(secret("access_token"), None),
            other => panic!("unknown grant {other}"),
        };
        let mut store = None;
        for (name, value) in settings.as_object().unwrap() {
            let as_text = || value.as_str().unwrap().to_owned();
            builder = match name.as_str() {
                "client_secret" => builder.client_secret(as_text()),
                "auth" => match value.as_str().unwrap() {
                    "none" => builder,
                    "basic" => builder.secret_in_header(),
                    "post" => builder.secret_in_body(),
                    "private_key_jwt" => builder.private_key_jwt(settings["jwk"].to_string()),
                    other => panic!("unknown auth {other}"),
                },
                "assertion_audience" => builder.assertion_audience(as_text()),
                "scope" => builder.scope(as_text()),
                "resource" => {
                    let list = value.as_array().unwrap();
                    list.iter().fold(builder, |b, r| b.resource(r.as_str().unwrap()))
                }
                "extra" => {
                    let pairs = value.as_object().unwrap();
                    pairs.iter().fold(builder, |b, (n, v)| b.extra(n, v.as_str().unwrap()))
                }
                "dpop" if value == &json!(true) => builder.dpop(),
                "pushed" if value == &json!(true) => builder.pushed(),
                "authorize" => {
                    let pairs = value.as_object().unwrap();
                    pairs.iter().fold(builder, |b, (n, v)| b.authorize_with(n, v.as_str().unwrap()))
                }
                "token_endpoint" => builder.token_endpoint(as_text()),
                "authorization_endpoint" => builder.authorization_endpoint(as_text()),
                "patience" => builder.patience(Duration::from_secs_f64(value.as_f64().unwrap())),
                "timeout" => builder.timeout(Duration::from_secs_f64(value.as_f64().unwrap())),
                "origins" => {
                    builder.origins(value.as_array().unwrap().iter().map(|o| o.as_str().unwrap().to_owned()))
                }
                "store" if value == &json!(true) => {
                    let opened = FileStore::builder(&self.folder, "main")
                        .beat(Duration::from_millis(50))
                        .stale(Duration::from_millis(300))
                        .open();
                    store = Some(opened.unwrap());
                    builder.store(store.clone().unwrap())
                }
                "grant" | "client_id" | "username" | "password" | "refresh_token" | "access_token"
                | "key_id" | "key_secret" | "clock_off" | "issuer" | "redirect_uri" | "discover"
                | "random" | "jwk" | "dpop" | "pushed" | "store" => builder,
                other => panic!("unknown setting {other}"),
            };
        }
        let discovers = settings["discover"] == json!(true);
        if self.peer.is_some() {
            let issuer = settings["issuer"].as_str().filter(|_| discovers);
            return (issuer.into_iter().fold(builder, Builder::issuer), store);
        }
        builder = if discovers {
            builder.issuer(&self.issuer)
        } else {
            builder
                .token_endpoint(format!("{}/token", self.issuer))
                .authorization_endpoint(format!("{}/authorize", self.issuer))
                .device_endpoint(format!("{}/device", self.issuer))
                .revocation_endpoint(format!("{}/revoke", self.issuer))
                .pushed_endpoint(format!("{}/par", self.issuer))
        };
        let random = TestRandom(settings["random"].as_f64().unwrap_or(0.0));
        (builder.clock(Shared(Arc::clone(&self.clock))).random(random), store)
    }

    /// What must hold at the end of each scenario.
    pub(crate) async fn end(&self) -> Result<(), String> {
        let secrets = self.order(&json!({"op": "secrets"})).await;
        let said = self.said.lock().unwrap().join("\n");
        for secret in secrets["secrets"].as_array().unwrap() {
            let secret = secret.as_str().unwrap();
            if secret.len() >= 6 && said.contains(secret) {
                return Err(format!("a secret was said: {secret}"));
            }
        }
        if let Ok(entries) = std::fs::read_dir(&self.folder) {
            let names: Vec<String> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
            let left = names.iter().find(|n| matches!(n.rsplit('.').next(), Some("tmp" | "lock")));
            if let Some(left) = left.filter(|_| !self.littered) {
                return Err(format!("{left} is left over"));
            }
        }
        Ok(())
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _absent = std::fs::remove_dir_all(&self.folder);
    }
}

/// Members of `over` replace those of `settings`.
fn lay_over(settings: &mut Json, over: &Json) {
    if let (Some(settings), Some(over)) = (settings.as_object_mut(), over.as_object()) {
        settings.extend(over.clone());
    }
}
