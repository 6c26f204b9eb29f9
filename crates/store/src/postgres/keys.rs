//! API keys, and the one index of public credential ids.

use super::model::{
    ACCOUNT_COLUMNS, CLIENT_COLUMNS, KEY_COLUMNS, account, account_columns, client, client_columns, key,
    key_columns,
};
use super::row::{AsText as _, Cursor, each, int, millis};
use super::work::{Shared, Work};
use crate::verbs::{At, Audit, Changed, StoreError};
use mandate_core::log::Effect;
use mandate_core::model::{ApiKey, Credential, EndReason, KeyFacts, KeyHolder};
use mandate_core::{AccountId, KeyId, PlatformId, SubjectKind, Timestamp};
use std::sync::Arc;

/// Claims a public id for a kind of credential. `false`: it names something already.
pub(super) async fn claim(
    work: &Work,
    platform: &PlatformId,
    id: &str,
    kind: &str,
) -> Result<bool, StoreError> {
    let sql = "INSERT INTO credential_ids (platform, id, kind) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
    Ok(work.run(sql, &[&platform.sql(), &id.sql(), &kind]).await? == 1)
}

/// Locks whoever holds keys, so that two acts do not count the same keys at once. `false`: no such account.
async fn lock_holder(work: &Work, platform: &PlatformId, holder: &KeyHolder) -> Result<bool, StoreError> {
    match holder {
        KeyHolder::Account(id) => {
            let sql = "SELECT 1 FROM accounts WHERE platform = $1 AND id = $2 FOR NO KEY UPDATE";
            Ok(work.row(sql, &[&platform.sql(), &id.sql()]).await?.is_some())
        }
        KeyHolder::Partner(id) => {
            let sql = "SELECT pg_advisory_xact_lock(hashtextextended($1 || chr(10) || $2, 0))::text";
            work.row(sql, &[&platform.sql(), &id.sql()]).await?;
            Ok(true)
        }
    }
}

async fn insert(work: &mut Work, key: &ApiKey) -> Result<bool, StoreError> {
    if !claim(work, &key.platform, key.id.as_str(), "key").await? {
        return Ok(false);
    }
    let (account, partner) = match &key.holder {
        KeyHolder::Account(id) => (Some(id.sql()), None),
        KeyHolder::Partner(id) => (None, Some(id.sql())),
    };
    let ended = key.ended.as_ref();
    work.run(
        "INSERT INTO api_keys (platform, id, account, partner, environment, digest, label, created_at, log_offset, \
             ended_at, ended_reason, successor, last_used) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        &[
            &key.platform.sql(),
            &key.id.sql(),
            &account,
            &partner,
            &key.environment.as_ref().map(|e| e.sql()),
            &key.digest.as_bytes().as_slice(),
            &key.label.sql(),
            &key.created_at.millis(),
            &int(key.offset.0),
            &millis(ended.map(|e| e.at)),
            &ended.map(|e| e.reason.as_str()),
            &ended.and_then(|e| e.successor.as_ref()).map(|s| s.sql()),
            &millis(key.last_used),
        ],
    )
    .await?;
    // No node may go on believing that the id is unknown.
    work.note(&key.platform, SubjectKind::Key, key.id.as_str(), Effect::Change);
    Ok(true)
}

pub(super) async fn create(shared: &Arc<Shared>, key: &ApiKey, audit: &Audit) -> Result<Changed, StoreError> {
    let mut work = shared.work().await?;
    if !lock_holder(&work, &key.platform, &key.holder).await? {
        return Ok(Changed::NotFound);
    }
    let (account, partner) = match &key.holder {
        KeyHolder::Account(id) => (Some(id.sql()), None),
        KeyHolder::Partner(id) => (None, Some(id.sql())),
    };
    let live = work
        .row(
            "SELECT count(*) FROM api_keys WHERE platform = $1 \
                 AND ($2::text IS NULL OR account = $2) AND ($3::text IS NULL OR partner = $3) \
                 AND environment IS NOT DISTINCT FROM $4 AND (ended_at IS NULL OR ended_at > $5)",
            &[
                &key.platform.sql(),
                &account,
                &partner,
                &key.environment.as_ref().map(|e| e.sql()),
                &audit.at.millis(),
            ],
        )
        .await?;
    let live = live.map_or(Ok(0), |r| Cursor::new(&r).count())?;
    if !insert(&mut work, key).await? {
        return Ok(Changed::Conflict);
    }
    if live >= 2 {
        return Ok(Changed::TooMany);
    }
    work.commit(audit).await?;
    Ok(Changed::Done)
}

/// Locks a key: its end, if it has one.
async fn lock_key(
    work: &Work,
    platform: &PlatformId,
    id: &KeyId,
) -> Result<Option<Option<Timestamp>>, StoreError> {
    let sql = "SELECT ended_at FROM api_keys WHERE platform = $1 AND id = $2 FOR NO KEY UPDATE";
    let row = work.row(sql, &[&platform.sql(), &id.sql()]).await?;
    row.map(|r| Ok(Cursor::new(&r).get::<Option<i64>>()?.map(Timestamp::from_millis))).transpose()
}

