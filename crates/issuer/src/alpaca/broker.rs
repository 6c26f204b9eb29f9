//! Broker OAuth: four calls by which a partner gives apps access to its own customers' accounts
//! (the vendor's Broker OAuth page). Every one answers 401 for what is not the partner's, known or not.

use super::connect::method_not_allowed;
use super::mint;
use crate::{Arrival, Fail};
use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode};
use mandate_core::disclosure::{FactName as F, PossessionProof, Subjects};
use mandate_core::grant::GrantSpec;
use mandate_core::limit::Budget;
use mandate_core::model::{Account, Client, Code, EndReason, GrantedBy, KeyHolder, SecretUse, Status};
use mandate_core::platform::Partner;
use mandate_core::policy::{self, Identified, Principal};
use mandate_core::refusal::Refusal;
use mandate_core::{AccountId, Cause, ClientId, Digest, GrantId, ScopeSet, Secret, TokenHandle, format};
use mandate_store::{Changed, IssueToken, NewCode, TokenName};
use mandate_wire::body::demand_content_type;
use mandate_wire::credential::{Presented, of_request};
use mandate_wire::dialect::alpaca::PARTNERS_KEY;
use mandate_wire::json::Flat;
use mandate_wire::{dialect, form::Form};
use serde::Serialize;
use serde_json::json;
use std::sync::Arc;

const MEMBERS: [&str; 5] = ["client_id", "client_secret", "redirect_uri", "scope", "account_id"];

/// A partner whose key is genuine and may be used.
struct Caller<'a> {
    partner: &'a Partner,
    proof: PossessionProof,
}

/// Answers a Broker OAuth call.
pub(crate) async fn handle(arrival: &Arrival<'_>, request: Request<Bytes>) -> Response<Bytes> {
    let path = request.uri().path().to_owned();
    let rest = path.strip_prefix("/v1/oauth/").unwrap_or("");
    let (route, allow) = match rest.split_once('/') {
        Some(("clients", id)) if !id.is_empty() => ("GET /v1/oauth/clients/{client_id}", "GET"),
        Some(("token", id)) if !id.is_empty() => ("DELETE /v1/oauth/token/{token_id}", "DELETE"),
        None if rest == "token" => ("POST /v1/oauth/token", "POST"),
        None if rest == "authorize" => ("POST /v1/oauth/authorize", "POST"),
        _ => return arrival.refuse("/v1/oauth/…", Refusal::anonymous(Cause::PathUnknown).into()),
    };
    let id = rest.split_once('/').map_or("", |(_, id)| id);
    let mut budget = None;
    let answered = if request.method().as_str() == allow {
        call(arrival, &request, route, id, &mut budget).await
    } else {
        Err(method_not_allowed(request.method(), allow).into())
    };
    let mut response = answered.unwrap_or_else(|fail| {
        let mut response = arrival.refuse(route, fail);
        if response.status() == StatusCode::METHOD_NOT_ALLOWED {
            response.headers_mut().insert(http::header::ALLOW, HeaderValue::from_static(allow));
        }
        response
    });
    tell_budget(arrival, response.headers_mut(), budget);
    response
}

/// What is left of the limit, on every answer; a caller who has proven nothing is told the default plan's.
fn tell_budget(arrival: &Arrival<'_>, headers: &mut http::HeaderMap, budget: Option<Budget>) {
    let snapshot = &arrival.tenant.snapshot;
    let budget = budget.unwrap_or_else(|| {
        let limit = snapshot.plan(&snapshot.platform.default_plan).map_or(0, |p| p.requests_per_minute);
        Budget { limit, remaining: limit, reset: arrival.now }
    });
    crate::budget::tell(headers, budget);
}

async fn call(
    arrival: &Arrival<'_>,
    request: &Request<Bytes>,
    route: &str,
    id: &str,
    budget: &mut Option<Budget>,
) -> Result<Response<Bytes>, Fail> {
    let principal = principal(arrival, request).await?;
    let caller = admit(arrival, &principal, budget)?;
    match route.split_once(' ') {
        Some(("GET", _)) => client(arrival, &caller, id, request.uri().query().unwrap_or("")).await,
        Some(("DELETE", _)) => revoke(arrival, &caller, id).await,
        Some((_, "/v1/oauth/token")) => issue_token(arrival, &caller, request).await,
        _ => issue_code(arrival, &caller, request).await,
    }
}

