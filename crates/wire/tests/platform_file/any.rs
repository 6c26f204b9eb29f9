//! Any platform that could stand in a file.

use mandate_core::platform::{
    Delegated, Environment, Host, Legacy, Licence, Partner, Plan, Platform, Product, Route, RouteAccess,
    ScopeDefinition, StreamRoute, Tokens, Upstream,
};
use mandate_core::{EnvironmentId, LicenceId, PlanId, ProductId, Scope, ScopeSet};
use proptest::prelude::*;
use proptest::sample::{Index, subsequence};

/// What people may write: any script, quotes, backslashes, what looks like TOML.
fn title() -> impl Strategy<Value = Box<str>> {
    "[\\PC\"'\\\\#=\\[\\]]{1,24}".prop_map(Into::into)
}
fn name() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9][a-z0-9._-]{0,8}"
}
fn names(most: usize) -> impl Strategy<Value = Vec<String>> {
    proptest::collection::btree_set(name(), 1..=most)
        .prop_map(|set| set.into_iter().collect::<Vec<_>>())
        .prop_shuffle()
}
fn scope_words() -> impl Strategy<Value = Vec<String>> {
    proptest::collection::btree_set("[!#-\\[\\]-~]{1,12}", 1..6).prop_map(|set| set.into_iter().collect())
}

#[derive(Debug, Clone)]
struct Names {
    environments: Vec<String>,
    upstreams: Vec<String>,
    scopes: Vec<String>,
    licences: Vec<String>,
    products: Vec<String>,
    plans: Vec<String>,
}

fn all_names() -> impl Strategy<Value = Names> {
    (names(3), names(2), scope_words(), names(2), names(3), names(3)).prop_map(
        |(environments, upstreams, scopes, licences, products, plans)| Names {
            environments,
            upstreams,
            scopes,
            licences,
            products,
            plans,
        },
    )
}

fn scope(word: &str) -> Scope {
    Scope::new(word).expect("the strategy makes scope words")
}
fn some_environments(names: &Names) -> impl Strategy<Value = Vec<EnvironmentId>> + use<> {
    let ids: Vec<EnvironmentId> = names.environments.iter().map(|e| e.as_str().into()).collect();
    let most = ids.len();
    subsequence(ids, 1..=most)
}
fn some_scopes(names: &Names, least: usize) -> impl Strategy<Value = ScopeSet> + use<> {
    let scopes: Vec<Scope> = names.scopes.iter().map(|s| scope(s)).collect();
    let most = scopes.len();
    subsequence(scopes, least..=most).prop_map(|scopes| scopes.into_iter().collect())
}

fn hosts(names: &Names) -> impl Strategy<Value = Vec<Host>> + use<> {
    let upstreams = names.upstreams.clone();
    let others = proptest::collection::vec(
        (name(), any::<bool>(), any::<Index>(), some_environments(names), 0..3_usize),
        0..4,
    );
    (others, some_environments(names)).prop_map(move |(others, environments)| {
        let host = |i: usize, name: String, surface, environments, upstream, aliases| Host {
            name: format!("{name}{i}").into(),
            listen: format!("127.0.0.1:{}", 7000 + i).into(),
            url: format!("https://h{i}.example").into(),
            aliases: (0..aliases).map(|a| format!("localhost:{}", 8000 + 10 * i + a).into()).collect(),
            environments,
            surface,
            upstream,
        };
        let mut hosts =
            vec![host(0, "issuer".into(), mandate_wire::dialect::alpaca::CONNECT, environments, None, 1)];
        for (i, (name, rest, upstream, environments, aliases)) in others.into_iter().enumerate() {
            let surface = if rest {
                mandate_wire::dialect::alpaca::REST
            } else {
                mandate_wire::dialect::alpaca::BROKER
            };
            let upstream = rest.then(|| upstream.get(&upstreams).as_str().into());
            hosts.push(host(i + 1, name, surface, environments, upstream, aliases));
        }
        hosts
    })
}

fn routes(names: &Names) -> impl Strategy<Value = Vec<Route>> + use<> {
    let names = names.clone();
    let route = (
        0..3_usize,
        0..4_usize,
        any::<bool>(),
        any::<Option<Index>>(),
        any::<Option<Index>>(),
        any::<bool>(),
    );
    proptest::collection::vec(route, 0..6).prop_map(move |routes| {
        let routes = routes.into_iter().enumerate();
        routes
            .map(|(i, (method, access, rest, scope_index, product, param))| {
                let access =
                    [RouteAccess::Public, RouteAccess::Account, RouteAccess::Owner, RouteAccess::Partner]
                        [access];
                let public = access == RouteAccess::Public;
                let stream = (method == 0 && access == RouteAccess::Account && rest).then(|| StreamRoute {
                    protocol: ["trade", "data"][i % 2].into(),
                    connections: (i % 3 > 0).then_some(3),
                    channels: product
                        .iter()
                        .map(|p| ("news".into(), ProductId::from(p.get(&names.products).as_str())))
                        .collect(),
                });
                Route {
                    stream,
                    method: ["GET", "POST", "DELETE"][method].into(),
                    path: format!("/v2/r{i}/{{account_id}}").into(),
                    surface: if rest {
                        mandate_wire::dialect::alpaca::REST
                    } else {
                        mandate_wire::dialect::alpaca::BROKER
                    },
                    access,
                    scope: scope_index.filter(|_| !public).map(|s| scope(s.get::<String>(&names.scopes))),
                    product: product
                        .filter(|_| !public)
                        .map(|p| ProductId::from(p.get(&names.products).as_str())),
                    account_param: (param && !public).then(|| "account_id".into()),
                }
            })
            .collect()
    })
}

