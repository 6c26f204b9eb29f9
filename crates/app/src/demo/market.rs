//! The people and clients of the demo's `olx` platform.

use super::Ports;
use super::people::{account, audit, done, user};
use crate::node::Node;
use mandate_core::model::{Client, ClientOwner, ClientSecret, Status};
use mandate_core::settings::GrantType;
use mandate_core::{ClientId, ClientSettings, Entropy, Offset, PlatformId, ScopeSet, Secret, UserId, format};
use serde_json::{Value, json};

const REDIRECT: &str = "https://rp.example.test/cb";

fn olx() -> PlatformId {
    PlatformId::new("olx")
}

struct Role {
    name: &'static str,
    id: &'static str,
    title: &'static str,
    grants: &'static [GrantType],
    scopes: &'static str,
    status: Status,
}

const FOR_PEOPLE: &[GrantType] = &[GrantType::AuthorizationCode, GrantType::RefreshToken];

const ROLES: [Role; 4] = [
    Role {
        name: "app",
        id: "200001",
        title: "Advert Desk",
        grants: FOR_PEOPLE,
        scopes: "v2 read write",
        status: Status::Active,
    },
    Role {
        name: "app-read-write",
        id: "200002",
        title: "First Edition",
        grants: FOR_PEOPLE,
        scopes: "read write",
        status: Status::Active,
    },
    Role {
        name: "app-inactive",
        id: "200003",
        title: "Closed Shop",
        grants: FOR_PEOPLE,
        scopes: "v2 read write",
        status: Status::Disabled,
    },
    Role {
        name: "app-machine",
        id: "200004",
        title: "Category Mirror",
        grants: &[GrantType::ClientCredentials],
        scopes: "v2 read",
        status: Status::Active,
    },
];

/// Makes everything; gives its part of the sheet.
pub(super) async fn provision(node: &Node, secrets: &dyn Entropy, ports: &Ports) -> anyhow::Result<Value> {
    let mut users = Vec::new();
    for name in ["alice", "bob"] {
        let password = Secret::new(format::random_hex::<8>(secrets));
        let id = user(node, &olx(), secrets, name, &password).await?;
        let account = account(node, &olx(), secrets, "live", Some(&id), None).await?;
        users.push(json!({
            "name": name, "password": password.expose(),
            "accounts": [{"id": account.as_str(), "environment": "live"}],
        }));
    }
    // The apps belong to somebody else than the people who sell, as in life.
    let password = Secret::new(format::random_hex::<8>(secrets));
    let developer = user(node, &olx(), secrets, "devon", &password).await?;
    users.push(json!({"name": "devon", "password": password.expose(), "accounts": []}));
    let mut clients = Vec::new();
    for role in &ROLES {
        clients.push(client(node, secrets, &developer, role).await?);
    }
    Ok(json!({
        "issuer": ports.url("olx", "issuer"),
        "environments": {"live": {"api": ports.url("olx", "api")}},
        "users": users,
        "clients": clients,
    }))
}

async fn client(
    node: &Node,
    secrets: &dyn Entropy,
    developer: &UserId,
    role: &Role,
) -> anyhow::Result<Value> {
    let now = node.clock.now();
    let secret = Secret::new(format::random_hex::<20>(secrets));
    let for_people = role.grants.contains(&GrantType::AuthorizationCode);
    let client = Client {
        platform: olx(),
        id: ClientId::new(role.id),
        name: role.title.into(),
        description: "A sample app of the demo.".into(),
        url: "https://rp.example.test/".into(),
        terms_of_use: "https://rp.example.test/terms".into(),
        privacy_policy: "https://rp.example.test/privacy".into(),
        owner: ClientOwner::User(developer.clone()),
        status: role.status,
        status_since: now,
        live_trading_approved: false,
        redirect_uris: if for_people { vec![REDIRECT.into()] } else { Vec::new() },
        scopes: ScopeSet::parse(role.scopes)?,
        licences: Vec::new(),
        visible_to: Vec::new(),
        settings: ClientSettings { grants: role.grants.to_vec(), ..ClientSettings::default() },
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
    Ok(json!({
        "role": role.name,
        "name": role.title,
        "client_id": role.id,
        "client_secret": secret.expose(),
        "redirect_uris": client.redirect_uris,
        "scopes": role.scopes.split(' ').collect::<Vec<_>>(),
        "grants": role.grants.iter().map(|grant| grant.as_str()).collect::<Vec<_>>(),
        "status": client.status.as_str(),
    }))
}
