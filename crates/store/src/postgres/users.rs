//! Users.

use super::model::{user, user_columns};
use super::row::{AsText as _, Cursor, each, int};
use super::sign_on;
use super::work::{Shared, Work};
use crate::verbs::{Audit, Changed, StoreError};
use mandate_core::log::Effect;
use mandate_core::model::{EndReason, Ended, PasswordHash, User};
use mandate_core::{PlatformId, SessionId, SubjectKind, UserId};
use std::sync::Arc;

pub(super) async fn create(shared: &Arc<Shared>, user: &User, audit: &Audit) -> Result<Changed, StoreError> {
    let work = shared.work().await?;
    let external = user.external.as_ref();
    let made = work
        .run(
            "INSERT INTO users (platform, id, name, password, external_issuer, external_subject, password_version, \
                 status, created_at, email, kind, sessions) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT DO NOTHING",
            &[
                &user.platform.sql(),
                &user.id.sql(),
                &user.name.sql(),
                &user.password.as_ref().map(|p| p.expose().sql()),
                &external.map(|(issuer, _)| issuer.sql()),
                &external.map(|(_, subject)| subject.sql()),
                &int(user.password_version),
                &user.status.as_str(),
                &user.created_at.millis(),
                &user.email.as_ref().map(|e| e.sql()),
                &user.kind.as_str(),
                &user.kind.sessions().map(i64::from),
            ],
        )
        .await?;
    if made == 0 {
        return Ok(Changed::Conflict);
    }
    work.commit(audit).await?;
    Ok(Changed::Done)
}

pub(super) async fn by_name(
    shared: &Shared,
    platform: &PlatformId,
    name: &str,
) -> Result<Option<User>, StoreError> {
    let sql = concat!("SELECT ", user_columns!(), " FROM users AS u WHERE u.platform = $1 AND u.name = $2");
    let row = shared.read_one(sql, &[&platform.sql(), &name.sql()]).await?;
    row.map(|r| user(&mut Cursor::new(&r))).transpose()
}

pub(super) async fn by_id(
    shared: &Shared,
    platform: &PlatformId,
    id: &UserId,
) -> Result<Option<User>, StoreError> {
    let sql = concat!("SELECT ", user_columns!(), " FROM users AS u WHERE u.platform = $1 AND u.id = $2");
    let row = shared.read_one(sql, &[&platform.sql(), &id.sql()]).await?;
    row.map(|r| user(&mut Cursor::new(&r))).transpose()
}

pub(super) async fn all(shared: &Shared, platform: &PlatformId) -> Result<Vec<User>, StoreError> {
    let sql = concat!(
        "SELECT ",
        user_columns!(),
        " FROM users AS u WHERE u.platform = $1 ORDER BY u.created_at, u.seq LIMIT 1000"
    );
    each(&shared.read(sql, &[&platform.sql()]).await?, user)
}

pub(super) async fn set_password(
    shared: &Arc<Shared>,
    platform: &PlatformId,
    user: &UserId,
    hash: &PasswordHash,
    expected: u64,
    keep: Option<&SessionId>,
    audit: &Audit,
) -> Result<Changed, StoreError> {
    let mut work = shared.work().await?;
    let lock = concat!(
        "SELECT ",
        user_columns!(),
        " FROM users AS u WHERE u.platform = $1 AND u.id = $2 FOR NO KEY UPDATE"
    );
    let row = work.row(lock, &[&platform.sql(), &user.sql()]).await?;
    let Some(found) = row.map(|r| self::user(&mut Cursor::new(&r))).transpose()? else {
        return Ok(Changed::NotFound);
    };
    if found.password_version != expected {
        return Ok(Changed::Conflict);
    }
    store_password(&mut work, platform, user, hash).await?;
    if found.kind.is_machine() {
        let ended = Ended { at: audit.at, reason: EndReason::SignedOut, successor: None };
        sign_on::end_all(&mut work, platform, user, &ended).await?;
    }
    let ended = work
        .rows(
            "DELETE FROM sessions WHERE platform = $1 AND user_id = $2 AND ($3::text IS NULL OR id <> $3) \
             RETURNING id",
            &[&platform.sql(), &user.sql(), &keep.map(|k| k.sql())],
        )
        .await?;
    for row in &ended {
        work.note(platform, SubjectKind::Session, Cursor::new(row).get()?, Effect::Kill);
    }
    work.commit(audit).await?;
    Ok(Changed::Done)
}

/// Stores another password under the next version, for those who remember the old one to hear of.
pub(super) async fn store_password(
    work: &mut Work,
    platform: &PlatformId,
    user: &UserId,
    hash: &PasswordHash,
) -> Result<(), StoreError> {
    let set = "UPDATE users SET password = $3, password_version = password_version + 1 \
        WHERE platform = $1 AND id = $2";
    work.run(set, &[&platform.sql(), &user.sql(), &hash.expose().sql()]).await?;
    work.note(platform, SubjectKind::User, user.as_str(), Effect::Change);
    Ok(())
}

pub(super) async fn set_sessions(
    shared: &Arc<Shared>,
    platform: &PlatformId,
    user: &UserId,
    sessions: u32,
    audit: &Audit,
) -> Result<Changed, StoreError> {
    let mut work = shared.work().await?;
    let set = "UPDATE users SET sessions = $3 WHERE platform = $1 AND id = $2 AND kind = 'machine'";
    if work.run(set, &[&platform.sql(), &user.sql(), &i64::from(sessions)]).await? == 0 {
        let there = "SELECT 1 FROM users WHERE platform = $1 AND id = $2";
        let there = work.row(there, &[&platform.sql(), &user.sql()]).await?.is_some();
        return Ok(if there { Changed::Conflict } else { Changed::NotFound });
    }
    work.note(platform, SubjectKind::User, user.as_str(), Effect::Change);
    work.commit(audit).await?;
    Ok(Changed::Done)
}
