//! Users: people who sign in, and machines that sign on.

use super::answer::Answer;
use super::call::On;
use super::mint::{self, Minting};
use super::problem::Problem;
use super::view;
use crate::passwords::PasswordFault;
use mandate_core::model::{PasswordHash, User, UserKind};
use mandate_core::{Secret, UserId};
use mandate_store::Changed;

/// Shortest password, in characters.
const SHORTEST: usize = 8;
/// Longest password, in bytes.
const LONGEST: usize = 1024;

pub(super) async fn list(on: &On<'_>) -> Result<Answer, Problem> {
    let users = on.store().users(on.id()).await?;
    Ok(Answer::items(users.iter().map(view::user).collect()))
}

pub(super) async fn create(on: &On<'_>) -> Result<Answer, Problem> {
    let name = plain(on.body().required("name")?, "name", 128)?;
    let kind = kind(on)?;
    let (password, made) = password_of(on)?;
    let hash = hash(on, &password).await?;
    let email = on.body().text("email").map(email).transpose()?;
    let user = User { email, kind, ..mint::user(on.minting(), name, Some(hash)) };
    let detail = match kind.sessions() {
        None => format!("name {name}"),
        Some(sessions) => format!("machine, name {name}, sessions {sessions}"),
    };
    let audit = on.audit("user.create", format!("user:{}", user.id), detail);
    match on.store().create_user(&user, &audit).await? {
        Changed::Done => Ok(Answer::created(&shown(&user, made.then_some(&password)))),
        Changed::Conflict | Changed::NotFound | Changed::TooMany => {
            Err(Problem::conflict(format!("there is a user `{name}` on the platform `{}` already", on.id()))
                .field("name"))
        }
    }
}

/// Person or machine, and how many sign-ons a machine may have.
fn kind(on: &On<'_>) -> Result<UserKind, Problem> {
    let sessions = sessions(on)?;
    let word = on.body().text("kind").unwrap_or(UserKind::Person.as_str());
    let kind = UserKind::from_word(word, sessions)
        .ok_or_else(|| Problem::invalid("kind", "a user is a `person` or a `machine`"))?;
    if sessions.is_some() && !kind.is_machine() {
        return Err(Problem::invalid("sessions", "only a machine has sign-ons: `kind` has to be `machine`"));
    }
    Ok(kind)
}

fn sessions(on: &On<'_>) -> Result<Option<u32>, Problem> {
    let sessions = on.body().number("sessions", 1, UserKind::MOST_SESSIONS.into())?;
    Ok(sessions.and_then(|sessions| u32::try_from(sessions).ok()))
}

pub(super) async fn change(on: &On<'_>) -> Result<Answer, Problem> {
    let named = on.call.param("user")?;
    let sessions = sessions(on)?
        .ok_or_else(|| Problem::invalid("sessions", "nothing would change: `sessions` was not given"))?;
    let user = find(on, named).await?.ok_or_else(|| on.none("user", named))?;
    let detail = format!("sessions {sessions}");
    let audit = on.audit("user.change", format!("user:{}", user.id), detail);
    match on.store().set_user_sessions(on.id(), &user.id, sessions, &audit).await? {
        Changed::Done => Ok(Answer::ok(&view::user(&User { kind: UserKind::Machine { sessions }, ..user }))),
        Changed::NotFound => Err(on.none("user", named)),
        Changed::Conflict | Changed::TooMany => {
            Err(Problem::conflict(format!("`{}` is a person: only a machine has sign-ons", user.name))
                .field("user"))
        }
    }
}

pub(super) async fn sign_ons(on: &On<'_>) -> Result<Answer, Problem> {
    let named = on.call.param("user")?;
    let user = find(on, named).await?.ok_or_else(|| on.none("user", named))?;
    let live = on.store().sign_ons(on.id(), &user.id, on.now()).await?;
    Ok(Answer::items(live.iter().map(view::sign_on).collect()))
}

