//! Device flows.

use super::fault::{Fault, Result};
use super::tokens::Given;
use super::work::Work;
use super::{grants, marks, rows, tokens};
use crate::{Audit, Changed, Minted, Polled};
use mandate_core::device::{DeviceFlow, DeviceState, Poll};
use mandate_core::grant::GrantSpec;
use mandate_core::{ClientId, Digest, Offset, PlatformId, Timestamp, must};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

/// What [`flow`] reads.
macro_rules! flow_columns {
    () => {
        "SELECT d.platform, d.digest, d.user_code, d.client, d.scopes, d.context, d.issued_at, d.expires_at, \
           d.interval_ms, d.last_poll, d.state, g.id, d.decision, d.\"offset\", d.number \
         FROM devices d LEFT JOIN grants g ON g.name = d.grant "
    };
}

fn flow(row: &Row<'_>) -> rusqlite::Result<(DeviceFlow, i64)> {
    let state = match row.get_ref(10)?.as_str()? {
        "pending" => DeviceState::Pending,
        "approved" => DeviceState::Approved {
            grant: rows::id(row, 11)?,
            context: rows::id(row, 12)?,
            offset: rows::offset(row, 13)?,
        },
        "denied" => DeviceState::Denied,
        "spent" => DeviceState::Spent,
        _ => return Err(rows::unreadable(10, "state")),
    };
    let flow = DeviceFlow {
        platform: rows::id(row, 0)?,
        digest: rows::digest(row, 1)?,
        user_code: rows::id(row, 2)?,
        client: rows::id(row, 3)?,
        scopes: rows::scopes(row, 4)?,
        context: rows::id(row, 5)?,
        issued_at: rows::time(row, 6)?,
        expires_at: rows::time(row, 7)?,
        interval_ms: row.get(8)?,
        last_poll: rows::time_or_null(row, 9)?,
        state,
    };
    Ok((flow, row.get(14)?))
}

pub(super) fn create(work: &Work<'_>, flow: &DeviceFlow) -> Result<Changed> {
    let made = work.inserted(
        "INSERT INTO devices (platform, digest, user_code, client, scopes, context, issued_at, expires_at, interval_ms,
           state)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 'pending')",
        params![
            flow.platform.as_str(),
            flow.digest.as_bytes(),
            &*flow.user_code,
            flow.client.as_str(),
            flow.scopes.to_string(),
            &*flow.context,
            flow.issued_at.millis(),
            flow.expires_at.millis(),
            flow.interval_ms,
        ],
    )?;
    Ok(if made { Changed::Done } else { Changed::Conflict })
}

fn by_code(
    conn: &Connection,
    platform: &PlatformId,
    user_code: &str,
    now: Timestamp,
) -> Result<Option<(DeviceFlow, i64)>> {
    let sql = concat!(flow_columns!(), "WHERE d.platform = ?1 AND d.user_code = ?2 AND d.expires_at > ?3");
    let mut statement = conn.prepare_cached(sql)?;
    Ok(statement.query_row(params![platform.as_str(), user_code, now.millis()], flow).optional()?)
}

pub(super) fn by_user_code(
    conn: &Connection,
    platform: &PlatformId,
    user_code: &str,
    now: Timestamp,
) -> Result<Option<DeviceFlow>> {
    Ok(by_code(conn, platform, user_code, now)?.map(|(flow, _)| flow))
}

/// The owner's decision.
pub(super) struct Decision {
    pub(super) allowed: Option<GrantSpec>,
    pub(super) context: String,
    pub(super) offset: Offset,
    pub(super) now: Timestamp,
}

pub(super) fn decide(
    work: &Work<'_>,
    platform: &PlatformId,
    user_code: &str,
    decision: &Decision,
    audit: &Audit,
) -> Result<Changed> {
    let Some((flow, number)) = by_code(work.conn, platform, user_code, decision.now)? else {
        return Ok(Changed::NotFound);
    };
    if flow.state != DeviceState::Pending {
        return Ok(Changed::Conflict);
    }
    match &decision.allowed {
        None => {
            work.execute("UPDATE devices SET state = 'denied' WHERE number = ?1", [number])?;
        }
        Some(spec) if spec.client != flow.client => {
            return Err(Fault::misuse("a device flow gives grants to its own client only"));
        }
        Some(spec) => {
            let grant = grants::open(work, spec, decision.now)?;
            work.execute(
                "UPDATE devices SET state = 'approved', grant = ?2, decision = ?3, \"offset\" = ?4, scopes = ?5
                 WHERE number = ?1",
                params![
                    number,
                    grants::name(platform, &grant),
                    decision.context,
                    decision.offset.0.cast_signed(),
                    spec.scopes.to_string(),
                ],
            )?;
        }
    }
    work.audit(audit)?;
    Ok(Changed::Done)
}

/// Answers a device, and hands out what was allowed, in one step.
pub(super) fn poll(
    work: &Work<'_>,
    platform: &PlatformId,
    digest: &Digest,
    client: &ClientId,
    minted: &Minted,
    now: Timestamp,
) -> Result<Polled> {
    let sql = concat!(flow_columns!(), "WHERE d.platform = ?1 AND d.digest = ?2");
    let found =
        work.statement(sql)?.query_row(params![platform.as_str(), digest.as_bytes()], flow).optional()?;
    let Some((flow, number)) = found else { return Ok(Polled::Unknown) };
    let asked = |interval_ms: i64| {
        work.execute(
            "UPDATE devices SET last_poll = ?2, interval_ms = ?3 WHERE number = ?1",
            params![number, now.millis(), interval_ms],
        )
    };
    let (grant, context, offset) = match flow.poll(client, now) {
        Poll::Pending => {
            asked(flow.interval_ms)?;
            return Ok(Polled::Pending);
        }
        Poll::SlowDown { interval_ms } => {
            asked(if must!("rfc8628-3.5-kept") { interval_ms } else { flow.interval_ms })?;
            return Ok(Polled::SlowDown(interval_ms));
        }
        Poll::Denied => return Ok(Polled::Denied),
        Poll::Expired => return Ok(Polled::Expired),
        Poll::Spent => return Ok(Polled::Spent),
        Poll::OtherClient => return Ok(Polled::OtherClient),
        Poll::Approved { grant, context, offset } => (grant, context, offset),
    };
    let known = grants::by_id(work.conn, platform, &grant)?;
    if !matches!(&known, Some(grant) if !grants::ended_since(work.conn, grant, offset)?) {
        return Ok(Polled::GrantEnded);
    }
    if let Some(kind) = marks::insert(work, platform, &minted.marks)? {
        return Ok(Polled::Reused(kind));
    }
    work.execute("UPDATE devices SET state = 'spent' WHERE number = ?1", [number])?;
    let given = Given {
        grant: &grant,
        client: &flow.client,
        scopes: &flow.scopes,
        partner: None,
        offset,
        context: &context,
    };
    tokens::store(work, platform, &given, minted)?;
    Ok(Polled::Approved { grant, scopes: flow.scopes, context, offset })
}
