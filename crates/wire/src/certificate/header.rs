//! A client certificate in a header that a proxy sets: as RFC 9440 has it, or as PEM the way nginx and others write it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// A header that holds no certificate in any form that we know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the header holds no certificate")]
pub struct HeaderFault;

/// The certificate in a header's value, as DER. `:base64:` (RFC 9440 section 2.1), URL-escaped PEM (nginx
/// `$ssl_client_escaped_cert`, and what Apache and `HAProxy` can be told to send), or bare base64. An empty value: the
/// client showed none.
///
/// # Errors
/// It is something else.
pub fn certificate(value: &[u8]) -> Result<Option<Vec<u8>>, HeaderFault> {
    let text = std::str::from_utf8(value).map_err(|_| HeaderFault)?.trim();
    if text.is_empty() {
        return Ok(None);
    }
    if text.starts_with(':') {
        return byte_sequence(text).map(Some);
    }
    let text = unescaped(text)?;
    let encoded = match text.find(BEGIN) {
        Some(from) => {
            let inside = &text[from + BEGIN.len()..];
            &inside[..inside.find(END).ok_or(HeaderFault)?]
        }
        None => &text,
    };
    let dense: String = encoded.chars().filter(|c| !c.is_whitespace()).collect();
    decoded(&dense).map(Some)
}

/// Further certificates towards the authority (`Client-Cert-Chain`, RFC 9440 section 2.3).
///
/// # Errors
/// A member of the list is none.
pub fn chain(value: &[u8]) -> Result<Vec<Vec<u8>>, HeaderFault> {
    let text = std::str::from_utf8(value).map_err(|_| HeaderFault)?;
    let members = text.split(',').map(str::trim).filter(|member| !member.is_empty());
    members.map(byte_sequence).collect()
}

/// RFC 9651 section 3.3.5.
fn byte_sequence(text: &str) -> Result<Vec<u8>, HeaderFault> {
    let inside = text.strip_prefix(':').and_then(|t| t.strip_suffix(':')).ok_or(HeaderFault)?;
    decoded(inside)
}

fn decoded(base64: &str) -> Result<Vec<u8>, HeaderFault> {
    STANDARD.decode(base64).ok().filter(|der| !der.is_empty()).ok_or(HeaderFault)
}

/// Undoes `%XX`; `+` stays, it is a digit of base64.
fn unescaped(text: &str) -> Result<String, HeaderFault> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|b| char::from(b).to_digit(16));
        let (Some(high), Some(low)) = (digit(), digit()) else { return Err(HeaderFault) };
        bytes.push(u8::try_from(high << 4 | low).map_err(|_| HeaderFault)?);
    }
    String::from_utf8(bytes).map_err(|_| HeaderFault)
}
