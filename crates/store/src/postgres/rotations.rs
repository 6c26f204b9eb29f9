//! Refresh chains moved on in batches: one statement reads the chains of those members who have not read theirs, one
//! moves those that nobody has moved since. What a batch cannot settle goes alone, under the lock of its chain.

use super::batch::{Batch, Lane, Reply};
use super::chains::MOVED;
use super::error::Failure;
use super::grants::ended_since;
use super::model::{chain, chain_columns, grant, grant_columns};
use super::row::{AsText as _, Cursor, Text, handle_bytes, int, millis};
use super::work::{Proof, committed};
use crate::minted::{Rotated, Verdict, judge};
use crate::verbs::{ChainWithGrant, NewToken, StoreError};
use mandate_core::model::Grant;
use mandate_core::refresh::{Chain, RefreshRule, RefreshStep};
use mandate_core::{ChainId, PlatformId, ScopeSet, Timestamp};
use std::collections::HashSet;
use std::sync::Arc;

/// A refresh waiting for its batch. It spends no marks.
#[derive(Debug)]
pub(super) struct Rotation {
    pub(super) platform: PlatformId,
    pub(super) id: ChainId,
    pub(super) rule: RefreshRule,
    pub(super) scopes: ScopeSet,
    pub(super) token: NewToken,
    pub(super) stored: bool,
    pub(super) now: Timestamp,
    /// The chain as the caller has just read it.
    pub(super) seen: Option<ChainWithGrant>,
    pub(super) reply: Reply<Outcome>,
}

/// What a batch says to a member.
#[derive(Debug)]
pub(super) enum Outcome {
    /// The verdict.
    Known(Rotated),
    /// Another step of the same chain came between, or the chain has to end: it is judged again by itself.
    Alone,
}

const FIND: &str = concat!(
    "SELECT w.o, ",
    ended_since!("h.log_offset"),
    ", ",
    chain_columns!(),
    ", ",
    grant_columns!(),
    " FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS w (platform, id, o) \
     JOIN chains AS h ON h.platform = w.platform AND h.id = w.id \
     JOIN grants AS g ON g.platform = h.platform AND g.id = h.grant_id \
     LEFT JOIN clients AS c ON c.platform = g.platform AND c.id = g.client"
);

/// Moves the chains that still stand as they were read and whose grant has not ended, and stores the tokens of those, in
/// one step. Rows are locked in the order of their keys, so that two batches cannot wait for each other. A grant that ends
/// meanwhile ends what comes of this by its offset (SECURITY R10). The question about the grant stands in a CASE: outside of one the planner makes
/// joins of its parts, and goes through all grants.
const MOVE: &str = concat!(
    "WITH w AS MATERIALIZED ( \
        SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], \
            $7::bigint[], $8::bigint[], $9::bigint[], $10::bytea[], $11::bool[], $12::bytea[], $13::text[], \
            $14::bigint[], $15::bigint[], $16::bigint[], $17::text[], $18::bigint[]) \
        WITH ORDINALITY AS w (platform, id, was_generation, was_answered, was_reanswers, generation, answered, \
            reanswers, idle, handle, stored, digest, scopes, at, expires, log_offset, repeats, key, o) \
    ), free AS MATERIALIZED ( \
        SELECT w.* FROM w JOIN chains AS h ON h.platform = w.platform AND h.id = w.id \
        JOIN grants AS g ON g.platform = h.platform AND g.id = h.grant_id \
        LEFT JOIN clients AS c ON c.platform = g.platform AND c.id = g.client \
        WHERE h.ended_at IS NULL AND h.generation = w.was_generation AND h.answered_at = w.was_answered \
            AND h.reanswers = w.was_reanswers AND CASE WHEN ",
    ended_since!("h.log_offset"),
    " THEN false ELSE true END \
        ORDER BY h.platform, h.id FOR NO KEY UPDATE OF h \
    ), moved AS ( \
        UPDATE chains AS h SET generation = w.generation, answered_at = w.answered, reanswers = w.reanswers, \
            idle_ends_at = w.idle, last_handle = w.handle, repeats = w.repeats, key = w.key \
        FROM free AS w \
        WHERE h.platform = w.platform AND h.id = w.id AND h.ended_at IS NULL \
            AND h.generation = w.was_generation AND h.answered_at = w.was_answered \
            AND h.reanswers = w.was_reanswers RETURNING w.o, h.grant_id \
    ), stored AS ( \
        INSERT INTO tokens (platform, handle, digest, grant_id, scopes, issued_at, expires_at, log_offset, chain) \
        SELECT w.platform, w.handle, w.digest, m.grant_id, w.scopes, w.at, w.expires, w.log_offset, w.id \
        FROM free AS w JOIN moved AS m ON m.o = w.o WHERE w.stored \
    ) SELECT o FROM moved"
);

