//! Platform files: read, checked, written back. A file is judged whole: every problem is said, with its line and the
//! nearest right thing, and what follows only from another problem is not said.

mod address;
mod document;
mod hosts;
mod keys;
mod names;
mod nearest;
mod path;
mod problem;
mod read;
mod routes;
mod section;
mod value;
mod write;

pub use address::{Complaint, alias, listen};
pub use document::Document;
pub use keys::ROOT as KEYS;
pub use nearest::{choice, nearest};
pub use problem::{Problem, Spot};
pub use section::{Key, Kind, Section, Text};
pub use write::write;

use crate::dialect::Dialects;
use mandate_core::platform::{Platform, Snapshot};

/// Reads a platform file. `dialects` are those that it may name.
///
/// # Errors
/// All that is wrong with it, in the order of its lines.
pub fn read(text: &str, dialects: Dialects) -> Result<Platform, Vec<Problem>> {
    let doc = Document::parse(text).map_err(|problem| vec![problem])?;
    let platform = read::platform(&doc, dialects);
    let problems = doc.into_problems();
    if !problems.is_empty() {
        return Err(problems);
    }
    // whatever the rules above let through, the server would stumble over
    match Snapshot::compile(platform, 0) {
        Ok(snapshot) => Ok(snapshot.platform),
        Err(invalid) => {
            let nowhere = Spot { line: 1, column: 1, key: String::new() };
            Err(vec![Problem::new(&nowhere, invalid.to_string(), None)])
        }
    }
}
