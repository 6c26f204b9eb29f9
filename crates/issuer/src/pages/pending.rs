//! An authorization request on its way to the owner: sealed into a ticket that the browser carries, and judged anew
//! at every step, so that nothing old is believed.

use super::Answer;
use super::answer;
use super::guard::{is_id, rejected};
use super::reply::Reply;
use super::session::Me;
use super::visit::Visit;
use crate::{Arrival, Fail, rfc};
use bytes::Bytes;
use http::Response;
use mandate_core::device::DeviceFlow;
use mandate_core::grant::{
    Authorizable, AuthorizeFault, AuthorizeRequest, ClaimsWish, ResponseMode, SignInFault, SignInRule,
};
use mandate_core::model::Client;
use mandate_core::model::Session;
use mandate_core::refusal::Refusal;
use mandate_core::{Cause, ClientId, Digest, Offset, ScopeSet, Timestamp, disclosure::FactName, must};
use mandate_wire::form::{Form, LONGEST_VALUE};
use mandate_wire::ticket::Purpose;
use mandate_wire::{claims_request, dialect, explain};
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    response_mode: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nonce: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    prompt: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_age: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    login_hint: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    resource: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dpop_jkt: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    claims: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id_token_hint: Option<String>,
    /// The `request_uri` by which it was pushed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request_uri: Option<String>,
    /// The code of a device that waits for the answer, rather than a browser.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    device: Option<String>,
    /// Whether the client signed it.
    #[serde(default)]
    signed: bool,
    /// When it came, in milliseconds: a sign-in that it asks for must be later.
    #[serde(default)]
    begun: i64,
}

/// Marks what was signed among what was pushed; no parameter of a request has this name.
const SIGNED: &str = "mandate:signed";

/// Parameters that a client may push.
const PUSHED: [&str; 16] = [
    "redirect_uri",
    "response_type",
    "scope",
    "env",
    "state",
    "code_challenge",
    "code_challenge_method",
    "response_mode",
    "nonce",
    "prompt",
    "max_age",
    "login_hint",
    "resource",
    "dpop_jkt",
    "claims",
    "id_token_hint",
];

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
    /// The person that the app means, each time it names one.
    people: [Option<Box<str>>; 2],
}

