//! Opaque access tokens: issued, looked up, ended.

use super::batch::{Batch, Lane, Reply};
use super::error::Failure;
use super::grants::open_or_widen;
use super::model::{
    ACCOUNT_COLUMNS, CLIENT_COLUMNS, GRANT_COLUMNS, TOKEN_COLUMNS, account, account_columns, client,
    client_columns, grant, grant_columns, token, token_columns,
};
use super::row::{AsText as _, Cursor, Text, handle_bytes, handle_named, handle_text, int, millis};
use super::work::{Proof, Shared, Work, committed};
use super::{chains, marks};
use crate::minted::{Issued, Minted};
use crate::verbs::{At, Audit, Changed, IssueToken, NewToken, StoreError, TokenName};
use mandate_core::log::Effect;
use mandate_core::model::{EndReason, Killed, TokenFacts};
use mandate_core::refresh::Chain;
use mandate_core::{
    ChainId, ClientId, Digest, GrantId, Offset, PartnerId, PlatformId, ScopeSet, SubjectKind,
};
use std::sync::Arc;

/// Whether a token was stored: the proof of an issue or a redemption.
pub(super) const STORED: &str = "SELECT 1 FROM tokens WHERE platform = $1 AND handle = $2";

const INSERT: &str = "INSERT INTO tokens (platform, handle, digest, grant_id, scopes, partner, issued_at, \
        expires_at, log_offset) \
    SELECT * FROM unnest($1::text[], $2::bytea[], $3::bytea[], $4::text[], $5::text[], $6::text[], $7::bigint[], \
        $8::bigint[], $9::bigint[])";

/// A token of which everything is known but its place in the table.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) platform: PlatformId,
    pub(super) grant: GrantId,
    pub(super) scopes: String,
    pub(super) partner: Option<PartnerId>,
    pub(super) handle: [u8; 16],
    pub(super) token: NewToken,
}

impl Ready {
    pub(super) fn new(new: &IssueToken, grant: GrantId) -> Self {
        Self {
            platform: new.grant.platform.clone(),
            grant,
            scopes: new.scopes.to_string(),
            partner: new.partner.clone(),
            handle: handle_bytes(&new.token.digest),
            token: new.token.clone(),
        }
    }
    /// What shows that it was stored.
    pub(super) fn proof(&self) -> Proof {
        Proof::Row(STORED, self.platform.clone(), self.handle.to_vec())
    }
}

/// Tokens as columns for [`INSERT`] and for the redemption of codes.
#[derive(Debug, Default)]
pub(super) struct Columns<'a> {
    pub(super) platforms: Vec<Text<'a>>,
    pub(super) handles: Vec<&'a [u8]>,
    pub(super) digests: Vec<&'a [u8]>,
    pub(super) grants: Vec<Text<'a>>,
    pub(super) scopes: Vec<Text<'a>>,
    pub(super) partners: Vec<Option<Text<'a>>>,
    pub(super) issued: Vec<i64>,
    pub(super) expires: Vec<Option<i64>>,
    pub(super) offsets: Vec<i64>,
}

impl<'a> Columns<'a> {
    pub(super) fn of(tokens: impl Iterator<Item = &'a Ready>) -> Self {
        let mut columns = Self::default();
        for t in tokens {
            columns.platforms.push(t.platform.sql());
            columns.handles.push(&t.handle);
            columns.digests.push(t.token.digest.as_bytes());
            columns.grants.push(t.grant.sql());
            columns.scopes.push(t.scopes.sql());
            columns.partners.push(t.partner.as_ref().map(|p| p.sql()));
            columns.issued.push(t.token.issued_at.millis());
            columns.expires.push(millis(t.token.expires_at));
            columns.offsets.push(int(t.token.offset.0));
        }
        columns
    }
}

/// An issue under a grant that is known, waiting for its batch.
#[derive(Debug)]
pub(super) struct Issue {
    pub(super) ready: Ready,
    pub(super) reply: Reply<Issued>,
}

async fn insert(lane: &mut Lane, issues: &[Issue]) -> Result<(), Failure> {
    let c = Columns::of(issues.iter().map(|i| &i.ready));
    let stored = lane
        .run(
            INSERT,
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
            ],
        )
        .await?;
    debug_assert_eq!(stored, issues.len() as u64);
    Ok(())
}

