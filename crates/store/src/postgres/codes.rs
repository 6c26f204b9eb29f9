//! Authorization codes: issued with their grant, spent once.

use super::batch::{Batch, Lane, Queue, Reply};
use super::error::Failure;
use super::grants::{ended_since, open_or_widen};
use super::model::{code, code_columns};
use super::row::{AsText as _, Cursor, handle_bytes, handle_named, int};
use super::tokens::{Columns, Given, Ready, store_minted};
use super::work::{Proof, Shared, committed};
use super::{chains, marks, pushed};
use crate::minted::Minted;
use crate::verbs::{NewCode, NewToken, Redeemed, StoreError};
use mandate_core::grant::CodeRule;
use mandate_core::model::{Code, EndReason};
use mandate_core::{Digest, GrantId, PlatformId, SubjectKind, Timestamp};
use std::collections::HashSet;
use std::sync::Arc;

const STORED: &str = "SELECT 1 FROM codes WHERE platform = $1 AND digest = $2";
const REPLAYED: &str = "SELECT 1 FROM codes WHERE platform = $1 AND digest = $2 AND replayed_at IS NOT NULL";
const SPENT: &str = "SELECT 1 FROM codes WHERE platform = $1 AND redeemed_handle = substr($2, 33) \
    AND digest = substr($2, 1, 32)";

pub(super) async fn issue(shared: &Arc<Shared>, new: &NewCode) -> Result<Option<GrantId>, StoreError> {
    let (code, platform) = (&new.code, &new.grant.platform);
    let mut work = shared.work().await?;
    let grant = open_or_widen(&mut work, &new.grant, code.issued_at).await?;
    if let Some(pushed) = &new.completes
        && !pushed::complete_for(&work, platform, pushed, &code.client).await?
    {
        return Ok(None);
    }
    work.run(
        "INSERT INTO codes (platform, digest, client, redirect_uri, grant_id, scopes, partner, issued_at, expires_at, \
             log_offset, challenge, binding, context) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        &[
            &platform.sql(),
            &code.digest.as_bytes().as_slice(),
            &code.client.sql(),
            &code.redirect_uri.sql(),
            &grant.sql(),
            &code.scopes.to_string(),
            &code.partner.as_ref().map(|p| p.sql()),
            &code.issued_at.millis(),
            &code.expires_at.millis(),
            &int(code.offset.0),
            &code.challenge.as_deref(),
            &code.binding.as_deref(),
            &code.context.sql(),
        ],
    )
    .await?;
    work.commit_as(Proof::Row(STORED, platform.clone(), code.digest.as_bytes().to_vec()), code.issued_at)
        .await?;
    Ok(Some(grant))
}

/// A redemption waiting for its batch.
#[derive(Debug)]
pub(super) struct Redemption {
    pub(super) platform: PlatformId,
    pub(super) digest: Digest,
    pub(super) rule: CodeRule,
    pub(super) token: NewToken,
    pub(super) reply: Reply<Outcome>,
}

/// What a batch says to a member.
#[derive(Debug)]
pub(super) enum Outcome {
    /// The verdict.
    Known(Redeemed),
    /// Somebody else spent the code, in this batch or before.
    Lost,
}

/// Codes with the rows that could have ended them: a killing entry after the code was made (SECURITY R10).
const FIND: &str = concat!(
    "SELECT w.o, ",
    ended_since!("o.log_offset"),
    " OR EXISTS (SELECT 1 FROM kills AS k WHERE k.platform = o.platform AND k.kind = 'partner' AND k.id = o.partner \
         AND k.n > o.log_offset), ",
    code_columns!(),
    " FROM unnest($1::text[], $2::bytea[]) WITH ORDINALITY AS w (platform, digest, o) \
     JOIN codes AS o ON o.platform = w.platform AND o.digest = w.digest \
     JOIN grants AS g ON g.platform = o.platform AND g.id = o.grant_id \
     JOIN clients AS c ON c.platform = o.platform AND c.id = o.client"
);

