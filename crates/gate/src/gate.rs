//! The way of a request through the gate: parse, identify, decide, forward, record.

mod answer;
mod caller;
mod possession;
mod route;
mod send;
mod unread;

use crate::body::GateBody;
use crate::facts::Facts;
use crate::flight::Flights;
use crate::front::{self, Refused};
use crate::limit::{Meters, Source, Told};
use crate::metrics::{Metrics, Outcome};
use crate::request_id::{RequestId, RequestIds};
use crate::site::Site;
use crate::stream::{self, Storms, StreamLimits, Streams};
pub(crate) use caller::{Asked, facts_unavailable};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use mandate_core::limit::{Budget, Exceeded};
use mandate_core::model::{Credential, TokenFacts};
use mandate_core::platform::Host;
use mandate_core::policy::{self, MeterKey, Permit, Principal, Spent};
use mandate_core::refusal::Refusal;
use mandate_core::{Cause, Clock, Digest, Entropy, GrantId, KeyId, PlatformId, Timestamp};
use possession::Proofs;
pub(crate) use route::{find as find_route, named_account};
pub(crate) use send::Caller;
use send::Outgoing;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// Sizes, times and counts that the gate keeps to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Largest body of a request, in bytes.
    pub request_body: u64,
    /// Connecting to an API may take so long.
    pub connect: Duration,
    /// An API may take so long for its answer; the sender of a body for the next piece of it.
    pub answer: Duration,
    /// An answer may pause for so long.
    pub idle: Duration,
    /// Connections kept to one API.
    pub kept_connections: usize,
    /// For so long at most.
    pub kept_for: Duration,
    /// Requests a minute with credentials that are not accepted, from one address.
    pub attempts_per_minute: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            request_body: 10 * 1024 * 1024,
            connect: Duration::from_secs(5),
            answer: Duration::from_secs(30),
            idle: Duration::from_mins(1),
            kept_connections: 256,
            kept_for: Duration::from_secs(45),
            attempts_per_minute: 300,
        }
    }
}

/// What an allowed request was made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Used<'a> {
    /// An API key.
    Key(&'a KeyId),
    /// A token of this grant.
    Grant(&'a GrantId),
}

impl<'a> Used<'a> {
    /// Its id.
    fn id(self) -> &'a str {
        match self {
            Self::Key(key) => key.as_str(),
            Self::Grant(grant) => grant.as_str(),
        }
    }
}

/// Told of allowed requests, for "last used": of the first one with a credential, and then of one every ten seconds
/// or so. Must not block.
pub type Uses = Arc<dyn Fn(&PlatformId, Used<'_>, Timestamp) + Send + Sync>;

/// The header with the id that every answer has.
const REQUEST_ID: http::HeaderName = http::HeaderName::from_static("x-request-id");

/// Sources whose failures are counted, at most.
const SOURCES: usize = 100_000;

/// Enforcement in front of APIs. One gate serves any number of platforms and hosts.
pub struct Gate {
    pub(crate) facts: Arc<dyn Facts>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) metrics: Arc<Metrics>,
    uses: Uses,
    pub(crate) limits: Limits,
    pub(crate) stream_limits: StreamLimits,
    pub(crate) ids: RequestIds,
    pub(crate) streams: Arc<Streams>,
    pub(crate) storms: Storms,
    meters: Meters<(PlatformId, MeterKey), Told>,
    attempts: Meters<(PlatformId, Source)>,
    credentials: Flights<(PlatformId, Box<str>), Option<Credential>>,
    tokens: Flights<(PlatformId, Digest), Option<Arc<TokenFacts>>>,
    proofs: Proofs,
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate")
            .field("facts", &self.facts)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// One request at one host.
#[derive(Clone, Copy)]
pub(crate) struct Visit<'a> {
    pub(crate) site: &'a Site,
    pub(crate) host: &'a Host,
    pub(crate) peer: IpAddr,
    /// Thumbprint of the certificate that the caller connected with.
    pub(crate) certificate: Option<&'a str>,
    pub(crate) id: &'a RequestId,
    pub(crate) now: Timestamp,
    /// When it came in, on the clock that nobody moves.
    started: Duration,
}

