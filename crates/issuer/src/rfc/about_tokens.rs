//! What tokens are good for, and giving them back: introspection (RFC 7662), revocation (RFC 7009), userinfo
//! (OpenID Connect Core section 5.3).

use super::client::{Authenticated, authenticate};
use super::mint::{self, Confirmation, keys};
use super::{certificate, person, proof, signed, signed_answer, token};
use crate::{Arrival, Fail};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Request, Response};
use mandate_core::binding::Binding;
use mandate_core::disclosure::FactName as F;
use mandate_core::model::{Client, EndReason, Grant, TokenFacts};
use mandate_core::refresh::Chain;
use mandate_core::refusal::Refusal;
use mandate_core::{Cause, Digest, SubjectKind, Timestamp, must, policy};
use mandate_store::{ChainWithGrant, Changed, TokenName};
use mandate_wire::body::demand_content_type;
use mandate_wire::dialect::json_answer;
use mandate_wire::form::Form;
use mandate_wire::refresh_token;
use serde::Serialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// An access token in any of its shapes.
async fn access(arrival: &Arrival<'_>, text: &str) -> Result<Option<Arc<TokenFacts>>, Fail> {
    let (cache, platform) = (&arrival.issuer.cache, arrival.platform());
    let digest = Digest::of(text.as_bytes());
    if let Some(found) = cache.peek_token(platform, &digest) {
        return Ok(Some(found));
    }
    if !signed::looks_signed(text) {
        return Ok(cache.token(platform, &digest).await?);
    }
    let ours = (platform, arrival.issuer_url());
    if let Some(found) = signed::facts_at_hand(cache, keys(arrival)?, ours, text, digest) {
        return Ok(found);
    }
    Ok(signed::facts(cache, keys(arrival)?, ours, text, digest).await?)
}

/// A refresh token that is genuine.
async fn refresh(arrival: &Arrival<'_>, text: &str) -> Result<Option<ChainWithGrant>, Fail> {
    let Some(presented) = refresh_token::read(text) else { return Ok(None) };
    let found = arrival.issuer.store.chain(arrival.platform(), &presented.chain).await?.value;
    let Some((chain, grant)) = found else { return Ok(None) };
    let genuine = mint::is_genuine(arrival, &presented, &chain)?;
    if must!("rfc7662-4-genuine", !genuine)
        || must!("rfc7662-4-current", presented.generation != chain.generation)
    {
        return Ok(None);
    }
    Ok(Some((chain, grant)))
}

/// `POST /introspect`.
pub(super) async fn introspect(
    arrival: &Arrival<'_>,
    request: &Request<Bytes>,
) -> Result<Response<Bytes>, Fail> {
    demand_content_type(request.headers(), "application/x-www-form-urlencoded")?;
    let form = Form::parse(request.body())?;
    let asker = caller(arrival, request, &form).await?;
    if must!("rfc7662-2.1-authorized", !asker.settings.may_introspect) {
        let contact = &*arrival.tenant.snapshot.platform.contact;
        return Err(Refusal::anonymous(Cause::IntrospectionNotAllowed).with(F::Contact, contact).into());
    }
    if must!("rfc7662-2.1-token") {
        form.required("token")?;
    }
    let text = form.get("token").unwrap_or("");
    let say = must!("rfc7662-2.2-active");
    let answer = Answer { arrival, asker: &asker, signed: signed_answer::is_wanted(request.headers()) };
    if let Some(facts) = access(arrival, text).await?
        && policy::token_fault(&facts, arrival.now).is_none()
        && asker.settings.is_told_about(&facts.token.audience)
    {
        let active = say.then_some(true);
        return answer.with(&About { active, ..About::access(arrival, &facts) });
    }
    // A refresh token is for no API.
    if asker.settings.introspects.is_empty()
        && let Some((chain, grant)) = refresh(arrival, text).await?
        && chain_is_live(arrival, &chain, &grant).await?
    {
        let active = say.then_some(true);
        return answer.with(&About { active, ..About::chain(arrival, &chain) });
    }
    answer.with(&if say { json!({"active": false}) } else { json!({}) })
}

