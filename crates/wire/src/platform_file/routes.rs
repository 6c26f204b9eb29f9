//! Routes: what they refer to, and that no two are one.

use super::document::Document;
use super::names::word;
use super::nearest::nearest;
use super::path::{METHODS, parameters};
use super::problem::Spot;
use super::read::Given;
use super::section::{Section, Text};
use mandate_core::platform::{
    Dialect, Plan, Platform, Route, RouteAccess, Snapshot, StreamRoute, Surface, Tokens, Upstreams,
};
use mandate_core::{ProductId, Scope};

/// Every kind of access with its word.
pub(super) const ACCESS: [(&str, RouteAccess); 4] = [
    ("public", RouteAccess::Public),
    ("account", RouteAccess::Account),
    ("owner", RouteAccess::Owner),
    ("partner", RouteAccess::Partner),
];

/// Surfaces that have routes: pages have none.
fn surfaces(given: &Given<'_>) -> Vec<(&'static str, Surface)> {
    given.surfaces().into_iter().filter(|(_, s)| s.data().upstream != Upstreams::Never).collect()
}

pub(super) fn read<'d>(doc: &'d Document, tables: &[Section<'d>], given: &Given<'d>) -> Vec<Route> {
    let mut routes = Vec::new();
    let mut sound: Vec<(Route, Spot)> = Vec::new();
    for table in tables {
        let (route, whole) = route(doc, table, given);
        if whole && let Some(path) = table.text("path") {
            twice(doc, &route, &path.spot, &sound);
            sound.push((route.clone(), path.spot));
        }
        routes.push(route);
    }
    conflicts(doc, &sound, given.stand_in());
    routes
}

/// A route, and whether its place among the others can be judged.
fn route<'d>(doc: &'d Document, table: &Section<'d>, given: &Given<'d>) -> (Route, bool) {
    let method = table.text("method").and_then(|m| word(doc, &m, "method", &METHODS));
    let usual = given.stand_in().data().usual;
    let surface =
        table.text("surface").map_or(Some(usual), |s| word(doc, &s, "surface of routes", &surfaces(given)));
    let access =
        table.text("access").map_or(Some(RouteAccess::Account), |a| word(doc, &a, "kind of access", &ACCESS));
    let path = table.text("path");
    let names = path.as_ref().and_then(|path| {
        parameters(path.text).map_err(|(message, hint)| doc.report(&path.spot, message, hint)).ok()
    });
    let account_param = table.text("account_param");
    if let (Some(param), Some(names), Some(path)) = (&account_param, &names, &path)
        && !names.contains(&param.text)
    {
        let near = nearest(param.text, names.iter().copied()).or(names.first().copied());
        let message = format!("`{}` is no parameter of `{}`", param.text, path.text);
        doc.report(&param.spot, message, near.map(str::to_owned));
    }
    if access == Some(RouteAccess::Public) {
        for key in ["scope", "product", "account_param"] {
            if let Some(text) = table.text(key) {
                doc.report(
                    &text.spot,
                    "nothing is identified on a public route, so this cannot be asked for",
                    None,
                );
            }
        }
    }
    let scope = table.text("scope").and_then(|s| given.scopes.resolve(&s)).and_then(|s| Scope::new(s).ok());
    let product = table.text("product").and_then(|p| given.products.resolve(&p)).map(ProductId::from);
    let stream = stream(doc, table, given, access == Some(RouteAccess::Public), method);
    let whole = method.is_some() && surface.is_some() && names.is_some();
    let route = Route {
        method: method.unwrap_or_default().into(),
        path: path.map_or("", |p| p.text).into(),
        surface: surface.unwrap_or(usual),
        access: access.unwrap_or(RouteAccess::Account),
        scope,
        product,
        account_param: account_param.map(|p: Text<'_>| p.text.into()),
        stream,
    };
    (route, whole)
}

/// What makes a route a websocket.
fn stream<'d>(
    doc: &Document,
    table: &Section<'d>,
    given: &Given<'d>,
    public: bool,
    method: Option<&str>,
) -> Option<StreamRoute> {
    let Some(protocol) = table.text("stream") else {
        let of_streams = ["connections", "channels"].into_iter().find(|key| table.has(key));
        if let Some(key) = of_streams.filter(|_| !table.has("stream")) {
            let message = format!("`stream` is missing: only a stream has `{key}`");
            doc.report(&table.spot, message, Some("stream".into()));
        }
        return None;
    };
    if public {
        doc.report(&protocol.spot, "a stream is never public: its login says who reads it", None);
    }
    if method.is_some_and(|method| method != "GET") {
        doc.report(&table.key_spot("method"), "a stream is opened by GET", Some("GET".into()));
    }
    let known: Vec<(&'static str, &'static str)> = given.protocols();
    if known.is_empty() {
        doc.report(&protocol.spot, "this dialect has no streams", None);
    }
    let word = (!known.is_empty()).then(|| word(doc, &protocol, "stream protocol", &known)).flatten();
    Some(StreamRoute {
        protocol: word.unwrap_or_default().into(),
        connections: table.number("connections").and_then(|n| u32::try_from(n).ok()),
        channels: table
            .pairs("channels")
            .iter()
            .filter_map(|(name, product)| {
                Some((name.text.into(), ProductId::from(given.products.resolve(product)?)))
            })
            .collect(),
    })
}

