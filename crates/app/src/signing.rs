//! Signing keys at rest: made once for each platform and algorithm, wrapped under a key that is derived for it, shared by all
//! nodes (SECURITY R1).

use crate::keys::{Purpose, RootKey};
use anyhow::{Context as _, bail};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use mandate_core::platform::Platform;
use mandate_core::{Entropy, OperationId, PlatformId, Timestamp, format};
use mandate_issuer::rfc::{Keys, MutualTls};
use mandate_store::{Audit, SigningKeyRow, Store};
use mandate_wire::jose::{Alg, Nonces, PublicJwk, SigningKey};
use mandate_wire::refresh_token::RefreshKey;
use std::sync::Arc;

/// What a platform signs with: access tokens by the first, ID tokens by the one that the client asks for.
const ALGS: [Alg; 4] = [Alg::Es256, Alg::EdDsa, Alg::Ps256, Alg::Rs256];

/// The keys of a platform, made where there are none yet.
pub(crate) async fn keys(
    store: &dyn Store,
    root: &RootKey,
    definition: &Platform,
    mutual: MutualTls,
    entropy: &dyn Entropy,
    now: Timestamp,
) -> anyhow::Result<Keys> {
    let platform = &definition.id;
    let wrapping = Wrapping::new(root, platform)?;
    let mut rows = store.signing_keys(platform).await?;
    for alg in ALGS {
        if rows.iter().any(|row| *row.alg == *alg.as_str() && is_active(row, now)) {
            continue;
        }
        let (private, kid, public) = make(alg).await?;
        let row = SigningKeyRow {
            platform: platform.clone(),
            kid: kid.clone(),
            alg: alg.as_str().into(),
            wrapped: wrapping.wrap(&kid, &private, entropy)?,
            public,
            created_at: now,
            active_from: now,
            retires_at: None,
            gone_at: None,
        };
        let audit = Audit {
            operation: OperationId::new(format::opaque("o", entropy)),
            platform: Some(platform.clone()),
            actor: "system".into(),
            action: "signing_key.create",
            subject: format!("signing_key:{kid}"),
            detail: alg.as_str().into(),
            at: now,
        };
        // Another node may have been faster: then its key is the one.
        store.add_signing_key(&row, true, &audit).await?;
        rows = store.signing_keys(platform).await?;
    }
    let mut active: Vec<Arc<SigningKey>> = Vec::new();
    let mut others = Vec::new();
    for row in &rows {
        if is_active(row, now) && !active.iter().any(|key| key.alg().as_str() == &*row.alg) {
            let private = wrapping.unwrap(&row.kid, &row.wrapped)?;
            let alg = Alg::parse(&row.alg).context("a signing key of an unknown algorithm")?;
            let key = SigningKey::from_pkcs8(alg, &private, Some(&row.kid))
                .ok()
                .context("a damaged signing key")?;
            active.push(Arc::new(key));
        } else if row.gone_at.is_none_or(|gone| now < gone) {
            others.push(PublicJwk::parse(&row.public).ok().context("a damaged public key")?);
        }
    }
    let refresh = RefreshKey::new(&root.derive(Purpose::RefreshTokens, platform)?);
    let nonces = Nonces::new(&root.derive(Purpose::DpopNonces, platform)?);
    Ok(Keys::new(active, others, refresh, nonces, definition, mutual))
}

fn is_active(row: &SigningKeyRow, now: Timestamp) -> bool {
    row.active_from <= now && row.retires_at.is_none_or(|end| now < end)
}

/// Making an RSA key takes its time: off the threads that serve.
async fn make(alg: Alg) -> anyhow::Result<(zeroize::Zeroizing<Vec<u8>>, Box<str>, Box<str>)> {
    tokio::task::spawn_blocking(move || {
        let private = SigningKey::generate(alg).ok().context("a signing key could not be made")?;
        let key =
            SigningKey::from_pkcs8(alg, &private, None).ok().context("a signing key could not be read")?;
        let kid = key.public().kid().context("a key without kid")?.to_owned();
        Ok((private, kid.into(), key.public().to_json().to_string().into()))
    })
    .await?
}

struct Wrapping<'a> {
    key: LessSafeKey,
    platform: &'a PlatformId,
}

impl<'a> Wrapping<'a> {
    fn new(root: &RootKey, platform: &'a PlatformId) -> anyhow::Result<Self> {
        let key = root.derive(Purpose::SigningKeys, platform)?;
        let key = UnboundKey::new(&AES_256_GCM, &key).ok().context("the wrapping key")?;
        Ok(Self { key: LessSafeKey::new(key), platform })
    }

    fn aad(&self, kid: &str) -> Aad<String> {
        Aad::from(format!("mandate signing key 1 {} {kid}", self.platform))
    }

    fn wrap(&self, kid: &str, private: &[u8], entropy: &dyn Entropy) -> anyhow::Result<Vec<u8>> {
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

    fn unwrap(&self, kid: &str, wrapped: &[u8]) -> anyhow::Result<zeroize::Zeroizing<Vec<u8>>> {
        let (nonce, sealed) = wrapped.split_at_checked(12).context("a damaged signing key")?;
        let mut sealed = sealed.to_vec();
        let nonce = Nonce::assume_unique_for_key(nonce.try_into()?);
        let opened = self.key.open_in_place(nonce, self.aad(kid), &mut sealed);
        let private = opened.ok().context("a signing key of another key file")?;
        Ok(zeroize::Zeroizing::new(private.to_vec()))
    }
}
