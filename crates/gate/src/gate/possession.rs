//! Whether the sender of a token holds the key or certificate that it is bound to (RFC 9449 section 7, RFC 8705 section 3).

use super::caller::Asked;
use super::{Gate, Visit};
use crate::locked;
use http::HeaderName;
use mandate_core::binding::Binding;
use mandate_core::disclosure::FactName;
use mandate_core::model::TokenFacts;
use mandate_core::refusal::Refusal;
use mandate_core::{Cause, Digest, Secret, Timestamp, must};
use mandate_wire::jose::{Alg, DpopRule, LEEWAY_S};
use std::collections::HashMap;
use std::sync::Mutex;

const DPOP: HeaderName = HeaderName::from_static("dpop");
const ALGS: &[Alg] = &[Alg::Es256, Alg::EdDsa, Alg::Ps256];
/// A proof may be so old.
const LARGEST_AGE_S: i64 = 120;

/// Proofs that were used lately: each is good once at this gate (SECURITY R16).
#[derive(Debug, Default)]
pub(super) struct Proofs(Mutex<Used>);

#[derive(Debug, Default)]
struct Used {
    until: HashMap<Digest, Timestamp>,
    sweep_at: usize,
}

impl Proofs {
    /// Whether this is the first use.
    fn spend(&self, proof: Digest, ends_at: Timestamp, now: Timestamp) -> bool {
        let mut used = locked(&self.0);
        if used.until.len() >= used.sweep_at.max(1024) {
            used.until.retain(|_, end| *end > now);
            used.sweep_at = used.until.len() * 2;
        }
        used.until.insert(proof, ends_at).is_none_or(|end| end <= now)
    }
}

/// A token that came as a bearer token: it must not be bound to a key, and only to the certificate of this connection.
pub(super) fn bearer(visit: Visit<'_>, facts: &TokenFacts) -> Result<(), Box<Refusal>> {
    let refused = |cause| Err(Box::new(Refusal::anonymous(cause)));
    match (facts.token.binding.as_deref().map(Binding::read), visit.certificate) {
        (Some(Binding::Key(_)), _) if must!("rfc9449-7.2-gate") => refused(Cause::DpopMissing),
        (Some(Binding::Certificate(_)), None) if must!("rfc8705-3-missing") => {
            refused(Cause::CertificateMissing)
        }
        (Some(Binding::Certificate(bound)), Some(shown)) if must!("rfc8705-3-mismatch", *bound != *shown) => {
            refused(Cause::CertificateMismatch)
        }
        (Some(_) | None, _) => Ok(()),
    }
}

/// A token that came with a proof: it must be bound to the proof's key.
pub(super) fn shown(
    gate: &Gate,
    visit: Visit<'_>,
    request: Asked<'_>,
    facts: &TokenFacts,
    token: &Secret,
) -> Result<(), Box<Refusal>> {
    let invalid =
        |defect: &str| Box::new(Refusal::anonymous(Cause::DpopInvalid).with(FactName::Defect, defect));
    let mut all = request.headers.get_all(DPOP).iter();
    let proof = match (all.next(), all.next()) {
        (None, _) => return Err(Box::new(Refusal::anonymous(Cause::DpopMissing))),
        (Some(_), Some(_)) => return Err(invalid("the header stands twice")),
        (Some(one), None) => one.to_str().map_err(|_| invalid("it is not ASCII"))?,
    };
    let url = format!("{}{}", visit.host.url, request.path);
    let rule = DpopRule {
        method: request.method.as_str(),
        url: &url,
        access_token: Some(token.expose()),
        algs: ALGS,
        now: visit.now,
        max_age_s: LARGEST_AGE_S,
        leeway_s: LEEWAY_S,
        nonces: None,
    };
    let accepted = rule.check(proof).map_err(|fault| invalid(&fault.to_string()))?;
    match facts.token.binding.as_deref().map(Binding::read) {
        None | Some(Binding::Certificate(_)) if must!("rfc9449-7.1-gate-unbound") => {
            return Err(invalid("the token is bound to no key"));
        }
        Some(Binding::Key(jkt)) if must!("rfc9449-7.1-gate-key", *jkt != *accepted.thumbprint) => {
            return Err(Box::new(Refusal::anonymous(Cause::DpopKeyMismatch)));
        }
        None | Some(_) => {}
    }
    if gate.proofs.spend(accepted.jti_digest, accepted.ends_at, visit.now) {
        Ok(())
    } else {
        Err(Box::new(Refusal::anonymous(Cause::DpopReused)))
    }
}
