//! `mandate explain`: why a request was refused, laid out to be read.

use super::common::{Common, OfPlatform};
use super::out::Out;
use super::session::Session;
use super::{plan, text};
use clap::Args;
use serde_json::Value as Json;

/// Arguments of `mandate explain`.
#[derive(Args, Debug)]
pub(crate) struct Explain {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    of: OfPlatform,
    /// The decision's id, as the answer or the header `Mandate-Decision` says it; or the whole `error_uri`
    id: String,
}

/// Looks the decision up.
pub(super) async fn run(args: Explain, out: &mut Out) -> anyhow::Result<()> {
    let mut session = Session::open(&args.common).await?;
    let id = args.id.trim_end_matches('/').rsplit('/').next().unwrap_or(&args.id);
    let explanation = match &args.of.platform {
        Some(platform) => session.get(&["platforms", platform, "decisions", id]).await?,
        None => session.get(&["decisions", id]).await?,
    };
    if session.json {
        out.json(&explanation);
    } else {
        show(out, &explanation);
    }
    Ok(())
}

/// Lays out an explanation.
pub(super) fn show(out: &mut Out, e: &Json) {
    out.line(&text::of(e, "title"));
    out.line(&text::wrapped(&plan::capital(&text::of(e, "summary")), 0));
    out.gap();
    let place = match (text::of(e, "route"), text::of(e, "host")) {
        (route, host) if route.is_empty() => format!("on the host `{host}`"),
        (route, host) => format!("{route} on the host `{host}`"),
    };
    out.pairs(&[
        ("  Cause", text::of(e, "cause")),
        ("  Request", format!("{place}, {}", text::of(e, "at"))),
        ("  Platform", text::of(e, "platform")),
        ("  Decision", text::of(e, "decision_id")),
    ]);
    if let Some(behind) = e.get("true_cause") {
        out.gap();
        out.line("Behind it (callers are not told)");
        out.line(&text::wrapped(&format!("{}: {}", text::of(behind, "cause"), text::of(behind, "about")), 2));
    }
    checks(out, e);
    facts(out, e);
    out.gap();
    out.line("What to do");
    out.line(&text::wrapped(&text::of(e, "remedy"), 2));
    let who = text::of(e, "who_can_act_in_words");
    out.line(&text::wrapped(&format!("Who can act: {who}."), 2));
    linked(out, e);
    let more = text::of(e, "cause_uri");
    if !more.is_empty() {
        out.gap();
        out.line(&format!("More: {more}"));
    }
}

fn checks(out: &mut Out, e: &Json) {
    let (passed, next) = (text::items(e, "passed"), text::items(e, "would_fail_next"));
    let failed = e.get("failed").filter(|f| !f.is_null());
    if passed.is_empty() && failed.is_none() {
        return;
    }
    out.gap();
    out.line("Checks, in their order");
    for check in passed {
        let name = text::padded(&text::of(check, "check"), 12);
        out.line(&format!("  ✓ {name} {}", text::of(check, "note")));
    }
    if let Some(failed) = failed {
        let name = text::padded(&text::of(failed, "check"), 12);
        out.line(&format!("  ✗ {name} failed: {}", text::of(e, "cause")));
    }
    for cause in next {
        let name = text::of(cause, "cause");
        out.line(&format!("  · {name} would fail next: {}", lower(&text::of(cause, "title"))));
    }
}

fn lower(sentence: &str) -> String {
    let mut letters = sentence.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

fn facts(out: &mut Out, e: &Json) {
    let facts = text::items(e, "facts");
    if facts.is_empty() {
        return;
    }
    out.gap();
    out.line("Facts");
    let names: Vec<String> = facts.iter().map(|f| format!("  {}", text::of(f, "name"))).collect();
    let values = facts.iter().map(|f| text::of(f, "in_words"));
    let pairs: Vec<(&str, String)> = names.iter().map(String::as_str).zip(values).collect();
    out.pairs(&pairs);
}

fn linked(out: &mut Out, e: &Json) {
    let links = text::items(e, "linked");
    if links.is_empty() {
        return;
    }
    out.gap();
    out.line("Linked");
    let rows: Vec<(String, String)> = links
        .iter()
        .map(|l| {
            let at = text::of(l, "at");
            let when = if at.is_empty() { at } else { format!("  {at}") };
            (
                format!("  {}", text::of(l, "relation").replace('_', " ")),
                format!("{}{when}", text::of(l, "subject")),
            )
        })
        .collect();
    let pairs: Vec<(&str, String)> =
        rows.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    out.pairs(&pairs);
}