/// A member whose token is good and whose chain stood still when it was read.
struct Contender {
    rotation: Rotation,
    was: (u64, Timestamp, u32),
    step: RefreshStep,
    chain: Chain,
    grant: Arc<Grant>,
    handle: [u8; 16],
    scopes: String,
}

impl Contender {
    fn proof(&self) -> Proof {
        let shown = [self.handle.as_slice(), self.rotation.id.as_str().as_bytes()].concat();
        Proof::Row(MOVED, self.rotation.platform.clone(), shown)
    }
    fn done(self) {
        let Self { rotation, step, chain, grant, .. } = self;
        let answered =
            Rotated::Answered { step, chain: Box::new(chain), grant: Box::new(Arc::unwrap_or_clone(grant)) };
        rotation.reply.give(Ok(Outcome::Known(answered)));
    }
}

type Found = (bool, Chain, Arc<Grant>);

/// The chains of all, as they were read by the members themselves or are read now.
async fn find(lane: &mut Lane, all: &mut [Rotation]) -> Result<Vec<Option<Found>>, Failure> {
    let seen = all.iter_mut().map(|r| r.seen.take());
    // Whether its grant has ended is asked where it is moved.
    let mut found: Vec<Option<Found>> = seen.map(|s| s.map(|(chain, grant)| (false, chain, grant))).collect();
    let unread: Vec<usize> = (0..all.len()).filter(|at| found[*at].is_none()).collect();
    if unread.is_empty() {
        return Ok(found);
    }
    let platforms: Vec<Text<'_>> = unread.iter().map(|at| all[*at].platform.sql()).collect();
    let ids: Vec<Text<'_>> = unread.iter().map(|at| all[*at].id.sql()).collect();
    let rows = lane.read(FIND, &[&platforms, &ids]).await?;
    for row in &rows {
        let mut columns = Cursor::new(row);
        let mut read = || {
            let (ordinal, ended) = (columns.count()?, columns.get::<bool>()?);
            Ok::<_, StoreError>((ordinal, (ended, chain(&mut columns)?, Arc::new(grant(&mut columns)?))))
        };
        let (ordinal, one) = read().map_err(|e| Failure::Wrong(e.to_string()))?;
        let at = usize::try_from(ordinal).ok().and_then(|o| unread.get(o.wrapping_sub(1)));
        if let Some(at) = at {
            found[*at] = Some(one);
        }
    }
    Ok(found)
}

/// Judges a member by its chain as it was read. Gives back those that move theirs.
fn contend(
    rotation: Rotation,
    found: Option<Found>,
    taken: &mut HashSet<(PlatformId, ChainId)>,
) -> Option<Contender> {
    let Some((ended, chain, grant)) = found else {
        rotation.reply.give(Ok(Outcome::Known(Rotated::Unknown)));
        return None;
    };
    if !taken.insert((rotation.platform.clone(), rotation.id.clone())) {
        rotation.reply.give(Ok(Outcome::Alone));
        return None;
    }
    let was = (chain.generation, chain.answered_at, chain.reanswers);
    let outcome = match judge(&rotation.rule, chain, ended, rotation.now) {
        Verdict::Step(step, chain) => {
            let handle = handle_bytes(&rotation.token.digest);
            let scopes = rotation.scopes.to_string();
            return Some(Contender { rotation, was, step, chain, grant, handle, scopes });
        }
        Verdict::End(..) => Outcome::Alone,
        Verdict::Not(outcome) => Outcome::Known(outcome),
    };
    rotation.reply.give(Ok(outcome));
    None
}

