//! `mandate admin`: administrators and their tokens.

use super::common::Common;
use super::duration::Seconds;
use super::out::Out;
use super::session::Session;
use super::text;
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value as Json, json};
use std::path::PathBuf;

/// Arguments of `mandate admin`.
#[derive(Args, Debug)]
pub(crate) struct Admin {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    verb: Verb,
}

/// What an administrator may do.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Rights {
    /// Look
    Read,
    /// Look and change
    Write,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make an administrator; its token is shown once
    Create {
        /// Its name in the audit record
        #[arg(long)]
        name: String,
        /// What it may do
        #[arg(long, value_enum, default_value = "read")]
        rights: Rights,
        /// The one platform it may touch; all if left out
        #[arg(long, value_name = "ID")]
        platform: Option<String>,
        /// How long its token lives: 24h, 90d; without end if left out
        #[arg(long, value_name = "TIME")]
        expires_in: Option<Seconds>,
        /// Write the token to this file, readable by you only, instead of showing it
        #[arg(long, value_name = "FILE")]
        save: Option<PathBuf>,
    },
    /// Live administrators
    List,
    /// End an administrator's token
    End {
        /// Its name
        name: String,
    },
}

/// Makes, lists, ends.
pub(super) async fn run(args: Admin, out: &mut Out) -> anyhow::Result<()> {
    let mut session = Session::open(&args.common).await?;
    match args.verb {
        Verb::Create { name, rights, platform, expires_in, save } => {
            let rights = match rights {
                Rights::Read => "read",
                Rights::Write => "write",
            };
            let body = json!({
                "name": name, "rights": rights, "platform": platform, "expires_in_s": expires_in.map(|s| s.0),
            });
            let mut made = session.post(&["admins"], &body).await?;
            if let Some(file) = &save {
                crate::keys::write_secret(file, &text::of(&made, "token"))?;
                made["token"] = Json::Null;
                made["token_file"] = json!(file.display().to_string());
            }
            if session.json {
                out.json(&made);
            } else {
                show(out, &made);
            }
        }
        Verb::List => {
            let list = session.get(&["admins"]).await?;
            if session.json {
                out.json(&list["items"]);
                return Ok(());
            }
            let row = |a: &Json| {
                ["name", "rights", "platform", "created_at", "expires_at"].map(|n| text::of(a, n)).to_vec()
            };
            let rows: Vec<_> = text::items(&list, "items").iter().map(row).collect();
            out.table(&["NAME", "RIGHTS", "PLATFORM", "CREATED", "EXPIRES"], &rows, "No administrator.");
        }
        Verb::End { name } => {
            let ended = session.delete(&["admins", &name]).await?;
            if session.json {
                out.json(&ended);
            } else {
                out.line(&format!("The token of `{}` is of no use any more.", text::of(&ended, "name")));
            }
        }
    }
    Ok(())
}

fn show(out: &mut Out, admin: &Json) {
    let token = text::of(admin, "token");
    out.pairs(&[
        ("Administrator", text::of(admin, "name")),
        ("Rights", text::of(admin, "rights")),
        ("Platform", text::of(admin, "platform")),
        ("Expires", text::of(admin, "expires_at")),
        ("Token", if token.is_empty() { token } else { format!("{token}   (shown this once: keep it)") }),
        ("Token file", text::of(admin, "token_file")),
    ]);
}
