//! What applying a platform file would change, in words (DESIGN D12): a platform taken apart into named things with
//! fields of text, and the difference of two such lists.

mod notes;
mod parts;

pub(super) use notes::{Standing, notes};

use mandate_core::platform::Platform;
use parts::{Part, parts};
use serde_json::{Value as Json, json};

/// Whether a thing comes, stays or goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ChangeKind {
    /// It comes.
    Added,
    /// It becomes different.
    Changed,
    /// It goes.
    Removed,
}

impl ChangeKind {
    /// The word in JSON.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Removed => "removed",
        }
    }
}

/// A field that differs. `before` is none for what comes, `after` for what goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) before: Option<String>,
    pub(super) after: Option<String>,
}

/// One thing that comes, becomes different, or goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) kind: ChangeKind,
    pub(super) section: &'static str,
    pub(super) name: String,
    pub(super) fields: Vec<Field>,
}

impl Change {
    /// As JSON.
    pub(super) fn json(&self) -> Json {
        let fields: Vec<Json> = self
            .fields
            .iter()
            .map(|f| json!({"field": f.name, "before": f.before, "after": f.after}))
            .collect();
        json!({"kind": self.kind.as_str(), "section": self.section, "name": self.name, "fields": fields})
    }
}

/// The difference between the platform in force and the one to come, in the order of the new file, what goes last.
pub(super) fn changes(before: Option<&Platform>, after: &Platform) -> Vec<Change> {
    let (old, new) = (before.map(parts).unwrap_or_default(), parts(after));
    let same = |a: &Part, b: &Part| a.section == b.section && a.name == b.name;
    let mut out = Vec::new();
    for part in &new {
        match old.iter().find(|o| same(o, part)) {
            None => out.push(whole(ChangeKind::Added, part)),
            Some(was) if was.fields != part.fields => out.push(Change {
                kind: ChangeKind::Changed,
                section: part.section,
                name: part.name.clone(),
                fields: differing(was, part),
            }),
            Some(_) => {}
        }
    }
    out.extend(old.iter().filter(|o| !new.iter().any(|n| same(n, o))).map(|o| whole(ChangeKind::Removed, o)));
    out
}

fn whole(kind: ChangeKind, part: &Part) -> Change {
    let side = |text: &String| Some(text.clone()).filter(|t| !t.is_empty());
    let fields = part
        .fields
        .iter()
        .filter(|(_, text)| !text.is_empty())
        .map(|(name, text)| match kind {
            ChangeKind::Removed => Field { name, before: side(text), after: None },
            ChangeKind::Added | ChangeKind::Changed => Field { name, before: None, after: side(text) },
        })
        .collect();
    Change { kind, section: part.section, name: part.name.clone(), fields }
}

fn differing(was: &Part, is: &Part) -> Vec<Field> {
    was.fields
        .iter()
        .zip(&is.fields)
        .filter(|((_, old), (_, new))| old != new)
        .map(|((name, old), (_, new))| Field { name, before: Some(old.clone()), after: Some(new.clone()) })
        .collect()
}

/// One sentence: what the changes come to.
pub(super) fn summary(platform: &str, revision: u64, changes: &[Change], same_text: bool) -> String {
    if revision == 0 {
        return format!("the platform `{platform}` is new: {}", counted(changes));
    }
    if same_text {
        return format!("nothing changes: this file is in force already as revision {revision}");
    }
    if changes.is_empty() {
        return format!("only words, order or comments of the file differ from revision {revision}");
    }
    format!("the platform `{platform}` changes from revision {revision}: {}", counted(changes))
}

fn counted(changes: &[Change]) -> String {
    let count = |kind: ChangeKind| changes.iter().filter(|c| c.kind == kind).count();
    let words: Vec<String> = [ChangeKind::Added, ChangeKind::Changed, ChangeKind::Removed]
        .into_iter()
        .filter(|kind| count(*kind) > 0)
        .map(|kind| format!("{} {}", count(kind), kind.as_str()))
        .collect();
    if words.is_empty() { "nothing in it".into() } else { words.join(", ") }
}

#[cfg(test)]
mod tests;
