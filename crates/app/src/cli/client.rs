//! `mandate client`: OAuth clients, which are apps.

use super::common::{Common, OfPlatform};
use super::duration::Seconds;
use super::out::Out;
use super::session::Session;
use super::text;
use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Map, Value as Json, json};
use std::path::PathBuf;
use url::Url;

/// Arguments of `mandate client`.
#[derive(Args, Debug)]
pub(crate) struct Client {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    of: OfPlatform,
    #[command(subcommand)]
    verb: Verb,
}

/// What can be said about a client when it is made and later.
#[derive(Args, Debug)]
struct Said {
    /// One sentence for the consent page
    #[arg(long)]
    description: Option<String>,
    /// An exact redirect URI; may be repeated
    #[arg(long = "redirect-uri", value_name = "URI")]
    redirect_uris: Vec<String>,
    /// Scopes it may ask for, with spaces between them
    #[arg(long = "scope", value_name = "SCOPES")]
    scopes: Vec<String>,
    /// A licence it holds; may be repeated
    #[arg(long = "licence", value_name = "LICENCE")]
    licences: Vec<String>,
    /// A partner that may use it in its own calls; may be repeated
    #[arg(long = "visible-to", value_name = "PARTNER")]
    visible_to: Vec<String>,
    /// How it is to be treated: a file with a JSON object (profile, `auth_method`, grants, jwks …)
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Register a client; its secret is shown once
    Create {
        /// What people read on the consent page
        #[arg(long)]
        name: String,
        #[command(flatten)]
        said: Said,
        /// Home page
        #[arg(long)]
        url: Option<String>,
        /// The user who registered it, by name or id; the operator if left out
        #[arg(long)]
        owner: Option<String>,
        /// Let it act on live accounts of people other than its owner
        #[arg(long)]
        live_approved: bool,
    },
    /// Clients, oldest first
    List,
    /// One client
    Show {
        /// The client id
        id: String,
    },
    /// Change a client; what is left out stays, what is given replaces the whole list
    Change {
        /// The client id
        id: String,
        /// What people read on the consent page
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        said: Said,
    },
    /// Make a further secret; it is shown once
    Secret {
        /// The client id
        id: String,
        /// The partner whose calls it is good for; the client's own if left out
        #[arg(long)]
        partner: Option<String>,
        /// If two secrets live already: when the older one ends (24h; 0 for now)
        #[arg(long, value_name = "TIME")]
        end_older_in: Option<Seconds>,
    },
    /// Switch a client off; everything issued to it ends for good
    Disable {
        /// The client id
        id: String,
    },
    /// Switch a client on again
    Enable {
        /// The client id
        id: String,
    },
    /// Let a client act on live accounts of people other than its owner
    ApproveLive {
        /// The client id
        id: String,
    },
    /// Take that approval back
    WithdrawLive {
        /// The client id
        id: String,
    },
}

impl Said {
    /// As members of a body; lists that were not given are left out.
    fn members(self) -> anyhow::Result<Map<String, Json>> {
        let scopes: Vec<String> = self
            .scopes
            .iter()
            .flat_map(|s| s.split([' ', ',']))
            .filter(|s| !s.is_empty())
            .map(str::to_owned)
            .collect();
        let lists = [
            ("redirect_uris", self.redirect_uris),
            ("scopes", scopes),
            ("licences", self.licences),
            ("visible_to", self.visible_to),
        ];
        let mut out: Map<String, Json> =
            lists.into_iter().filter(|(_, l)| !l.is_empty()).map(|(n, l)| (n.to_owned(), json!(l))).collect();
        if let Some(description) = self.description {
            out.insert("description".into(), json!(description));
        }
        if let Some(file) = self.settings {
            let text = std::fs::read_to_string(&file)
                .with_context(|| format!("{} cannot be read", file.display()))?;
            let settings: Json =
                serde_json::from_str(&text).with_context(|| format!("{} holds no JSON", file.display()))?;
            out.insert("settings".into(), settings);
        }
        Ok(out)
    }
}

