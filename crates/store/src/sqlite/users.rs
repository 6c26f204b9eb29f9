//! Users and their sessions.

use super::fault::Result;
use super::rows::{self, session_columns, user_columns};
use super::sign_on;
use super::work::Work;
use crate::{Audit, Changed};
use mandate_core::log::Effect;
use mandate_core::model::{EndReason, Ended, PasswordHash, Session, Status, User};
use mandate_core::{Digest, PlatformId, SessionId, SubjectKind, Timestamp, UserId};
use rusqlite::{Connection, OptionalExtension as _, params};

pub(super) fn create(work: &Work<'_>, user: &User, audit: &Audit) -> Result<Changed> {
    let (issuer, subject) = user.external.as_ref().map(|(i, s)| (&**i, &**s)).unzip();
    let new = work.inserted(
        "INSERT INTO users (platform, id, name, password, external_issuer, external_subject, password_version, status,
           created_at, email, kind, sessions)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        params![
            user.platform.as_str(),
            user.id.as_str(),
            &*user.name,
            user.password.as_ref().map(PasswordHash::expose),
            issuer,
            subject,
            user.password_version.cast_signed(),
            user.status.as_str(),
            user.created_at.millis(),
            user.email.as_deref(),
            user.kind.as_str(),
            user.kind.sessions(),
        ],
    )?;
    if !new {
        return Ok(Changed::Conflict);
    }
    work.audit(audit)?;
    Ok(Changed::Done)
}

pub(super) fn by_name(conn: &Connection, platform: &PlatformId, name: &str) -> Result<Option<User>> {
    let sql = concat!("SELECT ", user_columns!(), " FROM users u WHERE u.platform = ?1 AND u.name = ?2");
    Ok(conn.prepare_cached(sql)?.query_row([platform.as_str(), name], |row| rows::user(row, 0)).optional()?)
}

pub(super) fn by_id(conn: &Connection, platform: &PlatformId, id: &UserId) -> Result<Option<User>> {
    let sql = concat!("SELECT ", user_columns!(), " FROM users u WHERE u.platform = ?1 AND u.id = ?2");
    Ok(conn
        .prepare_cached(sql)?
        .query_row([platform.as_str(), id.as_str()], |row| rows::user(row, 0))
        .optional()?)
}

pub(super) fn list(conn: &Connection, platform: &PlatformId) -> Result<Vec<User>> {
    let sql = concat!(
        "SELECT * FROM (SELECT ",
        user_columns!(),
        ", u.number FROM users u WHERE u.platform = ?1 ORDER BY u.number DESC LIMIT 1000) ORDER BY number"
    );
    let mut statement = conn.prepare_cached(sql)?;
    let found = statement.query_map([platform.as_str()], |row| rows::user(row, 0))?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn set_password(
    work: &Work<'_>,
    platform: &PlatformId,
    user: &UserId,
    hash: &PasswordHash,
    expected: u64,
    keep: Option<&SessionId>,
    audit: &Audit,
) -> Result<Changed> {
    let Some(found) = by_id(work.conn, platform, user)? else { return Ok(Changed::NotFound) };
    if found.password_version != expected {
        return Ok(Changed::Conflict);
    }
    store_password(work, platform, user, hash, audit.at)?;
    if found.kind.is_machine() {
        let ended = Ended { at: audit.at, reason: EndReason::SignedOut, successor: None };
        sign_on::end_all(work, platform, user, &ended)?;
    }
    for session in sessions(work.conn, platform, user, audit.at)? {
        if keep != Some(&session.id) {
            end(work, platform, &session.id, audit.at)?;
        }
    }
    work.audit(audit)?;
    Ok(Changed::Done)
}

pub(super) fn set_sessions(
    work: &Work<'_>,
    platform: &PlatformId,
    user: &UserId,
    sessions: u32,
    audit: &Audit,
) -> Result<Changed> {
    let Some(found) = by_id(work.conn, platform, user)? else { return Ok(Changed::NotFound) };
    if !found.kind.is_machine() {
        return Ok(Changed::Conflict);
    }
    work.execute(
        "UPDATE users SET sessions = ?3 WHERE platform = ?1 AND id = ?2",
        params![platform.as_str(), user.as_str(), sessions],
    )?;
    work.log(platform, SubjectKind::User, user.as_str(), Effect::Change, audit.at)?;
    work.audit(audit)?;
    Ok(Changed::Done)
}

/// Stores another password under the next version, for those who remember the old one to hear of.
pub(super) fn store_password(
    work: &Work<'_>,
    platform: &PlatformId,
    user: &UserId,
    hash: &PasswordHash,
    at: Timestamp,
) -> Result<()> {
    work.execute(
        "UPDATE users SET password = ?3, password_version = password_version + 1 WHERE platform = ?1 AND id = ?2",
        [platform.as_str(), user.as_str(), hash.expose()],
    )?;
    work.log(platform, SubjectKind::User, user.as_str(), Effect::Change, at)?;
    Ok(())
}

pub(super) fn create_session(
    work: &Work<'_>,
    platform: &PlatformId,
    session: &Session,
    password_version: u64,
) -> Result<Changed> {
    let Some(user) = by_id(work.conn, platform, &session.user)? else { return Ok(Changed::NotFound) };
    let changed = user.status != Status::Active || user.password_version != password_version;
    if changed || user.kind.is_machine() {
        return Ok(Changed::Conflict);
    }
    let new = work.inserted(
        "INSERT INTO sessions (platform, id, digest, user, created_at, last_seen, expires_at, address, browser)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![
            platform.as_str(),
            session.id.as_str(),
            session.digest.as_bytes(),
            session.user.as_str(),
            session.created_at.millis(),
            session.last_seen.millis(),
            session.expires_at.millis(),
            &*session.address,
            &*session.browser,
        ],
    )?;
    Ok(if new { Changed::Done } else { Changed::Conflict })
}

