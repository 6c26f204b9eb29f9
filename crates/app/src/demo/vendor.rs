//! The machines and service accounts of the demo's `lseg` platform.

use super::Ports;
use super::bank::with_private_half;
use super::people::{account, audit, done};
use crate::node::Node;
use anyhow::Context as _;
use mandate_core::model::{Client, ClientOwner, ClientSecret, Status, User, UserKind};
use mandate_core::settings::{AuthMethod, GrantType};
use mandate_core::{ClientId, ClientSettings, Entropy, Offset, PlatformId, ScopeSet, Secret, UserId, format};
use mandate_wire::jose::{Alg, SigningKey};
use serde_json::{Value, json};

/// What an application key may have: no price snapshots, so that there is something to lack.
const SCOPES: &str = "trapi.data.historical-pricing.read trapi.data.news.read \
     trapi.data.quantitative-analytics.read trapi.streaming.pricing.read";
/// Whom the vendor's own assertions are made for.
const FOREIGN_AUDIENCE: &str = "https://login.ciam.refinitiv.com/as/token.oauth2";
/// Sign-ons that a machine may have at once.
const SESSIONS: u32 = 1;

fn lseg() -> PlatformId {
    PlatformId::new("lseg")
}

/// Makes everything; gives its part of the sheet.
pub(super) async fn provision(node: &Node, secrets: &dyn Entropy, ports: &Ports) -> anyhow::Result<Value> {
    let app_key = client(node, app(&format::random_hex::<20>(secrets)), None).await?;
    let mut machines = Vec::new();
    for username in ["GE-A-01234567-3-1234", "GE-A-01234567-3-1235"] {
        let password = Secret::new(format::random_hex::<12>(secrets));
        machine(node, secrets, username, &password).await?;
        machines.push(json!({
            "username": username, "password": password.expose(), "app_key": app_key.as_str(), "sessions": SESSIONS,
        }));
    }
    let mut services = Vec::new();
    for method in [AuthMethod::SecretPost, AuthMethod::PrivateKeyJwt] {
        services.push(service(node, secrets, method).await?);
    }
    let platform = ports.url("lseg", "issuer");
    let stream = ports.url("lseg", "stream").replacen("http", "ws", 1);
    Ok(json!({
        "issuer": platform,
        "environments": {"live": {"api": platform, "ws": stream}},
        "machine_ids": machines,
        "service_accounts": services,
    }))
}

async fn machine(node: &Node, secrets: &dyn Entropy, name: &str, password: &Secret) -> anyhow::Result<()> {
    let user = User {
        platform: lseg(),
        id: UserId::new(format::opaque("u_", secrets)),
        kind: UserKind::Machine { sessions: SESSIONS },
        name: name.into(),
        password: Some(node.issuer.passwords.hash(password, &*node.entropy).await?),
        external: None,
        email: None,
        password_version: 1,
        status: Status::Active,
        created_at: node.clock.now(),
    };
    let record = audit(node, Some(&user.platform), "user.create", &format!("user:{}", user.id));
    done(node.store.create_user(&user, &record).await?, "machine")?;
    account(node, &lseg(), secrets, "live", Some(&user.id), None).await?;
    Ok(())
}

/// An application key: a public client, which signs machines on.
fn app(id: &str) -> Client {
    let settings = ClientSettings {
        auth_method: AuthMethod::None,
        grants: vec![GrantType::Password, GrantType::RefreshToken],
        ..ClientSettings::default()
    };
    blank(ClientId::new(id), "Sample workspace", settings)
}

fn blank(id: ClientId, name: &str, settings: ClientSettings) -> Client {
    Client {
        platform: lseg(),
        id,
        name: name.into(),
        description: "A sample client of the demo.".into(),
        url: "https://rp.example.test/".into(),
        terms_of_use: "https://rp.example.test/terms".into(),
        privacy_policy: "https://rp.example.test/privacy".into(),
        owner: ClientOwner::Operator,
        status: Status::Active,
        status_since: mandate_core::Timestamp::default(),
        live_trading_approved: true,
        redirect_uris: Vec::new(),
        scopes: ScopeSet::default(),
        licences: Vec::new(),
        visible_to: Vec::new(),
        secrets: Vec::new(),
        settings,
        created_at: mandate_core::Timestamp::default(),
        active_from: None,
        expires_at: None,
        kill: Offset(0),
    }
}

/// A service account, which gets tokens for itself: by a secret, or by assertions as the vendor's samples make them.
async fn service(node: &Node, secrets: &dyn Entropy, method: AuthMethod) -> anyhow::Result<Value> {
    let id = ClientId::new(format!("GE-{}", format::random_hex::<6>(secrets).to_uppercase()));
    let mut settings = ClientSettings {
        auth_method: method,
        grants: vec![GrantType::ClientCredentials],
        ..ClientSettings::default()
    };
    let mut row = json!({"client_id": id.as_str(), "sessions": 5});
    let map = row.as_object_mut().context("an object")?;
    let mut secret = None;
    if method == AuthMethod::PrivateKeyJwt {
        let private = SigningKey::generate(Alg::Es256).ok().context("a client key")?;
        let key = SigningKey::from_pkcs8(Alg::Es256, &private, None).ok().context("a client key")?;
        let public = key.public().to_json();
        settings.jwks = Some(json!({"keys": [public.clone()]}).to_string().into());
        settings.extra_audiences = vec![FOREIGN_AUDIENCE.into()];
        settings.may_omit_jti = true;
        map.insert("jwk".into(), with_private_half(public, &private)?);
        map.insert("audience".into(), json!(FOREIGN_AUDIENCE));
    } else {
        let made = Secret::new(format::opaque("mcs_", secrets));
        map.insert("client_secret".into(), json!(made.expose()));
        secret = Some(made);
    }
    client(node, blank(id, "Sample service account", settings), secret).await?;
    Ok(row)
}

async fn client(node: &Node, mut client: Client, secret: Option<Secret>) -> anyhow::Result<ClientId> {
    let now = node.clock.now();
    client.scopes = ScopeSet::parse(SCOPES)?;
    (client.created_at, client.status_since) = (now, now);
    let row =
        |s: &Secret| ClientSecret { digest: s.digest(), partner: None, created_at: now, ended_at: None };
    client.secrets = secret.iter().map(row).collect();
    let record = audit(node, Some(&client.platform), "client.create", &format!("client:{}", client.id));
    done(node.store.create_client(&client, &record).await?, "client")?;
    Ok(client.id)
}
