//! `/login`: a person signs in. Unknown names and wrong passwords take the same path: one look-up, one digest, one
//! answer (SECURITY R5, R7).

use super::answer::{self, Html};
use super::guard::{self, Binding};
use super::pending::Pending;
use super::refused::{self, Problem};
use super::session::Me;
use super::visit::Visit;
use super::{Answer, session};
use crate::Fail;
use bytes::Bytes;
use http::{Response, header};
use mandate_core::model::{Status, User};
use mandate_core::refusal::Refusal;
use mandate_core::{Cause, Secret};
use mandate_wire::form::Form;
use serde::Serialize;

/// Where a person goes after signing in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Next {
    /// To decide on an authorization request, by its ticket.
    Consent(String),
    /// To a page of ours.
    Page(String),
}

impl Next {
    /// From the parameters `request` and `next`. Only addresses of ours are gone to.
    fn of(form: &Form) -> Self {
        match (form.get("request"), form.get("next")) {
            (Some(ticket), _) => Self::consent(ticket),
            (None, Some(path)) if is_own_page(path) => Self::Page(path.to_owned()),
            (None, _) => Self::Page("/apps".into()),
        }
    }
    /// To decide on the request of a ticket, as far as the text can be one.
    pub(super) fn consent(ticket: &str) -> Self {
        let is_ticket = ticket.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
        if is_ticket { Self::Consent(ticket.to_owned()) } else { Self::Page("/apps".into()) }
    }
    /// The address.
    pub(super) fn path(&self) -> String {
        match self {
            Self::Consent(ticket) => format!("/consent?request={ticket}"),
            Self::Page(path) => path.clone(),
        }
    }
    /// By way of signing in.
    pub(super) fn by_login(&self) -> Response<Bytes> {
        answer::see_other(&match self {
            Self::Consent(ticket) => format!("/login?request={ticket}"),
            Self::Page(path) => format!("/login?next={path}"),
        })
    }
    /// What the form's token is about.
    fn about(&self) -> &str {
        match self {
            Self::Consent(text) | Self::Page(text) => text,
        }
    }
}

fn is_own_page(path: &str) -> bool {
    let is_decision =
        |id: &str| !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    matches!(path, "/apps" | "/keys" | "/sessions" | "/password")
        || path.strip_prefix("/explain/").is_some_and(is_decision)
}

#[derive(Serialize)]
pub(super) struct LoginPage<'a> {
    pub(super) form_token: String,
    pub(super) request: Option<&'a str>,
    pub(super) next: Option<&'a str>,
    pub(super) username: &'a str,
    pub(super) problem: Option<Problem>,
}

/// The form.
pub(super) async fn show(visit: &Visit<'_>) -> Answer {
    let next = Next::of(&visit.query()?);
    let pending = match &next {
        Next::Consent(ticket) => Some(Pending::from_ticket(visit.arrival, ticket)?),
        Next::Page(_) => None,
    };
    let will_do = |me: &Me| pending.as_ref().is_none_or(|p| p.is_fresh(&me.session, visit.arrival.now));
    if session::current(visit).await?.is_some_and(|me| will_do(&me)) {
        return Ok(answer::see_other(&next.path()));
    }
    page(visit, &next, pending.as_ref().map_or("", Pending::login_hint), None)
}

fn page(visit: &Visit<'_>, next: &Next, username: &str, problem: Option<Problem>) -> Answer {
    let (request, page) = match next {
        Next::Consent(ticket) => (Some(ticket.as_str()), None),
        Next::Page(path) => (None, Some(path.as_str())),
    };
    let form_token = binding(next).token(visit.arrival);
    Html::new("login.html").render(visit, LoginPage { form_token, request, next: page, username, problem })
}

fn binding(next: &Next) -> Binding<'_> {
    Binding { page: "login", me: None, about: next.about() }
}

/// Name and password.
pub(super) async fn submit(visit: &Visit<'_>) -> Answer {
    let form = guard::posted(visit)?;
    let next = Next::of(&form);
    binding(&next).demand(visit.arrival, &form)?;
    let (name, password) = (form.required("username")?, Secret::new(form.required("password")?));
    match sign_in(visit, name, &password).await {
        Ok(cookie) => {
            let mut response = answer::see_other(&next.path());
            response.headers_mut().append(header::SET_COOKIE, cookie);
            Ok(response)
        }
        Err(fail) => refused::on_page(visit, fail, |problem| page(visit, &next, name, Some(problem))),
    }
}

async fn sign_in(visit: &Visit<'_>, name: &str, password: &Secret) -> Result<http::HeaderValue, Fail> {
    let store = &visit.arrival.issuer.store;
    // a name with control characters is nobody's, and some stores cannot even be asked
    let asked = if name.chars().any(char::is_control) { "" } else { name };
    let found = attempt(visit, name, password, async || {
        Ok(store.user_by_name(visit.arrival.platform(), asked).await?)
    })
    .await?;
    let cookie = session::open(visit, &found).await?;
    cookie.ok_or_else(|| rejected(Cause::SignInNeeded))
}

/// One counted attempt at a user's password. The user is looked up only after the attempt was counted.
///
/// # Errors
/// Too many attempts, or not the password: one answer, known name or not.
pub(super) async fn attempt(
    visit: &Visit<'_>,
    name: &str,
    password: &Secret,
    find: impl AsyncFnOnce() -> Result<Option<User>, Fail>,
) -> Result<User, Fail> {
    let (arrival, issuer) = (visit.arrival, visit.arrival.issuer);
    let counted = issuer.throttle.attempt(arrival.platform(), name, arrival.address, arrival.now)?;
    let found = find().await?;
    // a machine never signs in on pages: its password is not even looked at
    let person = found.as_ref().filter(|user| !user.kind.is_machine());
    let hash = person.and_then(|user| user.password.as_ref());
    let asker = format!("{} {}", arrival.platform(), arrival.address);
    let matched = match issuer.passwords.verify(&asker, password, hash).await {
        Ok(matched) => matched,
        Err(fault) => {
            // nothing was compared
            counted.forgive();
            return Err(fault.into());
        }
    };
    match found {
        Some(user) if user.kind.is_machine() => Err(rejected(Cause::CredentialWrongKind)),
        Some(user) if matched && user.status == Status::Active => {
            counted.forgive();
            Ok(user)
        }
        Some(_) => Err(rejected(Cause::CredentialSecretMismatch)),
        None => Err(rejected(Cause::CredentialUnknown)),
    }
}

fn rejected(true_cause: Cause) -> Fail {
    Refusal::anonymous(Cause::SignInRejected).because(true_cause).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_sign_in_only_own_pages_are_gone_to() {
        let next = |query: &str| Next::of(&Form::parse(query.as_bytes()).unwrap()).path();
        for (query, path) in [
            ("", "/apps"),
            ("next=/keys", "/keys"),
            ("next=/explain/dAb_-9", "/explain/dAb_-9"),
            ("next=/explain/", "/apps"),
            ("next=/explain/../login", "/apps"),
            ("next=//evil.test", "/apps"),
            ("next=https://evil.test/", "/apps"),
            ("next=/keys%0d%0aSet-Cookie:x", "/apps"),
            ("request=abc&next=/keys", "/consent?request=abc"),
            ("request=a%0d%0ab", "/apps"),
            ("request=a%26b", "/apps"),
        ] {
            assert_eq!(next(query), path, "{query}");
        }
    }
}
