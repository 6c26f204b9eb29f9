//! From rows to the nouns of the domain. Each `…_columns!` names what the function beside it reads, in its order.

use crate::settings;
use mandate_core::log::Effect;
use mandate_core::model::{
    Account, AdminRights, Administrator, ApiKey, Client, ClientOwner, ClientSecret, EndReason, Ended, Grant,
    GrantedBy, KeyHolder, PasswordHash, Session, Status, User, UserKind,
};
use mandate_core::{Digest, LogEntry, Offset, ScopeSet, Subject, SubjectKind, Timestamp};
use rusqlite::types::Type;
use rusqlite::{Result, Row};

pub(super) fn unreadable(column: usize, what: &str) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, what.into())
}

/// A text of the row, without a copy.
fn text<'r>(row: &'r Row<'_>, i: usize) -> Result<&'r str> {
    row.get_ref(i)?
        .as_str()
        .map_err(|e| rusqlite::Error::FromSqlConversionFailure(i, Type::Text, Box::new(e)))
}
fn text_or_null<'r>(row: &'r Row<'_>, i: usize) -> Result<Option<&'r str>> {
    row.get_ref(i)?
        .as_str_or_null()
        .map_err(|e| rusqlite::Error::FromSqlConversionFailure(i, Type::Text, Box::new(e)))
}
/// An id or other value made from text.
pub(super) fn id<T: for<'t> From<&'t str>>(row: &Row<'_>, i: usize) -> Result<T> {
    Ok(text(row, i)?.into())
}
pub(super) fn id_or_null<T: for<'t> From<&'t str>>(row: &Row<'_>, i: usize) -> Result<Option<T>> {
    Ok(text_or_null(row, i)?.map(Into::into))
}
pub(super) fn time(row: &Row<'_>, i: usize) -> Result<Timestamp> {
    Ok(Timestamp::from_millis(row.get(i)?))
}
pub(super) fn time_or_null(row: &Row<'_>, i: usize) -> Result<Option<Timestamp>> {
    Ok(row.get::<_, Option<i64>>(i)?.map(Timestamp::from_millis))
}
pub(super) fn number(row: &Row<'_>, i: usize) -> Result<u64> {
    Ok(row.get::<_, i64>(i)?.cast_unsigned())
}
pub(super) fn offset(row: &Row<'_>, i: usize) -> Result<Offset> {
    number(row, i).map(Offset)
}
pub(super) fn digest(row: &Row<'_>, i: usize) -> Result<Digest> {
    row.get(i).map(Digest::from_bytes)
}
pub(super) fn scopes(row: &Row<'_>, i: usize) -> Result<ScopeSet> {
    ScopeSet::parse(text(row, i)?).map_err(|_| unreadable(i, "scopes"))
}
fn word<T>(row: &Row<'_>, i: usize, from: impl Fn(&str) -> Option<T>) -> Result<T> {
    let word = text(row, i)?;
    from(word).ok_or_else(|| unreadable(i, word))
}
pub(super) fn list<T: for<'t> From<&'t str>>(row: &Row<'_>, i: usize) -> Result<Vec<T>> {
    let text = text(row, i)?;
    Ok(if text.is_empty() { Vec::new() } else { text.split('\n').map(Into::into).collect() })
}
/// The text of a list, as [`list`] reads it.
pub(super) fn lines<'t>(items: impl IntoIterator<Item = &'t str>) -> String {
    items.into_iter().collect::<Vec<_>>().join("\n")
}
/// Two columns: when, why.
pub(super) fn ended_or_null(row: &Row<'_>, i: usize) -> Result<Option<Ended>> {
    let Some(at) = time_or_null(row, i)? else { return Ok(None) };
    Ok(Some(Ended { at, reason: word(row, i + 1, EndReason::from_word)?, successor: None }))
}
/// Three columns: when, why, successor.
pub(super) fn ended(row: &Row<'_>, i: usize) -> Result<Option<Ended>> {
    let Some(at) = time_or_null(row, i)? else { return Ok(None) };
    Ok(Some(Ended {
        at,
        reason: word(row, i + 1, EndReason::from_word)?,
        successor: id_or_null(row, i + 2)?,
    }))
}

