//! `mandate partner`: partners are in the platform file; their keys are made here.

use super::common::{Common, OfPlatform};
use super::out::Out;
use super::session::Session;
use super::{key, text};
use clap::{Args, Subcommand};
use serde_json::{Value as Json, json};

/// Arguments of `mandate partner`.
#[derive(Args, Debug)]
pub(crate) struct Partner {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    of: OfPlatform,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Partners of the platform file
    List,
    /// Make an API key of a partner; its secret is shown once
    Key {
        /// The partner's id in the platform file
        partner: String,
        /// What the partner calls the key
        #[arg(long, default_value = "")]
        label: String,
    },
}

/// Lists, or makes a key.
pub(super) async fn run(args: Partner, out: &mut Out) -> anyhow::Result<()> {
    let (mut session, platform) = Session::on(&args.common, &args.of).await?;
    match args.verb {
        Verb::List => {
            let list = session.get(&["platforms", &platform, "partners"]).await?;
            if session.json {
                out.json(&list["items"]);
                return Ok(());
            }
            let row =
                |p: &Json| ["id", "name", "environments", "scopes", "plan"].map(|n| text::of(p, n)).to_vec();
            let rows: Vec<_> = text::items(&list, "items").iter().map(row).collect();
            let none = "The platform file defines no partner.";
            out.table(&["PARTNER", "NAME", "ENVIRONMENTS", "SCOPES", "PLAN"], &rows, none);
        }
        Verb::Key { partner, label } => {
            let path = ["platforms", &platform, "partners", &partner, "keys"];
            let made = session.post(&path, &json!({"label": label})).await?;
            key::made(&mut session, out, &platform, &made).await;
        }
    }
    Ok(())
}
