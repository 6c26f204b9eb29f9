//! `POST /oauth/token`: an app redeems an authorization code (RFC 6749 section 4.1.3; the vendor's Connect guide).

use super::mint;
use crate::{Arrival, Fail, pkce};
use bytes::Bytes;
use http::{Method, Request, Response};
use mandate_core::disclosure::{FactName as F, PossessionProof, Subjects};
use mandate_core::grant::{CodeFault, CodeRule};
use mandate_core::model::{Client, ClientOwner, Code};
use mandate_core::policy::Check;
use mandate_core::refusal::{Link, Refusal};
use mandate_core::{Cause, ClientId, PartnerId, Secret, UserId, policy};
use mandate_store::{Minted, Redeemed};
use mandate_wire::body::{self, demand_content_type};
use mandate_wire::{dialect, form::Form};
use serde_json::json;
use std::sync::Arc;

const ROUTE: &str = "POST /oauth/token";

/// Answers the token request.
pub(crate) async fn token(arrival: &Arrival<'_>, request: Request<Bytes>) -> Response<Bytes> {
    match redeem(arrival, &request).await {
        Ok(response) => response,
        Err(fail) => {
            let mut response = arrival.refuse(ROUTE, fail);
            if request.method() != Method::POST {
                response.headers_mut().insert(http::header::ALLOW, http::HeaderValue::from_static("POST"));
            }
            response
        }
    }
}

async fn redeem(arrival: &Arrival<'_>, request: &Request<Bytes>) -> Result<Response<Bytes>, Fail> {
    if request.method() != Method::POST {
        return Err(method_not_allowed(request.method(), "POST").into());
    }
    demand_content_type(request.headers(), "application/x-www-form-urlencoded")?;
    let form = Form::parse(request.body())?;
    let grant_type = form.required("grant_type")?;
    if grant_type != "authorization_code" {
        return Err(grant_type_unsupported(grant_type).into());
    }
    let code = Secret::new(form.required("code")?);
    let client_id = ClientId::new(form.required("client_id")?);
    let redirect_uri = form.required("redirect_uri")?;
    let secret = form.required_secret("client_secret")?;

    let (client, proof, secret_of) = authenticate(arrival, &client_id, &secret).await?;
    let own_secret_serves = match client.visible_to.as_slice() {
        [only] if secret_of.is_none() => Some(only.clone()),
        _ => None,
    };
    let rule = CodeRule {
        client: client_id,
        redirect_uri: redirect_uri.into(),
        verifier: form.get("code_verifier").map(Into::into),
        requires_pkce: client.settings.requires_pkce,
        binding: None,
        secret_of,
        own_secret_serves,
        resource: None,
    };
    let told = |fail: Fail| told(&client, proof, fail);
    arrival.secret_in_body(&client).map_err(told)?;
    let (token, new) = mint::token(arrival, &client).map_err(told)?;
    let minted = Minted::stored(new.clone());
    match arrival.issuer.store.redeem_code(arrival.platform(), &code.digest(), &rule, &minted).await? {
        Redeemed::Fresh { scopes, .. } => {
            mint::note(arrival, &client, &new);
            if rule.verifier.is_some() {
                pkce::bind(arrival, &client).await;
            }
            Ok(dialect::json_answer(
                200,
                &json!({"access_token": token.expose(), "token_type": "bearer", "scope": scopes.to_string()}),
            ))
        }
        Redeemed::Unknown => {
            Err(Refusal::anonymous(Cause::CodeInvalid).because(Cause::CredentialUnknown).into())
        }
        Redeemed::Refused(fault, code) => {
            Err(refused(arrival, fault, &code, &client, proof, redirect_uri).await)
        }
        Redeemed::Replayed(code) => {
            Err(about(arrival, Cause::CodeReplayedToken, &code, &client, proof).await)
        }
        Redeemed::GrantEnded(code) => Err(about(arrival, Cause::CodeGrantEnded, &code, &client, proof).await),
        // Nothing of single use comes with these requests.
        Redeemed::Reused(_) => Err(Refusal::anonymous(Cause::Internal).into()),
    }
}

/// The client, its proof, and whose secret it showed. What memory refuses is looked up once more, so that unknown
/// clients and wrong secrets cost the same one look-up (SECURITY R7).
async fn authenticate(
    arrival: &Arrival<'_>,
    id: &ClientId,
    secret: &Secret,
) -> Result<(Arc<Client>, PossessionProof, Option<PartnerId>), Fail> {
    let contact = &*arrival.tenant.snapshot.platform.contact;
    let digest = secret.digest();
    let cache = &arrival.issuer.cache;
    if let Some(client) = cache.peek_client(arrival.platform(), id)
        && let Ok((proof, partner)) =
            policy::identify_client_of_any(&digest, Some(&client), contact, arrival.now)
    {
        return Ok((client, proof, partner));
    }
    let found = cache.look_up_client(arrival.platform(), id).await?;
    let (proof, partner) = policy::identify_client_of_any(&digest, found.as_ref(), contact, arrival.now)?;
    let client = found.ok_or_else(|| Refusal::anonymous(Cause::Internal))?;
    Ok((client, proof, partner))
}

