//! Signing in: a person, a browser, and what comes back.

mod code;
mod device;
mod loopback;

pub use code::CodeLogin;
pub use device::DeviceLogin;

use crate::ask::{Form, NoEndpoint, Which};
use crate::core::answer::{Granted, Meaning};
use crate::core::backoff;
use crate::core::state::Reason;
use crate::error::{Error, NeedsLogin, Unavailable};
use crate::flight::{final_reason, millis};
use crate::inner::{Inner, blocking};
use crate::observer::Event;
use crate::refusal::Refusal;
use crate::seams::Millis;
use crate::store::Locked;
use serde_json::{Map, Value as Json};
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// Attempts that fail in passing, within the session's patience.
struct Attempts {
    deadline: Millis,
    failures: u32,
}

impl Attempts {
    fn new(inner: &Inner) -> Self {
        Self { deadline: inner.now() + millis(inner.settings.patience), failures: 0 }
    }
    /// Waits after a failure, or says that it would take too long.
    async fn failed(&mut self, inner: &Inner, what: String, asked: Option<Millis>) -> Result<(), Error> {
        let now = inner.now();
        let wait = backoff::wait(self.failures, asked, inner.settings.random.unit());
        self.failures += 1;
        inner.tell(&Event::Failed { reason: what.clone(), retry_at: now + wait });
        if now + wait > self.deadline {
            let unavailable =
                Unavailable { reason: what, retry_at: now + wait, retry_in: wait, origin: None };
            return Err(Error::Unavailable(unavailable));
        }
        inner.settings.clock.sleep(Duration::from_millis(u64::try_from(wait).unwrap_or(0))).await;
        Ok(())
    }
}

impl Inner {
    /// An endpoint, waited for where its metadata fail in passing.
    async fn patient_endpoint(&self, which: Which) -> Result<Url, Error> {
        let mut attempts = Attempts::new(self);
        loop {
            match self.endpoint(which).await {
                Ok(url) => return Ok(url),
                Err(NoEndpoint::Never(needs)) => return Err(Error::NeedsLogin(needs)),
                Err(NoEndpoint::Passing { what, asked, .. }) => {
                    attempts.failed(self, what, asked).await?;
                }
            }
        }
    }

    /// Posts to an endpoint that answers with a JSON object. Failures in passing are tried again.
    async fn post_for_json(&self, endpoint: &Url, form: Form) -> Result<Map<String, Json>, Error> {
        let mut attempts = Attempts::new(self);
        loop {
            let ((answer, meaning), _sent) = self.exchange(endpoint, form.clone(), false).await;
            if let Ok(response) = &answer
                && response.status().is_success()
                && let Ok(Json::Object(body)) = serde_json::from_slice(response.body())
            {
                return Ok(body);
            }
            match meaning {
                Meaning::Passing { what, asked, .. } => attempts.failed(self, what, asked).await?,
                Meaning::Refused(refusal) => {
                    return Err(self.refused(final_reason(&refusal), &refusal).into());
                }
                Meaning::Nonce | Meaning::Granted(_) => {
                    return Err(self.refused(Reason::ClientRefused, &Refusal::nonces()).into());
                }
            }
        }
    }

    /// Holds what signing in brought, and stores it. The lock is held for the writing alone.
    async fn signed_in(self: &Arc<Self>, granted: Granted, sent: Millis) -> Result<(), Error> {
        if self.with(|m| m.closed) {
            return Err(Error::Closed);
        }
        self.with(|m| m.refresh = None);
        let ends_at = self.granted(granted, sent)?;
        let mut lease = match self.lock_for(self.settings.patience, false).await? {
            Some(Locked::Held(lease)) => Some(lease),
            _ => None,
        };
        self.note_stored(&mut lease).await?;
        self.keep(&mut lease).await;
        if let Some(lease) = lease {
            blocking(move || drop(lease)).await;
        }
        self.tell(&Event::Renewed { ends_at, early: false });
        Ok(())
    }

    /// The person said no, or it took too long.
    fn denied(&self, detail: &str, remember: bool) -> Error {
        let needs = NeedsLogin::with_detail(Reason::Denied, detail);
        if remember {
            let now = self.now();
            self.with(|m| m.block(needs.clone(), now));
            self.tell(&Event::NeedsLogin(Box::new(needs.clone())));
        }
        needs.into()
    }
}
