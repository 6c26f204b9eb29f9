//! Refresh chains: begun, moved on, ended.

use super::batch::Queue;
use super::grants::has_ended_since;
use super::marks;
use super::model::{CHAIN_COLUMNS, GRANT_COLUMNS, chain, chain_columns, grant, grant_columns};
use super::rotations::{Outcome, Rotation};
use super::row::{AsText as _, Cursor, handle_bytes, int, millis};
use super::tokens::{Given, store_minted};
use super::work::{Proof, Shared, Work};
use crate::minted::{Minted, Rotated, Verdict, judge};
use crate::verbs::{At, Audit, ChainWithGrant, Changed, NewToken, StoreError};
use mandate_core::model::{EndReason, Ended};
use mandate_core::refresh::{Chain, RefreshRule};
use mandate_core::{ChainId, ClientId, PlatformId, ScopeSet, SubjectKind, Timestamp};
use std::sync::Arc;

pub(super) const BEGUN: &str = "SELECT 1 FROM chains WHERE platform = $1 AND id = convert_from($2, 'UTF8')";
pub(super) const MOVED: &str = "SELECT 1 FROM chains WHERE platform = $1 AND last_handle = substr($2, 1, 16) \
    AND id = convert_from(substr($2, 17), 'UTF8')";
const ENDED: &str = "SELECT 1 FROM chains WHERE platform = $1 AND id = convert_from($2, 'UTF8') \
    AND ended_at IS NOT NULL";

/// Begins a chain in the transaction of an act; gives what shows it.
pub(super) async fn insert(work: &Work, platform: &PlatformId, chain: &Chain) -> Result<Proof, StoreError> {
    work.run(
        "INSERT INTO chains (platform, id, grant_id, client, scopes, salt, key, generation, binding, context, issued_at, \
             answered_at, reanswers, idle_ends_at, ends_at, log_offset, repeats) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
        &[
            &platform.sql(),
            &chain.id.sql(),
            &chain.grant.sql(),
            &chain.client.sql(),
            &chain.scopes.to_string(),
            &chain.salt.as_slice(),
            &i64::from(chain.key),
            &int(chain.generation),
            &chain.binding.as_deref(),
            &chain.context.sql(),
            &chain.issued_at.millis(),
            &chain.answered_at.millis(),
            &i64::from(chain.reanswers),
            &millis(chain.idle_ends_at),
            &millis(chain.ends_at),
            &int(chain.offset.0),
            &chain.repeats.text(),
        ],
    )
    .await?;
    Ok(Proof::Row(BEGUN, platform.clone(), chain.id.as_str().into()))
}

const FIND: &str = concat!(
    "SELECT t.n, ",
    chain_columns!(),
    ", ",
    grant_columns!(),
    " FROM head AS t LEFT JOIN (chains AS h JOIN grants AS g ON g.platform = h.platform AND g.id = h.grant_id) \
     ON h.platform = $1 AND h.id = $2"
);

pub(super) async fn by_id(
    shared: &Shared,
    platform: &PlatformId,
    id: &ChainId,
) -> Result<At<Option<ChainWithGrant>>, StoreError> {
    let row = shared.read_one(FIND, &[&platform.sql(), &id.sql()]).await?;
    let row = row.ok_or_else(|| StoreError::Misuse("the head row is missing".into()))?;
    let mut columns = Cursor::new(&row);
    let offset = columns.offset()?;
    let chain = columns.joined(CHAIN_COLUMNS, chain)?;
    let grant = columns.joined(GRANT_COLUMNS, grant)?.map(Arc::new);
    Ok(At { value: chain.zip(grant), offset })
}

/// Moves a chain on: in the next batch, or by itself if more is at stake or somebody else was there at the same time.
pub(super) async fn rotate(
    shared: &Arc<Shared>,
    queue: &Queue<Rotation>,
    (platform, id, seen): (&PlatformId, &ChainId, Option<&ChainWithGrant>),
    rule: &RefreshRule,
    scopes: &ScopeSet,
    minted: &Minted,
    now: Timestamp,
) -> Result<Rotated, StoreError> {
    if minted.marks.is_empty() {
        let act = |reply| Rotation {
            platform: platform.clone(),
            id: id.clone(),
            rule: rule.clone(),
            scopes: scopes.clone(),
            token: minted.token.clone(),
            stored: minted.stored,
            now,
            seen: seen.cloned(),
            reply,
        };
        if let Outcome::Known(verdict) = queue.submit(act).await? {
            return Ok(verdict);
        }
    }
    rotate_alone(shared, platform, id, rule, scopes, minted, now).await
}

