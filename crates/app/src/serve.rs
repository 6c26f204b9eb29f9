//! `mandate serve`: the real server.

use crate::config::{self, Config};
use crate::keys;
use crate::listen::{Bounds, Listeners};
use crate::node::{Node, Parts};
use crate::ops::Ops;
use crate::outbound::Outbound;
use crate::system::{SystemClock, SystemEntropy};
use crate::tls::{CertificateHeader, Files, Tls};
use anyhow::{Context as _, bail};
use mandate_core::model::{AdminRights, Administrator};
use mandate_core::{AdminId, Clock, Entropy, OperationId, Secret, format};
use mandate_store::{Audit, Changed, Store};
use mandate_wire::dialect::Dialects;
use mandate_wire::outbound::OutboundPolicy;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

/// Runs until SIGTERM or SIGINT.
pub(crate) async fn run(config: Config) -> anyhow::Result<()> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy::default());
    std::fs::create_dir_all(&config.data_dir)
        .with_context(|| format!("the data folder {} cannot be made", config.data_dir.display()))?;
    let _lock = match config.store.strip_prefix("sqlite:") {
        Some(path) if path != ":memory:" => Some(only_one(Path::new(path))?),
        _ => None,
    };
    let admin_listener = TcpListener::bind(&*config.admin.listen)
        .await
        .with_context(|| format!("cannot listen on {} for the operator", config.admin.listen))?;
    let tls = tls(&config.tls)?;
    let node = Node::start(Parts {
        store_url: config.store.clone(),
        key_file: config.root_key_file.clone(),
        clock: clock.clone(),
        entropy: entropy.clone(),
        templates: config.templates_dir.clone(),
        limit_factor: 1,
        tls: tls.clone(),
        demo: false,
        dialects: Dialects::shipped(),
        outbound: Outbound::new(
            OutboundPolicy { loopback: config.outbound.loopback },
            config.outbound.ca_file.as_deref(),
        )?,
        schedule: config.signing_keys.schedule(),
    })
    .await?;
    first_administrator(&*node.store, &config, &*clock, &*entropy).await?;

    let listeners = Listeners::new(
        node.clone(),
        Bounds {
            connections: config.limits.max_connections,
            header_timeout: Duration::from_secs(config.limits.header_timeout_s),
            body_timeout: Duration::from_secs(config.limits.body_timeout_s),
            trusted_proxies: config.trusted_proxies.clone().into(),
        },
    );
    listeners.rebind(config.listen.clone());
    listeners.match_platforms().await;
    let following = tokio::spawn(listeners.clone().follow());
    let ops = Ops::new(node.clone(), admin_hosts(&config), None);
    let operators = tokio::spawn(ops.serve(admin_listener));
    if tls.reads_files() {
        let every = (config.tls.reload_s > 0).then(|| Duration::from_secs(config.tls.reload_s));
        tokio::spawn(tls.follow(every));
    }
    tracing::info!(admin = %config.admin.listen, store = %shown(&config.store), "ready");

    stopped().await?;
    tracing::info!("stopping");
    following.abort();
    listeners.shut(Duration::from_secs(config.limits.stop_s)).await;
    operators.abort();
    node.settle().await;
    Ok(())
}

/// The certificates that the configuration names.
fn tls(config: &config::Tls) -> anyhow::Result<Arc<Tls>> {
    let files = Files {
        pair: config.certificate_file.clone().zip(config.key_file.clone()),
        authorities: config.client_ca_file.clone(),
        asks_clients: config.asks_clients,
    };
    let header = config.client_certificate_header.clone().map(CertificateHeader::new);
    Tls::load(files, header, Duration::from_secs(config.handshake_timeout_s))
}

fn admin_hosts(config: &Config) -> Vec<String> {
    let listen = config.admin.listen.clone();
    let mut hosts = config.admin.hosts.clone();
    if let Some(port) = listen.strip_prefix("127.0.0.1:") {
        hosts.push(format!("localhost:{port}"));
    }
    hosts.push(listen);
    hosts
}

/// A store URL without its password.
fn shown(url: &str) -> String {
    match url::Url::parse(url) {
        Ok(mut parsed) if parsed.password().is_some() => {
            let _hidden = parsed.set_password(Some("…"));
            parsed.to_string()
        }
        _ => url.to_owned(),
    }
}

/// The embedded store has one server: its memory is right only if nobody else writes.
fn only_one(database: &Path) -> anyhow::Result<std::fs::File> {
    let mut lock = database.as_os_str().to_owned();
    lock.push(".lock");
    let lock = PathBuf::from(lock);
    if let Some(folder) = lock.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let file = std::fs::File::create(&lock).with_context(|| format!("{} cannot be made", lock.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => bail!(
            "another server has {} open; several servers need PostgreSQL as their store",
            database.display()
        ),
        Err(std::fs::TryLockError::Error(error)) => Err(error).context("the store's lock"),
    }
}

/// The first administrator's token: made once in the life of a store, good for an hour and for making a real
/// administrator only (SECURITY R25). It goes to a file that only its owner may read.
async fn first_administrator(
    store: &dyn Store,
    config: &Config,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) -> anyhow::Result<()> {
    let now = clock.now();
    let token = Secret::new(format::opaque("mdt_bootstrap_", entropy) + &format::random_hex::<8>(entropy));
    let admin = Administrator {
        id: AdminId::new("bootstrap"),
        rights: AdminRights::Bootstrap,
        platform: None,
        created_at: now,
        expires_at: Some(now.plus_seconds(3600)),
    };
    let audit = Audit {
        operation: OperationId::new(format::opaque("o", entropy)),
        platform: None,
        actor: "system".into(),
        action: "admin.bootstrap",
        subject: "admin:bootstrap".into(),
        detail: String::new(),
        at: now,
    };
    let token_file = config.data_dir.join("bootstrap.token");
    if store.bootstrap_admin(&admin, &token.digest(), &audit).await? == Changed::Done {
        keys::write_secret(&token_file, token.expose())?;
        tracing::info!(file = %token_file.display(), "first start: the file holds a one-hour token that makes the first administrator");
    }
    let address = serde_json::json!({
        "url": format!("http://{}", config.admin.listen),
        "token_file": token_file.file_name().and_then(|n| n.to_str()).unwrap_or_default(),
    });
    let admin_json = config.data_dir.join("admin.json");
    std::fs::write(&admin_json, format!("{address}\n"))
        .with_context(|| format!("{} cannot be written", admin_json.display()))
}

/// Returns at SIGTERM or SIGINT.
pub(crate) async fn stopped() -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut term = signal(SignalKind::terminate())?;
    let mut int = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
    Ok(())
}
