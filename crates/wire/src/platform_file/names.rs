//! Names that the file gives, and what refers to them.

use super::document::Document;
use super::nearest::{choice, nearest};
use super::section::Text;
use std::cell::RefCell;

/// The names of one kind of thing.
pub(super) struct Names<'d> {
    doc: &'d Document,
    what: &'static str,
    given: Vec<Text<'d>>,
    misspelt: RefCell<Vec<&'d str>>,
}

impl<'d> Names<'d> {
    /// Names given by the headers of tables.
    pub(super) fn new(doc: &'d Document, what: &'static str, given: Vec<Text<'d>>) -> Self {
        Self { doc, what, given, misspelt: RefCell::default() }
    }

    /// The name that a reference means; notes a reference to nothing, with the nearest name.
    pub(super) fn resolve(&self, reference: &Text<'d>) -> Option<&'d str> {
        let word = reference.text;
        if self.given.iter().any(|n| n.text == word) {
            return Some(word);
        }
        let what = self.what;
        let near = nearest(word, self.given.iter().map(|n| n.text));
        let Some(name) = self.given.iter().find(|n| Some(n.text) == near) else {
            let message = match self.given.as_slice() {
                [] => format!("`{word}` is no {what} of this file, which has none"),
                given => format!(
                    "`{word}` is no {what} of this file; it has {}",
                    choice(given.iter().map(|n| n.text))
                ),
            };
            self.doc.report(&reference.spot, message, None);
            return None;
        };
        // The rarer spelling is the slip: a header that nothing else in the file agrees with is blamed itself.
        if self.doc.occurrences(name.text) == 1 && self.doc.occurrences(word) > 1 {
            let mut misspelt = self.misspelt.borrow_mut();
            if !misspelt.contains(&name.text) {
                misspelt.push(name.text);
                let message =
                    format!("nothing names this {what}, but line {} names `{word}`", reference.spot.line);
                self.doc.report(&name.spot, message, Some(word.to_owned()));
            }
        } else {
            self.doc.report(
                &reference.spot,
                format!("`{word}` is no {what} of this file"),
                Some(name.text.to_owned()),
            );
        }
        Some(name.text)
    }

    /// Resolves all that can be.
    pub(super) fn resolve_all(&self, references: &[Text<'d>]) -> Vec<&'d str> {
        references.iter().filter_map(|r| self.resolve(r)).collect()
    }
}

/// Takes a word of a closed list; notes another word, with the nearest.
pub(super) fn word<T: Copy>(
    doc: &Document,
    text: &Text<'_>,
    what: &str,
    words: &[(&'static str, T)],
) -> Option<T> {
    if let Some((_, meant)) = words.iter().find(|(w, _)| *w == text.text) {
        return Some(*meant);
    }
    let near = nearest(text.text, words.iter().map(|(w, _)| *w));
    let message = match words {
        [_] => format!("`{}` is no {what}", text.text),
        _ => format!("`{}` is no {what}: {}", text.text, choice(words.iter().map(|(w, _)| *w))),
    };
    let only = if let [(only, _)] = words { Some(*only) } else { None };
    doc.report(&text.spot, message, near.or(only).map(str::to_owned));
    words.iter().find(|(w, _)| Some(*w) == near).map(|(_, meant)| *meant)
}

/// Checks a name that a header gives.
pub(super) fn check_name(doc: &Document, name: &Text<'_>) {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let begins = name.text.starts_with(|c: char| c.is_ascii_alphanumeric());
    if !(begins && name.text.chars().all(allowed) && name.text.len() <= 64) {
        let slug: String = name.text.chars().map(|c| if allowed(c) { c } else { '-' }).take(64).collect();
        let slug = slug.trim_start_matches(['-', '_', '.']);
        let hint = (!slug.is_empty()).then(|| slug.to_owned());
        doc.report(
            &name.spot,
            "a name is letters, digits, `-`, `_` and `.`, at most 64, and begins with one of the first two",
            hint,
        );
    }
}
