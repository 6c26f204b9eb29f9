//! Grants.

use super::accounts;
use super::fault::Result;
use super::rows::{self, client_columns, grant_columns};
use super::work::Work;
use crate::{Audit, Changed, ConnectedApp};
use mandate_core::grant::GrantSpec;
use mandate_core::log::Effect;
use mandate_core::model::{EndReason, Grant, GrantedBy};
use mandate_core::{
    AccountId, Digest, GrantId, Offset, PartnerId, PlatformId, SubjectKind, Timestamp, UserId,
};
use rusqlite::{Connection, OptionalExtension as _, params};

/// Ended ones are shown and kept this long.
pub(super) const KEPT_MS: i64 = 400 * 86_400_000;

/// 63 bits of a digest, as a row number.
pub(super) fn bits(digest: &[u8]) -> i64 {
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    (u64::from_be_bytes(first) >> 1).cast_signed()
}

/// The number by which codes and tokens name their grant.
pub(super) fn name(platform: &PlatformId, id: &GrantId) -> i64 {
    let mut text = Vec::with_capacity(64);
    text.extend_from_slice(platform.as_str().as_bytes());
    text.push(0);
    text.extend_from_slice(id.as_str().as_bytes());
    bits(Digest::of(&text).as_bytes())
}

fn partner(by: &GrantedBy) -> Option<&PartnerId> {
    match by {
        GrantedBy::Owner | GrantedBy::Client => None,
        GrantedBy::Partner(partner) => Some(partner),
    }
}

/// What may be live once: client, subject, account set, origin.
fn live_key(spec: &GrantSpec) -> [u8; 16] {
    let mut text = String::with_capacity(128);
    text.push_str(spec.client.as_str());
    for (mark, part) in [
        ("\0u", spec.user.as_ref().map(UserId::as_str)),
        ("\0p", partner(&spec.granted_by).map(PartnerId::as_str)),
        ("\0c", (spec.granted_by == GrantedBy::Client).then_some("")),
    ] {
        if let Some(part) = part {
            text.push_str(mark);
            text.push_str(part);
        }
    }
    for account in &spec.accounts {
        text.push_str("\0a");
        text.push_str(account.as_str());
    }
    let mut key = [0; 16];
    key.copy_from_slice(&Digest::of(text.as_bytes()).as_bytes()[..16]);
    key
}

/// Opens the grant or widens the live one of the same key.
pub(super) fn open(work: &Work<'_>, spec: &GrantSpec, at: Timestamp) -> Result<GrantId> {
    let key = live_key(spec);
    let found = work
        .statement("SELECT number, id, scopes, updated_at FROM grants WHERE platform = ?1 AND live = ?2")?
        .query_row(params![spec.platform.as_str(), key], |row| {
            Ok((
                row.get::<_, i64>(0)?,
                rows::id::<GrantId>(row, 1)?,
                rows::scopes(row, 2)?,
                rows::time(row, 3)?,
            ))
        })
        .optional()?;
    let Some((number, id, scopes, updated_at)) = found else {
        insert(work, spec, &key, at)?;
        return Ok(spec.new_id.clone());
    };
    let widened = !scopes.covers(&spec.scopes);
    if widened || updated_at < at {
        work.execute(
            "UPDATE grants SET scopes = ?2, updated_at = max(updated_at, ?3) WHERE number = ?1",
            params![number, scopes.union(&spec.scopes).to_string(), at.millis()],
        )?;
    }
    if widened {
        work.log(&spec.platform, SubjectKind::Grant, id.as_str(), Effect::Change, at)?;
    }
    Ok(id)
}

fn insert(work: &Work<'_>, spec: &GrantSpec, key: &[u8; 16], at: Timestamp) -> Result<()> {
    let name = name(&spec.platform, &spec.new_id);
    work.execute(
        "INSERT INTO grants (name, platform, id, client, user, accounts, scopes, partner, own, created_at,
           updated_at, live)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10, ?11)",
        params![
            name,
            spec.platform.as_str(),
            spec.new_id.as_str(),
            spec.client.as_str(),
            spec.user.as_ref().map(UserId::as_str),
            rows::lines(spec.accounts.iter().map(AccountId::as_str)),
            spec.scopes.to_string(),
            partner(&spec.granted_by).map(PartnerId::as_str),
            spec.granted_by == GrantedBy::Client,
            at.millis(),
            key,
        ],
    )?;
    for account in &spec.accounts {
        work.execute(
            "INSERT OR IGNORE INTO grant_accounts VALUES (?1, ?2, ?3)",
            params![spec.platform.as_str(), account.as_str(), name],
        )?;
    }
    Ok(())
}

pub(super) fn live(conn: &Connection, spec: &GrantSpec) -> Result<Option<Grant>> {
    let sql = concat!("SELECT ", grant_columns!(), " FROM grants g WHERE g.platform = ?1 AND g.live = ?2");
    let mut statement = conn.prepare_cached(sql)?;
    let found =
        statement.query_row(params![spec.platform.as_str(), live_key(spec)], |row| rows::grant(row, 0));
    Ok(found.optional()?)
}

