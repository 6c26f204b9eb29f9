//! Signing keys and the MAC keys of refresh tokens: made, wrapped under a key that is derived for them (SECURITY R1),
//! shared by all nodes, and turned on schedule.

mod wrapping;

use crate::keys::{Purpose, RootKey};
use anyhow::Context as _;
use mandate_core::platform::Platform;
use mandate_core::succession::{KeyLife, KeyStage, MAC, MAC_LINGERS_MS, Schedule, Turn, turn};
use mandate_core::{Entropy, OperationId, PlatformId, Timestamp, format};
use mandate_issuer::rfc::{Keys, MutualTls, SIGNATURES, outlives_ms};
use mandate_store::{Audit, Changed, SigningKeyRow, Store};
use mandate_wire::jose::{Alg, Nonces, PublicJwk, SigningKey};
use mandate_wire::refresh_token::{RefreshKey, RefreshKeys};
use std::sync::Arc;
use wrapping::Wrapping;
use zeroize::Zeroizing;

/// Whether a retired MAC key can end is asked so often.
const ASK_AGAIN_MS: i64 = 3_600_000;

/// What keys are made with.
pub(crate) struct Maker<'a> {
    pub(crate) store: &'a dyn Store,
    pub(crate) root: &'a RootKey,
    pub(crate) entropy: &'a dyn Entropy,
    pub(crate) schedule: Schedule,
    pub(crate) now: Timestamp,
    pub(crate) mutual: MutualTls,
}

/// A new key: what is secret of it, its name, what is published of it.
type Made = (Zeroizing<Vec<u8>>, Box<str>, Box<str>);

/// The rows of a platform as keys.
#[derive(Debug)]
pub(crate) struct Ring {
    /// What it signs with.
    pub(crate) keys: Arc<Keys>,
    /// What it was made of: as long as that stays, so does the ring.
    pub(crate) made_of: Vec<(KeyLife, KeyStage)>,
    /// When to look again.
    pub(crate) next: Option<Timestamp>,
}

