//! Calls an API from many tasks over one shared session until a file exists, then says how it went, as one line of JSON.
//! Many of these at once, some of them killed, show that processes share one renewal.
#![expect(clippy::print_stdout, reason = "that is its answer")]

use mandate_session::{Client, Event, FileStore, Session};
use std::collections::HashMap;
use std::error::Error;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[derive(Default)]
struct Counts {
    calls: AtomicU64,
    failed: AtomicU64,
    renewals: AtomicU64,
    takeovers: AtomicU64,
    errors: Mutex<Vec<String>>,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error>> {
    let given = options()?;
    let option = |name: &str| given.get(name).map(String::as_str);
    let needed = |name: &str| option(name).ok_or(format!("--{name} is needed"));
    let ms = |name: &str, usual: u64| option(name).map_or(Ok(usual), str::parse).map(Duration::from_millis);

    let store = FileStore::builder(needed("store")?, needed("name")?)
        .beat(ms("beat-ms", 1_000)?)
        .stale(ms("stale-ms", 5_000)?)
        .open()?;
    let mut builder = match option("refresh-token") {
        Some(token) => Session::refresh_token(needed("client-id")?, token),
        None => Session::client_credentials_without_secret(needed("client-id")?),
    };
    if let Some(secret) = option("client-secret") {
        builder = builder.client_secret(secret);
    }
    let counts = Arc::new(Counts::default());
    let told = Arc::clone(&counts);
    let session = builder
        .token_endpoint(needed("token-endpoint")?)
        .store(store)
        .observer(move |event: &Event| match event {
            Event::Renewed { .. } => _ = told.renewals.fetch_add(1, Ordering::Relaxed),
            Event::LockTakenOver { .. } => _ = told.takeovers.fetch_add(1, Ordering::Relaxed),
            _ => {}
        })
        .build()?;
    let client = Client::new(&session)?;

    let over = Arc::new(AtomicBool::new(false));
    let api = needed("api")?.to_owned();
    let tasks: Vec<_> = (0..needed("threads")?.parse()?)
        .map(|_| tokio::spawn(call(client.clone(), api.clone(), Arc::clone(&counts), Arc::clone(&over))))
        .collect();
    let until = PathBuf::from(needed("until-file")?);
    while !until.exists() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    over.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await?;
    }
    session.close().await;
    let errors = counts.errors.lock().map_err(|_| "a task panicked")?.clone();
    println!(
        "{}",
        serde_json::json!({
            "calls": counts.calls.load(Ordering::Relaxed), "failed": counts.failed.load(Ordering::Relaxed),
            "renewals": counts.renewals.load(Ordering::Relaxed),
            "takeovers": counts.takeovers.load(Ordering::Relaxed), "errors": errors,
        })
    );
    Ok(())
}

async fn call(client: Client, api: String, counts: Arc<Counts>, over: Arc<AtomicBool>) {
    while !over.load(Ordering::Relaxed) {
        let failure = match client.get(&api).await {
            Err(e) => Some(e.to_string()),
            Ok(response) => {
                let status = response.status();
                let body = response.text().await.unwrap_or_default();
                (status.as_u16() >= 400).then(|| format!("{status}: {body}"))
            }
        };
        counts.calls.fetch_add(1, Ordering::Relaxed);
        if let Some(text) = failure {
            counts.failed.fetch_add(1, Ordering::Relaxed);
            if let Ok(mut errors) = counts.errors.lock()
                && errors.len() < 5
            {
                errors.push(text);
            }
        }
    }
}

/// `--name value` pairs.
fn options() -> Result<HashMap<String, String>, String> {
    let mut found = HashMap::new();
    let mut given = std::env::args().skip(1);
    while let Some(name) = given.next() {
        let name = name.strip_prefix("--").ok_or(format!("`{name}` is no option"))?.to_owned();
        let value = given.next().ok_or(format!("--{name} wants a value"))?;
        found.insert(name, value);
    }
    Ok(found)
}