/// Spends the codes that nobody has spent since, and stores the tokens of those, in one step. Rows are locked in the
/// order of their keys, so that two batches cannot wait for each other.
const SPEND: &str = "WITH w AS MATERIALIZED ( \
        SELECT * FROM unnest($1::text[], $2::bytea[], $3::bytea[], $4::text[], $5::text[], $6::text[], $7::bigint[], \
            $8::bigint[], $9::bigint[], $10::bytea[]) \
        WITH ORDINALITY AS w (platform, handle, digest, grant_id, scopes, partner, at, expires, log_offset, code, o) \
    ), free AS MATERIALIZED ( \
        SELECT c.platform, c.digest FROM w JOIN codes AS c ON c.platform = w.platform AND c.digest = w.code \
        WHERE c.redeemed_at IS NULL ORDER BY c.platform, c.digest FOR NO KEY UPDATE OF c \
    ), won AS ( \
        UPDATE codes AS c SET redeemed_at = w.at, redeemed_handle = w.handle \
        FROM w JOIN free AS f ON f.platform = w.platform AND f.digest = w.code \
        WHERE c.platform = w.platform AND c.digest = w.code AND c.redeemed_at IS NULL RETURNING w.o \
    ), stored AS ( \
        INSERT INTO tokens (platform, handle, digest, grant_id, scopes, partner, issued_at, expires_at, log_offset) \
        SELECT w.platform, w.handle, w.digest, w.grant_id, w.scopes, w.partner, w.at, w.expires, w.log_offset \
        FROM w JOIN won ON won.o = w.o \
    ) SELECT o FROM won";

/// A member whose code matched and was free when it was read.
struct Contender {
    redemption: Redemption,
    ready: Ready,
    code: Code,
}

fn fresh(code: Code) -> Redeemed {
    Redeemed::Fresh { grant: code.grant.clone(), scopes: code.scopes.clone(), code: Box::new(code) }
}

impl Contender {
    fn fresh(self) {
        self.redemption.reply.give(Ok(Outcome::Known(fresh(self.code))));
    }
}

async fn find(lane: &mut Lane, all: &[Redemption]) -> Result<Vec<Option<(bool, Code)>>, Failure> {
    let platforms: Vec<_> = all.iter().map(|r| r.platform.sql()).collect();
    let digests: Vec<&[u8]> = all.iter().map(|r| &r.digest.as_bytes()[..]).collect();
    let rows = lane.rows(FIND, &[&platforms, &digests]).await?;
    let mut found: Vec<Option<(bool, Code)>> = all.iter().map(|_| None).collect();
    for row in &rows {
        let mut columns = Cursor::new(row);
        let mut read =
            || Ok::<_, StoreError>((columns.count()?, columns.get::<bool>()?, code(&mut columns)?));
        let (ordinal, dead, code) = read().map_err(|e| Failure::Wrong(e.to_string()))?;
        if let Some(slot) = usize::try_from(ordinal).ok().and_then(|o| found.get_mut(o.wrapping_sub(1))) {
            *slot = Some((dead, code));
        }
    }
    Ok(found)
}

/// Judges a member by its code as it was read. Gives back those that may spend theirs.
fn judge(
    redemption: Redemption,
    found: Option<(bool, Code)>,
    taken: &mut HashSet<(PlatformId, Digest)>,
) -> Option<Contender> {
    let verdict = match found {
        None => Outcome::Known(Redeemed::Unknown),
        Some((dead, code)) => match redemption.rule.check(&code, redemption.token.issued_at) {
            Err(fault) => Outcome::Known(Redeemed::Refused(fault, Box::new(code))),
            Ok(()) if code.redeemed.is_some() => Outcome::Lost,
            Ok(()) if dead => Outcome::Known(Redeemed::GrantEnded(Box::new(code))),
            Ok(()) if !taken.insert((redemption.platform.clone(), code.digest)) => Outcome::Lost,
            Ok(()) => {
                // What the code's maker had not seen, the token's maker cannot make good (SECURITY R10).
                let offset = redemption.token.offset.min(code.offset);
                let ready = Ready {
                    platform: redemption.platform.clone(),
                    grant: code.grant.clone(),
                    scopes: code.scopes.to_string(),
                    partner: code.partner.clone(),
                    handle: handle_bytes(&redemption.token.digest),
                    token: NewToken { offset, ..redemption.token.clone() },
                };
                return Some(Contender { redemption, ready, code });
            }
        },
    };
    redemption.reply.give(Ok(verdict));
    None
}

