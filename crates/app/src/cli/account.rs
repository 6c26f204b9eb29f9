//! `mandate account`: what users own and let apps act on.

use super::common::{Common, OfPlatform};
use super::out::Out;
use super::session::Session;
use super::{key, text};
use clap::{Args, Subcommand};
use serde_json::{Value as Json, json};

/// Arguments of `mandate account`.
#[derive(Args, Debug)]
pub(crate) struct Account {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    of: OfPlatform,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make an account
    Create {
        /// Whose it is: a user's name or id
        #[arg(long, required_unless_present = "partner")]
        user: Option<String>,
        /// The partner whose customer holds it
        #[arg(long)]
        partner: Option<String>,
        /// Where it lives: an environment of the platform file
        #[arg(long)]
        environment: String,
        /// A plan of the platform file; its default plan if left out
        #[arg(long)]
        plan: Option<String>,
        /// A licence that the account itself holds; may be repeated
        #[arg(long = "licence", value_name = "LICENCE")]
        licences: Vec<String>,
    },
    /// Accounts, oldest first
    List {
        /// Only this user's
        #[arg(long)]
        user: Option<String>,
    },
    /// One account
    Show {
        /// The account
        id: String,
    },
    /// Switch an account off; tokens that reach it end for good
    Disable {
        /// The account
        id: String,
    },
    /// Switch an account on again
    Enable {
        /// The account
        id: String,
    },
    /// Reset a paper account: its keys end, a new one is made and shown once
    Reset {
        /// The account
        id: String,
        /// What the owner calls the new key
        #[arg(long, default_value = "")]
        label: String,
    },
}

/// Makes, lists, switches, resets.
pub(super) async fn run(args: Account, out: &mut Out) -> anyhow::Result<()> {
    let (mut session, platform) = Session::on(&args.common, &args.of).await?;
    let accounts = ["platforms", platform.as_str(), "accounts"];
    match args.verb {
        Verb::Create { user, partner, environment, plan, licences } => {
            let body = json!({
                "user": user, "partner": partner, "environment": environment, "plan": plan, "licences": licences,
            });
            let account = session.post(&accounts, &body).await?;
            one(&session, out, &account);
            if !session.json {
                out.gap();
                out.line(&format!(
                    "Next: mandate key create --platform {platform} --account {}",
                    text::of(&account, "id")
                ));
            }
        }
        Verb::List { user } => {
            let query: Vec<(&str, &str)> = user.as_deref().map(|u| ("user", u)).into_iter().collect();
            let list = session.find(&accounts, &query).await?;
            if session.json {
                out.json(&list["items"]);
                return Ok(());
            }
            let row = |a: &Json| {
                ["id", "environment", "status", "user", "partner", "plan", "created_at"]
                    .map(|n| text::of(a, n))
                    .to_vec()
            };
            let rows: Vec<_> = text::items(&list, "items").iter().map(row).collect();
            let none = format!(
                "No account yet: mandate account create --platform {platform} --user NAME --environment ENVIRONMENT"
            );
            out.table(&["ID", "ENVIRONMENT", "STATUS", "USER", "PARTNER", "PLAN", "CREATED"], &rows, &none);
        }
        Verb::Show { id } => {
            let account = session.get(&["platforms", &platform, "accounts", &id]).await?;
            one(&session, out, &account);
        }
        Verb::Disable { id } => {
            let account =
                session.post(&["platforms", &platform, "accounts", &id, "disable"], &json!({})).await?;
            one(&session, out, &account);
        }
        Verb::Enable { id } => {
            let account =
                session.post(&["platforms", &platform, "accounts", &id, "enable"], &json!({})).await?;
            one(&session, out, &account);
        }
        Verb::Reset { id, label } => {
            let path = ["platforms", &platform, "accounts", &id, "reset"];
            let reset = session.post(&path, &json!({"label": label})).await?;
            if session.json {
                out.json(&reset);
                return Ok(());
            }
            let ended = text::items(&reset, "ended_keys");
            out.line(&format!("The account was reset; {} ended.", text::counted(ended.len(), "key")));
            out.gap();
            key::made(&mut session, out, &platform, &reset["key"]).await;
        }
    }
    Ok(())
}

fn one(session: &Session, out: &mut Out, account: &Json) {
    if session.json {
        out.json(account);
        return;
    }
    out.pairs(&[
        ("Account", text::of(account, "id")),
        ("Environment", text::of(account, "environment")),
        ("Status", format!("{} since {}", text::of(account, "status"), text::of(account, "status_since"))),
        ("User", text::of(account, "user")),
        ("Partner", text::of(account, "partner")),
        ("Plan", text::of(account, "plan")),
        ("Licences", text::of(account, "licences")),
        ("Resets", text::of(account, "resets")),
    ]);
}
