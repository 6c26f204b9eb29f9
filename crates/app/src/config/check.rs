//! `mandate check FILE…`: what is wrong with files, whichever kind they are of.

use super::problem::Problem;
use super::{keys, read};
use mandate_wire::dialect::Dialects;
use mandate_wire::platform_file::{self, Document, Key};
use std::path::{Path, PathBuf};

/// A file that was checked.
#[derive(Debug)]
pub(crate) struct Checked {
    /// As it was named.
    pub(crate) file: String,
    /// `platform file` or `configuration`, as far as it could be told.
    pub(crate) kind: Option<&'static str>,
    /// All that is wrong with it.
    pub(crate) problems: Vec<Problem>,
}

/// Checks files. What a file is, its tables say.
pub(crate) fn check_files(paths: &[PathBuf]) -> Vec<Checked> {
    paths.iter().map(|path| check(path)).collect()
}

fn check(path: &Path) -> Checked {
    let file = path.display().to_string();
    let text = match read_file(path) {
        Ok(text) => text,
        Err(problem) => return Checked { file, kind: None, problems: vec![problem] },
    };
    let doc = match Document::parse(&text) {
        Ok(doc) => doc,
        Err(problem) => {
            return Checked { problems: vec![Problem::in_file(&file, problem)], file, kind: None };
        }
    };
    let top = doc.top_keys();
    let likeness = |keys: &[Key]| {
        let exact = top.iter().filter(|k| keys.iter().any(|key| key.name == **k)).count();
        let near = top
            .iter()
            .filter(|k| platform_file::nearest(k, keys.iter().map(|key| key.name)).is_some())
            .count();
        (exact, near)
    };
    let (platform, configuration) = (likeness(platform_file::KEYS), likeness(keys::ROOT));
    if platform > configuration {
        let problems = platform_file::read(&text, Dialects::shipped()).err().unwrap_or_default();
        let problems = problems.into_iter().map(|p| Problem::in_file(&file, p)).collect();
        return Checked { file, kind: Some("platform file"), problems };
    }
    if configuration > platform || top.is_empty() || path.file_name().is_some_and(|n| n == "mandate.toml") {
        let problems = read::read(Some((&file, &text)), &|_| None, false).err().unwrap_or_default();
        return Checked { file, kind: Some("configuration"), problems };
    }
    let message =
        "neither a platform file, which has `[platform]`, nor a configuration as in mandate.sample.toml";
    Checked { problems: vec![Problem::of_file(&file, message.to_owned())], file, kind: None }
}

/// Reads a text.
pub(super) fn read_file(path: &Path) -> Result<String, Problem> {
    let file = path.display().to_string();
    let bytes =
        std::fs::read(path).map_err(|error| Problem::of_file(&file, format!("cannot be read: {error}")))?;
    String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = before.split(|b| *b == b'\n').count();
        Problem::in_file(
            &file,
            platform_file::Problem {
                line: u32::try_from(line).unwrap_or(u32::MAX),
                column: 1,
                key: String::new(),
                message: "no UTF-8".to_owned(),
                hint: None,
            },
        )
    })
}
