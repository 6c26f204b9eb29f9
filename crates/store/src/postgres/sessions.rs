//! Browser sessions.

use super::model::{session, session_columns, user, user_columns};
use super::row::{AsText as _, Cursor, each, int};
use super::work::{Proof, Shared};
use crate::verbs::{Audit, Changed, StoreError};
use mandate_core::log::Effect;
use mandate_core::model::{Session, User};
use mandate_core::{Digest, PlatformId, SessionId, SubjectKind, Timestamp, UserId};
use std::sync::Arc;

/// Milliseconds that `last_seen` may lag behind.
const SEEN_EVERY_MS: i64 = 60_000;

const STORED: &str = "SELECT 1 FROM sessions WHERE platform = $1 AND digest = $2";

/// The user's row is locked against a change of the password for the moment of the insert.
pub(super) async fn create(
    shared: &Arc<Shared>,
    platform: &PlatformId,
    session: &Session,
    password_version: u64,
) -> Result<Changed, StoreError> {
    let work = shared.work().await?;
    let row = work
        .row(
            "WITH u AS (SELECT status = 'ACTIVE' AND kind = 'person' AND password_version = $9 AS good FROM users \
                 WHERE platform = $1 AND id = $4 FOR SHARE), \
             i AS (INSERT INTO sessions (platform, digest, id, user_id, created_at, last_seen, expires_at, address, \
                 browser) SELECT $1, $2, $3, $4, $5, $6, $7, $8, $10 FROM u WHERE u.good \
                 ON CONFLICT DO NOTHING RETURNING 1) \
             SELECT good AND EXISTS (SELECT 1 FROM i) FROM u",
            &[
                &platform.sql(),
                &session.digest.as_bytes().as_slice(),
                &session.id.sql(),
                &session.user.sql(),
                &session.created_at.millis(),
                &session.last_seen.millis(),
                &session.expires_at.millis(),
                &session.address.sql(),
                &int(password_version),
                &session.browser.sql(),
            ],
        )
        .await?;
    match row.map(|r| Cursor::new(&r).get::<bool>()).transpose()? {
        None => Ok(Changed::NotFound),
        Some(false) => Ok(Changed::Conflict),
        Some(true) => {
            work.commit_as(
                Proof::Row(STORED, platform.clone(), session.digest.as_bytes().to_vec()),
                session.created_at,
            )
            .await?;
            Ok(Changed::Done)
        }
    }
}

pub(super) async fn live(
    shared: &Shared,
    platform: &PlatformId,
    digest: &Digest,
    now: Timestamp,
) -> Result<Option<(Session, User)>, StoreError> {
    let sql = concat!(
        "SELECT ",
        session_columns!(),
        ", ",
        user_columns!(),
        " FROM sessions AS s JOIN users AS u ON u.platform = s.platform AND u.id = s.user_id \
         WHERE s.platform = $1 AND s.digest = $2 AND s.expires_at > $3 AND u.status = 'ACTIVE'"
    );
    let digest = digest.as_bytes().as_slice();
    let Some(row) = shared.read_one(sql, &[&platform.sql(), &digest, &now.millis()]).await? else {
        return Ok(None);
    };
    let mut columns = Cursor::new(&row);
    let (mut session, user) = (session(&mut columns)?, user(&mut columns)?);
    if now.millis_since(session.last_seen) >= SEEN_EVERY_MS {
        let seen =
            "UPDATE sessions SET last_seen = $3 WHERE platform = $1 AND digest = $2 AND last_seen < $3";
        shared.pool.lease().await?.run(seen, &[&platform.sql(), &digest, &now.millis()]).await?;
        session.last_seen = now;
    }
    Ok(Some((session, user)))
}

pub(super) async fn of_user(
    shared: &Shared,
    platform: &PlatformId,
    user: &UserId,
    now: Timestamp,
) -> Result<Vec<Session>, StoreError> {
    let sql = concat!(
        "SELECT ",
        session_columns!(),
        " FROM sessions AS s WHERE s.platform = $1 AND s.user_id = $2 AND s.expires_at > $3 \
         ORDER BY s.created_at, s.seq LIMIT 1000"
    );
    each(&shared.read(sql, &[&platform.sql(), &user.sql(), &now.millis()]).await?, session)
}

pub(super) async fn end(
    shared: &Arc<Shared>,
    platform: &PlatformId,
    user: &UserId,
    id: Option<&SessionId>,
    audit: &Audit,
) -> Result<u64, StoreError> {
    let mut work = shared.work().await?;
    let ended = work
        .rows(
            "DELETE FROM sessions WHERE platform = $1 AND user_id = $2 AND ($3::text IS NULL OR id = $3) \
             RETURNING id, expires_at > $4",
            &[&platform.sql(), &user.sql(), &id.map(|i| i.sql()), &audit.at.millis()],
        )
        .await?;
    let mut live = 0;
    for row in &ended {
        let mut columns = Cursor::new(row);
        work.note(platform, SubjectKind::Session, columns.get()?, Effect::Kill);
        live += u64::from(columns.get::<bool>()?);
    }
    work.commit(audit).await?;
    Ok(live)
}
