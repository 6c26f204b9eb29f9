//! What an answer of a token endpoint means.

use crate::core::windows::LONGEST;
use crate::encoding::{http_date, tame};
use crate::refusal::Refusal;
use crate::seams::{Millis, TransportError};
use crate::secret::Secret;
use http::{HeaderMap, Response, header};
use serde_json::{Map, Value as Json};

/// What one request to a token endpoint came to.
#[derive(Debug)]
pub(crate) enum Meaning {
    /// A token.
    Granted(Granted),
    /// Failed in passing.
    Passing {
        /// In words, without secrets.
        what: String,
        /// What `Retry-After` asks for, in milliseconds from now.
        asked: Option<Millis>,
        /// The request may have been served: whatever it gave is lost.
        lost: bool,
        /// It was served, and the answer could not be read.
        garbage: bool,
    },
    /// The same again with the answer's nonce (RFC 9449 section 8).
    Nonce,
    /// Final.
    Refused(Box<Refusal>),
}

/// A token as the issuer gave it.
#[derive(Debug)]
pub(crate) struct Granted {
    pub(crate) token: Secret,
    /// As sent; absent counts as `Bearer`.
    pub(crate) token_type: Option<String>,
    pub(crate) lifetime: Option<u64>,
    pub(crate) refresh_in: Option<u64>,
    pub(crate) refresh: Option<Secret>,
    pub(crate) scope: Option<String>,
}

/// The meaning of an answer, or of its absence. `issuer_now` is the issuer's clock, for dates.
pub(crate) fn meaning(answer: &Result<Response<Vec<u8>>, TransportError>, issuer_now: Millis) -> Meaning {
    let response = match answer {
        Ok(response) => response,
        Err(TransportError::NotSent(what)) => return passing(what.clone(), None, false),
        Err(TransportError::Lost(what)) => return passing(what.clone(), None, true),
    };
    let status = response.status().as_u16();
    let body: Option<Map<String, Json>> = serde_json::from_slice(response.body()).ok();
    if (200..300).contains(&status) {
        return match body.as_ref().and_then(granted) {
            Some(granted) => Meaning::Granted(granted),
            None => Meaning::Passing {
                what: format!("the issuer answered {status} with something that holds no token"),
                asked: None,
                lost: true,
                garbage: true,
            },
        };
    }
    let mut refusal = Refusal::read(status, response.headers(), response.body());
    let described = body.as_ref().and_then(|b| b.get("error_description")).and_then(Json::as_str);
    refusal.description = described.map(|d| tame(d, 300)).filter(|d| !d.is_empty());
    let error = refusal.error.as_deref();
    if error == Some("use_dpop_nonce") && response.headers().contains_key("dpop-nonce") {
        return Meaning::Nonce;
    }
    let is_redirect = (300..400).contains(&status);
    if matches!(status, 408 | 425 | 429 | 500..)
        || (!is_redirect && matches!(error, Some("temporarily_unavailable" | "server_error")))
    {
        let said = error.map(|e| format!(" {e}")).unwrap_or_default();
        let asked = retry_after(response.headers(), issuer_now);
        return passing(format!("the issuer answered {status}{said}"), asked, false);
    }
    Meaning::Refused(Box::new(refusal))
}

fn passing(what: String, asked: Option<Millis>, lost: bool) -> Meaning {
    Meaning::Passing { what, asked, lost, garbage: false }
}

/// RFC 6749 section 5.1, read kindly.
fn granted(body: &Map<String, Json>) -> Option<Granted> {
    let text = |name: &str| body.get(name).and_then(Json::as_str).filter(|t| !t.is_empty());
    Some(Granted {
        token: Secret::new(text("access_token")?),
        token_type: text("token_type").map(|t| tame(t, 40)),
        lifetime: seconds(body.get("expires_in")),
        refresh_in: seconds(body.get("refresh_in")),
        refresh: text("refresh_token").map(Secret::new),
        scope: text("scope").map(str::to_owned),
    })
}

/// A number, or a text of digits; fractions are cut off. None: nothing that can be read, or below 1.
pub(crate) fn seconds(value: Option<&Json>) -> Option<u64> {
    let number = match value? {
        Json::Number(number) => number.as_f64()?,
        Json::String(text) => {
            let text = text.trim();
            let digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
            let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
            (digits(whole) && digits(fraction)).then(|| whole.parse::<f64>().ok())??
        }
        _ => return None,
    };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "cut off on purpose, and bounded"
    )]
    let whole = number.clamp(0.0, 1e15) as u64;
    (whole >= 1).then(|| whole.min(LONGEST))
}

/// `Retry-After` in milliseconds from now: seconds, or a date by the issuer's clock.
pub(crate) fn retry_after(headers: &HeaderMap, issuer_now: Millis) -> Option<Millis> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if text.bytes().all(|b| b.is_ascii_digit()) && !text.is_empty() {
        return Some(text.parse::<i64>().unwrap_or(86_400).min(86_400) * 1_000);
    }
    http_date(text).map(|date| (date - issuer_now).max(0))
}
