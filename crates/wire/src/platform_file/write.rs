//! A platform to its file: `read(write(p)) == p`.

use super::routes::ACCESS;
use super::value::toml;
use mandate_core::platform::{Delegated, Legacy, Platform, Route, RouteAccess, Surface};
use mandate_core::{EnvironmentId, LicenceId, ProductId, Scope};
use std::fmt::{Display, Write as _};

/// The file of a platform.
pub fn write(platform: &Platform) -> String {
    let mut out = Out(String::new());
    out.header("[platform]");
    out.text("id", platform.id.as_str());
    out.text("name", &platform.name);
    out.text("dialect", platform.dialect.as_str());
    out.text("issuer", &platform.issuer);
    out.text("contact", &platform.contact);
    out.text("default_plan", platform.default_plan.as_str());
    out.header("[tokens]");
    out.line("code_lifetime_s", platform.tokens.code_lifetime_s);
    for (key, value) in [
        ("access_lifetime_s", platform.tokens.access_lifetime_s),
        ("client_access_lifetime_s", platform.tokens.client_access_lifetime_s),
        ("requests_per_minute", platform.tokens.requests_per_minute),
    ] {
        if let Some(value) = value {
            out.line(key, value);
        }
    }
    out.line("session_lifetime_s", platform.tokens.session_lifetime_s);
    out.line("id_token_lifetime_s", platform.tokens.id_token_lifetime_s);
    for (key, lifetime) in [
        ("refresh_idle_s", platform.tokens.refresh_idle_s),
        ("refresh_lifetime_s", platform.tokens.refresh_lifetime_s),
    ] {
        if let Some(lifetime) = lifetime {
            out.line(key, lifetime);
        }
    }
    if platform.legacy != Legacy::default() {
        out.header("[legacy]");
        for (key, on) in platform.legacy.switches() {
            out.flag(key, on);
        }
    }
    for environment in &platform.environments {
        out.named("environments", environment.id.as_str());
        out.text("key_prefix", &environment.key_prefix);
        out.flag("resettable", environment.resettable);
        out.flag("needs_approval", environment.needs_approval);
    }
    for host in &platform.hosts {
        out.named("hosts", &host.name);
        out.text("surface", host.surface.as_str());
        out.text("listen", &host.listen);
        out.text("url", &host.url);
        out.texts("aliases", host.aliases.iter().map(|a| &**a));
        out.texts("environments", host.environments.iter().map(EnvironmentId::as_str));
        out.some("upstream", host.upstream.as_deref());
    }
    for upstream in &platform.upstreams {
        out.named("upstreams", &upstream.name);
        out.text("url", &upstream.url);
    }
    for scope in &platform.scopes {
        out.named("scopes", scope.scope.as_str());
        out.text("title", &scope.title);
        out.texts("expands_to", scope.expands_to.iter().map(Scope::as_str));
    }
    for licence in &platform.licences {
        out.named("licences", licence.id.as_str());
        out.text("title", &licence.title);
    }
    for product in &platform.products {
        out.named("products", product.id.as_str());
        out.text("title", &product.title);
        match &product.delegated {
            Delegated::Allow => out.text("delegated", "allow"),
            Delegated::Deny { unless } => {
                out.text("delegated", "deny");
                out.some("unless_licence", unless.as_ref().map(LicenceId::as_str));
            }
        }
        out.some("instead", Some(&*product.instead).filter(|i| !i.is_empty()));
    }
    for plan in &platform.plans {
        out.named("plans", plan.id.as_str());
        out.line("requests_per_minute", plan.requests_per_minute);
    }
    for partner in &platform.partners {
        out.named("partners", partner.id.as_str());
        out.text("name", &partner.name);
        out.texts("scopes", partner.scopes.iter().map(Scope::as_str));
        out.texts("environments", partner.environments.iter().map(EnvironmentId::as_str));
        out.text("plan", partner.plan.as_str());
    }
    platform.routes.iter().for_each(|route| out.route(route, platform.dialect.data().usual));
    out.0
}

struct Out(String);

impl Out {
    fn header(&mut self, header: &str) {
        if !self.0.is_empty() {
            self.0.push('\n');
        }
        self.0.push_str(header);
        self.0.push('\n');
    }
    fn named(&mut self, table: &str, name: &str) {
        let key = toml_edit::Key::new(name);
        self.header(&format!("[{table}.{}]", key.display_repr()));
    }
    fn line(&mut self, key: &str, value: impl Display) {
        // writing to a string cannot fail
        let _ = writeln!(self.0, "{key} = {value}");
    }
    fn text(&mut self, key: &str, text: &str) {
        self.line(key, toml(text));
    }
    fn some(&mut self, key: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.text(key, text);
        }
    }
    fn flag(&mut self, key: &str, flag: bool) {
        if flag {
            self.line(key, flag);
        }
    }
    fn texts<'t>(&mut self, key: &str, texts: impl Iterator<Item = &'t str>) {
        let texts: Vec<String> = texts.map(toml).collect();
        if !texts.is_empty() {
            self.line(key, format!("[{}]", texts.join(", ")));
        }
    }
    fn route(&mut self, route: &Route, usual: Surface) {
        self.header("[[routes]]");
        self.text("method", &route.method);
        self.text("path", &route.path);
        if route.surface != usual {
            self.text("surface", route.surface.as_str());
        }
        if route.access != RouteAccess::Account {
            let access = ACCESS.iter().find(|(_, a)| *a == route.access).map(|(word, _)| *word);
            self.some("access", access);
        }
        self.some("scope", route.scope.as_ref().map(Scope::as_str));
        self.some("product", route.product.as_ref().map(ProductId::as_str));
        self.some("account_param", route.account_param.as_deref());
        if let Some(stream) = &route.stream {
            self.text("stream", &stream.protocol);
            if let Some(connections) = stream.connections {
                self.line("connections", connections);
            }
            let pairs = stream.channels.iter().map(|(name, product)| {
                format!("{} = {}", toml_edit::Key::new(&**name).display_repr(), toml(product.as_str()))
            });
            let pairs: Vec<String> = pairs.collect();
            if !pairs.is_empty() {
                self.line("channels", format!("{{ {} }}", pairs.join(", ")));
            }
        }
    }
}
