//! A small platform.

use mandate_core::model::{Account, Status};
use mandate_core::platform::Platform;
use mandate_core::{Offset, Timestamp};

/// A platform file; its hosts listen on `port` and the two after it.
pub(in crate::admin) fn document(id: &str, port: u16) -> String {
    let at = |offset: u16| format!("127.0.0.1:{}", port + offset);
    TEMPLATE
        .replace("ID", id)
        .replace("AT_PAGES", &at(0))
        .replace("AT_PAPER", &at(1))
        .replace("AT_LIVE", &at(2))
}

const TEMPLATE: &str = r#"
[platform]
id = "ID"
name = "The ID"
dialect = "alpaca"
issuer = "http://AT_PAGES"
contact = "ops@ID.example"
default_plan = "basic"

[environments.paper]
key_prefix = "PK"
resettable = true

[environments.live]
key_prefix = "AK"
needs_approval = true

[hosts.paper]
surface = "rest"
listen = "AT_PAPER"
url = "http://AT_PAPER"
environments = ["paper"]
upstream = "sample"

[hosts.live]
surface = "rest"
listen = "AT_LIVE"
url = "http://AT_LIVE"
environments = ["live"]
upstream = "sample"

[hosts.pages]
surface = "connect"
listen = "AT_PAGES"
url = "http://AT_PAGES"
environments = ["paper", "live"]

[upstreams.sample]
url = "builtin:sample"

[scopes.trading]
title = "Place orders"

[scopes.data]
title = "Read market data"

[licences.redistribution]
title = "Redistribution"

[products.bars]
title = "market data"
delegated = "deny"
unless_licence = "redistribution"

[plans.basic]
requests_per_minute = 200

[plans.fast]
requests_per_minute = 1000

[partners.dawn]
name = "Dawn Brokerage"
scopes = ["trading"]
environments = ["paper"]
plan = "fast"

[[routes]]
method = "GET"
path = "/v2/account"

[[routes]]
method = "GET"
path = "/v2/bars"
scope = "data"
product = "bars"
"#;

/// The platform `sun`.
pub(in crate::admin) fn platform() -> Platform {
    mandate_wire::platform_file::read(&document("sun", 8000), mandate_wire::dialect::Dialects::shipped())
        .unwrap_or_else(|problems| {
            panic!("{}", problems.iter().map(|p| p.in_file("sun.toml")).collect::<Vec<_>>().join("\n"))
        })
}

/// An account in an environment.
pub(in crate::admin) fn account(environment: &str) -> Account {
    Account {
        platform: "sun".into(),
        id: format!("account in {environment}").into(),
        environment: environment.into(),
        owner: Some("u_1".into()),
        partner: None,
        status: Status::Active,
        status_since: Timestamp::from_seconds(0),
        plan: None,
        licences: Vec::new(),
        created_at: Timestamp::from_seconds(0),
        resets: 0,
        kill: Offset(0),
    }
}