/// Registers, lists, changes, switches.
pub(super) async fn run(args: Client, out: &mut Out) -> anyhow::Result<()> {
    let (mut session, platform) = Session::on(&args.common, &args.of).await?;
    let clients = ["platforms", platform.as_str(), "clients"];
    match args.verb {
        Verb::Create { name, said, url, owner, live_approved } => {
            let mut body = said.members()?;
            if !body.contains_key("redirect_uris") && !body.contains_key("settings") {
                bail!(
                    "an app needs at least one redirect URI\n  --redirect-uri https://app.example/callback"
                );
            }
            if !body.contains_key("scopes") {
                bail!(
                    "an app needs at least one scope\n  --scope \"trading data\"; `mandate platform show {platform}` lists them"
                );
            }
            body.extend([
                ("name".to_owned(), json!(name)),
                ("url".to_owned(), json!(url)),
                ("owner".to_owned(), json!(owner)),
                ("live_trading_approved".to_owned(), json!(live_approved)),
            ]);
            let client = session.post(&clients, &Json::Object(body)).await?;
            one(&session, out, &client);
            if !session.json {
                // a hint only: without it the client is as good
                let Ok(platform) = session.get(&["platforms", &platform]).await else { return Ok(()) };
                out.gap();
                out.line("Send account owners to:");
                out.raw(&format!("  {}\n", authorize_url(&text::of(&platform, "issuer"), &client)?));
            }
        }
        Verb::List => list(&mut session, out, &clients).await?,
        Verb::Show { id } => {
            let client = session.get(&["platforms", &platform, "clients", &id]).await?;
            one(&session, out, &client);
        }
        Verb::Change { id, name, said } => {
            let mut body = said.members()?;
            body.extend(name.map(|name| ("name".to_owned(), json!(name))));
            if body.is_empty() {
                bail!("nothing to change\n  `mandate client change --help` lists what can be changed");
            }
            let path = ["platforms", &platform, "clients", &id];
            let client = session.send(Method::PATCH, &path, &Json::Object(body)).await?;
            one(&session, out, &client);
        }
        Verb::Secret { id, partner, end_older_in } => {
            let body = json!({"partner": partner, "end_older_in_s": end_older_in.map(|s| s.0)});
            let client = session.post(&["platforms", &platform, "clients", &id, "secrets"], &body).await?;
            one(&session, out, &client);
        }
        Verb::Disable { id } => switch(&mut session, out, &platform, &id, "disable").await?,
        Verb::Enable { id } => switch(&mut session, out, &platform, &id, "enable").await?,
        Verb::ApproveLive { id } => switch(&mut session, out, &platform, &id, "approve-live").await?,
        Verb::WithdrawLive { id } => switch(&mut session, out, &platform, &id, "withdraw-live").await?,
    }
    Ok(())
}

async fn switch(
    session: &mut Session,
    out: &mut Out,
    platform: &str,
    id: &str,
    act: &str,
) -> anyhow::Result<()> {
    let client = session.post(&["platforms", platform, "clients", id, act], &json!({})).await?;
    one(session, out, &client);
    Ok(())
}

async fn list(session: &mut Session, out: &mut Out, clients: &[&str]) -> anyhow::Result<()> {
    let list = session.get(clients).await?;
    if session.json {
        out.json(&list["items"]);
        return Ok(());
    }
    let row = |c: &Json| {
        ["client_id", "name", "status", "live_trading_approved", "scopes", "owner"]
            .map(|n| text::of(c, n))
            .to_vec()
    };
    let rows: Vec<_> = text::items(&list, "items").iter().map(row).collect();
    let none = "No client yet: mandate client create --name NAME --redirect-uri URI --scope SCOPES";
    out.table(&["CLIENT ID", "NAME", "STATUS", "LIVE APPROVED", "SCOPES", "OWNER"], &rows, none);
    Ok(())
}

fn one(session: &Session, out: &mut Out, client: &Json) {
    if session.json {
        out.json(client);
    } else {
        show(out, client);
    }
}

/// Where an account owner gives the app access (RFC 6749 section 4.1.1).
fn authorize_url(issuer: &str, client: &Json) -> anyhow::Result<Url> {
    let mut url = Url::parse(&format!("{}/oauth/authorize", issuer.trim_end_matches('/')))?;
    let redirect = text::items(client, "redirect_uris").first().map(text::value).unwrap_or_default();
    url.query_pairs_mut()
        .append_pair("response_type", "code")
        .append_pair("client_id", &text::of(client, "client_id"))
        .append_pair("redirect_uri", &redirect)
        .append_pair("scope", &text::of(client, "scopes"))
        .append_pair("state", "RANDOM");
    Ok(url)
}

/// Lays out a client.
pub(super) fn show(out: &mut Out, c: &Json) {
    let secret = text::of(c, "client_secret");
    let live = text::items(c, "secrets").iter().filter(|s| s.get("live") == Some(&Json::Bool(true))).count();
    out.pairs(&[
        ("Client id", text::of(c, "client_id")),
        ("Secret", if secret.is_empty() { secret } else { format!("{secret}   (shown this once: keep it)") }),
        ("Name", text::of(c, "name")),
        ("Description", text::of(c, "description")),
        ("Home page", text::of(c, "url")),
        ("Status", format!("{} since {}", text::of(c, "status"), text::of(c, "status_since"))),
        ("Live approved", text::of(c, "live_trading_approved")),
        ("Redirect URIs", text::of(c, "redirect_uris")),
        ("Scopes", text::of(c, "scopes")),
        ("Licences", text::of(c, "licences")),
        ("Visible to", text::of(c, "visible_to")),
        ("Owner", text::of(c, "owner")),
        ("Secrets", format!("{live} live")),
    ]);
}
