//! The sheet: what people and scripts need to try the demo. Its JSON is a contract.

use super::Ports;
use anyhow::Context as _;
use mandate_core::Secret;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

/// An account's key.
pub(super) struct Key {
    pub(super) account: String,
    pub(super) environment: String,
    pub(super) id: String,
    pub(super) secret: String,
}

/// A partner with its key and accounts.
pub(super) struct PartnerRow {
    pub(super) name: String,
    pub(super) key: String,
    pub(super) secret: String,
    pub(super) accounts: Vec<String>,
}

/// A client under its role.
pub(super) struct Role(pub(super) Value);

fn at(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

/// The brokerage's part.
pub(super) fn alpaca(
    ports: &Ports,
    password: &Secret,
    accounts: &[(String, String)],
    keys: &[Key],
    partners: &[PartnerRow],
    clients: &[Role],
) -> Value {
    let port = |host: &str| ports.url("alpaca", host);
    let ws = |host: &str| port(host).replacen("http", "ws", 1);
    let environment = |host: &str| {
        json!({
            "api": port(host), "data": port("data"), "broker": port("broker"),
            "ws": format!("{}/stream", ws(host)), "data_ws": ws("data"),
        })
    };
    json!({
        "issuer": port("issuer"),
        "environments": {"paper": environment("paper"), "live": environment("live")},
        "users": [{
            "name": "alice", "password": password.expose(),
            "accounts": accounts.iter().map(|(id, e)| json!({"id": id, "environment": e})).collect::<Vec<_>>(),
        }],
        "keys": keys.iter().map(|k| json!({
            "account": k.account, "environment": k.environment, "id": k.id, "secret": k.secret,
        })).collect::<Vec<_>>(),
        "partners": partners.iter().map(|p| json!({
            "name": p.name, "key": p.key, "secret": p.secret, "accounts": p.accounts,
        })).collect::<Vec<_>>(),
        "clients": clients.iter().map(|c| c.0.clone()).collect::<Vec<_>>(),
    })
}

/// The whole sheet. Holds secrets of the demo and prints them: that is what it is for.
pub(super) struct Sheet {
    json: Value,
    admin: Secret,
}

const FILE: &str = "sheet.json";

impl Sheet {
    pub(super) fn new(ports: &Ports, admin: &Secret, platforms: &[(&str, Value)]) -> Self {
        let json = json!({
            "ready": true,
            "version": env!("CARGO_PKG_VERSION"),
            "admin": {"url": at(ports.admin), "token": admin.expose()},
            "clock": {"url": format!("{}/demo/clock", at(ports.admin)), "token": admin.expose()},
            "platforms": platforms.iter().cloned().collect::<std::collections::BTreeMap<_, _>>(),
        });
        Self { json, admin: admin.clone() }
    }

    /// The sheet of an earlier start in this folder.
    pub(super) fn read(dir: &Path) -> anyhow::Result<Option<Self>> {
        let file = dir.join(FILE);
        let text = match std::fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("{} cannot be read", file.display())),
        };
        let json: Value =
            serde_json::from_str(&text).with_context(|| format!("{} is damaged", file.display()))?;
        let admin =
            json.pointer("/admin/token").and_then(Value::as_str).context("the sheet names no token")?;
        Ok(Some(Self { admin: Secret::new(admin), json }))
    }

    pub(super) fn write(&self, dir: &Path) -> anyhow::Result<()> {
        super::write_private(&dir.join(FILE), &self.json.to_string())
    }

    pub(super) fn admin_token(&self) -> &Secret {
        &self.admin
    }

    /// The port of each of [`super::PORTS`], and the operator's.
    pub(super) fn ports(&self) -> Option<Vec<u16>> {
        let pointers = [
            "/platforms/rfc/issuer",
            "/platforms/rfc/environments/live/api",
            "/platforms/alpaca/issuer",
            "/platforms/alpaca/environments/paper/api",
            "/platforms/alpaca/environments/live/api",
            "/platforms/alpaca/environments/paper/data",
            "/platforms/alpaca/environments/paper/broker",
            "/platforms/olx/issuer",
            "/platforms/olx/environments/live/api",
            "/platforms/lseg/issuer",
            "/platforms/lseg/environments/live/ws",
            "/admin/url",
        ];
        pointers
            .iter()
            .map(|pointer| url::Url::parse(self.json.pointer(pointer)?.as_str()?).ok()?.port())
            .collect()
    }

    pub(super) fn print(&self, as_json: bool) -> anyhow::Result<()> {
        let text = if as_json { format!("{}\n", self.json) } else { self.in_words() };
        let mut out = std::io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()?;
        Ok(())
    }

    fn in_words(&self) -> String {
        let get = |pointer: &str| self.json.pointer(pointer).and_then(Value::as_str).unwrap_or("?");
        let alpaca = |rest: &str| get(&format!("/platforms/alpaca{rest}"));
        let (key, secret) = (alpaca("/keys/0/id"), alpaca("/keys/0/secret"));
        let (paper, live) = (alpaca("/environments/paper/api"), alpaca("/environments/live/api"));
        let client = alpaca("/clients/0/client_id");
        let mut out = String::new();
        let _infallible = write!(
            out,
            "Mandate {version} demo: a brokerage platform with sample accounts, keys, apps and two partners, a bank's
authorization server by the RFCs, a marketplace, and a data platform for machines.

  Sign in and connected apps   {issuer}/apps      (alice / {password})
  Trading API, paper           {paper}
  Trading API, live            {live}
  Market data                  {data}
  Broker API                   {broker}
  Authorization server         {rfc}/.well-known/openid-configuration
  Marketplace: API, sign-in    {market}/api/partner, {market_issuer}/apps
  Data platform                {lseg}      ({machine} / {machine_password}, app key {app_key})
  Operator                     {admin}/admin/v1/openapi.json

  Alice's paper key            {key}
  and its secret               {secret}

Try:
  A call with a key that works:
    curl -s {paper}/v2/account -H 'APCA-API-KEY-ID: {key}' -H 'APCA-API-SECRET-KEY: {secret}'
  The same key on the wrong host, and a refusal that says so:
    curl -s {live}/v2/account -H 'APCA-API-KEY-ID: {key}' -H 'APCA-API-SECRET-KEY: {secret}'
  Give an app access (open in a browser):
    {issuer}/oauth/authorize?response_type=code&client_id={client}&redirect_uri=https://rp.example.test/cb&scope=trading%20data
  Ask why something was refused, with the decision id of its answer:
    mandate explain ID --server {admin} --token {token}

Stop with Ctrl-C. `mandate demo --json` prints all of this and more for programs.
",
            version = env!("CARGO_PKG_VERSION"),
            issuer = alpaca("/issuer"),
            password = alpaca("/users/0/password"),
            data = alpaca("/environments/paper/data"),
            broker = alpaca("/environments/paper/broker"),
            rfc = get("/platforms/rfc/issuer"),
            market = get("/platforms/olx/environments/live/api"),
            market_issuer = get("/platforms/olx/issuer"),
            lseg = get("/platforms/lseg/issuer"),
            machine = get("/platforms/lseg/machine_ids/0/username"),
            machine_password = get("/platforms/lseg/machine_ids/0/password"),
            app_key = get("/platforms/lseg/machine_ids/0/app_key"),
            admin = get("/admin/url"),
            token = self.admin.expose(),
        );
        out
    }
}
