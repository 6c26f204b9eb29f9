//! `mandate legacy`: who still uses what OAuth 2.1 no longer has.

use super::common::{Common, OfPlatform};
use super::out::Out;
use super::session::Session;
use super::text;
use clap::Args;
use serde_json::Value as Json;

/// Arguments of `mandate legacy`.
#[derive(Args, Debug)]
pub(crate) struct Legacy {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    of: OfPlatform,
}

const FIELDS: [&str; 6] = ["client_id", "client_name", "platform_key", "times", "last_used", "instead"];

/// Lists clients, what each uses, how often, and what to use in its place.
pub(super) async fn run(args: Legacy, out: &mut Out) -> anyhow::Result<()> {
    let (mut session, platform) = Session::on(&args.common, &args.of).await?;
    let list = session.get(&["platforms", &platform, "legacy"]).await?;
    if session.json {
        out.json(&list["items"]);
        return Ok(());
    }
    let row = |used: &Json| FIELDS.map(|name| text::of(used, name)).to_vec();
    let rows: Vec<_> = text::items(&list, "items").iter().map(row).collect();
    let none = "No client uses anything of older times.";
    out.table(&["CLIENT", "NAME", "ALLOWED BY", "TIMES", "LAST USED", "USE INSTEAD"], &rows, none);
    Ok(())
}