fn twice(doc: &Document, route: &Route, spot: &Spot, earlier: &[(Route, Spot)]) {
    let same = |r: &Route| r.surface == route.surface && r.method == route.method && r.path == route.path;
    if let Some((_, first)) = earlier.iter().find(|(r, _)| same(r)) {
        doc.report_twice(spot, &format!("`{} {}` stands twice, first", route.method, route.path), first);
    }
}

/// Finds paths that cannot stand beside an earlier one, by compiling route after route as the server does.
fn conflicts(doc: &Document, routes: &[(Route, Spot)], dialect: Dialect) {
    let mut standing: Vec<Route> = Vec::new();
    for (route, _) in routes {
        let bare = Route { scope: None, product: None, account_param: None, stream: None, ..route.clone() };
        if !standing.iter().any(|r| r.surface == bare.surface && r.path == bare.path) {
            standing.push(bare);
        }
    }
    if Snapshot::compile(alone(dialect, standing.clone()), 0).is_ok() {
        return;
    }
    let mut kept: Vec<Route> = Vec::new();
    for route in standing {
        let mut with = kept.clone();
        with.push(route.clone());
        let Err(invalid) = Snapshot::compile(alone(dialect, with.clone()), 0) else {
            kept = with;
            continue;
        };
        let spot = routes
            .iter()
            .find(|(r, _)| r.surface == route.surface && r.path == route.path)
            .map(|(_, spot)| spot);
        let other = kept.iter().find(|r| r.surface == route.surface && shape(&r.path) == shape(&route.path));
        if let Some(spot) = spot {
            let message = match other {
                Some(other) => format!("`{}` and `{}` match the same paths", route.path, other.path),
                None => invalid.problem,
            };
            doc.report(spot, message, other.map(|o| o.path.to_string()));
        }
    }
}

/// A path with the names of its parameters taken out.
fn shape(path: &str) -> String {
    let mut inside = false;
    path.chars()
        .filter(|c| {
            let kept = !inside || matches!(c, '}' | '*');
            inside = (inside || *c == '{') && *c != '}';
            kept
        })
        .collect()
}

/// A platform of nothing but routes.
fn alone(dialect: Dialect, routes: Vec<Route>) -> Platform {
    Platform {
        id: "routes".into(),
        name: "".into(),
        dialect,
        issuer: "".into(),
        contact: "".into(),
        legacy: mandate_core::platform::Legacy::default(),
        tokens: Tokens {
            code_lifetime_s: 600,
            access_lifetime_s: None,
            client_access_lifetime_s: None,
            requests_per_minute: None,
            session_lifetime_s: 60,
            id_token_lifetime_s: 600,
            refresh_idle_s: None,
            refresh_lifetime_s: None,
        },
        environments: Vec::new(),
        hosts: Vec::new(),
        upstreams: Vec::new(),
        scopes: Vec::new(),
        licences: Vec::new(),
        products: Vec::new(),
        plans: vec![Plan { id: "any".into(), requests_per_minute: 1 }],
        default_plan: "any".into(),
        routes,
        partners: Vec::new(),
    }
}
