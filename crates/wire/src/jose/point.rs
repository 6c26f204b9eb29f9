//! Ed25519 keys that are no keys: points of small order, for which a signature that anybody can write verifies.

/// The encodings of points of order 1, 2, 4 and 8, without their sign bit, whose y is reduced or not
/// (RFC 8032 section 5.1.3 reduces).
const SMALL: [[u8; 32]; 7] = [
    hex("0000000000000000000000000000000000000000000000000000000000000000"),
    hex("0100000000000000000000000000000000000000000000000000000000000000"),
    hex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
    hex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
    hex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    hex("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    hex("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
];

/// Whether the encoded point has small order.
pub(super) fn is_small(encoded: &[u8; 32]) -> bool {
    let mut y = *encoded;
    y[31] &= 0x7f;
    SMALL.contains(&y)
}

const fn hex(text: &str) -> [u8; 32] {
    const fn digit(b: u8) -> u8 {
        if b <= b'9' { b - b'0' } else { b - b'a' + 10 }
    }
    let (text, mut out, mut i) = (text.as_bytes(), [0; 32], 0);
    while i < 32 {
        out[i] = digit(text[2 * i]) << 4 | digit(text[2 * i + 1]);
        i += 1;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};

    #[test]
    fn anybody_signs_for_a_key_of_small_order() {
        // R is the base point, S is one: S·B = R + h·A for the neutral A and any message.
        let mut signature = [0x66; 64];
        signature[0] = 0x58;
        signature[32..].fill(0);
        signature[32] = 1;
        let neutral = SMALL[1];
        assert!(UnparsedPublicKey::new(&ED25519, neutral).verify(b"anything", &signature).is_ok());
        assert!(is_small(&neutral));
        let mut signed = SMALL[2];
        signed[31] |= 0x80;
        assert!(is_small(&signed));
        assert!(!is_small(&[0x66; 32]));
    }
}