/// The partner's key. What memory refuses is looked up once more, so that unknown ids and wrong secrets cost the
/// same one look-up (SECURITY R7).
async fn principal(
    arrival: &Arrival<'_>,
    request: &Request<Bytes>,
) -> Result<(Principal, PossessionProof), Fail> {
    let query = request.uri().query();
    let Presented::Key { id, secret } = of_request(request.headers(), query, PARTNERS_KEY)? else {
        let refusal = Refusal::anonymous(Cause::CredentialRejected).because(Cause::CredentialWrongKind);
        return Err(refusal.into());
    };
    let digest = secret.digest();
    let cache = &arrival.issuer.cache;
    if let Some(found) = cache.peek_credential(arrival.platform(), &id)
        && let Identified::Proven(principal, proof) = policy::identify_key(&digest, Some(&found), arrival.now)
    {
        return Ok((principal, proof));
    }
    let found = cache.credential(arrival.platform(), &id).await?;
    match policy::identify_key(&digest, found.as_ref(), arrival.now) {
        Identified::Proven(principal, proof) => Ok((principal, proof)),
        Identified::Refused(refusal) => Err(refusal.into()),
    }
}

/// The one decision judges partners' calls too: state of the key, kind, environment, limit.
fn admit<'a>(
    arrival: &'a Arrival<'_>,
    proven: &'a (Principal, PossessionProof),
    budget: &mut Option<Budget>,
) -> Result<Caller<'a>, Fail> {
    let (principal, proof) = proven;
    let snapshot = &arrival.tenant.snapshot;
    let request = policy::Request {
        host: arrival.host(),
        route: snapshot.partner_call(),
        named_account: None,
        account: None,
    };
    let permit = policy::decide(snapshot, principal, *proof, request, arrival.now)?;
    let meter = (arrival.issuer.meters)(arrival.platform(), permit.meter_key());
    match permit.take(&meter, arrival.now) {
        Ok(spent) => *budget = Some(spent.budget),
        Err((refusal, exceeded)) => {
            *budget = Some(exceeded.budget);
            return Err(Fail(refusal));
        }
    }
    let partner = match principal {
        Principal::Key(facts) => match &facts.key.holder {
            KeyHolder::Partner(partner) => snapshot.partner(partner),
            KeyHolder::Account(_) => None,
        },
        Principal::Token(_) => None,
    };
    let partner = partner.ok_or_else(|| Refusal::anonymous(Cause::Internal))?;
    Ok(Caller { partner, proof: *proof })
}

impl Caller<'_> {
    /// A refusal that this partner may look up.
    /// A refusal that only a partner that has shown its key gets.
    fn told(&self, Fail(refusal): Fail) -> Fail {
        let subjects = Subjects { partner: Some(self.partner.id.clone()), ..Subjects::default() };
        refusal.to_holder(self.proof).about(subjects).into()
    }
    fn refuse(&self, cause: Cause) -> Refusal {
        let partner = Some(self.partner.id.clone());
        Refusal::anonymous(cause).to_holder(self.proof).about(Subjects { partner, ..Subjects::default() })
    }
}

async fn client(
    arrival: &Arrival<'_>,
    caller: &Caller<'_>,
    id: &str,
    query: &str,
) -> Result<Response<Bytes>, Fail> {
    let query = Form::parse(query.as_bytes())?;
    let found = arrival.issuer.cache.client(arrival.platform(), &ClientId::new(id)).await?;
    let client = found
        .filter(|c| c.visible_to.contains(&caller.partner.id))
        .ok_or_else(|| caller.refuse(Cause::ClientRejected).because(Cause::CredentialUnknown))?;
    if let Some(kind) = query.get("response_type").filter(|k| !["code", "token"].contains(k)) {
        let shown = if kind == "id_token" { "id_token" } else { "(one that is not known here)" };
        let refusal = caller.refuse(Cause::ResponseTypeUnsupported);
        return Err(refusal.with(F::Received, shown).with(F::Expected, "code or token").into());
    }
    if let Some(uri) = query.get("redirect_uri") {
        registered(caller, &client, uri)?;
    }
    allowed_scopes(arrival, caller, &client, query.get("scope").unwrap_or(""))?;
    Ok(dialect::json_answer(
        200,
        &json!({
            "client_id": client.id.as_str(), "name": client.name, "description": client.description,
            "url": client.url, "terms_of_use": client.terms_of_use, "privacy_policy": client.privacy_policy,
            "status": client.status.as_str(), "redirect_uri": client.redirect_uris,
            "live_trading_approved": client.live_trading_approved,
        }),
    ))
}

/// What both POST calls ask for, checked in the order: client, redirect, scope, account.
struct Asked {
    client: Arc<Client>,
    account: Arc<Account>,
    redirect_uri: Box<str>,
    scopes: ScopeSet,
}

