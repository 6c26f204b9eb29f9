//! What a server says when it does not do as asked, in words for the terminal.

use http::StatusCode;
use serde_json::Value as Json;
use std::fmt;

/// An answer that is no success.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) status: StatusCode,
    /// The problem as the admin API says it; null if the answer was something else.
    pub(super) problem: Json,
    /// The first line of an answer that was no JSON.
    pub(super) raw: String,
}

impl Refused {
    /// A member of the problem that is a text.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.problem.get(name).and_then(Json::as_str)
    }
    /// What is wrong with a platform file, one line each, behind the name of the file.
    pub(super) fn problems_in(&self, file: &str) -> Vec<String> {
        let problems =
            self.problem.get("problems").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
        problems
            .iter()
            .filter_map(|p| p.get("in_words")?.as_str())
            .map(|words| format!("{file}:{words}"))
            .collect()
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.text("message") {
            Some(message) => f.write_str(message)?,
            None if self.raw.is_empty() => write!(f, "the server answered {}", self.status)?,
            None => write!(f, "the server answered {}: {}", self.status, self.raw)?,
        }
        if let Some(hint) = self.text("hint") {
            write!(f, "\n  {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Refused {}
