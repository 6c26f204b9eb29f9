//! The file and the environment to a configuration.

use super::problem::Problem;
use super::source::{Environment, Source};
use super::{Admin, Config, Limits, Logging, OutboundConfig, SigningKeys, Tls, check, keys, values};
use ipnet::IpNet;
use mandate_wire::platform_file::{Document, Section, alias, listen};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Reads `mandate.toml`, given as its name and text, with the environment over it.
///
/// `to_serve`: files with secrets are read as well; a check elsewhere does without them.
pub(super) fn read(
    file: Option<(&str, &str)>,
    environment: Environment<'_>,
    to_serve: bool,
) -> Result<Config, Vec<Problem>> {
    let (name, text) = file.unwrap_or_default();
    let doc = Document::parse(text).map_err(|problem| vec![Problem::in_file(name, problem)])?;
    let problems = RefCell::default();
    let config = config(&doc, environment, to_serve, &problems);
    let mut all: Vec<Problem> = doc.into_problems().into_iter().map(|p| Problem::in_file(name, p)).collect();
    all.append(&mut problems.into_inner());
    if all.is_empty() { Ok(config) } else { Err(all) }
}

fn config(
    doc: &Document,
    environment: Environment<'_>,
    to_serve: bool,
    problems: &RefCell<Vec<Problem>>,
) -> Config {
    let root = Section::root(doc, keys::ROOT);
    let tables = keys::TABLES.map(|(name, keys)| root.section(name, keys));
    let source = |index: usize| {
        let (name, keys) = keys::TABLES[index];
        let table = if name.is_empty() { Some(&root) } else { tables[index].as_ref() };
        Source { name, keys, table, environment, problems }
    };
    let (top, admin, log, limits) = (source(0), source(1), source(2), source(3));
    let tls = source(4);
    let trusted_proxies: Vec<IpNet> =
        all(&top, "trusted_proxies", values::network).into_iter().map(|(_, net)| net).collect();
    let (signing, outbound) = (source(5), source(6));
    let data_dir =
        top.text("data_dir").map_or_else(|| PathBuf::from("mandate-data"), |found| found.text.into());
    let store = store(&top, &data_dir, to_serve);
    Config {
        root_key_file: root_key_file(&top, &data_dir, &store),
        store,
        data_dir,
        templates_dir: top.text("templates_dir").map(|found| found.text.into()),
        tls: certificates(&tls, &trusted_proxies),
        trusted_proxies,
        listen: rebound(&top),
        admin: Admin {
            listen: admin
                .checked("listen", listen)
                .map_or_else(|| Admin::default().listen, |(found, _)| found.text),
            hosts: all(&admin, "hosts", |text| alias(text, "http"))
                .into_iter()
                .map(|(text, _)| text)
                .collect(),
        },
        log: Logging {
            json: log.checked("format", values::format).is_some_and(|(_, json)| json),
            level: log
                .checked("level", values::level)
                .map_or_else(|| Logging::default().level, |(_, level)| level),
        },
        limits: {
            let otherwise = Limits::default();
            let connections = limits.number("max_connections").and_then(|n| usize::try_from(n).ok());
            Limits {
                max_connections: connections.unwrap_or(otherwise.max_connections),
                header_timeout_s: limits.number("header_timeout_s").unwrap_or(otherwise.header_timeout_s),
                body_timeout_s: limits.number("body_timeout_s").unwrap_or(otherwise.body_timeout_s),
                stop_s: limits.number("stop_s").unwrap_or(otherwise.stop_s),
            }
        },
        signing_keys: signing_keys(&signing),
        outbound: OutboundConfig {
            ca_file: outbound.text("ca_file").map(|found| found.text.into()),
            loopback: outbound.flag("loopback").unwrap_or(false),
        },
    }
}

/// The server's own certificate and those of its clients.
fn certificates(tls: &Source<'_, '_>, trusted_proxies: &[IpNet]) -> Tls {
    let otherwise = Tls::default();
    let file = |key: &str| tls.text(key);
    let (certificate, key) = (file("certificate_file"), file("key_file"));
    match (&certificate, &key) {
        (Some(found), None) => {
            tls.report(found, ("a certificate needs its key".into(), Some("key_file".into())));
        }
        (None, Some(found)) => {
            tls.report(found, ("a key needs its certificate".into(), Some("certificate_file".into())));
        }
        (Some(_), Some(_)) | (None, None) => {}
    }
    let header = tls.checked("client_certificate_header", values::header);
    if let Some((found, _)) = &header
        && trusted_proxies.is_empty()
    {
        let message = "counts from trusted proxies only, and there are none";
        tls.report(found, (message.to_owned(), Some("trusted_proxies".to_owned())));
    }
    Tls {
        certificate_file: certificate.map(|found| found.text.into()),
        key_file: key.map(|found| found.text.into()),
        asks_clients: tls
            .checked("client_certificates", values::asks)
            .map_or(otherwise.asks_clients, |(_, asks)| asks),
        client_ca_file: file("client_ca_file").map(|found| found.text.into()),
        client_certificate_header: header.map(|(_, name)| name),
        handshake_timeout_s: tls.number("handshake_timeout_s").unwrap_or(otherwise.handshake_timeout_s),
        reload_s: tls.number("reload_s").unwrap_or(otherwise.reload_s),
    }
}

