//! Values as parameters, and columns as values.

use crate::verbs::StoreError;
use mandate_core::log::Effect;
use mandate_core::model::{EndReason, Ended};
use mandate_core::{Digest, Offset, ScopeSet, Timestamp, TokenHandle};
use std::borrow::Borrow;
use tokio_postgres::Row;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

/// Text as a parameter. PostgreSQL cannot hold U+0000; it becomes U+FFFD, so that a look-up finds nothing instead of
/// failing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text<'a>(&'a str);

impl ToSql for Text<'_> {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        if self.0.contains('\0') {
            return self.0.replace('\0', "\u{fffd}").to_sql(ty, out);
        }
        self.0.to_sql(ty, out)
    }
    fn accepts(ty: &Type) -> bool {
        <&str as ToSql>::accepts(ty)
    }
    to_sql_checked!();
}

/// Gives ids and texts as parameters.
pub(super) trait AsText {
    /// The parameter.
    fn sql(&self) -> Text<'_>;
}
impl<T: Borrow<str> + ?Sized> AsText for T {
    fn sql(&self) -> Text<'_> {
        Text(self.borrow())
    }
}

/// A list of texts as a parameter.
pub(super) fn texts<T: Borrow<str>>(list: &[T]) -> Vec<Text<'_>> {
    list.iter().map(AsText::sql).collect()
}

/// An unsigned number as a parameter.
pub(super) fn int(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// A time as a parameter.
pub(super) fn millis(at: Option<Timestamp>) -> Option<i64> {
    at.map(Timestamp::millis)
}

/// The log's words for effects.
pub(super) const fn effect_word(effect: Effect) -> &'static str {
    match effect {
        Effect::Kill => "kill",
        Effect::Change => "change",
    }
}

/// A row that does not hold what the schema promises.
pub(super) fn broken(what: impl std::fmt::Display) -> StoreError {
    StoreError::Misuse(format!("a row cannot be read: {what}"))
}

/// Reads the columns of a row from left to right.
#[derive(Debug)]
pub(super) struct Cursor<'r> {
    row: &'r Row,
    next: usize,
}

impl<'r> Cursor<'r> {
    /// Begins at the first column.
    pub(super) fn new(row: &'r Row) -> Self {
        Self { row, next: 0 }
    }
    /// The next column as it is.
    pub(super) fn get<T: FromSql<'r>>(&mut self) -> Result<T, StoreError> {
        let value = self.row.try_get(self.next).map_err(broken)?;
        self.next += 1;
        Ok(value)
    }
    /// An id or text.
    pub(super) fn id<T: for<'s> From<&'s str>>(&mut self) -> Result<T, StoreError> {
        Ok(T::from(self.get::<&str>()?))
    }
    /// An id or text that may be missing.
    pub(super) fn maybe_id<T: for<'s> From<&'s str>>(&mut self) -> Result<Option<T>, StoreError> {
        Ok(self.get::<Option<&str>>()?.map(T::from))
    }
    /// A list of ids or texts.
    pub(super) fn ids<T: for<'s> From<&'s str>>(&mut self) -> Result<Vec<T>, StoreError> {
        Ok(self.get::<Vec<&str>>()?.into_iter().map(T::from).collect())
    }
    /// A number that is never negative.
    pub(super) fn count(&mut self) -> Result<u64, StoreError> {
        u64::try_from(self.get::<i64>()?).map_err(broken)
    }
    /// A position in the log.
    pub(super) fn offset(&mut self) -> Result<Offset, StoreError> {
        Ok(Offset(self.count()?))
    }
    /// A time.
    pub(super) fn time(&mut self) -> Result<Timestamp, StoreError> {
        Ok(Timestamp::from_millis(self.get()?))
    }
    /// A time that may be missing.
    pub(super) fn maybe_time(&mut self) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.get::<Option<i64>>()?.map(Timestamp::from_millis))
    }
    /// A digest.
    pub(super) fn digest(&mut self) -> Result<Digest, StoreError> {
        digest(self.get()?)
    }
    /// A set of scopes.
    pub(super) fn scopes(&mut self) -> Result<ScopeSet, StoreError> {
        ScopeSet::parse(self.get()?).map_err(broken)
    }
    /// One word of a closed set.
    pub(super) fn word<T>(&mut self, read: impl Fn(&str) -> Option<T>) -> Result<T, StoreError> {
        let word: &str = self.get()?;
        read(word).ok_or_else(|| broken(format_args!("unknown word `{word}`")))
    }
    /// One word of a closed set that may be missing.
    pub(super) fn maybe_word<T>(
        &mut self,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, StoreError> {
        Ok(self.get::<Option<&str>>()?.and_then(read))
    }
    /// An end without successor, if it has come or is planned.
    pub(super) fn ended(&mut self) -> Result<Option<Ended>, StoreError> {
        let (at, reason) = (self.maybe_time()?, self.get::<Option<&str>>()?);
        let Some((at, reason)) = at.zip(reason) else { return Ok(None) };
        let reason = EndReason::from_word(reason).ok_or_else(|| broken("unknown reason"))?;
        Ok(Some(Ended { at, reason, successor: None }))
    }
    /// An end with its successor, if it has come or is planned.
    pub(super) fn ended_by(&mut self) -> Result<Option<Ended>, StoreError> {
        let (ended, successor) = (self.ended()?, self.maybe_id()?);
        Ok(ended.map(|ended| Ended { successor, ..ended }))
    }
    /// A group of columns from an outer join: nothing if its first column is null.
    pub(super) fn joined<T>(
        &mut self,
        columns: usize,
        read: impl Fn(&mut Self) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        let end = self.next + columns;
        let there = self.row.try_get::<_, Option<&str>>(self.next).map_err(broken)?.is_some();
        let value = if there { Some(read(self)?) } else { None };
        self.next = end;
        Ok(value)
    }
}

/// Reads every row the same way.
pub(super) fn each<T>(
    rows: &[Row],
    read: impl Fn(&mut Cursor<'_>) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    rows.iter().map(|row| read(&mut Cursor::new(row))).collect()
}

/// A token's handle as it is stored: the bytes behind the hex digits of [`crate::token_handle`].
pub(super) fn handle_bytes(digest: &Digest) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&Digest::of(digest.as_bytes()).as_bytes()[..16]);
    bytes
}

/// A handle as its holder knows it.
pub(super) fn handle_text(bytes: &[u8]) -> TokenHandle {
    TokenHandle::new(mandate_core::format::hex(bytes))
}

/// The bytes of a handle that somebody named; nothing if it cannot be one.
pub(super) fn handle_named(text: &str) -> Option<Vec<u8>> {
    let digit = |b: &u8| match b {
        b'0'..=b'9' => Some(b - b'0'),
        b'a'..=b'f' => Some(b - b'a' + 10),
        _ => None,
    };
    let pairs = text.as_bytes().chunks(2).map(|pair| match pair {
        [high, low] => Some(digit(high)? << 4 | digit(low)?),
        _ => None,
    });
    (text.len() == 32).then(|| pairs.collect()).flatten()
}

/// A digest from its bytes.
pub(super) fn digest(bytes: &[u8]) -> Result<Digest, StoreError> {
    Ok(Digest::from_bytes(bytes.try_into().map_err(broken)?))
}
