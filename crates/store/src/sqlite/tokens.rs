//! Access tokens. Digest and handle lead to the same place, so that one small index serves both.

use super::fault::{Fault, Result};
use super::rows::{self, client_columns, grant_columns};
use super::work::Work;
use super::{accounts, chains, grants, marks};
use crate::{Audit, Changed, IssueToken, Issued, Minted, NewToken, TokenName};
use mandate_core::format::hex;
use mandate_core::log::Effect;
use mandate_core::model::{EndReason, Killed, Token, TokenFacts};
use mandate_core::{
    ChainId, ClientId, Digest, GrantId, Offset, PartnerId, PlatformId, ScopeSet, SubjectKind, Timestamp,
    TokenHandle,
};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use std::sync::Arc;

/// The bytes of [`crate::token_handle`].
pub(super) fn handle(digest: &Digest) -> [u8; 16] {
    let mut handle = [0; 16];
    handle.copy_from_slice(&Digest::of(digest.as_bytes()).as_bytes()[..16]);
    handle
}

pub(super) fn issue(work: &Work<'_>, new: &IssueToken) -> Result<Issued> {
    let platform = &new.grant.platform;
    if let Some(kind) = marks::insert(work, platform, &new.marks)? {
        return Ok(Issued::Reused(kind));
    }
    let grant = match &new.known_grant {
        Some(grant) => grant.clone(),
        None => grants::open(work, &new.grant, new.token.issued_at)?,
    };
    let name = grants::name(platform, &grant);
    if let Some(chain) = &new.chain {
        chains::insert(work, platform, name, chain)?;
    }
    if new.stored {
        let chain = new.chain.as_ref().map(|c| &c.id).or(new.token.chain.as_ref());
        insert(work, platform, name, &new.scopes, new.partner.as_ref(), &new.token, chain)?;
    }
    Ok(Issued::Done(grant))
}

/// Stores a token; the one insertion of an issue under a known grant.
pub(super) fn insert(
    work: &Work<'_>,
    platform: &PlatformId,
    grant: i64,
    scopes: &ScopeSet,
    partner: Option<&PartnerId>,
    token: &NewToken,
    chain: Option<&ChainId>,
) -> Result<()> {
    let handle = handle(&token.digest);
    let stored = work.inserted(
        "INSERT INTO tokens (place, handle, platform, grant, scopes, partner, issued_at, expires_at, \"offset\",
           chain)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        params![
            grants::bits(&handle),
            handle,
            platform.as_str(),
            grant,
            scopes.to_string(),
            partner.map(PartnerId::as_str),
            token.issued_at.millis(),
            token.expires_at.map(Timestamp::millis),
            token.offset.0.cast_signed(),
            chain.map(ChainId::as_str),
        ],
    )?;
    // Two of ten million tokens share a place with a chance of 1 in 180,000: then the second is refused too.
    if stored { Ok(()) } else { Err(Fault::misuse("this token was issued before")) }
}

fn token(row: &Row<'_>, digest: &Digest, platform: &PlatformId) -> rusqlite::Result<Token> {
    // The end of its chain is its own.
    let ended = match rows::ended_or_null(row, 6)? {
        None => rows::ended(row, 9)?,
        ended => ended,
    };
    Ok(Token {
        platform: platform.clone(),
        digest: *digest,
        handle: TokenHandle::new(hex(&row.get::<_, [u8; 16]>(0)?)),
        grant: rows::id(row, TOKEN_WIDTH + 1)?,
        scopes: rows::scopes(row, 1)?,
        partner: rows::id_or_null(row, 2)?,
        issued_at: rows::time(row, 3)?,
        expires_at: rows::time_or_null(row, 4)?,
        offset: rows::offset(row, 5)?,
        chain: rows::id_or_null(row, 8)?,
        binding: None,
        audience: Vec::new(),
        signed_by: None,
        ended,
    })
}
/// What [`token`] reads before the columns of the grant.
const TOKEN_WIDTH: usize = 12;

