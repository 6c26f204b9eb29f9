//! `mandate export`: the platform file as it was applied.

use super::common::Common;
use super::http::Call;
use super::out::Out;
use super::session::Session;
use clap::Args;
use http::Method;
use serde_json::json;

/// Arguments of `mandate export`.
#[derive(Args, Debug)]
pub(crate) struct Export {
    #[command(flatten)]
    common: Common,
    /// The platform
    platform: String,
}

/// Prints the file.
pub(super) async fn run(args: Export, out: &mut Out) -> anyhow::Result<()> {
    let mut session = Session::open(&args.common).await?;
    let path = ["platforms", args.platform.as_str(), "file"];
    let answer = session.call(&Call { method: Method::GET, path: &path, query: &[], body: None }).await?;
    if session.json {
        out.json(&json!({"platform": args.platform, "revision": answer.revision, "document": answer.text}));
    } else {
        out.raw(&answer.text);
    }
    Ok(())
}
