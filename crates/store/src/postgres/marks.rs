//! Marks of single use.

use super::row::AsText as _;
use super::work::{Proof, Shared, Work};
use crate::minted::{Mark, MarkKind};
use crate::verbs::StoreError;
use mandate_core::{PlatformId, Timestamp};
use std::sync::Arc;

/// Makes all marks, or says which of them is there already; whoever is told so gives the work up. They are locked in the
/// order of their keys, and last but for the head: a mark that another act is making is waited for.
pub(super) async fn insert(
    work: &Work,
    platform: &PlatformId,
    marks: &[Mark],
) -> Result<Option<MarkKind>, StoreError> {
    let mut sorted: Vec<&Mark> = marks.iter().collect();
    sorted.sort_by(|a, b| key(a).cmp(&key(b)));
    for mark in sorted {
        let made = work
            .run(
                "INSERT INTO marks (platform, kind, owner, digest, ends_at) VALUES ($1, $2, $3, $4, $5) \
                 ON CONFLICT DO NOTHING",
                &[
                    &platform.sql(),
                    &mark.kind.as_str(),
                    &mark.owner.sql(),
                    &mark.digest.as_bytes().as_slice(),
                    &mark.ends_at.millis(),
                ],
            )
            .await?;
        if made == 0 {
            return Ok(Some(mark.kind));
        }
    }
    Ok(None)
}

fn key(mark: &Mark) -> (&'static str, &str, &[u8; 32]) {
    (mark.kind.as_str(), &mark.owner, mark.digest.as_bytes())
}

pub(super) async fn mark(
    shared: &Arc<Shared>,
    platform: &PlatformId,
    marks: &[Mark],
    now: Timestamp,
) -> Result<Option<MarkKind>, StoreError> {
    let work = shared.work().await?;
    if let Some(kind) = insert(&work, platform, marks).await? {
        return Ok(Some(kind));
    }
    // A mark does not say whose it is: one that is found after a loss may be another's.
    work.commit_as(Proof::Nothing, now).await?;
    Ok(None)
}