/// How an asker is answered: plainly, or signed where it wants that (RFC 9701 section 4).
struct Answer<'a> {
    arrival: &'a Arrival<'a>,
    asker: &'a Client,
    signed: bool,
}

impl Answer<'_> {
    fn with(&self, about: &impl Serialize) -> Result<Response<Bytes>, Fail> {
        if must!("rfc9701-4-accept", self.signed) {
            return signed_answer::of(self.arrival, self.asker, about);
        }
        Ok(json_answer(200, about))
    }
}

/// The client of a request that does nothing but ask; its assertion is spent alone.
async fn caller(arrival: &Arrival<'_>, request: &Request<Bytes>, form: &Form) -> Result<Arc<Client>, Fail> {
    let Authenticated { client, marks, .. } = authenticate(arrival, request, form).await?;
    if !marks.is_empty()
        && let Some(kind) = arrival.issuer.store.mark(arrival.platform(), &marks, arrival.now).await?
    {
        return Err(token::reused(kind));
    }
    Ok(client)
}

/// Whether the chain would be refreshed now, as far as that can be told without doing it.
async fn chain_is_live(arrival: &Arrival<'_>, chain: &Chain, grant: &Grant) -> Result<bool, Fail> {
    let (cache, platform, now) = (&arrival.issuer.cache, arrival.platform(), arrival.now);
    let in_time = [chain.idle_ends_at, chain.ends_at].into_iter().flatten().all(|end| now < end);
    if must!("rfc7662-4-chain-ended", chain.ended.is_some())
        || must!("rfc7662-4-chain-grant", grant.ended.is_some())
        || must!("rfc7662-4-chain-expired", !in_time)
    {
        return Ok(false);
    }
    let contact = &*arrival.tenant.snapshot.platform.contact;
    let Some(client) = cache.client(platform, &chain.client).await? else { return Ok(false) };
    let client_is_off = client.kill > chain.offset || policy::demand_usable(&client, contact, now).is_err();
    if must!("rfc7662-4-chain-client", client_is_off) {
        return Ok(false);
    }
    if let Some(user) = &grant.user
        && cache.killed(platform, SubjectKind::User, user.as_str(), chain.offset).is_some()
    {
        return Ok(false);
    }
    for id in &grant.accounts {
        if cache.account(platform, id).await?.is_some_and(|account| account.kill <= chain.offset) {
            return Ok(true);
        }
    }
    Ok(!must!("rfc7662-4-chain-accounts", !grant.accounts.is_empty()))
}

/// What is said of a live token (RFC 7662 section 2.2, RFC 9449 section 6.2, RFC 8705 section 3.2).
#[derive(Serialize)]
struct About<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    active: Option<bool>,
    iss: &'a str,
    client_id: &'a str,
    scope: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    jti: Option<&'a str>,
    iat: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    aud: &'a [Box<str>],
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cnf: Option<Confirmation<'a>>,
}

impl<'a> About<'a> {
    fn access(arrival: &'a Arrival<'_>, facts: &'a TokenFacts) -> Self {
        let token = &facts.token;
        let binding = token.binding.as_deref();
        let by_key = matches!(binding.map(Binding::read), Some(Binding::Key(_)));
        Self {
            active: None,
            iss: arrival.issuer_url(),
            client_id: facts.client.id.as_str(),
            scope: token.scopes.to_string(),
            jti: Some(token.handle.as_str()),
            iat: token.issued_at.seconds(),
            exp: token.expires_at.map(Timestamp::seconds),
            sub: Some(facts.grant.user.as_ref().map_or(facts.client.id.as_str(), |user| user.as_str())),
            aud: &token.audience,
            token_type: Some(if must!("rfc9449-6-token-type", by_key) { "DPoP" } else { "Bearer" }),
            cnf: binding.map(Confirmation::of).filter(|cnf| match cnf {
                Confirmation::Key(_) => must!("rfc9449-6.2-cnf"),
                Confirmation::Certificate(_) => must!("rfc8705-3.2-cnf"),
            }),
        }
    }

