//! A file's tables to a platform. Where something is wrong, the problem is noted and a stand-in is read on with; a
//! platform with stand-ins is thrown away.

use super::address;
use super::document::Document;
use super::names::{Names, check_name, word};
use super::section::{Section, Text};
use super::{hosts, keys, routes};
use crate::dialect::Dialects;
use mandate_core::platform::{
    Delegated, Dialect, Environment, Legacy, Licence, Partner, Plan, Platform, Product, ScopeDefinition,
    Surface, Tokens, Upstream,
};
use mandate_core::{LicenceId, PlanId, Scope, ScopeSet};

/// Tables with names.
pub(super) type Named<'d> = Vec<(Text<'d>, Section<'d>)>;

/// Everything that can be referred to.
pub(super) struct Given<'d> {
    pub(super) environments: Names<'d>,
    pub(super) upstreams: Names<'d>,
    pub(super) scopes: Names<'d>,
    pub(super) licences: Names<'d>,
    pub(super) products: Names<'d>,
    pub(super) plans: Names<'d>,
    /// `None` where it cannot be read: then nothing else is held against it.
    pub(super) dialect: Option<Dialect>,
    pub(super) dialects: Dialects,
}

impl Given<'_> {
    /// The file's dialect, or any other.
    pub(super) fn stand_in(&self) -> Dialect {
        let any = || self.dialects.handles().next().unwrap_or(crate::dialect::rfc::DIALECT);
        self.dialect.unwrap_or_else(any)
    }
    /// Stream protocols that the file may name.
    pub(super) fn protocols(&self) -> Vec<(&'static str, &'static str)> {
        let all = self.dialects.iter().filter(|d| self.dialect.is_none_or(|named| named == d.dialect()));
        all.flat_map(|d| d.streams().iter().map(|p| (p.word(), p.word()))).collect()
    }
    /// Surfaces that the file may name, with their words.
    pub(super) fn surfaces(&self) -> Vec<(&'static str, Surface)> {
        let all = self.dialects.handles();
        all.filter(|d| self.dialect.is_none_or(|named| named == *d))
            .flat_map(|d| d.data().surfaces.iter().map(|s| (s.as_str(), *s)))
            .collect()
    }
}

fn names<'d>(doc: &'d Document, what: &'static str, tables: &Named<'d>) -> Names<'d> {
    if what != "scope" {
        for (name, _) in tables {
            check_name(doc, name);
        }
    }
    Names::new(doc, what, tables.iter().map(|(name, _)| name.clone()).collect())
}

pub(super) fn platform(doc: &Document, dialects: Dialects) -> Platform {
    let root = Section::root(doc, keys::ROOT);
    let head = root.section("platform", keys::PLATFORM);
    let environments = root.sections("environments", keys::ENVIRONMENT);
    let host_tables = root.sections("hosts", keys::HOST);
    let upstreams = root.sections("upstreams", keys::UPSTREAM);
    let scopes = root.sections("scopes", keys::SCOPE);
    let licences = root.sections("licences", keys::LICENCE);
    let products = root.sections("products", keys::PRODUCT);
    let plans = root.sections("plans", keys::PLAN);
    let partners = root.sections("partners", keys::PARTNER);
    let given = Given {
        environments: names(doc, "environment", &environments),
        upstreams: names(doc, "upstream", &upstreams),
        scopes: names(doc, "scope", &scopes),
        licences: names(doc, "licence", &licences),
        products: names(doc, "product", &products),
        plans: names(doc, "plan", &plans),
        dialect: head
            .as_ref()
            .and_then(|h| h.text("dialect"))
            .and_then(|d| word(doc, &d, "dialect", &dialects.words())),
        dialects,
    };
    let hosts = hosts::read(doc, &host_tables, &given);
    let words = |key: &str| head.as_ref().map_or("", |h| h.words(key)).into();
    let default_plan = head.as_ref().map_or("", |head| {
        if let Some(id) = head.text("id") {
            check_name(doc, &id);
        }
        if let Some(issuer) = head.text("issuer") {
            hosts::check_issuer(doc, &issuer, &host_tables, &hosts, given.stand_in());
        }
        head.text("default_plan").and_then(|plan| given.plans.resolve(&plan)).unwrap_or_default()
    });
    Platform {
        id: head.as_ref().map_or("", |h| h.words("id")).into(),
        name: words("name"),
        dialect: given.stand_in(),
        issuer: words("issuer"),
        contact: words("contact"),
        tokens: tokens(root.section("tokens", keys::TOKENS).as_ref()),
        legacy: legacy(root.section("legacy", keys::LEGACY).as_ref()),
        environments: read_environments(doc, &environments),
        hosts,
        upstreams: upstreams.iter().map(|(name, table)| upstream(doc, name, table)).collect(),
        scopes: read_scopes(doc, &scopes, &given),
        licences: licences
            .iter()
            .map(|(name, table)| Licence { id: name.text.into(), title: table.words("title").into() })
            .collect(),
        products: products.iter().map(|(name, table)| product(doc, name, table, &given)).collect(),
        plans: plans
            .iter()
            .map(|(name, table)| Plan {
                id: name.text.into(),
                requests_per_minute: small(table, "requests_per_minute", 1),
            })
            .collect(),
        default_plan: default_plan.into(),
        routes: routes::read(doc, &root.entries("routes", keys::ROUTE), &given),
        partners: partners.iter().map(|(name, table)| partner(doc, name, table, &given)).collect(),
    }
}

fn small(table: &Section<'_>, key: &str, otherwise: u32) -> u32 {
    table.number(key).and_then(|n| u32::try_from(n).ok()).unwrap_or(otherwise)
}

