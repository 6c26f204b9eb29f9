//! Administrators. Their rows are never dropped: the store remembers that it had one (SECURITY R25).

use super::fault::Result;
use super::rows::{self, admin_columns};
use super::work::Work;
use crate::{Audit, Changed};
use mandate_core::model::Administrator;
use mandate_core::{AdminId, Digest, PlatformId, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, params};

pub(super) fn bootstrap(
    work: &Work<'_>,
    admin: &Administrator,
    digest: &Digest,
    audit: &Audit,
) -> Result<Changed> {
    let any: bool =
        work.statement("SELECT EXISTS (SELECT 1 FROM administrators)")?.query_row([], |row| row.get(0))?;
    if any { Ok(Changed::Conflict) } else { insert(work, admin, digest, audit) }
}

pub(super) fn create(
    work: &Work<'_>,
    admin: &Administrator,
    digest: &Digest,
    spend: Option<&AdminId>,
    audit: &Audit,
) -> Result<Changed> {
    let taken: bool = work
        .statement("SELECT EXISTS (SELECT 1 FROM administrators WHERE id = ?1 OR digest = ?2)")?
        .query_row(params![admin.id.as_str(), digest.as_bytes()], |row| row.get(0))?;
    if taken {
        return Ok(Changed::Conflict);
    }
    if let Some(spend) = spend {
        let used_up = work.execute(
            "UPDATE administrators SET ended_at = ?2
             WHERE id = ?1 AND ended_at IS NULL AND (expires_at IS NULL OR expires_at > ?2)",
            params![spend.as_str(), audit.at.millis()],
        )?;
        if used_up == 0 {
            return Ok(Changed::Conflict);
        }
    }
    insert(work, admin, digest, audit)
}

fn insert(work: &Work<'_>, admin: &Administrator, digest: &Digest, audit: &Audit) -> Result<Changed> {
    work.execute(
        "INSERT INTO administrators (id, digest, rights, platform, created_at, expires_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            admin.id.as_str(),
            digest.as_bytes(),
            admin.rights.as_str(),
            admin.platform.as_ref().map(PlatformId::as_str),
            admin.created_at.millis(),
            admin.expires_at.map(Timestamp::millis),
        ],
    )?;
    work.audit(audit)?;
    Ok(Changed::Done)
}

pub(super) fn find(conn: &Connection, digest: &Digest, now: Timestamp) -> Result<Option<Administrator>> {
    let sql = concat!(
        "SELECT ",
        admin_columns!(),
        " FROM administrators
         WHERE digest = ?1 AND ended_at IS NULL AND (expires_at IS NULL OR expires_at > ?2)"
    );
    let mut statement = conn.prepare_cached(sql)?;
    Ok(statement.query_row(params![digest.as_bytes(), now.millis()], rows::admin).optional()?)
}

pub(super) fn list(conn: &Connection) -> Result<Vec<Administrator>> {
    let sql = concat!(
        "SELECT ",
        admin_columns!(),
        " FROM administrators WHERE ended_at IS NULL ORDER BY number LIMIT 1000"
    );
    let mut statement = conn.prepare_cached(sql)?;
    let found = statement.query_map([], rows::admin)?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn end(work: &Work<'_>, id: &AdminId, audit: &Audit) -> Result<Changed> {
    let live: Option<bool> = work
        .statement("SELECT ended_at IS NULL FROM administrators WHERE id = ?1")?
        .query_row([id.as_str()], |row| row.get(0))
        .optional()?;
    match live {
        None => Ok(Changed::NotFound),
        Some(false) => Ok(Changed::Conflict),
        Some(true) => {
            work.execute(
                "UPDATE administrators SET ended_at = ?2 WHERE id = ?1",
                params![id.as_str(), audit.at.millis()],
            )?;
            work.audit(audit)?;
            Ok(Changed::Done)
        }
    }
}
