//! Signing keys.

use super::fault::Result;
use super::work::Work;
use super::{chains, rows};
use crate::signing::TurnPlan;
use crate::{Audit, Changed, SigningKeyRow};
use mandate_core::log::Effect;
use mandate_core::model::EndReason;
use mandate_core::succession::{MAC, MAC_LINGERS_MS, Turn};
use mandate_core::{ChainId, PlatformId, SubjectKind, Timestamp};
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

pub(super) fn turn(
    work: &Work<'_>,
    offered: &SigningKeyRow,
    turn: &Turn,
    outlives_ms: Option<i64>,
    audit: &Audit,
) -> Result<Changed> {
    let platform = &offered.platform;
    let keys: Vec<_> =
        list(work.conn, platform)?.iter().filter(|k| k.alg == offered.alg).map(SigningKeyRow::life).collect();
    let plan = match TurnPlan::of(&keys, offered, turn, outlives_ms, audit.at) {
        Ok(plan) => plan,
        Err(outcome) => return Ok(outcome),
    };
    if let Some(key) = &plan.made
        && !insert(work, key)?
    {
        return Ok(Changed::Conflict);
    }
    for life in &plan.changed {
        work.execute(
            "UPDATE signing_keys SET active_from = ?3, retires_at = ?4, gone_at = ?5
             WHERE platform = ?1 AND kid = ?2",
            params![
                platform.as_str(),
                &*life.kid,
                life.active_from.millis(),
                life.retires_at.map(Timestamp::millis),
                life.gone_at.map(Timestamp::millis),
            ],
        )?;
    }
    if let Turn::Distrust { kid } = turn {
        distrust(work, platform, &offered.alg, kid, audit.at)?;
    }
    changed(work, platform, audit)
}

fn insert(work: &Work<'_>, key: &SigningKeyRow) -> Result<bool> {
    work.inserted(
        "INSERT INTO signing_keys (platform, kid, alg, wrapped, public, created_at, active_from, retires_at, gone_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![
            key.platform.as_str(),
            &*key.kid,
            &*key.alg,
            key.wrapped,
            &*key.public,
            key.created_at.millis(),
            key.active_from.millis(),
            key.retires_at.map(Timestamp::millis),
            key.gone_at.map(Timestamp::millis),
        ],
    )
}

/// What hangs from a key that is no longer believed ends with it.
fn distrust(work: &Work<'_>, platform: &PlatformId, alg: &str, kid: &str, at: Timestamp) -> Result<()> {
    if alg != MAC {
        work.log(platform, SubjectKind::SigningKey, kid, Effect::Kill, at)?;
        return Ok(());
    }
    let ids: Vec<ChainId> = work
        .statement("SELECT id FROM chains WHERE platform = ?1 AND key = ?2 AND ended_at IS NULL")?
        .query_map(params![platform.as_str(), number(kid)], |row| rows::id(row, 0))?
        .collect::<rusqlite::Result<_>>()?;
    for id in &ids {
        chains::end(work, platform, id, EndReason::Operator, at)?;
    }
    Ok(())
}

fn number(kid: &str) -> u32 {
    kid.parse().unwrap_or(0)
}

pub(super) fn end_mac(work: &Work<'_>, platform: &PlatformId, kid: &str, audit: &Audit) -> Result<Changed> {
    let now = audit.at.millis();
    let named = work
        .statement(
            "SELECT 1 FROM chains WHERE platform = ?1 AND key = ?2 AND ended_at IS NULL
               AND (ends_at IS NULL OR ends_at > ?3) AND (idle_ends_at IS NULL OR idle_ends_at > ?3) LIMIT 1",
        )?
        .exists(params![platform.as_str(), number(kid), now])?;
    if named {
        return Ok(Changed::Conflict);
    }
    let ended = work.execute(
        "UPDATE signing_keys SET gone_at = ?3
         WHERE platform = ?1 AND kid = ?2 AND alg = ?5 AND gone_at IS NULL AND retires_at <= ?4",
        params![platform.as_str(), kid, now, now - MAC_LINGERS_MS, MAC],
    )?;
    if ended == 0 { Ok(Changed::NotFound) } else { changed(work, platform, audit) }
}

/// All nodes read the platform's keys anew.
fn changed(work: &Work<'_>, platform: &PlatformId, audit: &Audit) -> Result<Changed> {
    work.log(platform, SubjectKind::Platform, platform.as_str(), Effect::Change, audit.at)?;
    work.audit(audit)?;
    Ok(Changed::Done)
}
