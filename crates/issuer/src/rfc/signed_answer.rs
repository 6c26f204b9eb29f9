//! Signed answers about tokens (RFC 9701): what a resource server was told, with the name of who told it and whom.

use super::keys::id_token_alg;
use super::mint::keys;
use crate::{Arrival, Fail};
use bytes::Bytes;
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Response};
use mandate_core::model::Client;
use mandate_core::refusal::Refusal;
use mandate_core::{Cause, must};
use serde::Serialize;

const TYPE: &str = "application/token-introspection+jwt";

/// RFC 9701 section 5. Nothing of the token stands beside `token_introspection`, so that nobody takes it for one.
#[derive(Serialize)]
struct Claims<'a, T> {
    iss: &'a str,
    aud: &'a str,
    iat: i64,
    token_introspection: &'a T,
}

/// Whether the caller asks for a signed answer (RFC 9701 section 4): by that very type, with a weight above 0. Wildcards
/// ask for the plain one.
pub(super) fn is_wanted(headers: &HeaderMap) -> bool {
    let all = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    all.flat_map(|value| value.split(',')).any(|range| {
        let mut parts = range.split(';').map(str::trim);
        let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(TYPE));
        let refused = parts.any(|part| {
            let weight = part.strip_prefix("q=").or_else(|| part.strip_prefix("Q="));
            weight.is_some_and(|weight| weight.parse::<f32>().is_ok_and(|weight| weight <= 0.0))
        });
        named && !refused
    })
}

/// The answer for this caller, signed as its registration says.
///
/// # Errors
/// It could not be signed.
pub(super) fn of(
    arrival: &Arrival<'_>,
    asker: &Client,
    about: &impl Serialize,
) -> Result<Response<Bytes>, Fail> {
    let alg = id_token_alg(asker.settings.introspection_alg);
    let signer = keys(arrival)?.signer(alg).ok_or_else(|| Refusal::anonymous(Cause::Internal))?;
    let claims = Claims {
        iss: if must!("rfc9701-5-iss") { arrival.issuer_url() } else { "" },
        aud: if must!("rfc9701-5-aud") { asker.id.as_str() } else { "" },
        iat: arrival.now.seconds(),
        token_introspection: about,
    };
    let typ = if must!("rfc9701-5-typ") { "token-introspection+jwt" } else { "JWT" };
    let text = signer.sign(typ, &claims).map_err(|error| {
        tracing::error!(%error, "an answer could not be signed");
        Refusal::anonymous(Cause::Internal)
    })?;
    let mut response = Response::new(Bytes::from(text));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(TYPE));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc9701_4_a_signed_answer_is_asked_for_by_name() {
        let wanted = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(ACCEPT, value.parse().unwrap());
            }
            is_wanted(&headers)
        };
        for asks in [
            &["application/token-introspection+jwt"][..],
            &["Application/Token-Introspection+JWT;q=0.5"],
            &["application/json, application/token-introspection+jwt"],
            &["application/json", "application/token-introspection+jwt"],
        ] {
            assert!(wanted(asks), "{asks:?}");
        }
        for does_not in [
            &[][..],
            &["*/*"],
            &["application/*"],
            &["application/json"],
            &["application/token-introspection+jwt;q=0"],
        ] {
            assert!(!wanted(does_not), "{does_not:?}");
        }
    }
}
