//! `POST /par`: authorization requests that clients push ahead (RFC 9126).

use super::client::{Authenticated, authenticate};
use super::{proof, token};
use crate::{Arrival, Fail};
use bytes::Bytes;
use http::{Request, Response};
use mandate_core::disclosure::FactName as F;
use mandate_core::pushed::Pushed;
use mandate_core::refusal::Refusal;
use mandate_core::{Cause, Digest, format, must};
use mandate_wire::body::demand_content_type;
use mandate_wire::dialect::json_answer;
use mandate_wire::form::Form;
use serde_json::json;

/// RFC 9126 section 2.2.
const PREFIX: &str = "urn:ietf:params:oauth:request_uri:";
/// A pushed request waits so long for its browser; below 600 (FAPI 2.0 Security Profile section 5.3.2.2).
const LIFETIME_S: i64 = 300;

/// What is stored of a `request_uri`.
pub(crate) fn digest(request_uri: &str) -> Option<Digest> {
    request_uri.strip_prefix(PREFIX).map(|secret| Digest::of(secret.as_bytes()))
}

/// Takes a request.
pub(super) async fn push(arrival: &Arrival<'_>, request: &Request<Bytes>) -> Result<Response<Bytes>, Fail> {
    demand_content_type(request.headers(), "application/x-www-form-urlencoded")?;
    let form = Form::parse(request.body())?;
    let caller = authenticate(arrival, request, &form).await?;
    keep(arrival, request, &form, &caller).await.map_err(|fail| caller.told(fail))
}

async fn keep(
    arrival: &Arrival<'_>,
    request: &Request<Bytes>,
    form: &Form,
    caller: &Authenticated,
) -> Result<Response<Bytes>, Fail> {
    let (client, mut marks) = (&caller.client, caller.marks.clone());
    if must!("rfc9126-2.1-request-uri", form.get("request_uri").is_some()) {
        return Err(Refusal::anonymous(Cause::ParameterInvalid)
            .with(F::Parameter, "request_uri")
            .with(F::Defect, "it cannot stand in a pushed request")
            .into());
    }
    let proven = proof::of_request(arrival, request, "/par", None)?;
    let thumbprint = proven.as_ref().map(|proven| proven.thumbprint.clone());
    if let (Some(named), Some(shown)) = (form.get("dpop_jkt"), &thumbprint)
        && must!("rfc9449-10.1-mismatch", named != shown)
    {
        return Err(Refusal::anonymous(Cause::DpopInvalid)
            .with(F::Defect, "its key is not the one that dpop_jkt names")
            .into());
    }
    marks.extend(proven.map(|proven| proven.mark));
    let parameters = crate::pages::check_pushed(arrival, client, form).await?;
    let secret = format::opaque("", &*arrival.issuer.entropy);
    let pushed = Pushed {
        platform: arrival.platform().clone(),
        digest: Digest::of(secret.as_bytes()),
        client: client.id.clone(),
        parameters: parameters.into(),
        binding: thumbprint.filter(|_| must!("rfc9449-10.1-header")).map(Into::into),
        issued_at: arrival.now,
        expires_at: arrival.now.plus_seconds(LIFETIME_S),
        completed: false,
    };
    if let Some(kind) = arrival.issuer.store.push_request(&pushed, &marks).await? {
        return Err(token::reused(kind));
    }
    let status = if must!("rfc9126-2.2-created") { 201 } else { 200 };
    let waits_s = must!("rfc9126-2.2-expires-in").then_some(LIFETIME_S);
    Ok(json_answer(status, &json!({"request_uri": format!("{PREFIX}{secret}"), "expires_in": waits_s})))
}