/// An answer of the API, and what the caller has left.
struct Served {
    response: Response<GateBody>,
    budget: Option<Budget>,
}

impl Gate {
    /// A gate. `uses` is told of allowed requests.
    pub fn new(
        facts: Arc<dyn Facts>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        metrics: Arc<Metrics>,
        uses: Uses,
        limits: Limits,
    ) -> Self {
        Self {
            facts,
            clock,
            metrics,
            uses,
            limits,
            ids: RequestIds::new(entropy),
            meters: Meters::new(),
            attempts: Meters::at_most(SOURCES),
            credentials: Flights::default(),
            tokens: Flights::default(),
            proofs: Proofs::default(),
            streams: Arc::default(),
            stream_limits: StreamLimits::default(),
            storms: Storms::new(StreamLimits::default().failures_per_minute),
        }
    }

    /// With other bounds for streams.
    #[must_use]
    pub fn with_stream_limits(self, limits: StreamLimits) -> Self {
        Self { stream_limits: limits, storms: Storms::new(limits.failures_per_minute), ..self }
    }

    /// Answers a request that came to this site from this address. Whether its `Host` header names the site is for
    /// the caller to see to, with [`crate::host_matches`] and [`Self::misdirected`] (SECURITY R18). `certificate`: the
    /// SHA-256 thumbprint of the one whose key the sender has shown to hold, base64url (RFC 8705 section 3.1).
    pub async fn handle(
        self: &Arc<Self>,
        site: &Site,
        peer: IpAddr,
        certificate: Option<&str>,
        request: Request<Incoming>,
    ) -> Response<GateBody> {
        let id = self.ids.next();
        let Some(host) = site.host() else { return answer::broken(&id) };
        let visit = Visit { certificate, ..self.visit(site, host, peer, &id) };
        let (parts, body) = request.into_parts();
        let method = parts.method.clone();
        let mut body = Some(body);
        let served = if stream::is_asked(&parts.headers) {
            self.upgrade(visit, parts).map(|response| Served { response, budget: None })
        } else {
            self.serve(visit, parts, &mut body).await
        };
        let (response, outcome) = match served {
            Ok(Served { response, .. }) if response.status() == StatusCode::SWITCHING_PROTOCOLS => {
                (response, Outcome::Upgraded)
            }
            Ok(Served { mut response, budget }) => {
                answer::dress(response.headers_mut(), visit, budget);
                (response, if budget.is_some() { Outcome::Allowed } else { Outcome::Public })
            }
            Err(refused) => {
                let outcome = refused.outcome();
                let mut response = answer::refuse(visit, &method, refused);
                if !unread::drained(body).await {
                    response
                        .headers_mut()
                        .insert(http::header::CONNECTION, http::HeaderValue::from_static("close"));
                }
                (response, outcome)
            }
        };
        self.metrics.add(outcome, self.clock.monotonic().saturating_sub(visit.started));
        response
    }

    /// The answer to a request whose `Host` header names no host of this listener (RFC 9110 section 15.5.20).
    pub fn misdirected(&self, site: &Site, peer: IpAddr, method: &Method) -> Response<GateBody> {
        let id = self.ids.next();
        let Some(host) = site.host() else { return answer::broken(&id) };
        let visit = self.visit(site, host, peer, &id);
        let refused = Refused::before_routing(Box::new(Refusal::anonymous(Cause::HostUnknown)));
        self.metrics.add(refused.outcome(), Duration::ZERO);
        answer::refuse(visit, method, refused)
    }

    /// The meter of a limit, for the calls of partners that the issuer answers itself.
    pub fn meter(&self, platform: &PlatformId, key: &MeterKey) -> Arc<mandate_core::limit::Meter> {
        self.meters.get(&(platform.clone(), key.clone()), self.clock.now())
    }