    fn chain(arrival: &'a Arrival<'_>, chain: &'a Chain) -> Self {
        Self {
            active: None,
            iss: arrival.issuer_url(),
            client_id: chain.client.as_str(),
            scope: chain.scopes.to_string(),
            jti: None,
            iat: chain.issued_at.seconds(),
            exp: [chain.idle_ends_at, chain.ends_at].into_iter().flatten().min().map(Timestamp::seconds),
            sub: None,
            aud: &[],
            token_type: None,
            cnf: None,
        }
    }
}

/// `POST /revoke`: 200 whatever the token was (RFC 7009 section 2.2), unless it could not be stored.
pub(super) async fn revoke(arrival: &Arrival<'_>, request: &Request<Bytes>) -> Result<Response<Bytes>, Fail> {
    demand_content_type(request.headers(), "application/x-www-form-urlencoded")?;
    let form = Form::parse(request.body())?;
    let client = caller(arrival, request, &form).await?;
    if must!("rfc7009-2.1-token") {
        form.required("token")?;
    }
    let text = form.get("token").unwrap_or("");
    let (store, platform) = (&arrival.issuer.store, arrival.platform());
    let actor = || format!("client:{}", client.id);
    if let Some((chain, _)) = refresh(arrival, text).await? {
        if !must!("rfc7009-2.1-others-refresh", chain.client != client.id) && must!("rfc7009-2-refresh") {
            let audit = arrival.audit(actor(), "chain.revoke", format!("chain:{}", chain.id), String::new());
            store.end_chain(platform, &chain.id, &chain.client, EndReason::Holder, &audit).await?;
        }
    } else if let Some(facts) = access(arrival, text).await?
        && !must!("rfc7009-2.1-others-access", facts.client.id != client.id)
    {
        let handle = &facts.token.handle;
        let audit = arrival.audit(actor(), "token.revoke", format!("token:{handle}"), String::new());
        let named = TokenName::Handle(handle.clone());
        let done = if must!("rfc7009-2-access") {
            store.revoke_token(platform, &named, None, EndReason::Holder, &audit).await?
        } else {
            Changed::Done
        };
        if must!("rfc7009-2-signed", done == Changed::NotFound) {
            // It has no row: its end stands in the log.
            let audit = arrival.audit(actor(), "token.revoke", format!("token:{handle}"), String::new());
            store.kill_token(platform, handle, &audit).await?;
        }
    }
    Ok(json_answer(200, &json!({})))
}

