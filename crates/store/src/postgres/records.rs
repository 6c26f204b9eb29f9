//! What is remembered: refusals, marks of use, audit records; and how all of it is forgotten.

use super::error::Failure;
use super::model::{audit, decision};
use super::row::{AsText as _, Cursor, each, int};
use super::work::Shared;
use crate::verbs::{AuditRecord, DecisionRow, StoreError, Used};
use mandate_core::{DecisionId, PlatformId, Timestamp};
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// A day.
pub(super) const DAY_MS: i64 = 86_400_000;
/// Refusals are kept this long.
const DECISION_DAYS: i64 = 40;
/// Ended credentials and grants are kept this long (DESIGN D5).
pub(super) const ENDED_DAYS: i64 = 400;
/// A code is kept this long after its end, so that a replay is recognised.
const CODE_DAYS: i64 = 1;
/// A token is kept this long after its calendar end, so that its holder may ask why.
const EXPIRED_DAYS: i64 = 40;
/// What waited for its owner is kept this long after its time.
const WAITING_MS: i64 = DAY_MS;
/// A mark is kept this long after its own time (SECURITY R16).
const MARKS_MS: i64 = 3_600_000;
/// Rows that one statement of the purge takes away.
const BITE: i64 = 5000;
/// Ended grants dropped at once: each bite reads all tokens.
const GRANT_BITE: i64 = 50_000;

/// Guards the making and dropping of partitions.
const PARTITION_LOCK: &str = "SELECT pg_advisory_xact_lock(7163249010245578)";

/// Days whose partition is known to exist.
pub(super) type Days = Mutex<BTreeSet<i64>>;

fn lock(days: &Days) -> std::sync::MutexGuard<'_, BTreeSet<i64>> {
    days.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes the partitions of these days and of those that follow them, if they are missing. Attaching a table does not
/// stop readers and writers of the others.
async fn ensure(shared: &Shared, days: &Days, wanted: &BTreeSet<i64>) -> Result<(), StoreError> {
    let missing: BTreeSet<i64> = {
        let known = lock(days);
        let all = wanted.iter().flat_map(|d| [*d, d.saturating_add(1)]);
        all.filter(|d| !known.contains(d)).collect()
    };
    if missing.is_empty() {
        return Ok(());
    }
    let lease = shared.pool.lease().await?;
    for day in missing {
        lease.begin().await?;
        lease.simple(PARTITION_LOCK).await?;
        let name = format!("decisions_{day}");
        let there = lease.row("SELECT to_regclass($1) IS NOT NULL", &[&name]).await?;
        if !there.map_or(Ok(false), |r| Cursor::new(&r).get::<bool>())? {
            let (from, to) = (day.saturating_mul(DAY_MS), day.saturating_add(1).saturating_mul(DAY_MS));
            lease
                .simple(&format!(
                    "CREATE TABLE \"{name}\" (LIKE decisions INCLUDING ALL); \
                     ALTER TABLE decisions ATTACH PARTITION \"{name}\" FOR VALUES FROM ({from}) TO ({to})"
                ))
                .await?;
        }
        lease.commit().await?;
        lock(days).insert(day);
    }
    Ok(())
}

pub(super) async fn record(shared: &Shared, days: &Days, rows: &[DecisionRow]) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let wanted: BTreeSet<i64> = rows.iter().map(|r| r.at.millis().div_euclid(DAY_MS)).collect();
    ensure(shared, days, &wanted).await?;
    match insert(shared, rows).await {
        // Another node may have dropped a partition since: look again, once. Nothing was stored.
        Err(Failure::Wrong(_)) => {
            lock(days).clear();
            ensure(shared, days, &wanted).await?;
            Ok(insert(shared, rows).await?)
        }
        done => Ok(done?),
    }
}

/// Does not wait for the disk: the last moment before a crash may be lost (SECURITY R8).
async fn insert(shared: &Shared, rows: &[DecisionRow]) -> Result<(), Failure> {
    let platforms: Vec<_> = rows.iter().map(|r| r.platform.sql()).collect();
    let ids: Vec<_> = rows.iter().map(|r| r.id.sql()).collect();
    let times: Vec<i64> = rows.iter().map(|r| r.at.millis()).collect();
    let causes: Vec<_> = rows.iter().map(|r| r.cause.sql()).collect();
    let documents: Vec<_> = rows.iter().map(|r| r.document.sql()).collect();
    let lease = shared.pool.lease().await.map_err(|e| Failure::Refused(e.to_string()))?;
    lease.begin().await?;
    lease.simple("SET LOCAL synchronous_commit = off").await?;
    lease
        .run(
            "INSERT INTO decisions (platform, id, at, cause, document) \
             SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[]) \
             ON CONFLICT DO NOTHING",
            &[&platforms, &ids, &times, &causes, &documents],
        )
        .await?;
    lease.commit().await
}