/// A column of [`MOVE`].
fn column<'a, T>(all: &'a [Contender], pick: impl Fn(&'a Contender) -> T) -> Vec<T> {
    all.iter().map(pick).collect()
}

async fn run_move(lane: &mut Lane, all: &[Contender]) -> Result<HashSet<i64>, Failure> {
    let rows = lane
        .rows(
            MOVE,
            &[
                &column(all, |c| c.rotation.platform.sql()),
                &column(all, |c| c.rotation.id.sql()),
                &column(all, |c| int(c.was.0)),
                &column(all, |c| c.was.1.millis()),
                &column(all, |c| i64::from(c.was.2)),
                &column(all, |c| int(c.chain.generation)),
                &column(all, |c| c.chain.answered_at.millis()),
                &column(all, |c| i64::from(c.chain.reanswers)),
                &column(all, |c| millis(c.chain.idle_ends_at)),
                &column(all, |c| c.handle.as_slice()),
                &column(all, |c| c.rotation.stored),
                &column(all, |c| c.rotation.token.digest.as_bytes().as_slice()),
                &column(all, |c| c.scopes.sql()),
                &column(all, |c| c.rotation.token.issued_at.millis()),
                &column(all, |c| millis(c.rotation.token.expires_at)),
                // What the chain's maker had not seen, the token's maker cannot make good (SECURITY R10).
                &column(all, |c| int(c.rotation.token.offset.min(c.chain.offset).0)),
                &column(all, |c| c.chain.repeats.text()),
                &column(all, |c| i64::from(c.chain.key)),
            ],
        )
        .await?;
    Ok(rows.iter().filter_map(|r| r.try_get(0).ok()).collect())
}

/// Gives those back that one of them spoilt it for.
async fn advance(lane: &mut Lane, contenders: Vec<Contender>) -> Vec<Contender> {
    if contenders.is_empty() {
        return contenders;
    }
    match run_move(lane, &contenders).await {
        Ok(moved) => {
            for (contender, ordinal) in contenders.into_iter().zip(1..) {
                if moved.contains(&ordinal) {
                    contender.done();
                } else {
                    contender.rotation.reply.give(Ok(Outcome::Alone));
                }
            }
        }
        Err(Failure::Refused(_) | Failure::Wrong(_)) if contenders.len() > 1 => return contenders,
        Err(Failure::Lost(why)) => {
            let (pool, backend) = (Arc::clone(&lane.shared.pool), lane.backend());
            tokio::spawn(async move {
                for contender in contenders {
                    match committed(&pool, backend, &contender.proof(), &why).await {
                        Ok(true) => contender.done(),
                        Ok(false) => contender.rotation.fail(StoreError::Unavailable(why.clone())),
                        Err(e) => contender.rotation.fail(e),
                    }
                }
            });
        }
        Err(refused) => contenders.into_iter().for_each(|c| c.rotation.fail(refused.clone().into())),
    }
    Vec::new()
}

/// Judges all and moves what may be moved. Gives all back if one of them made the look-up fail.
async fn attempt(lane: &mut Lane, mut all: Vec<Rotation>) -> Vec<Rotation> {
    let found = match find(lane, &mut all).await {
        Ok(found) => found,
        Err(Failure::Refused(_) | Failure::Wrong(_)) if all.len() > 1 => return all,
        Err(failure) => {
            let error = StoreError::from(failure);
            for rotation in all {
                rotation.fail(error.clone());
            }
            return Vec::new();
        }
    };
    let mut taken = HashSet::new();
    let contenders = all.into_iter().zip(found).filter_map(|(r, f)| contend(r, f, &mut taken)).collect();
    for contender in advance(lane, contenders).await {
        advance(lane, vec![contender]).await;
    }
    Vec::new()
}

impl Batch for Rotation {
    async fn run(lane: &mut Lane, all: Vec<Self>) {
        // Each gets its own verdict (SECURITY R17).
        for one in attempt(lane, all).await {
            attempt(lane, vec![one]).await;
        }
    }
    fn fail(self, error: StoreError) {
        self.reply.give(Err(error));
    }
}