/// A key is replaced after it could be learnt by others.
fn signing_keys(signing: &Source<'_, '_>) -> SigningKeys {
    let otherwise = SigningKeys::default();
    let keys = SigningKeys {
        rotate_s: signing.number("rotate_s").unwrap_or(otherwise.rotate_s),
        publish_s: signing.number("publish_s").unwrap_or(otherwise.publish_s),
    };
    if keys.rotate_s > 0 && keys.publish_s >= keys.rotate_s {
        let key = if signing.number("publish_s").is_some() { "publish_s" } else { "rotate_s" };
        let message = "keys are published before they sign, so `publish_s` has to be less than `rotate_s`";
        signing.complain(key, (message.to_owned(), None));
    }
    keys
}

/// The store, from its key, from the file that holds its URL, or beside the data.
fn store(top: &Source<'_, '_>, data_dir: &Path, to_serve: bool) -> String {
    let given = top.checked("store", values::store);
    if let Some((found, url)) = &given
        && found.in_file()
        && values::has_password(url)
    {
        let message = "holds a password: name a file that holds the URL, or set MANDATE_STORE".to_owned();
        top.report(found, (message, Some("store_url_file".to_owned())));
    }
    let Some(file) = top.text("store_url_file") else {
        return given.map_or_else(|| format!("sqlite:{}/mandate.db", data_dir.display()), |(_, url)| url);
    };
    if let Some((found, url)) = given {
        // the environment goes before the file, whichever of the two keys it names
        if found.in_file() == file.in_file() {
            top.report(&file, ("the store is named twice, here and by `store`".to_owned(), None));
            return url;
        }
        if !found.in_file() {
            return url;
        }
    }
    if !to_serve {
        return String::new();
    }
    let read = check::read_file(Path::new(&file.text)).map_err(|problem| (problem.problem.message, None));
    match read.and_then(|text| values::store(text.trim())) {
        Ok(url) => url,
        Err((message, _)) => {
            // the hint could hold the password
            top.report(&file, (format!("{}: {message}", file.text), None));
            String::new()
        }
    }
}

/// The key-encryption key lies where neither the data folder nor the database is (SECURITY R1).
fn root_key_file(top: &Source<'_, '_>, data_dir: &Path, store: &str) -> PathBuf {
    let beside = data_dir.file_name().map(|name| {
        let mut name = name.to_owned();
        name.push(".key");
        data_dir.with_file_name(name)
    });
    let database = values::database_folder(store);
    let inside = |file: &Path| {
        let data_folder =
            (!data_dir.as_os_str().is_empty() && data_dir != Path::new(".")).then_some(data_dir);
        data_folder.into_iter().chain(database.as_deref()).any(|folder| values::lies_in(file, folder))
    };
    let hint = beside.clone().filter(|file| !inside(file)).map(|file| file.display().to_string());
    match (top.text("root_key_file"), beside) {
        (Some(found), _) => {
            let file = PathBuf::from(&found.text);
            if inside(&file) {
                let message = "the key must lie outside the data folder and the database's folder, or a copy of them opens itself";
                top.report(&found, (message.to_owned(), hint));
            }
            file
        }
        (None, Some(beside)) if !inside(&beside) => beside,
        (None, _) => {
            if let Some(found) =
                ["data_dir", "store", "store_url_file"].into_iter().find_map(|key| top.text(key))
            {
                let message = "leaves no place beside the data for the key; name one with `root_key_file`";
                top.report(&found, (message.to_owned(), Some("root_key_file".to_owned())));
            }
            PathBuf::new()
        }
    }
}

/// Every element that passes a check.
fn all<T>(
    source: &Source<'_, '_>,
    key: &str,
    check: impl Fn(&str) -> Result<T, mandate_wire::platform_file::Complaint>,
) -> Vec<(String, T)> {
    let mut values = Vec::new();
    for found in source.texts(key).unwrap_or_default() {
        match check(&found.text) {
            Ok(value) => values.push((found.text, value)),
            Err(complaint) => source.report(&found, complaint),
        }
    }
    values
}

fn rebound(top: &Source<'_, '_>) -> BTreeMap<String, String> {
    let mut rebound = BTreeMap::new();
    for (from, to) in top.pairs("listen") {
        for side in [&from, &to] {
            if let Err(complaint) = listen(&side.text) {
                top.report(side, complaint);
            }
        }
        rebound.insert(from.text, to.text);
    }
    rebound
}
