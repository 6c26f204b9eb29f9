//! Modulus and exponent out of the `RSAPublicKey` (RFC 8017 appendix A.1.1) that the crypto library writes for a key
//! of ours. Never sees a client's bytes.

/// `SEQUENCE { INTEGER n, INTEGER e }` to `n` and `e` without leading zeros.
pub(super) fn components(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (inside, rest) = element(der, 0x30)?;
    let (n, after) = element(inside, 0x02)?;
    let (e, end) = element(after, 0x02)?;
    (rest.is_empty() && end.is_empty()).then_some((unsigned(n), unsigned(e)))
}

/// One element's content and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&found, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        // More than two bytes of length are no key of at most 8192 bits.
        let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f)).filter(|(b, _)| b.len() <= 2)?;
        (bytes.iter().fold(0, |length, b| length << 8 | usize::from(*b)), rest)
    };
    rest.split_at_checked(length).filter(|_| found == tag)
}

fn unsigned(integer: &[u8]) -> &[u8] {
    integer.strip_prefix(&[0]).unwrap_or(integer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc8017_a_1_1_components() {
        let (n, e): (&[u8], &[u8]) = (&[0x80, 7], &[1, 0, 1]);
        assert_eq!(components(&[0x30, 10, 2, 3, 0, 0x80, 7, 2, 3, 1, 0, 1]), Some((n, e)));
        assert_eq!(components(&[0x30, 0x81, 10, 2, 3, 0, 0x80, 7, 2, 3, 1, 0, 1]), Some((n, e)));
        assert_eq!(components(&[0x30, 10, 2, 3, 0, 0x80, 7, 2, 3, 1, 0]), None);
        assert_eq!(components(&[0x31, 10, 2, 3, 0, 0x80, 7, 2, 3, 1, 0, 1]), None);
        assert_eq!(components(&[]), None);
    }
}