    /// Puts the id that every answer has on one that the gate did not give.
    pub fn stamp(&self, headers: &mut http::HeaderMap) {
        if let Ok(id) = http::HeaderValue::from_bytes(&self.ids.next()) {
            headers.insert(REQUEST_ID, id);
        }
    }

    fn visit<'a>(&self, site: &'a Site, host: &'a Host, peer: IpAddr, id: &'a RequestId) -> Visit<'a> {
        Visit {
            site,
            host,
            peer,
            certificate: None,
            id,
            now: self.clock.now(),
            started: self.clock.monotonic(),
        }
    }

    /// Takes one request from the limit, and says that the credential was used.
    pub(crate) fn spend<'p>(
        &self,
        visit: Visit<'_>,
        principal: &Principal,
        permit: Permit<'p>,
    ) -> Result<Spent<'p>, (Box<Refusal>, Exceeded)> {
        let key = (visit.platform().clone(), permit.meter_key().clone());
        let used = caller::used(principal);
        let (taken, is_news) = self.meters.on(&key, visit.now, |meter, told| {
            let taken = permit.take(meter, visit.now);
            let is_news = taken.is_ok() && told.is_news(used.id(), visit.now);
            (taken, is_news)
        });
        if is_news {
            (self.uses)(visit.platform(), used, visit.now);
        }
        taken
    }

    /// A stream that was opened earlier, as it stands now.
    pub(crate) fn visit_again<'a>(
        &self,
        site: &'a Site,
        host: &'a Host,
        peer: IpAddr,
        certificate: Option<&'a str>,
        id: &'a RequestId,
    ) -> Visit<'a> {
        Visit { certificate, ..self.visit(site, host, peer, id) }
    }

    async fn serve<'a>(
        &self,
        visit: Visit<'a>,
        parts: Parts,
        body: &mut Option<Incoming>,
    ) -> Result<Served, Refused<'a>> {
        let Parts { method, uri, headers, .. } = parts;
        let target = front::read(&uri).map_err(|defect| Refused::before_routing(front::malformed(defect)))?;
        front::check_head(&headers).map_err(Refused::before_routing)?;
        let (route, params) = route::find(visit, &method, &target)?;
        visit
            .site
            .dialect
            .admits(visit.host.surface, target.path, &headers)
            .map_err(|r| Refused::on(route, r))?;
        if route.route.stream.is_some() {
            return Err(Refused {
                status: Some(StatusCode::UPGRADE_REQUIRED),
                ..Refused::on(route, front::malformed("this path takes a websocket, and nothing else"))
            });
        }
        if route.is_public() {
            let outgoing = Outgoing { method: &method, target: target.whole, headers, body: body.take() };
            let response = self.forward(visit, outgoing, None).await;
            return match response {
                Ok(response) => Ok(Served { response, budget: None }),
                Err(fault) => Err(self.unserved(visit, route, &method, fault, None)),
            };
        }
        let asked = Asked { method: &method, path: target.path, headers: &headers, query: target.query };
        let (principal, proof) = self.identify(visit, route, asked).await?;
        let named_account = route::named_account(route, &params);
        let account = self.account(visit, route, &principal, named_account).await?;
        let request = policy::Request { host: visit.host, route, named_account, account: account.as_ref() };
        let permit = policy::decide(&visit.site.snapshot, &principal, proof, request, visit.now)
            .map_err(|refusal| Refused::on(route, refusal).within(self.budget(visit, &principal)))?;
        let spent = self
            .spend(visit, &principal, permit)
            .map_err(|(refusal, exceeded)| Refused::on(route, refusal).within(Some(exceeded.budget)))?;
        let caller = Caller::of(visit, &spent);
        let outgoing = Outgoing { method: &method, target: target.whole, headers, body: body.take() };
        match self.forward(visit, outgoing, Some(caller)).await {
            Ok(response) => Ok(Served { response, budget: Some(spent.budget) }),
            Err(fault) => Err(self.unserved(visit, route, &method, fault, Some(&spent))),
        }
    }
}

impl<'a> Visit<'a> {
    pub(crate) fn platform(self) -> &'a PlatformId {
        &self.site.snapshot.platform.id
    }
}