pub(super) fn by_id(conn: &Connection, platform: &PlatformId, id: &GrantId) -> Result<Option<Grant>> {
    let sql = concat!(
        "SELECT ",
        grant_columns!(),
        " FROM grants g WHERE g.name = ?1 AND g.platform = ?2 AND g.id = ?3"
    );
    let mut statement = conn.prepare_cached(sql)?;
    let found = statement
        .query_row(params![name(platform, id), platform.as_str(), id.as_str()], |row| rows::grant(row, 0));
    Ok(found.optional()?)
}

/// Whether the grant, its client, its user, its partner or each of its accounts has ended since this offset. What one of
/// several accounts lost, the offset says of what hangs from the grant.
pub(super) fn ended_since(conn: &Connection, grant: &Grant, offset: Offset) -> Result<bool> {
    if grant.ended.is_some() {
        return Ok(true);
    }
    let (platform, since) = (grant.platform.as_str(), offset.0.cast_signed());
    let ended = conn
        .prepare_cached(
            "SELECT coalesce((SELECT kill > ?3 FROM clients WHERE platform = ?1 AND id = ?2), 1)
               OR EXISTS (SELECT 1 FROM kills WHERE platform = ?1 AND kind = 'user' AND id = ?4 AND \"offset\" > ?3)
               OR EXISTS (SELECT 1 FROM kills WHERE platform = ?1 AND kind = 'partner' AND id = ?5 AND \"offset\" > ?3)",
        )?
        .query_row(
            params![
                platform,
                grant.client.as_str(),
                since,
                grant.user.as_ref().map(UserId::as_str),
                partner(&grant.granted_by).map(PartnerId::as_str),
            ],
            |row| row.get(0),
        )?;
    if ended || grant.accounts.is_empty() {
        return Ok(ended);
    }
    let mut killed =
        conn.prepare_cached("SELECT 1 FROM accounts WHERE platform = ?1 AND id = ?2 AND kill > ?3")?;
    for account in &grant.accounts {
        if !killed.exists(params![platform, account.as_str(), since])? {
            return Ok(false);
        }
    }
    Ok(true)
}

pub(super) fn list(conn: &Connection, platform: &PlatformId) -> Result<Vec<Grant>> {
    let sql = concat!(
        "SELECT * FROM (SELECT ",
        grant_columns!(),
        ", g.number FROM grants g WHERE g.platform = ?1 ORDER BY g.number DESC LIMIT 1000) ORDER BY number"
    );
    let mut statement = conn.prepare_cached(sql)?;
    let found = statement.query_map([platform.as_str()], |row| rows::grant(row, 0))?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn connected_apps(
    conn: &Connection,
    platform: &PlatformId,
    user: &UserId,
    now: Timestamp,
) -> Result<Vec<ConnectedApp>> {
    let sql = concat!(
        "SELECT ",
        grant_columns!(),
        ", ",
        client_columns!(),
        "
         FROM grants g JOIN clients c ON c.platform = g.platform AND c.id = g.client
         WHERE g.name IN (
             SELECT name FROM grants WHERE platform = ?1 AND user = ?2
             UNION
             SELECT x.grant FROM accounts a JOIN grant_accounts x ON x.platform = a.platform AND x.account = a.id
             WHERE a.platform = ?1 AND a.owner = ?2)
           AND (g.ended_at IS NULL OR g.ended_at > ?3)
         ORDER BY g.ended_at IS NOT NULL, g.number LIMIT 1000"
    );
    let mut statement = conn.prepare_cached(sql)?;
    let kept_from = now.plus_millis(-KEPT_MS).millis();
    let found = statement.query_map(params![platform.as_str(), user.as_str(), kept_from], |row| {
        Ok(ConnectedApp::new(rows::grant(row, 0)?, rows::client(row, rows::GRANT_WIDTH)?))
    })?;
    let found = found.collect::<rusqlite::Result<Vec<_>>>()?;
    let mut repeats = conn
        .prepare_cached("SELECT repeats FROM chains WHERE \"grant\" = ?1 AND repeats LIKE '% %' LIMIT 100")?;
    let mut apps = Vec::with_capacity(found.len());
    for app in found {
        let texts = repeats.query_map([name(platform, &app.grant.id)], |row| row.get::<_, String>(0))?;
        let texts = texts.collect::<rusqlite::Result<Vec<_>>>()?;
        apps.push(app.with_repeats(texts));
    }
    Ok(apps)
}

pub(super) fn revoke(
    work: &Work<'_>,
    platform: &PlatformId,
    id: &GrantId,
    owner: Option<&UserId>,
    reason: EndReason,
    audit: &Audit,
) -> Result<Changed> {
    let Some(grant) = by_id(work.conn, platform, id)? else { return Ok(Changed::NotFound) };
    if let Some(owner) = owner {
        let mut owns = grant.user.as_ref() == Some(owner);
        for account in &grant.accounts {
            let account = accounts::by_id(work.conn, platform, account)?;
            owns |= account.is_some_and(|a| a.owner.as_ref() == Some(owner));
        }
        if !owns {
            return Ok(Changed::NotFound);
        }
    }
    if grant.ended.is_some() {
        return Ok(Changed::Conflict);
    }
    work.execute(
        "UPDATE grants SET ended_at = ?2, end_reason = ?3, live = NULL WHERE name = ?1",
        params![name(platform, id), audit.at.millis(), reason.as_str()],
    )?;
    work.log_end(platform, SubjectKind::Grant, id.as_str(), reason, audit.at)?;
    work.audit(audit)?;
    Ok(Changed::Done)
}
