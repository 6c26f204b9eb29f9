//! `mandate demo`: everything in one process, with embedded storage, sample platforms, people and apps, and a clock
//! that can be moved. What exists here only: the movable clock, seeded secrets, sample credentials (SECURITY R25).

mod bank;
mod clock;
mod people;
mod sheet;

use crate::listen::{Bounds, Listeners};
use crate::node::{Node, Parts};
use crate::ops::Ops;
use crate::outbound::Outbound;
use crate::system::SystemEntropy;
use crate::tls::{Files, Tls};
use anyhow::{Context as _, bail, ensure};
use clock::DemoClock;
use mandate_core::platform::Platform;
use mandate_core::{Clock, Entropy, PlatformId};
use mandate_store::{Changed, PlatformRow};
use mandate_wire::dialect::Dialects;
use mandate_wire::outbound::OutboundPolicy;
use mandate_wire::platform_file;
use sheet::Sheet;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The platform file that comes with the binary.
const ALPACA: &str = include_str!("../../../platforms/alpaca.toml");
const RFC: &str = include_str!("../../../platforms/rfc.toml");

/// What `mandate demo` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Print one line of JSON when everything is ready.
    #[arg(long)]
    json: bool,
    /// Keep everything in this folder; a second start there prints the same sheet.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// First port; 0 picks free ones.
    #[arg(long, value_name = "N", default_value_t = 7100)]
    port_base: u16,
    /// Make the same secrets at each start from this number.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Keep data in this store (`postgresql://…`) rather than in an embedded one.
    #[arg(long, value_name = "URL")]
    store: Option<String>,
    /// Put this API behind the gate rather than the sample brokerage.
    #[arg(long, value_name = "URL")]
    upstream: Option<String>,
    /// Make this many more paper accounts with a key each; written to DIR/extra-keys.json.
    #[arg(long, value_name = "N", default_value_t = 0)]
    extra_accounts: u32,
    /// Serve the platforms over TLS with this certificate, in PEM. The operator's listener stays plain.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_certificate: Option<PathBuf>,
    /// The certificate's key, in PEM.
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    tls_key: Option<PathBuf>,
    /// Authorities of client certificates, in PEM.
    #[arg(long, value_name = "FILE")]
    tls_client_ca: Option<PathBuf>,
    /// Raise every limit a millionfold, for benchmarks. Limits are still computed.
    #[arg(long)]
    no_rate_limit: bool,
}

/// Runs until SIGTERM or SIGINT.
pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    let temporary = match &args.dir {
        Some(_) => None,
        None => Some(Temporary::new()?),
    };
    let dir = args.dir.clone().or_else(|| temporary.as_ref().map(|t| t.0.clone())).context("a folder")?;
    std::fs::create_dir_all(&dir).with_context(|| format!("{} cannot be made", dir.display()))?;
    if args.store.is_none() {
        std::fs::create_dir_all(dir.join("store"))?;
    }
    let clock = Arc::new(DemoClock::new(&dir));
    let before = Sheet::read(&dir)?;
    let tls = Tls::load(
        Files {
            pair: args.tls_certificate.clone().zip(args.tls_key.clone()),
            authorities: args.tls_client_ca.clone(),
            asks_clients: true,
        },
        None,
        Duration::from_secs(10),
    )?;
    let scheme = if tls.is_on() { "https" } else { "http" };
    let ports = Ports::bind(args.port_base, before.as_ref(), scheme)?;

    let running: Arc<dyn Clock> = clock.clone();
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy::default());
    let node = Node::start(Parts {
        store_url: args
            .store
            .clone()
            .unwrap_or_else(|| format!("sqlite:{}", dir.join("store").join("demo.db").display())),
        key_file: dir.join("demo.key"),
        clock: running.clone(),
        entropy: entropy.clone(),
        templates: None,
        limit_factor: if args.no_rate_limit { 1_000_000 } else { 1 },
        tls: tls.clone(),
        demo: true,
        dialects: Dialects::shipped(),
        outbound: Outbound::new(OutboundPolicy { loopback: true }, None)?,
        schedule: crate::config::SigningKeys::default().schedule(),
    })
    .await?;

    let alpaca = platform(ALPACA, &ports, args.upstream.as_deref())?;
    for platform in [&platform(RFC, &ports, None)?, &alpaca] {
        apply(&node, platform).await?;
    }
    node.reload().await?;
    let sheet = if let Some(sheet) = before {
        sheet
    } else {
        let secrets: Arc<dyn Entropy> = match args.seed {
            Some(seed) => Arc::new(clock::Seeded::new(seed)),
            None => Arc::new(SystemEntropy::default()),
        };
        let admin = people::administrator(&node, &*secrets).await?;
        let brokerage = people::provision(&node, &*secrets, &alpaca, &ports).await?;
        let bank = bank::provision(&node, &*secrets, &ports).await?;
        let sheet = Sheet::new(&ports, &admin, &[("rfc", bank), ("alpaca", brokerage)]);
        sheet.write(&dir)?;
        sheet
    };
    if args.extra_accounts > 0 {
        people::extra(&node, args.extra_accounts, &dir).await?;
    }

    let listeners = Listeners::new(
        node.clone(),
        Bounds {
            connections: 20_000,
            header_timeout: Duration::from_secs(30),
            body_timeout: Duration::from_secs(30),
            trusted_proxies: Arc::from([]),
        },
    );
    let admin_hosts = vec![format!("127.0.0.1:{}", ports.admin), format!("localhost:{}", ports.admin)];
    for (address, listener) in ports.sockets {
        listeners.adopt(&address, listener);
    }
    listeners.match_platforms().await;
    let following = tokio::spawn(listeners.clone().follow());
    let ops = Ops::new(node.clone(), admin_hosts, Some(clock.endpoint(sheet.admin_token())));
    ports.admin_socket.set_nonblocking(true)?;
    let operators = tokio::spawn(ops.serve(tokio::net::TcpListener::from_std(ports.admin_socket)?));

    if tls.reads_files() {
        tokio::spawn(tls.follow(None));
    }
    sheet.print(args.json)?;
    crate::serve::stopped().await?;
    following.abort();
    listeners.shut(Duration::from_millis(1500)).await;
    operators.abort();
    node.settle().await;
    Ok(())
}

