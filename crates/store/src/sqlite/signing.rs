//! Signing keys.

use super::fault::Result;
use super::rows;
use super::work::Work;
use crate::{Audit, Changed, SigningKeyRow};
use mandate_core::log::Effect;
use mandate_core::{PlatformId, SubjectKind, Timestamp};
use rusqlite::{Connection, params};

pub(super) fn list(conn: &Connection, platform: &PlatformId) -> Result<Vec<SigningKeyRow>> {
    let mut statement = conn.prepare_cached(
        "SELECT kid, alg, wrapped, public, created_at, active_from, retires_at, gone_at FROM signing_keys
         WHERE platform = ?1 ORDER BY number",
    )?;
    let found = statement.query_map([platform.as_str()], |row| {
        Ok(SigningKeyRow {
            platform: platform.clone(),
            kid: rows::id(row, 0)?,
            alg: rows::id(row, 1)?,
            wrapped: row.get(2)?,
            public: rows::id(row, 3)?,
            created_at: rows::time(row, 4)?,
            active_from: rows::time(row, 5)?,
            retires_at: rows::time_or_null(row, 6)?,
            gone_at: rows::time_or_null(row, 7)?,
        })
    })?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn add(
    work: &Work<'_>,
    key: &SigningKeyRow,
    if_none_of_alg: bool,
    audit: &Audit,
) -> Result<Changed> {
    let platform = key.platform.as_str();
    let other = work
        .statement(
            "SELECT 1 FROM signing_keys WHERE platform = ?1 AND alg = ?2
               AND (retires_at IS NULL OR retires_at > ?3)",
        )?
        .exists(params![platform, &*key.alg, key.created_at.millis()])?;
    if if_none_of_alg && other {
        return Ok(Changed::Conflict);
    }
    let made = work.inserted(
        "INSERT INTO signing_keys (platform, kid, alg, wrapped, public, created_at, active_from, retires_at, gone_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![
            platform,
            &*key.kid,
            &*key.alg,
            key.wrapped,
            &*key.public,
            key.created_at.millis(),
            key.active_from.millis(),
            key.retires_at.map(Timestamp::millis),
            key.gone_at.map(Timestamp::millis),
        ],
    )?;
    if !made {
        return Ok(Changed::Conflict);
    }
    changed(work, &key.platform, audit)
}

pub(super) fn retire(
    work: &Work<'_>,
    platform: &PlatformId,
    kid: &str,
    at: Timestamp,
    gone_at: Option<Timestamp>,
    audit: &Audit,
) -> Result<Changed> {
    let retired = work.execute(
        "UPDATE signing_keys SET retires_at = ?3, gone_at = ?4
         WHERE platform = ?1 AND kid = ?2 AND (retires_at IS NULL OR retires_at > ?3)",
        params![platform.as_str(), kid, at.millis(), gone_at.map(Timestamp::millis)],
    )?;
    if retired == 1 {
        return changed(work, platform, audit);
    }
    let known = work
        .statement("SELECT 1 FROM signing_keys WHERE platform = ?1 AND kid = ?2")?
        .exists(params![platform.as_str(), kid])?;
    Ok(if known { Changed::Conflict } else { Changed::NotFound })
}

/// All nodes read the platform's keys anew.
fn changed(work: &Work<'_>, platform: &PlatformId, audit: &Audit) -> Result<Changed> {
    work.log(platform, SubjectKind::Platform, platform.as_str(), Effect::Change, audit.at)?;
    work.audit(audit)?;
    Ok(Changed::Done)
}
