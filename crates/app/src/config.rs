//! Configuration of a server: `mandate.toml` and the environment. `mandate.sample.toml` is the manual; a test holds
//! the two together.

mod check;
mod keys;
mod problem;
mod read;
mod source;
#[cfg(test)]
mod tests;
mod values;

pub(crate) use check::{Checked, check_files};
pub(crate) use problem::{Problem, in_words};

use http::HeaderName;
use ipnet::IpNet;
use mandate_core::succession::Schedule;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// What `mandate serve` runs with.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Config {
    /// Where a local server keeps what is its own.
    pub(crate) data_dir: PathBuf,
    /// `sqlite:PATH` or `postgresql://…`; may hold a password.
    pub(crate) store: String,
    /// The key-encryption key, made once, outside the data folder (SECURITY R1).
    pub(crate) root_key_file: PathBuf,
    /// Templates of pages that replace the built-in ones.
    pub(crate) templates_dir: Option<PathBuf>,
    /// Peers whose `X-Forwarded-For` counts.
    pub(crate) trusted_proxies: Vec<IpNet>,
    /// Addresses to bind instead of those that platform files name.
    pub(crate) listen: BTreeMap<String, String>,
    /// The operator's listener.
    pub(crate) admin: Admin,
    /// What is logged, and how.
    pub(crate) log: Logging,
    /// Bounds.
    pub(crate) limits: Limits,
    /// Certificates.
    pub(crate) tls: Tls,
    /// When signing keys are replaced.
    pub(crate) signing_keys: SigningKeys,
    /// Fetching what clients publish.
    pub(crate) outbound: OutboundConfig,
}

/// Certificates: the server's own, and those that clients show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tls {
    /// The server's certificate with its chain. Without one, listeners speak plain HTTP.
    pub(crate) certificate_file: Option<PathBuf>,
    /// Its key.
    pub(crate) key_file: Option<PathBuf>,
    /// Whether clients are asked for certificates.
    pub(crate) asks_clients: bool,
    /// Authorities that client certificates are held against.
    pub(crate) client_ca_file: Option<PathBuf>,
    /// Where trusted proxies put the certificates of their clients.
    pub(crate) client_certificate_header: Option<HeaderName>,
    /// Until a handshake is done.
    pub(crate) handshake_timeout_s: u64,
    /// How often the files are looked at; 0: at SIGHUP only.
    pub(crate) reload_s: u64,
}

/// Fetching from addresses that clients name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct OutboundConfig {
    /// Certificates of the authorities that are trusted; `None`: the system's.
    pub(crate) ca_file: Option<PathBuf>,
    /// This machine's own addresses too, and `http` there: for tests.
    pub(crate) loopback: bool,
}

/// When signing keys, and the MAC keys of refresh tokens, are replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SigningKeys {
    /// A key signs for so long; 0: until somebody replaces it.
    pub(crate) rotate_s: u64,
    /// It is published so long before it signs.
    pub(crate) publish_s: u64,
}

impl SigningKeys {
    pub(crate) fn schedule(&self) -> Schedule {
        let ms = |s: u64| i64::try_from(s.saturating_mul(1000)).unwrap_or(i64::MAX);
        Schedule { rotate_ms: (self.rotate_s > 0).then(|| ms(self.rotate_s)), publish_ms: ms(self.publish_s) }
    }
}
impl Default for SigningKeys {
    fn default() -> Self {
        Self { rotate_s: 90 * 86_400, publish_s: 7 * 86_400 }
    }
}

/// The operator's listener: admin API, console, health, metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Admin {
    /// Address to bind.
    pub(crate) listen: String,
    /// Further authorities that `Host` may say.
    pub(crate) hosts: Vec<String>,
}

/// What is logged, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Logging {
    /// One object of JSON on each line, instead of text.
    pub(crate) json: bool,
    /// A level, or levels of parts: `info,mandate_gate=debug`.
    pub(crate) level: String,
}

/// Bounds of connections and waiting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Open connections over all hosts.
    pub(crate) max_connections: usize,
    /// Until a request's head is there.
    pub(crate) header_timeout_s: u64,
    /// Until a request's body is there.
    pub(crate) body_timeout_s: u64,
    /// How long open requests may take to finish when the server stops.
    pub(crate) stop_s: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: "mandate-data".into(),
            store: "sqlite:mandate-data/mandate.db".into(),
            root_key_file: "mandate-data.key".into(),
            templates_dir: None,
            trusted_proxies: Vec::new(),
            listen: BTreeMap::new(),
            admin: Admin::default(),
            log: Logging::default(),
            limits: Limits::default(),
            tls: Tls::default(),
            signing_keys: SigningKeys::default(),
            outbound: OutboundConfig::default(),
        }
    }
}
impl Default for Admin {
    fn default() -> Self {
        Self { listen: "127.0.0.1:7190".into(), hosts: Vec::new() }
    }
}
impl Default for Logging {
    fn default() -> Self {
        Self { json: false, level: "info".into() }
    }
}
impl Default for Limits {
    fn default() -> Self {
        Self { max_connections: 20_000, header_timeout_s: 30, body_timeout_s: 30, stop_s: 10 }
    }
}

impl Default for Tls {
    fn default() -> Self {
        Self {
            certificate_file: None,
            key_file: None,
            asks_clients: true,
            client_ca_file: None,
            client_certificate_header: None,
            handshake_timeout_s: 10,
            reload_s: 60,
        }
    }
}

impl Logging {
    /// Warnings and errors only.
    pub(crate) fn quiet() -> Self {
        Self { json: false, level: "warn".into() }
    }
}

/// Without the store's URL, which may hold a password.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("data_dir", &self.data_dir)
            .field("root_key_file", &self.root_key_file)
            .field("trusted_proxies", &self.trusted_proxies)
            .field("listen", &self.listen)
            .field("admin", &self.admin)
            .field("log", &self.log)
            .field("limits", &self.limits)
            .field("tls", &self.tls)
            .field("signing_keys", &self.signing_keys)
            .field("outbound", &self.outbound)
            .finish_non_exhaustive()
    }
}

/// Reads the configuration: the file if one is named, else the defaults; the environment goes before either.
///
/// # Errors
/// All that is wrong with either.
pub(crate) fn load(
    path: Option<&Path>,
    environment: impl Fn(&str) -> Option<String>,
) -> Result<Config, Vec<Problem>> {
    match path {
        None => read::read(None, &environment, true),
        Some(path) => {
            let text = check::read_file(path).map_err(|problem| vec![problem])?;
            read::read(Some((&path.display().to_string(), &text)), &environment, true)
        }
    }
}
