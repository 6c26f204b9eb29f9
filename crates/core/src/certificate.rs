//! Client authentication by certificate (RFC 8705 section 2): what a registration says about the certificate, and
//! whether the one that was shown is it.

mod name;

pub use name::{Attribute, Name, NameFault};

use crate::must;
use crate::settings::{AuthMethod, ClientSettings};
use std::net::IpAddr;

/// What a certificate says about its subject. That its key is in the sender's hands has been shown before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CertificateFacts {
    /// SHA-256 of the certificate, base64url without padding (RFC 8705 section 3.1).
    pub thumbprint: Box<str>,
    /// The subject's distinguished name.
    pub subject: Name,
    /// Subject alternative names: DNS names.
    pub dns: Vec<Box<str>>,
    /// URIs.
    pub uris: Vec<Box<str>>,
    /// IP addresses.
    pub addresses: Vec<IpAddr>,
    /// Mail addresses.
    pub emails: Vec<Box<str>>,
}

/// Why a certificate is not the client's. For the record: the caller gets one answer (SECURITY R7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateFault {
    /// No configured authority vouches for it.
    Untrusted,
    /// Its subject is another one.
    OtherSubject,
    /// It is none of those that were registered.
    NotRegistered,
    /// The client does not authenticate by certificate.
    OtherMethod,
}

/// The one name that a registration expects (RFC 8705 section 2.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected<'a> {
    /// `tls_client_auth_subject_dn`.
    Subject(&'a str),
    /// `tls_client_auth_san_dns`.
    Dns(&'a str),
    /// `tls_client_auth_san_uri`.
    Uri(&'a str),
    /// `tls_client_auth_san_ip`.
    Address(&'a str),
    /// `tls_client_auth_san_email`.
    Email(&'a str),
}

impl Expected<'_> {
    /// What is wrong with it as registered.
    pub fn defect(self) -> Option<&'static str> {
        let fine = match self {
            Self::Subject(text) => Name::parse(text).is_ok_and(|name| !name.is_empty()),
            Self::Dns(text) => {
                let label = |l: &str| {
                    !l.is_empty() && l.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
                };
                text.split('.').all(label)
            }
            Self::Uri(text) => url::Url::parse(text).is_ok(),
            Self::Address(text) => text.parse::<IpAddr>().is_ok(),
            Self::Email(text) => text.rsplit_once('@').is_some_and(|(l, d)| !l.is_empty() && !d.is_empty()),
        };
        (!fine).then_some(match self {
            Self::Subject(_) => "`tls_client_auth_subject_dn` is no distinguished name as in RFC 4514",
            Self::Dns(_) => "`tls_client_auth_san_dns` is no DNS name",
            Self::Uri(_) => "`tls_client_auth_san_uri` is no URI",
            Self::Address(_) => "`tls_client_auth_san_ip` is no IP address",
            Self::Email(_) => "`tls_client_auth_san_email` is no mail address",
        })
    }

    /// Whether the certificate names it. No pattern of the certificate stands for anything: names are compared whole.
    fn is_named_by(self, facts: &CertificateFacts) -> bool {
        match self {
            Self::Subject(text) => Name::parse(text).is_ok_and(|name| name == facts.subject),
            Self::Dns(text) => facts.dns.iter().any(|name| name.eq_ignore_ascii_case(text)),
            Self::Uri(text) => facts.uris.iter().any(|uri| **uri == *text),
            Self::Address(text) => {
                text.parse::<IpAddr>().is_ok_and(|address| facts.addresses.contains(&address))
            }
            Self::Email(text) => facts.emails.iter().any(|email| same_mailbox(email, text)),
        }
    }
}

/// RFC 5280 section 7.5: the part before the `@` exactly, the host without regard to case.
fn same_mailbox(one: &str, other: &str) -> bool {
    match (one.rsplit_once('@'), other.rsplit_once('@')) {
        (Some((local, host)), Some((other_local, other_host))) => {
            local == other_local && host.eq_ignore_ascii_case(other_host)
        }
        _ => false,
    }
}

/// The names that settings hold; there should be one.
pub fn expected(settings: &ClientSettings) -> Vec<Expected<'_>> {
    [
        settings.tls_client_auth_subject_dn.as_deref().map(Expected::Subject),
        settings.tls_client_auth_san_dns.as_deref().map(Expected::Dns),
        settings.tls_client_auth_san_uri.as_deref().map(Expected::Uri),
        settings.tls_client_auth_san_ip.as_deref().map(Expected::Address),
        settings.tls_client_auth_san_email.as_deref().map(Expected::Email),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Whether the certificate that was shown is the client's, by its method (RFC 8705 sections 2.1 and 2.2).
/// `chain_verified`: an authority that the operator configured vouches for it, now. `published`: thumbprints of the
/// certificates in the client's key set.
///
/// # Errors
/// Why not.
pub fn authenticate(
    settings: &ClientSettings,
    facts: &CertificateFacts,
    chain_verified: bool,
    published: &[Box<str>],
) -> Result<(), CertificateFault> {
    match settings.auth_method {
        AuthMethod::TlsClientAuth => {
            if must!("rfc8705-2.1-chain", !chain_verified) {
                return Err(CertificateFault::Untrusted);
            }
            let names = expected(settings);
            // a registration with two would be as weak as the weaker
            if must!("rfc8705-2.1.2-one-name", names.len() != 1) {
                return Err(CertificateFault::OtherSubject);
            }
            if must!("rfc8705-2.1-subject", !names.iter().any(|name| name.is_named_by(facts))) {
                return Err(CertificateFault::OtherSubject);
            }
            Ok(())
        }
        AuthMethod::SelfSignedTlsClientAuth => {
            let mut registered = settings.tls_client_certificate_thumbprints.iter().chain(published);
            if must!("rfc8705-2.2-registered", !registered.any(|thumbprint| *thumbprint == facts.thumbprint))
            {
                return Err(CertificateFault::NotRegistered);
            }
            Ok(())
        }
        AuthMethod::SecretBasic | AuthMethod::SecretPost | AuthMethod::PrivateKeyJwt | AuthMethod::None => {
            Err(CertificateFault::OtherMethod)
        }
    }
}

#[cfg(test)]
mod tests;