pub(super) async fn password(on: &On<'_>) -> Result<Answer, Problem> {
    let named = on.call.param("user")?;
    let user = find(on, named).await?.ok_or_else(|| on.none("user", named))?;
    let (password, made) = password_of(on)?;
    let hash = hash(on, &password).await?;
    let audit =
        on.audit("user.password", format!("user:{}", user.id), "every session and sign-on ended".into());
    match on.store().set_password(on.id(), &user.id, &hash, user.password_version, None, &audit).await? {
        Changed::Done => Ok(Answer::ok(&shown(&user, made.then_some(&password)))),
        Changed::NotFound => Err(on.none("user", named)),
        Changed::Conflict | Changed::TooMany => Err(Problem::conflict(
            "somebody else changed this password at the same time; nothing was changed by this call",
        )),
    }
}

/// An address as it is told to apps; whether it is the user's is the operator's word.
fn email(text: &str) -> Result<Box<str>, Problem> {
    let is_address = text.len() <= 254
        && text.bytes().all(|b| b.is_ascii_graphic())
        && text
            .split_once('@')
            .is_some_and(|(local, host)| !local.is_empty() && host.contains('.') && !host.contains('@'));
    if is_address { Ok(text.into()) } else { Err(Problem::invalid("email", "it is no e-mail address")) }
}

fn shown(user: &User, password: Option<&Secret>) -> serde_json::Value {
    let shown = view::user(user);
    match password {
        Some(secret) => view::with(shown, "password", secret.expose()),
        None => shown,
    }
}

/// The password that was sent, or a new one; and whether it is a new one.
fn password_of(on: &On<'_>) -> Result<(Secret, bool), Problem> {
    let Some(sent) = on.body().secret("password") else {
        return Ok((mint::password(on.entropy()), true));
    };
    let text = sent.expose();
    if text.chars().count() < SHORTEST {
        return Err(Problem::invalid("password", format!("a password has at least {SHORTEST} characters")));
    }
    if text.len() > LONGEST {
        return Err(Problem::invalid("password", format!("a password has at most {LONGEST} bytes")));
    }
    Ok((sent, false))
}

async fn hash(on: &On<'_>, password: &Secret) -> Result<PasswordHash, Problem> {
    on.call.issuer().passwords.hash(password, on.entropy()).await.map_err(|fault| match fault {
        PasswordFault::Busy => {
            Problem::busy("too many passwords are being hashed right now; send it again in a moment")
        }
        PasswordFault::Broken => Problem::ours("password hashing failed"),
    })
}

/// The user with this id or name.
pub(super) async fn find(on: &On<'_>, named: &str) -> Result<Option<User>, Problem> {
    if let Some(user) = on.store().user(on.id(), &UserId::new(named)).await? {
        return Ok(Some(user));
    }
    Ok(on.store().user_by_name(on.id(), named).await?)
}

/// The user that a field names, or what is wrong with it.
pub(super) async fn demand(on: &On<'_>, field: &str, named: &str) -> Result<User, Problem> {
    find(on, named).await?.ok_or_else(|| {
        Problem::invalid(field, format!("there is no user `{named}` on the platform `{}`", on.id()))
            .hint("`mandate user list` shows who there is")
    })
}

/// A text for people: not empty, no control characters, no space around it, not too long.
pub(super) fn plain<'t>(text: &'t str, field: &str, longest: usize) -> Result<&'t str, Problem> {
    if text.trim() != text || text.is_empty() {
        return Err(Problem::invalid(
            field,
            format!("`{field}` may be neither empty nor have white space around it"),
        ));
    }
    if text.chars().any(char::is_control) {
        return Err(Problem::invalid(
            field,
            format!("`{field}` holds a line break or another control character"),
        ));
    }
    if text.chars().count() > longest {
        return Err(Problem::invalid(field, format!("`{field}` has at most {longest} characters")));
    }
    Ok(text)
}

impl On<'_> {
    /// For making things on this platform.
    pub(super) fn minting(&self) -> Minting<'_> {
        Minting { platform: self.id(), now: self.now(), offset: self.call.offset, entropy: self.entropy() }
    }
}
