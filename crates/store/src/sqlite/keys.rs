//! API keys, and the index that leads from any public credential id to its kind.

use super::accounts;
use super::fault::Result;
use super::rows::{self, account_columns, client_columns, key_columns};
use super::work::Work;
use crate::{Audit, Changed};
use mandate_core::log::Effect;
use mandate_core::model::{ApiKey, Credential, EndReason, Ended, KeyFacts, KeyHolder};
use mandate_core::{AccountId, EnvironmentId, KeyId, PartnerId, PlatformId, SubjectKind, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, params};
use std::sync::Arc;

/// Live keys of one holder in one environment.
const LIVE: i64 = 2;

fn columns(holder: &KeyHolder) -> (Option<&str>, Option<&str>) {
    match holder {
        KeyHolder::Account(account) => (Some(AccountId::as_str(account)), None),
        KeyHolder::Partner(partner) => (None, Some(PartnerId::as_str(partner))),
    }
}

/// Takes a public credential id; `false` if it names something already.
pub(super) fn take_id(work: &Work<'_>, platform: &PlatformId, id: &str, kind: &str) -> Result<bool> {
    let taken = work
        .execute("INSERT OR IGNORE INTO credential_ids VALUES (?1, ?2, ?3)", [platform.as_str(), id, kind])?;
    Ok(taken == 1)
}

pub(super) fn create(work: &Work<'_>, key: &ApiKey, audit: &Audit) -> Result<Changed> {
    if let KeyHolder::Account(account) = &key.holder
        && accounts::by_id(work.conn, &key.platform, account)?.is_none()
    {
        return Ok(Changed::NotFound);
    }
    let (account, partner) = columns(&key.holder);
    let live: i64 = work
        .statement(
            "SELECT count(*) FROM keys WHERE platform = ?1 AND account IS ?2 AND partner IS ?3
               AND environment IS ?4 AND (ended_at IS NULL OR ended_at > ?5)",
        )?
        .query_row(
            params![
                key.platform.as_str(),
                account,
                partner,
                key.environment.as_ref().map(EnvironmentId::as_str),
                audit.at.millis(),
            ],
            |row| row.get(0),
        )?;
    if live >= LIVE {
        return Ok(Changed::TooMany);
    }
    if !insert(work, key, audit)? {
        return Ok(Changed::Conflict);
    }
    work.audit(audit)?;
    Ok(Changed::Done)
}

/// Stores a key, uncounted; `false` if its id names something already.
pub(super) fn insert(work: &Work<'_>, key: &ApiKey, audit: &Audit) -> Result<bool> {
    if !take_id(work, &key.platform, key.id.as_str(), "key")? {
        return Ok(false);
    }
    let (account, partner) = columns(&key.holder);
    work.execute(
        "INSERT INTO keys (platform, id, account, partner, environment, digest, label, created_at, \"offset\", ended_at,
           end_reason, successor, last_used)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        params![
            key.platform.as_str(),
            key.id.as_str(),
            account,
            partner,
            key.environment.as_ref().map(EnvironmentId::as_str),
            key.digest.as_bytes(),
            &*key.label,
            key.created_at.millis(),
            key.offset.0.cast_signed(),
            key.ended.as_ref().map(|e| e.at.millis()),
            key.ended.as_ref().map(|e| e.reason.as_str()),
            key.ended.as_ref().and_then(|e| e.successor.as_deref()),
            key.last_used.map(Timestamp::millis),
        ],
    )?;
    work.log(&key.platform, SubjectKind::Key, key.id.as_str(), Effect::Change, audit.at)?;
    Ok(true)
}

fn by_id(conn: &Connection, platform: &PlatformId, id: &KeyId) -> Result<Option<ApiKey>> {
    let sql = concat!("SELECT ", key_columns!(), " FROM keys k WHERE k.platform = ?1 AND k.id = ?2");
    let mut statement = conn.prepare_cached(sql)?;
    Ok(statement.query_row([platform.as_str(), id.as_str()], |row| rows::key(row, 0)).optional()?)
}

