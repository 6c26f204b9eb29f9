//! `/password`: the user changes the password; other sessions end.

use super::Answer;
use super::answer::Html;
use super::guard::{self, Binding};
use super::login::{self, Next};
use super::refused::{self, Problem};
use super::session::{self, Me};
use super::visit::Visit;
use crate::Fail;
use mandate_core::Secret;
use mandate_store::Changed;
use mandate_wire::form::Form;
use serde::Serialize;

/// Shortest password that is taken (NIST SP 800-63B section 5.1.1.2 asks for eight at least).
const SHORTEST: usize = 10;
/// Longest one, so that nobody makes the digest expensive.
const LONGEST: usize = 256;

#[derive(Serialize)]
pub(super) struct PasswordPage {
    pub(super) form_token: String,
    pub(super) shortest: usize,
    pub(super) problem: Option<Problem>,
    pub(super) advice: Option<&'static str>,
    pub(super) changed: bool,
}

/// The form.
pub(super) async fn show(visit: &Visit<'_>) -> Answer {
    let Some(me) = session::current(visit).await? else { return Ok(to_login()) };
    page(visit, &me, None, None, false)
}

fn to_login() -> http::Response<bytes::Bytes> {
    Next::Page("/password".into()).by_login()
}

fn page(
    visit: &Visit<'_>,
    me: &Me,
    problem: Option<Problem>,
    advice: Option<&'static str>,
    changed: bool,
) -> Answer {
    let form_token = binding(me).token(visit.arrival);
    let page = PasswordPage { form_token, shortest: SHORTEST, problem, advice, changed };
    Html::new("password.html").user(&me.user.name).render(visit, page)
}

fn binding(me: &Me) -> Binding<'_> {
    Binding { page: "password", me: Some(me), about: "" }
}

/// Old and new password.
pub(super) async fn change(visit: &Visit<'_>) -> Answer {
    let form = guard::posted(visit)?;
    let Some(me) = session::current(visit).await? else { return Ok(to_login()) };
    binding(&me).demand(visit.arrival, &form)?;
    let old = Secret::new(form.required("password")?);
    let new = Secret::new(form.required("new_password")?);
    if let Some(advice) = weakness(&form, &new, &me) {
        let mut again = page(visit, &me, None, Some(advice), false)?;
        *again.status_mut() = http::StatusCode::BAD_REQUEST;
        return Ok(again);
    }
    match replace(visit, &me, &old, &new).await {
        Ok(()) => page(visit, &me, None, None, true),
        Err(fail) => refused::on_page(visit, fail, |problem| page(visit, &me, Some(problem), None, false)),
    }
}

fn weakness(form: &Form, new: &Secret, me: &Me) -> Option<&'static str> {
    let length = new.expose().chars().count();
    if form.get("new_password_again") != Some(new.expose()) {
        return Some("The two new passwords are not the same.");
    }
    if length < SHORTEST {
        return Some("The new password is too short.");
    }
    if length > LONGEST {
        return Some("The new password is too long.");
    }
    let same_as_name =
        new.expose().to_lowercase().contains(&me.user.name.to_lowercase()) && me.user.name.len() > 3;
    same_as_name.then_some("The new password holds your name.")
}

async fn replace(visit: &Visit<'_>, me: &Me, old: &Secret, new: &Secret) -> Result<(), Fail> {
    let (arrival, issuer) = (visit.arrival, visit.arrival.issuer);
    let user = login::attempt(visit, &me.user.name, old, async || Ok(Some(me.user.clone()))).await?;
    let hash = issuer.passwords.hash(new, &*issuer.entropy).await?;
    let audit = arrival.audit(me.actor(), "user.password", format!("user:{}", user.id), "by the user".into());
    let keep = Some(&me.session.id);
    let expected = user.password_version;
    match issuer.store.set_password(arrival.platform(), &user.id, &hash, expected, keep, &audit).await? {
        Changed::Done => Ok(()),
        Changed::Conflict | Changed::NotFound | Changed::TooMany => {
            Err(guard::rejected("the password was changed elsewhere meanwhile"))
        }
    }
}
