//! Accounts.

use super::fault::Result;
use super::rows::{self, account_columns};
use super::work::Work;
use super::{keys, users};
use crate::{Audit, Changed};
use mandate_core::log::Effect;
use mandate_core::model::{Account, ApiKey, EndReason, Ended, KeyHolder, Status};
use mandate_core::{AccountId, PlatformId, SubjectKind, UserId};
use rusqlite::{Connection, OptionalExtension as _, params};

pub(super) fn create(work: &Work<'_>, account: &Account, audit: &Audit) -> Result<Changed> {
    if let Some(owner) = &account.owner
        && users::by_id(work.conn, &account.platform, owner)?.is_none()
    {
        return Ok(Changed::NotFound);
    }
    let new = work.inserted(
        "INSERT INTO accounts (platform, id, environment, owner, partner, status, status_since, plan, licences,
           created_at, resets, kill)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        params![
            account.platform.as_str(),
            account.id.as_str(),
            account.environment.as_str(),
            account.owner.as_ref().map(UserId::as_str),
            account.partner.as_ref().map(mandate_core::PartnerId::as_str),
            account.status.as_str(),
            account.status_since.millis(),
            account.plan.as_ref().map(mandate_core::PlanId::as_str),
            rows::lines(account.licences.iter().map(mandate_core::LicenceId::as_str)),
            account.created_at.millis(),
            account.resets,
            account.kill.0.cast_signed(),
        ],
    )?;
    if !new {
        return Ok(Changed::Conflict);
    }
    work.log(&account.platform, SubjectKind::Account, account.id.as_str(), Effect::Change, audit.at)?;
    work.audit(audit)?;
    Ok(Changed::Done)
}

pub(super) fn by_id(conn: &Connection, platform: &PlatformId, id: &AccountId) -> Result<Option<Account>> {
    let sql = concat!("SELECT ", account_columns!(), " FROM accounts a WHERE a.platform = ?1 AND a.id = ?2");
    let mut statement = conn.prepare_cached(sql)?;
    Ok(statement.query_row([platform.as_str(), id.as_str()], |row| rows::account(row, 0)).optional()?)
}

pub(super) fn list(conn: &Connection, platform: &PlatformId, owner: Option<&UserId>) -> Result<Vec<Account>> {
    const BY_OWNER: &str = concat!(
        "SELECT * FROM (SELECT ",
        account_columns!(),
        ", a.number FROM accounts a WHERE a.platform = ?1 AND a.owner = ?2 ORDER BY a.number DESC LIMIT 1000)
         ORDER BY number"
    );
    const ALL: &str = concat!(
        "SELECT * FROM (SELECT ",
        account_columns!(),
        ", a.number FROM accounts a WHERE a.platform = ?1 ORDER BY a.number DESC LIMIT 1000) ORDER BY number"
    );
    let found = match owner {
        Some(owner) => conn
            .prepare_cached(BY_OWNER)?
            .query_map([platform.as_str(), owner.as_str()], |row| rows::account(row, 0))?
            .collect::<rusqlite::Result<_>>(),
        None => conn
            .prepare_cached(ALL)?
            .query_map([platform.as_str()], |row| rows::account(row, 0))?
            .collect::<rusqlite::Result<_>>(),
    };
    Ok(found?)
}

pub(super) fn set_status(
    work: &Work<'_>,
    platform: &PlatformId,
    id: &AccountId,
    status: Status,
    audit: &Audit,
) -> Result<Changed> {
    let Some(account) = by_id(work.conn, platform, id)? else { return Ok(Changed::NotFound) };
    if account.status == status {
        return Ok(Changed::Conflict);
    }
    work.execute(
        "UPDATE accounts SET status = ?3, status_since = ?4 WHERE platform = ?1 AND id = ?2",
        params![platform.as_str(), id.as_str(), status.as_str(), audit.at.millis()],
    )?;
    let effect = match status {
        Status::Active => Effect::Change,
        Status::Disabled => Effect::Kill,
    };
    work.log(platform, SubjectKind::Account, id.as_str(), effect, audit.at)?;
    work.audit(audit)?;
    Ok(Changed::Done)
}

pub(super) fn reset(
    work: &Work<'_>,
    platform: &PlatformId,
    id: &AccountId,
    new: &ApiKey,
    audit: &Audit,
) -> Result<Changed> {
    if by_id(work.conn, platform, id)?.is_none() {
        return Ok(Changed::NotFound);
    }
    let old = keys::list(work.conn, platform, &KeyHolder::Account(id.clone()))?;
    if !keys::insert(work, new, audit)? {
        return Ok(Changed::Conflict);
    }
    for key in old.iter().filter(|k| !k.ended.as_ref().is_some_and(|e| e.by(audit.at))) {
        let successor = Some(new.id.as_str().into());
        keys::end(work, key, &Ended { at: audit.at, reason: EndReason::AccountReset, successor }, audit.at)?;
    }
    work.execute(
        "UPDATE accounts SET resets = resets + 1 WHERE platform = ?1 AND id = ?2",
        [platform.as_str(), id.as_str()],
    )?;
    work.log(platform, SubjectKind::Account, id.as_str(), Effect::Change, audit.at)?;
    work.audit(audit)?;
    Ok(Changed::Done)
}