impl Maker<'_> {
    /// The platform's rows, after what is due has been done.
    pub(crate) async fn kept(&self, platform: &Platform) -> anyhow::Result<Vec<SigningKeyRow>> {
        let mut rows = self.store.signing_keys(&platform.id).await?;
        let due = Turn::Due(self.schedule);
        for alg in algs() {
            // the same rule as in the store, to make no key in vain
            if turn(&lives(&rows, alg), &due, "", lasts(platform, alg), self.now).is_err() {
                continue;
            }
            let key = self.offered(&platform.id, alg, &rows).await?;
            let audit = self.audit(&platform.id, "signing_key.create", &key.kid, alg);
            // Another node may have been faster: then its key is the one.
            self.store.turn_signing_keys(&key, &due, lasts(platform, alg), &audit).await?;
            rows = self.store.signing_keys(&platform.id).await?;
        }
        let lingered = |row: &&SigningKeyRow| {
            let retired = row.retires_at.is_some_and(|end| end.plus_millis(MAC_LINGERS_MS) <= self.now);
            *row.alg == *MAC && retired && row.gone_at.is_none()
        };
        let mut ended = false;
        for row in rows.iter().filter(lingered) {
            let audit = self.audit(&platform.id, "signing_key.end", &row.kid, MAC);
            ended |= self.store.end_mac_key(&platform.id, &row.kid, &audit).await? == Changed::Done;
        }
        if ended {
            rows = self.store.signing_keys(&platform.id).await?;
        }
        Ok(rows)
    }

    /// A new key of an algorithm, to be offered to a turn.
    pub(crate) async fn offered(
        &self,
        platform: &PlatformId,
        alg: &str,
        rows: &[SigningKeyRow],
    ) -> anyhow::Result<SigningKeyRow> {
        let (secret, kid, public) = if alg == MAC { self.mac(platform, rows)? } else { make(alg).await? };
        Ok(SigningKeyRow {
            platform: platform.clone(),
            wrapped: Wrapping::new(self.root, platform)?.wrap(&kid, &secret, self.entropy)?,
            kid,
            alg: alg.into(),
            public,
            created_at: self.now,
            active_from: self.now,
            retires_at: None,
            gone_at: None,
        })
    }

    /// MAC keys are numbered, since a chain names its key by a number. The first is derived, so that nodes which start at
    /// once have the same one.
    fn mac(&self, platform: &PlatformId, rows: &[SigningKeyRow]) -> anyhow::Result<Made> {
        let last = rows.iter().filter(|r| *r.alg == *MAC).filter_map(|r| r.kid.parse::<u32>().ok()).max();
        let number = last.map_or(1, |last| last.saturating_add(1));
        let mut secret = Zeroizing::new(self.root.derive(Purpose::RefreshTokens, platform)?.to_vec());
        if number > 1 {
            self.entropy.fill(&mut secret);
        }
        Ok((secret, number.to_string().into(), "".into()))
    }

    fn audit(&self, platform: &PlatformId, action: &'static str, kid: &str, alg: &str) -> Audit {
        Audit {
            operation: OperationId::new(format::opaque("o", self.entropy)),
            platform: Some(platform.clone()),
            actor: "system".into(),
            action,
            subject: format!("signing_key:{kid}"),
            detail: alg.into(),
            at: self.now,
        }
    }

    /// The rows as keys that sign, are published, or make refresh tokens now.
    pub(crate) fn ring(&self, rows: &[SigningKeyRow], platform: &Platform) -> anyhow::Result<Ring> {
        let wrapping = Wrapping::new(self.root, &platform.id)?;
        let (mut active, mut others, mut macs, mut current) = (Vec::new(), Vec::new(), Vec::new(), 0);
        for row in rows {
            let stage = row.life().stage(self.now, lasts(platform, &row.alg));
            if stage == KeyStage::Gone {
                continue;
            }
            if *row.alg == *MAC {
                let secret: [u8; 32] = wrapping.unwrap(&row.kid, &row.wrapped)?.as_slice().try_into()?;
                let number = row.kid.parse()?;
                macs.push((number, RefreshKey::new(&secret)));
                if stage == KeyStage::Active {
                    current = number;
                }
            } else if stage == KeyStage::Active {
                let private = wrapping.unwrap(&row.kid, &row.wrapped)?;
                let alg = Alg::parse(&row.alg).context("a signing key of an unknown algorithm")?;
                let key = SigningKey::from_pkcs8(alg, &private, Some(&row.kid)).ok();
                active.push(Arc::new(key.context("a damaged signing key")?));
            } else {
                others.push(PublicJwk::parse(&row.public).ok().context("a damaged public key")?);
            }
        }
        let nonces = Nonces::new(&self.root.derive(Purpose::DpopNonces, &platform.id)?);
        let refresh = RefreshKeys::new(current, macs);
        Ok(Ring {
            keys: Arc::new(Keys::new(active, others, refresh, nonces, platform, self.mutual)),
            made_of: self.made_of(rows, platform),
            next: self.next(rows, platform),
        })
    }

    /// What a ring is made of.
    pub(crate) fn made_of(&self, rows: &[SigningKeyRow], platform: &Platform) -> Vec<(KeyLife, KeyStage)> {
        rows.iter()
            .map(|row| (row.life(), row.life().stage(self.now, lasts(platform, &row.alg))))
            .filter(|(_, stage)| *stage != KeyStage::Gone)
            .collect()
    }

    /// When a key changes its stage, or something has to be done, next.
    pub(crate) fn next(&self, rows: &[SigningKeyRow], platform: &Platform) -> Option<Timestamp> {
        let changes = rows.iter().filter_map(|r| r.life().next_change(self.now, lasts(platform, &r.alg)));
        let due = rows.iter().filter(|row| row.retires_at.is_none()).filter_map(|row| {
            let rotate = self.schedule.rotate_ms?;
            Some(row.active_from.plus_millis(rotate - self.schedule.publish_ms))
        });
        let asks = rows
            .iter()
            .filter(|row| *row.alg == *MAC && row.retires_at.is_some() && row.gone_at.is_none())
            .map(|_| self.now.plus_millis(ASK_AGAIN_MS));
        changes.chain(due).chain(asks).filter(|at| *at > self.now).min()
    }
}

/// Every line of succession.
fn algs() -> impl Iterator<Item = &'static str> {
    SIGNATURES.iter().map(|alg| alg.as_str()).chain([MAC])
}

fn lives(rows: &[SigningKeyRow], alg: &str) -> Vec<KeyLife> {
    rows.iter().filter(|row| *row.alg == *alg).map(SigningKeyRow::life).collect()
}

fn lasts(platform: &Platform, alg: &str) -> Option<i64> {
    outlives_ms(platform, alg)
}

/// Making an RSA key takes its time: off the threads that serve.
async fn make(alg: &str) -> anyhow::Result<Made> {
    let alg = Alg::parse(alg).context("a signing key of an unknown algorithm")?;
    tokio::task::spawn_blocking(move || {
        let private = SigningKey::generate(alg).ok().context("a signing key could not be made")?;
        let key =
            SigningKey::from_pkcs8(alg, &private, None).ok().context("a signing key could not be read")?;
        let kid = key.public().kid().context("a key without kid")?.to_owned();
        Ok((private, kid.into(), key.public().to_json().to_string().into()))
    })
    .await?
}
