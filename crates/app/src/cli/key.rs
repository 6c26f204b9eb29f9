//! `mandate key`: API keys of accounts and partners.

use super::common::{Common, OfPlatform};
use super::duration::Seconds;
use super::out::Out;
use super::session::Session;
use super::text;
use clap::{Args, Subcommand};
use serde_json::{Value as Json, json};

/// Arguments of `mandate key`.
#[derive(Args, Debug)]
pub(crate) struct Key {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    of: OfPlatform,
    #[command(subcommand)]
    verb: Verb,
}

/// Whose keys.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
struct Holder {
    /// An account's
    #[arg(long)]
    account: Option<String>,
    /// A partner's
    #[arg(long)]
    partner: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make a key; its secret is shown once
    Create {
        #[command(flatten)]
        holder: Holder,
        /// What its owner calls it
        #[arg(long, default_value = "")]
        label: String,
    },
    /// Keys of an account or partner, ended ones included
    List {
        #[command(flatten)]
        holder: Holder,
    },
    /// Make the successor of a key; both work for a while
    Replace {
        /// The key's id
        id: String,
        /// How long the old key still works: 24h, 30m, 0 (a day if left out)
        #[arg(long, value_name = "TIME")]
        overlap: Option<Seconds>,
    },
    /// End a key now
    Revoke {
        /// The key's id
        id: String,
    },
}

/// Makes, lists, replaces, revokes.
pub(super) async fn run(args: Key, out: &mut Out) -> anyhow::Result<()> {
    let (mut session, platform) = Session::on(&args.common, &args.of).await?;
    let keys = ["platforms", platform.as_str(), "keys"];
    match args.verb {
        Verb::Create { holder, label } => {
            let body = json!({"account": holder.account, "partner": holder.partner, "label": label});
            let key = session.post(&keys, &body).await?;
            made(&mut session, out, &platform, &key).await;
        }
        Verb::List { holder } => {
            let named = [("account", holder.account.as_deref()), ("partner", holder.partner.as_deref())];
            let query: Vec<(&str, &str)> =
                named.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
            let list = session.find(&keys, &query).await?;
            if session.json {
                out.json(&list["items"]);
            } else {
                out.table(
                    &["ID", "STATUS", "LABEL", "CREATED", "LAST USED", "ENDS", "REASON", "SUCCESSOR"],
                    &rows(&list),
                    "No key.",
                );
            }
        }
        Verb::Replace { id, overlap } => {
            let body = json!({"overlap_s": overlap.map(|s| s.0)});
            let key = session.post(&["platforms", &platform, "keys", &id, "replace"], &body).await?;
            made(&mut session, out, &platform, &key).await;
        }
        Verb::Revoke { id } => {
            let key = session.post(&["platforms", &platform, "keys", &id, "revoke"], &json!({})).await?;
            if session.json {
                out.json(&key);
            } else {
                out.line(&format!(
                    "The key {} has ended. Requests with it are refused from now on.",
                    text::of(&key, "id")
                ));
            }
        }
    }
    Ok(())
}

fn rows(list: &Json) -> Vec<Vec<String>> {
    let row = |key: &Json| {
        let end = |name: &str| key.get("ended").map(|e| text::of(e, name)).unwrap_or_default();
        let mut cells =
            ["id", "status", "label", "created_at", "last_used"].map(|n| text::of(key, n)).to_vec();
        cells.extend(["at", "reason", "successor"].map(end));
        cells
    };
    text::items(list, "items").iter().map(row).collect()
}

/// Shows a new key with its secret, and how to try it.
pub(super) async fn made(session: &mut Session, out: &mut Out, platform: &str, key: &Json) {
    if session.json {
        out.json(key);
        return;
    }
    show(out, key);
    // a hint only: without it the key is as good
    let Ok(hosts) = session.get(&["platforms", platform]).await else { return };
    if let Some(command) = try_it(&hosts, key) {
        out.gap();
        out.line("Try it:");
        out.raw(&format!("  {command}\n"));
    }
}

/// Lays out a new key.
pub(super) fn show(out: &mut Out, key: &Json) {
    let until = text::of(key, "replaced_works_until");
    let replaced = match text::of(key, "replaces") {
        old if old.is_empty() => old,
        old => format!("{old}, which works until {until}"),
    };
    out.pairs(&[
        ("Key id", text::of(key, "id")),
        ("Secret", format!("{}   (shown this once: keep it)", text::of(key, "secret"))),
        ("Account", text::of(key, "account")),
        ("Partner", text::of(key, "partner")),
        ("Environment", text::of(key, "environment")),
        ("Label", text::of(key, "label")),
        ("Replaces", replaced),
    ]);
}

fn try_it(platform: &Json, key: &Json) -> Option<String> {
    let (id, secret) = (text::of(key, "id"), text::of(key, "secret"));
    let environment = key.get("environment")?.as_str()?;
    let serves = |host: &&Json| {
        host.get("surface").and_then(Json::as_str) == Some("rest")
            && text::items(host, "environments").iter().any(|e| e.as_str() == Some(environment))
    };
    let host = text::items(platform, "hosts").iter().find(serves)?;
    let url = text::of(host, "url");
    Some(format!(
        "curl -H 'APCA-API-KEY-ID: {id}' -H 'APCA-API-SECRET-KEY: {secret}' {}/v2/account",
        url.trim_end_matches('/')
    ))
}