fn tokens(table: Option<&Section<'_>>) -> Tokens {
    let number = |key, otherwise| table.map_or(otherwise, |t| small(t, key, otherwise));
    let some = |key| table.and_then(|t| t.number(key)).and_then(|n| u32::try_from(n).ok());
    Tokens {
        code_lifetime_s: number("code_lifetime_s", 600),
        access_lifetime_s: some("access_lifetime_s"),
        client_access_lifetime_s: some("client_access_lifetime_s"),
        requests_per_minute: some("requests_per_minute"),
        session_lifetime_s: number("session_lifetime_s", 43_200),
        id_token_lifetime_s: number("id_token_lifetime_s", 600),
        refresh_idle_s: some("refresh_idle_s"),
        refresh_lifetime_s: some("refresh_lifetime_s"),
    }
}

fn legacy(table: Option<&Section<'_>>) -> Legacy {
    let flag = |key| table.and_then(|t| t.flag(key)).unwrap_or(false);
    Legacy {
        password_grant: flag("password_grant"),
        implicit: flag("implicit"),
        secrets_in_body: flag("secrets_in_body"),
        non_expiring_tokens: flag("non_expiring_tokens"),
    }
}

fn read_environments(doc: &Document, tables: &Named<'_>) -> Vec<Environment> {
    let mut prefixes: Vec<Text<'_>> = Vec::new();
    let mut environments = Vec::new();
    for (name, table) in tables {
        let prefix = table.text("key_prefix");
        environments.push(Environment {
            id: name.text.into(),
            key_prefix: prefix.as_ref().map_or("", |p| p.text).into(),
            resettable: table.flag("resettable").unwrap_or(false),
            needs_approval: table.flag("needs_approval").unwrap_or(false),
        });
        let Some(prefix) = prefix else { continue };
        if prefix.text.len() > 8 || !prefix.text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
        {
            let near: String = prefix
                .text
                .to_ascii_uppercase()
                .chars()
                .filter(char::is_ascii_alphanumeric)
                .take(8)
                .collect();
            doc.report(
                &prefix.spot,
                "a prefix is 1 to 8 capital letters and digits",
                Some(near).filter(|n| !n.is_empty()),
            );
        }
        if let Some(first) = prefixes.iter().find(|p| p.text == prefix.text) {
            doc.report_twice(&prefix.spot, "another environment has this prefix", &first.spot);
        }
        prefixes.push(prefix);
    }
    environments
}

fn upstream(doc: &Document, name: &Text<'_>, table: &Section<'_>) -> Upstream {
    if let Some(url) = table.text("url")
        && let Err((message, hint)) = address::upstream(url.text)
    {
        doc.report(&url.spot, message, hint);
    }
    Upstream { name: name.text.into(), url: table.words("url").into() }
}

fn read_scopes<'d>(doc: &'d Document, tables: &Named<'d>, given: &Given<'d>) -> Vec<ScopeDefinition> {
    let umbrella =
        |word: &str| tables.iter().any(|(name, table)| name.text == word && table.has("expands_to"));
    let mut scopes = Vec::new();
    for (name, table) in tables {
        let mut leaves = Vec::new();
        for leaf in table.texts("expands_to") {
            let Some(word) = given.scopes.resolve(&leaf) else { continue };
            if umbrella(word) {
                doc.report(&leaf.spot, format!("`{word}` is an umbrella itself; name its leaves"), None);
            }
            leaves.push(word);
        }
        match Scope::new(name.text) {
            Ok(scope) => {
                scopes.push(ScopeDefinition {
                    scope,
                    title: table.words("title").into(),
                    expands_to: set(leaves),
                });
            }
            Err(problem) => {
                let near: String = name.text.chars().map(|c| if c == ' ' { ':' } else { c }).collect();
                doc.report(&name.spot, problem.to_string(), Scope::new(&near).is_ok().then_some(near));
            }
        }
    }
    scopes
}

fn set<'d>(words: impl IntoIterator<Item = &'d str>) -> ScopeSet {
    words.into_iter().filter_map(|w| Scope::new(w).ok()).collect()
}

fn product<'d>(doc: &Document, name: &Text<'d>, table: &Section<'d>, given: &Given<'d>) -> Product {
    let unless = table.text("unless_licence");
    let licence = unless.as_ref().and_then(|l| given.licences.resolve(l)).map(LicenceId::from);
    let denies =
        table.text("delegated").and_then(|t| word(doc, &t, "rule", &[("allow", false), ("deny", true)]));
    if denies == Some(false)
        && let Some(unless) = &unless
    {
        doc.report(&unless.spot, "a licence opens what is denied; here delegated tokens are allowed", None);
    }
    Product {
        id: name.text.into(),
        title: table.words("title").into(),
        delegated: if denies == Some(true) { Delegated::Deny { unless: licence } } else { Delegated::Allow },
        instead: table.words("instead").into(),
    }
}

fn partner<'d>(doc: &Document, name: &Text<'d>, table: &Section<'d>, given: &Given<'d>) -> Partner {
    check_name(doc, name);
    Partner {
        id: name.text.into(),
        name: table.words("name").into(),
        scopes: set(given.scopes.resolve_all(&table.texts("scopes"))),
        environments: given
            .environments
            .resolve_all(&table.texts("environments"))
            .into_iter()
            .map(Into::into)
            .collect(),
        plan: PlanId::from(table.text("plan").and_then(|p| given.plans.resolve(&p)).unwrap_or_default()),
    }
}
