//! An authorization request on its way to the owner: sealed into a ticket that the browser carries, and judged anew
//! at every step, so that nothing old is believed.

use super::answer;
use super::guard::{is_id, rejected};
use super::visit::Visit;
use crate::{Arrival, Fail};
use bytes::Bytes;
use http::Response;
use mandate_core::grant::{Authorizable, AuthorizeFault, AuthorizeRequest};
use mandate_core::model::Client;
use mandate_core::refusal::Refusal;
use mandate_core::{Cause, ClientId, Offset, disclosure::FactName};
use mandate_wire::form::{Form, LONGEST_VALUE};
use mandate_wire::ticket::Purpose;
use mandate_wire::{dialect, explain};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The owner has so long to sign in and decide.
const LIFETIME_S: i64 = 900;

/// The parameters as they came.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Pending {
    client_id: Option<String>,
    redirect_uri: Option<String>,
    response_type: Option<String>,
    scope: Option<String>,
    env: Option<String>,
    state: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code_challenge: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code_challenge_method: Option<String>,
}

/// What came of judging it.
pub(super) enum Judged {
    /// It may be put before the owner.
    Offer(Box<Offer>),
    /// The app is told otherwise, at its redirect URI.
    Answered(Response<Bytes>),
}

/// A request that may be put before the owner.
pub(super) struct Offer {
    pub(super) pending: Pending,
    pub(super) client: Arc<Client>,
    pub(super) wish: Authorizable,
    /// The log offset from before the client was read (SECURITY R10).
    pub(super) offset: Offset,
}

impl Pending {
    /// From the query of the authorization endpoint.
    pub(super) fn from_query(query: &Form) -> Self {
        let get = |name| query.get(name).map(str::to_owned);
        Self {
            client_id: get("client_id"),
            redirect_uri: get("redirect_uri"),
            response_type: get("response_type"),
            scope: get("scope"),
            env: get("env"),
            state: get("state"),
            code_challenge: get("code_challenge"),
            code_challenge_method: get("code_challenge_method"),
        }
    }

    /// From a ticket of ours.
    pub(super) fn from_ticket(arrival: &Arrival<'_>, ticket: &str) -> Result<Self, Fail> {
        let text = arrival.tenant.tickets.open(Purpose::AuthorizationRequest, ticket, arrival.now);
        let text =
            text.ok_or_else(|| rejected("the authorization request is too old; begin again at the app"))?;
        serde_json::from_str(&text).map_err(|_| rejected("the authorization request is of another version"))
    }

    /// Judges it by the client as it is now.
    ///
    /// # Errors
    /// What is shown in place: the redirect URI is not known to be the client's.
    pub(super) async fn judge(self, visit: &Visit<'_>) -> Result<Judged, Fail> {
        let cache = &visit.arrival.issuer.cache;
        let offset = cache.feed().applied();
        let client = match self.client_id.as_deref().filter(|id| is_id(id)) {
            Some(id) => cache.client(visit.arrival.platform(), &ClientId::new(id)).await?,
            None => None,
        };
        let request = AuthorizeRequest {
            client_id: self.client_id.as_deref(),
            redirect_uri: self.redirect_uri.as_deref(),
            response_type: self.response_type.as_deref(),
            scope: self.scope.as_deref(),
            env: self.env.as_deref(),
            code_challenge: self.code_challenge.as_deref(),
            code_challenge_method: self.code_challenge_method.as_deref(),
        };
        match (request.check(client.as_deref(), &visit.arrival.tenant.snapshot, visit.arrival.now), client) {
            (Ok(wish), Some(client)) => {
                Ok(Judged::Offer(Box::new(Offer { pending: self, client, wish, offset })))
            }
            (Ok(_), None) => Err(Refusal::anonymous(Cause::Internal).into()),
            (Err(AuthorizeFault::InPlace(refusal)), _) => Err(refusal.into()),
            (Err(AuthorizeFault::AtClient(refusal)), _) => {
                Ok(Judged::Answered(self.refused(visit, refusal.into())))
            }
        }
    }