pub(super) async fn by_id(
    shared: &Shared,
    platform: &PlatformId,
    id: &DecisionId,
) -> Result<Option<DecisionRow>, StoreError> {
    let sql =
        "SELECT id, platform, at, cause, document FROM decisions WHERE platform = $1 AND id = $2 LIMIT 1";
    let row = shared.read_one(sql, &[&platform.sql(), &id.sql()]).await?;
    row.map(|r| decision(&mut Cursor::new(&r))).transpose()
}

/// Rows that are locked are left out: a mark may be missed, an act may not be kept waiting.
pub(super) async fn note_use(
    shared: &Shared,
    platform: &PlatformId,
    uses: &[(Used, Timestamp)],
) -> Result<(), StoreError> {
    let (mut keys, mut key_times, mut grants, mut grant_times) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (used, at) in uses {
        match used {
            Used::Key(id) => {
                keys.push(id.sql());
                key_times.push(at.millis());
            }
            Used::Grant(id) => {
                grants.push(id.sql());
                grant_times.push(at.millis());
            }
        }
    }
    let lease = shared.pool.lease().await?;
    lease.begin().await?;
    lease.simple("SET LOCAL synchronous_commit = off").await?;
    let mark_keys = "WITH u AS (SELECT id, max(at) AS at FROM unnest($2::text[], $3::bigint[]) AS u (id, at) \
            GROUP BY id), \
        f AS MATERIALIZED (SELECT k.id, u.at FROM u JOIN api_keys AS k ON k.platform = $1 AND k.id = u.id \
            WHERE k.last_used IS NULL OR k.last_used < u.at FOR NO KEY UPDATE OF k SKIP LOCKED) \
        UPDATE api_keys AS k SET last_used = f.at FROM f WHERE k.platform = $1 AND k.id = f.id";
    let mark_grants = "WITH u AS (SELECT id, max(at) AS at FROM unnest($2::text[], $3::bigint[]) AS u (id, at) \
            GROUP BY id), \
        f AS MATERIALIZED (SELECT g.id, u.at FROM u JOIN grants AS g ON g.platform = $1 AND g.id = u.id \
            WHERE g.last_used IS NULL OR g.last_used < u.at FOR NO KEY UPDATE OF g SKIP LOCKED) \
        UPDATE grants AS g SET last_used = f.at FROM f WHERE g.platform = $1 AND g.id = f.id";
    if !grants.is_empty() {
        lease.run(mark_grants, &[&platform.sql(), &grants, &grant_times]).await?;
    }
    if !keys.is_empty() {
        lease.run(mark_keys, &[&platform.sql(), &keys, &key_times]).await?;
    }
    Ok(lease.commit().await?)
}

pub(super) async fn audit_after(
    shared: &Shared,
    after: u64,
    limit: u32,
) -> Result<Vec<AuditRecord>, StoreError> {
    let sql = "SELECT number, operation, platform, actor, action, subject, detail, at FROM audit \
        WHERE number > $1 ORDER BY number LIMIT $2";
    each(&shared.read(sql, &[&int(after), &i64::from(limit)]).await?, audit)
}

