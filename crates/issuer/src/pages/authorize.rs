//! The authorization endpoint: an app sends a person here (RFC 6749 section 4.1.1).

use super::pending::{Judged, Offer, Pending};
use super::session::Me;
use super::visit::Visit;
use super::{Answer, answer, consent, login, session};
use mandate_core::grant::{Silently, Standing};
use mandate_core::refusal::Refusal;
use mandate_core::{Cause, must};
use mandate_wire::body;
use mandate_wire::form::Form;

/// Judges the request and sends the browser on: to sign in, to decide, or back with an answer.
pub(super) async fn begin(visit: &Visit<'_>) -> Answer {
    // A form that another site posts here says no more than a link would: our cookie does not come with it.
    let query = if must!("oidc-3.1.2.1-post", visit.request.method() == http::Method::POST) {
        body::demand_content_type(visit.headers(), "application/x-www-form-urlencoded")?;
        Form::parse(visit.request.body())?
    } else {
        visit.query()?
    };
    let is_rfc = visit.arrival.tenant.snapshot.platform.dialect.is_full();
    let of_rfc = |name| query.get(name).filter(|_| is_rfc);
    let pending = match (of_rfc("request_uri"), of_rfc("request")) {
        (Some(uri), _) => Pending::from_pushed(visit, &query, uri).await?,
        (None, Some(text)) => Pending::from_signed(visit, &query, text).await?,
        (None, None) => Pending::from_query(&query, visit.arrival.now),
    };
    let offer = match pending.judge(visit).await? {
        Judged::Offer(offer) => offer,
        Judged::Answered(response) => return Ok(response),
    };
    let me = session::current(visit).await?;
    let me = me.filter(|me| offer.sign_in(&me.session, visit.arrival.now).is_ok());
    if must!("oidc-3.1.2.1-none", offer.wish.prompt.none) {
        return silently(visit, me, &offer).await;
    }
    let Some(ticket) = offer.ticket(visit.arrival) else { return offer.too_long(visit) };
    let next = login::Next::Consent(ticket);
    Ok(match me {
        Some(_) => answer::see_other(&next.path()),
        None => next.by_login(),
    })
}

/// `prompt=none`: an answer without a page, or the reason why there is none (OpenID Connect Core section 3.1.2.6).
async fn silently(visit: &Visit<'_>, me: Option<Me>, offer: &Offer) -> Answer {
    let refuse = |cause| offer.refused(visit, Refusal::anonymous(cause).into());
    let Some(me) = me else { return refuse(Cause::LoginRequired) };
    let (arrival, store) = (visit.arrival, &visit.arrival.issuer.store);
    let given = store.connected_apps(arrival.platform(), &me.user.id, arrival.now).await?;
    let accounts = store.accounts(arrival.platform(), Some(&me.user.id)).await?;
    let asked = Silently {
        client: &offer.client.id,
        user: &me.user.id,
        scopes: &offer.wish.scopes,
        environments: &offer.wish.environments,
    };
    match asked.standing(given.iter().map(|app| &app.grant), &accounts) {
        Standing::Given(grant) => consent::allow(visit, &me, offer, grant.accounts.clone()).await,
        Standing::NotGiven => refuse(Cause::ConsentRequired),
        Standing::Changed => refuse(Cause::InteractionRequired),
    }
}