    /// The error answer at the redirect URI (RFC 6749 section 4.1.2.1), with what explains it (DESIGN D4).
    pub(super) fn refused(&self, visit: &Visit<'_>, fail: Fail) -> Response<Bytes> {
        let issuer = visit.arrival.issuer_url();
        let decision = visit.arrival.name(&visit.route, fail);
        let view = decision.refusal.facts.public();
        let mut description = super::explain::summary(&decision, &view);
        if let (true, Some(received)) =
            (description == decision.refusal.cause.entry().title, view.get(FactName::Received))
        {
            description = format!("{description}: {}", received.in_words());
        }
        let uri = self.answer(&[
            ("error", decision.refusal.cause.entry().oauth.as_str()),
            ("error_description", &plain(&description)),
            ("state", self.state.as_deref().unwrap_or("")),
            ("iss", issuer),
            ("cause", decision.refusal.cause.id()),
            ("decision_id", decision.id.as_str()),
            ("error_uri", &explain::error_uri(issuer, decision.id.as_str())),
        ]);
        let mut response = answer::found(&uri);
        answer::set(&mut response, dialect::CAUSE, decision.refusal.cause.id());
        answer::set(&mut response, dialect::DECISION, decision.id.as_str());
        response
    }

    /// The redirect URI with parameters added to its query (RFC 6749 section 4.1.2); empty ones are left out.
    fn answer(&self, parameters: &[(&str, &str)]) -> String {
        let base = self.redirect_uri.as_deref().unwrap_or("/error");
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(parameters.iter().filter(|(_, value)| !value.is_empty()));
        let joint = match base.split_once('?') {
            None => "?",
            Some((_, "")) => "",
            Some(_) => "&",
        };
        format!("{base}{joint}{}", query.finish())
    }
}

impl Offer {
    /// The ticket with which the browser goes on; `None` if the request is too long to be carried.
    pub(super) fn ticket(&self, arrival: &Arrival<'_>) -> Option<String> {
        let text = serde_json::to_string(&self.pending).ok()?;
        let expires = arrival.now.plus_seconds(LIFETIME_S);
        let ticket = arrival.tenant.tickets.seal(
            Purpose::AuthorizationRequest,
            &text,
            expires,
            &*arrival.issuer.entropy,
        );
        (ticket.len() <= LONGEST_VALUE).then_some(ticket)
    }

    /// The answer to the app whose request is too long.
    pub(super) fn too_long(&self, visit: &Visit<'_>) -> Response<Bytes> {
        let refusal = Refusal::anonymous(Cause::ParameterInvalid)
            .with(FactName::Parameter, "state")
            .with(FactName::Defect, "it is too long together with the other parameters");
        self.pending.refused(visit, refusal.into())
    }

    /// The good answer at the redirect URI (RFC 6749 section 4.1.2, RFC 9207).
    pub(super) fn granted(&self, issuer: &str, code: &str) -> Response<Bytes> {
        let state = self.pending.state.as_deref().unwrap_or("");
        answer::found(&self.pending.answer(&[("code", code), ("state", state), ("iss", issuer)]))
    }
}

/// `error_description` holds visible ASCII without quote and backslash (RFC 6749 section 4.1.2.1).
fn plain(text: &str) -> String {
    let one = |c: char| match c {
        '"' | '`' => '\'',
        '\\' => '/',
        ' '..='~' => c,
        _ => '?',
    };
    text.chars().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pending(redirect_uri: &str) -> Pending {
        Pending {
            client_id: None,
            redirect_uri: Some(redirect_uri.into()),
            response_type: None,
            scope: None,
            env: None,
            state: Some("a b&c".into()),
            code_challenge: None,
            code_challenge_method: None,
        }
    }

    #[test]
    fn rfc6749_4_1_2_parameters_are_added_to_the_query() {
        for (redirect_uri, expected) in [
            ("http://localhost", "http://localhost?code=x+y&state=%26"),
            ("https://rp/cb?a=b", "https://rp/cb?a=b&code=x+y&state=%26"),
            ("https://rp/cb?", "https://rp/cb?code=x+y&state=%26"),
        ] {
            assert_eq!(
                pending(redirect_uri).answer(&[("code", "x y"), ("state", "&"), ("iss", "")]),
                expected
            );
        }
    }

    #[test]
    fn rfc6749_4_1_2_1_descriptions_are_plain() {
        assert_eq!(plain("a `b` \"c\" \\ é\n"), "a 'b' 'c' / ??");
    }
}
