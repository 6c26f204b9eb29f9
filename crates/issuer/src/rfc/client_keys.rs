//! The keys that clients sign with: registered ones, parsed once, and those that they publish themselves (`jwks_uri`,
//! RFC 7591 section 2), fetched and kept for a while.

use crate::{Arrival, Fail};
use mandate_core::disclosure::FactName as F;
use mandate_core::fetched::{Fetched, Step, life_ms};
use mandate_core::model::Client;
use mandate_core::refusal::Refusal;
use mandate_core::{Cause, ClientId, PlatformId, Timestamp};
use mandate_wire::jose::{Alg, Jwks, JwsFault, Jwt, Verified};
use mandate_wire::outbound::OutboundPolicy;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

/// Clients whose keys are kept.
const MOST_CLIENTS: usize = 20_000;

/// What a fetch gives back.
pub type Fetching<'a> = Pin<Box<dyn Future<Output = Result<Document, &'static str>> + Send + 'a>>;

/// A document that was fetched.
#[derive(Debug)]
pub struct Document {
    /// Its text.
    pub text: String,
    /// `max-age` of its `Cache-Control`, in seconds.
    pub max_age_s: Option<u32>,
}

/// Fetches documents from addresses that clients name.
pub trait Fetch: fmt::Debug + Send + Sync {
    /// Where it may go.
    fn policy(&self) -> OutboundPolicy;
    /// The document at an address; why not, in words for the client's developer that tell nothing of our networks.
    fn get<'a>(&'a self, uri: &'a str) -> Fetching<'a>;
}

/// Keys under what they were made of: a registration's text, or a `jwks_uri`.
#[derive(Debug, Clone, Default)]
struct Kept {
    of: Box<str>,
    keys: Option<Arc<Jwks>>,
    fetched: Fetched,
    failure: &'static str,
}

#[derive(Debug, Default)]
struct Slot {
    kept: Mutex<Arc<Kept>>,
    /// One fetches, the others wait for it.
    fetching: tokio::sync::Mutex<()>,
}

impl Slot {
    fn kept(&self) -> Arc<Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
    fn keep(&self, kept: Kept) -> Arc<Kept> {
        let kept = Arc::new(kept);
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = kept.clone();
        kept
    }
}

/// The keys of clients, as this node knows them.
#[derive(Debug)]
pub struct ClientKeys {
    fetch: Arc<dyn Fetch>,
    slots: quick_cache::sync::Cache<(PlatformId, ClientId), Arc<Slot>>,
}

/// Why a signature is not taken.
#[derive(Debug)]
pub(super) enum KeysFault {
    /// The client has registered no keys.
    None,
    /// Its `jwks_uri` could not be read.
    Unread(&'static str),
    /// None of its keys made it.
    Signature(JwsFault),
}

impl From<KeysFault> for Fail {
    fn from(fault: KeysFault) -> Self {
        let defect = match fault {
            KeysFault::Unread(why) => why,
            KeysFault::None | KeysFault::Signature(_) => return Refusal::anonymous(Cause::Internal).into(),
        };
        Refusal::anonymous(Cause::ClientKeysUnread).with(F::Defect, defect).into()
    }
}

impl ClientKeys {
    /// Nothing is known yet.
    pub fn new(fetch: Arc<dyn Fetch>) -> Self {
        Self { fetch, slots: quick_cache::sync::Cache::new(MOST_CLIENTS) }
    }

    /// Where a `jwks_uri` may lead.
    pub fn policy(&self) -> OutboundPolicy {
        self.fetch.policy()
    }

    fn slot(&self, client: &Client) -> Arc<Slot> {
        let key = (client.platform.clone(), client.id.clone());
        if let Some(slot) = self.slots.get(&key) {
            return slot;
        }
        let slot = Arc::new(Slot::default());
        self.slots.insert(key, slot.clone());
        slot
    }

    /// Keys of the registration itself: parsed when first needed, and when it changed.
    fn registered(&self, client: &Client, text: &str) -> Result<Arc<Jwks>, KeysFault> {
        let slot = self.slot(client);
        let kept = slot.kept();
        if *kept.of == *text {
            return kept.keys.clone().ok_or(KeysFault::None);
        }
        let keys = Jwks::parse(text).ok().map(Arc::new);
        let kept = slot.keep(Kept { of: text.into(), keys, ..Kept::default() });
        kept.keys.clone().ok_or(KeysFault::None)
    }

    /// Keys that the client publishes.
    async fn published(
        &self,
        client: &Client,
        uri: &str,
        did_not_help: bool,
        now: Timestamp,
    ) -> Result<Arc<Jwks>, KeysFault> {
        let slot = self.slot(client);
        let current = |kept: Arc<Kept>| {
            if *kept.of == *uri { kept } else { Arc::new(Kept { of: uri.into(), ..Kept::default() }) }
        };
        let kept = current(slot.kept());
        if let Step::Use | Step::Wait = kept.fetched.step(did_not_help, now) {
            return usable(&kept);
        }
        let _alone = slot.fetching.lock().await;
        // another may have fetched it meanwhile
        let kept = current(slot.kept());
        if let Step::Use | Step::Wait = kept.fetched.step(did_not_help, now) {
            return usable(&kept);
        }
        let step = kept.fetched.step(did_not_help, now);
        let read = self.fetch.get(uri).await.and_then(|document| {
            let keys = Jwks::parse(&document.text).map_err(|_| "it holds no key set (RFC 7517 section 5)")?;
            if keys.keys().is_empty() {
                Err("it holds no key that can be used here")
            } else {
                Ok((keys, document))
            }
        });
        let next = match read {
            Ok((keys, document)) => Kept {
                of: uri.into(),
                keys: Some(Arc::new(keys)),
                fetched: Fetched { answered: Some((now, life_ms(document.max_age_s))), failed_at: None },
                failure: "",
            },
            Err(failure) => {
                tracing::info!(client = %client.id, failure, "a client's jwks_uri cannot be read");
                let fetched = Fetched { failed_at: Some(now), ..kept.fetched };
                let keys = kept.keys.clone().filter(|_| step == Step::Refresh);
                Kept { of: uri.into(), keys, fetched, failure }
            }
        };
        usable(&slot.keep(next))
    }
}

fn usable(kept: &Kept) -> Result<Arc<Jwks>, KeysFault> {
    kept.keys.clone().ok_or(KeysFault::Unread(kept.failure))
}

/// Verifies what a client signed, with its keys. If none of them fits and it publishes them itself, they are fetched anew
/// once: it may have a new one since. How often that is done does not depend on what is sent.
pub(super) async fn verified<'j>(
    arrival: &Arrival<'_>,
    client: &Client,
    jwt: &'j Jwt<'_>,
    allowed: &'static [Alg],
) -> Result<Verified<'j>, KeysFault> {
    let keys = &arrival.issuer.client_keys;
    let settings = &client.settings;
    if let Some(text) = settings.jwks.as_deref() {
        let found = keys.registered(client, text)?;
        return jwt.verify_with(&found, allowed).map_err(KeysFault::Signature);
    }
    let uri = settings.jwks_uri.as_deref().ok_or(KeysFault::None)?;
    let found = keys.published(client, uri, false, arrival.now).await?;
    if let Ok(verified) = jwt.verify_with(&found, allowed) {
        return Ok(verified);
    }
    let found = keys.published(client, uri, true, arrival.now).await?;
    jwt.verify_with(&found, allowed).map_err(KeysFault::Signature)
}

#[cfg(test)]
pub(super) mod tests;
