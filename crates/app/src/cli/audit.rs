//! `mandate audit`: who changed what.

use super::common::Common;
use super::out::Out;
use super::session::Session;
use super::text;
use clap::Args;
use serde_json::Value as Json;

/// Arguments of `mandate audit`.
#[derive(Args, Debug)]
pub(crate) struct Audit {
    #[command(flatten)]
    common: Common,
    /// Only records with a greater number
    #[arg(long, default_value_t = 0)]
    after: u64,
    /// How many at most: 1 to 1000
    #[arg(long, default_value_t = 100)]
    limit: u16,
}

/// Lists records.
pub(super) async fn run(args: Audit, out: &mut Out) -> anyhow::Result<()> {
    let mut session = Session::open(&args.common).await?;
    let (after, limit) = (args.after.to_string(), args.limit.to_string());
    let list = session.find(&["audit"], &[("after", &after), ("limit", &limit)]).await?;
    if session.json {
        out.json(&list["items"]);
        return Ok(());
    }
    let records = text::items(&list, "items");
    let row = |r: &Json| {
        ["number", "at", "actor", "action", "subject", "platform", "detail"].map(|n| text::of(r, n)).to_vec()
    };
    let rows: Vec<_> = records.iter().map(row).collect();
    out.table(&["NO", "AT", "WHO", "WHAT", "ON", "PLATFORM", "DETAIL"], &rows, "Nothing was changed since.");
    if records.len() == usize::from(args.limit) {
        let newest = records.last().map(|r| text::of(r, "number")).unwrap_or_default();
        out.gap();
        out.line(&format!("There may be more: mandate audit --after {newest}"));
    }
    Ok(())
}