pub(super) async fn replace(
    shared: &Arc<Shared>,
    platform: &PlatformId,
    old: &KeyId,
    new: &ApiKey,
    old_ends_at: Timestamp,
    audit: &Audit,
) -> Result<Changed, StoreError> {
    let mut work = shared.work().await?;
    if !lock_holder(&work, platform, &new.holder).await? {
        return Ok(Changed::NotFound);
    }
    match lock_key(&work, platform, old).await? {
        None => return Ok(Changed::NotFound),
        Some(Some(_)) => return Ok(Changed::Conflict),
        Some(None) => {}
    }
    if !insert(&mut work, new).await? {
        return Ok(Changed::Conflict);
    }
    work.run(
        "UPDATE api_keys SET ended_at = $3, ended_reason = 'replaced', successor = $4 \
         WHERE platform = $1 AND id = $2",
        &[&platform.sql(), &old.sql(), &old_ends_at.millis(), &new.id.sql()],
    )
    .await?;
    let effect = if old_ends_at <= audit.at { Effect::Kill } else { Effect::Change };
    work.note(platform, SubjectKind::Key, old.as_str(), effect);
    work.commit(audit).await?;
    Ok(Changed::Done)
}

pub(super) async fn revoke(
    shared: &Arc<Shared>,
    platform: &PlatformId,
    id: &KeyId,
    reason: EndReason,
    audit: &Audit,
) -> Result<Changed, StoreError> {
    let mut work = shared.work().await?;
    match lock_key(&work, platform, id).await? {
        None => return Ok(Changed::NotFound),
        Some(Some(end)) if end <= audit.at => return Ok(Changed::Conflict),
        Some(_) => {}
    }
    work.run(
        "UPDATE api_keys SET ended_at = $3, ended_reason = $4 WHERE platform = $1 AND id = $2",
        &[&platform.sql(), &id.sql(), &audit.at.millis(), &reason.as_str()],
    )
    .await?;
    work.note(platform, SubjectKind::Key, id.as_str(), Effect::Kill);
    work.commit(audit).await?;
    Ok(Changed::Done)
}

pub(super) async fn reset_account(
    shared: &Arc<Shared>,
    platform: &PlatformId,
    account: &AccountId,
    new: &ApiKey,
    audit: &Audit,
) -> Result<Changed, StoreError> {
    let mut work = shared.work().await?;
    let counted = "UPDATE accounts SET resets = resets + 1 WHERE platform = $1 AND id = $2";
    if work.run(counted, &[&platform.sql(), &account.sql()]).await? == 0 {
        return Ok(Changed::NotFound);
    }
    let ended = work
        .rows(
            "WITH live AS (SELECT id FROM api_keys WHERE platform = $1 AND account = $2 \
                 AND (ended_at IS NULL OR ended_at > $3) ORDER BY id FOR NO KEY UPDATE) \
             UPDATE api_keys AS k SET ended_at = $3, ended_reason = 'account_reset', successor = $4 \
             FROM live WHERE k.platform = $1 AND k.id = live.id RETURNING k.id",
            &[&platform.sql(), &account.sql(), &audit.at.millis(), &new.id.sql()],
        )
        .await?;
    for row in &ended {
        work.note(platform, SubjectKind::Key, Cursor::new(row).get()?, Effect::Kill);
    }
    if !insert(&mut work, new).await? {
        return Ok(Changed::Conflict);
    }
    work.note(platform, SubjectKind::Account, account.as_str(), Effect::Change);
    work.commit(audit).await?;
    Ok(Changed::Done)
}

pub(super) async fn of_holder(
    shared: &Shared,
    platform: &PlatformId,
    holder: &KeyHolder,
) -> Result<Vec<ApiKey>, StoreError> {
    let rows = match holder {
        KeyHolder::Account(id) => {
            let sql = concat!(
                "SELECT ",
                key_columns!(),
                " FROM api_keys AS k WHERE k.platform = $1 AND k.account = $2 \
                 ORDER BY k.created_at, k.seq LIMIT 1000"
            );
            shared.read(sql, &[&platform.sql(), &id.sql()]).await?
        }
        KeyHolder::Partner(id) => {
            let sql = concat!(
                "SELECT ",
                key_columns!(),
                " FROM api_keys AS k WHERE k.platform = $1 AND k.partner = $2 \
                 ORDER BY k.created_at, k.seq LIMIT 1000"
            );
            shared.read(sql, &[&platform.sql(), &id.sql()]).await?
        }
    };
    each(&rows, key)
}

/// One statement, whatever the id names, and for one that names nothing (SECURITY R7).
pub(super) async fn credential(
    shared: &Shared,
    platform: &PlatformId,
    id: &str,
) -> Result<At<Option<Credential>>, StoreError> {
    let sql = concat!(
        "SELECT h.n, ",
        key_columns!(),
        ", ",
        account_columns!(),
        ", ",
        client_columns!(),
        " FROM head AS h LEFT JOIN credential_ids AS i ON i.platform = $1 AND i.id = $2 \
         LEFT JOIN api_keys AS k ON i.kind = 'key' AND k.platform = i.platform AND k.id = i.id \
         LEFT JOIN accounts AS a ON a.platform = k.platform AND a.id = k.account \
         LEFT JOIN clients AS c ON i.kind = 'client' AND c.platform = i.platform AND c.id = i.id"
    );
    let row = shared.read_one(sql, &[&platform.sql(), &id.sql()]).await?;
    let row = row.ok_or_else(|| StoreError::Misuse("the head row is missing".into()))?;
    let mut columns = Cursor::new(&row);
    let offset = columns.offset()?;
    let key = columns.joined(KEY_COLUMNS, key)?;
    let account = columns.joined(ACCOUNT_COLUMNS, account)?.map(Arc::new);
    let client = columns.joined(CLIENT_COLUMNS, client)?;
    let value = match (key, client) {
        (Some(key), _) => Some(Credential::Key(Arc::new(KeyFacts { key, account }))),
        (None, Some(client)) => Some(Credential::Client(Arc::new(client))),
        (None, None) => None,
    };
    Ok(At { value, offset })
}