impl Pending {
    /// From the query of the authorization endpoint.
    pub(super) fn from_query(query: &Form, now: Timestamp) -> Self {
        let get = |name| query.get(name).map(str::to_owned);
        Self {
            response_mode: get("response_mode"),
            nonce: get("nonce"),
            prompt: get("prompt"),
            max_age: get("max_age"),
            login_hint: get("login_hint"),
            resource: get("resource"),
            dpop_jkt: get("dpop_jkt"),
            claims: get("claims"),
            id_token_hint: get("id_token_hint"),
            request_uri: None,
            device: None,
            signed: false,
            begun: now.millis(),
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

    /// What a device asks for (RFC 8628 section 3.3).
    pub(super) fn of_device(flow: &DeviceFlow, now: Timestamp) -> Self {
        Self {
            client_id: Some(flow.client.to_string()),
            scope: Some(flow.scopes.to_string()),
            device: Some(flow.user_code.to_string()),
            ..Self::from_query(&Form::default(), now)
        }
    }

    /// The code of the device that waits for the answer.
    pub(super) fn device(&self) -> Option<&str> {
        self.device.as_deref()
    }

    /// From what the client pushed (RFC 9126 section 4). Parameters beside it are not looked at.
    ///
    /// # Errors
    /// It is unknown, too old, used, or another client's.
    pub(super) async fn from_pushed(visit: &Visit<'_>, query: &Form, uri: &str) -> Result<Self, Fail> {
        let arrival = visit.arrival;
        let refused = || Fail::from(Refusal::anonymous(Cause::RequestUriInvalid));
        let digest = rfc::pushed_digest(uri).ok_or_else(refused)?;
        let pushed = arrival.issuer.store.pushed(arrival.platform(), &digest, arrival.now).await?;
        let pushed = pushed.ok_or_else(refused)?;
        if must!("rfc9126-2.2-client", query.get("client_id") != Some(pushed.client.as_str())) {
            return Err(refused());
        }
        let form = Form::parse(pushed.parameters.as_bytes())?;
        let signed = form.get(SIGNED).is_some();
        let mut pending = Self::from_query(&form, arrival.now);
        pending.client_id = Some(pushed.client.to_string());
        pending.dpop_jkt = pending.dpop_jkt.or(pushed.binding.as_deref().map(Into::into));
        pending.request_uri = Some(uri.to_owned());
        pending.signed = signed;
        Ok(pending)
    }

    /// From what the client signed (RFC 9101 section 6). Parameters beside it are not looked at.
    ///
    /// # Errors
    /// It is not good, or not the client's.
    pub(super) async fn from_signed(visit: &Visit<'_>, query: &Form, text: &str) -> Result<Self, Fail> {
        let arrival = visit.arrival;
        let id = ClientId::new(query.required("client_id")?);
        let client = if is_id(id.as_str()) {
            arrival.issuer.cache.client(arrival.platform(), &id).await?
        } else {
            None
        };
        let unknown = || Refusal::anonymous(Cause::ClientRejected).because(Cause::CredentialUnknown);
        let form = rfc::signed_request(arrival, &*client.ok_or_else(unknown)?, text).await?;
        let counts = if must!("rfc9101-6.3-only") { &form } else { query };
        let mut pending = Self::from_query(counts, arrival.now);
        pending.client_id = Some(id.to_string());
        pending.signed = true;
        Ok(pending)
    }

    /// What its tokens are to know.
    pub(super) fn context(&self, me: &Me) -> rfc::Context {
        rfc::Context {
            user: Some(me.user.id.to_string()),
            nonce: self.nonce.clone(),
            auth_time: Some(me.session.created_at.seconds()),
            resource: self.resource.iter().filter(|_| must!("rfc8707-2.1-kept")).cloned().collect(),
            sid: Some(me.session.id.to_string()),
            claims: self
                .claims()
                .map(|wish| wish.id_token.into_iter().map(Into::into).collect())
                .unwrap_or_default(),
        }
    }

    /// The claims that are asked for one by one, as far as they can be read.
    fn claims(&self) -> Option<ClaimsWish> {
        claims_request::read(self.claims.as_deref()?).ok()
    }

    /// What it wants of a sign-in.
    fn sign_in_rule<'a>(&self, people: &'a [Option<Box<str>>; 2]) -> SignInRule<'a> {
        let words = self.prompt.as_deref().unwrap_or("");
        SignInRule {
            anew: words.split(' ').any(|w| w == "login" || w == "select_account"),
            max_age_s: self.max_age.as_deref().and_then(|s| s.parse().ok()),
            begun: Timestamp::from_millis(self.begun),
            people: people.each_ref().map(Option::as_deref),
        }
    }

    /// Whether a sign-in is young enough, whoever's it is.
    pub(super) fn is_fresh(&self, session: &Session, now: Timestamp) -> bool {
        self.sign_in_rule(&[None, None]).check(&session.user, session.created_at, now).is_ok()
    }

    /// The key that the code is bound to.
    pub(super) fn binding(&self) -> Option<&str> {
        self.dpop_jkt.as_deref()
    }

    /// The pushed request that is completed by an answer.
    pub(super) fn completes(&self) -> Option<Digest> {
        self.request_uri.as_deref().and_then(rfc::pushed_digest)
    }

    /// The name that the app expects the person to sign in with.
    pub(super) fn login_hint(&self) -> &str {
        self.login_hint.as_deref().unwrap_or("")
    }

