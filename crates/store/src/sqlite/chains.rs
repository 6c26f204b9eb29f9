//! Refresh chains.

use super::fault::{Fault, Result};
use super::rows::{self, grant_columns};
use super::work::Work;
use super::{grants, marks, tokens};
use crate::minted::{Minted, Rotated, Verdict, judge};
use crate::{Audit, ChainWithGrant, Changed};
use mandate_core::model::{EndReason, Ended};
use mandate_core::refresh::{Chain, RefreshRule, Repeats};
use mandate_core::{ChainId, ClientId, PlatformId, ScopeSet, SubjectKind, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use std::sync::Arc;

/// For [`with_grant`], before the columns of the grant.
macro_rules! columns {
    () => {
        "h.id, h.client, h.scopes, h.salt, h.key, h.generation, h.binding, h.context, h.issued_at, h.answered_at, \
         h.reanswers, h.idle_ends_at, h.ends_at, h.\"offset\", h.ended_at, h.end_reason, h.successor, h.repeats"
    };
}
pub(super) use columns;
const WIDTH: usize = 18;

/// A chain and its grant.
pub(super) fn with_grant(row: &Row<'_>) -> rusqlite::Result<ChainWithGrant> {
    let grant = rows::grant(row, WIDTH)?;
    let chain = Chain {
        platform: grant.platform.clone(),
        id: rows::id(row, 0)?,
        grant: grant.id.clone(),
        client: rows::id(row, 1)?,
        scopes: rows::scopes(row, 2)?,
        salt: row.get(3)?,
        key: row.get(4)?,
        generation: rows::number(row, 5)?,
        binding: rows::id_or_null(row, 6)?,
        context: rows::id(row, 7)?,
        issued_at: rows::time(row, 8)?,
        answered_at: rows::time(row, 9)?,
        reanswers: row.get(10)?,
        idle_ends_at: rows::time_or_null(row, 11)?,
        ends_at: rows::time_or_null(row, 12)?,
        offset: rows::offset(row, 13)?,
        ended: rows::ended(row, 14)?,
        repeats: Repeats::read(&row.get::<_, String>(17)?),
    };
    Ok((chain, Arc::new(grant)))
}

pub(super) fn insert(work: &Work<'_>, platform: &PlatformId, grant: i64, chain: &Chain) -> Result<()> {
    let stored = work.inserted(
        "INSERT INTO chains (platform, id, grant, client, scopes, salt, key, generation, binding, context, issued_at,
           answered_at, reanswers, idle_ends_at, ends_at, \"offset\", repeats)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
        params![
            platform.as_str(),
            chain.id.as_str(),
            grant,
            chain.client.as_str(),
            chain.scopes.to_string(),
            chain.salt,
            chain.key,
            chain.generation.cast_signed(),
            chain.binding.as_deref(),
            &*chain.context,
            chain.issued_at.millis(),
            chain.answered_at.millis(),
            chain.reanswers,
            chain.idle_ends_at.map(Timestamp::millis),
            chain.ends_at.map(Timestamp::millis),
            chain.offset.0.cast_signed(),
            chain.repeats.text(),
        ],
    )?;
    if stored { Ok(()) } else { Err(Fault::misuse("this chain was begun before")) }
}

pub(super) fn find(conn: &Connection, platform: &PlatformId, id: &ChainId) -> Result<Option<ChainWithGrant>> {
    let sql = concat!(
        "SELECT ",
        columns!(),
        ", ",
        grant_columns!(),
        " FROM chains h JOIN grants g ON g.name = h.grant WHERE h.platform = ?1 AND h.id = ?2"
    );
    Ok(conn.prepare_cached(sql)?.query_row(params![platform.as_str(), id.as_str()], with_grant).optional()?)
}

/// Runs the rule on the row and moves it, in one step.
pub(super) fn rotate(
    work: &Work<'_>,
    platform: &PlatformId,
    id: &ChainId,
    rule: &RefreshRule,
    scopes: &ScopeSet,
    minted: &Minted,
    now: Timestamp,
) -> Result<Rotated> {
    let Some((chain, grant)) = find(work.conn, platform, id)? else { return Ok(Rotated::Unknown) };
    let grant_ended = grants::ended_since(work.conn, &grant, chain.offset)?;
    let (step, chain) = match judge(rule, chain, grant_ended, now) {
        Verdict::Not(outcome) => return Ok(outcome),
        Verdict::End(look, chain) => {
            end(work, platform, id, EndReason::RefreshReplayed, now)?;
            work.execute(
                "UPDATE chains SET repeats = ?3 WHERE platform = ?1 AND id = ?2",
                params![platform.as_str(), id.as_str(), chain.repeats.text()],
            )?;
            return Ok(Rotated::Replayed(look, Box::new(chain)));
        }
        Verdict::Step(step, chain) => (step, chain),
    };
    if let Some(kind) = marks::insert(work, platform, &minted.marks)? {
        return Ok(Rotated::Reused(kind));
    }
    work.execute(
        "UPDATE chains SET generation = ?3, answered_at = ?4, reanswers = ?5, idle_ends_at = ?6, repeats = ?7, key = ?8
         WHERE platform = ?1 AND id = ?2",
        params![
            platform.as_str(),
            id.as_str(),
            chain.generation.cast_signed(),
            chain.answered_at.millis(),
            chain.reanswers,
            chain.idle_ends_at.map(Timestamp::millis),
            chain.repeats.text(),
            chain.key,
        ],
    )?;
    if minted.stored {
        let (name, token) = (grants::name(platform, &grant.id), minted.token_at(chain.offset));
        tokens::insert(work, platform, name, scopes, None, &token, Some(id))?;
    }
    Ok(Rotated::Answered { step, chain: Box::new(chain), grant: Box::new(Arc::unwrap_or_clone(grant)) })
}

/// Ends a chain and with it its access tokens. `false`: it had ended.
pub(super) fn end(
    work: &Work<'_>,
    platform: &PlatformId,
    id: &ChainId,
    reason: EndReason,
    at: Timestamp,
) -> Result<bool> {
    end_as(work, platform, id, &Ended { at, reason, successor: None })
}

/// As [`end`], naming what took its place.
pub(super) fn end_as(work: &Work<'_>, platform: &PlatformId, id: &ChainId, end: &Ended) -> Result<bool> {
    let ended = work.execute(
        "UPDATE chains SET ended_at = ?3, end_reason = ?4, successor = ?5
         WHERE platform = ?1 AND id = ?2 AND ended_at IS NULL",
        params![
            platform.as_str(),
            id.as_str(),
            end.at.millis(),
            end.reason.as_str(),
            end.successor.as_deref()
        ],
    )?;
    if ended == 1 {
        work.log_end(platform, SubjectKind::Token, id.as_str(), end.reason, end.at)?;
    }
    Ok(ended == 1)
}

pub(super) fn end_for(
    work: &Work<'_>,
    platform: &PlatformId,
    id: &ChainId,
    client: &ClientId,
    reason: EndReason,
    audit: &Audit,
) -> Result<Changed> {
    let theirs = work
        .statement("SELECT 1 FROM chains WHERE platform = ?1 AND id = ?2 AND client = ?3")?
        .exists(params![platform.as_str(), id.as_str(), client.as_str()])?;
    if !theirs {
        return Ok(Changed::NotFound);
    }
    if !end(work, platform, id, reason, audit.at)? {
        return Ok(Changed::Conflict);
    }
    work.audit(audit)?;
    Ok(Changed::Done)
}
