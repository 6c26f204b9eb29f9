//! OAuth clients: apps (RFC 6749 section 2).

use super::accounts::licences;
use super::answer::Answer;
use super::call::On;
use super::mint::{self, NewClient};
use super::problem::Problem;
use super::users::{self, plain};
use super::view;
use crate::rfc::assertion_algs;
use mandate_core::model::{Client, ClientOwner, Credential, Status};
use mandate_core::settings::{AuthMethod, GrantType};
use mandate_core::{ClientSettings, PartnerId, Scope, ScopeSet, must};
use mandate_store::{Changed, ClientChange};
use mandate_wire::certificate::published;
use mandate_wire::jose::Jwks;
use std::sync::Arc;

/// What can be switched at a client.
#[derive(Clone, Copy, Debug)]
pub(super) enum Switch {
    Off,
    On,
    LiveApproved,
    LiveWithdrawn,
}

pub(super) async fn list(on: &On<'_>) -> Result<Answer, Problem> {
    let clients = on.store().clients(on.id()).await?;
    Ok(Answer::items(clients.iter().map(|c| view::client(c, on.now())).collect()))
}

pub(super) async fn show(on: &On<'_>) -> Result<Answer, Problem> {
    Ok(Answer::ok(&view::client(&*named(on).await?, on.now())))
}

/// The client in the path.
async fn named(on: &On<'_>) -> Result<Arc<Client>, Problem> {
    let id = on.call.param("client")?;
    match on.store().credential(on.id(), id).await?.value {
        Some(Credential::Client(client)) => Ok(client),
        Some(Credential::Key(_)) => {
            Err(on.none("client", id).hint("this is the id of an API key: `mandate key list` shows keys"))
        }
        None => Err(on.none("client", id).hint("`mandate client list` shows which there are")),
    }
}

pub(super) async fn create(on: &On<'_>) -> Result<Answer, Problem> {
    let body = on.body();
    let text = |field: &str, longest: usize| match body.text(field) {
        None | Some("") => Ok(Box::from("")),
        Some(text) => plain(text, field, longest).map(Box::from),
    };
    let settings = settings(on)?.unwrap_or_default();
    let new = NewClient {
        name: plain(body.required("name")?, "name", 128)?.into(),
        description: text("description", 500)?,
        url: text("url", 500)?,
        terms_of_use: text("terms_of_use", 500)?,
        privacy_policy: text("privacy_policy", 500)?,
        owner: owner(on).await?,
        redirect_uris: redirects_of(on, &settings)?,
        settings,
        scopes: scopes(on)?.unwrap_or_default(),
        licences: licences(on)?.unwrap_or_default(),
        visible_to: visible_to(on)?.unwrap_or_default(),
        live_trading_approved: body.flag("live_trading_approved").unwrap_or(false),
    };
    let (client, secret) = mint::client(on.minting(), new);
    let audit = on.audit("client.create", format!("client:{}", client.id), format!("name {}", client.name));
    match on.store().create_client(&client, &audit).await? {
        Changed::Done => {
            let shown = view::client(&client, on.now());
            Ok(Answer::created(&match secret {
                Some(secret) => view::with(shown, "client_secret", secret.expose()),
                None => shown,
            }))
        }
        Changed::Conflict | Changed::NotFound | Changed::TooMany => {
            Err(Problem::ours("a fresh client id is taken"))
        }
    }
}

async fn owner(on: &On<'_>) -> Result<ClientOwner, Problem> {
    match (on.body().text("owner"), on.body().text("owner_partner")) {
        (None, None) => Ok(ClientOwner::Operator),
        (Some(user), None) => Ok(ClientOwner::User(users::demand(on, "owner", user).await?.id)),
        (None, Some(partner)) => {
            on.defined(
                "owner_partner",
                "partner",
                partner,
                on.platform().partners.iter().map(|p| p.id.as_str()),
            )?;
            Ok(ClientOwner::Partner(PartnerId::new(partner)))
        }
        (Some(_), Some(_)) => {
            Err(Problem::invalid("owner", "a client has one owner: say `owner` or `owner_partner`"))
        }
    }
}

