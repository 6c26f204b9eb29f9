//! The keys of `mandate.toml`. Each can be overridden from the environment: `MANDATE_` and the key in capitals, `_`
//! for the dot. `mandate.sample.toml` shows them all.

use mandate_wire::platform_file::{Key, Kind};

pub(super) const ROOT: &[Key] = &[
    Key::optional("data_dir", Kind::Text("mandate-data")),
    Key::optional("store", Kind::Text("sqlite:mandate-data/mandate.db")),
    Key::optional("store_url_file", Kind::Text("/run/secrets/mandate-store-url")),
    Key::optional("root_key_file", Kind::Text("mandate-data.key")),
    Key::optional("templates_dir", Kind::Text("/etc/mandate/templates")),
    Key::optional("trusted_proxies", Kind::Texts { least: 0, example: "10.0.0.0/8" }),
    Key::optional("admin", Kind::Section),
    Key::optional("log", Kind::Section),
    Key::optional("limits", Kind::Section),
    Key::optional("tls", Kind::Section),
    Key::optional("signing_keys", Kind::Section),
    Key::optional("outbound", Kind::Section),
    Key::optional("listen", Kind::Pairs("127.0.0.1:7110", "127.0.0.1:8110")),
];
pub(super) const ADMIN: &[Key] = &[
    Key::optional("listen", Kind::Text("127.0.0.1:7190")),
    Key::optional("hosts", Kind::Texts { least: 0, example: "mandate-admin.internal:7190" }),
];
pub(super) const LOG: &[Key] =
    &[Key::optional("format", Kind::Text("text")), Key::optional("level", Kind::Text("info"))];
pub(super) const LIMITS: &[Key] = &[
    Key::optional("max_connections", Kind::Number { from: 1, to: 1_000_000, example: 20_000 }),
    Key::optional("header_timeout_s", Kind::Number { from: 1, to: 600, example: 30 }),
    Key::optional("body_timeout_s", Kind::Number { from: 1, to: 600, example: 30 }),
    Key::optional("stop_s", Kind::Number { from: 0, to: 600, example: 10 }),
];
pub(super) const SIGNING_KEYS: &[Key] = &[
    Key::optional("rotate_s", Kind::Number { from: 0, to: 315_360_000, example: 7_776_000 }),
    Key::optional("publish_s", Kind::Number { from: 600, to: 31_536_000, example: 604_800 }),
];
pub(super) const OUTBOUND: &[Key] = &[
    Key::optional("ca_file", Kind::Text("/etc/ssl/certs/ca-certificates.crt")),
    Key::optional("loopback", Kind::Flag),
];

pub(super) const TLS: &[Key] = &[
    Key::optional("certificate_file", Kind::Text("/etc/mandate/tls/certificate.pem")),
    Key::optional("key_file", Kind::Text("/etc/mandate/tls/key.pem")),
    Key::optional("client_certificates", Kind::Text("ask")),
    Key::optional("client_ca_file", Kind::Text("/etc/mandate/tls/client-authorities.pem")),
    Key::optional("client_certificate_header", Kind::Text("client-cert")),
    Key::optional("handshake_timeout_s", Kind::Number { from: 1, to: 60, example: 10 }),
    Key::optional("reload_s", Kind::Number { from: 0, to: 86_400, example: 60 }),
];

/// Tables of `mandate.toml` with their keys; the top has no name.
pub(super) const TABLES: [(&str, &[Key]); 7] = [
    ("", ROOT),
    ("admin", ADMIN),
    ("log", LOG),
    ("limits", LIMITS),
    ("tls", TLS),
    ("signing_keys", SIGNING_KEYS),
    ("outbound", OUTBOUND),
];