pub(super) fn session(
    conn: &Connection,
    platform: &PlatformId,
    digest: &Digest,
    now: Timestamp,
) -> Result<Option<(Session, User)>> {
    let sql = concat!(
        "SELECT ",
        session_columns!(),
        ", ",
        user_columns!(),
        " FROM sessions s JOIN users u ON u.platform = s.platform AND u.id = s.user
         WHERE s.platform = ?1 AND s.digest = ?2 AND s.ended_at IS NULL AND s.expires_at > ?3 AND u.status = 'ACTIVE'"
    );
    let found = conn
        .prepare_cached(sql)?
        .query_row(params![platform.as_str(), digest.as_bytes(), now.millis()], |row| {
            Ok((rows::session(row, 0)?, rows::user(row, rows::SESSION_WIDTH)?))
        })
        .optional()?;
    Ok(found)
}

/// Moves `last_seen`; never back.
pub(super) fn see_session(
    work: &Work<'_>,
    platform: &PlatformId,
    id: &SessionId,
    now: Timestamp,
) -> Result<()> {
    work.execute(
        "UPDATE sessions SET last_seen = max(last_seen, ?3) WHERE platform = ?1 AND id = ?2",
        params![platform.as_str(), id.as_str(), now.millis()],
    )?;
    Ok(())
}

pub(super) fn sessions(
    conn: &Connection,
    platform: &PlatformId,
    user: &UserId,
    now: Timestamp,
) -> Result<Vec<Session>> {
    let sql = concat!(
        "SELECT ",
        session_columns!(),
        " FROM sessions s
         WHERE s.platform = ?1 AND s.user = ?2 AND s.ended_at IS NULL AND s.expires_at > ?3 ORDER BY s.number"
    );
    let mut statement = conn.prepare_cached(sql)?;
    let found = statement
        .query_map(params![platform.as_str(), user.as_str(), now.millis()], |row| rows::session(row, 0))?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn end_sessions(
    work: &Work<'_>,
    platform: &PlatformId,
    user: &UserId,
    id: Option<&SessionId>,
    audit: &Audit,
) -> Result<u64> {
    let mut ended = 0;
    for session in sessions(work.conn, platform, user, audit.at)? {
        if id.is_none_or(|id| *id == session.id) {
            end(work, platform, &session.id, audit.at)?;
            ended += 1;
        }
    }
    if ended > 0 {
        work.audit(audit)?;
    }
    Ok(ended)
}

fn end(work: &Work<'_>, platform: &PlatformId, id: &SessionId, at: Timestamp) -> Result<()> {
    work.execute(
        "UPDATE sessions SET ended_at = ?3 WHERE platform = ?1 AND id = ?2",
        params![platform.as_str(), id.as_str(), at.millis()],
    )?;
    work.log(platform, SubjectKind::Session, id.as_str(), Effect::Kill, at)?;
    Ok(())
}
