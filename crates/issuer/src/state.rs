//! What handlers work with: the node's parts, the tenant's parts, and where a request came in.

use crate::Fail;
use crate::passwords::Passwords;
use crate::throttle::Throttle;
use bytes::Bytes;
use http::Response;
use mandate_core::disclosure::FactName;
use mandate_core::limit::Meter;
use mandate_core::platform::{Host, Snapshot};
use mandate_core::policy::MeterKey;
use mandate_core::refusal::{Decision, Refusal};
use mandate_core::{Clock, DecisionId, Entropy, OperationId, PlatformId, Timestamp, format};
use mandate_store::{Audit, Cached, Store};
use mandate_wire::certificate::ClientCertificate;
use mandate_wire::dialect::{Dialect, Dialects};
use mandate_wire::ticket::Tickets;
use mandate_wire::{Place, Recorder};
use std::net::IpAddr;
use std::sync::Arc;

/// Finds the meter of a limit; the gate counts on the same ones.
pub type Meters = Arc<dyn Fn(&PlatformId, &MeterKey) -> Arc<Meter> + Send + Sync>;

/// Finds a decision that waits to be written.
pub type Pending = Arc<dyn Fn(&PlatformId, &DecisionId) -> Option<Decision> + Send + Sync>;

/// The parts of this node that all platforms share.
pub struct Issuer {
    /// Storage.
    pub store: Arc<dyn Store>,
    /// What this node remembers of it, kept right by the log.
    pub cache: Arc<Cached>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// The bounded queue of password verifications.
    pub passwords: Passwords,
    /// Limits on attempts to sign in.
    pub throttle: Throttle,
    /// Pages.
    pub templates: minijinja::Environment<'static>,
    /// Limits.
    pub meters: Meters,
    /// Decisions of this node that are not written yet.
    pub pending: Pending,
    /// The dialects that platforms may have.
    pub dialects: Dialects,
    /// Keys of clients, parsed or fetched.
    pub client_keys: crate::rfc::ClientKeys,
}

impl std::fmt::Debug for Issuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Issuer").field("store", &self.store).finish_non_exhaustive()
    }
}

/// The parts of one platform, swapped whole when its file is applied.
#[derive(Debug)]
pub struct Tenant {
    /// How it speaks.
    pub dialect: &'static dyn Dialect,
    /// The compiled platform file.
    pub snapshot: Arc<Snapshot>,
    /// Names refusals.
    pub recorder: Arc<Recorder>,
    /// Seals authorization requests and form tokens.
    pub tickets: Arc<Tickets>,
    /// What it signs with, where its dialect signs.
    pub keys: Option<Arc<crate::rfc::Keys>>,
}

/// A request that has come in: on which host of which platform, from where.
#[derive(Debug)]
pub struct Arrival<'a> {
    /// The node.
    pub issuer: &'a Arc<Issuer>,
    /// The tenant.
    pub tenant: &'a Arc<Tenant>,
    /// Position of the host in the platform file.
    pub host_index: usize,
    /// The caller's address, as far as trusted proxies tell it.
    pub address: IpAddr,
    /// The client's certificate, if it showed one.
    pub certificate: Option<&'a ClientCertificate>,
    /// The time at which it is judged.
    pub now: Timestamp,
}

impl Arrival<'_> {
    /// The host.
    pub fn host(&self) -> &Host {
        &self.tenant.snapshot.platform.hosts[self.host_index]
    }
    /// The platform's issuer string.
    pub fn issuer_url(&self) -> &str {
        &self.tenant.snapshot.platform.issuer
    }
    /// The platform's id.
    pub fn platform(&self) -> &mandate_core::PlatformId {
        &self.tenant.snapshot.platform.id
    }
    /// Gives a refusal its id, on a route of ours (`POST /oauth/token`).
    pub fn name(&self, route: &str, fail: Fail) -> Decision {
        let Fail(refusal) = fail;
        let place = Place {
            surface: self.host().surface.as_str(),
            host: &self.host().name,
            host_index: self.host_index,
            route,
        };
        self.tenant.recorder.name(place, self.with_contact(*refusal))
    }
    /// Says a refusal in the words of this host's surface.
    pub fn refuse(&self, route: &str, fail: Fail) -> Response<Bytes> {
        self.tenant.dialect.refusal(self.host().surface, &self.name(route, fail), self.issuer_url())
    }
    fn with_contact(&self, mut refusal: Refusal) -> Refusal {
        let wants = refusal.cause.entry().facts.contains(&FactName::Contact);
        let has = refusal.facts.for_record().iter().any(|f| f.name == FactName::Contact);
        if wants && !has {
            refusal.facts = refusal.facts.with(FactName::Contact, &*self.tenant.snapshot.platform.contact);
        }
        refusal
    }
    /// An audit record of an act on this platform, now.
    pub fn audit(&self, actor: String, action: &'static str, subject: String, detail: String) -> Audit {
        Audit {
            operation: OperationId::new(format::opaque("o", &*self.issuer.entropy)),
            platform: Some(self.platform().clone()),
            actor,
            action,
            subject,
            detail,
            at: self.now,
        }
    }
}
