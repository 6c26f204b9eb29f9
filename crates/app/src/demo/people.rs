//! The demo's people, accounts, keys, partners and apps.

use super::sheet::{self, Key, PartnerRow, Role};
use super::{Ports, alpaca};
use crate::node::Node;
use anyhow::{bail, ensure};
use mandate_core::model::{
    Account, AdminRights, Administrator, ApiKey, Client, ClientOwner, ClientSecret, KeyHolder, Status, User,
    UserKind,
};
use mandate_core::platform::Platform;
use mandate_core::{
    AccountId, AdminId, ClientId, ClientSettings, Entropy, EnvironmentId, KeyId, Offset, OperationId,
    PartnerId, PlatformId, ScopeSet, Secret, UserId, format,
};
use mandate_store::{Audit, Changed};
use serde_json::{Value, json};
use std::path::Path;

/// An audit record of the demo's own acts.
pub(super) fn audit(
    node: &Node,
    platform: Option<&PlatformId>,
    action: &'static str,
    subject: &str,
) -> Audit {
    Audit {
        operation: OperationId::new(format::opaque("o", &*node.entropy)),
        platform: platform.cloned(),
        actor: "system".into(),
        action,
        subject: subject.into(),
        detail: "demo".into(),
        at: node.clock.now(),
    }
}

pub(super) fn done(changed: Changed, what: &str) -> anyhow::Result<()> {
    match changed {
        Changed::Done => Ok(()),
        other => bail!("{what}: {other:?}"),
    }
}

/// Makes everything of the brokerage; gives its part of the sheet.
pub(super) async fn provision(
    node: &Node,
    secrets: &dyn Entropy,
    platform: &Platform,
    ports: &Ports,
) -> anyhow::Result<Value> {
    let password = Secret::new(format::random_hex::<8>(secrets));
    let alice = user(node, &alpaca(), secrets, "alice", &password).await?;
    // The apps belong to somebody else than the owner of the accounts, as in life.
    let developer =
        user(node, &alpaca(), secrets, "devon", &Secret::new(format::random_hex::<8>(secrets))).await?;

    let mut accounts = Vec::new();
    let mut keys = Vec::new();
    for environment in ["paper", "live"] {
        let account = account(node, &alpaca(), secrets, environment, Some(&alice), None).await?;
        let prefix = if environment == "paper" { "PK" } else { "AK" };
        let (id, secret) =
            key(node, secrets, prefix, KeyHolder::Account(account.clone()), Some(environment)).await?;
        keys.push(Key { account: account.to_string(), environment: environment.into(), id, secret });
        accounts.push((account.to_string(), environment.to_owned()));
    }

    let mut partners = Vec::new();
    for partner in &platform.partners {
        let (id, secret) = key(node, secrets, "CK", KeyHolder::Partner(partner.id.clone()), None).await?;
        let mut theirs = Vec::new();
        for _ in 0..2 {
            theirs
                .push(account(node, &alpaca(), secrets, "paper", None, Some(&partner.id)).await?.to_string());
        }
        partners.push(PartnerRow { name: partner.name.to_string(), key: id, secret, accounts: theirs });
    }

    let mut clients = Vec::new();
    for (role, name) in [
        ("app", "Chart Studio"),
        ("app-approved", "Steady Trader"),
        ("app-disabled", "Yesterday's App"),
        ("app-licensed", "Licensed Quotes"),
    ] {
        clients.push(client(node, secrets, role, name, &ClientOwner::User(developer.clone()), None).await?);
    }
    for partner in &platform.partners {
        let role = format!("app-{}", partner.id);
        let name = format!("{} Connect", partner.name);
        let owner = ClientOwner::Partner(partner.id.clone());
        clients.push(client(node, secrets, &role, &name, &owner, Some((&partner.id, &partner.name))).await?);
    }
    Ok(sheet::alpaca(ports, &password, &accounts, &keys, &partners, &clients))
}

/// The operator's token.
pub(super) async fn administrator(node: &Node, secrets: &dyn Entropy) -> anyhow::Result<Secret> {
    let token = Secret::new(format::opaque("mdt_admin_", secrets) + &format::random_hex::<8>(secrets));
    let admin = Administrator {
        id: AdminId::new("demo"),
        rights: AdminRights::Write,
        platform: None,
        created_at: node.clock.now(),
        expires_at: None,
    };
    done(
        node.store
            .create_admin(&admin, &token.digest(), None, &audit(node, None, "admin.create", "admin:demo"))
            .await?,
        "administrator",
    )?;
    Ok(token)
}

pub(super) async fn user(
    node: &Node,
    platform: &PlatformId,
    secrets: &dyn Entropy,
    name: &str,
    password: &Secret,
) -> anyhow::Result<UserId> {
    let hash = node.issuer.passwords.hash(password, &*node.entropy).await?;
    let user = User {
        platform: platform.clone(),
        id: UserId::new(format::opaque("u_", secrets)),
        kind: UserKind::Person,
        name: name.into(),
        password: Some(hash),
        external: None,
        email: Some(format!("{name}@people.example.test").into()),
        password_version: 1,
        status: Status::Active,
        created_at: node.clock.now(),
    };
    let record = audit(node, Some(&user.platform), "user.create", &format!("user:{}", user.id));
    done(node.store.create_user(&user, &record).await?, "user")?;
    Ok(user.id)
}

