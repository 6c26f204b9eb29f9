//! `mandate grant`: what owners and partners allowed apps to do.

use super::common::{Common, OfPlatform};
use super::out::Out;
use super::session::Session;
use super::text;
use clap::{Args, Subcommand};
use serde_json::{Value as Json, json};

/// Arguments of `mandate grant`.
#[derive(Args, Debug)]
pub(crate) struct Grant {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    of: OfPlatform,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Grants, ended ones included
    List {
        /// Only those that this user gave, by name or id
        #[arg(long)]
        user: Option<String>,
    },
    /// End a grant and everything that hangs from it
    Revoke {
        /// The grant's id
        id: String,
    },
}

/// Lists or revokes.
pub(super) async fn run(args: Grant, out: &mut Out) -> anyhow::Result<()> {
    let (mut session, platform) = Session::on(&args.common, &args.of).await?;
    match args.verb {
        Verb::List { user } => {
            let query: Vec<(&str, &str)> = user.as_deref().map(|u| ("user", u)).into_iter().collect();
            let list = session.find(&["platforms", &platform, "grants"], &query).await?;
            if session.json {
                out.json(&list["items"]);
                return Ok(());
            }
            let row = |g: &Json| {
                ["id", "status", "client_id", "scopes", "accounts", "granted_by", "last_used"]
                    .map(|n| text::of(g, n))
                    .to_vec()
            };
            let rows: Vec<_> = text::items(&list, "items").iter().map(row).collect();
            let heads = ["ID", "STATUS", "CLIENT ID", "SCOPES", "ACCOUNTS", "GRANTED BY", "LAST USED"];
            out.table(&heads, &rows, "No grant: nobody has allowed an app anything yet.");
        }
        Verb::Revoke { id } => {
            let grant = session.post(&["platforms", &platform, "grants", &id, "revoke"], &json!({})).await?;
            if session.json {
                out.json(&grant);
            } else {
                out.line(&format!("The grant {} has ended, and its tokens with it.", text::of(&grant, "id")));
            }
        }
    }
    Ok(())
}
