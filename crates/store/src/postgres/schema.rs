//! Migrations: numbered files, run once each under a lock that only one node can hold.

use super::pool::{Lease, Pool};
use super::row::Cursor;
use crate::verbs::StoreError;
use std::sync::Arc;

/// Numbered from 1, without gaps. A file that was released is never changed again.
const MIGRATIONS: &[&str] =
    &[include_str!("migrations/0001_first.sql"), include_str!("migrations/0002_machines.sql")];

/// Any number that no other program uses for its advisory locks in the same database.
const LOCK: &str = "SELECT pg_advisory_lock(7163249010245577)";
const UNLOCK: &str = "SELECT pg_advisory_unlock(7163249010245577)";

/// Brings the schema up to date. Nodes that start at the same moment wait for each other; a node that dies in
/// between leaves whole migrations behind.
pub(super) async fn migrate(pool: &Arc<Pool>) -> Result<(), StoreError> {
    let lease = pool.own().await?;
    check_server(&lease).await?;
    lease.simple("SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0").await?;
    lease.lasting(LOCK).await?;
    // A node whose role may not make tables starts as well, once another has.
    let known = lease.row("SELECT 1 WHERE to_regclass('schema_migrations') IS NOT NULL", &[]).await?;
    if known.is_none() {
        let made = "CREATE TABLE schema_migrations \
            (number integer PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())";
        lease.simple(made).await?;
    }
    let row = lease.row("SELECT coalesce(max(number), 0) FROM schema_migrations", &[]).await?;
    let done = row.map_or(Ok(0), |r| Cursor::new(&r).get::<i32>())?;
    let done = usize::try_from(done).unwrap_or(0);
    if done > MIGRATIONS.len() {
        return Err(StoreError::Misuse(format!(
            "the database has schema {done}, made by a newer version; this one knows {}",
            MIGRATIONS.len()
        )));
    }
    for (i, sql) in MIGRATIONS.iter().enumerate().skip(done) {
        let number = i + 1;
        tracing::info!(schema.number = number, "migrating the database");
        lease.begin().await?;
        lease.lasting(sql).await?;
        lease.simple(&format!("INSERT INTO schema_migrations (number) VALUES ({number})")).await?;
        lease.commit().await?;
    }
    Ok(lease.simple(UNLOCK).await?)
}

/// What we cannot work with, and what an operator should know.
async fn check_server(lease: &Lease) -> Result<(), StoreError> {
    let asked = "SELECT current_setting('server_encoding'), current_setting('fsync'), \
        current_setting('full_page_writes'), current_setting('server_version_num')::integer";
    let Some(row) = lease.row(asked, &[]).await? else { return Ok(()) };
    let mut row = Cursor::new(&row);
    let (encoding, fsync, pages) = (row.get::<&str>()?, row.get::<&str>()?, row.get::<&str>()?);
    if encoding != "UTF8" {
        return Err(StoreError::Misuse(format!("the database's encoding is {encoding}; it must be UTF8")));
    }
    let version = row.get::<i32>()?;
    if version < 130_000 {
        return Err(StoreError::Misuse(format!(
            "PostgreSQL 13 or newer is needed, this is {}",
            version / 10_000
        )));
    }
    if fsync == "off" || pages == "off" {
        tracing::warn!(
            fsync,
            full_page_writes = pages,
            "the database does not survive a crash as it is configured"
        );
    }
    Ok(())
}