/// Gives those back that one of them spoilt it for.
async fn spend(lane: &mut Lane, contenders: Vec<Contender>) -> Vec<Contender> {
    if contenders.is_empty() {
        return contenders;
    }
    let c = Columns::of(contenders.iter().map(|c| &c.ready));
    let codes: Vec<&[u8]> = contenders.iter().map(|c| &c.redemption.digest.as_bytes()[..]).collect();
    let spent = lane
        .rows(
            SPEND,
            &[
                &c.platforms,
                &c.handles,
                &c.digests,
                &c.grants,
                &c.scopes,
                &c.partners,
                &c.issued,
                &c.expires,
                &c.offsets,
                &codes,
            ],
        )
        .await;
    drop(c);
    match spent {
        Ok(rows) => {
            let won: HashSet<i64> = rows.iter().filter_map(|r| r.try_get(0).ok()).collect();
            for (contender, ordinal) in contenders.into_iter().zip(1..) {
                if won.contains(&ordinal) {
                    contender.fresh();
                } else {
                    contender.redemption.reply.give(Ok(Outcome::Lost));
                }
            }
        }
        Err(Failure::Refused(_) | Failure::Wrong(_)) if contenders.len() > 1 => return contenders,
        Err(Failure::Lost(why)) => {
            let (pool, backend) = (Arc::clone(&lane.shared.pool), lane.backend());
            tokio::spawn(async move {
                for contender in contenders {
                    match committed(&pool, backend, &contender.ready.proof(), &why).await {
                        Ok(true) => contender.fresh(),
                        Ok(false) => contender.redemption.fail(StoreError::Unavailable(why.clone())),
                        Err(e) => contender.redemption.fail(e),
                    }
                }
            });
        }
        Err(refused) => contenders.into_iter().for_each(|c| c.redemption.fail(refused.clone().into())),
    }
    Vec::new()
}

/// Judges all and spends what may be spent. Gives all back if one of them made the look-up fail.
async fn attempt(lane: &mut Lane, all: Vec<Redemption>) -> Vec<Redemption> {
    let found = match find(lane, &all).await {
        Ok(found) => found,
        Err(Failure::Refused(_) | Failure::Wrong(_)) if all.len() > 1 => return all,
        Err(failure) => {
            let error = StoreError::from(failure);
            for redemption in all {
                redemption.fail(error.clone());
            }
            return Vec::new();
        }
    };
    let mut taken = HashSet::new();
    let contenders = all.into_iter().zip(found).filter_map(|(r, f)| judge(r, f, &mut taken)).collect();
    for contender in spend(lane, contenders).await {
        spend(lane, vec![contender]).await;
    }
    Vec::new()
}

