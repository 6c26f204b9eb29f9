//! A plan in words: what comes, what changes, what goes.

use super::out::Out;
use super::text;
use serde_json::Value as Json;

/// Widest name of a thing beside which its fields still stand on the same line.
const WIDEST: usize = 44;

/// Lays out a plan.
pub(super) fn show(out: &mut Out, plan: &Json) {
    out.line(&capital(&text::of(plan, "summary")));
    let changes = text::items(plan, "changes");
    for section in changes.chunk_by(|a, b| place(a) == place(b)) {
        out.gap();
        let widest =
            section.iter().map(|c| text::width(&named(c))).filter(|w| *w <= WIDEST).max().unwrap_or(0);
        for change in section {
            one(out, change, widest);
        }
    }
    let notes = text::items(plan, "notes");
    if !notes.is_empty() {
        out.gap();
        for note in notes {
            out.line(&format!("! {}", text::wrapped(&text::value(note), 2).trim_start()));
        }
    }
}

/// Things of one section that all come, change or go stand together.
fn place(change: &Json) -> (String, String) {
    (text::of(change, "section"), text::of(change, "kind"))
}

fn named(change: &Json) -> String {
    match (text::of(change, "section"), text::of(change, "name")) {
        (section, name) if name.is_empty() => section,
        (section, name) => format!("{section}.{name}"),
    }
}

/// What comes or goes stands on one line; what changes, field by field.
fn one(out: &mut Out, change: &Json, widest: usize) {
    let fields = text::items(change, "fields");
    let value = |field: &Json, side: &str| field.get(side).filter(|v| !v.is_null()).map(text::value);
    let mark = match text::of(change, "kind").as_str() {
        "added" => '+',
        "removed" => '-',
        _ => {
            out.line(&format!("~ {}", named(change)));
            let shown = |value: Option<String>| {
                value.filter(|v| !v.is_empty()).unwrap_or_else(|| "nothing".to_owned())
            };
            for field in fields {
                let (before, after) = (shown(value(field, "before")), shown(value(field, "after")));
                out.line(&format!("    {}: {before} → {after}", text::of(field, "field")));
            }
            return;
        }
    };
    let words: Vec<String> = fields
        .iter()
        .filter_map(|f| {
            Some(format!("{} {}", text::of(f, "field"), value(f, "after").or(value(f, "before"))?))
        })
        .collect();
    let line = format!("{mark} {}  {}", text::padded(&named(change), widest), words.join(", "));
    out.line(line.trim_end());
}

/// The first letter large.
pub(super) fn capital(sentence: &str) -> String {
    let mut letters = sentence.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
