//! A plan in words: what comes, what changes, what goes.

use super::out::Out;
use super::text;
use serde_json::Value as Json;

/// Lays out a plan.
pub(super) fn show(out: &mut Out, plan: &Json) {
    out.line(&capital(&text::of(plan, "summary")));
    for change in text::items(plan, "changes") {
        out.gap();
        let mark = match text::of(change, "kind").as_str() {
            "added" => '+',
            "removed" => '-',
            _ => '~',
        };
        let (section, name) = (text::of(change, "section"), text::of(change, "name"));
        let whole = if name.is_empty() { section } else { format!("{section}.{name}") };
        out.line(&format!("{mark} {whole}"));
        for field in text::items(change, "fields") {
            let value = |side: &str| field.get(side).filter(|v| !v.is_null()).map(text::value);
            let shown = |value: &str| if value.is_empty() { "nothing".to_owned() } else { value.to_owned() };
            let name = text::padded(&text::of(field, "field"), 20);
            match (value("before"), value("after")) {
                (Some(before), Some(after)) => out.line(&format!("    {name} {} → {}", shown(&before), shown(&after))),
                (Some(only), None) | (None, Some(only)) => out.line(&format!("    {name} {only}")),
                (None, None) => {}
            }
        }
    }
    let notes = text::items(plan, "notes");
    if !notes.is_empty() {
        out.gap();
        for note in notes {
            out.line(&text::wrapped(&format!("! {}", text::value(note)), 0));
        }
    }
}

/// The first letter large.
pub(super) fn capital(sentence: &str) -> String {
    let mut letters = sentence.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