/// Stores them all in one step. Gives them back if one of them spoilt it for all.
async fn store(lane: &mut Lane, issues: Vec<Issue>) -> Vec<Issue> {
    match insert(lane, &issues).await {
        Ok(()) => issues.into_iter().for_each(Issue::done),
        Err(Failure::Refused(_) | Failure::Wrong(_)) if issues.len() > 1 => return issues,
        Err(Failure::Lost(why)) => {
            let (pool, backend) = (Arc::clone(&lane.shared.pool), lane.backend());
            tokio::spawn(async move {
                for issue in issues {
                    match committed(&pool, backend, &issue.ready.proof(), &why).await {
                        Ok(true) => issue.done(),
                        Ok(false) => issue.fail(StoreError::Unavailable(why.clone())),
                        Err(e) => issue.fail(e),
                    }
                }
            });
        }
        Err(refused) => issues.into_iter().for_each(|i| i.fail(refused.clone().into())),
    }
    Vec::new()
}

impl Batch for Issue {
    async fn run(lane: &mut Lane, issues: Vec<Self>) {
        // Each gets its own verdict (SECURITY R17).
        for issue in store(lane, issues).await {
            store(lane, vec![issue]).await;
        }
    }
    fn fail(self, error: StoreError) {
        self.reply.give(Err(error));
    }
}

impl Issue {
    fn done(self) {
        self.reply.give(Ok(Issued::Done(self.ready.grant)));
    }
}

/// Issues under a grant that has to be found or opened first, or with something beside the token.
pub(super) async fn issue(shared: &Arc<Shared>, new: &IssueToken) -> Result<Issued, StoreError> {
    let mut work = shared.work().await?;
    let grant = match &new.known_grant {
        Some(grant) => grant.clone(),
        None => open_or_widen(&mut work, &new.grant, new.token.issued_at).await?,
    };
    let platform = &new.grant.platform;
    let mut proof = Proof::Nothing;
    if let Some(chain) = &new.chain {
        let chain = Chain { grant: grant.clone(), ..chain.clone() };
        proof = chains::insert(&work, platform, &chain).await?;
    }
    if new.stored {
        let ready = Ready::new(new, grant.clone());
        let chain = new.chain.as_ref().map(|c| &c.id).or(new.token.chain.as_ref());
        insert_one(&work, &ready, chain).await?;
        proof = ready.proof();
    }
    if let Some(kind) = marks::insert(&work, platform, &new.marks).await? {
        return Ok(Issued::Reused(kind));
    }
    work.commit_as(proof, new.token.issued_at).await?;
    Ok(Issued::Done(grant))
}

/// Stores a token in the transaction of an act.
async fn insert_one(work: &Work, ready: &Ready, chain: Option<&ChainId>) -> Result<(), StoreError> {
    let token = &ready.token;
    work.run(
        "INSERT INTO tokens (platform, handle, digest, grant_id, scopes, partner, issued_at, expires_at, log_offset, \
             chain) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        &[
            &ready.platform.sql(),
            &ready.handle.as_slice(),
            &token.digest.as_bytes().as_slice(),
            &ready.grant.sql(),
            &ready.scopes,
            &ready.partner.as_ref().map(|p| p.sql()),
            &token.issued_at.millis(),
            &millis(token.expires_at),
            &int(token.offset.0),
            &chain.map(|c| c.sql()),
        ],
    )
    .await?;
    Ok(())
}

/// What a code, a device flow or a chain gives.
#[derive(Debug)]
pub(super) struct Given<'a> {
    pub(super) platform: &'a PlatformId,
    pub(super) grant: &'a GrantId,
    pub(super) client: &'a ClientId,
    pub(super) scopes: &'a ScopeSet,
    pub(super) partner: Option<&'a PartnerId>,
    pub(super) offset: Offset,
    /// The issuer's text, which a chain that begins carries on.
    pub(super) context: &'a str,
}

/// Stores what was minted under a grant that was given at an offset.
pub(super) async fn store_minted(work: &Work, given: &Given<'_>, minted: &Minted) -> Result<(), StoreError> {
    if let Some(chain) = minted.chain_at(given.offset, given.client, given.grant, given.scopes, given.context)
    {
        chains::insert(work, given.platform, &chain).await?;
    }
    if !minted.stored {
        return Ok(());
    }
    let token = minted.token_at(given.offset);
    let chain = token.chain.clone();
    let ready = Ready {
        platform: given.platform.clone(),
        grant: given.grant.clone(),
        scopes: given.scopes.to_string(),
        partner: given.partner.cloned(),
        handle: handle_bytes(&token.digest),
        token,
    };
    insert_one(work, &ready, chain.as_ref()).await
}

