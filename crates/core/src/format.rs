//! Texts that are made in one place: times, credential texts, and their recognition (DESIGN D5).

use crate::{Entropy, Secret, Timestamp};

/// `2026-05-04T03:02:01Z`: RFC 3339 in UTC, to the second.
pub fn rfc3339(at: Timestamp) -> String {
    let seconds = at.seconds();
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Civil date from days since the epoch, by eras of 400 years that begin on 1 March.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

const HEX: &[u8; 16] = b"0123456789abcdef";
const UPPER: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
const MIXED: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789Zz";

/// Lower-case hex of `N` random bytes.
pub fn random_hex<const N: usize>(entropy: &dyn Entropy) -> String {
    let mut bytes = [0u8; N];
    entropy.fill(&mut bytes);
    hex(&bytes)
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        out.push(char::from(HEX[usize::from(byte >> 4)]));
        out.push(char::from(HEX[usize::from(byte & 15)]));
    }
    out
}

/// A random version 4 UUID (RFC 9562 section 5.4): 122 random bits. The shape Alpaca's clients expect.
pub fn uuid_v4(entropy: &dyn Entropy) -> String {
    let mut bytes = [0u8; 16];
    entropy.fill(&mut bytes);
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let mut out = String::with_capacity(36);
    for (i, byte) in bytes.iter().enumerate() {
        if matches!(i, 4 | 6 | 8 | 10) {
            out.push('-');
        }
        out.push(char::from(HEX[usize::from(byte >> 4)]));
        out.push(char::from(HEX[usize::from(byte & 15)]));
    }
    out
}

/// A public id: `prefix` and 18 characters of a 32-letter alphabet (90 random bits).
pub fn public_id(prefix: &str, entropy: &dyn Entropy) -> String {
    let mut bytes = [0u8; 18];
    entropy.fill(&mut bytes);
    prefix.chars().chain(bytes.iter().map(|b| char::from(UPPER[usize::from(b & 31)]))).collect()
}

/// A machine secret in Alpaca's shape: 40 letters and digits, 235 random bits or more.
pub fn machine_secret(entropy: &dyn Entropy) -> Secret {
    let mut bytes = [0u8; 40];
    entropy.fill(&mut bytes);
    Secret::new(bytes.iter().map(|b| char::from(MIXED[usize::from(b & 63)])).collect::<String>())
}

/// `prefix` and 128 random bits in URL-safe base64: ids and cookies of our own that no dialect shapes.
pub fn opaque(prefix: &str, entropy: &dyn Entropy) -> String {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let mut bytes = [0u8; 16];
    entropy.fill(&mut bytes);
    format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_civil() {
        for (s, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_704_067_199, "2023-12-31T23:59:59Z"),
            (4_102_444_800, "2100-01-01T00:00:00Z"),
        ] {
            assert_eq!(rfc3339(Timestamp::from_seconds(s)), text);
        }
    }

    #[derive(Debug)]
    struct Ones;
    impl Entropy for Ones {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(0xff);
        }
    }

    #[test]
    fn r03_uuid_is_version_4() {
        assert_eq!(uuid_v4(&Ones), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert_eq!(public_id("PK", &Ones).len(), 20);
        assert_eq!(machine_secret(&Ones).expose().len(), 40);
    }
}