macro_rules! user_columns {
    () => {
        "u.platform, u.id, u.name, u.password, u.external_issuer, u.external_subject, u.password_version, u.status, \
         u.created_at, u.email, u.kind, u.sessions"
    };
}
pub(super) fn user(row: &Row<'_>, i: usize) -> Result<User> {
    Ok(User {
        platform: id(row, i)?,
        id: id(row, i + 1)?,
        kind: kind(row, i + 10)?,
        name: id(row, i + 2)?,
        password: id_or_null::<Box<str>>(row, i + 3)?.map(PasswordHash::new),
        external: id_or_null(row, i + 4)?.zip(id_or_null(row, i + 5)?),
        password_version: number(row, i + 6)?,
        status: word(row, i + 7, Status::from_word)?,
        created_at: time(row, i + 8)?,
        email: id_or_null(row, i + 9)?,
    })
}

/// Two columns: the word, how many sign-ons.
fn kind(row: &Row<'_>, i: usize) -> Result<UserKind> {
    let sessions = row.get(i + 1)?;
    word(row, i, |word| UserKind::from_word(word, sessions))
}

macro_rules! session_columns {
    () => {
        "s.id, s.digest, s.user, s.created_at, s.last_seen, s.expires_at, s.address, s.browser"
    };
}
pub(super) const SESSION_WIDTH: usize = 8;
pub(super) fn session(row: &Row<'_>, i: usize) -> Result<Session> {
    Ok(Session {
        id: id(row, i)?,
        digest: digest(row, i + 1)?,
        user: id(row, i + 2)?,
        created_at: time(row, i + 3)?,
        last_seen: time(row, i + 4)?,
        expires_at: time(row, i + 5)?,
        address: id(row, i + 6)?,
        browser: id(row, i + 7)?,
    })
}

macro_rules! account_columns {
    () => {
        "a.platform, a.id, a.environment, a.owner, a.partner, a.status, a.status_since, a.plan, a.licences, \
         a.created_at, a.resets, a.kill"
    };
}
pub(super) const ACCOUNT_WIDTH: usize = 12;
pub(super) fn account(row: &Row<'_>, i: usize) -> Result<Account> {
    Ok(Account {
        platform: id(row, i)?,
        id: id(row, i + 1)?,
        environment: id(row, i + 2)?,
        owner: id_or_null(row, i + 3)?,
        partner: id_or_null(row, i + 4)?,
        status: word(row, i + 5, Status::from_word)?,
        status_since: time(row, i + 6)?,
        plan: id_or_null(row, i + 7)?,
        licences: list(row, i + 8)?,
        created_at: time(row, i + 9)?,
        resets: row.get(i + 10)?,
        kill: offset(row, i + 11)?,
    })
}

macro_rules! key_columns {
    () => {
        "k.platform, k.id, k.account, k.partner, k.environment, k.digest, k.label, k.created_at, k.\"offset\", \
         k.ended_at, k.end_reason, k.successor, k.last_used"
    };
}
pub(super) const KEY_WIDTH: usize = 13;
pub(super) fn key(row: &Row<'_>, i: usize) -> Result<ApiKey> {
    let holder = match id_or_null(row, i + 2)? {
        Some(account) => KeyHolder::Account(account),
        None => KeyHolder::Partner(id(row, i + 3)?),
    };
    Ok(ApiKey {
        platform: id(row, i)?,
        id: id(row, i + 1)?,
        holder,
        environment: id_or_null(row, i + 4)?,
        digest: digest(row, i + 5)?,
        label: id(row, i + 6)?,
        created_at: time(row, i + 7)?,
        offset: offset(row, i + 8)?,
        ended: ended(row, i + 9)?,
        last_used: time_or_null(row, i + 12)?,
    })
}

