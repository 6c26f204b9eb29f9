//! `mandate user`: people who sign in.

use super::common::{Common, OfPlatform};
use super::out::Out;
use super::session::Session;
use super::text;
use anyhow::Context as _;
use clap::{Args, Subcommand};
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
        /// A file with the password, `-` for standard input; without it one is made and shown once
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
    },
    /// Users, oldest first
    List,
    /// Set a user's password; every session of the user ends
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
        Verb::Create { name, email, password_file } => {
            let mut body = json!({"name": name, "password": password(password_file.as_deref())?});
            if let (Some(email), Some(members)) = (email, body.as_object_mut()) {
                members.insert("email".into(), json!(email));
            }
            let user = session.post(&["platforms", &platform, "users"], &body).await?;
            if session.json {
                out.json(&user);
                return Ok(());
            }
            show(out, &user);
            out.gap();
            out.line(&format!(
                "Next: mandate account create --platform {platform} --user {name} --environment ENVIRONMENT"
            ));
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
                out.line("The password was changed, and every session of the user has ended.");
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
    let row = |u: &Json| ["name", "id", "status", "created_at"].map(|n| text::of(u, n)).to_vec();
    let rows: Vec<_> = text::items(&list, "items").iter().map(row).collect();
    let none = format!("No user yet: mandate user create --platform {platform} --name NAME");
    out.table(&["NAME", "ID", "STATUS", "CREATED"], &rows, &none);
    Ok(())
}

fn show(out: &mut Out, user: &Json) {
    let password = text::of(user, "password");
    out.pairs(&[
        ("User", text::of(user, "name")),
        ("Id", text::of(user, "id")),
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
