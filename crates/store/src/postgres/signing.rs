//! Signing keys.

use super::chains;
use super::row::{AsText as _, Cursor, each, millis};
use super::work::{Shared, Work};
use crate::signing::{SigningKeyRow, TurnPlan};
use crate::verbs::{Audit, Changed, StoreError};
use mandate_core::log::Effect;
use mandate_core::model::EndReason;
use mandate_core::succession::{MAC, MAC_LINGERS_MS, Turn};
use mandate_core::{ChainId, PlatformId, SubjectKind, Timestamp};
use std::sync::Arc;
use tokio_postgres::Row;

const LIST: &str = "SELECT kid, alg, wrapped, public, created_at, active_from, retires_at, gone_at \
    FROM signing_keys WHERE platform = $1 ORDER BY seq";

pub(super) async fn list(shared: &Shared, platform: &PlatformId) -> Result<Vec<SigningKeyRow>, StoreError> {
    rows(&shared.read(LIST, &[&platform.sql()]).await?, platform)
}

fn rows(found: &[Row], platform: &PlatformId) -> Result<Vec<SigningKeyRow>, StoreError> {
    each(found, |c| {
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

/// Nodes that turn keys at once wait for each other here, so that one of them does it.
async fn lock(shared: &Arc<Shared>, platform: &PlatformId) -> Result<Work, StoreError> {
    let work = shared.work().await?;
    let lock = "SELECT pg_advisory_xact_lock(hashtextextended('signing' || chr(10) || $1, 0))::text";
    work.row(lock, &[&platform.sql()]).await?;
    Ok(work)
}

pub(super) async fn turn(
    shared: &Arc<Shared>,
    offered: &SigningKeyRow,
    turn: &Turn,
    outlives_ms: Option<i64>,
    audit: &Audit,
) -> Result<Changed, StoreError> {
    let platform = &offered.platform;
    let mut work = lock(shared, platform).await?;
    let keys: Vec<_> = rows(&work.rows(LIST, &[&platform.sql()]).await?, platform)?
        .iter()
        .filter(|key| key.alg == offered.alg)
        .map(SigningKeyRow::life)
        .collect();
    let plan = match TurnPlan::of(&keys, offered, turn, outlives_ms, audit.at) {
        Ok(plan) => plan,
        Err(outcome) => return Ok(outcome),
    };
    if let Turn::Distrust { kid } = turn {
        distrust(&mut work, platform, &offered.alg, kid, audit.at).await?;
    }
    if let Some(key) = &plan.made
        && !insert(&work, key).await?
    {
        return Ok(Changed::Conflict);
    }
    let change = "UPDATE signing_keys SET active_from = $3, retires_at = $4, gone_at = $5 \
        WHERE platform = $1 AND kid = $2";
    for life in &plan.changed {
        let (kid, active) = (&*life.kid, life.active_from.millis());
        let (retires, gone) = (millis(life.retires_at), millis(life.gone_at));
        work.run(change, &[&platform.sql(), &kid, &active, &retires, &gone]).await?;
    }
    changed(work, platform, audit).await
}

async fn insert(work: &Work, key: &SigningKeyRow) -> Result<bool, StoreError> {
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
    Ok(made == 1)
}

/// What hangs from a key that is no longer believed ends with it. Chains come before keys in the order of locks; whoever
/// holds a chain never waits for the lock of the keys.
async fn distrust(
    work: &mut Work,
    platform: &PlatformId,
    alg: &str,
    kid: &str,
    at: Timestamp,
) -> Result<(), StoreError> {
    if alg != MAC {
        work.note(platform, SubjectKind::SigningKey, kid, Effect::Kill);
        return Ok(());
    }
    let named = "SELECT id FROM chains WHERE platform = $1 AND key = $2 AND ended_at IS NULL \
        ORDER BY id FOR NO KEY UPDATE";
    let found = work.rows(named, &[&platform.sql(), &number(kid)]).await?;
    let ids: Vec<ChainId> = found.iter().map(|row| Cursor::new(row).id()).collect::<Result<_, _>>()?;
    for id in &ids {
        chains::end(work, platform, id, EndReason::Operator, at).await?;
    }
    Ok(())
}

fn number(kid: &str) -> i64 {
    kid.parse().unwrap_or(0)
}

pub(super) async fn end_mac(
    shared: &Arc<Shared>,
    platform: &PlatformId,
    kid: &str,
    audit: &Audit,
) -> Result<Changed, StoreError> {
    let work = lock(shared, platform).await?;
    let now = audit.at.millis();
    let named = "SELECT 1 FROM chains WHERE platform = $1 AND key = $2 AND ended_at IS NULL \
        AND (ends_at IS NULL OR ends_at > $3) AND (idle_ends_at IS NULL OR idle_ends_at > $3) LIMIT 1";
    if work.row(named, &[&platform.sql(), &number(kid), &now]).await?.is_some() {
        return Ok(Changed::Conflict);
    }
    let end = "UPDATE signing_keys SET gone_at = $3 \
        WHERE platform = $1 AND kid = $2 AND alg = $5 AND gone_at IS NULL AND retires_at <= $4";
    let lingered = now - MAC_LINGERS_MS;
    if work.run(end, &[&platform.sql(), &kid, &now, &lingered, &MAC]).await? == 0 {
        return Ok(Changed::NotFound);
    }
    changed(work, platform, audit).await
}

/// All nodes read the platform's keys anew.
async fn changed(mut work: Work, platform: &PlatformId, audit: &Audit) -> Result<Changed, StoreError> {
    work.note(platform, SubjectKind::Platform, platform.as_str(), Effect::Change);
    work.commit(audit).await?;
    Ok(Changed::Done)
}
