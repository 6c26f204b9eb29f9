//! The DPoP proof of a request to an endpoint of ours (RFC 9449 section 5).

use super::mint::keys;
use crate::{Arrival, Fail};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use mandate_core::disclosure::FactName as F;
use mandate_core::refusal::Refusal;
use mandate_core::{Cause, must};
use mandate_store::{Mark, MarkKind};
use mandate_wire::jose::{Alg, DpopFault, DpopRule, Jwt};

pub(super) const DPOP: HeaderName = HeaderName::from_static("dpop");
pub(super) const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// Algorithms of proofs (RFC 9449 section 5.1); RS256 is not among them.
pub(crate) const ALGS: &[Alg] = &[Alg::Es256, Alg::EdDsa, Alg::Ps256];
/// A proof may be so old.
const LARGEST_AGE_S: i64 = 120;
/// A sender's clock may be so far ahead.
const LEEWAY_S: i64 = mandate_wire::jose::LEEWAY_S;

/// A key that a request has shown possession of.
#[derive(Debug)]
pub(super) struct Proven {
    pub(super) thumbprint: String,
    pub(super) mark: Mark,
}

/// The proof of a request to the endpoint at `path`, if it sent one.
///
/// # Errors
/// It is not good, or there are two.
pub(super) fn of_request(
    arrival: &Arrival<'_>,
    request: &Request<Bytes>,
    path: &str,
    access_token: Option<&str>,
) -> Result<Option<Proven>, Fail> {
    let Some(text) = single(request.headers())? else { return Ok(None) };
    // A nonce is not demanded, and one that is there must be ours: clients that got one go on sending it.
    let has_nonce = Jwt::parse(text).is_ok_and(|proof| proof.unverified().has("nonce"));
    let nonces = Some(&keys(arrival)?.nonces).filter(|_| has_nonce);
    let url = format!("{}{path}", arrival.issuer_url());
    let rule = DpopRule {
        method: request.method().as_str(),
        url: &url,
        access_token,
        algs: ALGS,
        now: arrival.now,
        max_age_s: LARGEST_AGE_S,
        leeway_s: LEEWAY_S,
        nonces,
    };
    let accepted = rule.check(text).map_err(refused)?;
    let mark = Mark {
        kind: MarkKind::Proof,
        owner: accepted.thumbprint.as_str().into(),
        digest: accepted.jti_digest,
        ends_at: accepted.ends_at,
    };
    Ok(Some(Proven { thumbprint: accepted.thumbprint, mark }))
}

fn single(headers: &HeaderMap) -> Result<Option<&str>, Fail> {
    let mut all = headers.get_all(DPOP).iter();
    let first = all.next();
    if must!("rfc9449-4.3-one-header", all.next().is_some()) {
        return Err(invalid("the header stands twice"));
    }
    first.map(|one| one.to_str().map_err(|_| invalid("it is not ASCII"))).transpose()
}

fn invalid(defect: &str) -> Fail {
    Refusal::anonymous(Cause::DpopInvalid).with(F::Defect, defect).into()
}

fn refused(fault: DpopFault) -> Fail {
    if fault.wants_nonce() {
        return Refusal::anonymous(Cause::DpopNonceNeeded).into();
    }
    invalid(&fault.to_string())
}

/// Tells the sender of a proof a fresh nonce (RFC 9449 section 8.2).
pub(super) fn tell_nonce(arrival: &Arrival<'_>, request: &HeaderMap, response: &mut Response<Bytes>) {
    if !must!("rfc9449-8-header", request.contains_key(DPOP)) {
        return;
    }
    let nonce = keys(arrival).ok().map(|keys| keys.nonces.current(arrival.now));
    if let Some(value) = nonce.and_then(|nonce| HeaderValue::from_str(&nonce).ok()) {
        response.headers_mut().insert(DPOP_NONCE, value);
    }
}
