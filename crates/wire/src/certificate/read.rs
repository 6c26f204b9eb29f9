//! Subject and alternative names out of a certificate (RFC 5280 section 4.1). Signatures are not looked at here.

use super::{der::Der, thumbprint};
use mandate_core::certificate::{Attribute, CertificateFacts, Name};
use std::fmt::Write as _;
use std::net::IpAddr;

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const OID: u8 = 0x06;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
/// `subjectAltName` (RFC 5280 section 4.2.1.6).
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];

/// What a certificate says about its subject; `None` for what is no certificate.
pub fn read(der: &[u8]) -> Option<CertificateFacts> {
    let mut outer = Der::new(der);
    let mut certificate = outer.take(SEQUENCE)?;
    let mut signed = certificate.take(SEQUENCE)?;
    certificate.take(SEQUENCE)?;
    certificate.take(BIT_STRING)?;
    if !outer.is_empty() || !certificate.is_empty() {
        return None;
    }
    signed.skip_if(0xa0)?; // version
    signed.take(INTEGER)?;
    signed.take(SEQUENCE)?; // algorithm
    signed.take(SEQUENCE)?; // issuer
    signed.take(SEQUENCE)?; // validity
    let subject = name(signed.take(SEQUENCE)?)?;
    signed.take(SEQUENCE)?; // key
    signed.skip_if(0x81)?;
    signed.skip_if(0x82)?;
    let mut facts =
        CertificateFacts { thumbprint: thumbprint(der).into(), subject, ..CertificateFacts::default() };
    if signed.peek() == Some(0xa3) {
        let mut extensions = signed.take(0xa3)?.take(SEQUENCE)?;
        let mut seen = false;
        while !extensions.is_empty() {
            let mut extension = extensions.take(SEQUENCE)?;
            if extension.bytes(OID)? != SUBJECT_ALT_NAME {
                continue;
            }
            // RFC 5280 section 4.2: a certificate has one of a kind
            if std::mem::replace(&mut seen, true) {
                return None;
            }
            extension.skip_if(0x01)?; // critical
            alternative_names(extension.take(OCTET_STRING)?.take(SEQUENCE)?, &mut facts)?;
        }
    }
    signed.is_empty().then_some(facts)
}

fn alternative_names(mut names: Der<'_>, facts: &mut CertificateFacts) -> Option<()> {
    while !names.is_empty() {
        let (tag, content) = names.any()?;
        match tag {
            0x81 => facts.emails.push(ascii(content)?),
            0x82 => facts.dns.push(ascii(content)?),
            0x86 => facts.uris.push(ascii(content)?),
            0x87 => facts.addresses.push(address(content)?),
            // names of other kinds, which nobody registers
            _ => {}
        }
    }
    Some(())
}

/// `IA5String`. A control character would cut the name short for somebody.
fn ascii(content: &[u8]) -> Option<Box<str>> {
    let text = std::str::from_utf8(content).ok()?;
    text.bytes().all(|b| (0x20..0x7f).contains(&b)).then(|| text.into())
}

fn address(content: &[u8]) -> Option<IpAddr> {
    <[u8; 4]>::try_from(content)
        .map(IpAddr::from)
        .or_else(|_| <[u8; 16]>::try_from(content).map(IpAddr::from))
        .ok()
}

fn name(mut sequence: Der<'_>) -> Option<Name> {
    let mut relative = Vec::new();
    while !sequence.is_empty() {
        let mut set = sequence.take(SET)?;
        let mut attributes = Vec::new();
        while !set.is_empty() {
            let mut attribute = set.take(SEQUENCE)?;
            let oid = dotted(attribute.bytes(OID)?)?;
            let (tag, content) = attribute.any()?;
            attributes.push(Attribute::new(&oid, &text(tag, content)));
        }
        relative.push(attributes);
    }
    Some(Name::new(relative))
}

/// A string of any of the kinds that names have (RFC 5280 section 4.1.2.4); what is none has a form that no registered
/// value has.
fn text(tag: u8, content: &[u8]) -> String {
    let found = match tag {
        // UTF8String, NumericString, PrintableString, IA5String, VisibleString
        0x0c | 0x12 | 0x13 | 0x16 | 0x1a => std::str::from_utf8(content).ok().map(str::to_owned),
        // TeletexString, which everybody writes as Latin-1
        0x14 => Some(content.iter().map(|b| char::from(*b)).collect()),
        // BMPString
        0x1e if content.len().is_multiple_of(2) => {
            let units: Vec<u16> = content.chunks_exact(2).map(|c| u16::from_be_bytes([c[0], c[1]])).collect();
            String::from_utf16(&units).ok()
        }
        _ => None,
    };
    found.unwrap_or_else(|| {
        content.iter().fold(format!("\u{fffd}{tag:02x}"), |mut text, byte| {
            let _infallible = write!(text, "{byte:02x}");
            text
        })
    })
}

/// `2.5.4.3`.
fn dotted(oid: &[u8]) -> Option<String> {
    let mut arcs = Vec::new();
    let mut arc: u64 = 0;
    let mut open = false;
    for byte in oid {
        if arc > u64::MAX >> 7 {
            return None;
        }
        arc = arc << 7 | u64::from(byte & 0x7f);
        open = byte & 0x80 != 0;
        if !open {
            arcs.push(std::mem::take(&mut arc));
        }
    }
    let (first, rest) = arcs.split_first().filter(|_| !open)?;
    let top = (first / 40).min(2);
    let mut text = format!("{top}.{}", first - top * 40);
    for arc in rest {
        let _infallible = write!(text, ".{arc}");
    }
    Some(text)
}
