//! The people and clients of the demo's `rfc` platform: one client for each way of being one.

use super::Ports;
use super::people::{account, audit, done, user};
use crate::node::Node;
use anyhow::Context as _;
use aws_lc_rs::encoding::AsBigEndian as _;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use mandate_core::model::{Client, ClientOwner, ClientSecret, Status};
use mandate_core::refresh::RefreshMode;
use mandate_core::settings::{AuthMethod, GrantType, IdTokenAlg, Profile};
use mandate_core::{ClientId, ClientSettings, Entropy, Offset, PlatformId, ScopeSet, Secret, format};
use mandate_wire::jose::{Alg, SigningKey};
use serde_json::{Value, json};

const REDIRECT: &str = "https://rp.example.test/cb";
const LOOPBACK: &str = "http://127.0.0.1/cb";
const AFTERWARDS: [&str; 2] = ["https://rp.example.test/bye", "http://localhost/bye"];
const PEOPLE: &str = "openid profile email offline_access accounts quotes";

fn rfc() -> PlatformId {
    PlatformId::new("rfc")
}

/// Makes everything; gives its part of the sheet.
pub(super) async fn provision(node: &Node, secrets: &dyn Entropy, ports: &Ports) -> anyhow::Result<Value> {
    let mut users = Vec::new();
    for name in ["alice", "bob"] {
        let password = Secret::new(format::random_hex::<8>(secrets));
        let id = user(node, &rfc(), secrets, name, &password).await?;
        let account = account(node, &rfc(), secrets, "live", Some(&id), None).await?;
        users.push(json!({
            "name": name, "password": password.expose(), "sub": id.as_str(),
            "accounts": [{"id": account.as_str(), "environment": "live"}],
        }));
    }
    let mut clients = Vec::new();
    for role in roles() {
        clients.push(client(node, secrets, role).await?);
    }
    let at = |host: &str| ports.url("rfc", host);
    let routes: Vec<Value> = node
        .platforms()
        .get(&rfc())
        .context("the platform is not in force")?
        .tenant
        .snapshot
        .platform
        .routes
        .iter()
        .map(|r| {
            let mut route = json!({"method": r.method, "path": r.path});
            if let (Some(scope), Some(map)) = (&r.scope, route.as_object_mut()) {
                map.insert("scope".into(), json!(scope.as_str()));
            }
            if let (Some(product), Some(map)) = (&r.product, route.as_object_mut()) {
                map.insert("product".into(), json!(product.as_str()));
            }
            route
        })
        .collect();
    Ok(json!({
        "issuer": at("issuer"),
        "environments": {"live": {"api": at("api")}},
        "users": users,
        "routes": routes,
        "clients": clients,
    }))
}

struct Role {
    name: &'static str,
    method: AuthMethod,
    grants: Vec<GrantType>,
    scopes: &'static str,
    adjust: fn(&mut ClientSettings),
}

fn roles() -> Vec<Role> {
    use AuthMethod as M;
    use GrantType as G;
    let web = || vec![G::AuthorizationCode, G::RefreshToken];
    let role = |name, method, grants, scopes| Role { name, method, grants, scopes, adjust: |_| {} };
    vec![
        role("web", M::SecretBasic, web(), PEOPLE),
        role("web-2", M::SecretBasic, web(), PEOPLE),
        role("web-post", M::SecretPost, web(), PEOPLE),
        role("spa", M::None, web(), PEOPLE),
        role(
            "jwt",
            M::PrivateKeyJwt,
            vec![G::AuthorizationCode, G::RefreshToken, G::ClientCredentials],
            PEOPLE,
        ),
        Role { adjust: fapi, ..role("fapi", M::PrivateKeyJwt, web(), PEOPLE) },
        Role { adjust: fapi, ..role("fapi-2", M::PrivateKeyJwt, web(), PEOPLE) },
        role("service", M::SecretBasic, vec![G::ClientCredentials], "accounts"),
        role("device", M::None, vec![G::DeviceCode, G::RefreshToken], PEOPLE),
        role("device-2", M::None, vec![G::DeviceCode, G::RefreshToken], PEOPLE),
        Role { adjust: |s| s.may_introspect = true, ..role("api", M::SecretBasic, Vec::new(), "accounts") },
        Role {
            adjust: |s| {
                s.may_omit_pkce = true;
                s.id_token_alg = IdTokenAlg::Rs256;
            },
            ..role("no-pkce", M::SecretBasic, web(), PEOPLE)
        },
        Role { adjust: |s| s.refresh = RefreshMode::Strict, ..role("strict", M::SecretBasic, web(), PEOPLE) },
    ]
}

