//! The keys of a platform file: every table, every key, its type.

use super::section::{Key, Kind};

const ENVIRONMENTS: Kind = Kind::Texts { least: 1, example: "paper" };

/// The tables of a file.
pub const ROOT: &[Key] = &[
    Key::required("platform", Kind::Section),
    Key::optional("tokens", Kind::Section),
    Key::optional("legacy", Kind::Section),
    Key::required("environments", Kind::Sections),
    Key::required("hosts", Kind::Sections),
    Key::optional("upstreams", Kind::Sections),
    Key::optional("scopes", Kind::Sections),
    Key::optional("licences", Kind::Sections),
    Key::optional("products", Kind::Sections),
    Key::required("plans", Kind::Sections),
    Key::optional("routes", Kind::Entries),
    Key::optional("partners", Kind::Sections),
];
pub(super) const PLATFORM: &[Key] = &[
    Key::required("id", Kind::Text("alpaca")),
    Key::required("name", Kind::Text("Sample Brokerage")),
    Key::required("dialect", Kind::Text("alpaca")),
    Key::required("issuer", Kind::Text("http://127.0.0.1:7110")),
    Key::required("contact", Kind::Text("support@brokerage.example")),
    Key::required("default_plan", Kind::Text("standard")),
];
pub(super) const TOKENS: &[Key] = &[
    Key::optional("code_lifetime_s", Kind::Number { from: 1, to: 600, example: 600 }),
    Key::optional("access_lifetime_s", Kind::Number { from: 10, to: 31_536_000, example: 3600 }),
    Key::optional("client_access_lifetime_s", Kind::Number { from: 10, to: 31_536_000, example: 7200 }),
    // one in half a minute at least: clients give up after 31 s
    Key::optional("requests_per_minute", Kind::Number { from: 2, to: 1_000_000, example: 50 }),
    Key::optional("session_lifetime_s", Kind::Number { from: 60, to: 2_592_000, example: 43_200 }),
    Key::optional("id_token_lifetime_s", Kind::Number { from: 10, to: 86_400, example: 600 }),
    Key::optional("refresh_idle_s", Kind::Number { from: 1, to: 315_360_000, example: 2_592_000 }),
    Key::optional("refresh_lifetime_s", Kind::Number { from: 1, to: 315_360_000, example: 31_536_000 }),
];
pub(super) const LEGACY: &[Key] = &[
    Key::optional("password_grant", Kind::Flag),
    Key::optional("implicit", Kind::Flag),
    Key::optional("secrets_in_body", Kind::Flag),
    Key::optional("non_expiring_tokens", Kind::Flag),
];
pub(super) const ENVIRONMENT: &[Key] = &[
    Key::required("key_prefix", Kind::Text("PK")),
    Key::optional("resettable", Kind::Flag),
    Key::optional("needs_approval", Kind::Flag),
];
pub(super) const HOST: &[Key] = &[
    Key::required("surface", Kind::Text("rest")),
    Key::required("listen", Kind::Text("127.0.0.1:7111")),
    Key::required("url", Kind::Text("http://127.0.0.1:7111")),
    Key::optional("aliases", Kind::Texts { least: 0, example: "localhost:7111" }),
    Key::required("environments", ENVIRONMENTS),
    Key::optional("upstream", Kind::Text("sample")),
];
pub(super) const UPSTREAM: &[Key] = &[Key::required("url", Kind::Text("http://127.0.0.1:8080"))];
pub(super) const SCOPE: &[Key] = &[
    Key::required("title", Kind::Text("Place, change and cancel orders")),
    Key::optional("expands_to", Kind::Texts { least: 1, example: "trading" }),
];
pub(super) const LICENCE: &[Key] = &[Key::required("title", Kind::Text("Redistribution of market data"))];
pub(super) const PRODUCT: &[Key] = &[
    Key::required("title", Kind::Text("market data")),
    Key::required("delegated", Kind::Text("allow")),
    Key::optional("unless_licence", Kind::Text("redistribution")),
    Key::optional("instead", Kind::Text("the account owner's own API key")),
];
pub(super) const PLAN: &[Key] =
    &[Key::required("requests_per_minute", Kind::Number { from: 1, to: 10_000_000, example: 200 })];
pub(super) const ROUTE: &[Key] = &[
    Key::required("method", Kind::Text("GET")),
    Key::required("path", Kind::Text("/v2/account")),
    Key::optional("surface", Kind::Text("rest")),
    Key::optional("access", Kind::Text("account")),
    Key::optional("scope", Kind::Text("trading")),
    Key::optional("product", Kind::Text("trading")),
    Key::optional("account_param", Kind::Text("account_id")),
    Key::optional("stream", Kind::Text("data")),
    Key::optional("connections", Kind::Number { from: 1, to: 100_000, example: 1 }),
    Key::optional("channels", Kind::Pairs("imbalances", "auctions")),
];
pub(super) const PARTNER: &[Key] = &[
    Key::required("name", Kind::Text("Sunrise Brokerage")),
    Key::required("scopes", Kind::Texts { least: 1, example: "trading" }),
    Key::required("environments", ENVIRONMENTS),
    Key::required("plan", Kind::Text("partner")),
];
