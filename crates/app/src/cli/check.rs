//! `mandate check`: what is wrong with files, before anything is started or applied.

use super::out::{self, Out};
use super::text;
use crate::config::{Checked, check_files};
use clap::Args;
use serde_json::{Value as Json, json};
use std::path::PathBuf;
use std::process::ExitCode;

/// Arguments of `mandate check`.
#[derive(Args, Debug)]
pub(crate) struct Check {
    /// Platform files and configurations
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Checks; fails if anything is wrong.
pub(super) fn run(args: &Check, out: &mut Out) -> ExitCode {
    let checked = check_files(&args.files);
    let wrong: usize = checked.iter().map(|c| c.problems.len()).sum();
    if args.json {
        out.json(&Json::Array(checked.iter().map(as_json).collect()));
    } else {
        for file in &checked {
            if file.problems.is_empty() {
                out.line(&format!("{}: {}, nothing wrong", file.file, file.kind.unwrap_or("file")));
            }
            for problem in &file.problems {
                out.line(&problem.to_string());
            }
        }
        if wrong > 0 {
            out::aside(&format!("{} found", text::counted(wrong, "problem")));
        }
    }
    if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn as_json(checked: &Checked) -> Json {
    let problems: Vec<Json> = checked.problems.iter().map(crate::config::Problem::to_json).collect();
    json!({"file": checked.file, "kind": checked.kind, "ok": problems.is_empty(), "problems": problems})
}