/// Writes the end of a key. One that lies ahead kills nothing yet.
pub(super) fn end(work: &Work<'_>, key: &ApiKey, ended: &Ended, now: Timestamp) -> Result<()> {
    work.execute(
        "UPDATE keys SET ended_at = ?3, end_reason = ?4, successor = ?5 WHERE platform = ?1 AND id = ?2",
        params![
            key.platform.as_str(),
            key.id.as_str(),
            ended.at.millis(),
            ended.reason.as_str(),
            ended.successor.as_deref(),
        ],
    )?;
    let effect = if ended.by(now) { Effect::Kill } else { Effect::Change };
    work.log(&key.platform, SubjectKind::Key, key.id.as_str(), effect, now)?;
    Ok(())
}

pub(super) fn replace(
    work: &Work<'_>,
    platform: &PlatformId,
    old: &KeyId,
    new: &ApiKey,
    old_ends_at: Timestamp,
    audit: &Audit,
) -> Result<Changed> {
    let Some(key) = by_id(work.conn, platform, old)? else { return Ok(Changed::NotFound) };
    if key.ended.is_some() || !insert(work, new, audit)? {
        return Ok(Changed::Conflict);
    }
    let successor = Some(new.id.as_str().into());
    end(work, &key, &Ended { at: old_ends_at, reason: EndReason::Replaced, successor }, audit.at)?;
    work.audit(audit)?;
    Ok(Changed::Done)
}

pub(super) fn revoke(
    work: &Work<'_>,
    platform: &PlatformId,
    id: &KeyId,
    reason: EndReason,
    audit: &Audit,
) -> Result<Changed> {
    let Some(key) = by_id(work.conn, platform, id)? else { return Ok(Changed::NotFound) };
    if key.ended.as_ref().is_some_and(|e| e.by(audit.at)) {
        return Ok(Changed::Conflict);
    }
    let successor = key.ended.as_ref().and_then(|e| e.successor.clone());
    end(work, &key, &Ended { at: audit.at, reason, successor }, audit.at)?;
    work.audit(audit)?;
    Ok(Changed::Done)
}

pub(super) fn list(conn: &Connection, platform: &PlatformId, holder: &KeyHolder) -> Result<Vec<ApiKey>> {
    const OF_ACCOUNT: &str = concat!(
        "SELECT * FROM (SELECT ",
        key_columns!(),
        ", k.number FROM keys k WHERE k.platform = ?1 AND k.account = ?2 ORDER BY k.number DESC LIMIT 1000)
         ORDER BY number"
    );
    const OF_PARTNER: &str = concat!(
        "SELECT * FROM (SELECT ",
        key_columns!(),
        ", k.number FROM keys k WHERE k.platform = ?1 AND k.partner = ?2 ORDER BY k.number DESC LIMIT 1000)
         ORDER BY number"
    );
    let (sql, id) = match holder {
        KeyHolder::Account(account) => (OF_ACCOUNT, account.as_str()),
        KeyHolder::Partner(partner) => (OF_PARTNER, partner.as_str()),
    };
    let mut statement = conn.prepare_cached(sql)?;
    let found = statement.query_map([platform.as_str(), id], |row| rows::key(row, 0))?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

/// One statement, whatever the id names.
pub(super) fn credential(conn: &Connection, platform: &PlatformId, id: &str) -> Result<Option<Credential>> {
    let sql = concat!(
        "SELECT i.kind, ",
        key_columns!(),
        ", ",
        account_columns!(),
        ", ",
        client_columns!(),
        " FROM credential_ids i
         LEFT JOIN keys k ON i.kind = 'key' AND k.platform = i.platform AND k.id = i.id
         LEFT JOIN accounts a ON a.platform = k.platform AND a.id = k.account
         LEFT JOIN clients c ON i.kind = 'client' AND c.platform = i.platform AND c.id = i.id
         WHERE i.platform = ?1 AND i.id = ?2"
    );
    let found = conn
        .prepare_cached(sql)?
        .query_row([platform.as_str(), id], |row| {
            if row.get_ref(0)?.as_str()? == "client" {
                let client = rows::client(row, 1 + rows::KEY_WIDTH + rows::ACCOUNT_WIDTH)?;
                return Ok(Credential::Client(Arc::new(client)));
            }
            let key = rows::key(row, 1)?;
            let account = match key.holder {
                KeyHolder::Account(_) => Some(Arc::new(rows::account(row, 1 + rows::KEY_WIDTH)?)),
                KeyHolder::Partner(_) => None,
            };
            Ok(Credential::Key(Arc::new(KeyFacts { key, account })))
        })
        .optional()?;
    Ok(found)
}