/// A folder that goes away.
struct Temporary(PathBuf);

impl Temporary {
    fn new() -> anyhow::Result<Self> {
        let name = mandate_core::format::random_hex::<8>(&SystemEntropy::default());
        let path = std::env::temp_dir().join(format!("mandate-demo-{name}"));
        std::fs::create_dir(&path).with_context(|| format!("{} cannot be made", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _gone = std::fs::remove_dir_all(&self.0);
    }
}

/// Hosts of the sample platforms, with their distance from the first port.
const PORTS: [(&str, &str, u16); 7] = [
    ("rfc", "issuer", 0),
    ("rfc", "api", 1),
    ("alpaca", "issuer", 10),
    ("alpaca", "paper", 11),
    ("alpaca", "live", 12),
    ("alpaca", "data", 13),
    ("alpaca", "broker", 14),
];
const ADMIN: u16 = 90;

/// The demo's ports, bound before anything else, so that nobody else can take them meanwhile.
pub(crate) struct Ports {
    scheme: &'static str,
    hosts: Vec<u16>,
    pub(crate) admin: u16,
    sockets: Vec<(String, TcpListener)>,
    admin_socket: TcpListener,
}

impl Ports {
    fn bind(base: u16, before: Option<&Sheet>, scheme: &'static str) -> anyhow::Result<Self> {
        let offsets = PORTS.iter().map(|(_, _, offset)| *offset).chain([ADMIN]);
        let wanted: Vec<u16> = match (before.and_then(Sheet::ports), base) {
            (Some(ports), _) => ports,
            (None, 0) => offsets.map(|_| 0).collect(),
            (None, base) if base.checked_add(ADMIN).is_none() => {
                bail!("--port-base {base} leaves no room for ports")
            }
            (None, base) => offsets.map(|offset| base + offset).collect(),
        };
        let mut bound = Vec::new();
        for port in wanted {
            let listener = TcpListener::bind(("127.0.0.1", port)).with_context(|| {
                format!("port {port} cannot be had; is a demo running already? Try --port-base 0")
            })?;
            bound.push((listener.local_addr()?.port(), listener));
        }
        let (admin, admin_socket) = bound.pop().context("a port for the operator")?;
        let hosts = bound.iter().map(|(port, _)| *port).collect();
        let sockets = bound.into_iter().map(|(p, l)| (format!("127.0.0.1:{p}"), l)).collect();
        Ok(Self { scheme, hosts, admin, sockets, admin_socket })
    }

    /// The base URL of a host.
    pub(crate) fn url(&self, platform: &str, host: &str) -> String {
        format!("{}://127.0.0.1:{}", self.scheme, self.of(platform, host))
    }

    /// The port of a host; 0 for one that the demo does not have.
    pub(crate) fn of(&self, platform: &str, host: &str) -> u16 {
        let place = PORTS.iter().position(|(p, h, _)| *p == platform && *h == host);
        place.and_then(|place| self.hosts.get(place)).copied().unwrap_or(0)
    }
}

/// A shipped platform on the demo's ports.
fn platform(file: &str, ports: &Ports, upstream: Option<&str>) -> anyhow::Result<Platform> {
    let mut platform = platform_file::read(file, Dialects::shipped()).map_err(|p| {
        anyhow::anyhow!("a sample platform: {}", p.first().map(ToString::to_string).unwrap_or_default())
    })?;
    let id = platform.id.clone();
    platform.issuer = ports.url(id.as_str(), "issuer").into();
    for host in &mut platform.hosts {
        let port = ports.of(id.as_str(), &host.name);
        ensure!(port != 0, "the demo has no port for host {}", host.name);
        host.listen = format!("127.0.0.1:{port}").into();
        host.url = ports.url(id.as_str(), &host.name).into();
        host.aliases = vec![format!("localhost:{port}").into()];
    }
    if let Some(url) = upstream {
        for upstream in &mut platform.upstreams {
            upstream.url = url.into();
        }
    }
    Ok(platform)
}

async fn apply(node: &Node, platform: &Platform) -> anyhow::Result<()> {
    let document = platform_file::write(platform);
    let rows = node.store.platforms().await?;
    let standing = rows.iter().find(|r| r.id == platform.id);
    if standing.is_some_and(|r| r.document == document) {
        return Ok(());
    }
    let expected = standing.map_or(0, |r| r.revision);
    let row = PlatformRow {
        id: platform.id.clone(),
        revision: expected + 1,
        document,
        applied_at: node.clock.now(),
    };
    let audit =
        people::audit(node, Some(&platform.id), "platform.apply", &format!("platform:{}", platform.id));
    match node.store.apply_platform(&row, expected, &audit).await? {
        Changed::Done => Ok(()),
        other => bail!("the platform could not be applied: {other:?}"),
    }
}

/// The sample platform's id.
fn alpaca() -> PlatformId {
    PlatformId::new("alpaca")
}

/// Writes a file with secrets of the demo.
fn write_private(path: &Path, text: &str) -> anyhow::Result<()> {
    crate::keys::write_secret(path, text)
}
