//! Machines that sign on.

use super::grants::{ended_since, open_or_widen};
use super::model::{chain, chain_columns, user, user_columns};
use super::row::{AsText as _, Cursor, each};
use super::tokens::{Given, store_minted};
use super::work::{Proof, Shared, Work};
use super::{chains, marks, users};
use crate::sign_on::{SignOn, SignedOn};
use crate::verbs::StoreError;
use mandate_core::grant::{LiveSession, SignOnFault};
use mandate_core::model::{EndReason, Ended};
use mandate_core::refresh::Chain;
use mandate_core::{ChainId, PlatformId, Timestamp, UserId};
use std::sync::Arc;

/// Chains of a user that nothing has ended, over all clients, oldest first.
const LIVE: &str = concat!(
    "SELECT ",
    chain_columns!(),
    " FROM grants AS g JOIN chains AS h ON h.platform = g.platform AND h.grant_id = g.id \
     LEFT JOIN clients AS c ON c.platform = g.platform AND c.id = g.client \
     WHERE g.platform = $1 AND g.user_id = $2 AND h.ended_at IS NULL \
         AND (h.idle_ends_at IS NULL OR h.idle_ends_at > $3) AND (h.ends_at IS NULL OR h.ends_at > $3) AND NOT ",
    ended_since!("h.log_offset"),
    " ORDER BY h.issued_at, h.id"
);

fn sessions(chains: &[Chain], now: Timestamp) -> Vec<LiveSession> {
    chains.iter().filter_map(|chain| LiveSession::of(chain, now)).collect()
}

pub(super) async fn live(
    shared: &Shared,
    platform: &PlatformId,
    user: &UserId,
    now: Timestamp,
) -> Result<Vec<LiveSession>, StoreError> {
    let rows = shared.read(LIVE, &[&platform.sql(), &user.sql(), &now.millis()]).await?;
    Ok(sessions(&each(&rows, chain)?, now))
}

async fn live_in(
    work: &Work,
    platform: &PlatformId,
    user: &UserId,
    now: Timestamp,
) -> Result<Vec<LiveSession>, StoreError> {
    let rows = work.rows(LIVE, &[&platform.sql(), &user.sql(), &now.millis()]).await?;
    Ok(sessions(&each(&rows, chain)?, now))
}

/// Ends sign-ons in the order of their keys. Their user's row is locked.
async fn end(
    work: &mut Work,
    platform: &PlatformId,
    sessions: &[LiveSession],
    ended: &Ended,
) -> Result<(), StoreError> {
    let mut ids: Vec<&ChainId> = sessions.iter().map(|session| &session.id).collect();
    ids.sort_unstable();
    for id in ids {
        chains::end_as(work, platform, id, ended).await?;
    }
    Ok(())
}

/// Ends all live sign-ons of a user whose row is locked.
pub(super) async fn end_all(
    work: &mut Work,
    platform: &PlatformId,
    user: &UserId,
    ended: &Ended,
) -> Result<(), StoreError> {
    let live = live_in(work, platform, user, ended.at).await?;
    end(work, platform, &live, ended).await
}

/// Counts, ends what has to give way, and issues, in one transaction. The machine's row is locked first: sign-ons of one
/// machine follow each other, whichever node they came to.
pub(super) async fn sign_on(shared: &Arc<Shared>, new: &SignOn) -> Result<SignedOn, StoreError> {
    let (spec, now) = (&new.grant, new.audit.at);
    let platform = &spec.platform;
    let (Some(id), Some(begun)) = (&spec.user, &new.minted.chain) else {
        return Err(StoreError::Misuse("a sign-on is a machine's and has a chain".into()));
    };
    let mut work = shared.work().await?;
    let lock = concat!(
        "SELECT ",
        user_columns!(),
        " FROM users AS u WHERE u.platform = $1 AND u.id = $2 FOR NO KEY UPDATE"
    );
    let row = work.row(lock, &[&platform.sql(), &id.sql()]).await?;
    let found = row.map(|row| user(&mut Cursor::new(&row))).transpose()?;
    // read after the lock: those who were waited for are seen
    let live = live_in(&work, platform, id, now).await?;
    let displaced = match new.rule.check(found.as_ref(), &live) {
        Ok(displaced) => displaced.to_vec(),
        Err(SignOnFault::NotVerified) => return Ok(SignedOn::NotVerified),
        Err(SignOnFault::QuotaReached { quota }) => return Ok(SignedOn::QuotaReached { quota, live }),
    };
    if let Some(hash) = &new.new_password {
        users::store_password(&mut work, platform, id, hash).await?;
    }
    let grant = open_or_widen(&mut work, spec, now).await?;
    let successor = Some(begun.id.as_str().into());
    end(&mut work, platform, &displaced, &Ended { at: now, reason: EndReason::Displaced, successor }).await?;
    if new.new_password.is_some() {
        let ended = Ended { at: now, reason: EndReason::SignedOut, successor: None };
        end_all(&mut work, platform, id, &ended).await?;
    }
    let given = Given {
        platform,
        grant: &grant,
        client: &spec.client,
        scopes: &new.scopes,
        partner: None,
        offset: new.minted.token.offset,
        context: &begun.context,
    };
    store_minted(&work, &given, &new.minted).await?;
    if let Some(kind) = marks::insert(&work, platform, &new.minted.marks).await? {
        return Ok(SignedOn::Reused(kind));
    }
    if displaced.is_empty() && new.new_password.is_none() {
        let proof = Proof::Row(chains::BEGUN, platform.clone(), begun.id.as_str().into());
        work.commit_as(proof, now).await?;
    } else {
        work.commit(&new.audit).await?;
    }
    Ok(SignedOn::Done { grant, displaced })
}

/// The sign-ons whose place this one took, oldest first.
pub(super) async fn displaced(
    shared: &Shared,
    platform: &PlatformId,
    by: &ChainId,
) -> Result<Vec<LiveSession>, StoreError> {
    let sql = concat!(
        "SELECT ",
        chain_columns!(),
        " FROM chains AS h WHERE h.platform = $1 AND h.successor = $2 ORDER BY h.issued_at, h.id LIMIT 1000"
    );
    let chains = each(&shared.read(sql, &[&platform.sql(), &by.sql()]).await?, chain)?;
    Ok(chains.iter().map(LiveSession::was).collect())
}
