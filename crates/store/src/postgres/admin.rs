//! Administrators.

use super::model::{admin, admin_columns};
use super::row::{AsText as _, Cursor, each, millis};
use super::work::{Shared, Work};
use crate::verbs::{Audit, Changed, StoreError};
use mandate_core::model::Administrator;
use mandate_core::{AdminId, Digest, Timestamp};
use std::sync::Arc;

async fn insert(work: &Work, admin: &Administrator, digest: &Digest) -> Result<bool, StoreError> {
    let sql = "INSERT INTO administrators (id, digest, rights, platform, created_at, expires_at) \
        VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING";
    let made = work
        .run(
            sql,
            &[
                &admin.id.sql(),
                &digest.as_bytes().as_slice(),
                &admin.rights.as_str(),
                &admin.platform.as_ref().map(|p| p.sql()),
                &admin.created_at.millis(),
                &millis(admin.expires_at),
            ],
        )
        .await?;
    Ok(made == 1)
}

pub(super) async fn bootstrap(
    shared: &Arc<Shared>,
    admin: &Administrator,
    digest: &Digest,
    audit: &Audit,
) -> Result<Changed, StoreError> {
    let work = shared.work().await?;
    let first = work.run("UPDATE store_info SET bootstrapped = true WHERE NOT bootstrapped", &[]).await?;
    if first == 0 || !insert(&work, admin, digest).await? {
        return Ok(Changed::Conflict);
    }
    work.commit(audit).await?;
    Ok(Changed::Done)
}

pub(super) async fn create(
    shared: &Arc<Shared>,
    admin: &Administrator,
    digest: &Digest,
    spend: Option<&AdminId>,
    audit: &Audit,
) -> Result<Changed, StoreError> {
    let work = shared.work().await?;
    if let Some(spend) = spend {
        let row = work
            .row(
                "SELECT rights = 'bootstrap' AND ended_at IS NULL AND (expires_at IS NULL OR expires_at > $2) \
                 FROM administrators WHERE id = $1 FOR NO KEY UPDATE",
                &[&spend.sql(), &audit.at.millis()],
            )
            .await?;
        match row.map(|r| Cursor::new(&r).get::<bool>()).transpose()? {
            None => return Ok(Changed::NotFound),
            Some(false) => return Ok(Changed::Conflict),
            Some(true) => {}
        }
        let end = "UPDATE administrators SET ended_at = $2 WHERE id = $1";
        work.run(end, &[&spend.sql(), &audit.at.millis()]).await?;
    }
    if !insert(&work, admin, digest).await? {
        return Ok(Changed::Conflict);
    }
    work.run("UPDATE store_info SET bootstrapped = true WHERE NOT bootstrapped", &[]).await?;
    work.commit(audit).await?;
    Ok(Changed::Done)
}

pub(super) async fn by_digest(
    shared: &Shared,
    digest: &Digest,
    now: Timestamp,
) -> Result<Option<Administrator>, StoreError> {
    let sql = concat!(
        "SELECT ",
        admin_columns!(),
        " FROM administrators WHERE digest = $1 AND ended_at IS NULL AND (expires_at IS NULL OR expires_at > $2)"
    );
    let row = shared.read_one(sql, &[&digest.as_bytes().as_slice(), &now.millis()]).await?;
    row.map(|r| admin(&mut Cursor::new(&r))).transpose()
}

pub(super) async fn all(shared: &Shared) -> Result<Vec<Administrator>, StoreError> {
    let sql = concat!(
        "SELECT ",
        admin_columns!(),
        " FROM administrators WHERE ended_at IS NULL ORDER BY created_at, seq LIMIT 1000"
    );
    each(&shared.read(sql, &[]).await?, admin)
}

pub(super) async fn end(shared: &Arc<Shared>, id: &AdminId, audit: &Audit) -> Result<Changed, StoreError> {
    let work = shared.work().await?;
    let end = "UPDATE administrators SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL";
    if work.run(end, &[&id.sql(), &audit.at.millis()]).await? == 0 {
        let there = work.row("SELECT 1 FROM administrators WHERE id = $1", &[&id.sql()]).await?.is_some();
        return Ok(if there { Changed::Conflict } else { Changed::NotFound });
    }
    work.commit(audit).await?;
    Ok(Changed::Done)
}