    fn request<'a>(&'a self, claims: Option<&'a Result<ClaimsWish, &'static str>>) -> AuthorizeRequest<'a> {
        AuthorizeRequest {
            claims: claims.map(|read| read.as_ref().map_err(|defect| *defect)),
            client_id: self.client_id.as_deref(),
            redirect_uri: self.redirect_uri.as_deref(),
            response_type: self.response_type.as_deref(),
            scope: self.scope.as_deref(),
            env: self.env.as_deref(),
            code_challenge: self.code_challenge.as_deref(),
            code_challenge_method: self.code_challenge_method.as_deref(),
            response_mode: self.response_mode.as_deref(),
            prompt: self.prompt.as_deref(),
            max_age: self.max_age.as_deref(),
            resource: self.resource.as_deref(),
            dpop_jkt: self.dpop_jkt.as_deref(),
            pushed: self.request_uri.is_some(),
            signed: self.signed,
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
        let (snapshot, now) = (&visit.arrival.tenant.snapshot, visit.arrival.now);
        if let (Some(_), Some(client)) = (&self.device, &client) {
            let scopes = ScopeSet::parse(self.scope.as_deref().unwrap_or("")).unwrap_or_default();
            let wish = Authorizable::on_device(client, scopes, snapshot, now)?;
            let client = client.clone();
            return Ok(Judged::Offer(Box::new(Offer {
                pending: self,
                client,
                wish,
                offset,
                people: [None, None],
            })));
        }
        let claims = self.claims.as_deref().map(claims_request::read);
        let judged = self.request(claims.as_ref()).check(client.as_deref(), snapshot, now);
        match (judged, client) {
            (Ok(wish), Some(client)) => {
                let hinted = match self.hinted(visit.arrival) {
                    Ok(hinted) => hinted,
                    Err(fail) => return Ok(Judged::Answered(self.refused(visit, &client, fail)?)),
                };
                let named = claims.and_then(Result::ok).and_then(|wish| wish.subject);
                let people = [hinted, named];
                Ok(Judged::Offer(Box::new(Offer { pending: self, client, wish, offset, people })))
            }
            (Err(AuthorizeFault::InPlace(refusal)), _) => Err(refusal.into()),
            (Err(AuthorizeFault::AtClient(refusal)), Some(client)) => {
                Ok(Judged::Answered(self.refused(visit, &client, refusal.into())?))
            }
            (Ok(_) | Err(AuthorizeFault::AtClient(_)), None) => {
                Err(Refusal::anonymous(Cause::Internal).into())
            }
        }
    }

    /// The person that the app means by `id_token_hint`. Dialects without ID tokens know no hints.
    fn hinted(&self, arrival: &Arrival<'_>) -> Result<Option<Box<str>>, Fail> {
        let is_rfc = arrival.tenant.snapshot.platform.dialect.is_full();
        match self.id_token_hint.as_deref().filter(|_| is_rfc) {
            Some(text) => Ok(Some(rfc::id_token_hint(arrival, text)?.user)),
            None => Ok(None),
        }
    }

    /// The way back to the app: the mode that was asked for, the query where that one cannot be used.
    fn reply<'a>(&'a self, visit: &Visit<'_>, client: &'a Client) -> Reply<'a> {
        let redirect_uri = self.redirect_uri.as_deref().unwrap_or("/error");
        let is_rfc = visit.arrival.tenant.snapshot.platform.dialect.is_full();
        let asked = self.response_mode.as_deref().filter(|_| is_rfc);
        Reply { redirect_uri, mode: ResponseMode::read(asked, redirect_uri).unwrap_or_default(), client }
    }

    /// The error answer at the redirect URI (RFC 6749 section 4.1.2.1), with what explains it (DESIGN D4).
    pub(super) fn refused(&self, visit: &Visit<'_>, client: &Client, fail: Fail) -> Answer {
        let issuer = visit.arrival.issuer_url();
        let decision = visit.arrival.name(&visit.route, fail);
        let view = decision.refusal.facts.public();
        let mut description = super::explain::summary(&decision, &view);
        if let (true, Some(received)) =
            (description == decision.refusal.cause.entry().title, view.get(FactName::Received))
        {
            description = format!("{description}: {}", received.in_words());
        }
        if must!("rfc6749-4.1.2.1-description") {
            description = plain(&description);
        }
        let answer = self.reply(visit, client).send(
            visit,
            &[
                ("error", decision.refusal.cause.entry().oauth.as_str()),
                ("error_description", &description),
                ("state", self.state.as_deref().filter(|_| must!("rfc6749-4.1.2.1-state")).unwrap_or("")),
                ("cause", decision.refusal.cause.id()),
                ("decision_id", decision.id.as_str()),
                ("error_uri", &explain::error_uri(issuer, decision.id.as_str())),
            ],
        );
        let mut response = answer?;
        answer::set(&mut response, dialect::CAUSE, decision.refusal.cause.id());
        answer::set(&mut response, dialect::DECISION, decision.id.as_str());
        Ok(response)
    }
}

