//! Access tokens. Digest and handle lead to the same place, so that one small index serves both.

use super::fault::{Fault, Result};
use super::rows::{self, client_columns, grant_columns};
use super::work::Work;
use super::{accounts, grants};
use crate::{Audit, Changed, IssueToken, NewToken, TokenName};
use mandate_core::format::hex;
use mandate_core::log::Effect;
use mandate_core::model::{EndReason, Ended, Token, TokenFacts};
use mandate_core::{Digest, GrantId, PartnerId, PlatformId, ScopeSet, SubjectKind, Timestamp, TokenHandle};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use std::sync::Arc;

/// The bytes of [`crate::token_handle`].
pub(super) fn handle(digest: &Digest) -> [u8; 16] {
    let mut handle = [0; 16];
    handle.copy_from_slice(&Digest::of(digest.as_bytes()).as_bytes()[..16]);
    handle
}

pub(super) fn issue(work: &Work<'_>, new: &IssueToken) -> Result<GrantId> {
    let grant = match &new.known_grant {
        Some(grant) => grant.clone(),
        None => grants::open(work, &new.grant, new.token.issued_at)?,
    };
    let platform = &new.grant.platform;
    insert(work, platform, grants::name(platform, &grant), &new.scopes, new.partner.as_ref(), &new.token)?;
    Ok(grant)
}

/// Stores a token; the one insertion of an issue under a known grant.
pub(super) fn insert(
    work: &Work<'_>,
    platform: &PlatformId,
    grant: i64,
    scopes: &ScopeSet,
    partner: Option<&PartnerId>,
    token: &NewToken,
) -> Result<()> {
    let handle = handle(&token.digest);
    let stored = work.inserted(
        "INSERT INTO tokens (place, handle, platform, grant, scopes, partner, issued_at, expires_at, \"offset\")
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
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
        ],
    )?;
    // Two of ten million tokens share a place with a chance of 1 in 180,000: then the second is refused too.
    if stored { Ok(()) } else { Err(Fault::misuse("this token was issued before")) }
}

fn token(row: &Row<'_>, digest: &Digest, platform: &PlatformId) -> rusqlite::Result<Token> {
    let ended = match rows::time_or_null(row, 6)? {
        Some(at) => Some(Ended { at, reason: rows::end_reason(row, 7)?, successor: None }),
        None => None,
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
        ended,
    })
}
/// What [`token`] reads before the columns of the grant.
const TOKEN_WIDTH: usize = 8;

/// One statement for known and unknown digests; the accounts of a known one after it, in the same snapshot.
pub(super) fn find(conn: &Connection, platform: &PlatformId, digest: &Digest) -> Result<Option<TokenFacts>> {
    let sql = concat!(
        "SELECT t.handle, t.scopes, t.partner, t.issued_at, t.expires_at, t.\"offset\", t.ended_at, t.end_reason, ",
        grant_columns!(),
        ", ",
        client_columns!(),
        ", u.at, p.at
         FROM tokens t
         JOIN grants g ON g.name = t.grant
         JOIN clients c ON c.platform = g.platform AND c.id = g.client
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
            let user = rows::time_or_null(row, after)?.map(|at| (SubjectKind::User, at));
            let partner = rows::time_or_null(row, after + 1)?.map(|at| (SubjectKind::Partner, at));
            Ok(TokenFacts {
                token: token(row, digest, platform)?,
                grant: Arc::new(rows::grant(row, TOKEN_WIDTH)?),
                client: Arc::new(rows::client(row, TOKEN_WIDTH + rows::GRANT_WIDTH)?),
                accounts: Vec::new(),
                killed: user.or(partner),
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
            end(work, platform, number, &handle, reason, audit.at)?;
            work.audit(audit)?;
            Ok(Changed::Done)
        }
    }
}

/// Ends a token, if it has not ended.
pub(super) fn end_by_handle(
    work: &Work<'_>,
    platform: &PlatformId,
    handle: &TokenHandle,
    reason: EndReason,
    at: Timestamp,
) -> Result<()> {
    let Some(handle) = rows::unhex(handle.as_str()) else { return Ok(()) };
    let number = work
        .statement(
            "SELECT number FROM tokens
             WHERE place = ?1 AND handle = ?2 AND platform = ?3 AND ended_at IS NULL",
        )?
        .query_row(params![grants::bits(&handle), handle, platform.as_str()], |row| row.get::<_, i64>(0))
        .optional()?;
    match number {
        Some(number) => end(work, platform, number, &handle, reason, at),
        None => Ok(()),
    }
}

fn end(
    work: &Work<'_>,
    platform: &PlatformId,
    number: i64,
    handle: &[u8; 16],
    reason: EndReason,
    at: Timestamp,
) -> Result<()> {
    work.execute(
        "UPDATE tokens SET ended_at = ?2, end_reason = ?3 WHERE number = ?1",
        params![number, at.millis(), reason.as_str()],
    )?;
    work.log(platform, SubjectKind::Token, &hex(handle), Effect::Kill, at)?;
    Ok(())
}
