//! `mandate signing-key`: the keys that sign tokens, and the keys of refresh tokens.

use super::common::{Common, OfPlatform};
use super::duration::Seconds;
use super::out::Out;
use super::session::Session;
use super::text;
use clap::{Args, Subcommand};
use serde_json::{Value as Json, json};

/// Arguments of `mandate signing-key`.
#[derive(Args, Debug)]
pub(crate) struct SigningKey {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    of: OfPlatform,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Keys with their times, those that are gone included
    List,
    /// Publish a successor now, which signs after a while
    Rotate {
        #[arg(
            long,
            help = "ES256, EdDSA, PS256, RS256, or HS256 for refresh tokens; all of them if left out"
        )]
        alg: Option<String>,
        /// When the successor signs: 7d, 12h, 0 (the configured time of publication if left out)
        #[arg(long, value_name = "TIME")]
        after: Option<Seconds>,
    },
    /// End a key: it signs no more from now on
    Retire {
        /// The key's id, as listed
        #[arg(allow_hyphen_values = true)]
        id: String,
        /// It is in wrong hands: nothing that it signed counts from now on
        #[arg(long)]
        compromised: bool,
    },
}

/// Lists, rotates, retires.
pub(super) async fn run(args: SigningKey, out: &mut Out) -> anyhow::Result<()> {
    let (mut session, platform) = Session::on(&args.common, &args.of).await?;
    let keys = ["platforms", platform.as_str(), "signing-keys"];
    match args.verb {
        Verb::List => {
            let list = session.get(&keys).await?;
            show(&session, out, &list);
        }
        Verb::Rotate { alg, after } => {
            let body = json!({"alg": alg, "in_s": after.map(|s| s.0)});
            let list = session.post(&["platforms", &platform, "signing-keys", "rotate"], &body).await?;
            show(&session, out, &list);
        }
        Verb::Retire { id, compromised } => {
            let path = ["platforms", platform.as_str(), "signing-keys", &id, "retire"];
            let key = session.post(&path, &json!({"compromised": compromised})).await?;
            if session.json {
                out.json(&key);
            } else if compromised {
                out.line(&format!("The key {id} is gone, and so is everything that it signed."));
            } else {
                out.line(&format!("The key {id} signs no more. What it signed counts until it expires."));
            }
        }
    }
    Ok(())
}

fn show(session: &Session, out: &mut Out, list: &Json) {
    if session.json {
        out.json(&list["items"]);
        return;
    }
    let row = |key: &Json| {
        ["kid", "alg", "status", "active_from", "retires_at", "gone_at"].map(|n| text::of(key, n)).to_vec()
    };
    let rows: Vec<_> = text::items(list, "items").iter().map(row).collect();
    out.table(&["ID", "ALG", "STATUS", "SIGNS FROM", "RETIRES", "GONE"], &rows, "No key.");
}
