//! The store itself, and the platform files in it.

use super::model::platform;
use super::row::{AsText as _, Cursor, each, int};
use super::work::Shared;
use crate::verbs::{Audit, Changed, PlatformRow, StoreError, StoreInfo};
use mandate_core::log::Effect;
use mandate_core::{PlatformId, SubjectKind};
use std::sync::Arc;

pub(super) async fn info(shared: &Shared) -> Result<StoreInfo, StoreError> {
    let row = shared.read_one("SELECT timeline, demo FROM store_info", &[]).await?;
    let row = row.ok_or_else(|| StoreError::Misuse("the row about the store is missing".into()))?;
    let mut columns = Cursor::new(&row);
    Ok(StoreInfo { timeline: columns.id()?, demo: columns.get()?, backend: "postgresql" })
}

/// The row is locked, so that no platform is applied at the same moment.
pub(super) async fn stamp_demo(shared: &Shared) -> Result<Changed, StoreError> {
    let lease = shared.pool.lease().await?;
    lease.begin().await?;
    lease.run("SELECT 1 FROM store_info FOR UPDATE", &[]).await?;
    let stamp = "UPDATE store_info SET demo = true WHERE demo OR NOT EXISTS (SELECT 1 FROM platforms)";
    if lease.run(stamp, &[]).await? == 0 {
        return Ok(Changed::Conflict);
    }
    lease.commit().await?;
    Ok(Changed::Done)
}

pub(super) async fn wrapped_key(
    shared: &Shared,
    purpose: &str,
    offered: &[u8],
) -> Result<Vec<u8>, StoreError> {
    let known = "SELECT wrapped FROM wrapped_keys WHERE purpose = $1";
    let mut row = shared.read_one(known, &[&purpose.sql()]).await?;
    if row.is_none() {
        let offer = "INSERT INTO wrapped_keys (purpose, wrapped) VALUES ($1, $2) ON CONFLICT DO NOTHING";
        shared.pool.lease().await?.run(offer, &[&purpose.sql(), &offered]).await?;
        row = shared.read_one(known, &[&purpose.sql()]).await?;
    }
    row.map_or_else(|| Err(StoreError::Misuse("a key was not kept".into())), |r| Cursor::new(&r).get())
}

pub(super) async fn apply(
    shared: &Arc<Shared>,
    row: &PlatformRow,
    expected: u64,
    audit: &Audit,
) -> Result<Changed, StoreError> {
    let mut work = shared.work().await?;
    let (id, document, at) = (row.id.sql(), row.document.sql(), row.applied_at.millis());
    let applied = if expected == 0 {
        let first = "INSERT INTO platforms (id, revision, document, applied_at) VALUES ($1, 1, $2, $3) \
            ON CONFLICT DO NOTHING";
        work.run(first, &[&id, &document, &at]).await?
    } else {
        let next = "UPDATE platforms SET revision = revision + 1, document = $2, applied_at = $3 \
            WHERE id = $1 AND revision = $4";
        work.run(next, &[&id, &document, &at, &int(expected)]).await?
    };
    if applied == 0 {
        return Ok(Changed::Conflict);
    }
    work.run("SELECT 1 FROM store_info FOR SHARE", &[]).await?;
    work.note(&row.id, SubjectKind::Platform, row.id.as_str(), Effect::Change);
    work.commit(audit).await?;
    Ok(Changed::Done)
}

pub(super) async fn all(shared: &Shared) -> Result<Vec<PlatformRow>, StoreError> {
    let sql = "SELECT id, revision, document, applied_at FROM platforms ORDER BY seq";
    each(&shared.read(sql, &[]).await?, platform)
}

pub(super) async fn counts(shared: &Shared, platform: &PlatformId) -> Result<(u64, u64, u64), StoreError> {
    let sql = "SELECT (SELECT count(*) FROM codes WHERE platform = $1), \
        (SELECT count(*) FROM tokens WHERE platform = $1), (SELECT count(*) FROM grants WHERE platform = $1)";
    let row = shared.read_one(sql, &[&platform.sql()]).await?;
    let row = row.ok_or_else(|| StoreError::Misuse("no counts".into()))?;
    let mut columns = Cursor::new(&row);
    Ok((columns.count()?, columns.count()?, columns.count()?))
}
