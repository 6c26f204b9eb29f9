//! Settings of a connection and the migrations.

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::path::Path;

/// In order; the number of the last one is the version of the schema. Never edited once released.
const MIGRATIONS: [&str; 2] =
    [include_str!("migrations/0001_start.sql"), include_str!("migrations/0002_machines.sql")];

/// Statements kept prepared for each connection; more than there are.
const STATEMENTS: usize = 220;

/// Opens the database for writing and brings it up to date.
pub(super) fn open_writer(path: Option<&Path>) -> Result<Connection, String> {
    let open = || -> rusqlite::Result<Connection> {
        let conn = match path {
            Some(path) => Connection::open_with_flags(
                path,
                flags(OpenFlags::SQLITE_OPEN_READ_WRITE) | OpenFlags::SQLITE_OPEN_CREATE,
            )?,
            None => Connection::open_in_memory()?,
        };
        settle(&conn)?;
        // The WAL is copied back at 16 MiB, less often than SQLite's own 4 MiB: a page changed by many commits is
        // copied once. Pages of 1, 2 and 4 KiB and caches of 8 and 16 MiB cost the same.
        conn.execute_batch(
            "PRAGMA journal_mode = WAL;
             PRAGMA synchronous = FULL;
             PRAGMA wal_autocheckpoint = 4096;
             PRAGMA journal_size_limit = 33554432;
             PRAGMA cache_size = -8192;
             PRAGMA temp_store = MEMORY;
             PRAGMA foreign_keys = ON;",
        )?;
        Ok(conn)
    };
    let conn = open().map_err(|e| e.to_string())?;
    migrate(&conn)?;
    Ok(conn)
}

/// Opens the database for looking things up.
pub(super) fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let conn = Connection::open_with_flags(path, flags(OpenFlags::SQLITE_OPEN_READ_ONLY))?;
    settle(&conn)?;
    conn.execute_batch("PRAGMA cache_size = -2048; PRAGMA temp_store = MEMORY;")?;
    Ok(conn)
}

/// Statements are prepared once. The planner must not look at the values bound to them: where it may, SQLite prepares
/// a join anew at every binding, for ten times its cost.
fn settle(conn: &Connection) -> rusqlite::Result<()> {
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(())
}

/// A connection is used by one thread at a time: no mutex of SQLite's.
fn flags(access: OpenFlags) -> OpenFlags {
    access | OpenFlags::SQLITE_OPEN_NO_MUTEX
}

/// Runs the migrations that are missing, each in a transaction of its own.
fn migrate(conn: &Connection) -> Result<(), String> {
    let version: i64 =
        conn.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(|e| e.to_string())?;
    let done = usize::try_from(version).unwrap_or(usize::MAX);
    if done > MIGRATIONS.len() {
        return Err(format!("its schema has version {version}, this program knows {}", MIGRATIONS.len()));
    }
    for (number, sql) in MIGRATIONS.iter().enumerate().skip(done) {
        let version = number + 1;
        conn.execute_batch(&format!("BEGIN IMMEDIATE; {sql} PRAGMA user_version = {version}; COMMIT;"))
            .map_err(|e| format!("migration {version}: {e}"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_run_once() {
        let conn = open_writer(None).expect("open");
        migrate(&conn).expect("again");
        conn.execute_batch("PRAGMA user_version = 99").expect("set");
        assert!(migrate(&conn).expect_err("newer").contains("version 99"));
    }
}