pub(super) async fn account(
    node: &Node,
    platform: &PlatformId,
    secrets: &dyn Entropy,
    environment: &str,
    owner: Option<&UserId>,
    partner: Option<&PartnerId>,
) -> anyhow::Result<AccountId> {
    let now = node.clock.now();
    let account = Account {
        platform: platform.clone(),
        id: AccountId::new(format::uuid_v4(secrets)),
        environment: EnvironmentId::new(environment),
        owner: owner.cloned(),
        partner: partner.cloned(),
        status: Status::Active,
        status_since: now,
        plan: None,
        licences: Vec::new(),
        created_at: now,
        resets: 0,
        kill: Offset(0),
    };
    let record = audit(node, Some(&account.platform), "account.create", &format!("account:{}", account.id));
    done(node.store.create_account(&account, &record).await?, "account")?;
    Ok(account.id)
}

async fn key(
    node: &Node,
    secrets: &dyn Entropy,
    prefix: &str,
    holder: KeyHolder,
    environment: Option<&str>,
) -> anyhow::Result<(String, String)> {
    let secret = format::machine_secret(secrets);
    let key = ApiKey {
        platform: alpaca(),
        id: KeyId::new(format::public_id(prefix, secrets)),
        holder,
        environment: environment.map(EnvironmentId::new),
        digest: secret.digest(),
        label: "demo".into(),
        created_at: node.clock.now(),
        offset: node.cache.feed().applied(),
        ended: None,
        last_used: None,
    };
    let record = audit(node, Some(&key.platform), "key.create", &format!("key:{}", key.id));
    done(node.store.create_key(&key, &record).await?, "key")?;
    Ok((key.id.to_string(), secret.expose().to_owned()))
}

async fn client(
    node: &Node,
    secrets: &dyn Entropy,
    role: &str,
    name: &str,
    owner: &ClientOwner,
    partner: Option<(&PartnerId, &str)>,
) -> anyhow::Result<Role> {
    let now = node.clock.now();
    let secret = Secret::new(format::random_hex::<20>(secrets));
    let scopes = ScopeSet::parse("general account:write trading data")?;
    let client = Client {
        platform: alpaca(),
        id: ClientId::new(format::random_hex::<16>(secrets)),
        name: name.into(),
        description: "A sample app of the demo.".into(),
        url: "https://rp.example.test/".into(),
        terms_of_use: "https://rp.example.test/terms".into(),
        privacy_policy: "https://rp.example.test/privacy".into(),
        owner: owner.clone(),
        status: if role == "app-disabled" { Status::Disabled } else { Status::Active },
        status_since: now,
        live_trading_approved: role == "app-approved",
        redirect_uris: vec!["http://localhost".into(), "https://rp.example.test/cb".into()],
        scopes: scopes.clone(),
        licences: if role == "app-licensed" { vec!["redistribution".into()] } else { Vec::new() },
        visible_to: partner.iter().map(|(id, _)| (*id).clone()).collect(),
        settings: ClientSettings::default(),
        secrets: vec![ClientSecret {
            digest: secret.digest(),
            partner: None,
            created_at: now,
            ended_at: None,
        }],
        created_at: now,
        active_from: None,
        expires_at: None,
        kill: Offset(0),
    };
    let record = audit(node, Some(&client.platform), "client.create", &format!("client:{}", client.id));
    done(node.store.create_client(&client, &record).await?, "client")?;
    let described = json!({
        "role": role,
        "name": name,
        "client_id": client.id.as_str(),
        "client_secret": secret.expose(),
        "auth_method": "client_secret_post",
        "redirect_uris": client.redirect_uris,
        "scopes": scopes.iter().map(mandate_core::Scope::as_str).collect::<Vec<_>>(),
        "status": client.status.as_str(),
        "live_trading_approved": client.live_trading_approved,
        "licences": client.licences.iter().map(mandate_core::LicenceId::as_str).collect::<Vec<_>>(),
    });
    let mut described = described;
    if let (Some((_, partner)), Some(map)) = (partner, described.as_object_mut()) {
        map.insert("visible_to".into(), json!([partner]));
    }
    Ok(Role(described))
}

/// Many more paper accounts with a key each, for benchmarks; the first half belongs to the first partner.
pub(super) async fn extra(node: &Node, count: u32, dir: &Path) -> anyhow::Result<()> {
    let file = dir.join("extra-keys.json");
    if file.exists() {
        return Ok(());
    }
    let platforms = node.platforms();
    let live = platforms.get(&alpaca()).ok_or_else(|| anyhow::anyhow!("the platform is not in force"))?;
    let partner = live.tenant.snapshot.platform.partners.first();
    ensure!(partner.is_some(), "the platform has no partner");
    let mut rows = Vec::new();
    for i in 0..count {
        let partner = partner.filter(|_| i < count / 2);
        let account = account(node, &alpaca(), &*node.entropy, "paper", None, partner.map(|p| &p.id)).await?;
        let (id, secret) =
            key(node, &*node.entropy, "PK", KeyHolder::Account(account.clone()), Some("paper")).await?;
        rows.push(json!({
            "account": account.as_str(), "id": id, "secret": secret, "partner": partner.map(|p| &p.name),
        }));
    }
    super::write_private(&file, &serde_json::to_string(&rows)?)
}
