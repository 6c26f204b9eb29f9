//! A platform taken apart: every named thing of its file with its fields as texts.

use mandate_core::platform::{Delegated, Platform, Route, RouteAccess};
use std::fmt::Display;

/// One named thing. Parts of one section have the same fields in the same order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) section: &'static str,
    pub(super) name: String,
    pub(super) fields: Vec<(&'static str, String)>,
}

fn words<T: Display>(items: impl IntoIterator<Item = T>) -> String {
    items.into_iter().map(|i| i.to_string()).collect::<Vec<_>>().join(" ")
}

fn or_nothing<T: Display>(item: Option<&T>) -> String {
    item.map(ToString::to_string).unwrap_or_default()
}

fn yes(flag: bool) -> String {
    if flag { "yes" } else { "no" }.into()
}

/// All parts, in the order of the file.
pub(super) fn parts(platform: &Platform) -> Vec<Part> {
    let mut out = vec![head(platform), tokens(platform), legacy(platform)];
    out.extend(environments(platform));
    out.extend(hosts(platform));
    out.extend(sold(platform));
    out.extend(plans(platform));
    out.extend(partners(platform));
    out.extend(routes(platform));
    out
}

fn head(platform: &Platform) -> Part {
    Part {
        section: "platform",
        name: platform.id.to_string(),
        fields: vec![
            ("name", platform.name.to_string()),
            ("issuer", platform.issuer.to_string()),
            ("contact", platform.contact.to_string()),
            ("default_plan", platform.default_plan.to_string()),
        ],
    }
}

fn tokens(platform: &Platform) -> Part {
    Part {
        section: "tokens",
        name: String::new(),
        fields: vec![
            ("code_lifetime_s", platform.tokens.code_lifetime_s.to_string()),
            (
                "access_lifetime_s",
                platform.tokens.access_lifetime_s.map_or_else(|| "no end".into(), |s| s.to_string()),
            ),
            (
                "client_access_lifetime_s",
                platform.tokens.client_access_lifetime_s.map_or_else(|| "as all".into(), |s| s.to_string()),
            ),
            (
                "requests_per_minute",
                platform.tokens.requests_per_minute.map_or_else(|| "no limit".into(), |n| n.to_string()),
            ),
            ("session_lifetime_s", platform.tokens.session_lifetime_s.to_string()),
        ],
    }
}

fn legacy(platform: &Platform) -> Part {
    Part {
        section: "legacy",
        name: String::new(),
        fields: platform.legacy.switches().map(|(key, on)| (key, yes(on))).to_vec(),
    }
}

fn environments(platform: &Platform) -> impl Iterator<Item = Part> + '_ {
    platform.environments.iter().map(|e| Part {
        section: "environments",
        name: e.id.to_string(),
        fields: vec![
            ("key_prefix", e.key_prefix.to_string()),
            ("resettable", yes(e.resettable)),
            ("needs_approval", yes(e.needs_approval)),
        ],
    })
}

fn hosts(platform: &Platform) -> Vec<Part> {
    let hosts = platform.hosts.iter().map(|h| Part {
        section: "hosts",
        name: h.name.to_string(),
        fields: vec![
            ("listen", h.listen.to_string()),
            ("url", h.url.to_string()),
            ("aliases", words(&h.aliases)),
            ("environments", words(&h.environments)),
            ("surface", h.surface.as_str().to_owned()),
            ("upstream", or_nothing(h.upstream.as_ref())),
        ],
    });
    let upstreams = platform.upstreams.iter().map(|u| Part {
        section: "upstreams",
        name: u.name.to_string(),
        fields: vec![("url", u.url.to_string())],
    });
    hosts.chain(upstreams).collect()
}

fn sold(platform: &Platform) -> Vec<Part> {
    let scopes = platform.scopes.iter().map(|s| Part {
        section: "scopes",
        name: s.scope.to_string(),
        fields: vec![("title", s.title.to_string()), ("expands_to", s.expands_to.to_string())],
    });
    let licences = platform.licences.iter().map(|l| Part {
        section: "licences",
        name: l.id.to_string(),
        fields: vec![("title", l.title.to_string())],
    });
    let products = platform.products.iter().map(|p| Part {
        section: "products",
        name: p.id.to_string(),
        fields: vec![
            ("title", p.title.to_string()),
            (
                "delegated",
                match &p.delegated {
                    Delegated::Allow => "allowed".into(),
                    Delegated::Deny { unless: None } => "denied".into(),
                    Delegated::Deny { unless: Some(licence) } => {
                        format!("denied unless the app holds {licence}")
                    }
                },
            ),
            ("instead", p.instead.to_string()),
        ],
    });
    scopes.chain(licences).chain(products).collect()
}

fn plans(platform: &Platform) -> impl Iterator<Item = Part> + '_ {
    platform.plans.iter().map(|p| Part {
        section: "plans",
        name: p.id.to_string(),
        fields: vec![("requests_per_minute", p.requests_per_minute.to_string())],
    })
}

fn partners(platform: &Platform) -> impl Iterator<Item = Part> + '_ {
    platform.partners.iter().map(|p| Part {
        section: "partners",
        name: p.id.to_string(),
        fields: vec![
            ("name", p.name.to_string()),
            ("scopes", p.scopes.to_string()),
            ("environments", words(&p.environments)),
            ("plan", p.plan.to_string()),
        ],
    })
}

fn channels(route: &Route) -> impl Iterator<Item = String> + '_ {
    route.stream.iter().flat_map(|s| &s.channels).map(|(name, product)| format!("{name}:{product}"))
}

fn routes(platform: &Platform) -> impl Iterator<Item = Part> + '_ {
    platform.routes.iter().map(|r| Part {
        section: "routes",
        name: format!("{} {} ({})", r.method, r.path, r.surface.as_str()),
        fields: vec![
            (
                "access",
                match r.access {
                    RouteAccess::Public => "anybody",
                    RouteAccess::Account => "accounts",
                    RouteAccess::Owner => "owners",
                    RouteAccess::Partner => "partners",
                }
                .into(),
            ),
            ("scope", or_nothing(r.scope.as_ref())),
            ("product", or_nothing(r.product.as_ref())),
            ("account_param", or_nothing(r.account_param.as_ref())),
            ("stream", or_nothing(r.stream.as_ref().map(|s| &s.protocol))),
            ("connections", or_nothing(r.stream.as_ref().and_then(|s| s.connections.as_ref()))),
            ("channels", words(channels(r))),
        ],
    })
}
