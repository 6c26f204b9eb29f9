//! Accounts.

use super::model::{ACCOUNT_COLUMNS, account, account_columns};
use super::row::{AsText as _, Cursor, each, int, texts};
use super::work::Shared;
use crate::verbs::{At, Audit, Changed, StoreError};
use mandate_core::log::Effect;
use mandate_core::model::{Account, Status};
use mandate_core::{AccountId, PlatformId, SubjectKind, UserId};
use std::sync::Arc;

pub(super) async fn create(
    shared: &Arc<Shared>,
    account: &Account,
    audit: &Audit,
) -> Result<Changed, StoreError> {
    let mut work = shared.work().await?;
    if let Some(owner) = &account.owner {
        let owner_row = "SELECT 1 FROM users WHERE platform = $1 AND id = $2 FOR KEY SHARE";
        if work.row(owner_row, &[&account.platform.sql(), &owner.sql()]).await?.is_none() {
            return Ok(Changed::NotFound);
        }
    }
    let made = work
        .run(
            "INSERT INTO accounts (platform, id, environment, owner, partner, status, status_since, plan, licences, \
                 created_at, resets, kill) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT DO NOTHING",
            &[
                &account.platform.sql(),
                &account.id.sql(),
                &account.environment.sql(),
                &account.owner.as_ref().map(|o| o.sql()),
                &account.partner.as_ref().map(|p| p.sql()),
                &account.status.as_str(),
                &account.status_since.millis(),
                &account.plan.as_ref().map(|p| p.sql()),
                &texts(&account.licences),
                &account.created_at.millis(),
                &i64::from(account.resets),
                &int(account.kill.0),
            ],
        )
        .await?;
    if made == 0 {
        return Ok(Changed::Conflict);
    }
    // No node may go on believing that there is no such account.
    work.note(&account.platform, SubjectKind::Account, account.id.as_str(), Effect::Change);
    work.commit(audit).await?;
    Ok(Changed::Done)
}

pub(super) async fn by_id(
    shared: &Shared,
    platform: &PlatformId,
    id: &AccountId,
) -> Result<At<Option<Account>>, StoreError> {
    let sql = concat!(
        "SELECT h.n, ",
        account_columns!(),
        " FROM head AS h LEFT JOIN accounts AS a ON a.platform = $1 AND a.id = $2"
    );
    let row = shared.read_one(sql, &[&platform.sql(), &id.sql()]).await?;
    let row = row.ok_or_else(|| StoreError::Misuse("the head row is missing".into()))?;
    let mut columns = Cursor::new(&row);
    Ok(At { offset: columns.offset()?, value: columns.joined(ACCOUNT_COLUMNS, account)? })
}

pub(super) async fn list(
    shared: &Shared,
    platform: &PlatformId,
    owner: Option<&UserId>,
) -> Result<Vec<Account>, StoreError> {
    let rows = if let Some(owner) = owner {
        let sql = concat!(
            "SELECT ",
            account_columns!(),
            " FROM accounts AS a WHERE a.platform = $1 AND a.owner = $2 ORDER BY a.created_at, a.seq LIMIT 1000"
        );
        shared.read(sql, &[&platform.sql(), &owner.sql()]).await?
    } else {
        let sql = concat!(
            "SELECT ",
            account_columns!(),
            " FROM accounts AS a WHERE a.platform = $1 ORDER BY a.created_at, a.seq LIMIT 1000"
        );
        shared.read(sql, &[&platform.sql()]).await?
    };
    each(&rows, account)
}

pub(super) async fn set_status(
    shared: &Arc<Shared>,
    platform: &PlatformId,
    id: &AccountId,
    status: Status,
    audit: &Audit,
) -> Result<Changed, StoreError> {
    let mut work = shared.work().await?;
    let set = work
        .run(
            "UPDATE accounts SET status = $3, status_since = $4 WHERE platform = $1 AND id = $2 AND status <> $3",
            &[&platform.sql(), &id.sql(), &status.as_str(), &audit.at.millis()],
        )
        .await?;
    if set == 0 {
        let there = "SELECT 1 FROM accounts WHERE platform = $1 AND id = $2";
        let there = work.row(there, &[&platform.sql(), &id.sql()]).await?.is_some();
        return Ok(if there { Changed::Conflict } else { Changed::NotFound });
    }
    let effect = match status {
        Status::Active => Effect::Change,
        Status::Disabled => Effect::Kill,
    };
    work.note(platform, SubjectKind::Account, id.as_str(), effect);
    work.commit(audit).await?;
    Ok(Changed::Done)
}