async fn asked(arrival: &Arrival<'_>, caller: &Caller<'_>, request: &Request<Bytes>) -> Result<Asked, Fail> {
    demand_content_type(request.headers(), "application/json")?;
    let body = Flat::parse(request.body(), &MEMBERS)?;
    let client_id = ClientId::new(body.required("client_id")?);
    let secret = body.required_secret("client_secret")?;
    let redirect_uri = body.required("redirect_uri")?;
    if !body.has("scope") {
        return Err(Refusal::anonymous(Cause::ParameterMissing).with(F::Parameter, "scope").into());
    }
    let account_id = AccountId::new(body.required("account_id")?);

    let client = authenticated(arrival, caller, &client_id, &secret).await?;
    arrival.secret_in_body(&client).map_err(|fail| caller.told(fail))?;
    registered(caller, &client, redirect_uri)?;
    let scopes = allowed_scopes(arrival, caller, &client, body.get("scope").unwrap_or(""))?;
    let account = own_account(arrival, caller, &account_id).await?;
    Ok(Asked { client, account, redirect_uri: redirect_uri.into(), scopes })
}

/// The client with a secret that is good for this partner's calls (SECURITY R23).
async fn authenticated(
    arrival: &Arrival<'_>,
    caller: &Caller<'_>,
    id: &ClientId,
    secret: &Secret,
) -> Result<Arc<Client>, Fail> {
    let contact = &*arrival.tenant.snapshot.platform.contact;
    let used = SecretUse::Partner(&caller.partner.id);
    let check = |client: Option<&Arc<Client>>| {
        let visible = client.filter(|c| c.visible_to.contains(&caller.partner.id));
        policy::identify_client(&secret.digest(), visible, used, contact, arrival.now)
    };
    let cache = &arrival.issuer.cache;
    if let Some(client) = cache.peek_client(arrival.platform(), id)
        && check(Some(&client)).is_ok()
    {
        return Ok(client);
    }
    let found = cache.look_up_client(arrival.platform(), id).await?;
    check(found.as_ref()).map_err(|refusal| {
        let partner = Some(caller.partner.id.clone());
        let subjects = Subjects { partner, ..refusal.subjects.clone() };
        refusal.to_holder(caller.proof).about(subjects)
    })?;
    Ok(found.ok_or_else(|| Refusal::anonymous(Cause::Internal))?)
}

/// Exact comparison (RFC 6749 section 3.1.2.3).
fn registered(caller: &Caller<'_>, client: &Client, uri: &str) -> Result<(), Fail> {
    if client.redirect_uris.iter().any(|r| **r == *uri) {
        return Ok(());
    }
    let refusal = caller.refuse(Cause::RedirectMismatch).with(F::Received, uri);
    Err(refusal.with(F::RegisteredRedirects, client.redirect_uris.clone()).into())
}

/// Scopes of the client's registration that are agreed with the partner, umbrellas as one word (SECURITY R23).
fn allowed_scopes(
    arrival: &Arrival<'_>,
    caller: &Caller<'_>,
    client: &Client,
    text: &str,
) -> Result<ScopeSet, Fail> {
    let known = arrival.tenant.snapshot.known_scopes();
    let bounds = [&client.scopes, &caller.partner.scopes, known];
    match ScopeSet::parse(text).ok() {
        Some(asked) if bounds.iter().all(|bound| bound.covers(&asked)) => Ok(asked),
        asked => {
            let allowed = client.scopes.intersection(&caller.partner.scopes).intersection(known);
            let refused = asked.map(|a| a.without(&allowed)).unwrap_or_default();
            let refusal = caller.refuse(Cause::ScopeInvalid);
            Err(refusal.with(F::ScopesRefused, &refused).with(F::ScopesAllowed, &allowed).into())
        }
    }
}

/// The account, if it is this partner's: otherwise any partner could act for any customer.
async fn own_account(
    arrival: &Arrival<'_>,
    caller: &Caller<'_>,
    id: &AccountId,
) -> Result<Arc<Account>, Fail> {
    let found = arrival.issuer.cache.account(arrival.platform(), id).await?;
    let own = found.filter(|a| {
        a.partner.as_ref() == Some(&caller.partner.id) && caller.partner.environments.contains(&a.environment)
    });
    let account =
        own.ok_or_else(|| caller.refuse(Cause::AccountNotCovered).because(Cause::CredentialUnknown))?;
    if account.status == Status::Disabled {
        return Err(caller.refuse(Cause::AccountDisabled).with(F::Since, account.status_since).into());
    }
    Ok(account)
}