/// The last one gathers the secrets: a line each of `DIGEST CREATED ENDED PARTNER`.
macro_rules! client_columns {
    () => {
        "c.platform, c.id, c.name, c.description, c.url, c.terms_of_use, c.privacy_policy, c.owner_user, \
         c.owner_partner, c.status, c.status_since, c.live_trading_approved, c.redirect_uris, c.scopes, c.licences, \
         c.visible_to, c.created_at, c.active_from, c.expires_at, c.kill, c.settings, \
         (SELECT group_concat(hex(digest) || ' ' || created_at || ' ' || coalesce(ended_at, '-') || ' ' || \
           coalesce('=' || partner, ''), char(10) ORDER BY number) FROM client_secrets WHERE client = c.number)"
    };
}
pub(super) const CLIENT_WIDTH: usize = 22;
pub(super) fn client(row: &Row<'_>, i: usize) -> Result<Client> {
    let owner = match (id_or_null(row, i + 7)?, id_or_null(row, i + 8)?) {
        (Some(user), _) => ClientOwner::User(user),
        (None, Some(partner)) => ClientOwner::Partner(partner),
        (None, None) => ClientOwner::Operator,
    };
    let secrets = text_or_null(row, i + 21)?.unwrap_or_default();
    Ok(Client {
        platform: id(row, i)?,
        id: id(row, i + 1)?,
        name: id(row, i + 2)?,
        description: id(row, i + 3)?,
        url: id(row, i + 4)?,
        terms_of_use: id(row, i + 5)?,
        privacy_policy: id(row, i + 6)?,
        owner,
        status: word(row, i + 9, Status::from_word)?,
        status_since: time(row, i + 10)?,
        live_trading_approved: row.get(i + 11)?,
        redirect_uris: list(row, i + 12)?,
        scopes: scopes(row, i + 13)?,
        licences: list(row, i + 14)?,
        visible_to: list(row, i + 15)?,
        secrets: secrets
            .lines()
            .map(|line| secret(line).ok_or_else(|| unreadable(i + 21, "secret")))
            .collect::<Result<_>>()?,
        created_at: time(row, i + 16)?,
        active_from: time_or_null(row, i + 17)?,
        expires_at: time_or_null(row, i + 18)?,
        kill: offset(row, i + 19)?,
        settings: settings::read(row.get_ref(i + 20)?.as_str()?)
            .ok_or_else(|| unreadable(i + 20, "settings"))?,
    })
}
fn secret(line: &str) -> Option<ClientSecret> {
    let mut words = line.splitn(4, ' ');
    let digest = unhex(words.next()?)?;
    let created_at = Timestamp::from_millis(words.next()?.parse().ok()?);
    let ended_at = match words.next()? {
        "-" => None,
        ms => Some(Timestamp::from_millis(ms.parse().ok()?)),
    };
    let partner = words.next()?.strip_prefix('=').map(Into::into);
    Some(ClientSecret { digest: Digest::from_bytes(digest), partner, created_at, ended_at })
}

macro_rules! grant_columns {
    () => {
        "g.platform, g.id, g.client, g.user, g.accounts, g.scopes, g.partner, g.own, g.created_at, g.updated_at, \
         g.last_used, g.ended_at, g.end_reason, g.successor"
    };
}
pub(super) const GRANT_WIDTH: usize = 14;
pub(super) fn grant(row: &Row<'_>, i: usize) -> Result<Grant> {
    Ok(Grant {
        platform: id(row, i)?,
        id: id(row, i + 1)?,
        client: id(row, i + 2)?,
        user: id_or_null(row, i + 3)?,
        accounts: list(row, i + 4)?,
        scopes: scopes(row, i + 5)?,
        granted_by: match id_or_null(row, i + 6)? {
            Some(partner) => GrantedBy::Partner(partner),
            None if row.get(i + 7)? => GrantedBy::Client,
            None => GrantedBy::Owner,
        },
        created_at: time(row, i + 8)?,
        updated_at: time(row, i + 9)?,
        last_used: time_or_null(row, i + 10)?,
        ended: ended(row, i + 11)?,
    })
}

pub(super) fn log_entry(row: &Row<'_>) -> Result<LogEntry> {
    Ok(LogEntry {
        offset: offset(row, 0)?,
        subject: Subject {
            platform: id(row, 1)?,
            kind: word(row, 2, SubjectKind::from_word)?,
            id: id(row, 3)?,
        },
        effect: if text(row, 4)? == "kill" { Effect::Kill } else { Effect::Change },
        at: time(row, 5)?,
        reason: text_or_null(row, 6)?.and_then(EndReason::from_word),
    })
}

macro_rules! admin_columns {
    () => {
        "id, rights, platform, created_at, expires_at"
    };
}
pub(super) fn admin(row: &Row<'_>) -> Result<Administrator> {
    Ok(Administrator {
        id: id(row, 0)?,
        rights: word(row, 1, AdminRights::from_word)?,
        platform: id_or_null(row, 2)?,
        created_at: time(row, 3)?,
        expires_at: time_or_null(row, 4)?,
    })
}

pub(super) use {
    account_columns, admin_columns, client_columns, grant_columns, key_columns, session_columns, user_columns,
};

/// `N` bytes from their hex digits.
pub(super) fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    let mut out = [0; N];
    if digits.len() != 2 * N {
        return None;
    }
    for (byte, pair) in out.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |d: u8| char::from(d).to_digit(16);
        *byte = u8::try_from(digit(pair[0])? << 4 | digit(pair[1])?).ok()?;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_is_read_back() {
        assert_eq!(unhex::<2>("0aFf"), Some([10, 255]));
        for bad in ["", "0aF", "0aFg", "0aFf00", "é00"] {
            assert_eq!(unhex::<2>(bad), None, "{bad}");
        }
    }
}
