//! What is wrong, and in which file.

use mandate_wire::platform_file::{self, Complaint};
use std::fmt;

/// One thing that is wrong with a file, or with a variable of the environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The file as it was named; `None`: the environment.
    pub(crate) file: Option<String>,
    /// Line (0: the file as a whole), key, what is wrong, what would be right.
    pub(crate) problem: platform_file::Problem,
}

impl Problem {
    pub(super) fn in_file(file: &str, problem: platform_file::Problem) -> Self {
        Self { file: Some(file.to_owned()), problem }
    }
    /// About a file as a whole.
    pub(super) fn of_file(file: &str, message: String) -> Self {
        let nowhere = platform_file::Problem { line: 0, column: 0, key: String::new(), message, hint: None };
        Self { file: Some(file.to_owned()), problem: nowhere }
    }
    pub(super) fn of_variable(variable: &str, (message, hint): Complaint) -> Self {
        let problem = platform_file::Problem { line: 0, column: 0, key: variable.to_owned(), message, hint };
        Self { file: None, problem }
    }
    /// As one object of JSON.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        let p = &self.problem;
        serde_json::json!({
            "file": self.file, "line": p.line, "column": p.column, "key": p.key, "message": p.message, "hint": p.hint,
        })
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.problem.to_string();
        let without_line = all.strip_prefix("0: ").unwrap_or(&all);
        match &self.file {
            Some(file) if self.problem.line > 0 => write!(f, "{file}:{all}"),
            Some(file) => write!(f, "{file}: {without_line}"),
            None => write!(f, "environment: {without_line}"),
        }
    }
}

/// Problems as lines of text.
pub(crate) fn in_words(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
