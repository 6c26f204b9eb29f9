//! Where a value comes from: the environment, else the file.

use super::problem::Problem;
use mandate_wire::platform_file::{Complaint, Key, Kind, Section, Spot, Text};
use std::cell::RefCell;

/// Looks up a variable of the environment.
pub(super) type Environment<'e> = &'e dyn Fn(&str) -> Option<String>;

/// A table of the file with the environment over it.
pub(super) struct Source<'s, 'd> {
    pub(super) name: &'static str,
    pub(super) keys: &'static [Key],
    pub(super) table: Option<&'s Section<'d>>,
    pub(super) environment: Environment<'s>,
    pub(super) problems: &'s RefCell<Vec<Problem>>,
}

/// Where a value was found.
#[derive(Clone, Debug)]
enum Place {
    File(Spot),
    Variable(String),
}

/// A value and where it was found.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) text: String,
    place: Place,
}

/// The variable that overrides a key.
pub(super) fn variable(table: &str, key: &str) -> String {
    let dot = if table.is_empty() { "" } else { "_" };
    format!("MANDATE_{table}{dot}{key}").to_ascii_uppercase()
}

impl From<Text<'_>> for Found {
    fn from(text: Text<'_>) -> Self {
        Self { text: text.text.to_owned(), place: Place::File(text.spot) }
    }
}

impl Found {
    /// Whether it stands in the file, where secrets must not.
    pub(super) fn in_file(&self) -> bool {
        matches!(self.place, Place::File(_))
    }
}

impl Source<'_, '_> {
    fn overridden(&self, key: &str) -> Option<Found> {
        let name = variable(self.name, key);
        let text = (self.environment)(&name).filter(|text| !text.is_empty())?;
        Some(Found { text, place: Place::Variable(name) })
    }
    /// Notes what is wrong with a value.
    pub(super) fn report(&self, found: &Found, (message, hint): Complaint) {
        match &found.place {
            Place::Variable(name) => {
                self.problems.borrow_mut().push(Problem::of_variable(name, (message, hint)));
            }
            Place::File(spot) => {
                if let Some(table) = self.table {
                    table.doc.report(spot, message, hint);
                }
            }
        }
    }
    /// Notes what is wrong with a value of any type, wherever it came from.
    pub(super) fn complain(&self, key: &str, complaint: Complaint) {
        let in_file = || Some(Found { text: String::new(), place: Place::File(self.table?.key_spot(key)) });
        if let Some(found) = self.overridden(key).or_else(in_file) {
            self.report(&found, complaint);
        }
    }
    /// A string.
    pub(super) fn text(&self, key: &str) -> Option<Found> {
        self.overridden(key).or_else(|| self.table?.text(key).map(Found::from))
    }
    /// A string that passes a check.
    pub(super) fn checked<T>(
        &self,
        key: &str,
        check: impl Fn(&str) -> Result<T, Complaint>,
    ) -> Option<(Found, T)> {
        let found = self.text(key)?;
        match check(&found.text) {
            Ok(value) => Some((found, value)),
            Err(complaint) => {
                self.report(&found, complaint);
                None
            }
        }
    }
    /// A number within the bounds of its key.
    pub(super) fn number(&self, key: &str) -> Option<u64> {
        let in_file = || self.table?.number(key);
        let Some(found) = self.overridden(key) else { return in_file() };
        let kind = self.keys.iter().find(|k| k.name == key).map(|k| k.kind);
        let Some(Kind::Number { from, to, example }) = kind else { return in_file() };
        match found.text.parse::<u64>() {
            Ok(number) if (from..=to).contains(&number) => Some(number),
            Ok(number) => {
                let nearest = if number < from { from } else { to };
                self.report(&found, (format!("must be {from} to {to}"), Some(nearest.to_string())));
                None
            }
            Err(_) => {
                self.report(
                    &found,
                    (format!("expected an integer, found `{}`", found.text), Some(example.to_string())),
                );
                None
            }
        }
    }
    /// Yes or no.
    pub(super) fn flag(&self, key: &str) -> Option<bool> {
        let Some(found) = self.overridden(key) else { return self.table?.flag(key) };
        match &*found.text {
            "true" => Some(true),
            "false" => Some(false),
            other => {
                let message = format!("expected true or false, found `{other}`");
                self.report(&found, (message, Some("false".to_owned())));
                None
            }
        }
    }
    /// Strings; in the environment with commas between them.
    pub(super) fn texts(&self, key: &str) -> Option<Vec<Found>> {
        let Some(Found { text, place }) = self.overridden(key) else {
            let table = self.table.filter(|t| t.has(key))?;
            return Some(table.texts(key).into_iter().map(Found::from).collect());
        };
        let words = text.split(',').map(str::trim).filter(|t| !t.is_empty());
        Some(words.map(|t| Found { text: t.to_owned(), place: place.clone() }).collect())
    }
    /// Pairs; in the environment as `LEFT=RIGHT` with commas between them.
    pub(super) fn pairs(&self, key: &str) -> Vec<(Found, Found)> {
        let Some(Found { text, place }) = self.overridden(key) else {
            let pairs = self.table.map(|t| t.pairs(key)).unwrap_or_default();
            return pairs.into_iter().map(|(left, right)| (left.into(), right.into())).collect();
        };
        let found = |text: &str| Found { text: text.trim().to_owned(), place: place.clone() };
        let mut pairs = Vec::new();
        for part in text.split(',').filter(|p| !p.trim().is_empty()) {
            match part.split_once('=') {
                Some((left, right)) => pairs.push((found(left), found(right))),
                None => self.report(&found(part), (format!("`{}` has no `=`", part.trim()), None)),
            }
        }
        pairs
    }
}
