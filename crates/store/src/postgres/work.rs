//! One changing act: a transaction that ends with its log entries and its audit record, and whose outcome is found
//! out if the connection is lost while committing (SECURITY R9, R17).
//!
//! Locks are taken in this order, so that no two acts wait for each other: holder lock (advisory), users, accounts,
//! clients, device flows, grants, pushed requests, codes, chains, tokens, keys, credential ids, sessions, administrators,
//! signing keys, marks, `store_info`, `head`. Rows of one
//! kind are locked in the order of their keys; written-behind marks and the purge skip rows that are locked. What is
//! touched after `head` is either locked already or only ever touched there.

use super::error::Failure;
use super::pool::{Backend, Lease, Params, Pool};
use super::row::{AsText as _, Cursor, Text, effect_word};
use crate::feed::Feed;
use crate::verbs::{Audit, StoreError};
use mandate_core::log::Effect;
use mandate_core::model::EndReason;
use mandate_core::{LogEntry, Offset, PlatformId, Subject, SubjectKind, Timestamp};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio_postgres::Row;

/// What every verb works with.
#[derive(Debug)]
pub(super) struct Shared {
    /// Connections.
    pub(super) pool: Arc<Pool>,
    /// Is told our entries.
    pub(super) feed: Arc<Feed>,
    /// Look-ups made.
    pub(super) reads: AtomicU64,
    /// Entries of ours, first offset to last, that were told ahead of an entry that has not been applied here yet.
    ahead: Mutex<BTreeMap<u64, u64>>,
}

impl Shared {
    pub(super) fn new(pool: Arc<Pool>, feed: Arc<Feed>) -> Self {
        Self { pool, feed, reads: AtomicU64::new(0), ahead: Mutex::default() }
    }

    /// Tells the listeners our entries, and applies them as far as nothing is missing before them.
    fn tell(&self, entries: &[LogEntry]) {
        self.feed.tell(entries);
        let (Some(first), Some(last)) = (entries.first(), entries.last()) else { return };
        let mut ahead = self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        ahead.insert(first.offset.0, last.offset.0);
        while let Some(next) = ahead.first_entry().filter(|e| *e.key() <= self.feed.applied().0 + 1) {
            self.feed.advance(Offset(next.remove()));
        }
    }

    /// Reads in one statement, so on one snapshot. If the connection is closed another one is tried: reading twice
    /// harms nobody.
    pub(super) async fn read(&self, sql: &'static str, params: Params<'_>) -> Result<Vec<Row>, StoreError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.read_unasked(sql, params).await
    }

    /// As [`Self::read`], for what the node does of itself, such as following the log: not counted.
    pub(super) async fn read_unasked(
        &self,
        sql: &'static str,
        params: Params<'_>,
    ) -> Result<Vec<Row>, StoreError> {
        match self.pool.lease().await?.rows(sql, params).await {
            Err(failure) if failure.closed() => Ok(self.pool.lease().await?.rows(sql, params).await?),
            done => Ok(done?),
        }
    }

    /// As [`Self::read`], for at most one row.
    pub(super) async fn read_one(
        &self,
        sql: &'static str,
        params: Params<'_>,
    ) -> Result<Option<Row>, StoreError> {
        Ok(self.read(sql, params).await?.into_iter().next())
    }

    /// Opens a transaction.
    pub(super) async fn work(self: &Arc<Self>) -> Result<Work, StoreError> {
        let lease = self.pool.lease().await?;
        let lease = match lease.begin().await {
            Err(failure) if failure.closed() => {
                let second = self.pool.lease().await?;
                second.begin().await?;
                second
            }
            done => {
                done?;
                lease
            }
        };
        Ok(Work { shared: Arc::clone(self), lease, entries: Vec::new() })
    }
}