fn spec(arrival: &Arrival<'_>, caller: &Caller<'_>, asked: &Asked) -> GrantSpec {
    GrantSpec {
        platform: arrival.platform().clone(),
        new_id: GrantId::new(format::opaque("g_", &*arrival.issuer.entropy)),
        client: asked.client.id.clone(),
        user: asked.account.owner.clone(),
        accounts: vec![asked.account.id.clone()],
        scopes: asked.scopes.clone(),
        granted_by: GrantedBy::Partner(caller.partner.id.clone()),
    }
}

/// The answer of `POST /v1/oauth/token`.
#[derive(Serialize)]
struct Issued<'a> {
    access_token: &'a str,
    scope: &'a str,
    token_id: &'a str,
    token_type: &'a str,
}

async fn issue_token(
    arrival: &Arrival<'_>,
    caller: &Caller<'_>,
    request: &Request<Bytes>,
) -> Result<Response<Bytes>, Fail> {
    let asked = asked(arrival, caller, request).await?;
    let grant = spec(arrival, caller, &asked);
    let minted = mint::token(arrival, &asked.client);
    let (token, new) = minted.map_err(|fail| caller.told(fail))?;
    let known_grant = arrival.issuer.cache.live_grant(&grant).await?.map(|g| g.id.clone());
    let handle = new.handle.clone();
    let issue = IssueToken {
        grant,
        known_grant,
        scopes: asked.scopes.clone(),
        partner: Some(caller.partner.id.clone()),
        token: new,
        stored: true,
        chain: None,
        marks: vec![],
    };
    arrival.issuer.store.issue_token(&issue).await?;
    mint::note(arrival, &asked.client, &issue.token);
    Ok(dialect::json_answer(
        200,
        &Issued {
            access_token: token.expose(),
            scope: &asked.scopes.to_string(),
            token_id: handle.as_str(),
            token_type: "Bearer",
        },
    ))
}

async fn issue_code(
    arrival: &Arrival<'_>,
    caller: &Caller<'_>,
    request: &Request<Bytes>,
) -> Result<Response<Bytes>, Fail> {
    let asked = asked(arrival, caller, request).await?;
    let code = Secret::new(format::uuid_v4(&*arrival.issuer.entropy));
    let lifetime = i64::from(arrival.tenant.snapshot.platform.tokens.code_lifetime_s);
    let grant = spec(arrival, caller, &asked);
    let new = NewCode {
        code: Code {
            digest: code.digest(),
            client: asked.client.id.clone(),
            redirect_uri: asked.redirect_uri.clone(),
            challenge: None,
            grant: grant.new_id.clone(),
            scopes: asked.scopes.clone(),
            partner: Some(caller.partner.id.clone()),
            issued_at: arrival.now,
            expires_at: arrival.now.plus_seconds(lifetime),
            offset: arrival.issuer.cache.feed().applied(),
            binding: None,
            context: "".into(),
            redeemed: None,
            redeemed_chain: None,
        },
        grant,
        completes: None,
    };
    arrival.issuer.store.issue_code(&new).await?;
    Ok(dialect::json_answer(
        200,
        &json!({
            "code": code.expose(), "client_id": asked.client.id.as_str(), "redirect_uri": asked.redirect_uri,
            "scope": asked.scopes.to_string(),
        }),
    ))
}

/// Ends a token of this partner's. The path names it by handle or, as real clients do, by the token itself, which
/// is never logged (SECURITY R3). Ending it twice is fine.
async fn revoke(arrival: &Arrival<'_>, caller: &Caller<'_>, id: &str) -> Result<Response<Bytes>, Fail> {
    let is_handle = id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit());
    let (named, subject) = if is_handle {
        (TokenName::Handle(TokenHandle::new(id)), format!("token:{id}"))
    } else {
        let digest = Digest::of(id.as_bytes());
        (TokenName::Digest(digest), format!("token:{}", mandate_store::token_handle(&digest)))
    };
    let partner = &caller.partner.id;
    let audit = arrival.audit(format!("partner:{partner}"), "token.revoke", subject, String::new());
    match arrival
        .issuer
        .store
        .revoke_token(arrival.platform(), &named, Some(partner), EndReason::Holder, &audit)
        .await?
    {
        Changed::Done | Changed::Conflict => {
            let mut response = Response::new(Bytes::new());
            *response.status_mut() = StatusCode::NO_CONTENT;
            Ok(response)
        }
        Changed::NotFound | Changed::TooMany => {
            Err(caller.refuse(Cause::TokenNotYours).because(Cause::CredentialUnknown).into())
        }
    }
}
