//! `mandate busy`: who runs towards the limit of token requests.

use super::common::{Common, OfPlatform};
use super::out::Out;
use super::session::Session;
use super::text;
use clap::Args;
use serde_json::Value as Json;

/// Arguments of `mandate busy`.
#[derive(Args, Debug)]
#[command(
    after_help = "Each server counts for itself, from its start; several servers of one database are asked one by one."
)]
pub(crate) struct Busy {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    of: OfPlatform,
}

const FIELDS: [&str; 6] = ["client_id", "requests_per_minute", "near", "refused", "since", "last"];

/// Lists clients that used up four fifths of the limit or more, the most refused first.
pub(super) async fn run(args: Busy, out: &mut Out) -> anyhow::Result<()> {
    let (mut session, platform) = Session::on(&args.common, &args.of).await?;
    let list = session.get(&["platforms", &platform, "busy-clients"]).await?;
    if session.json {
        out.json(&list["items"]);
        return Ok(());
    }
    let row = |client: &Json| FIELDS.map(|name| text::of(client, name)).to_vec();
    let rows: Vec<_> = text::items(&list, "items").iter().map(row).collect();
    let none = "No client has come near the limit of token requests since this server's start.";
    out.table(&["CLIENT", "A MINUTE", "NEAR THE LIMIT", "REFUSED", "SINCE", "LAST"], &rows, none);
    Ok(())
}