fn products(names: &Names) -> impl Strategy<Value = Vec<Product>> + use<> {
    let names = names.clone();
    let one = (title(), 0..3_usize, any::<Index>(), proptest::option::of(title()));
    proptest::collection::vec(one, names.products.len()).prop_map(move |all| {
        let pairs = names.products.iter().zip(all);
        pairs
            .map(|(id, (title, rule, licence, instead))| Product {
                id: id.as_str().into(),
                title,
                delegated: match rule {
                    0 => Delegated::Allow,
                    1 => Delegated::Deny { unless: None },
                    _ => Delegated::Deny {
                        unless: Some(LicenceId::from(licence.get(&names.licences).as_str())),
                    },
                },
                instead: instead.unwrap_or_default(),
            })
            .collect()
    })
}

fn partners(names: &Names) -> impl Strategy<Value = Vec<Partner>> + use<> {
    let plans = names.plans.clone();
    let one = (name(), title(), some_scopes(names, 1), some_environments(names), any::<Index>());
    let one = one.prop_map(move |(id, name, scopes, environments, plan)| {
        let plan = PlanId::from(plan.get(&plans).as_str());
        Partner { id: id.into(), name, scopes, environments, plan }
    });
    proptest::collection::vec(one, 0..3).prop_map(|mut partners| {
        for (i, partner) in partners.iter_mut().enumerate() {
            partner.id = format!("{}{i}", partner.id).into();
        }
        partners
    })
}

fn scopes(names: &Names) -> impl Strategy<Value = Vec<ScopeDefinition>> + use<> {
    let words = names.scopes.clone();
    let titles = proptest::collection::vec(title(), words.len());
    (titles, some_scopes(names, 0)).prop_map(move |(titles, leaves)| {
        let umbrella = scope(&words[0]);
        let leaves = leaves.without(&[umbrella.clone()].into_iter().collect());
        let definition = |(word, title): (&String, Box<str>)| {
            let scope = scope(word);
            let expands_to = if scope == umbrella { leaves.clone() } else { ScopeSet::default() };
            ScopeDefinition { scope, title, expands_to }
        };
        words.iter().zip(titles).map(definition).collect()
    })
}

/// Any platform.
pub(crate) fn any_platform() -> impl Strategy<Value = Platform> {
    all_names().prop_flat_map(|names| {
        let words = (name(), title(), title(), any::<Index>());
        let tokens = (1..=600_u32, proptest::option::of(1..31_536_000_u32), 60..2_592_000_u32);
        let flags = proptest::collection::vec((any::<bool>(), any::<bool>()), names.environments.len());
        let flags = (flags, any::<[bool; 4]>());
        let rates = proptest::collection::vec(1..10_000_000_u32, names.plans.len());
        let tables = (hosts(&names), routes(&names), products(&names), partners(&names), scopes(&names));
        (Just(names), words, tokens, flags, rates, tables).prop_map(
            |(names, words, tokens, flags, rates, tables)| Platform {
                id: words.0.into(),
                name: words.1,
                dialect: mandate_wire::dialect::alpaca::DIALECT,
                issuer: "https://h0.example".into(),
                contact: words.2,
                default_plan: PlanId::from(words.3.get(&names.plans).as_str()),
                tokens: Tokens {
                    code_lifetime_s: tokens.0,
                    access_lifetime_s: tokens.1,
                    client_access_lifetime_s: tokens.1,
                    requests_per_minute: tokens.1.map(|_| 1 + tokens.0),
                    session_lifetime_s: tokens.2,
                    id_token_lifetime_s: 10 + tokens.0,
                    refresh_idle_s: tokens.1,
                    refresh_lifetime_s: tokens.1.map(|s| s + 1),
                },
                legacy: Legacy {
                    password_grant: flags.1[0],
                    implicit: flags.1[1],
                    secrets_in_body: flags.1[2],
                    non_expiring_tokens: flags.1[3],
                },
                environments: (names.environments.iter().zip(flags.0).enumerate())
                    .map(|(i, (id, (resettable, needs_approval)))| Environment {
                        id: id.as_str().into(),
                        key_prefix: format!("P{i}").into(),
                        resettable,
                        needs_approval,
                    })
                    .collect(),
                upstreams: names
                    .upstreams
                    .iter()
                    .map(|n| Upstream { name: n.as_str().into(), url: "builtin:sample".into() })
                    .collect(),
                licences: names
                    .licences
                    .iter()
                    .map(|n| Licence { id: n.as_str().into(), title: n.as_str().into() })
                    .collect(),
                plans: (names.plans.iter().zip(rates))
                    .map(|(id, requests_per_minute)| Plan { id: id.as_str().into(), requests_per_minute })
                    .collect(),
                hosts: tables.0,
                routes: tables.1,
                products: tables.2,
                partners: tables.3,
                scopes: tables.4,
            },
        )
    })
}
