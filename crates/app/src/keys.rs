//! Keys at rest (SECURITY R1): a key-encryption key in a file outside the store, the root key wrapped in the store,
//! and one derived key for each purpose and platform.

use anyhow::{Context as _, bail};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use mandate_core::{Entropy, PlatformId};
use mandate_store::Store;
use std::io::Write as _;
use std::path::Path;

/// What a derived key is for. Each has a label of its own.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Purpose {
    /// Seals ids of anonymous refusals.
    DecisionIds,
    /// Seals authorization requests and form tokens.
    Tickets,
    /// Signs the identity header for the APIs behind the gate.
    UpstreamIdentity,
    /// Wraps signing keys.
    SigningKeys,
    /// Makes refresh tokens.
    RefreshTokens,
    /// Makes nonces of DPoP proofs.
    DpopNonces,
}

impl Purpose {
    const fn label(self) -> &'static str {
        match self {
            Self::DecisionIds => "decision-ids",
            Self::Tickets => "tickets",
            Self::UpstreamIdentity => "upstream-identity",
            Self::SigningKeys => "signing-keys",
            Self::RefreshTokens => "refresh-tokens",
            Self::DpopNonces => "dpop-nonces",
        }
    }
}

/// The root key of a store, unwrapped.
pub(crate) struct RootKey(aws_lc_rs::hkdf::Prk);

impl std::fmt::Debug for RootKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RootKey(…)")
    }
}

struct ThirtyTwo;
impl KeyType for ThirtyTwo {
    fn len(&self) -> usize {
        32
    }
}

const AAD: &[u8] = b"mandate root key 1";

impl RootKey {
    /// Unwraps the store's root key with the key in `file`, making either where it does not exist yet.
    pub(crate) async fn open(store: &dyn Store, file: &Path, entropy: &dyn Entropy) -> anyhow::Result<Self> {
        let kek = key_file(file, entropy)?;
        let kek = UnboundKey::new(&AES_256_GCM, &kek)
            .map(LessSafeKey::new)
            .ok()
            .context("the key file holds no key")?;
        let mut fresh = [0u8; 44];
        entropy.fill(&mut fresh);
        let nonce: [u8; 12] = fresh[32..].try_into()?;
        let mut offered = fresh[..32].to_vec();
        if kek
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(AAD), &mut offered)
            .is_err()
        {
            bail!("the root key cannot be wrapped");
        }
        let offered = [nonce.as_slice(), &offered].concat();
        let mut wrapped = store.wrapped_key("root", &offered).await?;
        if wrapped.len() != 12 + 32 + 16 {
            bail!("the store's wrapped root key is damaged");
        }
        let nonce: [u8; 12] = wrapped[..12].try_into()?;
        let root = kek
            .open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(AAD), &mut wrapped[12..])
            .ok()
            .with_context(|| {
                format!("{} is not the key of this store: put back the file it was made with", file.display())
            })?;
        Ok(Self(Salt::new(HKDF_SHA256, b"mandate/1").extract(root)))
    }

    /// The key for one purpose of one platform.
    pub(crate) fn derive(&self, purpose: Purpose, platform: &PlatformId) -> anyhow::Result<[u8; 32]> {
        let mut key = [0u8; 32];
        let info = [purpose.label().as_bytes(), b"/", platform.as_str().as_bytes()];
        self.0.expand(&info, ThirtyTwo).and_then(|okm| okm.fill(&mut key)).ok().context("key derivation")?;
        Ok(key)
    }
}

/// Reads the key file, or makes it with mode 0600.
fn key_file(file: &Path, entropy: &dyn Entropy) -> anyhow::Result<[u8; 32]> {
    match std::fs::read_to_string(file) {
        Ok(text) => {
            let bytes = STANDARD.decode(text.trim()).ok().and_then(|b| <[u8; 32]>::try_from(b).ok());
            bytes.with_context(|| format!("{} does not hold 32 bytes in base64", file.display()))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let mut key = [0u8; 32];
            entropy.fill(&mut key);
            write_secret(file, &STANDARD.encode(key))?;
            tracing::info!(file = %file.display(), "made the key file; keep it apart from backups of the store");
            Ok(key)
        }
        Err(error) => Err(error).with_context(|| format!("the key file {} cannot be read", file.display())),
    }
}

/// Writes a new file that only its owner may read.
pub(crate) fn write_secret(file: &Path, text: &str) -> anyhow::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    }
    let mut opened = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(file)
        .with_context(|| format!("{} cannot be written", file.display()))?;
    opened.write_all(text.as_bytes())?;
    opened.write_all(b"\n")?;
    opened.sync_all()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::SystemEntropy;
    use mandate_store::Feed;
    use std::os::unix::fs::PermissionsExt as _;

    #[tokio::test]
    async fn r01_the_root_key_is_wrapped_under_a_file_that_only_its_owner_reads() {
        let name = mandate_core::format::random_hex::<8>(&SystemEntropy::default());
        let folder = std::env::temp_dir().join(format!("mandate-keys-{name}"));
        let (file, other) = (folder.join("a.key"), folder.join("b.key"));
        let store = mandate_store::open("sqlite::memory:", Feed::new()).await.unwrap();
        let alpaca = PlatformId::new("alpaca");

        let root = RootKey::open(&*store, &file, &SystemEntropy::default()).await.unwrap();
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let again = RootKey::open(&*store, &file, &SystemEntropy::default()).await.unwrap();
        let key = |root: &RootKey, purpose, platform: &PlatformId| root.derive(purpose, platform).unwrap();
        assert_eq!(key(&root, Purpose::Tickets, &alpaca), key(&again, Purpose::Tickets, &alpaca));
        assert_ne!(key(&root, Purpose::Tickets, &alpaca), key(&root, Purpose::DecisionIds, &alpaca));
        assert_ne!(
            key(&root, Purpose::Tickets, &alpaca),
            key(&root, Purpose::Tickets, &PlatformId::new("olx"))
        );

        let wrapped = store.wrapped_key("root", b"").await.unwrap();
        let kek = STANDARD.decode(std::fs::read_to_string(&file).unwrap().trim()).unwrap();
        assert!(!wrapped.windows(32).any(|w| w == kek), "the store does not hold the key-encryption key");
        let refused = RootKey::open(&*store, &other, &SystemEntropy::default()).await.unwrap_err();
        assert!(refused.to_string().contains("is not the key of this store"), "{refused}");
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