/// Settings, if there are any: known ones that do not contradict each other.
fn settings(on: &On<'_>) -> Result<Option<ClientSettings>, Problem> {
    let Some(said) = on.body().object("settings") else { return Ok(None) };
    let settings: ClientSettings =
        serde_json::from_value(said.clone()).map_err(|e| Problem::invalid("settings", e.to_string()))?;
    if let Some(what) = settings.defect() {
        return Err(Problem::invalid("settings", what));
    }
    if let Some(jwks) = &settings.jwks {
        if settings.auth_method == AuthMethod::SelfSignedTlsClientAuth {
            // Its keys are those of certificates, and need not sign anything else.
            Jwks::parse(jwks)
                .map_err(|e| Problem::invalid("settings", format!("`jwks` is no key set: {e}")))?;
            if settings.tls_client_certificate_thumbprints.is_empty() && published(jwks).is_empty() {
                return Err(Problem::invalid("settings", "no key of `jwks` holds a certificate as `x5c`"));
            }
        } else {
            Jwks::register(jwks, assertion_algs(&settings))
                .map_err(|e| Problem::invalid("settings", format!("`jwks` cannot be registered: {e}")))?;
        }
    }
    if let Some(uri) = &settings.jwks_uri {
        let policy = on.call.issuer().client_keys.policy();
        policy
            .target(uri)
            .map_err(|e| Problem::invalid("settings", format!("`jwks_uri` cannot be fetched: {e}")))?;
    }
    Ok(Some(settings))
}

/// Only codes are sent to redirect URIs.
fn redirects_of(on: &On<'_>, settings: &ClientSettings) -> Result<Vec<Box<str>>, Problem> {
    match redirect_uris(on)? {
        Some(uris) => Ok(uris),
        None if must!("rfc6749-3.1.2.2-registered", settings.may_use(GrantType::AuthorizationCode)) => {
            Err(Problem::invalid("redirect_uris", "an app needs at least one redirect URI"))
        }
        None => Ok(Vec::new()),
    }
}

fn scopes(on: &On<'_>) -> Result<Option<ScopeSet>, Problem> {
    let Some(names) = on.body().texts("scopes") else { return Ok(None) };
    let mut scopes = Vec::with_capacity(names.len());
    for name in names {
        on.defined("scopes", "scope", name, on.platform().scopes.iter().map(|s| s.scope.as_str()))?;
        scopes.push(Scope::new(name).map_err(|e| Problem::invalid("scopes", format!("`{name}` is {e}")))?);
    }
    Ok(Some(scopes.into_iter().collect()))
}

fn visible_to(on: &On<'_>) -> Result<Option<Vec<PartnerId>>, Problem> {
    let Some(names) = on.body().texts("visible_to") else { return Ok(None) };
    for name in &names {
        on.defined("visible_to", "partner", name, on.platform().partners.iter().map(|p| p.id.as_str()))?;
    }
    Ok(Some(names.into_iter().map(PartnerId::new).collect()))
}

fn redirect_uris(on: &On<'_>) -> Result<Option<Vec<Box<str>>>, Problem> {
    let Some(uris) = on.body().texts("redirect_uris") else { return Ok(None) };
    if uris.is_empty() {
        return Err(Problem::invalid("redirect_uris", "an app needs at least one redirect URI"));
    }
    for (i, uri) in uris.iter().enumerate() {
        if let Some(defect) = redirect_defect(uri) {
            return Err(Problem::invalid(
                "redirect_uris",
                format!("`{uri}` cannot be a redirect URI: {defect}"),
            )
            .hint("exact addresses such as https://app.example/callback"));
        }
        if uris[..i].contains(uri) {
            return Err(Problem::invalid("redirect_uris", format!("`{uri}` stands twice")));
        }
    }
    Ok(Some(uris.into_iter().map(Box::from).collect()))
}

/// RFC 6749 section 3.1.2: absolute, without a fragment; RFC 8252 section 7: loopback addresses and private-use
/// schemes for apps on a device. They are compared exactly, so nothing is rewritten.
pub(super) fn redirect_defect(uri: &str) -> Option<&'static str> {
    if uri.is_empty() || uri.len() > 1000 || !uri.bytes().all(|b| b.is_ascii_graphic()) {
        return Some("it has to be 1 to 1000 printable ASCII characters without space");
    }
    let Ok(url) = url::Url::parse(uri) else {
        return must!("rfc6749-3.1.2-absolute").then_some("it is no absolute URI");
    };
    if must!("rfc6749-3.1.2-registered-fragment", url.fragment().is_some() || uri.contains('#')) {
        return Some("it has a fragment (#)");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Some("it holds a user name or password");
    }
    if must!("rfc9700-2.1-wildcards", uri.contains('*')) {
        return Some("there are no wildcards");
    }
    match url.scheme() {
        "https" => None,
        "http" => {
            let loopback = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
            must!("rfc9700-2.6-http", !loopback)
                .then_some("http is for the loopback interface only; use https")
        }
        scheme if scheme.contains('.') => None,
        _ => Some("a scheme of its own has to be a reversed domain name such as com.example.app (RFC 8252)"),
    }
}

