//! Sealed texts that a browser carries from page to page: the authorization request on its way to consent, and
//! form tokens. Encrypted and bound to platform and purpose, so that any node can read what another one wrote.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use mandate_core::{Entropy, PlatformId, Timestamp};

/// What a ticket is for; one purpose's tickets are no good for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A checked authorization request waiting for sign-in and consent.
    AuthorizationRequest,
    /// The token of a form.
    Form,
    /// A checked request to sign out, waiting for the person.
    SignOut,
}

/// Makes and reads tickets under one platform's key.
pub struct Tickets {
    key: LessSafeKey,
    platform: PlatformId,
}

impl std::fmt::Debug for Tickets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tickets").field("platform", &self.platform).finish_non_exhaustive()
    }
}

impl Tickets {
    /// From 32 bytes derived for this purpose and platform. `None` only if the library refuses the key.
    pub fn new(platform: PlatformId, key: &[u8; 32]) -> Option<Self> {
        UnboundKey::new(&AES_256_GCM, key).ok().map(|k| Self { key: LessSafeKey::new(k), platform })
    }

    /// Seals a text until `expires`.
    pub fn seal(&self, purpose: Purpose, text: &str, expires: Timestamp, entropy: &dyn Entropy) -> String {
        let mut nonce = [0u8; 12];
        entropy.fill(&mut nonce);
        let mut bytes = expires.millis().to_be_bytes().to_vec();
        bytes.extend_from_slice(text.as_bytes());
        let sealed = self.key.seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            self.aad(purpose),
            &mut bytes,
        );
        debug_assert!(sealed.is_ok(), "tickets are small");
        let mut out = nonce.to_vec();
        out.extend_from_slice(&bytes);
        URL_SAFE_NO_PAD.encode(out)
    }

    /// The text of a ticket of this purpose that has not expired.
    pub fn open(&self, purpose: Purpose, ticket: &str, now: Timestamp) -> Option<String> {
        let mut bytes = URL_SAFE_NO_PAD.decode(ticket).ok()?;
        let nonce: [u8; 12] = bytes.get(..12)?.try_into().ok()?;
        let plain = self
            .key
            .open_in_place(Nonce::assume_unique_for_key(nonce), self.aad(purpose), &mut bytes[12..])
            .ok()?;
        let expires = i64::from_be_bytes(plain.get(..8)?.try_into().ok()?);
        if now >= Timestamp::from_millis(expires) {
            return None;
        }
        String::from_utf8(plain[8..].to_vec()).ok()
    }

    fn aad(&self, purpose: Purpose) -> Aad<String> {
        Aad::from(format!("mandate ticket 1 {purpose:?} {}", self.platform))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Sevens;
    impl Entropy for Sevens {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(7);
        }
    }

    #[test]
    fn r25_tickets_are_good_for_one_purpose_platform_and_time() {
        let at = Timestamp::from_seconds;
        let tickets = Tickets::new("alpaca".into(), &[1; 32]).unwrap();
        let sealed = tickets.seal(Purpose::Form, "session", at(10), &Sevens);
        assert_eq!(tickets.open(Purpose::Form, &sealed, at(9)).as_deref(), Some("session"));
        assert_eq!(tickets.open(Purpose::Form, &sealed, at(10)), None);
        assert_eq!(tickets.open(Purpose::AuthorizationRequest, &sealed, at(9)), None);
        assert_eq!(Tickets::new("olx".into(), &[1; 32]).unwrap().open(Purpose::Form, &sealed, at(9)), None);
        assert_eq!(tickets.open(Purpose::Form, "", at(9)), None);
    }
}
