//! Counts of what clients use of older times.

use super::fault::Result;
use super::rows;
use super::work::Work;
use mandate_core::legacy::{LegacyCount, LegacyUse};
use mandate_core::{ClientId, PlatformId, Timestamp};
use rusqlite::{Connection, params};

pub(super) fn note(work: &Work<'_>, platform: &PlatformId, counts: &[LegacyCount]) -> Result<()> {
    for count in counts {
        work.execute(
            "INSERT INTO legacy_uses (platform, client, what, times, first_used, last_used)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (platform, client, what) DO UPDATE SET times = times + excluded.times,
               first_used = min(first_used, excluded.first_used), last_used = max(last_used, excluded.last_used)",
            params![
                platform.as_str(),
                count.client.as_str(),
                count.what.as_str(),
                count.times.cast_signed(),
                count.first.millis(),
                count.last.millis(),
            ],
        )?;
    }
    Ok(())
}

pub(super) fn list(conn: &Connection, platform: &PlatformId) -> Result<Vec<LegacyCount>> {
    let mut statement = conn.prepare_cached(
        "SELECT client, what, times, first_used, last_used FROM legacy_uses WHERE platform = ?1
         ORDER BY client, what",
    )?;
    let found = statement.query_map([platform.as_str()], |row| {
        let what: String = row.get(1)?;
        let Some(what) = LegacyUse::from_word(&what) else { return Ok(None) };
        Ok(Some(LegacyCount {
            client: ClientId::new(row.get::<_, String>(0)?),
            what,
            times: rows::number(row, 2)?,
            first: Timestamp::from_millis(row.get(3)?),
            last: Timestamp::from_millis(row.get(4)?),
        }))
    })?;
    Ok(found.filter_map(rusqlite::Result::transpose).collect::<rusqlite::Result<_>>()?)
}