/// `GET` and `POST /userinfo`.
pub(super) async fn userinfo(
    arrival: &Arrival<'_>,
    request: &Request<Bytes>,
) -> Result<Response<Bytes>, Fail> {
    let (scheme, text) = presented(request)?;
    let rejected = || Refusal::anonymous(Cause::CredentialRejected).because(Cause::CredentialUnknown);
    let facts = access(arrival, &text).await?.ok_or_else(rejected)?;
    certificate::demand(arrival, &facts)?;
    if let Some(cause) = policy::token_fault(&facts, arrival.now) {
        let expired_at = facts.token.expires_at.unwrap_or(arrival.now);
        let policy::Identified::Proven(_, proof) = policy::identify_token(Some(&facts)) else {
            return Err(rejected().into());
        };
        return Err(Refusal::anonymous(cause)
            .to_holder(proof)
            .with(F::EndReason, "it, or what it hangs from, was ended")
            .with(F::IssuedAt, facts.token.issued_at)
            .with(F::ExpiredAt, expired_at)
            .into());
    }
    let proven = proof::of_request(arrival, request, "/userinfo", Some(&text))?;
    let key = match facts.token.binding.as_deref().map(Binding::read) {
        Some(Binding::Key(thumbprint)) => Some(thumbprint),
        Some(Binding::Certificate(_)) | None => None,
    };
    match (key, &proven) {
        (_, None) if must!("rfc9449-7.1-proof", scheme == Scheme::Dpop) => {
            return Err(Refusal::anonymous(Cause::DpopMissing).into());
        }
        (Some(_), None) if must!("rfc9449-7.2-bound") => {
            return Err(Refusal::anonymous(Cause::DpopMissing).into());
        }
        (None, Some(_)) if must!("rfc9449-7.1-unbound", scheme == Scheme::Dpop) => {
            let defect = "the token that came with it is bound to no key";
            return Err(Refusal::anonymous(Cause::DpopInvalid).with(F::Defect, defect).into());
        }
        (Some(jkt), Some(proven)) if must!("rfc9449-4.3-key", *jkt != *proven.thumbprint) => {
            return Err(Refusal::anonymous(Cause::DpopKeyMismatch).into());
        }
        (Some(_), Some(_)) if must!("rfc9449-7.2-scheme", scheme != Scheme::Dpop) => {
            return Err(Refusal::anonymous(Cause::DpopMissing).into());
        }
        _ => {}
    }
    if let Some(proven) = proven {
        let marks = [proven.mark];
        if let Some(kind) = arrival.issuer.store.mark(arrival.platform(), &marks, arrival.now).await? {
            return Err(token::reused(kind));
        }
    }
    let holds = |word: &str| facts.token.scopes.iter().any(|s| s.as_str() == word);
    let not_openid = || Refusal::anonymous(Cause::ScopeMissing).with(F::ScopesNeeded, "openid");
    if must!("oidc-5.3-openid", !holds("openid")) {
        return Err(not_openid().into());
    }
    let user = facts.grant.user.as_ref().ok_or_else(not_openid)?;
    let user = arrival.issuer.store.user(arrival.platform(), user).await?.ok_or_else(rejected)?;
    let mut claims = person::claims(&user, &facts.token.scopes);
    if must!("oidc-5.3.2-sub") {
        claims.insert("sub".into(), json!(user.id.as_str()));
    }
    Ok(json_answer(200, &Value::Object(claims)))
}

#[derive(PartialEq, Eq)]
enum Scheme {
    Bearer,
    Dpop,
}

fn is_form(content_type: &HeaderValue) -> bool {
    let essence = content_type.to_str().unwrap_or("").split(';').next().unwrap_or("").trim();
    essence.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

/// RFC 6750 section 2: in the header or, for POST, in a form body; once (SECURITY R21).
fn presented(request: &Request<Bytes>) -> Result<(Scheme, String), Fail> {
    let mut all = request.headers().get_all(AUTHORIZATION).iter();
    let header = all.next();
    if all.next().is_some() {
        return Err(Refusal::anonymous(Cause::CredentialAmbiguous)
            .with(F::Received, "Authorization twice")
            .into());
    }
    let has_form = request.headers().get(CONTENT_TYPE).is_some_and(is_form);
    let form = if !must!("rfc6750-2.2-get", request.method() == http::Method::GET)
        && !must!("rfc6750-2.2-type", !has_form)
    {
        Form::parse(request.body())?
    } else {
        Form::default()
    };
    match (header, form.get("access_token")) {
        (Some(_), Some(_)) if must!("rfc6750-2-both") => Err(Refusal::anonymous(Cause::CredentialAmbiguous)
            .with(F::Received, "a token in the header and one in the body")
            .into()),
        (None, Some(text)) => Ok((Scheme::Bearer, text.to_owned())),
        (None, None) => Err(Refusal::anonymous(Cause::CredentialMissing)
            .with(F::Expected, "an access token as Authorization: Bearer")
            .into()),
        (Some(value), _) => {
            let text = value.to_str().unwrap_or("");
            let (scheme, rest) = text.split_once(' ').unwrap_or((text, ""));
            let scheme = match scheme {
                s if s.eq_ignore_ascii_case("bearer") => Scheme::Bearer,
                s if s.eq_ignore_ascii_case("dpop") => Scheme::Dpop,
                _ => {
                    return Err(Refusal::anonymous(Cause::CredentialMalformed)
                        .with(F::Parameter, "Authorization")
                        .with(F::Defect, "the scheme is neither Bearer nor DPoP")
                        .into());
                }
            };
            Ok((scheme, rest.trim().to_owned()))
        }
    }
}