/// How to see whether an act was committed.
#[derive(Debug)]
pub(super) enum Proof {
    /// Its audit record.
    Operation(String),
    /// A row of this statement, whose parameters are a platform and a key.
    Row(&'static str, PlatformId, Vec<u8>),
    /// It leaves nothing that only it could have left.
    Nothing,
}

/// An entry that gets its offset when the transaction is sealed.
#[derive(Debug)]
struct Pending {
    subject: Subject,
    effect: Effect,
    reason: Option<EndReason>,
}

/// An audit record, owned.
#[derive(Debug)]
struct OwnedAudit {
    operation: String,
    platform: Option<String>,
    actor: String,
    action: &'static str,
    subject: String,
    detail: String,
}

/// An open transaction. Dropped, it is rolled back.
#[derive(Debug)]
pub(super) struct Work {
    shared: Arc<Shared>,
    lease: Lease,
    entries: Vec<Pending>,
}

/// Numbers entries and audit record, moves the marks of what they kill and wakes the other nodes. The head row is
/// locked here, last of all.
const SEAL: &str = "WITH h AS ( \
        UPDATE head SET n = n + cardinality($1::text[]), audit = audit + cardinality($6::text[]) \
        RETURNING n - cardinality($1::text[]) AS base, audit \
    ), e AS ( \
        SELECT h.base + u.o AS n, u.platform, u.kind, u.id, u.effect, u.reason \
        FROM h, unnest($1::text[], $2::text[], $3::text[], $4::text[], $12::text[]) \
            WITH ORDINALITY AS u (platform, kind, id, effect, reason, o) \
    ), l AS ( \
        INSERT INTO log (n, platform, kind, id, effect, at, reason) \
        SELECT n, platform, kind, id, effect, $5::bigint, reason FROM e \
    ), c AS ( \
        UPDATE clients AS c SET kill = e.n FROM e \
        WHERE e.kind = 'client' AND e.effect = 'kill' AND c.platform = e.platform AND c.id = e.id \
    ), a AS ( \
        UPDATE accounts AS a SET kill = e.n FROM e \
        WHERE e.kind = 'account' AND e.effect = 'kill' AND a.platform = e.platform AND a.id = e.id \
    ), k AS ( \
        INSERT INTO kills (platform, kind, id, n, at) SELECT platform, kind, id, max(n), $5::bigint FROM e \
        WHERE kind IN ('user', 'partner') AND effect = 'kill' GROUP BY platform, kind, id \
        ON CONFLICT (platform, kind, id) DO UPDATE SET n = excluded.n, at = excluded.at \
    ), r AS ( \
        INSERT INTO audit (number, operation, platform, actor, action, subject, detail, at) \
        SELECT h.audit, u.operation, $7::text, $8::text, $9::text, $10::text, $11::text, $5::bigint FROM h, unnest($6::text[]) AS u (operation) \
    ) SELECT base, CASE WHEN cardinality($1::text[]) > 0 \
        THEN pg_notify('mandate_log', (base + cardinality($1::text[]))::text)::text END FROM h";

impl Work {
    /// Rows of a statement.
    pub(super) async fn rows(&self, sql: &'static str, params: Params<'_>) -> Result<Vec<Row>, StoreError> {
        Ok(self.lease.rows(sql, params).await?)
    }
    /// The only row of a statement, if there is one.
    pub(super) async fn row(&self, sql: &'static str, params: Params<'_>) -> Result<Option<Row>, StoreError> {
        Ok(self.lease.row(sql, params).await?)
    }
    /// How many rows a statement touched.
    pub(super) async fn run(&self, sql: &'static str, params: Params<'_>) -> Result<u64, StoreError> {
        Ok(self.lease.run(sql, params).await?)
    }
    /// Adds a log entry.
    pub(super) fn note(&mut self, platform: &PlatformId, kind: SubjectKind, id: &str, effect: Effect) {
        let subject = Subject { platform: platform.clone(), kind, id: id.into() };
        self.entries.push(Pending { subject, effect, reason: None });
    }
    /// Adds a log entry about an end, with its reason.
    pub(super) fn note_end(&mut self, platform: &PlatformId, kind: SubjectKind, id: &str, reason: EndReason) {
        let subject = Subject { platform: platform.clone(), kind, id: id.into() };
        self.entries.push(Pending { subject, effect: Effect::Kill, reason: Some(reason) });
    }

    /// Seals and commits an audited act.
    pub(super) async fn commit(self, audit: &Audit) -> Result<(), StoreError> {
        let owned = OwnedAudit {
            operation: audit.operation.as_str().to_owned(),
            platform: audit.platform.as_ref().map(|p| p.as_str().to_owned()),
            actor: audit.actor.clone(),
            action: audit.action,
            subject: audit.subject.clone(),
            detail: audit.detail.clone(),
        };
        let proof = Proof::Operation(owned.operation.clone());
        self.finish(audit.at, Some(owned), proof).await
    }

    /// Seals and commits an act that has no audit record.
    pub(super) async fn commit_as(self, proof: Proof, at: Timestamp) -> Result<(), StoreError> {
        self.finish(at, None, proof).await
    }

