//! Signed authorization responses (JWT Secured Authorization Response Mode for OAuth 2.0, section 2.1).

use super::keys::id_token_alg;
use super::mint::keys;
use crate::{Arrival, Fail};
use mandate_core::model::Client;
use mandate_core::refusal::Refusal;
use mandate_core::{Cause, must};
use serde_json::{Map, Value, json};

/// An answer is read by the app as soon as the browser brings it.
const LIFETIME_S: i64 = 120;

/// The answer as one text: issuer, app and end beside the parameters. Those without a value are left out.
///
/// # Errors
/// It could not be signed.
pub(crate) fn signed_response(
    arrival: &Arrival<'_>,
    client: &Client,
    parameters: &[(&str, &str)],
) -> Result<String, Fail> {
    let mut claims = Map::new();
    for (name, value) in parameters.iter().filter(|(_, value)| !value.is_empty()) {
        claims.insert((*name).to_owned(), Value::from(*value));
    }
    if must!("jarm-2.1-iss") {
        claims.insert("iss".into(), json!(arrival.issuer_url()));
    }
    if must!("jarm-2.1-aud") {
        claims.insert("aud".into(), json!(client.id.as_str()));
    }
    claims.insert("iat".into(), json!(arrival.now.seconds()));
    if must!("jarm-2.1-exp") {
        claims.insert("exp".into(), json!(arrival.now.plus_seconds(LIFETIME_S).seconds()));
    }
    let alg = id_token_alg(client.settings.authorization_signed_response_alg);
    let signer = keys(arrival)?.signer(alg).ok_or_else(|| Refusal::anonymous(Cause::Internal))?;
    signer.sign("JWT", &claims).map_err(|error| {
        tracing::error!(%error, "an authorization response could not be signed");
        Refusal::anonymous(Cause::Internal).into()
    })
}