/// A refusal that only a client that has shown its secret gets.
fn told(client: &Client, proof: PossessionProof, Fail(refusal): Fail) -> Fail {
    let subjects = Subjects { client_developer: developer(client), ..Subjects::default() };
    refusal.to_holder(proof).about(subjects).into()
}

fn developer(client: &Client) -> Option<UserId> {
    match &client.owner {
        ClientOwner::User(user) => Some(user.clone()),
        ClientOwner::Partner(_) | ClientOwner::Operator => None,
    }
}

async fn refused(
    arrival: &Arrival<'_>,
    fault: CodeFault,
    code: &Code,
    client: &Arc<Client>,
    proof: PossessionProof,
    redirect_uri: &str,
) -> Fail {
    match fault {
        // Somebody else's code: the same answer as for one that does not exist.
        CodeFault::OtherClient | CodeFault::OtherPartner => {
            Refusal::anonymous(Cause::CodeInvalid).because(Cause::CredentialSecretMismatch).into()
        }
        CodeFault::Expired => about(arrival, Cause::CodeExpired, code, client, proof).await,
        CodeFault::VerifierMissing => about(arrival, Cause::PkceVerifierMissing, code, client, proof).await,
        CodeFault::VerifierMismatch => about(arrival, Cause::PkceVerifierMismatch, code, client, proof).await,
        // no challenge of this surface names a key
        CodeFault::OtherKey | CodeFault::OtherResource => Refusal::anonymous(Cause::Internal).into(),
        CodeFault::RedirectMismatch => {
            let Fail(refusal) = about(arrival, Cause::CodeRedirectMismatch, code, client, proof).await;
            refusal.with(F::Received, redirect_uri).into()
        }
    }
}

/// A refusal about a genuine code, told to the client it was issued to.
async fn about(
    arrival: &Arrival<'_>,
    cause: Cause,
    code: &Code,
    client: &Client,
    proof: PossessionProof,
) -> Fail {
    let grant = match arrival.issuer.store.grant(arrival.platform(), &code.grant).await {
        Ok(grant) => grant,
        Err(error) => return error.into(),
    };
    let usable = matches!(
        cause,
        Cause::CodeRedirectMismatch | Cause::PkceVerifierMissing | Cause::PkceVerifierMismatch
    );
    let mut refusal = Refusal::anonymous(cause)
        .to_holder(proof)
        .with(F::CredentialKind, "an authorization code")
        .with(F::IssuedAt, code.issued_at)
        .with(F::CodeUsable, usable)
        .with(F::ClientName, &*client.name)
        .with(F::ClientIdShown, client.id.as_str())
        .with(F::Grant, code.grant.as_str())
        .about(Subjects {
            account_owner: grant.and_then(|g| g.user),
            client_developer: developer(client),
            partner: code.partner.clone(),
        });
    refusal.passed = vec![Check::Possession, Check::Client];
    if cause == Cause::CodeExpired {
        refusal = refusal.with(F::ExpiredAt, code.expires_at);
    }
    if let Some((at, handle)) = &code.redeemed {
        refusal = refusal.with(F::EndedAt, *at);
        refusal.links.push(Link {
            relation: "spent_for".into(),
            subject: format!("token:{handle}").into(),
            at: Some(*at),
        });
    }
    refusal.into()
}

fn grant_type_unsupported(received: &str) -> Refusal {
    const KNOWN: [&str; 5] = [
        "refresh_token",
        "client_credentials",
        "password",
        "implicit",
        "urn:ietf:params:oauth:grant-type:device_code",
    ];
    let shown = KNOWN.into_iter().find(|k| *k == received).unwrap_or("(one that is not known here)");
    Refusal::anonymous(Cause::GrantTypeUnsupported)
        .with(F::Received, shown)
        .with(F::Expected, "authorization_code")
}

/// The refusal of a method that a path of ours does not take.
pub(crate) fn method_not_allowed(received: &Method, expected: &str) -> Refusal {
    let received = if body::is_known_method(received) { received.as_str() } else { "an unknown method" };
    Refusal::anonymous(Cause::MethodUnknown).with(F::Received, received).with(F::Expected, expected)
}