    /// In a task of its own: once begun, the end of an act does not depend on whether the caller still waits, and
    /// neither does telling our caches of it.
    async fn finish(self, at: Timestamp, audit: Option<OwnedAudit>, proof: Proof) -> Result<(), StoreError> {
        let ending = tokio::spawn(self.seal_and_commit(at, audit, proof));
        ending.await.unwrap_or_else(|e| Err(StoreError::Unresolved(e.to_string())))
    }

    async fn seal_and_commit(
        self,
        at: Timestamp,
        audit: Option<OwnedAudit>,
        proof: Proof,
    ) -> Result<(), StoreError> {
        let base = if self.entries.is_empty() && audit.is_none() {
            0
        } else {
            self.seal(at, audit.as_ref()).await?
        };
        match self.lease.commit().await {
            Ok(()) => {}
            Err(Failure::Lost(why)) => {
                let backend = self.lease.backend();
                if !committed(&self.shared.pool, backend, &proof, &why).await? {
                    return Err(StoreError::Unavailable(why));
                }
            }
            Err(refused) => return Err(refused.into()),
        }
        let told: Vec<LogEntry> = (base + 1..)
            .zip(self.entries)
            .map(|(n, Pending { subject, effect, reason })| LogEntry {
                offset: Offset(n),
                subject,
                effect,
                reason,
                at,
            })
            .collect();
        self.shared.tell(&told);
        Ok(())
    }

    async fn seal(&self, at: Timestamp, audit: Option<&OwnedAudit>) -> Result<u64, StoreError> {
        let entries = &self.entries;
        let platforms: Vec<Text<'_>> = entries.iter().map(|e| e.subject.platform.sql()).collect();
        let kinds: Vec<&str> = entries.iter().map(|e| e.subject.kind.as_str()).collect();
        let ids: Vec<Text<'_>> = entries.iter().map(|e| e.subject.id.sql()).collect();
        let effects: Vec<&str> = entries.iter().map(|e| effect_word(e.effect)).collect();
        let reasons: Vec<Option<&str>> = entries.iter().map(|e| e.reason.map(EndReason::as_str)).collect();
        let operations: Vec<Text<'_>> = audit.iter().map(|a| a.operation.sql()).collect();
        let text = |pick: fn(&OwnedAudit) -> &str| audit.map(|a| pick(a).sql());
        let row = self
            .row(
                SEAL,
                &[
                    &platforms,
                    &kinds,
                    &ids,
                    &effects,
                    &at.millis(),
                    &operations,
                    &audit.and_then(|a| a.platform.as_ref()).map(|p| p.sql()),
                    &text(|a| &a.actor),
                    &text(|a| a.action),
                    &text(|a| &a.subject),
                    &text(|a| &a.detail),
                    &reasons,
                ],
            )
            .await?;
        row.map_or_else(
            || Err(StoreError::Misuse("the head row is missing".into())),
            |r| Cursor::new(&r).count(),
        )
    }
}

/// Finds out whether an act was committed whose connection was lost: waits until the server process that worked on
/// it is gone, then looks. For about three seconds.
pub(super) async fn committed(
    pool: &Arc<Pool>,
    backend: Option<Backend>,
    proof: &Proof,
    why: &str,
) -> Result<bool, StoreError> {
    if matches!(proof, Proof::Nothing) {
        return Err(StoreError::Unresolved(why.to_owned()));
    }
    let search = async {
        loop {
            if let Ok(Some(found)) = look(pool, backend, proof).await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(3), search)
        .await
        .map_err(|_| StoreError::Unresolved(why.to_owned()))
}

/// `None`: the other process is still at work; it has been told to stop.
async fn look(pool: &Arc<Pool>, backend: Option<Backend>, proof: &Proof) -> Result<Option<bool>, StoreError> {
    let lease = pool.own().await?;
    if let Some(old) = backend {
        let stop = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
            WHERE pid = $1 AND (extract(epoch FROM backend_start) * 1000000)::bigint = $2";
        if lease.row(stop, &[&old.pid, &old.started]).await?.is_some() {
            return Ok(None);
        }
    }
    let found = match proof {
        Proof::Operation(id) => lease.row("SELECT 1 FROM audit WHERE operation = $1", &[&id.sql()]).await?,
        Proof::Row(sql, platform, key) => lease.row(sql, &[&platform.sql(), key]).await?,
        Proof::Nothing => None,
    };
    Ok(Some(found.is_some()))
}
