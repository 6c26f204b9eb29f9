//! Audit records, counts and last use.

use super::fault::Result;
use super::work::Work;
use super::{grants, rows};
use crate::{AuditRecord, Used};
use mandate_core::{PlatformId, Timestamp};
use rusqlite::{Connection, params};

pub(super) fn audit_after(conn: &Connection, after: u64, limit: u32) -> Result<Vec<AuditRecord>> {
    let mut statement = conn.prepare_cached(
        "SELECT number, operation, platform, actor, action, subject, detail, at FROM audit
         WHERE number > ?1 ORDER BY number LIMIT ?2",
    )?;
    let found = statement.query_map(params![after.cast_signed(), limit], |row| {
        Ok(AuditRecord {
            number: rows::number(row, 0)?,
            operation: rows::id(row, 1)?,
            platform: rows::id_or_null(row, 2)?,
            actor: row.get(3)?,
            action: row.get(4)?,
            subject: row.get(5)?,
            detail: row.get(6)?,
            at: rows::time(row, 7)?,
        })
    })?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn counts(conn: &Connection, platform: &PlatformId) -> Result<(u64, u64, u64)> {
    let mut statement = conn.prepare_cached(
        "SELECT (SELECT count(*) FROM codes WHERE platform = ?1), (SELECT count(*) FROM tokens WHERE platform = ?1),
           (SELECT count(*) FROM grants WHERE platform = ?1)",
    )?;
    Ok(statement.query_row([platform.as_str()], |row| {
        Ok((rows::number(row, 0)?, rows::number(row, 1)?, rows::number(row, 2)?))
    })?)
}

pub(super) fn note_use(work: &Work<'_>, platform: &PlatformId, uses: &[(Used, Timestamp)]) -> Result<()> {
    for (used, at) in uses {
        match used {
            Used::Key(id) => work.execute(
                "UPDATE keys SET last_used = ?3
                 WHERE platform = ?1 AND id = ?2 AND (last_used IS NULL OR last_used < ?3)",
                params![platform.as_str(), id.as_str(), at.millis()],
            )?,
            Used::Grant(id) => work.execute(
                "UPDATE grants SET last_used = ?2 WHERE name = ?1 AND (last_used IS NULL OR last_used < ?2)",
                params![grants::name(platform, id), at.millis()],
            )?,
        };
    }
    Ok(())
}
