//! What an act has at hand inside the transaction.

use super::fault::{Fault, Result};
use crate::Audit;
use mandate_core::log::Effect;
use mandate_core::model::EndReason;
use mandate_core::{LogEntry, Offset, PlatformId, Subject, SubjectKind, Timestamp};
use rusqlite::{CachedStatement, Connection, Params, params};
use std::cell::RefCell;

/// The open transaction: statements, and the entries that it adds to the log.
pub(super) struct Work<'c> {
    pub(super) conn: &'c Connection,
    head: u64,
    entries: RefCell<Vec<LogEntry>>,
}

impl<'c> Work<'c> {
    pub(super) fn new(conn: &'c Connection, head: u64) -> Self {
        Self { conn, head, entries: RefCell::default() }
    }

    /// A prepared statement, kept for next time.
    pub(super) fn statement(&self, sql: &str) -> rusqlite::Result<CachedStatement<'c>> {
        self.conn.prepare_cached(sql)
    }

    /// Runs a statement; gives the number of rows it changed.
    pub(super) fn execute(&self, sql: &str, params: impl Params) -> Result<usize> {
        Ok(self.statement(sql)?.execute(params)?)
    }

    /// Runs an insertion; `false` if such a row is there already.
    pub(super) fn inserted(&self, sql: &str, params: impl Params) -> Result<bool> {
        match self.statement(sql)?.execute(params) {
            Ok(_) => Ok(true),
            Err(error) if Fault::is_conflict(&error) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Adds an entry to the log. Kills are noted where a look-up finds them (SECURITY R10).
    pub(super) fn log(
        &self,
        platform: &PlatformId,
        kind: SubjectKind,
        id: &str,
        effect: Effect,
        at: Timestamp,
    ) -> Result<Offset> {
        self.add(Subject { platform: platform.clone(), kind, id: id.into() }, effect, None, at)
    }

    /// As [`Self::log`], about an end, with its reason.
    pub(super) fn log_end(
        &self,
        platform: &PlatformId,
        kind: SubjectKind,
        id: &str,
        reason: EndReason,
        at: Timestamp,
    ) -> Result<Offset> {
        self.add(Subject { platform: platform.clone(), kind, id: id.into() }, Effect::Kill, Some(reason), at)
    }

    fn add(
        &self,
        subject: Subject,
        effect: Effect,
        reason: Option<EndReason>,
        at: Timestamp,
    ) -> Result<Offset> {
        let Subject { platform, kind, id } = &subject;
        let mut entries = self.entries.borrow_mut();
        let offset = Offset(self.head + entries.len() as u64 + 1);
        let number = offset.0.cast_signed();
        let word = match effect {
            Effect::Kill => "kill",
            Effect::Change => "change",
        };
        self.execute(
            "INSERT INTO log VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                number,
                platform.as_str(),
                kind.as_str(),
                id,
                word,
                at.millis(),
                reason.map(EndReason::as_str)
            ],
        )?;
        if effect == Effect::Kill {
            self.note_kill(platform, *kind, id, number, at)?;
        }
        entries.push(LogEntry { offset, subject, effect, reason, at });
        Ok(offset)
    }

    fn note_kill(
        &self,
        platform: &PlatformId,
        kind: SubjectKind,
        id: &str,
        offset: i64,
        at: Timestamp,
    ) -> Result<()> {
        match kind {
            SubjectKind::Client => {
                self.execute(
                    "UPDATE clients SET kill = ?3 WHERE platform = ?1 AND id = ?2",
                    params![platform.as_str(), id, offset],
                )?;
            }
            SubjectKind::Account => {
                self.execute(
                    "UPDATE accounts SET kill = ?3 WHERE platform = ?1 AND id = ?2",
                    params![platform.as_str(), id, offset],
                )?;
            }
            SubjectKind::User | SubjectKind::Partner | SubjectKind::Platform => {
                self.execute(
                    "INSERT OR REPLACE INTO kills VALUES (?1, ?2, ?3, ?4, ?5)",
                    params![platform.as_str(), kind.as_str(), id, offset, at.millis()],
                )?;
            }
            // Their rows have ended.
            SubjectKind::Token
            | SubjectKind::Grant
            | SubjectKind::Key
            | SubjectKind::Session
            | SubjectKind::SigningKey => {}
        }
        Ok(())
    }

    /// Adds an audit record. An operation is committed once (SECURITY R17).
    pub(super) fn audit(&self, audit: &Audit) -> Result<()> {
        let new = self.inserted(
            "INSERT INTO audit (operation, platform, actor, action, subject, detail, at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                audit.operation.as_str(),
                audit.platform.as_ref().map(PlatformId::as_str),
                audit.actor,
                audit.action,
                audit.subject,
                audit.detail,
                audit.at.millis(),
            ],
        )?;
        if new {
            Ok(())
        } else {
            Err(Fault::misuse(format!("operation {} was committed before", audit.operation)))
        }
    }

    /// Moves the head over the entries that were added. The last statement of a transaction that has any.
    pub(super) fn move_head(&self) -> Result<()> {
        if let Some(last) = self.entries.borrow().last() {
            self.execute("UPDATE head SET \"offset\" = ?1", [last.offset.0.cast_signed()])?;
        }
        Ok(())
    }

    pub(super) fn into_entries(self) -> Vec<LogEntry> {
        self.entries.into_inner()
    }
}
