//! Authorization codes.

use super::fault::{Fault, Result};
use super::work::Work;
use super::{grants, rows, tokens};
use crate::{NewCode, NewToken, Redeemed};
use mandate_core::format::hex;
use mandate_core::grant::CodeRule;
use mandate_core::model::{Code, EndReason};
use mandate_core::{Digest, GrantId, PartnerId, PlatformId, TokenHandle};
use rusqlite::{OptionalExtension as _, Row, params};

/// Codes of one period lie together. A code is known in the period of its issue and the next one, so at least this
/// long: far beyond its end, as a replay has to be recognised.
const PERIOD_MS: i64 = 16 * 86_400_000;

/// The period of a time.
pub(super) fn period(at: mandate_core::Timestamp) -> i64 {
    at.millis().div_euclid(PERIOD_MS)
}

pub(super) fn issue(work: &Work<'_>, new: &NewCode) -> Result<GrantId> {
    let code = &new.code;
    let grant = grants::open(work, &new.grant, code.issued_at)?;
    let stored = work.inserted(
        "INSERT INTO codes (period, place, digest, platform, client, redirect_uri, grant, scopes, partner, issued_at,
           expires_at, \"offset\", challenge)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        params![
            period(code.issued_at),
            grants::bits(code.digest.as_bytes()),
            code.digest.as_bytes(),
            new.grant.platform.as_str(),
            code.client.as_str(),
            &*code.redirect_uri,
            grants::name(&new.grant.platform, &grant),
            code.scopes.to_string(),
            code.partner.as_ref().map(PartnerId::as_str),
            code.issued_at.millis(),
            code.expires_at.millis(),
            code.offset.0.cast_signed(),
            code.challenge.as_deref(),
        ],
    )?;
    if stored { Ok(grant) } else { Err(Fault::misuse("this code was issued before")) }
}

/// A code, and whether what it opens has ended since it was made.
struct Found {
    code: Code,
    grant: i64,
    accounts: Box<str>,
    number: i64,
    ended: bool,
}

fn find(work: &Work<'_>, platform: &PlatformId, digest: &Digest, now: i64) -> Result<Option<Found>> {
    let read = |row: &Row<'_>| {
        let redeemed = match rows::time_or_null(row, 9)? {
            Some(at) => Some((at, TokenHandle::new(hex(&row.get::<_, [u8; 16]>(10)?)))),
            None => None,
        };
        let code = Code {
            digest: *digest,
            client: rows::id(row, 0)?,
            redirect_uri: rows::id(row, 1)?,
            challenge: rows::id_or_null(row, 14)?,
            grant: rows::id(row, 2)?,
            scopes: rows::scopes(row, 4)?,
            partner: rows::id_or_null(row, 5)?,
            issued_at: rows::time(row, 6)?,
            expires_at: rows::time(row, 7)?,
            offset: rows::offset(row, 8)?,
            redeemed,
        };
        Ok(Found {
            code,
            grant: row.get(3)?,
            number: row.get(11)?,
            accounts: rows::id(row, 12)?,
            ended: row.get(13)?,
        })
    };
    let found = work
        .statement(
            "SELECT o.client, o.redirect_uri, g.id, o.grant, o.scopes, o.partner, o.issued_at, o.expires_at,
               o.\"offset\", o.redeemed_at, o.redeemed_token, o.number, g.accounts,
               g.ended_at IS NOT NULL OR c.kill > o.\"offset\"
               OR EXISTS (SELECT 1 FROM kills WHERE platform = o.platform AND kind = 'user' AND id = g.user
                   AND \"offset\" > o.\"offset\")
               OR EXISTS (SELECT 1 FROM kills WHERE platform = o.platform AND kind = 'partner' AND id = o.partner
                   AND \"offset\" > o.\"offset\"),
               o.challenge
             FROM codes o
             JOIN grants g ON g.name = o.grant
             JOIN clients c ON c.platform = o.platform AND c.id = o.client
             WHERE o.period IN (?1, ?1 - 1) AND o.place = ?2 AND o.digest = ?3 AND o.platform = ?4",
        )?
        .query_row(params![now, grants::bits(digest.as_bytes()), digest.as_bytes(), platform.as_str()], read)
        .optional()?;
    Ok(found)
}

/// Whether each of the accounts was killed after the code was made. What one of them lost, its token's offset says.
fn accounts_ended(work: &Work<'_>, platform: &PlatformId, found: &Found) -> Result<bool> {
    let mut statement = work.statement("SELECT kill > ?3 FROM accounts WHERE platform = ?1 AND id = ?2")?;
    for account in found.accounts.split('\n') {
        let offset = found.code.offset.0.cast_signed();
        let killed: Option<bool> =
            statement.query_row(params![platform.as_str(), account, offset], |row| row.get(0)).optional()?;
        if killed != Some(true) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Runs the rule on the row and spends it, in one step.
pub(super) fn redeem(
    work: &Work<'_>,
    platform: &PlatformId,
    digest: &Digest,
    rule: &CodeRule,
    token: &NewToken,
) -> Result<Redeemed> {
    let now = token.issued_at;
    let Some(found) = find(work, platform, digest, period(now))? else { return Ok(Redeemed::Unknown) };
    if let Err(fault) = rule.check(&found.code, now) {
        return Ok(Redeemed::Refused(fault, Box::new(found.code)));
    }
    if let Some((_, handle)) = &found.code.redeemed {
        tokens::end_by_handle(work, platform, handle, EndReason::CodeReplayed, now)?;
        return Ok(Redeemed::Replayed(Box::new(found.code)));
    }
    if found.ended || accounts_ended(work, platform, &found)? {
        return Ok(Redeemed::GrantEnded(Box::new(found.code)));
    }
    let code = found.code;
    let handle = tokens::handle(&token.digest);
    work.execute(
        "UPDATE codes SET redeemed_at = ?2, redeemed_token = ?3 WHERE number = ?1",
        params![found.number, now.millis(), handle],
    )?;
    // What the code's maker had not seen, the token's maker cannot make good (SECURITY R10).
    let offset = token.offset.min(code.offset);
    tokens::insert(
        work,
        platform,
        found.grant,
        &code.scopes,
        code.partner.as_ref(),
        &NewToken { offset, ..token.clone() },
    )?;
    Ok(Redeemed::Fresh { grant: code.grant, scopes: code.scopes })
}
