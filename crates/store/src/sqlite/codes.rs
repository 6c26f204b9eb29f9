//! Authorization codes.

use super::fault::{Fault, Result};
use super::tokens::Given;
use super::work::Work;
use super::{chains, grants, marks, pushed, rows, tokens};
use crate::{Minted, NewCode, Redeemed};
use mandate_core::format::hex;
use mandate_core::grant::CodeRule;
use mandate_core::model::{Code, EndReason};
use mandate_core::{Digest, GrantId, PartnerId, PlatformId, Timestamp, TokenHandle, must};
use rusqlite::{OptionalExtension as _, Row, params};

/// Codes of one period lie together. A code is known in the period of its issue and the next one, so at least this
/// long: far beyond its end, as a replay has to be recognised.
const PERIOD_MS: i64 = 16 * 86_400_000;

/// The period of a time.
pub(super) fn period(at: Timestamp) -> i64 {
    at.millis().div_euclid(PERIOD_MS)
}

pub(super) fn issue(work: &Work<'_>, new: &NewCode) -> Result<Option<GrantId>> {
    let code = &new.code;
    if let Some(digest) = &new.completes
        && !pushed::complete_for(work, &new.grant.platform, digest, &code.client)?
    {
        return Ok(None);
    }
    let grant = grants::open(work, &new.grant, code.issued_at)?;
    let stored = work.inserted(
        "INSERT INTO codes (period, place, digest, platform, client, redirect_uri, grant, scopes, partner, issued_at,
           expires_at, \"offset\", challenge, binding, context)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
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
            code.binding.as_deref(),
            &*code.context,
        ],
    )?;
    if stored { Ok(Some(grant)) } else { Err(Fault::misuse("this code was issued before")) }
}

/// A code, and whether what it opens has ended since it was made.
struct Found {
    code: Code,
    accounts: Box<str>,
    number: i64,
    ended: bool,
    /// What it gave has been ended for it before.
    replayed: bool,
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
            binding: rows::id_or_null(row, 15)?,
            context: rows::id(row, 16)?,
            redeemed,
            redeemed_chain: rows::id_or_null(row, 3)?,
        };
        Ok(Found {
            code,
            number: row.get(11)?,
            accounts: rows::id(row, 12)?,
            ended: row.get(13)?,
            replayed: row.get(17)?,
        })
    };
    let found = work
        .statement(
            "SELECT o.client, o.redirect_uri, g.id, o.redeemed_chain, o.scopes, o.partner, o.issued_at, o.expires_at,
               o.\"offset\", o.redeemed_at, o.redeemed_token, o.number, g.accounts,
               g.ended_at IS NOT NULL OR c.kill > o.\"offset\"
               OR EXISTS (SELECT 1 FROM kills WHERE platform = o.platform AND kind = 'user' AND id = g.user
                   AND \"offset\" > o.\"offset\")
               OR EXISTS (SELECT 1 FROM kills WHERE platform = o.platform AND kind = 'partner' AND id IN (o.partner, g.partner)
                   AND \"offset\" > o.\"offset\"),
               o.challenge, o.binding, o.context, o.replayed_at IS NOT NULL
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
    if found.accounts.is_empty() {
        return Ok(false);
    }
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
    minted: &Minted,
) -> Result<Redeemed> {
    let now = minted.token.issued_at;
    let Some(found) = find(work, platform, digest, period(now))? else { return Ok(Redeemed::Unknown) };
    if let Err(fault) = rule.check(&found.code, now) {
        return Ok(Redeemed::Refused(fault, Box::new(found.code)));
    }
    if must!("rfc6749-4.1.2-once", found.code.redeemed.is_some()) {
        return replay(work, platform, found, now);
    }
    if found.ended || accounts_ended(work, platform, &found)? {
        return Ok(Redeemed::GrantEnded(Box::new(found.code)));
    }
    if let Some(kind) = marks::insert(work, platform, &minted.marks)? {
        return Ok(Redeemed::Reused(kind));
    }
    let code = found.code;
    work.execute(
        "UPDATE codes SET redeemed_at = ?2, redeemed_token = ?3, redeemed_chain = ?4 WHERE number = ?1",
        params![
            found.number,
            now.millis(),
            tokens::handle(&minted.token.digest),
            minted.chain.as_ref().map(|c| c.id.as_str()),
        ],
    )?;
    // What the code's maker had not seen, the token's maker cannot make good (SECURITY R10).
    let given = Given {
        grant: &code.grant,
        client: &code.client,
        scopes: &code.scopes,
        partner: code.partner.as_ref(),
        offset: code.offset,
        context: &code.context,
    };
    tokens::store(work, platform, &given, minted)?;
    Ok(Redeemed::Fresh { grant: code.grant.clone(), scopes: code.scopes.clone(), code: Box::new(code) })
}

/// The first replay ends what the code gave; further ones find nothing left to end.
fn replay(work: &Work<'_>, platform: &PlatformId, found: Found, now: Timestamp) -> Result<Redeemed> {
    if must!("rfc6749-4.1.2-replay", !found.replayed)
        && let Some((_, handle)) = &found.code.redeemed
    {
        work.execute(
            "UPDATE codes SET replayed_at = ?2 WHERE number = ?1",
            params![found.number, now.millis()],
        )?;
        tokens::end_by_handle(work, platform, handle, EndReason::CodeReplayed, now)?;
        if let Some(chain) = &found.code.redeemed_chain {
            chains::end(work, platform, chain, EndReason::CodeReplayed, now)?;
        }
    }
    Ok(Redeemed::Replayed(Box::new(found.code)))
}
