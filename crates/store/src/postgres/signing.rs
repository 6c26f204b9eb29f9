//! Signing keys.

use super::row::{AsText as _, each, millis};
use super::work::{Shared, Work};
use crate::signing::SigningKeyRow;
use crate::verbs::{Audit, Changed, StoreError};
use mandate_core::log::Effect;
use mandate_core::{PlatformId, SubjectKind, Timestamp};
use std::sync::Arc;

pub(super) async fn list(shared: &Shared, platform: &PlatformId) -> Result<Vec<SigningKeyRow>, StoreError> {
    let sql = "SELECT kid, alg, wrapped, public, created_at, active_from, retires_at, gone_at FROM signing_keys \
        WHERE platform = $1 ORDER BY seq";
    each(&shared.read(sql, &[&platform.sql()]).await?, |c| {
        Ok(SigningKeyRow {
            platform: platform.clone(),
            kid: c.id()?,
            alg: c.id()?,
            wrapped: c.get()?,
            public: c.id()?,
            created_at: c.time()?,
            active_from: c.time()?,
            retires_at: c.maybe_time()?,
            gone_at: c.maybe_time()?,
        })
    })
}

/// Nodes that start at once wait for each other here, so that one of them makes the key.
pub(super) async fn add(
    shared: &Arc<Shared>,
    key: &SigningKeyRow,
    if_none_of_alg: bool,
    audit: &Audit,
) -> Result<Changed, StoreError> {
    let work = shared.work().await?;
    let lock = "SELECT pg_advisory_xact_lock(hashtextextended('signing' || chr(10) || $1, 0))::text";
    work.row(lock, &[&key.platform.sql()]).await?;
    let other = "SELECT 1 FROM signing_keys WHERE platform = $1 AND alg = $2 \
        AND (retires_at IS NULL OR retires_at > $3) LIMIT 1";
    let others = work.row(other, &[&key.platform.sql(), &key.alg.sql(), &key.created_at.millis()]).await?;
    if if_none_of_alg && others.is_some() {
        return Ok(Changed::Conflict);
    }
    let made = work
        .run(
            "INSERT INTO signing_keys (platform, kid, alg, wrapped, public, created_at, active_from, retires_at, gone_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING",
            &[
                &key.platform.sql(),
                &key.kid.sql(),
                &key.alg.sql(),
                &key.wrapped,
                &key.public.sql(),
                &key.created_at.millis(),
                &key.active_from.millis(),
                &millis(key.retires_at),
                &millis(key.gone_at),
            ],
        )
        .await?;
    if made == 0 {
        return Ok(Changed::Conflict);
    }
    changed(work, &key.platform, audit).await
}

pub(super) async fn retire(
    shared: &Arc<Shared>,
    platform: &PlatformId,
    kid: &str,
    at: Timestamp,
    gone_at: Option<Timestamp>,
    audit: &Audit,
) -> Result<Changed, StoreError> {
    let work = shared.work().await?;
    let retire = "UPDATE signing_keys SET retires_at = $3, gone_at = $4 \
        WHERE platform = $1 AND kid = $2 AND (retires_at IS NULL OR retires_at > $3)";
    if work.run(retire, &[&platform.sql(), &kid.sql(), &at.millis(), &millis(gone_at)]).await? == 1 {
        return changed(work, platform, audit).await;
    }
    let known = "SELECT 1 FROM signing_keys WHERE platform = $1 AND kid = $2";
    let known = work.row(known, &[&platform.sql(), &kid.sql()]).await?.is_some();
    Ok(if known { Changed::Conflict } else { Changed::NotFound })
}

/// All nodes read the platform's keys anew.
async fn changed(mut work: Work, platform: &PlatformId, audit: &Audit) -> Result<Changed, StoreError> {
    work.note(platform, SubjectKind::Platform, platform.as_str(), Effect::Change);
    work.commit(audit).await?;
    Ok(Changed::Done)
}
