//! Who holds the key of a certificate, and which authority vouches for it: two questions, since RFC 8705 has an answer to
//! the first alone (section 2.2).

use anyhow::Context as _;
use mandate_core::{Timestamp, must};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme};
use std::sync::Arc;
use std::time::Duration;

/// Takes any certificate whose key signs the handshake, and a client without one.
#[derive(Debug)]
pub(super) struct AnyHolder(WebPkiSupportedAlgorithms);

impl AnyHolder {
    pub(super) fn new(provider: &CryptoProvider) -> Self {
        Self(provider.signature_verification_algorithms)
    }
}

impl ClientCertVerifier for AnyHolder {
    fn client_auth_mandatory(&self) -> bool {
        false
    }
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }
    fn verify_client_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        // who vouches for it is asked when it matters, and by the node's own clock
        Ok(ClientCertVerified::assertion())
    }
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        held(verify_tls12_signature(message, cert, dss, &self.0))
    }
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        held(verify_tls13_signature(message, cert, dss, &self.0))
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}

/// RFC 8705 section 2: the client holds the key of the certificate.
fn held(signature: Result<HandshakeSignatureValid, Error>) -> Result<HandshakeSignatureValid, Error> {
    if must!("rfc8705-2-possession", signature.is_err()) {
        return signature;
    }
    Ok(HandshakeSignatureValid::assertion())
}

/// The authorities of the configured bundle.
#[derive(Debug)]
pub(super) struct Authorities(Arc<dyn ClientCertVerifier>);

impl Authorities {
    /// Every certificate of the bundle is believed by itself, intermediate ones too.
    pub(super) fn new(
        bundle: Vec<CertificateDer<'static>>,
        provider: &Arc<CryptoProvider>,
    ) -> anyhow::Result<Self> {
        let mut roots = RootCertStore::empty();
        for certificate in bundle {
            roots.add(certificate).context("a certificate of the bundle of authorities")?;
        }
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build()?;
        Ok(Self(verifier))
    }

    /// Whether a chain leads from the certificate to one of them, all of it in its time and meant for clients.
    pub(super) fn vouch_for(
        &self,
        leaf: &CertificateDer<'_>,
        towards: &[CertificateDer<'_>],
        now: Timestamp,
    ) -> bool {
        let millis = u64::try_from(now.millis()).unwrap_or(0);
        let now = UnixTime::since_unix_epoch(Duration::from_millis(millis));
        self.0.verify_client_cert(leaf, towards, now).is_ok()
    }
}
