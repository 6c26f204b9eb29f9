//! What values of `mandate.toml` must be.

use http::HeaderName;
use ipnet::IpNet;
use mandate_wire::platform_file::{Complaint, choice, nearest};
use std::net::IpAddr;
use std::path::{Component, Path, PathBuf};

const MEMORY: &str = "sqlite::memory:";
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// `sqlite:PATH`, `sqlite::memory:` or `postgresql://…`.
pub(super) fn store(text: &str) -> Result<String, Complaint> {
    let postgres = text.starts_with("postgresql://") || text.starts_with("postgres://");
    if postgres {
        return match url::Url::parse(text) {
            Ok(_) => Ok(text.to_owned()),
            Err(error) => Err((format!("no PostgreSQL URL: {error}"), None)),
        };
    }
    if text == MEMORY
        || text.strip_prefix("sqlite:").is_some_and(|path| !path.is_empty() && !path.starts_with(':'))
    {
        return Ok(text.to_owned());
    }
    let (scheme, rest) = text.split_once(':').unwrap_or(("", text));
    let hint = match nearest(scheme, ["sqlite", "postgresql"]) {
        Some("sqlite") if rest.starts_with(':') => Some(MEMORY.to_owned()),
        Some(scheme) if !rest.is_empty() => Some(format!("{scheme}:{rest}")),
        None if scheme.is_empty() && !rest.is_empty() => Some(format!("sqlite:{rest}")),
        _ => None,
    };
    Err(("no store: sqlite:PATH, sqlite::memory: or postgresql://USER@HOST/DATABASE".into(), hint))
}

/// Whether a store's URL holds a password.
pub(super) fn has_password(store: &str) -> bool {
    url::Url::parse(store)
        .is_ok_and(|url| url.password().is_some() || url.query_pairs().any(|(k, _)| k == "password"))
}

/// The folder of the database, for an embedded store in a file.
pub(super) fn database_folder(store: &str) -> Option<PathBuf> {
    let path = store.strip_prefix("sqlite:").filter(|path| !path.starts_with(':'))?;
    Some(Path::new(path).parent().map_or_else(PathBuf::new, Path::to_path_buf))
}

/// Whether a file would lie in a folder or below it, as far as the paths themselves say.
pub(super) fn lies_in(file: &Path, folder: &Path) -> bool {
    let plain = |path: &Path| -> Vec<String> {
        let mut parts = Vec::new();
        for part in path.components() {
            match part {
                Component::CurDir => {}
                Component::ParentDir if parts.last().is_some_and(|p| p != "..") => {
                    parts.pop();
                }
                other => parts.push(other.as_os_str().to_string_lossy().into_owned()),
            }
        }
        parts
    };
    let (file, folder) = (plain(file), plain(folder));
    // the working folder itself holds everything relative; only what stands directly in it counts as the database's
    if folder.is_empty() { file.len() == 1 } else { file.len() > folder.len() && file.starts_with(&folder) }
}

/// `10.0.0.0/8`, or one address.
pub(super) fn network(text: &str) -> Result<IpNet, Complaint> {
    if let Ok(net) = text.parse::<IpNet>() {
        let whole = net.trunc();
        return if whole == net {
            Ok(net)
        } else {
            Err(("has bits beyond its length".into(), Some(whole.to_string())))
        };
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(address.into());
    }
    let hint = match text {
        "localhost" => Some("127.0.0.1".to_owned()),
        _ => text
            .split_once('/')
            .and_then(|(address, _)| address.parse::<IpAddr>().ok())
            .map(|ip| ip.to_string()),
    };
    Err(("no network: an IP address, with or without a length, such as 10.0.0.0/8".into(), hint))
}

/// `text` or `json`.
pub(super) fn format(text: &str) -> Result<bool, Complaint> {
    match text {
        "text" => Ok(false),
        "json" => Ok(true),
        _ => Err((
            format!("`{text}` is no format: text or json"),
            nearest(text, ["text", "json"]).map(str::to_owned),
        )),
    }
}

/// A level, or levels of parts: `info,mandate_gate=debug`.
pub(super) fn level(text: &str) -> Result<String, Complaint> {
    for part in text.split(',') {
        let (target, level) =
            part.rsplit_once('=').map_or((None, part), |(target, level)| (Some(target), level));
        if !LEVELS.contains(&level) || target.is_some_and(|t| t.trim().is_empty()) {
            let hint = nearest(level, LEVELS).map(|near| match target {
                Some(target) => text.replacen(part, &format!("{target}={near}"), 1),
                None => text.replacen(part, near, 1),
            });
            return Err((format!("`{level}` is no level: {}", choice(LEVELS)), hint));
        }
    }
    Ok(text.to_owned())
}

/// `ask` or `off`.
pub(super) fn asks(text: &str) -> Result<bool, Complaint> {
    match text {
        "ask" => Ok(true),
        "off" => Ok(false),
        _ => {
            let hint = nearest(text, ["ask", "off"]).map(str::to_owned);
            Err((format!("`{text}` is neither ask nor off"), hint))
        }
    }
}

/// The name of a header that may be taken away from requests.
pub(super) fn header(text: &str) -> Result<HeaderName, Complaint> {
    const NEEDED: [&str; 7] = [
        "authorization",
        "connection",
        "content-length",
        "content-type",
        "cookie",
        "host",
        "transfer-encoding",
    ];
    let name: HeaderName = text.parse().map_err(|_| (format!("`{text}` is no name of a header"), None))?;
    if NEEDED.contains(&name.as_str()) {
        return Err((format!("`{name}` has another meaning"), Some("client-cert".into())));
    }
    Ok(name)
}
