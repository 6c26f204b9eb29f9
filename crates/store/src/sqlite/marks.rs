//! Marks of single use.

use super::fault::Result;
use super::work::Work;
use crate::{Mark, MarkKind};
use mandate_core::PlatformId;
use rusqlite::params;

/// Makes all marks, or none if one of them is there already, which it then names. The last thing that an act asks.
pub(super) fn insert(work: &Work<'_>, platform: &PlatformId, marks: &[Mark]) -> Result<Option<MarkKind>> {
    for (i, mark) in marks.iter().enumerate() {
        let twice = |m: &Mark| (m.kind, &m.owner, m.digest) == (mark.kind, &mark.owner, mark.digest);
        let there = marks[..i].iter().any(twice)
            || work
                .statement(
                    "SELECT 1 FROM marks WHERE platform = ?1 AND kind = ?2 AND owner = ?3 AND digest = ?4",
                )?
                .exists(params![
                    platform.as_str(),
                    mark.kind.as_str(),
                    &*mark.owner,
                    mark.digest.as_bytes()
                ])?;
        if there {
            return Ok(Some(mark.kind));
        }
    }
    for mark in marks {
        work.execute(
            "INSERT INTO marks VALUES (?1, ?2, ?3, ?4, ?5)",
            params![
                platform.as_str(),
                mark.kind.as_str(),
                &*mark.owner,
                mark.digest.as_bytes(),
                mark.ends_at.millis()
            ],
        )?;
    }
    Ok(None)
}
