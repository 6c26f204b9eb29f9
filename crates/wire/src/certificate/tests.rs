use super::*;
use mandate_core::certificate::Name;
use serde_json::json;
use std::fmt::Write as _;

const NAMES: &str = include_str!("../../tests/vectors/certificate-names.pem");
const BARE: &str = include_str!("../../tests/vectors/certificate-bare.pem");

fn der(pem: &str) -> Vec<u8> {
    from_header(pem.as_bytes()).unwrap().unwrap()
}

/// All of it escaped.
fn percent(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "%{byte:02X}").unwrap();
        text
    })
}

#[test]
fn rfc5280_4_1_subject_and_alternative_names() {
    let facts = read(&der(NAMES)).unwrap();
    assert_eq!(facts.subject, Name::parse(r"CN=app+OU=sales,O=Müller\, Söhne \+ Co,C=DE").unwrap());
    assert_eq!(facts.dns, ["app.example".into(), "*.example".into()]);
    assert_eq!(facts.uris, ["https://app.example/id".into()]);
    assert_eq!(facts.emails, ["ops@app.example".into()]);
    assert_eq!(
        facts.addresses,
        ["192.0.2.7".parse::<std::net::IpAddr>().unwrap(), "2001:db8::1".parse().unwrap()]
    );
    let bare = read(&der(BARE)).unwrap();
    assert!(bare.subject.is_empty() && bare.dns.is_empty() && bare.addresses.is_empty());
}

#[test]
fn what_is_cut_short_or_goes_on_is_no_certificate() {
    let whole = der(NAMES);
    for end in 0..whole.len() {
        assert_eq!(read(&whole[..end]), None, "{end}");
    }
    assert_eq!(read(&[&whole[..], &[0]].concat()), None);
    assert_eq!(read(b"certificate"), None);
}

#[test]
fn no_byte_can_be_changed_into_a_panic() {
    let whole = der(NAMES);
    for at in 0..whole.len() {
        for byte in [0x00, 0x30, 0x80, 0xff] {
            let mut changed = whole.clone();
            changed[at] = byte;
            let _whatever = read(&changed);
        }
    }
}

#[test]
fn rfc5280_4_2_a_name_with_a_control_character_is_no_name() {
    let whole = der(NAMES);
    let at = whole.windows(11).position(|w| w == b"app.example").unwrap();
    let mut changed = whole;
    changed[at + 3] = 0;
    assert_eq!(read(&changed), None);
}

#[test]
fn rfc9440_2_and_what_proxies_send() {
    let whole = der(NAMES);
    let base64 = STANDARD.encode(&whole);
    let escaped = percent(NAMES.as_bytes());
    let nginx = NAMES.replace('\n', "%0A").replace(' ', "%20").replace('+', "%2B").replace('/', "%2F");
    for value in [format!(":{base64}:"), base64, escaped, nginx, NAMES.replace('\n', "\t")] {
        assert_eq!(from_header(value.as_bytes()), Ok(Some(whole.clone())), "{value}");
    }
    assert_eq!(from_header(b""), Ok(None));
    assert_eq!(from_header(b" "), Ok(None));
    for bad in ["::", ":x", ":!:", "(null)", "%", "%zz", "-----BEGIN CERTIFICATE-----", "\u{e4}"] {
        assert_eq!(from_header(bad.as_bytes()), Err(HeaderFault), "{bad}");
    }
    assert_eq!(chain_from_header(b":AQ==:, :Ag==:"), Ok(vec![vec![1], vec![2]]));
    assert_eq!(chain_from_header(b""), Ok(Vec::new()));
    assert_eq!(chain_from_header(b":AQ==:, x"), Err(HeaderFault));
}

#[test]
fn rfc7517_4_7_the_first_certificate_of_a_key_is_its_own() {
    let (names, bare) = (der(NAMES), der(BARE));
    let x5c = [STANDARD.encode(&names), STANDARD.encode(&bare)];
    let set = json!({"keys": [{"kty": "EC", "x5c": x5c}, {"x5t#S256": "named"}, {"kid": "1"}]}).to_string();
    assert_eq!(published(&set), [thumbprint(&names).into_boxed_str(), "named".into()]);
    for nothing in ["", "{}", "[]", r#"{"keys":[{"x5c":[]},{"x5c":"x"},{"x5c":["!"]}]}"#] {
        assert!(published(nothing).is_empty(), "{nothing}");
    }
}

/// The thumbprint of RFC 8705 section 3.1 is over the DER form.
#[test]
fn rfc8705_3_1_thumbprint() {
    assert_eq!(thumbprint(b""), "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU");
    assert_eq!(read(&der(BARE)).unwrap().thumbprint, thumbprint(&der(BARE)).into());
}
