//! `/end_session`: an app asks for the person to be signed out (OpenID Connect RP-Initiated Logout 1.0). The person is
//! asked first, unless the app shows that it was signed in by this very session: a link alone signs nobody out.

use super::answer;
use super::guard::{is_id, rejected};
use super::reply::with_query;
use super::session::{self, Me};
use super::visit::Visit;
use super::{Answer, sessions};
use crate::{Arrival, Fail, rfc};
use mandate_core::disclosure::FactName;
use mandate_core::model::Client;
use mandate_core::refusal::Refusal;
use mandate_core::sign_out::SignOutRequest;
use mandate_core::{Cause, ClientId, must};
use mandate_wire::body;
use mandate_wire::form::{Form, LONGEST_VALUE};
use mandate_wire::ticket::Purpose;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The person has so long to answer.
const LIFETIME_S: i64 = 900;

/// What an app asks for, as it came; judged anew at every step.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct SignOut {
    client_id: Option<String>,
    id_token_hint: Option<String>,
    post_logout_redirect_uri: Option<String>,
    state: Option<String>,
}

/// A request to sign out that may be done.
pub(super) struct Judged {
    /// Whether nobody has to be asked.
    proven: bool,
    /// The app.
    pub(super) client: Option<Arc<Client>>,
    /// Where the browser goes then, if anywhere.
    pub(super) target: Option<String>,
}

impl SignOut {
    /// `logout_hint` and `ui_locales` say nothing that is needed here.
    fn of(form: &Form) -> Self {
        let get = |name| form.get(name).map(str::to_owned);
        Self {
            client_id: get("client_id"),
            id_token_hint: get("id_token_hint"),
            post_logout_redirect_uri: get("post_logout_redirect_uri"),
            state: get("state"),
        }
    }

    /// From a ticket of ours.
    pub(super) fn from_ticket(arrival: &Arrival<'_>, ticket: &str) -> Result<Self, Fail> {
        let text = arrival.tenant.tickets.open(Purpose::SignOut, ticket, arrival.now);
        let text =
            text.ok_or_else(|| rejected("the request to sign out is too old; begin again at the app"))?;
        serde_json::from_str(&text).map_err(|_| rejected("the request to sign out is of another version"))
    }

    fn ticket(&self, arrival: &Arrival<'_>) -> Result<String, Fail> {
        let text = serde_json::to_string(self).unwrap_or_default();
        let expires = arrival.now.plus_seconds(LIFETIME_S);
        let ticket = arrival.tenant.tickets.seal(Purpose::SignOut, &text, expires, &*arrival.issuer.entropy);
        if ticket.len() > LONGEST_VALUE {
            return Err(Refusal::anonymous(Cause::ParameterInvalid)
                .with(FactName::Parameter, "state")
                .with(FactName::Defect, "it is too long together with the other parameters")
                .into());
        }
        Ok(ticket)
    }

    /// # Errors
    /// What is shown in place: no browser is sent to an address that is not known to be the app's.
    pub(super) async fn judge(&self, visit: &Visit<'_>, me: Option<&Me>) -> Result<Judged, Fail> {
        let (arrival, now) = (visit.arrival, visit.arrival.now);
        let hint = match self.id_token_hint.as_deref() {
            Some(text) => Some(rfc::id_token_hint(arrival, text)?),
            None => None,
        };
        let request = SignOutRequest {
            client_id: self.client_id.as_deref(),
            hint: hint.as_ref(),
            redirect_uri: self.post_logout_redirect_uri.as_deref(),
        };
        let client = match request.client()?.filter(|id| is_id(id)) {
            Some(id) => arrival.issuer.cache.client(arrival.platform(), &ClientId::new(id)).await?,
            None => None,
        };
        let contact = &*arrival.tenant.snapshot.platform.contact;
        let target = request.target(client.as_deref(), contact, now)?;
        let state = self.state.as_deref().unwrap_or("");
        Ok(Judged {
            proven: me.is_some_and(|me| request.proves(&me.session)),
            target: target.map(|uri| with_query(uri, &[("state", state)])),
            client,
        })
    }
}

impl Judged {
    /// The end: where the app wants the browser, or a page that says so.
    pub(super) fn done(&self, visit: &Visit<'_>) -> Answer {
        match &self.target {
            Some(uri) => Ok(answer::see_other(uri)),
            None => sessions::signed_out(visit),
        }
    }
}

/// `GET /end_session`, and `POST` from the app's page. What another site posts comes without our cookie, so it is
/// carried on to a `GET`, which has it.
pub(super) async fn begin(visit: &Visit<'_>) -> Answer {
    if visit.request.method() == http::Method::POST {
        body::demand_content_type(visit.headers(), "application/x-www-form-urlencoded")?;
        let wish = SignOut::of(&Form::parse(visit.request.body())?);
        wish.judge(visit, None).await?;
        let ticket = wish.ticket(visit.arrival)?;
        return Ok(answer::see_other(&format!("/end_session?request={ticket}")));
    }
    let query = visit.query()?;
    let wish = match query.get("request") {
        Some(ticket) => SignOut::from_ticket(visit.arrival, ticket)?,
        None => SignOut::of(&query),
    };
    let me = session::current(visit).await?;
    let judged = wish.judge(visit, me.as_ref()).await?;
    match me {
        None => judged.done(visit),
        Some(me) if judged.proven || !must!("rpl-2-ask") => {
            session::end(visit, &me, Some(&me.session.id), "signed out by an app it was signed in to")
                .await?;
            Ok(sessions::forgetting(visit, judged.done(visit)?))
        }
        Some(me) => sessions::ask(visit, &me, None, Some((&wish.ticket(visit.arrival)?, &judged))),
    }
}
