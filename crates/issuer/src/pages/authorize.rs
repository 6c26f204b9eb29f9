//! `GET /oauth/authorize`: an app sends a person here (RFC 6749 section 4.1.1).

use super::pending::{Judged, Pending};
use super::visit::Visit;
use super::{Answer, answer, login, session};

/// Judges the request and sends the browser on: to sign in, to decide, or back with an error.
pub(super) async fn begin(visit: &Visit<'_>) -> Answer {
    let query = visit.query()?;
    let offer = match Pending::from_query(&query).judge(visit).await? {
        Judged::Offer(offer) => offer,
        Judged::Answered(response) => return Ok(response),
    };
    let Some(ticket) = offer.ticket(visit.arrival) else { return Ok(offer.too_long(visit)) };
    let next = login::Next::Consent(ticket);
    Ok(match session::current(visit).await? {
        Some(_) => answer::see_other(&next.path()),
        None => next.by_login(),
    })
}
