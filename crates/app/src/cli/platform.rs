//! `mandate platform`: what is in force.

use super::common::Common;
use super::out::Out;
use super::session::Session;
use super::text;
use clap::{Args, Subcommand};
use serde_json::Value as Json;

/// Arguments of `mandate platform`.
#[derive(Args, Debug)]
pub(crate) struct Platform {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// All platforms
    List,
    /// One platform as its file defines it
    Show {
        /// The platform
        id: String,
    },
}

/// Lists or shows.
pub(super) async fn run(args: Platform, out: &mut Out) -> anyhow::Result<()> {
    let mut session = Session::open(&args.common).await?;
    match args.verb {
        Verb::List => {
            let list = session.get(&["platforms"]).await?;
            if session.json {
                out.json(&list["items"]);
                return Ok(());
            }
            let row = |p: &Json| {
                ["id", "name", "revision", "environments", "issuer"].map(|n| text::of(p, n)).to_vec()
            };
            let rows: Vec<_> = text::items(&list, "items").iter().map(row).collect();
            let none = "No platform yet: mandate apply platforms/alpaca.toml";
            out.table(&["ID", "NAME", "REVISION", "ENVIRONMENTS", "ISSUER"], &rows, none);
        }
        Verb::Show { id } => {
            let platform = session.get(&["platforms", &id]).await?;
            if session.json {
                out.json(&platform);
            } else {
                show(out, &platform);
            }
        }
    }
    Ok(())
}

fn show(out: &mut Out, p: &Json) {
    out.pairs(&[
        ("Platform", format!("{} ({})", text::of(p, "name"), text::of(p, "id"))),
        ("Revision", text::of(p, "revision")),
        ("Issuer", text::of(p, "issuer")),
        ("Contact", text::of(p, "contact")),
        ("Routes", text::of(p, "routes")),
    ]);
    let table = |list: &str, members: &[&str]| -> Vec<Vec<String>> {
        text::items(p, list).iter().map(|item| members.iter().map(|m| text::of(item, m)).collect()).collect()
    };
    let sections: [(&str, &[&str], &[&str]); 5] = [
        (
            "hosts",
            &["HOST", "ADDRESS", "SURFACE", "ENVIRONMENTS"],
            &["name", "url", "surface", "environments"],
        ),
        (
            "environments",
            &["ENVIRONMENT", "KEY PREFIX", "RESETTABLE", "NEEDS APPROVAL"],
            &["id", "key_prefix", "resettable", "needs_approval"],
        ),
        ("scopes", &["SCOPE", "TITLE"], &["scope", "title"]),
        ("products", &["PRODUCT", "TITLE", "DELEGATED", "UNLESS"], &["id", "title", "delegated", "unless"]),
        ("partners", &["PARTNER", "NAME", "SCOPES", "PLAN"], &["id", "name", "scopes", "plan"]),
    ];
    for (list, heads, members) in sections {
        let rows = table(list, members);
        if !rows.is_empty() {
            out.gap();
            out.table(heads, &rows, "");
        }
    }
    for trouble in text::items(p, "trouble") {
        out.gap();
        out.line(&format!("! {}", text::value(trouble)));
    }
}
