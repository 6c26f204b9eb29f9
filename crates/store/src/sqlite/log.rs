//! The log as read, platforms, and what the store says about itself.

use super::fault::Result;
use super::rows;
use super::work::Work;
use crate::{Audit, Changed, PlatformRow, StoreInfo};
use mandate_core::log::Effect;
use mandate_core::{LogEntry, Offset, SubjectKind, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, params};

pub(super) fn head(conn: &Connection) -> Result<Offset> {
    Ok(conn.prepare_cached("SELECT \"offset\" FROM head")?.query_row([], |row| rows::offset(row, 0))?)
}

pub(super) fn after(conn: &Connection, offset: Offset, limit: u32) -> Result<Vec<LogEntry>> {
    let mut statement =
        conn.prepare_cached("SELECT * FROM log WHERE \"offset\" > ?1 ORDER BY \"offset\" LIMIT ?2")?;
    let found = statement.query_map(params![offset.0.cast_signed(), limit], rows::log_entry)?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn kills_since(conn: &Connection, at: Timestamp) -> Result<Vec<LogEntry>> {
    let mut statement =
        conn.prepare_cached("SELECT * FROM log WHERE effect = 'kill' AND at >= ?1 ORDER BY \"offset\"")?;
    let found = statement.query_map([at.millis()], rows::log_entry)?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn info(conn: &Connection) -> Result<StoreInfo> {
    Ok(conn
        .prepare_cached("SELECT timeline, demo FROM store")?
        .query_row([], |row| Ok(StoreInfo { timeline: row.get(0)?, demo: row.get(1)?, backend: "sqlite" }))?)
}

pub(super) fn stamp_demo(work: &Work<'_>) -> Result<Changed> {
    let stamped =
        work.execute("UPDATE store SET demo = 1 WHERE demo = 1 OR NOT EXISTS (SELECT 1 FROM platforms)", [])?;
    Ok(if stamped == 1 { Changed::Done } else { Changed::Conflict })
}

pub(super) fn wrapped_key(work: &Work<'_>, purpose: &str, offered: &[u8]) -> Result<Vec<u8>> {
    work.execute("INSERT OR IGNORE INTO wrapped_keys VALUES (?1, ?2)", params![purpose, offered])?;
    let mut statement = work.statement("SELECT wrapped FROM wrapped_keys WHERE purpose = ?1")?;
    Ok(statement.query_row([purpose], |row| row.get(0))?)
}

pub(super) fn apply_platform(
    work: &Work<'_>,
    row: &PlatformRow,
    expected: u64,
    audit: &Audit,
) -> Result<Changed> {
    let current = work
        .statement("SELECT revision FROM platforms WHERE id = ?1")?
        .query_row([row.id.as_str()], |found| rows::number(found, 0))
        .optional()?;
    if current.unwrap_or(0) != expected {
        return Ok(Changed::Conflict);
    }
    let revision = (expected + 1).cast_signed();
    work.execute(
        "INSERT INTO platforms VALUES (?1, ?2, ?3, ?4) ON CONFLICT (id) DO UPDATE SET
           revision = excluded.revision, document = excluded.document, applied_at = excluded.applied_at",
        params![row.id.as_str(), revision, row.document, row.applied_at.millis()],
    )?;
    work.log(&row.id, SubjectKind::Platform, row.id.as_str(), Effect::Change, audit.at)?;
    work.audit(audit)?;
    Ok(Changed::Done)
}

pub(super) fn platforms(conn: &Connection) -> Result<Vec<PlatformRow>> {
    let mut statement =
        conn.prepare_cached("SELECT id, revision, document, applied_at FROM platforms ORDER BY rowid")?;
    let found = statement.query_map([], |row| {
        Ok(PlatformRow {
            id: rows::id(row, 0)?,
            revision: rows::number(row, 1)?,
            document: row.get(2)?,
            applied_at: rows::time(row, 3)?,
        })
    })?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}
