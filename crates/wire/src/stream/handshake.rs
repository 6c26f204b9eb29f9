//! The opening handshake's one computation (RFC 6455 section 4.2.2).

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::{Engine as _, engine::general_purpose::STANDARD};

const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Whether this can be a `Sec-WebSocket-Key`: sixteen bytes in base64.
pub fn is_key(key: &[u8]) -> bool {
    STANDARD.decode(key).is_ok_and(|bytes| bytes.len() == 16)
}

/// A `Sec-WebSocket-Key` made of the start of an id that is never used twice.
pub fn key(id: &[u8]) -> String {
    let mut nonce = [0; 16];
    nonce.iter_mut().zip(id).for_each(|(byte, of_id)| *byte = *of_id);
    STANDARD.encode(nonce)
}

/// The `Sec-WebSocket-Accept` to a key. It proves that the server speaks the protocol, and is no secret.
pub fn accept_key(key: &[u8]) -> String {
    STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, &[key, GUID.as_bytes()].concat()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc6455_1_3_the_documents_own_example() {
        assert_eq!(accept_key(b"dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert!(is_key(b"dGhlIHNhbXBsZSBub25jZQ=="));
        for bad in ["", "dGhlIHNhbXBsZSBub25jZQ", "!", "dGhlIHNhbXBsZSBub25jZSE="] {
            assert!(!is_key(bad.as_bytes()), "{bad}");
        }
    }
}