/// Judges what a client pushes as if it had come by the browser; gives the text to keep.
///
/// # Errors
/// What is wrong with it.
pub(crate) async fn check_pushed(
    arrival: &Arrival<'_>,
    client: &Client,
    form: &Form,
) -> Result<String, Fail> {
    let signed = match form.get("request") {
        Some(text) => Some(rfc::signed_request(arrival, client, text).await?),
        None => None,
    };
    let form = signed.as_ref().filter(|_| must!("rfc9126-3-only")).unwrap_or(form);
    let pending =
        Pending { client_id: Some(client.id.to_string()), ..Pending::from_query(form, arrival.now) };
    let claims = pending.claims.as_deref().map(claims_request::read);
    let request =
        AuthorizeRequest { pushed: true, signed: signed.is_some(), ..pending.request(claims.as_ref()) };
    match request.check(Some(client), &arrival.tenant.snapshot, arrival.now) {
        Err(AuthorizeFault::InPlace(refusal) | AuthorizeFault::AtClient(refusal))
            if must!("rfc9126-2.1-validated") =>
        {
            return Err(refusal.into());
        }
        Ok(_) | Err(_) => drop(pending.hinted(arrival)?),
    }
    let mut text = url::form_urlencoded::Serializer::new(String::new());
    text.extend_pairs(PUSHED.iter().filter_map(|name| form.get(name).map(|value| (name, value))));
    if signed.is_some() {
        text.append_pair(SIGNED, "1");
    }
    Ok(text.finish())
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

    /// Whether a sign-in will do.
    pub(super) fn sign_in(&self, session: &Session, now: Timestamp) -> Result<(), SignInFault> {
        self.pending.sign_in_rule(&self.people).check(&session.user, session.created_at, now)
    }

    /// The answer to the app about somebody who is not the one it means (OpenID Connect Core section 3.1.2.2).
    pub(super) fn other_person(&self, visit: &Visit<'_>) -> Answer {
        self.refused(visit, Refusal::anonymous(Cause::LoginRequired).into())
    }

    /// The answer to the app whose request is too long.
    pub(super) fn too_long(&self, visit: &Visit<'_>) -> Answer {
        let refusal = Refusal::anonymous(Cause::ParameterInvalid)
            .with(FactName::Parameter, "state")
            .with(FactName::Defect, "it is too long together with the other parameters");
        self.refused(visit, refusal.into())
    }

    /// The error answer.
    pub(super) fn refused(&self, visit: &Visit<'_>, fail: Fail) -> Answer {
        self.pending.refused(visit, &self.client, fail)
    }

    /// The good answer at the redirect URI (RFC 6749 section 4.1.2, RFC 9207).
    pub(super) fn granted(&self, visit: &Visit<'_>, code: &str) -> Answer {
        let state = self.pending.state.as_deref().filter(|_| must!("rfc6749-4.1.2-state")).unwrap_or("");
        self.pending.reply(visit, &self.client).send(visit, &[("code", code), ("state", state)])
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

    #[test]
    fn rfc6749_4_1_2_1_descriptions_are_plain() {
        assert_eq!(plain("a `b` \"c\" \\ é\n"), "a 'b' 'c' / ??");
    }
}
