//! Authorization codes: issued with their grant, spent once.

use super::batch::{Batch, Lane, Queue, Reply};
use super::error::Failure;
use super::grants::open_or_widen;
use super::model::{code, code_columns};
use super::row::{AsText as _, Cursor, handle_bytes, handle_text, int};
use super::tokens::{Columns, Ready};
use super::work::{Proof, Shared, committed};
use crate::verbs::{NewCode, NewToken, Redeemed, StoreError};
use mandate_core::grant::CodeRule;
use mandate_core::log::Effect;
use mandate_core::model::Code;
use mandate_core::{Digest, GrantId, PlatformId, SubjectKind, Timestamp};
use std::collections::HashSet;
use std::sync::Arc;

const STORED: &str = "SELECT 1 FROM codes WHERE platform = $1 AND digest = $2";
const TOKEN_ENDED: &str = "SELECT 1 FROM tokens WHERE platform = $1 AND handle = $2 AND ended_at IS NOT NULL";

pub(super) async fn issue(shared: &Arc<Shared>, new: &NewCode) -> Result<GrantId, StoreError> {
    let (code, platform) = (&new.code, &new.grant.platform);
    let mut work = shared.work().await?;
    let grant = open_or_widen(&mut work, &new.grant, code.issued_at).await?;
    work.run(
        "INSERT INTO codes (platform, digest, client, redirect_uri, grant_id, scopes, partner, issued_at, expires_at, \
             log_offset, challenge) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
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
        ],
    )
    .await?;
    work.commit_as(Proof::Row(STORED, platform.clone(), code.digest.as_bytes().to_vec()), code.issued_at)
        .await?;
    Ok(grant)
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
    "SELECT w.o, g.ended_at IS NOT NULL OR c.kill > o.log_offset \
         OR EXISTS (SELECT 1 FROM accounts AS a WHERE a.platform = g.platform AND a.id = ANY (g.accounts) \
             AND a.kill > o.log_offset) \
         OR EXISTS (SELECT 1 FROM kills AS k WHERE k.platform = o.platform AND k.n > o.log_offset \
             AND (k.kind, k.id) IN (('user', g.user_id), ('partner', g.partner), ('partner', o.partner))), ",
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
    scopes: mandate_core::ScopeSet,
}

impl Contender {
    fn fresh(self) {
        let fresh = Redeemed::Fresh { grant: self.ready.grant, scopes: self.scopes };
        self.redemption.reply.give(Ok(Outcome::Known(fresh)));
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
                    grant: code.grant,
                    scopes: code.scopes.to_string(),
                    partner: code.partner,
                    handle: handle_bytes(&redemption.token.digest),
                    token: NewToken { offset, ..redemption.token.clone() },
                };
                return Some(Contender { redemption, ready, scopes: code.scopes });
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

/// Redeems a code: in the next batch, and if somebody was there before, as a replay.
pub(super) async fn redeem(
    shared: &Arc<Shared>,
    queue: &Queue<Redemption>,
    platform: &PlatformId,
    digest: &Digest,
    rule: &CodeRule,
    token: &NewToken,
) -> Result<Redeemed, StoreError> {
    // Twice: whoever seemed to be first may have failed after all.
    for _ in 0..2 {
        let act = |reply| Redemption {
            platform: platform.clone(),
            digest: *digest,
            rule: rule.clone(),
            token: token.clone(),
            reply,
        };
        match queue.submit(act).await? {
            Outcome::Known(verdict) => return Ok(verdict),
            Outcome::Lost => {}
        }
        if let Some(verdict) = replay(shared, platform, digest, token.issued_at).await? {
            return Ok(verdict);
        }
    }
    Err(StoreError::Unavailable("another redemption of the same code has not ended".into()))
}

/// The code was spent and everything matched: ends the token that it gave (RFC 6749 section 4.1.2). `None`: it was
/// not spent after all.
async fn replay(
    shared: &Arc<Shared>,
    platform: &PlatformId,
    digest: &Digest,
    now: Timestamp,
) -> Result<Option<Redeemed>, StoreError> {
    let sql = concat!(
        "SELECT ",
        code_columns!(),
        ", t.handle, t.ended_at IS NOT NULL FROM codes AS o LEFT JOIN tokens AS t \
         ON t.platform = o.platform AND t.handle = o.redeemed_handle WHERE o.platform = $1 AND o.digest = $2"
    );
    let Some(row) = shared.read_one(sql, &[&platform.sql(), &digest.as_bytes().as_slice()]).await? else {
        return Ok(Some(Redeemed::Unknown));
    };
    let mut columns = Cursor::new(&row);
    let code = code(&mut columns)?;
    if code.redeemed.is_none() {
        return Ok(None);
    }
    let (handle, ended) = (columns.get::<Option<&[u8]>>()?, columns.get::<bool>()?);
    if let Some(handle) = handle.filter(|_| !ended) {
        let mut work = shared.work().await?;
        let end = "UPDATE tokens SET ended_at = $3, ended_reason = 'code_replayed' \
            WHERE platform = $1 AND handle = $2 AND ended_at IS NULL";
        let first = work.run(end, &[&platform.sql(), &handle, &now.millis()]).await? == 1;
        if first {
            work.note(platform, SubjectKind::Token, handle_text(handle).as_str(), Effect::Kill);
            work.commit_as(Proof::Row(TOKEN_ENDED, platform.clone(), handle.to_vec()), now).await?;
        }
    }
    Ok(Some(Redeemed::Replayed(Box::new(code))))
}
