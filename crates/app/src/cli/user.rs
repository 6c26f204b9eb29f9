//! `mandate user`: people who sign in, and machines that sign on.

use super::common::{Common, OfPlatform};
use super::out::Out;
use super::session::Session;
use super::text;
use anyhow::Context as _;
use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Value as Json, json};
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Arguments of `mandate user`.
#[derive(Args, Debug)]
pub(crate) struct User {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    of: OfPlatform,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make a user
    Create {
        /// The name typed at sign-in
        #[arg(long)]
        name: String,
        /// An e-mail address, told to apps with the scope `email`
        #[arg(long)]
        email: Option<String>,
        /// A program, which signs on by the password grant and never on pages
        #[arg(long)]
        machine: bool,
        /// How many sign-ons the machine may have at once; 1 if left out
        #[arg(long, value_name = "N", requires = "machine")]
        sessions: Option<u32>,
        /// A file with the password, `-` for standard input; without it one is made and shown once
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
    },
    /// Users, oldest first
    List,
    /// Change how many sign-ons a machine may have at once; those that are live go on
    Change {
        /// Name or id
        user: String,
        /// So many
        #[arg(long, value_name = "N")]
        sessions: u32,
    },
    /// Live sign-ons of a machine, oldest first
    SignOns {
        /// Name or id
        user: String,
    },
    /// Set a user's password; every session and sign-on of the user ends
    Password {
        /// Name or id
        user: String,
        /// A file with the password, `-` for standard input; without it one is made and shown once
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
    },
}

/// Makes, lists, sets a password.
pub(super) async fn run(args: User, out: &mut Out) -> anyhow::Result<()> {
    let (mut session, platform) = Session::on(&args.common, &args.of).await?;
    match args.verb {
        Verb::List => list(&mut session, out, &platform).await,
        Verb::SignOns { user } => sign_ons(&mut session, out, &platform, &user).await,
        Verb::Change { user, sessions } => {
            let body = json!({"sessions": sessions});
            let user = session.send(Method::PATCH, &["platforms", &platform, "users", &user], &body).await?;
            if session.json {
                out.json(&user);
            } else {
                show(out, &user);
            }
            Ok(())
        }
        Verb::Create { name, email, machine, sessions, password_file } => {
            // what is null counts as left out
            let body = json!({
                "name": name, "email": email, "kind": machine.then_some("machine"), "sessions": sessions,
                "password": password(password_file.as_deref())?,
            });
            let user = session.post(&["platforms", &platform, "users"], &body).await?;
            if session.json {
                out.json(&user);
                return Ok(());
            }
            show(out, &user);
            out.gap();
            out.line(&if machine {
                "Next: password_grant = true under [legacy] in the platform file, and a client with the grant types \
                 password and refresh_token"
                    .into()
            } else {
                format!(
                    "Next: mandate account create --platform {platform} --user {name} --environment ENVIRONMENT"
                )
            });
            Ok(())
        }
        Verb::Password { user, password_file } => {
            let body = json!({"password": password(password_file.as_deref())?});
            let user = session.post(&["platforms", &platform, "users", &user, "password"], &body).await?;
            if session.json {
                out.json(&user);
            } else {
                show(out, &user);
                out.gap();
                out.line("The password was changed, and every session and sign-on of the user has ended.");
            }
            Ok(())
        }
    }
}

async fn list(session: &mut Session, out: &mut Out, platform: &str) -> anyhow::Result<()> {
    let list = session.get(&["platforms", platform, "users"]).await?;
    if session.json {
        out.json(&list["items"]);
        return Ok(());
    }
    let row = |u: &Json| {
        let kind = match u["sessions"].as_u64() {
            None => text::of(u, "kind"),
            Some(sessions) => format!("{} ({sessions})", text::of(u, "kind")),
        };
        let [name, id, status, created] = ["name", "id", "status", "created_at"].map(|n| text::of(u, n));
        vec![name, kind, id, status, created]
    };
    let rows: Vec<_> = text::items(&list, "items").iter().map(row).collect();
    let none = format!("No user yet: mandate user create --platform {platform} --name NAME");
    out.table(&["NAME", "KIND", "ID", "STATUS", "CREATED"], &rows, &none);
    Ok(())
}

async fn sign_ons(session: &mut Session, out: &mut Out, platform: &str, user: &str) -> anyhow::Result<()> {
    let list = session.get(&["platforms", platform, "users", user, "sign-ons"]).await?;
    if session.json {
        out.json(&list["items"]);
        return Ok(());
    }
    let row = |s: &Json| ["since", "client", "network", "id"].map(|n| text::of(s, n)).to_vec();
    let rows: Vec<_> = text::items(&list, "items").iter().map(row).collect();
    out.table(&["SINCE", "CLIENT", "NETWORK", "ID"], &rows, "Nothing is signed on.");
    Ok(())
}

fn show(out: &mut Out, user: &Json) {
    let password = text::of(user, "password");
    out.pairs(&[
        ("User", text::of(user, "name")),
        ("Id", text::of(user, "id")),
        ("Sign-ons", user["sessions"].as_u64().map(|n| format!("{n} at once")).unwrap_or_default()),
        ("Password", if password.is_empty() { password } else { format!("{password}   (shown this once)") }),
    ]);
}

/// The first line of a file, or of standard input.
fn password(file: Option<&Path>) -> anyhow::Result<Option<String>> {
    let Some(file) = file else { return Ok(None) };
    let mut text = String::new();
    if file == Path::new("-") {
        std::io::stdin().read_to_string(&mut text).context("standard input")?;
    } else {
        text =
            std::fs::read_to_string(file).with_context(|| format!("the password file {}", file.display()))?;
    }
    Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()))
}