impl Batch for Redemption {
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

/// Redeems a code: in the next batch, or by itself if more than a token is at stake; and if somebody was there before,
/// as a replay.
pub(super) async fn redeem(
    shared: &Arc<Shared>,
    queue: &Queue<Redemption>,
    platform: &PlatformId,
    digest: &Digest,
    rule: &CodeRule,
    minted: &Minted,
) -> Result<Redeemed, StoreError> {
    // Twice: whoever seemed to be first may have failed after all.
    for _ in 0..2 {
        let outcome = if minted.is_plain() {
            let act = |reply| Redemption {
                platform: platform.clone(),
                digest: *digest,
                rule: rule.clone(),
                token: minted.token.clone(),
                reply,
            };
            queue.submit(act).await?
        } else {
            redeem_alone(shared, platform, digest, rule, minted).await?
        };
        match outcome {
            Outcome::Known(verdict) => return Ok(verdict),
            Outcome::Lost => {}
        }
        if let Some(verdict) = replay(shared, platform, digest, minted.token.issued_at).await? {
            return Ok(verdict);
        }
    }
    Err(StoreError::Unavailable("another redemption of the same code has not ended".into()))
}

/// Judges a code that is locked, and spends it.
async fn redeem_alone(
    shared: &Arc<Shared>,
    platform: &PlatformId,
    digest: &Digest,
    rule: &CodeRule,
    minted: &Minted,
) -> Result<Outcome, StoreError> {
    let (work, now) = (shared.work().await?, minted.token.issued_at);
    let key = digest.as_bytes().as_slice();
    let lock = "SELECT 1 FROM codes WHERE platform = $1 AND digest = $2 FOR NO KEY UPDATE";
    work.row(lock, &[&platform.sql(), &key]).await?;
    let Some(row) = work.row(FIND, &[&vec![platform.sql()], &vec![key]]).await? else {
        return Ok(Outcome::Known(Redeemed::Unknown));
    };
    let mut columns = Cursor::new(&row);
    let (_, ended, code) = (columns.count()?, columns.get::<bool>()?, code(&mut columns)?);
    if let Err(fault) = rule.check(&code, now) {
        return Ok(Outcome::Known(Redeemed::Refused(fault, Box::new(code))));
    }
    if code.redeemed.is_some() {
        return Ok(Outcome::Lost);
    }
    if ended {
        return Ok(Outcome::Known(Redeemed::GrantEnded(Box::new(code))));
    }
    let handle = handle_bytes(&minted.token.digest);
    let chain = minted.chain.as_ref().map(|c| c.id.sql());
    let spend = "UPDATE codes SET redeemed_at = $3, redeemed_handle = $4, redeemed_chain = $5 \
        WHERE platform = $1 AND digest = $2";
    work.run(spend, &[&platform.sql(), &key, &now.millis(), &handle.as_slice(), &chain]).await?;
    // What the code's maker had not seen, the token's maker cannot make good (SECURITY R10).
    let given = Given {
        platform,
        grant: &code.grant,
        client: &code.client,
        scopes: &code.scopes,
        partner: code.partner.as_ref(),
        offset: code.offset,
        context: &code.context,
    };
    store_minted(&work, &given, minted).await?;
    if let Some(kind) = marks::insert(&work, platform, &minted.marks).await? {
        return Ok(Outcome::Known(Redeemed::Reused(kind)));
    }
    work.commit_as(Proof::Row(SPENT, platform.clone(), [key, &handle].concat()), now).await?;
    Ok(Outcome::Known(fresh(code)))
}

/// The code was spent and everything matched: the first replay ends what it gave (RFC 6749 section 4.1.2). `None`: it was
/// not spent after all.
async fn replay(
    shared: &Arc<Shared>,
    platform: &PlatformId,
    digest: &Digest,
    now: Timestamp,
) -> Result<Option<Redeemed>, StoreError> {
    let key = digest.as_bytes().as_slice();
    let sql = concat!(
        "SELECT ",
        code_columns!(),
        ", o.replayed_at IS NOT NULL FROM codes AS o WHERE o.platform = $1 AND o.digest = $2"
    );
    let Some(row) = shared.read_one(sql, &[&platform.sql(), &key]).await? else {
        return Ok(Some(Redeemed::Unknown));
    };
    let mut columns = Cursor::new(&row);
    let (code, replayed) = (code(&mut columns)?, columns.get::<bool>()?);
    let Some((_, handle)) = &code.redeemed else { return Ok(None) };
    if replayed {
        return Ok(Some(Redeemed::Replayed(Box::new(code))));
    }
    let mut work = shared.work().await?;
    let first =
        "UPDATE codes SET replayed_at = $3 WHERE platform = $1 AND digest = $2 AND replayed_at IS NULL";
    if work.run(first, &[&platform.sql(), &key, &now.millis()]).await? == 1 {
        if let Some(chain) = &code.redeemed_chain {
            chains::end(&mut work, platform, chain, EndReason::CodeReplayed, now).await?;
        }
        let end = "UPDATE tokens SET ended_at = $3, ended_reason = 'code_replayed' \
            WHERE platform = $1 AND handle = $2 AND ended_at IS NULL";
        work.run(end, &[&platform.sql(), &handle_named(handle.as_str()), &now.millis()]).await?;
        work.note_end(platform, SubjectKind::Token, handle.as_str(), EndReason::CodeReplayed);
        work.commit_as(Proof::Row(REPLAYED, platform.clone(), key.to_vec()), now).await?;
    }
    Ok(Some(Redeemed::Replayed(Box::new(code))))
}
