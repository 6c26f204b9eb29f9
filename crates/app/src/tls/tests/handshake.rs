//! Handshakes in memory, with a client that can lie.

use super::made::Made;
use super::*;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ClientConnection, ResolvesClientCert};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{ServerName, UnixTime};
use rustls::server::ServerConnection;
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme, SupportedProtocolVersion};

/// Believes every server, and shows what it is told to.
#[derive(Debug)]
struct Liar(Option<Arc<CertifiedKey>>);

impl ResolvesClientCert for Liar {
    fn resolve(&self, _hints: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.0.clone()
    }
    fn has_certs(&self) -> bool {
        self.0.is_some()
    }
}

impl ServerCertVerifier for Liar {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }
    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }
    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

fn server(asks_clients: bool) -> Arc<Tls> {
    static MADE: AtomicU64 = AtomicU64::new(0);
    let number = MADE.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("mandate-handshake-{}-{number}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (certificate, key) = (folder.join("c.pem"), folder.join("k.pem"));
    let (c, k) = Made::new("server").pem();
    std::fs::write(&certificate, c).unwrap();
    std::fs::write(&key, k).unwrap();
    let files = Files { pair: Some((certificate, key)), authorities: None, asks_clients };
    let tls = Tls::load(files, None, Duration::from_secs(1)).unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    tls
}

/// What the server has seen at the end, of a client that shows a certificate and signs with a key.
fn seen(
    tls: &Tls,
    version: &'static SupportedProtocolVersion,
    shown: Option<(&Made, &Made)>,
) -> Result<Option<CertificateDer<'static>>, Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let shown = shown.map(|(certificate, key)| {
        let key = provider.key_provider.load_private_key(key.key.clone_key()).unwrap();
        Arc::new(CertifiedKey::new(vec![certificate.certificate.clone()], key))
    });
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Liar(None)))
        .with_client_cert_resolver(Arc::new(Liar(shown)));
    let mut client = ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).unwrap();
    let mut server = ServerConnection::new(tls.current.load().server.clone().unwrap()).unwrap();
    for _ in 0..8 {
        let mut bytes = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut bytes).unwrap();
        }
        let mut unread = &bytes[..];
        while !unread.is_empty() {
            server.read_tls(&mut unread).unwrap();
            server.process_new_packets()?;
        }
        let mut bytes = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut bytes).unwrap();
        }
        let mut unread = &bytes[..];
        while !unread.is_empty() {
            client.read_tls(&mut unread).unwrap();
            client.process_new_packets()?;
        }
    }
    assert!(!server.is_handshaking());
    Ok(server.peer_certificates().map(|chain| chain[0].clone()))
}

const VERSIONS: [&SupportedProtocolVersion; 2] = [&rustls::version::TLS12, &rustls::version::TLS13];

#[test]
fn rfc8705_2_a_certificate_without_its_key_ends_the_handshake() {
    let (tls, own, other) = (server(true), Made::new("own"), Made::new("other"));
    for version in VERSIONS {
        assert_eq!(seen(&tls, version, Some((&own, &own))), Ok(Some(own.certificate.clone())));
        assert!(seen(&tls, version, Some((&own, &other))).is_err(), "{version:?}");
        assert_eq!(seen(&tls, version, None), Ok(None));
    }
}

#[test]
fn a_server_that_does_not_ask_sees_nothing() {
    let (tls, own) = (server(false), Made::new("own"));
    for version in VERSIONS {
        assert_eq!(seen(&tls, version, Some((&own, &own))), Ok(None));
    }
    assert_eq!(tls.mutual(), MutualTls::default());
    assert!(server(true).mutual().certificates);
}

#[test]
fn rfc9325_4_2_every_suite_has_forward_secrecy_and_authenticated_encryption() {
    let config = server(true).current.load().server.clone().unwrap();
    let names: Vec<String> =
        config.crypto_provider().cipher_suites.iter().map(|s| format!("{:?}", s.suite())).collect();
    for name in &names {
        let right = name.starts_with("TLS13_") || (name.contains("ECDHE_") && name.contains("_GCM_"));
        assert!(right, "{name}");
    }
    assert!(names.len() == 7 && config.require_ems);
}
