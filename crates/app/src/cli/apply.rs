//! `mandate apply`: shows what a platform file would change, asks, and applies it.

use super::common::Common;
use super::fault::Refused;
use super::out::{self, Out};
use super::plan;
use super::session::Session;
use super::text;
use anyhow::{Context as _, anyhow, bail};
use clap::Args;
use serde_json::{Value as Json, json};
use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::PathBuf;

/// Arguments of `mandate apply`.
#[derive(Args, Debug)]
pub(crate) struct Apply {
    #[command(flatten)]
    common: Common,
    /// The platform file
    file: PathBuf,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
    /// Show the plan only
    #[arg(long)]
    dry_run: bool,
}

/// Plans, asks, applies.
pub(super) async fn run(args: Apply, out: &mut Out) -> anyhow::Result<()> {
    let name = args.file.display().to_string();
    let document = std::fs::read_to_string(&args.file).with_context(|| format!("{name} cannot be read"))?;
    let mut session = Session::open(&args.common).await?;
    let planned = session.post(&["platforms", "plan"], &json!({"document": document})).await;
    let planned = planned.map_err(|error| with_lines(&name, error))?;
    let asks = !args.yes && !args.dry_run && !session.json && std::io::stdin().is_terminal();
    if args.dry_run {
        if session.json {
            out.json(&planned);
        } else {
            plan::show(out, &planned);
        }
        return Ok(());
    }
    if !session.json {
        plan::show(out, &planned);
    }
    let changes = planned.get("changed") != Some(&Json::Bool(false));
    if asks && changes && !agreed()? {
        bail!("nothing was changed");
    }
    let revision = planned.get("revision").cloned().unwrap_or_default();
    let body = json!({"document": document, "expected_revision": revision});
    let applied =
        session.post(&["platforms", "apply"], &body).await.map_err(|error| with_lines(&name, error))?;
    if session.json {
        out.json(&applied);
    } else {
        show(out, &applied);
    }
    Ok(())
}

/// Says the lines of what is wrong with the file.
fn with_lines(file: &str, error: anyhow::Error) -> anyhow::Error {
    let lines = error.downcast_ref::<Refused>().map(|refused| refused.problems_in(file)).unwrap_or_default();
    if lines.is_empty() { error } else { anyhow!("{error}\n{}", lines.join("\n")) }
}

fn agreed() -> anyhow::Result<bool> {
    let mut terminal = std::io::stderr();
    write!(terminal, "\nApply this? [y/N] ")?;
    terminal.flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

fn show(out: &mut Out, applied: &Json) {
    if applied.get("changed") == Some(&Json::Bool(false)) {
        return;
    }
    out.gap();
    let (platform, revision) = (text::of(applied, "platform"), text::of(applied, "revision"));
    out.line(&format!("Applied: the platform `{platform}` is at revision {revision}."));
    let hosts: Vec<Vec<String>> =
        text::items(applied, "hosts").iter().map(|h| vec![text::of(h, "name"), text::of(h, "url")]).collect();
    if applied.get("live") == Some(&Json::Bool(true)) {
        out.gap();
        out.table(&["HOST", "ADDRESS"], &hosts, "It has no hosts.");
    }
    for trouble in text::items(applied, "trouble") {
        out::aside(&format!("! {}", text::value(trouble)));
    }
    if revision == "1" {
        out.gap();
        out.line(&format!("Next: mandate user create --platform {platform} --name NAME"));
    }
}
