//! Counts of what clients use of older times.

use super::row::{AsText as _, Cursor};
use super::work::Shared;
use crate::verbs::StoreError;
use mandate_core::legacy::{LegacyCount, LegacyUse};
use mandate_core::{ClientId, PlatformId, Timestamp};
use std::collections::BTreeMap;

/// Does not wait for the disk. In the order of the key, so that two nodes cannot wait for each other.
pub(super) async fn note(
    shared: &Shared,
    platform: &PlatformId,
    counts: &[LegacyCount],
) -> Result<(), StoreError> {
    let mut merged: BTreeMap<(&str, &str), (i64, i64, i64)> = BTreeMap::new();
    for count in counts {
        let (first, last) = (count.first.millis(), count.last.millis());
        let entry = merged.entry((count.client.as_str(), count.what.as_str())).or_insert((0, first, last));
        *entry = (entry.0 + count.times.cast_signed(), entry.1.min(first), entry.2.max(last));
    }
    let clients: Vec<&str> = merged.keys().map(|(client, _)| *client).collect();
    let whats: Vec<&str> = merged.keys().map(|(_, what)| *what).collect();
    let times: Vec<i64> = merged.values().map(|(times, ..)| *times).collect();
    let firsts: Vec<i64> = merged.values().map(|(_, first, _)| *first).collect();
    let lasts: Vec<i64> = merged.values().map(|(.., last)| *last).collect();
    let lease = shared.pool.lease().await?;
    lease.begin().await?;
    lease.simple("SET LOCAL synchronous_commit = off").await?;
    let sql = "INSERT INTO legacy_uses (platform, client, what, times, first_used, last_used) \
        SELECT $1, * FROM unnest($2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[]) \
        ON CONFLICT (platform, client, what) DO UPDATE SET times = legacy_uses.times + excluded.times, \
            first_used = least(legacy_uses.first_used, excluded.first_used), \
            last_used = greatest(legacy_uses.last_used, excluded.last_used)";
    lease.run(sql, &[&platform.sql(), &clients, &whats, &times, &firsts, &lasts]).await?;
    Ok(lease.commit().await?)
}

pub(super) async fn list(shared: &Shared, platform: &PlatformId) -> Result<Vec<LegacyCount>, StoreError> {
    let sql = "SELECT client, what, times, first_used, last_used FROM legacy_uses WHERE platform = $1 \
        ORDER BY client, what";
    let rows = shared.read(sql, &[&platform.sql()]).await?;
    let mut found = Vec::new();
    for row in &rows {
        let mut row = Cursor::new(row);
        let (client, what) = (row.get::<&str>()?, row.get::<&str>()?);
        let Some(what) = LegacyUse::from_word(what) else { continue };
        found.push(LegacyCount {
            client: ClientId::new(client),
            what,
            times: row.get::<i64>()?.max(0).cast_unsigned(),
            first: Timestamp::from_millis(row.get()?),
            last: Timestamp::from_millis(row.get()?),
        });
    }
    Ok(found)
}
