//! Pushed authorization requests.

use super::fault::{Fault, Result};
use super::work::Work;
use super::{marks, rows};
use crate::{Changed, Mark, MarkKind};
use mandate_core::pushed::Pushed;
use mandate_core::{ClientId, Digest, PlatformId, Timestamp, must};
use rusqlite::{Connection, OptionalExtension as _, params};

pub(super) fn push(work: &Work<'_>, pushed: &Pushed, marks: &[Mark]) -> Result<Option<MarkKind>> {
    if let Some(kind) = marks::insert(work, &pushed.platform, marks)? {
        return Ok(Some(kind));
    }
    let stored = work.inserted(
        "INSERT INTO pushed (platform, digest, client, parameters, binding, issued_at, expires_at, completed)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            pushed.platform.as_str(),
            pushed.digest.as_bytes(),
            pushed.client.as_str(),
            &*pushed.parameters,
            pushed.binding.as_deref(),
            pushed.issued_at.millis(),
            pushed.expires_at.millis(),
            pushed.completed,
        ],
    )?;
    if stored { Ok(None) } else { Err(Fault::misuse("this request was pushed before")) }
}

pub(super) fn find(
    conn: &Connection,
    platform: &PlatformId,
    digest: &Digest,
    now: Timestamp,
) -> Result<Option<Pushed>> {
    let now = if must!("rfc9126-7.3-expiry") { now.millis() } else { 0 };
    let found = conn
        .prepare_cached(
            "SELECT client, parameters, binding, issued_at, expires_at FROM pushed
             WHERE platform = ?1 AND digest = ?2 AND expires_at > ?3 AND completed = 0",
        )?
        .query_row(params![platform.as_str(), digest.as_bytes(), now], |row| {
            Ok(Pushed {
                platform: platform.clone(),
                digest: *digest,
                client: rows::id(row, 0)?,
                parameters: rows::id(row, 1)?,
                binding: rows::id_or_null(row, 2)?,
                issued_at: rows::time(row, 3)?,
                expires_at: rows::time(row, 4)?,
                completed: false,
            })
        })
        .optional()?;
    Ok(found)
}

/// Completes a client's request. `false`: it was completed before, is another's or is gone.
pub(super) fn complete_for(
    work: &Work<'_>,
    platform: &PlatformId,
    digest: &Digest,
    client: &ClientId,
) -> Result<bool> {
    let completed = work.execute(
        "UPDATE pushed SET completed = 1 WHERE platform = ?1 AND digest = ?2 AND client = ?3 AND completed = 0",
        params![platform.as_str(), digest.as_bytes(), client.as_str()],
    )?;
    Ok(completed == 1)
}

pub(super) fn complete(work: &Work<'_>, platform: &PlatformId, digest: &Digest) -> Result<Changed> {
    let completed = work
        .statement("SELECT completed FROM pushed WHERE platform = ?1 AND digest = ?2")?
        .query_row(params![platform.as_str(), digest.as_bytes()], |row| row.get::<_, bool>(0))
        .optional()?;
    match completed {
        None => Ok(Changed::NotFound),
        Some(true) => Ok(Changed::Conflict),
        Some(false) => {
            work.execute(
                "UPDATE pushed SET completed = 1 WHERE platform = ?1 AND digest = ?2",
                params![platform.as_str(), digest.as_bytes()],
            )?;
            Ok(Changed::Done)
        }
    }
}
