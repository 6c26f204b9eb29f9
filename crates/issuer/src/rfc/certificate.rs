//! The certificate that a client connects with: as its authentication, and as what its tokens are bound to (RFC 8705).

use crate::{Arrival, Fail};
use mandate_core::binding::Binding;
use mandate_core::certificate::authenticate;
use mandate_core::disclosure::{FactName as F, PossessionProof};
use mandate_core::model::{Client, TokenFacts};
use mandate_core::refusal::Refusal;
use mandate_core::{Cause, must, policy};
use mandate_wire::certificate;

/// Client authentication by certificate (RFC 8705 section 2), then the client's status.
///
/// # Errors
/// One answer for everything that does not fit (SECURITY R7).
pub(super) fn of_client(arrival: &Arrival<'_>, client: &Client) -> Result<PossessionProof, Fail> {
    let rejected = || Refusal::anonymous(Cause::ClientRejected).because(Cause::CredentialSecretMismatch);
    let shown = arrival.certificate.ok_or_else(rejected)?;
    let facts = certificate::read(&shown.der).ok_or_else(rejected)?;
    let settings = &client.settings;
    let published = settings.jwks.as_deref().map(certificate::published).unwrap_or_default();
    if let Err(fault) = authenticate(settings, &facts, shown.chain_verified, &published) {
        tracing::info!(platform = %arrival.platform(), client = %client.id, ?fault, "certificate refused");
        return Err(rejected().into());
    }
    Ok(policy::demand_usable(client, &arrival.tenant.snapshot.platform.contact, arrival.now)?)
}

/// What this request's tokens are bound to beside a DPoP key: the certificate, if the registration says so (RFC 8705
/// section 3.4).
///
/// # Errors
/// There is no certificate; or there is a DPoP proof, which would bind them to something else.
pub(super) fn binding(
    arrival: &Arrival<'_>,
    client: &Client,
    has_proof: bool,
) -> Result<Option<String>, Fail> {
    if !must!("rfc8705-3.4-bound", client.settings.tls_client_certificate_bound_access_tokens) {
        return Ok(None);
    }
    if has_proof {
        return Err(Refusal::anonymous(Cause::DpopInvalid)
            .with(F::Defect, "the tokens of this client are bound to its certificate")
            .into());
    }
    let shown = arrival.certificate;
    if must!("rfc8705-3.4-certificate", shown.is_none()) {
        return Err(missing().into());
    }
    Ok(shown.map(|shown| Binding::Certificate(&shown.thumbprint).text()))
}

/// Whether the sender of a token that is bound to a certificate holds it (RFC 8705 section 3).
///
/// # Errors
/// It does not.
pub(super) fn demand(arrival: &Arrival<'_>, facts: &TokenFacts) -> Result<(), Fail> {
    let Some(Binding::Certificate(bound)) = facts.token.binding.as_deref().map(Binding::read) else {
        return Ok(());
    };
    let shown = arrival.certificate.map(|shown| &*shown.thumbprint);
    if must!("rfc8705-3-userinfo-missing", shown.is_none()) {
        return Err(missing().into());
    }
    if must!("rfc8705-3-userinfo-mismatch", shown.is_some_and(|shown| *shown != *bound)) {
        return Err(Refusal::anonymous(Cause::CertificateMismatch).into());
    }
    Ok(())
}

fn missing() -> Refusal {
    Refusal::anonymous(Cause::CertificateMissing)
}
