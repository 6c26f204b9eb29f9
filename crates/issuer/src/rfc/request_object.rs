//! Authorization requests that clients sign (RFC 9101).

use super::client;
use super::client_keys::{self, KeysFault};
use crate::{Arrival, Fail};
use mandate_core::Cause;
use mandate_core::disclosure::FactName as F;
use mandate_core::model::Client;
use mandate_core::refusal::Refusal;
use mandate_wire::form::Form;
use mandate_wire::jose::{Jwt, RequestRule};

/// The parameters of a request object of this client.
///
/// # Errors
/// It is not the client's, not for us, or not now.
pub(crate) async fn signed_request(arrival: &Arrival<'_>, client: &Client, text: &str) -> Result<Form, Fail> {
    let invalid =
        |defect: &str| Fail::from(Refusal::anonymous(Cause::RequestObjectInvalid).with(F::Defect, defect));
    let object = Jwt::parse(text).map_err(|fault| invalid(&fault.to_string()))?;
    let allowed = client::assertion_algs(&client.settings);
    let verified = client_keys::verified(arrival, client, &object, allowed).await;
    let verified = verified.map_err(|fault| match fault {
        KeysFault::None => invalid("the client has registered no keys"),
        KeysFault::Signature(fault) => invalid(&fault.to_string()),
        unread @ KeysFault::Unread(_) => unread.into(),
    })?;
    let rule = RequestRule {
        client: client.id.as_str(),
        issuer: arrival.issuer_url(),
        needs_times: client.settings.profile.is_strict(),
        now: arrival.now,
    };
    let parameters = rule.check(verified).map_err(|fault| invalid(&fault.to_string()))?;
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(parameters);
    Ok(Form::parse(form.finish().as_bytes())?)
}
