//! Refusals: an error page for people, the dialect's JSON for programs; never a redirect.

use super::answer::{Html, set};
use super::explain::{FactShown, facts_shown, headline, owner_proof, remedy, summary};
use super::visit::Visit;
use super::words::{self, When};
use super::{Answer, Page};
use crate::Fail;
use bytes::Bytes;
use http::{Response, header};
use mandate_core::Class;
use mandate_core::disclosure::View;
use mandate_core::refusal::Decision;
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct ErrorPage {
    title: &'static str,
    summary: Option<String>,
    remedy: String,
    who: &'static str,
    cause: &'static str,
    decision: String,
    at: When,
    facts: Vec<FactShown>,
    retry: Option<String>,
}

/// Says a refusal to whoever asked. `allow`: methods that the page takes.
pub(super) async fn answer(visit: &Visit<'_>, fail: Fail, allow: Option<&str>) -> Response<Bytes> {
    let decision = visit.arrival.name(&visit.route, fail);
    let plain = visit.arrival.tenant.dialect.refusal(
        visit.arrival.host().surface,
        &decision,
        visit.arrival.issuer_url(),
    );
    let mut response = match page(visit, &decision).await {
        Some(page) if visit.wants_html() => with_headers_of(page, &plain),
        _ => plain,
    };
    if let (Class::MethodNotAllowed, Some(allow)) = (decision.refusal.cause.class(), allow) {
        set(&mut response, header::ALLOW, allow);
    }
    response
}

/// A page of its own that says a refusal: the form once more. `page` gets what to show.
pub(super) fn on_page(visit: &Visit<'_>, fail: Fail, page: impl FnOnce(Problem) -> Answer) -> Answer {
    let decision = visit.arrival.name(&visit.route, fail);
    let plain = visit.arrival.tenant.dialect.refusal(
        visit.arrival.host().surface,
        &decision,
        visit.arrival.issuer_url(),
    );
    let view = decision.refusal.facts.public();
    let problem = Problem {
        summary: words::sentence(&summary(&decision, &view)),
        remedy: remedy(&decision, &view),
        cause: decision.refusal.cause.id(),
        decision: decision.id.to_string(),
    };
    page(problem).map(|page| with_headers_of(page, &plain))
}

/// What a form says about why it was refused.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Problem {
    pub(super) summary: String,
    pub(super) remedy: String,
    pub(super) cause: &'static str,
    pub(super) decision: String,
}

/// Status, cause, decision, challenge and time to wait are the dialect's, whatever the body is.
fn with_headers_of(mut page: Response<Bytes>, plain: &Response<Bytes>) -> Response<Bytes> {
    *page.status_mut() = plain.status();
    for (name, value) in plain.headers() {
        if *name != header::CONTENT_TYPE && *name != header::CACHE_CONTROL {
            page.headers_mut().insert(name.clone(), value.clone());
        }
    }
    page
}

/// `None` if even this page cannot be shown: then the dialect's answer is given.
async fn page(visit: &Visit<'_>, decision: &Decision) -> Option<Response<Bytes>> {
    let facts = &decision.refusal.facts;
    // The developer of an app, signed in, is told what is registered for it (SECURITY R6).
    let owner = owner_proof(visit, &decision.refusal.subjects).await.ok().flatten();
    let page = match owner {
        Some(proof) => content(visit, decision, &facts.for_owner(&proof)),
        None => content(visit, decision, &facts.public()),
    };
    Html::new("error.html").render(visit, page).ok()
}

fn content<T>(visit: &Visit<'_>, decision: &Decision, view: &View<'_, T>) -> ErrorPage {
    let entry = decision.refusal.cause.entry();
    let path = visit.request.uri().path();
    let stale = entry.class == Class::FormRejected;
    // A form that is too old is loaded again where it came from; the one thing a person can do here.
    let surface = visit.arrival.host().surface;
    let retry =
        Page::at(path, surface).filter(|p| stale && p.allow().starts_with("GET")).map(|_| path.to_owned());
    ErrorPage {
        title: entry.title,
        summary: headline(decision, view),
        remedy: remedy(decision, view),
        who: entry.who.in_words(),
        cause: entry.id,
        decision: decision.id.to_string(),
        at: words::precisely(decision.at),
        facts: facts_shown(view),
        retry,
    }
}
