//! Dropping what is past its retention, a little at a time, so that nobody waits long behind it.

use super::fault::Result;
use super::work::Work;
use super::{codes, grants, rows};
use mandate_core::{AccountId, Timestamp};
use rusqlite::{OptionalExtension as _, params};

/// Rows looked at in one transaction.
const STEP: i64 = 1000;
/// How long expired tokens and sessions are kept: their holders may ask why they are refused.
const EXPIRED_KEPT_MS: i64 = 40 * 86_400_000;
/// How long what waited for its owner is kept after its time.
const WAITING_KEPT_MS: i64 = 86_400_000;
/// How long a mark is kept after its own time (SECURITY R16).
const MARKS_KEPT_MS: i64 = 3_600_000;

/// Drops some rows of one kind, after the row `from`. Gives the row to go on after, until there is none.
pub(super) type Step = fn(&Work<'_>, now: Timestamp, from: i64) -> Result<Option<i64>>;

/// In order.
pub(super) const STEPS: [Step; 10] = [
    drop_codes,
    drop_sessions,
    drop_keys,
    drop_tokens,
    drop_chains,
    drop_grant,
    drop_devices,
    drop_pushed,
    drop_marks,
    drop_log,
];

fn before(now: Timestamp, kept_ms: i64) -> i64 {
    now.plus_millis(-kept_ms).millis()
}

fn again_if(dropped: usize) -> Option<i64> {
    (dropped > 0).then_some(0)
}

fn drop_codes(work: &Work<'_>, now: Timestamp, _: i64) -> Result<Option<i64>> {
    let dropped = work.execute(
        "DELETE FROM codes WHERE number IN (SELECT number FROM codes WHERE period < ?1 LIMIT ?2)",
        params![codes::period(now) - 1, STEP],
    )?;
    Ok(again_if(dropped))
}

fn drop_sessions(work: &Work<'_>, now: Timestamp, from: i64) -> Result<Option<i64>> {
    sweep(
        work,
        "SELECT max(number) FROM (SELECT number FROM sessions WHERE number > ?1 ORDER BY number LIMIT ?2)",
        "DELETE FROM sessions WHERE number > ?1 AND number <= ?2 AND (expires_at < ?3 OR ended_at < ?4)",
        now,
        from,
    )
}

fn drop_tokens(work: &Work<'_>, now: Timestamp, from: i64) -> Result<Option<i64>> {
    sweep(
        work,
        "SELECT max(number) FROM (SELECT number FROM tokens WHERE number > ?1 ORDER BY number LIMIT ?2)",
        "DELETE FROM tokens WHERE number > ?1 AND number <= ?2 AND (expires_at < ?3 OR ended_at < ?4
           OR NOT EXISTS (SELECT 1 FROM grants g
                          WHERE g.name = tokens.grant AND (g.ended_at IS NULL OR g.ended_at >= ?4))
           OR EXISTS (SELECT 1 FROM chains h WHERE h.platform = tokens.platform AND h.id = tokens.chain
                      AND h.ended_at < ?4))",
        now,
        from,
    )
}

/// The tokens of an ended chain are gone: their sweep comes first; without it they would live again. A chain that ran out
/// ends no token.
fn drop_chains(work: &Work<'_>, now: Timestamp, from: i64) -> Result<Option<i64>> {
    sweep(
        work,
        "SELECT max(number) FROM (SELECT number FROM chains WHERE number > ?1 ORDER BY number LIMIT ?2)",
        "DELETE FROM chains WHERE number > ?1 AND number <= ?2
           AND (ended_at < ?4 OR ended_at IS NULL AND (ends_at < ?3 OR idle_ends_at < ?3))",
        now,
        from,
    )
}

/// Kept for a day, so that a late device hears what became of it and an owner who reads for long may still decide.
fn drop_devices(work: &Work<'_>, now: Timestamp, _: i64) -> Result<Option<i64>> {
    let dropped = work.execute(
        "DELETE FROM devices WHERE number IN (SELECT number FROM devices WHERE expires_at < ?1 LIMIT ?2)",
        params![before(now, WAITING_KEPT_MS), STEP],
    )?;
    Ok(again_if(dropped))
}

fn drop_pushed(work: &Work<'_>, now: Timestamp, _: i64) -> Result<Option<i64>> {
    let dropped = work.execute(
        "DELETE FROM pushed WHERE number IN (SELECT number FROM pushed WHERE expires_at < ?1 LIMIT ?2)",
        params![before(now, WAITING_KEPT_MS), STEP],
    )?;
    Ok(again_if(dropped))
}

fn drop_marks(work: &Work<'_>, now: Timestamp, _: i64) -> Result<Option<i64>> {
    let dropped = work.execute(
        "DELETE FROM marks WHERE (platform, kind, owner, digest) IN
           (SELECT platform, kind, owner, digest FROM marks WHERE ends_at < ?1 LIMIT ?2)",
        params![before(now, MARKS_KEPT_MS), STEP],
    )?;
    Ok(again_if(dropped))
}

/// Looks at the next rows and drops those that expired or ended long enough ago.
fn sweep(work: &Work<'_>, next: &str, drop: &str, now: Timestamp, from: i64) -> Result<Option<i64>> {
    let to: Option<i64> = work.statement(next)?.query_row(params![from, STEP], |row| row.get(0))?;
    let Some(to) = to else { return Ok(None) };
    work.execute(drop, params![from, to, before(now, EXPIRED_KEPT_MS), before(now, grants::KEPT_MS)])?;
    Ok(Some(to))
}

fn drop_keys(work: &Work<'_>, now: Timestamp, _: i64) -> Result<Option<i64>> {
    let before = before(now, grants::KEPT_MS);
    work.execute(
        "DELETE FROM credential_ids WHERE (platform, id) IN
           (SELECT platform, id FROM keys WHERE ended_at < ?1 ORDER BY ended_at, number LIMIT ?2)",
        params![before, STEP],
    )?;
    let dropped = work.execute(
        "DELETE FROM keys WHERE number IN
           (SELECT number FROM keys WHERE ended_at < ?1 ORDER BY ended_at, number LIMIT ?2)",
        params![before, STEP],
    )?;
    Ok(again_if(dropped))
}

/// One ended grant. The tokens that hang from it are gone: their sweep comes first.
fn drop_grant(work: &Work<'_>, now: Timestamp, _: i64) -> Result<Option<i64>> {
    let ended = work
        .statement(
            "SELECT name, platform, accounts FROM grants WHERE ended_at < ?1 ORDER BY ended_at, number LIMIT 1",
        )?
        .query_row([before(now, grants::KEPT_MS)], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, rows::list::<AccountId>(row, 2)?))
        })
        .optional()?;
    let Some((name, platform, accounts)) = ended else { return Ok(None) };
    for account in accounts {
        work.execute(
            "DELETE FROM grant_accounts WHERE platform = ?1 AND account = ?2 AND grant = ?3",
            params![platform, account.as_str(), name],
        )?;
    }
    work.execute("DELETE FROM chains WHERE grant = ?1", [name])?;
    work.execute("DELETE FROM grants WHERE name = ?1", [name])?;
    Ok(Some(0))
}

/// The log outlives what it can kill: opaque tokens carry their kills in rows.
fn drop_log(work: &Work<'_>, now: Timestamp, _: i64) -> Result<Option<i64>> {
    let dropped = work.execute(
        "DELETE FROM log WHERE at < ?1 AND \"offset\" IN (SELECT \"offset\" FROM log ORDER BY \"offset\" LIMIT ?2)",
        params![before(now, grants::KEPT_MS), STEP],
    )?;
    Ok(again_if(dropped))
}
