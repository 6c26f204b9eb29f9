//! `/sessions` and `/logout`: where the user is signed in, and signing out.

use super::Answer;
use super::answer::{self, Html};
use super::end_session::{self, SignOut};
use super::guard::{self, Binding, is_id, rejected};
use super::login::Next;
use super::session::{self, Me};
use super::visit::Visit;
use super::words::{self, When};
use bytes::Bytes;
use http::{Response, header};
use mandate_core::SessionId;
use mandate_core::model::Session;
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct SessionsPage {
    pub(super) form_token: String,
    pub(super) sessions: Vec<SessionShown>,
}

#[derive(Serialize)]
pub(super) struct SessionShown {
    pub(super) id: String,
    pub(super) browser: String,
    pub(super) address: String,
    pub(super) since: When,
    pub(super) last_seen: When,
    pub(super) current: bool,
}

#[derive(Serialize)]
pub(super) struct LogoutPage<'a> {
    pub(super) form_token: String,
    pub(super) request: Option<&'a str>,
    pub(super) leave: Option<&'a str>,
    pub(super) app: Option<&'a str>,
}

/// The list.
pub(super) async fn show(visit: &Visit<'_>) -> Answer {
    let Some(me) = session::current(visit).await? else { return Ok(to_login()) };
    let arrival = visit.arrival;
    let mut sessions = arrival.issuer.store.sessions(arrival.platform(), &me.user.id, arrival.now).await?;
    sessions.sort_by_key(|s| (s.id != me.session.id, std::cmp::Reverse(s.last_seen)));
    let page = SessionsPage {
        form_token: binding(&me).token(arrival),
        sessions: sessions.iter().map(|s| shown(s, &me)).collect(),
    };
    Html::new("sessions.html").user(&me.user.name).render(visit, page)
}

fn shown(session: &Session, me: &Me) -> SessionShown {
    SessionShown {
        id: session.id.to_string(),
        browser: session.browser.to_string(),
        address: session.address.to_string(),
        since: words::when(session.created_at),
        last_seen: words::when(session.last_seen),
        current: session.id == me.session.id,
    }
}

fn binding(me: &Me) -> Binding<'_> {
    Binding { page: "sessions", me: Some(me), about: "" }
}

fn to_login() -> Response<Bytes> {
    Next::Page("/sessions".into()).by_login()
}

/// Ends one session.
pub(super) async fn end(visit: &Visit<'_>) -> Answer {
    let form = guard::posted(visit)?;
    let Some(me) = session::current(visit).await? else { return Ok(to_login()) };
    binding(&me).demand(visit.arrival, &form)?;
    let id = form.required("session")?;
    if !is_id(id) {
        return Err(rejected("it names no session of yours"));
    }
    session::end(visit, &me, Some(&SessionId::new(id)), "on the page of sessions").await?;
    Ok(answer::see_other("/sessions"))
}

/// Signs out everywhere, here included.
pub(super) async fn end_all(visit: &Visit<'_>) -> Answer {
    let form = guard::posted(visit)?;
    let Some(me) = session::current(visit).await? else { return Ok(to_login()) };
    binding(&me).demand(visit.arrival, &form)?;
    session::end(visit, &me, None, "signed out everywhere").await?;
    Ok(forgetting(visit, to_login()))
}

/// `GET /logout`: asks, since a link alone must not sign anybody out.
pub(super) async fn confirm_sign_out(visit: &Visit<'_>) -> Answer {
    let query = visit.query()?;
    let Some(me) = session::current(visit).await? else { return signed_out(visit) };
    ask(visit, &me, query.get("request"), None)
}

/// The question. `request`: an authorization request that goes on as somebody else; `leave`: an app that wishes it.
pub(super) fn ask(
    visit: &Visit<'_>,
    me: &Me,
    request: Option<&str>,
    leave: Option<(&str, &end_session::Judged)>,
) -> Answer {
    let ticket = leave.map(|(ticket, _)| ticket);
    let form_token = logout_binding(me, ticket).token(visit.arrival);
    let app = leave.and_then(|(_, judged)| judged.client.as_ref()).map(|client| &*client.name);
    let mut html = Html::new("logout.html").user(&me.user.name);
    if let Some(target) = leave.and_then(|(_, judged)| judged.target.as_deref()) {
        html = html.form_may_lead_to(target);
    }
    html.render(visit, LogoutPage { form_token, request, leave: ticket, app })
}

/// `POST /logout`: ends this session. With an authorization request under way, on to signing in as somebody else; at an
/// app's wish, on to where the app wants the browser.
pub(super) async fn sign_out(visit: &Visit<'_>) -> Answer {
    let form = guard::posted(visit)?;
    let leave = form.get("leave");
    let me = session::current(visit).await?;
    if let Some(me) = &me {
        logout_binding(me, leave).demand(visit.arrival, &form)?;
    }
    let judged = match leave {
        Some(ticket) => Some(SignOut::from_ticket(visit.arrival, ticket)?.judge(visit, me.as_ref()).await?),
        None => None,
    };
    // signed out elsewhere meanwhile: what was wanted is so
    let Some(me) = me else {
        return match judged {
            Some(judged) => judged.done(visit),
            None => Ok(Next::Page("/apps".into()).by_login()),
        };
    };
    session::end(visit, &me, Some(&me.session.id), "signed out").await?;
    let response = match (judged, form.get("request")) {
        (Some(judged), _) => judged.done(visit)?,
        (None, Some(ticket)) => Next::consent(ticket).by_login(),
        (None, None) => signed_out(visit)?,
    };
    Ok(forgetting(visit, response))
}

fn logout_binding<'a>(me: &'a Me, leave: Option<&'a str>) -> Binding<'a> {
    Binding { page: "logout", me: Some(me), about: leave.unwrap_or("") }
}

/// The page that says so.
pub(super) fn signed_out(visit: &Visit<'_>) -> Answer {
    Html::new("signed_out.html").render(visit, ())
}

/// An answer with which the browser forgets its session.
pub(super) fn forgetting(visit: &Visit<'_>, mut response: Response<Bytes>) -> Response<Bytes> {
    if let Some(cookie) = session::forget(visit) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}
