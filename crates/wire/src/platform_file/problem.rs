//! What is wrong with a file, where, and what would be right.

use std::fmt;

/// Where something stands in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    /// Counted from one.
    pub line: u32,
    /// Characters, counted from one.
    pub column: u32,
    /// Dotted path such as `hosts.paper.listen`; empty: the file as a whole.
    pub key: String,
}

/// One thing that is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Counted from one.
    pub line: u32,
    /// Characters, counted from one.
    pub column: u32,
    /// Dotted path such as `hosts.paper.listen`; empty: the file as a whole.
    pub key: String,
    /// What is wrong, in plain words.
    pub message: String,
    /// The nearest right thing, as it would stand in the file; `line 7` where the first of two is meant.
    pub hint: Option<String>,
}

impl Problem {
    pub(super) fn new(spot: &Spot, message: String, hint: Option<String>) -> Self {
        Self { line: spot.line, column: spot.column, key: spot.key.clone(), message, hint }
    }

    /// `FILE:LINE: KEY: MESSAGE; did you mean …?`
    pub fn in_file(&self, file: &str) -> String {
        format!("{file}:{self}")
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.line)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)?;
        match self.hint.as_deref() {
            // the message has named the line
            Some(line) if line.starts_with("line ") => Ok(()),
            Some(hint) => write!(f, "; did you mean `{hint}`?"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Problem {}
