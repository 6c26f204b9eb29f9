//! `/device`: a person types the code that a device shows (RFC 8628 section 3.3), and decides as for any other app.

use super::answer::{self, Html};
use super::consent::done;
use super::guard::{self, Binding};
use super::login::Next;
use super::pending::{Judged, Offer, Pending};
use super::refused::{self, Problem};
use super::session::Me;
use super::visit::Visit;
use super::{Answer, session};
use crate::{Fail, rfc};
use mandate_core::device::{DeviceFlow, DeviceState};
use mandate_core::grant::GrantSpec;
use mandate_core::model::GrantedBy;
use mandate_core::refusal::Refusal;
use mandate_core::{AccountId, Cause, GrantId, format, must};
use mandate_store::Changed;
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct DevicePage {
    pub(super) form_token: String,
    pub(super) user_code: String,
    pub(super) problem: Option<Problem>,
}

/// The form. The code may stand in the address; it is never taken without being confirmed.
pub(super) async fn show(visit: &Visit<'_>) -> Answer {
    let query = visit.query()?;
    let me = session::current(visit).await?;
    page(visit, me.as_ref(), query.get("user_code").unwrap_or(""), None)
}

fn page(visit: &Visit<'_>, me: Option<&Me>, typed: &str, problem: Option<Problem>) -> Answer {
    let form_token = binding(me).token(visit.arrival);
    let user_code: String =
        typed.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(16).collect();
    let html = Html::new("device.html");
    let page = DevicePage { form_token, user_code, problem };
    match me {
        Some(me) => html.user(&me.user.name).render(visit, page),
        None => html.render(visit, page),
    }
}

fn binding(me: Option<&Me>) -> Binding<'_> {
    Binding { page: "device", me, about: "" }
}

/// The code.
pub(super) async fn submit(visit: &Visit<'_>) -> Answer {
    let form = guard::posted(visit)?;
    let me = session::current(visit).await?;
    binding(me.as_ref()).demand(visit.arrival, &form)?;
    let typed = form.get("user_code").unwrap_or("");
    let flow = match find(visit, typed).await {
        Ok(flow) => flow,
        Err(fail) => {
            return refused::on_page(visit, fail, |problem| page(visit, me.as_ref(), typed, Some(problem)));
        }
    };
    let offer = match Pending::of_device(&flow, visit.arrival.now).judge(visit).await? {
        Judged::Offer(offer) => offer,
        Judged::Answered(response) => return Ok(response),
    };
    let Some(ticket) = offer.ticket(visit.arrival) else { return offer.too_long(visit) };
    let next = Next::Consent(ticket);
    Ok(if me.is_some() { answer::see_other(&next.path()) } else { next.by_login() })
}

/// The device that waits for this code. Attempts are counted like those at passwords, by where they come from
/// (RFC 8628 section 5.1).
async fn find(visit: &Visit<'_>, typed: &str) -> Result<DeviceFlow, Fail> {
    let arrival = visit.arrival;
    let counted = if must!("rfc8628-5.1-attempts") {
        let throttle = &arrival.issuer.throttle;
        Some(throttle.attempt(arrival.platform(), "(device codes)", arrival.address, arrival.now)?)
    } else {
        None
    };
    let unknown = || Fail::from(Refusal::anonymous(Cause::DeviceCodeUnknown));
    let code = rfc::device_code(typed).ok_or_else(unknown)?;
    let found = arrival.issuer.store.device_by_user_code(arrival.platform(), &code, arrival.now).await?;
    let found = found.filter(|flow| flow.state == DeviceState::Pending).ok_or_else(unknown)?;
    if let Some(counted) = counted {
        counted.forgive();
    }
    Ok(found)
}

/// Allows it, on these accounts.
pub(super) async fn allow(visit: &Visit<'_>, me: &Me, offer: &Offer, accounts: Vec<AccountId>) -> Answer {
    let arrival = visit.arrival;
    let grant = GrantSpec {
        platform: arrival.platform().clone(),
        new_id: GrantId::new(format::opaque("g", &*arrival.issuer.entropy)),
        client: offer.client.id.clone(),
        user: Some(me.user.id.clone()),
        accounts,
        scopes: offer.wish.scopes.clone(),
        granted_by: GrantedBy::Owner,
    };
    decide(visit, me, offer, Some(&grant)).await
}

/// Allows or denies it, once.
pub(super) async fn decide(visit: &Visit<'_>, me: &Me, offer: &Offer, grant: Option<&GrantSpec>) -> Answer {
    let arrival = visit.arrival;
    let code = offer.pending.device().unwrap_or("");
    let word = if grant.is_some() { "device.allow" } else { "device.deny" };
    let audit = arrival.audit(me.actor(), word, format!("client:{}", offer.client.id), String::new());
    let context = offer.pending.context(me).text();
    let store = &arrival.issuer.store;
    let changed = store
        .decide_device(arrival.platform(), code, grant, &context, offer.offset, arrival.now, &audit)
        .await?;
    match changed {
        Changed::Done => done(visit, me, &offer.client.name, grant.is_some()),
        Changed::NotFound | Changed::Conflict | Changed::TooMany => {
            Err(Refusal::anonymous(Cause::DeviceCodeUnknown).into())
        }
    }
}
