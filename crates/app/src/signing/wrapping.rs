//! Keys of ours as they lie in the store: sealed under a key that is derived for it (SECURITY R1).

use crate::keys::{Purpose, RootKey};
use anyhow::{Context as _, bail};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use mandate_core::{Entropy, PlatformId};

pub(super) struct Wrapping<'a> {
    key: LessSafeKey,
    platform: &'a PlatformId,
}

impl<'a> Wrapping<'a> {
    pub(super) fn new(root: &RootKey, platform: &'a PlatformId) -> anyhow::Result<Self> {
        let key = root.derive(Purpose::SigningKeys, platform)?;
        let key = UnboundKey::new(&AES_256_GCM, &key).ok().context("the wrapping key")?;
        Ok(Self { key: LessSafeKey::new(key), platform })
    }

    fn aad(&self, kid: &str) -> Aad<String> {
        Aad::from(format!("mandate signing key 1 {} {kid}", self.platform))
    }

    pub(super) fn wrap(&self, kid: &str, private: &[u8], entropy: &dyn Entropy) -> anyhow::Result<Vec<u8>> {
        let mut nonce = [0; 12];
        entropy.fill(&mut nonce);
        let mut sealed = private.to_vec();
        let done = self.key.seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            self.aad(kid),
            &mut sealed,
        );
        if done.is_err() {
            bail!("a signing key cannot be wrapped");
        }
        Ok([nonce.as_slice(), &sealed].concat())
    }

    pub(super) fn unwrap(&self, kid: &str, wrapped: &[u8]) -> anyhow::Result<zeroize::Zeroizing<Vec<u8>>> {
        let (nonce, sealed) = wrapped.split_at_checked(12).context("a damaged signing key")?;
        let mut sealed = sealed.to_vec();
        let nonce = Nonce::assume_unique_for_key(nonce.try_into()?);
        let opened = self.key.open_in_place(nonce, self.aad(kid), &mut sealed);
        let private = opened.ok().context("a signing key of another key file")?;
        Ok(zeroize::Zeroizing::new(private.to_vec()))
    }
}