/// Runs the rule on the locked row and moves it, in one transaction.
async fn rotate_alone(
    shared: &Arc<Shared>,
    platform: &PlatformId,
    id: &ChainId,
    rule: &RefreshRule,
    scopes: &ScopeSet,
    minted: &Minted,
    now: Timestamp,
) -> Result<Rotated, StoreError> {
    let mut work = shared.work().await?;
    // Locked first, then read: a step that was waited for is seen, and so is what ended the grant meanwhile.
    let lock = "SELECT 1 FROM chains WHERE platform = $1 AND id = $2 FOR NO KEY UPDATE";
    if work.row(lock, &[&platform.sql(), &id.sql()]).await?.is_none() {
        return Ok(Rotated::Unknown);
    }
    let Some(row) = work.row(FIND, &[&platform.sql(), &id.sql()]).await? else { return Ok(Rotated::Unknown) };
    let mut columns = Cursor::new(&row);
    columns.offset()?;
    let found = columns.joined(CHAIN_COLUMNS, chain)?.zip(columns.joined(GRANT_COLUMNS, grant)?);
    let Some((chain, grant)) = found else { return Ok(Rotated::Unknown) };
    let grant_ended = has_ended_since(&work, platform, &chain.grant, chain.offset).await?;
    let (step, chain) = match judge(rule, chain, grant_ended, now) {
        Verdict::Not(outcome) => return Ok(outcome),
        Verdict::End(replayed, chain) => {
            end(&mut work, platform, id, EndReason::RefreshReplayed, now).await?;
            let note = "UPDATE chains SET repeats = $3 WHERE platform = $1 AND id = $2";
            work.run(note, &[&platform.sql(), &id.sql(), &chain.repeats.text()]).await?;
            work.commit_as(Proof::Row(ENDED, platform.clone(), id.as_str().into()), now).await?;
            return Ok(Rotated::Replayed(replayed, Box::new(chain)));
        }
        Verdict::Step(step, chain) => (step, chain),
    };
    let handle = handle_bytes(&minted.token.digest);
    let move_on = "UPDATE chains SET generation = $3, answered_at = $4, reanswers = $5, idle_ends_at = $6, \
        last_handle = $7, repeats = $8, key = $9 WHERE platform = $1 AND id = $2";
    work.run(
        move_on,
        &[
            &platform.sql(),
            &id.sql(),
            &int(chain.generation),
            &chain.answered_at.millis(),
            &i64::from(chain.reanswers),
            &millis(chain.idle_ends_at),
            &handle.as_slice(),
            &chain.repeats.text(),
            &i64::from(chain.key),
        ],
    )
    .await?;
    let given = Given {
        platform,
        grant: &chain.grant,
        client: &chain.client,
        scopes,
        partner: None,
        offset: chain.offset,
        context: &chain.context,
    };
    let token = NewToken { chain: Some(id.clone()), ..minted.token.clone() };
    let beside = Minted { token, stored: minted.stored, chain: None, marks: Vec::new() };
    store_minted(&work, &given, &beside).await?;
    if let Some(kind) = marks::insert(&work, platform, &minted.marks).await? {
        return Ok(Rotated::Reused(kind));
    }
    let shown = [handle.as_slice(), id.as_str().as_bytes()].concat();
    work.commit_as(Proof::Row(MOVED, platform.clone(), shown), now).await?;
    Ok(Rotated::Answered { step, chain: Box::new(chain), grant: Box::new(grant) })
}

/// Ends a chain and with it its access tokens. `false`: it had ended.
pub(super) async fn end(
    work: &mut Work,
    platform: &PlatformId,
    id: &ChainId,
    reason: EndReason,
    at: Timestamp,
) -> Result<bool, StoreError> {
    end_as(work, platform, id, &Ended { at, reason, successor: None }).await
}

/// As [`end`], naming what took its place.
pub(super) async fn end_as(
    work: &mut Work,
    platform: &PlatformId,
    id: &ChainId,
    end: &Ended,
) -> Result<bool, StoreError> {
    let sql = "UPDATE chains SET ended_at = $3, ended_reason = $4, successor = $5 \
        WHERE platform = $1 AND id = $2 AND ended_at IS NULL";
    let (at, reason, successor) = (end.at.millis(), end.reason.as_str(), end.successor.as_deref());
    let ended = work.run(sql, &[&platform.sql(), &id.sql(), &at, &reason, &successor]).await? == 1;
    if ended {
        work.note_end(platform, SubjectKind::Token, id.as_str(), end.reason);
    }
    Ok(ended)
}

pub(super) async fn end_for(
    shared: &Arc<Shared>,
    platform: &PlatformId,
    id: &ChainId,
    client: &ClientId,
    reason: EndReason,
    audit: &Audit,
) -> Result<Changed, StoreError> {
    let mut work = shared.work().await?;
    let theirs = "SELECT 1 FROM chains WHERE platform = $1 AND id = $2 AND client = $3 FOR NO KEY UPDATE";
    if work.row(theirs, &[&platform.sql(), &id.sql(), &client.sql()]).await?.is_none() {
        return Ok(Changed::NotFound);
    }
    if !end(&mut work, platform, id, reason, audit.at).await? {
        return Ok(Changed::Conflict);
    }
    work.commit(audit).await?;
    Ok(Changed::Done)
}
