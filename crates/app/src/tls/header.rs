//! The certificate that a trusted proxy hands on in a header.

use http::{HeaderMap, HeaderName};
use mandate_core::Cause;
use mandate_core::disclosure::FactName;
use mandate_core::refusal::Refusal;
use mandate_wire::certificate::{chain_from_header, from_header};
use rustls::pki_types::CertificateDer;

/// Where RFC 9440 has the rest of the chain.
const CHAIN: HeaderName = HeaderName::from_static("client-cert-chain");

type Said = Option<(CertificateDer<'static>, Vec<CertificateDer<'static>>)>;

/// A header that is configured to hold client certificates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CertificateHeader(HeaderName);

impl CertificateHeader {
    pub(crate) fn new(name: HeaderName) -> Self {
        Self(name)
    }

    /// The certificate that it says, with the way to an authority as far as it is there.
    pub(super) fn read(&self, headers: &HeaderMap) -> Result<Said, Box<Refusal>> {
        let mut values = headers.get_all(&self.0).iter();
        let value = match (values.next(), values.next()) {
            (None, _) => return Ok(None),
            // one of them the caller's own, for all we know
            (Some(_), Some(_)) => {
                return Err(malformed("the header with the client certificate stands twice"));
            }
            (Some(value), None) => value,
        };
        let unreadable = |_| malformed("the header with the client certificate cannot be read");
        let Some(leaf) = from_header(value.as_bytes()).map_err(unreadable)? else { return Ok(None) };
        let mut towards = Vec::new();
        for value in headers.get_all(CHAIN) {
            let chain = chain_from_header(value.as_bytes()).map_err(unreadable)?;
            towards.extend(chain.into_iter().map(CertificateDer::from));
        }
        Ok(Some((CertificateDer::from(leaf), towards)))
    }

    /// Takes it away, in every spelling that a server behind us could take for it.
    pub(super) fn strip(&self, headers: &mut HeaderMap) {
        headers.remove(&self.0);
        headers.remove(CHAIN);
        let dashed = |name: &HeaderName| name.as_str().replace('_', "-");
        let ours = dashed(&self.0);
        let alike: Vec<HeaderName> = headers.keys().filter(|name| dashed(name) == ours).cloned().collect();
        for name in alike {
            headers.remove(name);
        }
    }
}

fn malformed(defect: &'static str) -> Box<Refusal> {
    Box::new(Refusal::anonymous(Cause::RequestMalformed).with(FactName::Defect, defect))
}
