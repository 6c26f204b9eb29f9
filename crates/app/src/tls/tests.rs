mod handshake;
mod made;

use super::*;
use http::{HeaderMap, HeaderName, HeaderValue};
use std::fmt::Write as _;

const NAMES: &[u8] = include_bytes!("../../../wire/tests/vectors/certificate-names.pem");

fn behind(header: Option<&'static str>) -> Arc<Tls> {
    let header = header.map(|name| CertificateHeader::new(HeaderName::from_static(name)));
    Tls::load(Files::default(), header, Duration::from_secs(1)).unwrap()
}

fn escaped() -> HeaderValue {
    let text = NAMES.iter().fold(String::new(), |mut text, byte| {
        write!(text, "%{byte:02X}").unwrap();
        text
    });
    HeaderValue::try_from(text).unwrap()
}

fn headers(pairs: &[(&'static str, HeaderValue)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in pairs {
        map.append(*name, value.clone());
    }
    map
}

fn own() -> Arc<Shown> {
    Arc::new(Shown::new(CertificateDer::from(vec![1]), Vec::new()))
}

#[test]
fn r20_the_header_counts_from_trusted_proxies_only_and_is_always_taken_away() {
    let tls = behind(Some("x-client"));
    let sent = || {
        headers(&[
            ("x-client", escaped()),
            ("x_client", escaped()),
            ("accept", HeaderValue::from_static("*/*")),
        ])
    };
    let (mut forged, mut said) = (sent(), sent());
    assert_eq!(tls.of_request(None, false, &mut forged).unwrap(), None);
    let shown = tls.of_request(None, true, &mut said).unwrap().unwrap();
    let der = mandate_wire::certificate::from_header(NAMES).unwrap().unwrap();
    assert_eq!(shown.thumbprint(), thumbprint(&der));
    for left in [forged, said] {
        assert_eq!(left.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["accept"]);
    }
}

#[test]
fn a_proxys_own_certificate_is_not_its_clients() {
    let (tls, proxy) = (behind(Some("x-client")), own());
    assert_eq!(tls.of_request(Some(&proxy), true, &mut HeaderMap::new()).unwrap(), None);
    let empty = HeaderValue::from_static("");
    assert_eq!(tls.of_request(Some(&proxy), true, &mut headers(&[("x-client", empty)])).unwrap(), None);
    assert_eq!(tls.of_request(Some(&proxy), false, &mut HeaderMap::new()).unwrap(), Some(proxy.clone()));
    let unconfigured = behind(None);
    assert_eq!(unconfigured.of_request(Some(&proxy), true, &mut HeaderMap::new()).unwrap(), None);
    assert_eq!(unconfigured.of_request(Some(&proxy), false, &mut HeaderMap::new()).unwrap(), Some(proxy));
}

#[test]
fn what_a_trusted_proxy_says_twice_or_illegibly_is_refused() {
    let tls = behind(Some("x-client"));
    for sent in [
        headers(&[("x-client", escaped()), ("x-client", escaped())]),
        headers(&[("x-client", HeaderValue::from_static("(null)"))]),
        headers(&[("x-client", escaped()), ("client-cert-chain", HeaderValue::from_static("x"))]),
    ] {
        assert!(tls.of_request(None, true, &mut sent.clone()).is_err(), "{sent:?}");
        assert_eq!(tls.of_request(None, false, &mut sent.clone()).unwrap(), None);
    }
}

#[test]
fn without_files_and_header_there_are_no_certificates() {
    assert_eq!(behind(None).mutual(), MutualTls::default());
    assert_eq!(behind(Some("client-cert")).mutual(), MutualTls { certificates: true, authorities: false });
    assert!(!behind(Some("client-cert")).is_on());
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let folder = std::env::temp_dir().join(format!("mandate-tls-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (good, empty) = (folder.join("good.pem"), folder.join("empty.pem"));
    std::fs::write(&good, NAMES).unwrap();
    std::fs::write(&empty, "").unwrap();
    let said = |files| format!("{:#}", Tls::load(files, None, Duration::ZERO).unwrap_err());
    let pair = |c: &std::path::Path, k: &std::path::Path| Files {
        pair: Some((c.into(), k.into())),
        ..Files::default()
    };
    let results = [
        said(pair(&folder.join("missing.pem"), &good)),
        said(pair(&empty, &good)),
        said(pair(&good, &empty)),
        said(Files { authorities: Some(empty.clone()), ..Files::default() }),
    ];
    std::fs::remove_dir_all(&folder).unwrap();
    for (said, part) in results.iter().zip([
        "missing.pem cannot be read",
        "empty.pem holds no certificate",
        "empty.pem holds no private key",
        "empty.pem holds no certificate",
    ]) {
        assert!(said.contains(part), "{said}");
    }
}