fn fapi(settings: &mut ClientSettings) {
    settings.profile = Profile::Fapi2;
    settings.refresh = RefreshMode::Static;
    settings.dpop_bound = true;
    settings.requires_par = true;
    settings.id_token_alg = IdTokenAlg::Ps256;
}

/// The client's key with its private half: what the client would keep, printed because this is a demo.
pub(super) fn with_private_half(mut jwk: Value, pkcs8: &[u8]) -> anyhow::Result<Value> {
    let pair =
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8).ok().context("a client key")?;
    let private = pair.private_key().as_be_bytes().ok().context("a client key")?;
    let map = jwk.as_object_mut().context("an object")?;
    map.insert("d".into(), json!(URL_SAFE_NO_PAD.encode(private.as_ref())));
    // a public key's purposes are not its private half's
    map.remove("use");
    map.remove("key_ops");
    Ok(jwk)
}

async fn client(node: &Node, secrets: &dyn Entropy, role: Role) -> anyhow::Result<Value> {
    let now = node.clock.now();
    let secret = Secret::new(format::opaque("mcs_", secrets));
    let uses_secret = matches!(role.method, AuthMethod::SecretBasic | AuthMethod::SecretPost);
    let mut settings =
        ClientSettings { auth_method: role.method, grants: role.grants.clone(), ..ClientSettings::default() };
    (role.adjust)(&mut settings);
    let mut described = json!({
        "role": role.name,
        "auth_method": role.method.as_str(),
        "grants": role.grants.iter().map(|g| g.as_str()).collect::<Vec<_>>(),
    });
    let map = described.as_object_mut().context("an object")?;
    if role.method == AuthMethod::PrivateKeyJwt {
        let private = SigningKey::generate(Alg::Es256).ok().context("a client key")?;
        let key = SigningKey::from_pkcs8(Alg::Es256, &private, None).ok().context("a client key")?;
        let public = key.public().to_json();
        settings.jwks = Some(json!({"keys": [public.clone()]}).to_string().into());
        map.insert("jwk".into(), with_private_half(public, &private)?);
    }
    let redirect_uris: Vec<Box<str>> = if role.grants.contains(&GrantType::AuthorizationCode) {
        vec![REDIRECT.into(), LOOPBACK.into()]
    } else {
        Vec::new()
    };
    if !redirect_uris.is_empty() {
        settings.post_logout_redirect_uris = AFTERWARDS.map(Into::into).to_vec();
        map.insert("post_logout_redirect_uris".into(), json!(AFTERWARDS));
    }
    let scopes = ScopeSet::parse(role.scopes)?;
    let client = Client {
        platform: rfc(),
        id: ClientId::new(format::random_hex::<12>(secrets)),
        name: format!("Sample {}", role.name).into(),
        description: "A sample client of the demo.".into(),
        url: "https://rp.example.test/".into(),
        terms_of_use: "https://rp.example.test/terms".into(),
        privacy_policy: "https://rp.example.test/privacy".into(),
        owner: ClientOwner::Operator,
        status: Status::Active,
        status_since: now,
        live_trading_approved: true,
        redirect_uris: redirect_uris.clone(),
        scopes: scopes.clone(),
        licences: Vec::new(),
        visible_to: Vec::new(),
        secrets: uses_secret
            .then(|| ClientSecret { digest: secret.digest(), partner: None, created_at: now, ended_at: None })
            .into_iter()
            .collect(),
        settings,
        created_at: now,
        active_from: None,
        expires_at: None,
        kill: Offset(0),
    };
    let record = audit(node, Some(&client.platform), "client.create", &format!("client:{}", client.id));
    done(node.store.create_client(&client, &record).await?, "client")?;
    map.insert("client_id".into(), json!(client.id.as_str()));
    if uses_secret {
        map.insert("client_secret".into(), json!(secret.expose()));
    }
    map.insert("redirect_uris".into(), json!(redirect_uris));
    map.insert("scopes".into(), json!(scopes.iter().map(mandate_core::Scope::as_str).collect::<Vec<_>>()));
    if client.settings.profile == Profile::Fapi2 {
        map.insert("profile".into(), json!("fapi2"));
    }
    Ok(described)
}
