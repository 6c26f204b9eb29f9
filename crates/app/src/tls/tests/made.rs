//! Certificates by fresh keys, as small as they can be.

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// A certificate and its key.
pub(super) struct Made {
    pub(super) certificate: CertificateDer<'static>,
    pub(super) key: PrivateKeyDer<'static>,
}

impl Made {
    /// Signed by its own key, under this name.
    pub(super) fn new(name: &str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        let public: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
        let algorithm = seq(&[&[0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02]]);
        let common_name = seq(&[&[0x06, 3, 0x55, 4, 3], &element(0x0c, &[name.as_bytes()])]);
        let subject = seq(&[&element(0x31, &[&common_name])]);
        let time = |text: &str| element(0x17, &[text.as_bytes()]);
        let signed = seq(&[
            &[0xa0, 3, 2, 1, 2, 2, 1, 1],
            &algorithm,
            &subject,
            &seq(&[&time("200101000000Z"), &time("490101000000Z")]),
            &subject,
            public.as_ref(),
        ]);
        let signature = pair.sign(&SystemRandom::new(), &signed).unwrap();
        let whole = seq(&[&signed, &algorithm, &element(0x03, &[&[0], signature.as_ref()])]);
        let key = pair.to_pkcs8v1().unwrap();
        Self {
            certificate: CertificateDer::from(whole),
            key: PrivatePkcs8KeyDer::from(key.as_ref().to_vec()).into(),
        }
    }

    /// Both as texts.
    pub(super) fn pem(&self) -> (String, String) {
        let pem = |label: &str, der: &[u8]| {
            format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
        };
        (pem("CERTIFICATE", &self.certificate), pem("PRIVATE KEY", self.key.secret_der()))
    }
}

fn seq(parts: &[&[u8]]) -> Vec<u8> {
    element(0x30, parts)
}

fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    let head = match content.len() {
        0..128 => vec![tag, length[1]],
        128..256 => vec![tag, 0x81, length[1]],
        _ => vec![tag, 0x82, length[0], length[1]],
    };
    [head, content].concat()
}