/// What goes when its time is over, in small bites; each ends as soon as one finds less than it could take.
const PURGES: [(&str, i64); 11] = [
    (
        "DELETE FROM sessions WHERE ctid = ANY (ARRAY( \
        SELECT ctid FROM sessions WHERE expires_at <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED))",
        0,
    ),
    (
        "DELETE FROM codes WHERE ctid = ANY (ARRAY( \
        SELECT ctid FROM codes WHERE expires_at <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED))",
        CODE_DAYS * DAY_MS,
    ),
    (
        "DELETE FROM tokens WHERE ctid = ANY (ARRAY( \
        SELECT ctid FROM tokens WHERE ended_at <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED))",
        ENDED_DAYS * DAY_MS,
    ),
    (
        "DELETE FROM tokens WHERE ctid = ANY (ARRAY( \
        SELECT ctid FROM tokens WHERE expires_at <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED))",
        EXPIRED_DAYS * DAY_MS,
    ),
    (
        "WITH k AS (DELETE FROM api_keys WHERE ctid = ANY (ARRAY( \
        SELECT ctid FROM api_keys WHERE ended_at <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED)) RETURNING platform, id) \
        DELETE FROM credential_ids AS i USING k WHERE i.platform = k.platform AND i.id = k.id",
        ENDED_DAYS * DAY_MS,
    ),
    // An ended chain takes its tokens with it: without it they would live again. One that ran out ends no token.
    (
        "WITH h AS (DELETE FROM chains WHERE ctid = ANY (ARRAY( \
        SELECT ctid FROM chains WHERE ended_at <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED)) RETURNING platform, id), \
        t AS (DELETE FROM tokens AS t USING h WHERE t.platform = h.platform AND t.chain = h.id) \
        SELECT 1 FROM h",
        ENDED_DAYS * DAY_MS,
    ),
    (
        "DELETE FROM chains WHERE ctid = ANY (ARRAY( \
        SELECT ctid FROM chains WHERE ends_at <= $1 AND ended_at IS NULL LIMIT $2 FOR UPDATE SKIP LOCKED))",
        EXPIRED_DAYS * DAY_MS,
    ),
    (
        "DELETE FROM chains WHERE ctid = ANY (ARRAY( \
        SELECT ctid FROM chains WHERE idle_day <= $1::bigint / 86400000 AND idle_ends_at <= $1 AND ended_at IS NULL \
        LIMIT $2 FOR UPDATE SKIP LOCKED))",
        EXPIRED_DAYS * DAY_MS,
    ),
    (
        "DELETE FROM devices WHERE ctid = ANY (ARRAY( \
        SELECT ctid FROM devices WHERE expires_at <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED))",
        WAITING_MS,
    ),
    (
        "DELETE FROM pushed WHERE ctid = ANY (ARRAY( \
        SELECT ctid FROM pushed WHERE expires_at <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED))",
        WAITING_MS,
    ),
    (
        "DELETE FROM marks WHERE ctid = ANY (ARRAY( \
        SELECT ctid FROM marks WHERE ends_at <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED))",
        MARKS_MS,
    ),
];

pub(super) async fn purge(shared: &Shared, days: &Days, now: Timestamp) -> Result<(), StoreError> {
    let before = |days: i64| now.plus_millis(-days * DAY_MS).millis();
    for (sql, kept_ms) in PURGES {
        let end = now.plus_millis(-kept_ms).millis();
        while shared.pool.lease().await?.run(sql, &[&end, &BITE]).await? == BITE.unsigned_abs() {}
    }
    // A grant goes last, and the tokens that hang from it with it. Tokens are not indexed by their grant, so this
    // reads all of them; only when there is a grant to drop.
    let ended = "WITH gone AS (SELECT platform, id FROM grants WHERE ended_at <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED), \
        orphans AS (DELETE FROM tokens AS t USING gone WHERE t.platform = gone.platform AND t.grant_id = gone.id), \
        chained AS (DELETE FROM chains AS h USING gone WHERE h.platform = gone.platform AND h.grant_id = gone.id) \
        DELETE FROM grants AS g USING gone WHERE g.platform = gone.platform AND g.id = gone.id";
    let due = "SELECT 1 FROM grants WHERE ended_at <= $1 LIMIT 1";
    while !shared.read_unasked(due, &[&before(ENDED_DAYS)]).await?.is_empty() {
        let lease = shared.pool.lease().await?;
        // Somebody else is at it.
        if lease.run(ended, &[&before(ENDED_DAYS), &GRANT_BITE]).await? == 0 {
            break;
        }
    }
    drop_partitions(shared, days, before(DECISION_DAYS).div_euclid(DAY_MS)).await
}

async fn drop_partitions(shared: &Shared, days: &Days, first_kept: i64) -> Result<(), StoreError> {
    let names = "SELECT c.relname::text FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid \
        WHERE i.inhparent = 'decisions'::regclass";
    let rows = shared.read_unasked(names, &[]).await?;
    for row in &rows {
        let name: &str = Cursor::new(row).get()?;
        let Some(day) = name.strip_prefix("decisions_").and_then(|d| d.parse::<i64>().ok()) else { continue };
        if day >= first_kept {
            continue;
        }
        let lease = shared.pool.lease().await?;
        lease.begin().await?;
        // Waits for readers of the table only a moment; the next purge comes back to it.
        lease.simple("SET LOCAL lock_timeout = 1000").await?;
        lease.simple(PARTITION_LOCK).await?;
        lease.simple(&format!("DROP TABLE IF EXISTS \"{name}\"")).await?;
        lease.commit().await?;
        lock(days).remove(&day);
    }
    Ok(())
}
