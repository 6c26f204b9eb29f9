//! From PEM files to what a handshake needs.

use super::verify::{AnyHolder, Authorities};
use anyhow::{Context as _, ensure};
use mandate_core::Digest;
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::{self, cipher_suite as suite};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zeroize::Zeroizing;

/// The files, as the configuration names them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Files {
    /// Certificate with its chain, and its key.
    pub(crate) pair: Option<(PathBuf, PathBuf)>,
    /// Authorities that client certificates are held against.
    pub(crate) authorities: Option<PathBuf>,
    /// Whether clients are asked for certificates.
    pub(crate) asks_clients: bool,
}

/// What the files say.
#[derive(Debug)]
pub(super) struct Loaded {
    /// `None`: listeners speak plain HTTP.
    pub(super) server: Option<Arc<ServerConfig>>,
    pub(super) authorities: Option<Authorities>,
    /// Of all the files, to notice a change.
    pub(super) digest: Digest,
}

/// The files as bytes.
pub(super) struct Read {
    pair: Option<(Vec<u8>, Zeroizing<Vec<u8>>)>,
    authorities: Option<Vec<u8>>,
}

impl Read {
    /// Of all the files, to notice a change.
    pub(super) fn digest(&self) -> Digest {
        let part = |bytes: &[u8]| *Digest::of(bytes).as_bytes();
        let pair = self.pair.as_ref().map(|(certificate, key)| [part(certificate), part(key)].concat());
        let authorities = self.authorities.as_deref().map(part);
        let parts = [pair.unwrap_or_default(), authorities.map(Vec::from).unwrap_or_default()];
        Digest::of(&parts.concat())
    }
}

pub(super) fn load(files: &Files) -> anyhow::Result<Loaded> {
    understand(files, &read(files)?)
}

/// Reads the files.
pub(super) fn read(files: &Files) -> anyhow::Result<Read> {
    let bytes =
        |path: &Path| std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()));
    let pair = match &files.pair {
        Some((certificate, key)) => Some((bytes(certificate)?, Zeroizing::new(bytes(key)?))),
        None => None,
    };
    Ok(Read { pair, authorities: files.authorities.as_deref().map(bytes).transpose()? })
}

/// What is in the files.
pub(super) fn understand(files: &Files, read: &Read) -> anyhow::Result<Loaded> {
    let provider = Arc::new(provider());
    let authorities = match (&files.authorities, &read.authorities) {
        (Some(path), Some(bytes)) => Some(Authorities::new(certificates(path, bytes)?, &provider)?),
        _ => None,
    };
    let server = match (&files.pair, &read.pair) {
        (Some((certificate, key)), Some((chain, private))) => {
            let chain = certificates(certificate, chain)?;
            let private = PrivateKeyDer::from_pem_slice(private)
                .with_context(|| format!("{} holds no private key in PEM", key.display()))?;
            let config = server(&provider, chain, private, files.asks_clients)
                .with_context(|| format!("{} and {} cannot be used", certificate.display(), key.display()))?;
            Some(Arc::new(config))
        }
        _ => None,
    };
    Ok(Loaded { server, authorities, digest: read.digest() })
}

fn certificates(path: &Path, pem: &[u8]) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let found = found.with_context(|| format!("{} is damaged", path.display()))?;
    ensure!(!found.is_empty(), "{} holds no certificate in PEM", path.display());
    Ok(found)
}

/// TLS 1.3, and of TLS 1.2 what RFC 9325 section 4.2 recommends: forward secrecy and authenticated encryption.
fn provider() -> CryptoProvider {
    CryptoProvider {
        cipher_suites: vec![
            suite::TLS13_AES_256_GCM_SHA384,
            suite::TLS13_AES_128_GCM_SHA256,
            suite::TLS13_CHACHA20_POLY1305_SHA256,
            suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
            suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
            suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
            suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        ],
        ..aws_lc_rs::default_provider()
    }
}

fn server(
    provider: &Arc<CryptoProvider>,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    asks_clients: bool,
) -> anyhow::Result<ServerConfig> {
    let versions = [&rustls::version::TLS13, &rustls::version::TLS12];
    let builder = ServerConfig::builder_with_provider(provider.clone()).with_protocol_versions(&versions)?;
    let builder = if asks_clients {
        builder.with_client_cert_verifier(Arc::new(AnyHolder::new(provider)))
    } else {
        builder.with_no_client_auth()
    };
    let mut config = builder.with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // A resumed session of TLS 1.2 stands for the client's certificate only with it (RFC 7627 section 1).
    config.require_ems = true;
    Ok(config)
}
