//! Pushed authorization requests.

use super::marks;
use super::row::{AsText as _, Cursor};
use super::work::{Proof, Shared, Work};
use crate::minted::{Mark, MarkKind};
use crate::verbs::{Changed, StoreError};
use mandate_core::pushed::Pushed;
use mandate_core::{ClientId, Digest, PlatformId, Timestamp};
use std::sync::Arc;

const STORED: &str = "SELECT 1 FROM pushed WHERE platform = $1 AND digest = $2";

pub(super) async fn push(
    shared: &Arc<Shared>,
    pushed: &Pushed,
    marks: &[Mark],
) -> Result<Option<MarkKind>, StoreError> {
    let (work, key) = (shared.work().await?, pushed.digest.as_bytes().as_slice());
    work.run(
        "INSERT INTO pushed (platform, digest, client, parameters, binding, issued_at, expires_at, completed) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        &[
            &pushed.platform.sql(),
            &key,
            &pushed.client.sql(),
            &pushed.parameters.sql(),
            &pushed.binding.as_deref(),
            &pushed.issued_at.millis(),
            &pushed.expires_at.millis(),
            &pushed.completed,
        ],
    )
    .await?;
    if let Some(kind) = marks::insert(&work, &pushed.platform, marks).await? {
        return Ok(Some(kind));
    }
    work.commit_as(Proof::Row(STORED, pushed.platform.clone(), key.to_vec()), pushed.issued_at).await?;
    Ok(None)
}

pub(super) async fn find(
    shared: &Shared,
    platform: &PlatformId,
    digest: &Digest,
    now: Timestamp,
) -> Result<Option<Pushed>, StoreError> {
    let sql = "SELECT client, parameters, binding, issued_at, expires_at FROM pushed \
        WHERE platform = $1 AND digest = $2 AND expires_at > $3 AND NOT completed";
    let row = shared.read_one(sql, &[&platform.sql(), &digest.as_bytes().as_slice(), &now.millis()]).await?;
    row.map(|row| {
        let mut c = Cursor::new(&row);
        Ok(Pushed {
            platform: platform.clone(),
            digest: *digest,
            client: c.id()?,
            parameters: c.id()?,
            binding: c.maybe_id()?,
            issued_at: c.time()?,
            expires_at: c.time()?,
            completed: false,
        })
    })
    .transpose()
}

/// Completes a client's request. `false`: it was completed before, is another's or is gone.
pub(super) async fn complete_for(
    work: &Work,
    platform: &PlatformId,
    digest: &Digest,
    client: &ClientId,
) -> Result<bool, StoreError> {
    let complete = "UPDATE pushed SET completed = true \
        WHERE platform = $1 AND digest = $2 AND client = $3 AND NOT completed";
    let key = digest.as_bytes().as_slice();
    Ok(work.run(complete, &[&platform.sql(), &key, &client.sql()]).await? == 1)
}

pub(super) async fn complete(
    shared: &Arc<Shared>,
    platform: &PlatformId,
    digest: &Digest,
) -> Result<Changed, StoreError> {
    let (lease, key) = (shared.pool.lease().await?, digest.as_bytes().as_slice());
    let complete = "UPDATE pushed SET completed = true WHERE platform = $1 AND digest = $2 AND NOT completed";
    if lease.run(complete, &[&platform.sql(), &key]).await? == 1 {
        return Ok(Changed::Done);
    }
    let known = lease.row(STORED, &[&platform.sql(), &key]).await?.is_some();
    Ok(if known { Changed::Conflict } else { Changed::NotFound })
}