/// One statement, for known and unknown digests (SECURITY R7); a row for each account of the grant.
pub(super) async fn facts(
    shared: &Shared,
    platform: &PlatformId,
    digest: &Digest,
) -> Result<At<Option<TokenFacts>>, StoreError> {
    let sql = concat!(
        "SELECT top.n, k.kind, k.at, ",
        token_columns!(),
        ", ",
        grant_columns!(),
        ", ",
        client_columns!(),
        ", ",
        account_columns!(),
        " FROM head AS top LEFT JOIN (tokens AS t \
             JOIN grants AS g ON g.platform = t.platform AND g.id = t.grant_id \
             JOIN clients AS c ON c.platform = g.platform AND c.id = g.client \
             LEFT JOIN chains AS h ON h.platform = t.platform AND h.id = t.chain \
             LEFT JOIN accounts AS a ON a.platform = g.platform AND a.id = ANY (g.accounts) \
             LEFT JOIN LATERAL (SELECT k.kind, k.at FROM kills AS k WHERE k.platform = t.platform \
                 AND (k.kind, k.id) IN (('user', g.user_id), ('partner', g.partner), ('partner', t.partner)) \
                 AND k.n > t.log_offset ORDER BY k.n LIMIT 1) AS k ON true) \
             ON t.platform = $1 AND t.handle = $2 AND t.digest = $3 ORDER BY a.id"
    );
    let handle = handle_bytes(digest);
    let rows =
        shared.read(sql, &[&platform.sql(), &handle.as_slice(), &digest.as_bytes().as_slice()]).await?;
    let mut found: Option<TokenFacts> = None;
    let mut offset = None;
    for row in &rows {
        let mut columns = Cursor::new(row);
        offset = Some(columns.offset()?);
        let (kind, at) = (columns.maybe_word(SubjectKind::from_word)?, columns.maybe_time()?);
        let killed = kind.map(|kind| Killed { kind, at, reason: None });
        let token =
            columns.joined(TOKEN_COLUMNS, |c| if found.is_none() { token(c).map(Some) } else { Ok(None) })?;
        let grant =
            columns.joined(GRANT_COLUMNS, |c| if found.is_none() { grant(c).map(Some) } else { Ok(None) })?;
        let client = columns
            .joined(CLIENT_COLUMNS, |c| if found.is_none() { client(c).map(Some) } else { Ok(None) })?;
        let account = columns.joined(ACCOUNT_COLUMNS, account)?.map(Arc::new);
        if let Some(((token, grant), client)) = token.flatten().zip(grant.flatten()).zip(client.flatten()) {
            let (grant, client) = (Arc::new(grant), Arc::new(client));
            found = Some(TokenFacts { token, grant, client, accounts: Vec::new(), killed });
        }
        if let (Some(facts), Some(account)) = (&mut found, account) {
            facts.accounts.push(account);
        }
    }
    let offset = offset.ok_or_else(|| StoreError::Misuse("the head row is missing".into()))?;
    Ok(At { value: found, offset })
}

/// Ends a token that has no row.
pub(super) async fn kill(
    shared: &Arc<Shared>,
    platform: &PlatformId,
    handle: &mandate_core::TokenHandle,
    audit: &Audit,
) -> Result<(), StoreError> {
    let mut work = shared.work().await?;
    work.note(platform, SubjectKind::Token, handle.as_str(), Effect::Kill);
    work.commit(audit).await?;
    Ok(())
}

pub(super) async fn revoke(
    shared: &Arc<Shared>,
    platform: &PlatformId,
    named: &TokenName,
    partner: Option<&PartnerId>,
    reason: EndReason,
    audit: &Audit,
) -> Result<Changed, StoreError> {
    let handle = match named {
        TokenName::Digest(digest) => handle_bytes(digest).to_vec(),
        TokenName::Handle(handle) => match handle_named(handle.as_str()) {
            Some(handle) => handle,
            None => return Ok(Changed::NotFound),
        },
    };
    let mut work = shared.work().await?;
    let sql = "SELECT ended_at IS NOT NULL FROM tokens \
        WHERE platform = $1 AND handle = $2 AND partner IS NOT DISTINCT FROM $3 FOR NO KEY UPDATE";
    let row = work.row(sql, &[&platform.sql(), &handle, &partner.map(|p| p.sql())]).await?;
    match row.map(|r| Cursor::new(&r).get::<bool>()).transpose()? {
        None => return Ok(Changed::NotFound),
        Some(true) => return Ok(Changed::Conflict),
        Some(false) => {}
    }
    let end = "UPDATE tokens SET ended_at = $3, ended_reason = $4 WHERE platform = $1 AND handle = $2";
    work.run(end, &[&platform.sql(), &handle, &audit.at.millis(), &reason.as_str()]).await?;
    work.note_end(platform, SubjectKind::Token, handle_text(&handle).as_str(), reason);
    work.commit(audit).await?;
    Ok(Changed::Done)
}
