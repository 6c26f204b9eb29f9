//! What holds for callers that go away, for runtimes that die, and for what prints.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod model;

use mandate_session::{BoxFuture, Error, FileStore, Next, Session, State, Transport, TransportError};
use model::{Model, Time};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;

/// Answers when it is let, and counts.
struct Gate {
    open: Arc<Semaphore>,
    asked: Arc<AtomicUsize>,
}

impl Transport for Gate {
    fn send(
        &self,
        _: http::Request<Vec<u8>>,
    ) -> BoxFuture<'_, Result<http::Response<Vec<u8>>, TransportError>> {
        Box::pin(async move {
            self.asked.fetch_add(1, Ordering::SeqCst);
            self.open.acquire().await.unwrap().forget();
            let body =
                r#"{"access_token": "s3cret-access", "expires_in": 600, "refresh_token": "s3cret-refresh"}"#;
            Ok(http::Response::new(body.as_bytes().to_vec()))
        })
    }
}

fn gated() -> (Gate, Arc<Semaphore>, Arc<AtomicUsize>) {
    let (open, asked) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
    (Gate { open: Arc::clone(&open), asked: Arc::clone(&asked) }, open, asked)
}

async fn until(asked: &AtomicUsize, n: usize) {
    while asked.load(Ordering::SeqCst) < n {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

fn build(transport: impl Transport) -> Session {
    let builder = Session::refresh_token("app", "s3cret-given").client_secret("s3cret-client");
    builder.token_endpoint("https://issuer.example/token").transport(transport).build().unwrap()
}

fn stored(transport: impl Transport, folder: &Folder) -> Session {
    let builder =
        Session::refresh_token("app", "s3cret-given").token_endpoint("https://issuer.example/token");
    builder.transport(transport).store(FileStore::open(&folder.0, "main").unwrap()).build().unwrap()
}

#[tokio::test]
async fn a_caller_that_goes_away_takes_nothing_with_it() {
    let (gate, open, asked) = gated();
    let session = build(gate);
    let first = tokio::spawn({
        let session = session.clone();
        async move { session.token().await }
    });
    until(&asked, 1).await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    let second = tokio::spawn({
        let session = session.clone();
        async move { session.token().await }
    });
    tokio::task::yield_now().await;
    open.add_permits(1);
    assert_eq!(second.await.unwrap().unwrap().secret().expose(), "s3cret-access");
    assert_eq!(asked.load(Ordering::SeqCst), 1, "the renewal that the first had begun served the second");
}

#[test]
fn a_runtime_that_dies_wedges_nobody() {
    let folder = Folder::new("runtime");
    let (gate, open, asked) = gated();
    let session = stored(gate, &folder);
    let runtime =
        || tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let first = runtime();
    first.block_on(async {
        let session = session.clone();
        tokio::spawn(async move { session.token().await });
        until(&asked, 1).await;
    });
    assert!(folder.0.join("main.lock").exists());
    drop(first);
    assert!(!folder.0.join("main.lock").exists(), "its lock is released");
    open.add_permits(1);
    runtime().block_on(session.token()).unwrap();
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_session_that_is_closed_while_it_renews_keeps_what_comes() {
    let folder = Folder::new("closing");
    let (gate, open, asked) = gated();
    let session = stored(gate, &folder);
    let calling = tokio::spawn({
        let session = session.clone();
        async move { session.token().await }
    });
    until(&asked, 1).await;
    let closing = tokio::spawn({
        let session = session.clone();
        async move { session.close().await }
    });
    tokio::task::yield_now().await;
    open.add_permits(1);
    closing.await.unwrap();
    assert!(matches!(calling.await.unwrap(), Err(Error::Closed)));
    assert_eq!(session.state(), State::Closed);
    let stored = std::fs::read_to_string(folder.0.join("main.json")).unwrap();
    assert!(stored.contains("s3cret-refresh"), "the refresh token that was rotated is not lost");
}

#[tokio::test]
async fn nothing_secret_prints() {
    let (gate, open, _) = gated();
    open.add_permits(9);
    let builder = Session::password("app", "GE-A-1", "s3cret-password").client_secret("s3cret-client");
    let mut said = format!("{builder:?}");
    let session = builder.token_endpoint("https://issuer.example/token").transport(gate).build().unwrap();
    let url = "https://api.example/data".parse().unwrap();
    let call = session.authorize(&http::Method::GET, &url).await.unwrap();
    let token = session.token().await.unwrap();
    let renewals = session.renewals();
    said = format!("{said} {session:?} {call:?} {token:?} {:?} {renewals:?}", session.state());
    assert!(!said.contains("s3cret"), "{said}");
    let keys = Session::api_key([("APCA-API-KEY-ID", "s3cret-id".into())]);
    let said = format!("{keys:?}");
    let call = keys.build().unwrap().authorize(&http::Method::GET, &url).await;
    assert!(!format!("{said} {call:?}").contains("s3cret"));
}

/// An issuer that repeats what it was sent.
struct Echo;

impl Transport for Echo {
    fn send(
        &self,
        request: http::Request<Vec<u8>>,
    ) -> BoxFuture<'_, Result<http::Response<Vec<u8>>, TransportError>> {
        let said = format!("no: {}", String::from_utf8_lossy(request.body()));
        let body = serde_json::json!({"error": "invalid_client", "error_description": said}).to_string();
        Box::pin(async move { Ok(http::Response::builder().status(401).body(body.into_bytes()).unwrap()) })
    }
}

#[tokio::test]
async fn what_an_issuer_repeats_does_not_print_either() {
    let builder = Session::password("app", "GE-A-1", "s3cret-password").client_secret("s3cret-client");
    let session = builder
        .secret_in_body()
        .token_endpoint("https://issuer.example/token")
        .transport(Echo)
        .build()
        .unwrap();
    let error = session.token().await.unwrap_err();
    let said = format!("{error} {error:?} {:?}", session.state());
    assert!(said.contains("GE-A-1") && !said.contains("s3cret"), "{said}");
}

#[tokio::test]
async fn tokens_do_not_travel_in_plain_text() {
    let (gate, open, asked) = gated();
    open.add_permits(9);
    let session = build(gate);
    let plain = "http://api.example/data".parse().unwrap();
    let refused = session.authorize(&http::Method::GET, &plain).await;
    assert!(matches!(refused, Err(Error::Misconfigured(_))));
    assert_eq!(asked.load(Ordering::SeqCst), 0);
    let builder = Session::client_credentials("app", "x").token_endpoint("http://issuer.example/token");
    assert!(matches!(builder.build(), Err(Error::Misconfigured(_))));
}

#[tokio::test]
async fn connections_that_say_nothing_do_not_keep_the_browser_waiting() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;
    let (gate, open, _) = gated();
    open.add_permits(1);
    let session = Session::authorization_code("app")
        .authorization_endpoint("https://issuer.example/authorize")
        .token_endpoint("https://issuer.example/token")
        .transport(gate)
        .build()
        .unwrap();
    let browser = |address: &url::Url| {
        let asked: std::collections::HashMap<String, String> = address.query_pairs().into_owned().collect();
        tokio::spawn(async move {
            let port = url::Url::parse(&asked["redirect_uri"]).unwrap().port().unwrap();
            let silent = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            let mut talking = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            let request =
                format!("GET /callback?code=c&state={} HTTP/1.1\r\nHost: x\r\n\r\n", asked["state"]);
            talking.write_all(request.as_bytes()).await.unwrap();
            let mut page = String::new();
            talking.read_to_string(&mut page).await.unwrap();
            assert!(page.starts_with("HTTP/1.1 200"));
            drop(silent);
        });
    };
    let signing_in = session.login_by_loopback(browser);
    tokio::time::timeout(Duration::from_secs(4), signing_in).await.expect("at once").unwrap();
}

#[tokio::test]
async fn a_dead_lock_is_taken_over_by_callers_that_do_not_wait_for_it() {
    let folder = Folder::new("dead-lock");
    let time = Time::new(0);
    let model = Model::new(&time, 7, 0, 0);
    let store = FileStore::builder(&folder.0, "main").stale(Duration::from_millis(300)).open().unwrap();
    let session = model.builder().store(store).patience(Duration::ZERO).build().unwrap();
    let first = session.token().await.unwrap();
    let sign = format!(
        r#"{{"version":1,"id":"{}","pid":999999999,"beat_ms":50,"stale_ms":300,"beat":"0000000000000007"}}"#,
        "d".repeat(32)
    );
    std::fs::write(folder.0.join("main.lock"), format!("{sign:<255}\n")).unwrap();
    time.pass(272_000);
    for _ in 0..20 {
        assert_eq!(session.token().await.unwrap().ends_at(), first.ends_at());
    }
    let renewed = async {
        while session.token().await.unwrap().ends_at() == first.ends_at() {
            // The lock's time is real.
            tokio::time::sleep(Duration::from_millis(5)).await;
            time.pass(101);
        }
    };
    tokio::time::timeout(Duration::from_secs(10), renewed).await.expect("it is taken over");
    assert!(!folder.0.join("main.lock").exists());
}

#[tokio::test]
async fn a_clock_that_is_put_back_does_not_make_callers_wait_for_it() {
    let time = Time::new(600_000);
    // All requests fail at first.
    let model = Model::new(&time, 3, 0, 100);
    let session = model.session();
    assert!(matches!(session.token().await, Err(Error::Unavailable(_))));
    time.off.store(0, Ordering::SeqCst);
    assert_eq!(session.state(), State::Idle, "the wait was said by a clock that was wrong");
}

#[tokio::test]
async fn a_late_401_does_not_renew_twice() {
    let (gate, open, asked) = gated();
    open.add_permits(9);
    let session = build(gate);
    let url = "https://api.example/data".parse().unwrap();
    let call = session.authorize(&http::Method::GET, &url).await.unwrap();
    let refused = async |call| {
        let status = http::StatusCode::UNAUTHORIZED;
        session.answered(call, status, &http::HeaderMap::new(), b"", true).await.unwrap()
    };
    let Next::Again(again) = refused(&call).await else { panic!("it is renewed") };
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    assert!(matches!(refused(&again).await, Next::Return), "the second 401 is the program's");
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

/// A folder of one test, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("mandate-session-test-{}-{name}", std::process::id())))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _gone = std::fs::remove_dir_all(&self.0);
    }
}
