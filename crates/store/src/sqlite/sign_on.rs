//! Machines that sign on.

use super::fault::{Fault, Result};
use super::rows::grant_columns;
use super::work::Work;
use super::{chains, grants, marks, tokens, users};
use crate::{SignOn, SignedOn};
use mandate_core::grant::{LiveSession, SignOnFault};
use mandate_core::model::{EndReason, Ended};
use mandate_core::{ChainId, PlatformId, Timestamp, UserId};
use rusqlite::{Connection, params};

/// The live sign-ons of a user over all clients, oldest first.
pub(super) fn live(
    conn: &Connection,
    platform: &PlatformId,
    user: &UserId,
    now: Timestamp,
) -> Result<Vec<LiveSession>> {
    let sql = concat!(
        "SELECT ",
        chains::columns!(),
        ", ",
        grant_columns!(),
        " FROM grants g JOIN chains h ON h.grant = g.name
         WHERE g.platform = ?1 AND g.user = ?2 AND g.ended_at IS NULL AND h.ended_at IS NULL
           AND (h.idle_ends_at IS NULL OR h.idle_ends_at > ?3) AND (h.ends_at IS NULL OR h.ends_at > ?3)
         ORDER BY h.number"
    );
    let found = conn
        .prepare_cached(sql)?
        .query_map(params![platform.as_str(), user.as_str(), now.millis()], chains::with_grant)?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let mut live = Vec::with_capacity(found.len());
    for (chain, grant) in found {
        if !grants::ended_since(conn, &grant, chain.offset)? {
            live.extend(LiveSession::of(&chain, now));
        }
    }
    Ok(live)
}

/// Ends all live sign-ons of a user.
pub(super) fn end_all(work: &Work<'_>, platform: &PlatformId, user: &UserId, ended: &Ended) -> Result<()> {
    for session in live(work.conn, platform, user, ended.at)? {
        chains::end_as(work, platform, &session.id, ended)?;
    }
    Ok(())
}

/// Counts, ends what has to give way, and issues, in one step.
pub(super) fn sign_on(work: &Work<'_>, new: &SignOn) -> Result<SignedOn> {
    let (spec, now) = (&new.grant, new.audit.at);
    let platform = &spec.platform;
    let (Some(id), Some(chain)) = (&spec.user, &new.minted.chain) else {
        return Err(Fault::misuse("a sign-on is a machine's and has a chain"));
    };
    let user = users::by_id(work.conn, platform, id)?;
    let live = live(work.conn, platform, id, now)?;
    let displaced = match new.rule.check(user.as_ref(), &live) {
        Ok(displaced) => displaced.to_vec(),
        Err(SignOnFault::NotVerified) => return Ok(SignedOn::NotVerified),
        Err(SignOnFault::QuotaReached { quota }) => return Ok(SignedOn::QuotaReached { quota, live }),
    };
    if let Some(kind) = marks::insert(work, platform, &new.minted.marks)? {
        return Ok(SignedOn::Reused(kind));
    }
    let successor = Some(chain.id.as_str().into());
    let end = Ended { at: now, reason: EndReason::Displaced, successor };
    for session in &displaced {
        chains::end_as(work, platform, &session.id, &end)?;
    }
    if let Some(hash) = &new.new_password {
        users::store_password(work, platform, id, hash, now)?;
        end_all(work, platform, id, &Ended { at: now, reason: EndReason::SignedOut, successor: None })?;
    }
    let grant = grants::open(work, spec, now)?;
    let given = tokens::Given {
        grant: &grant,
        client: &spec.client,
        scopes: &new.scopes,
        partner: None,
        offset: new.minted.token.offset,
        context: &chain.context,
    };
    tokens::store(work, platform, &given, &new.minted)?;
    if !displaced.is_empty() || new.new_password.is_some() {
        work.audit(&new.audit)?;
    }
    Ok(SignedOn::Done { grant, displaced })
}

/// The sign-ons whose place this one took, oldest first.
pub(super) fn displaced(conn: &Connection, platform: &PlatformId, by: &ChainId) -> Result<Vec<LiveSession>> {
    let sql = concat!(
        "SELECT ",
        chains::columns!(),
        ", ",
        grant_columns!(),
        " FROM chains h JOIN grants g ON g.name = h.grant
         WHERE h.platform = ?1 AND h.successor = ?2 ORDER BY h.number LIMIT 1000"
    );
    let found = conn
        .prepare_cached(sql)?
        .query_map(params![platform.as_str(), by.as_str()], chains::with_grant)?
        .map(|found| found.map(|(chain, _)| LiveSession::was(&chain)))
        .collect::<rusqlite::Result<_>>()?;
    Ok(found)
}