/// One statement for known and unknown digests; the accounts of a known one after it, in the same snapshot.
pub(super) fn find(conn: &Connection, platform: &PlatformId, digest: &Digest) -> Result<Option<TokenFacts>> {
    let sql = concat!(
        "SELECT t.handle, t.scopes, t.partner, t.issued_at, t.expires_at, t.\"offset\", t.ended_at, t.end_reason, \
           t.chain, h.ended_at, h.end_reason, h.successor, ",
        grant_columns!(),
        ", ",
        client_columns!(),
        ", u.at, p.at
         FROM tokens t
         JOIN grants g ON g.name = t.grant
         JOIN clients c ON c.platform = g.platform AND c.id = g.client
         LEFT JOIN chains h ON h.platform = t.platform AND h.id = t.chain
         LEFT JOIN kills u ON u.platform = t.platform AND u.kind = 'user' AND u.id = g.user AND u.\"offset\" > t.\"offset\"
         LEFT JOIN kills p ON p.platform = t.platform AND p.kind = 'partner' AND p.id = t.partner
           AND p.\"offset\" > t.\"offset\"
         WHERE t.place = ?1 AND t.handle = ?2 AND t.platform = ?3"
    );
    let handle = handle(digest);
    let snapshot = if conn.is_autocommit() { Some(conn.unchecked_transaction()?) } else { None };
    let found = conn
        .prepare_cached(sql)?
        .query_row(params![grants::bits(&handle), handle, platform.as_str()], |row| {
            let after = TOKEN_WIDTH + rows::GRANT_WIDTH + rows::CLIENT_WIDTH;
            let user = rows::time_or_null(row, after)?.map(|at| (SubjectKind::User, Some(at)));
            let partner = rows::time_or_null(row, after + 1)?.map(|at| (SubjectKind::Partner, Some(at)));
            Ok(TokenFacts {
                token: token(row, digest, platform)?,
                grant: Arc::new(rows::grant(row, TOKEN_WIDTH)?),
                client: Arc::new(rows::client(row, TOKEN_WIDTH + rows::GRANT_WIDTH)?),
                accounts: Vec::new(),
                killed: user.or(partner).map(|(kind, at)| Killed { kind, at, reason: None }),
            })
        })
        .optional()?;
    let Some(mut facts) = found else { return Ok(None) };
    for id in &facts.grant.accounts {
        facts.accounts.extend(accounts::by_id(conn, platform, id)?.map(Arc::new));
    }
    drop(snapshot);
    Ok(Some(facts))
}

/// Ends a token that has no row.
pub(super) fn kill(
    work: &Work<'_>,
    platform: &PlatformId,
    handle: &TokenHandle,
    audit: &Audit,
) -> Result<()> {
    work.log(platform, SubjectKind::Token, handle.as_str(), Effect::Kill, audit.at)?;
    work.audit(audit)
}

pub(super) fn revoke(
    work: &Work<'_>,
    platform: &PlatformId,
    named: &TokenName,
    partner: Option<&PartnerId>,
    reason: EndReason,
    audit: &Audit,
) -> Result<Changed> {
    let handle = match named {
        TokenName::Digest(digest) => Some(handle(digest)),
        TokenName::Handle(handle) => rows::unhex(handle.as_str()),
    };
    let Some(handle) = handle else { return Ok(Changed::NotFound) };
    let found = work
        .statement(
            "SELECT number, ended_at IS NOT NULL FROM tokens
             WHERE place = ?1 AND handle = ?2 AND platform = ?3 AND partner IS ?4",
        )?
        .query_row(
            params![grants::bits(&handle), handle, platform.as_str(), partner.map(PartnerId::as_str)],
            |row| Ok((row.get::<_, i64>(0)?, row.get::<_, bool>(1)?)),
        )
        .optional()?;
    match found {
        None => Ok(Changed::NotFound),
        Some((_, true)) => Ok(Changed::Conflict),
        Some((number, false)) => {
            work.execute(
                "UPDATE tokens SET ended_at = ?2, end_reason = ?3 WHERE number = ?1",
                params![number, audit.at.millis(), reason.as_str()],
            )?;
            work.log_end(platform, SubjectKind::Token, &hex(&handle), reason, audit.at)?;
            work.audit(audit)?;
            Ok(Changed::Done)
        }
    }
}

/// Kills a token by its name, and ends its row if it has one.
pub(super) fn end_by_handle(
    work: &Work<'_>,
    platform: &PlatformId,
    handle: &TokenHandle,
    reason: EndReason,
    at: Timestamp,
) -> Result<()> {
    if let Some(bytes) = rows::unhex::<16>(handle.as_str()) {
        work.execute(
            "UPDATE tokens SET ended_at = ?4, end_reason = ?5
             WHERE place = ?1 AND handle = ?2 AND platform = ?3 AND ended_at IS NULL",
            params![grants::bits(&bytes), bytes, platform.as_str(), at.millis(), reason.as_str()],
        )?;
    }
    work.log_end(platform, SubjectKind::Token, handle.as_str(), reason, at)?;
    Ok(())
}

/// Stores what comes with a code or a device's poll, under a grant that was given at `offset`.
pub(super) fn store(
    work: &Work<'_>,
    platform: &PlatformId,
    given: &Given<'_>,
    minted: &Minted,
) -> Result<()> {
    let name = grants::name(platform, given.grant);
    if let Some(chain) = minted.chain_at(given.offset, given.client, given.grant, given.scopes, given.context)
    {
        chains::insert(work, platform, name, &chain)?;
    }
    if minted.stored {
        let token = minted.token_at(given.offset);
        insert(work, platform, name, given.scopes, given.partner, &token, token.chain.as_ref())?;
    }
    Ok(())
}

/// What a code or a device flow gives.
pub(super) struct Given<'a> {
    pub(super) grant: &'a GrantId,
    pub(super) client: &'a ClientId,
    pub(super) scopes: &'a ScopeSet,
    pub(super) partner: Option<&'a PartnerId>,
    pub(super) offset: Offset,
    /// The issuer's text, which a chain that begins carries on.
    pub(super) context: &'a str,
}
