//! Chains looked up in batches: what waits at the same moment is read by one statement.

use super::batch::{Batch, Lane, Reply};
use super::chains::by_id;
use super::error::Failure;
use super::model::{CHAIN_COLUMNS, GRANT_COLUMNS, chain, chain_columns, grant, grant_columns};
use super::row::{AsText as _, Cursor, Text};
use crate::verbs::{At, ChainWithGrant, StoreError};
use mandate_core::{ChainId, PlatformId};
use std::sync::Arc;
use std::sync::atomic::Ordering;

const FIND: &str = concat!(
    "SELECT w.o, t.n, ",
    chain_columns!(),
    ", ",
    grant_columns!(),
    " FROM head AS t CROSS JOIN unnest($1::text[], $2::text[]) WITH ORDINALITY AS w (platform, id, o) \
     LEFT JOIN (chains AS h JOIN grants AS g ON g.platform = h.platform AND g.id = h.grant_id) \
     ON h.platform = w.platform AND h.id = w.id"
);

/// A chain that somebody wants to know of.
#[derive(Debug)]
pub(super) struct Lookup {
    pub(super) platform: PlatformId,
    pub(super) id: ChainId,
    pub(super) reply: Reply<At<Option<ChainWithGrant>>>,
}

async fn find(lane: &mut Lane, all: &[Lookup]) -> Result<Vec<Option<At<Option<ChainWithGrant>>>>, Failure> {
    lane.shared.reads.fetch_add(all.len() as u64, Ordering::Relaxed);
    let platforms: Vec<Text<'_>> = all.iter().map(|l| l.platform.sql()).collect();
    let ids: Vec<Text<'_>> = all.iter().map(|l| l.id.sql()).collect();
    let rows = lane.read(FIND, &[&platforms, &ids]).await?;
    let mut found: Vec<_> = all.iter().map(|_| None).collect();
    for row in &rows {
        let mut columns = Cursor::new(row);
        let mut read = || {
            let (ordinal, offset) = (columns.count()?, columns.offset()?);
            let chain = columns.joined(CHAIN_COLUMNS, chain)?;
            let grant = columns.joined(GRANT_COLUMNS, grant)?.map(Arc::new);
            Ok::<_, StoreError>((ordinal, At { value: chain.zip(grant), offset }))
        };
        let (ordinal, one) = read().map_err(|e| Failure::Wrong(e.to_string()))?;
        if let Some(slot) = usize::try_from(ordinal).ok().and_then(|o| found.get_mut(o.wrapping_sub(1))) {
            *slot = Some(one);
        }
    }
    Ok(found)
}

impl Batch for Lookup {
    async fn run(lane: &mut Lane, all: Vec<Self>) {
        match find(lane, &all).await {
            Ok(found) => {
                for (lookup, one) in all.into_iter().zip(found) {
                    let missing = || StoreError::Misuse("the head row is missing".into());
                    lookup.reply.give(one.ok_or_else(missing));
                }
            }
            // One of them spoilt it: each gets its own answer.
            Err(Failure::Refused(_) | Failure::Wrong(_)) if all.len() > 1 => {
                for lookup in all {
                    let alone = by_id(&lane.shared, &lookup.platform, &lookup.id).await;
                    lookup.reply.give(alone);
                }
            }
            Err(failure) => {
                let error = StoreError::from(failure);
                for lookup in all {
                    lookup.fail(error.clone());
                }
            }
        }
    }
    fn fail(self, error: StoreError) {
        self.reply.give(Err(error));
    }
}
