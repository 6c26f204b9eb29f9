//! Device flows: begun, decided, asked for.

use super::grants::{has_ended_since, open_or_widen};
use super::marks;
use super::model::{device, device_columns};
use super::row::{AsText as _, Cursor, handle_bytes, int};
use super::tokens::{Given, store_minted};
use super::work::{Proof, Shared};
use crate::minted::{Minted, Polled};
use crate::verbs::{Audit, Changed, StoreError};
use mandate_core::device::{DeviceFlow, DeviceState, Poll};
use mandate_core::grant::GrantSpec;
use mandate_core::{ClientId, Digest, Offset, PlatformId, Timestamp};
use std::sync::Arc;

const SPENT: &str = "SELECT 1 FROM devices WHERE platform = $1 AND digest = substr($2, 1, 32) \
    AND spent_handle = substr($2, 33)";

pub(super) async fn create(shared: &Arc<Shared>, flow: &DeviceFlow) -> Result<Changed, StoreError> {
    let made = shared
        .pool
        .lease()
        .await?
        .run(
            "INSERT INTO devices (platform, digest, user_code, client, scopes, context, issued_at, expires_at, \
                 interval_ms, state) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'pending') ON CONFLICT DO NOTHING",
            &[
                &flow.platform.sql(),
                &flow.digest.as_bytes().as_slice(),
                &flow.user_code.sql(),
                &flow.client.sql(),
                &flow.scopes.to_string(),
                &flow.context.sql(),
                &flow.issued_at.millis(),
                &flow.expires_at.millis(),
                &flow.interval_ms,
            ],
        )
        .await?;
    Ok(if made == 1 { Changed::Done } else { Changed::Conflict })
}

pub(super) async fn by_user_code(
    shared: &Shared,
    platform: &PlatformId,
    user_code: &str,
    now: Timestamp,
) -> Result<Option<DeviceFlow>, StoreError> {
    let sql = concat!(
        "SELECT ",
        device_columns!(),
        " FROM devices AS d WHERE d.platform = $1 AND d.user_code = $2 AND d.expires_at > $3"
    );
    let row = shared.read_one(sql, &[&platform.sql(), &user_code.sql(), &now.millis()]).await?;
    row.map(|r| device(&mut Cursor::new(&r))).transpose()
}

/// The owner's decision.
#[derive(Debug)]
pub(super) struct Decision<'a> {
    pub(super) allowed: Option<&'a GrantSpec>,
    pub(super) context: &'a str,
    pub(super) offset: Offset,
    pub(super) now: Timestamp,
}

pub(super) async fn decide(
    shared: &Arc<Shared>,
    platform: &PlatformId,
    user_code: &str,
    decision: Decision<'_>,
    audit: &Audit,
) -> Result<Changed, StoreError> {
    let mut work = shared.work().await?;
    let sql = concat!(
        "SELECT ",
        device_columns!(),
        " FROM devices AS d WHERE d.platform = $1 AND d.user_code = $2 AND d.expires_at > $3 FOR NO KEY UPDATE"
    );
    let row = work.row(sql, &[&platform.sql(), &user_code.sql(), &decision.now.millis()]).await?;
    let Some(flow) = row.map(|r| device(&mut Cursor::new(&r))).transpose()? else {
        return Ok(Changed::NotFound);
    };
    if flow.state != DeviceState::Pending {
        return Ok(Changed::Conflict);
    }
    let key = flow.digest.as_bytes().as_slice();
    match decision.allowed {
        None => {
            let deny = "UPDATE devices SET state = 'denied' WHERE platform = $1 AND digest = $2";
            work.run(deny, &[&platform.sql(), &key]).await?;
        }
        Some(spec) if spec.client != flow.client => {
            return Err(StoreError::Misuse("a device flow gives grants to its own client only".into()));
        }
        Some(spec) => {
            let grant = open_or_widen(&mut work, spec, decision.now).await?;
            let allow = "UPDATE devices SET state = 'approved', grant_id = $3, decision = $4, log_offset = $5, \
                scopes = $6 WHERE platform = $1 AND digest = $2";
            let scopes = spec.scopes.to_string();
            let offset = int(decision.offset.0);
            work.run(
                allow,
                &[&platform.sql(), &key, &grant.sql(), &decision.context.sql(), &offset, &scopes],
            )
            .await?;
        }
    }
    work.commit(audit).await?;
    Ok(Changed::Done)
}

/// Answers a device, and hands out what was allowed, in one transaction.
pub(super) async fn poll(
    shared: &Arc<Shared>,
    platform: &PlatformId,
    digest: &Digest,
    client: &ClientId,
    minted: &Minted,
    now: Timestamp,
) -> Result<Polled, StoreError> {
    let work = shared.work().await?;
    let sql = concat!(
        "SELECT ",
        device_columns!(),
        " FROM devices AS d WHERE d.platform = $1 AND d.digest = $2 FOR NO KEY UPDATE"
    );
    let key = digest.as_bytes().as_slice();
    let row = work.row(sql, &[&platform.sql(), &key]).await?;
    let Some(flow) = row.map(|r| device(&mut Cursor::new(&r))).transpose()? else {
        return Ok(Polled::Unknown);
    };
    let (interval_ms, waiting) = match flow.poll(client, now) {
        Poll::Pending => (flow.interval_ms, Polled::Pending),
        Poll::SlowDown { interval_ms } => (interval_ms, Polled::SlowDown(interval_ms)),
        Poll::Denied => return Ok(Polled::Denied),
        Poll::Expired => return Ok(Polled::Expired),
        Poll::Spent => return Ok(Polled::Spent),
        Poll::OtherClient => return Ok(Polled::OtherClient),
        Poll::Approved { grant, context, offset } => {
            if has_ended_since(&work, platform, &grant, offset).await? {
                return Ok(Polled::GrantEnded);
            }
            let handle = handle_bytes(&minted.token.digest);
            let spend =
                "UPDATE devices SET state = 'spent', spent_handle = $3 WHERE platform = $1 AND digest = $2";
            work.run(spend, &[&platform.sql(), &key, &handle.as_slice()]).await?;
            let given = Given {
                platform,
                grant: &grant,
                client: &flow.client,
                scopes: &flow.scopes,
                partner: None,
                offset,
                context: &context,
            };
            store_minted(&work, &given, minted).await?;
            if let Some(kind) = marks::insert(&work, platform, &minted.marks).await? {
                return Ok(Polled::Reused(kind));
            }
            work.commit_as(Proof::Row(SPENT, platform.clone(), [key, &handle].concat()), now).await?;
            return Ok(Polled::Approved { grant, scopes: flow.scopes, context, offset });
        }
    };
    let asked = "UPDATE devices SET last_poll = $3, interval_ms = $4 WHERE platform = $1 AND digest = $2";
    work.run(asked, &[&platform.sql(), &key, &now.millis(), &interval_ms]).await?;
    work.commit_as(Proof::Nothing, now).await?;
    Ok(waiting)
}