pub(super) async fn change(on: &On<'_>) -> Result<Answer, Problem> {
    let (client, body) = (named(on).await?, on.body());
    if body.is_empty() {
        return Err(Problem::malformed("the body says nothing that is to be changed"));
    }
    let text = |field: &str, longest: usize| {
        body.text(field).map(|text| plain(text, field, longest).map(Box::from)).transpose()
    };
    let change = ClientChange {
        name: text("name", 128)?,
        description: match body.text("description") {
            Some("") => Some(Box::from("")),
            Some(_) | None => text("description", 500)?,
        },
        redirect_uris: redirect_uris(on)?,
        scopes: scopes(on)?,
        licences: licences(on)?,
        visible_to: visible_to(on)?,
        settings: settings(on)?,
        ..ClientChange::default()
    };
    let changed = [
        ("settings", change.settings.is_some()),
        ("name", change.name.is_some()),
        ("description", change.description.is_some()),
        ("redirect_uris", change.redirect_uris.is_some()),
        ("scopes", change.scopes.is_some()),
        ("licences", change.licences.is_some()),
        ("visible_to", change.visible_to.is_some()),
    ];
    let names: Vec<&str> = changed.iter().filter(|(_, is)| *is).map(|(name, _)| *name).collect();
    store(on, &client, &change, "client.change", names.join(", ")).await
}

pub(super) async fn switch(on: &On<'_>, switch: Switch) -> Result<Answer, Problem> {
    let client = named(on).await?;
    let (action, change) = match switch {
        Switch::Off => {
            ("client.disable", ClientChange { status: Some(Status::Disabled), ..ClientChange::default() })
        }
        Switch::On => {
            ("client.enable", ClientChange { status: Some(Status::Active), ..ClientChange::default() })
        }
        Switch::LiveApproved => (
            "client.approve_live",
            ClientChange { live_trading_approved: Some(true), ..ClientChange::default() },
        ),
        Switch::LiveWithdrawn => (
            "client.withdraw_live",
            ClientChange { live_trading_approved: Some(false), ..ClientChange::default() },
        ),
    };
    store(on, &client, &change, action, String::new()).await
}

async fn store(
    on: &On<'_>,
    client: &Client,
    change: &ClientChange,
    action: &'static str,
    detail: String,
) -> Result<Answer, Problem> {
    let audit = on.audit(action, format!("client:{}", client.id), detail);
    match on.store().change_client(on.id(), &client.id, change, &audit).await? {
        // said twice is said once
        Changed::Done | Changed::Conflict => show(on).await,
        Changed::NotFound | Changed::TooMany => Err(on.none("client", client.id.as_str())),
    }
}

pub(super) async fn add_secret(on: &On<'_>) -> Result<Answer, Problem> {
    let client = named(on).await?;
    let partner = on.body().text("partner").map(PartnerId::new);
    if let Some(partner) = partner.as_ref().filter(|p| !client.visible_to.contains(p)) {
        return Err(Problem::invalid("partner", format!("the partner `{partner}` may not use this client"))
            .hint("add it to `visible_to` first"));
    }
    let older_ends = on.body().number("end_older_in_s", 0, 90 * 86_400)?.map(|s| on.now().plus_seconds(s));
    let (new, secret) = mint::client_secret(on.minting(), partner.clone());
    let whose = partner.map_or_else(|| "its own".to_owned(), |p| format!("for the partner {p}"));
    let audit = on.audit("client.secret", format!("client:{}", client.id), whose);
    match on.store().add_client_secret(on.id(), &client.id, &new, older_ends, &audit).await? {
        Changed::Done => {
            let shown = view::client(&*named(on).await?, on.now());
            Ok(Answer::created(&view::with(shown, "client_secret", secret.expose())))
        }
        Changed::TooMany => {
            Err(Problem::conflict("two secrets of this client live already; more are never live at once")
                .field("end_older_in_s")
                .hint("say in how many seconds the older one ends: `end_older_in_s`, 0 for now"))
        }
        Changed::NotFound | Changed::Conflict => Err(on.none("client", client.id.as_str())),
    }
}
