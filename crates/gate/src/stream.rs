//! Websockets through the gate. A stream is opened like a request: routed, identified, decided on and counted. Until
//! its login is accepted nothing of it reaches the API; from then on whole messages are relayed, and the stream is
//! decided on again whenever something about its credential or the platform changes (SECURITY R24).

mod admit;
mod client;
mod ending;
mod login;
mod metered;
mod registry;
mod relay;
mod storm;
mod upgrade;
mod upstream;
mod watch;

pub(crate) use registry::Streams;
pub(crate) use storm::Storms;
pub(crate) use upgrade::is_asked;

use crate::gate::{Gate, Visit};
use crate::request_id::RequestId;
use crate::site::Site;
use client::Client;
use http::{HeaderMap, Method};
use mandate_core::platform::{CompiledRoute, Params, Routed};
use mandate_core::refusal::{Decision, Refusal};
use mandate_core::{Cause, Digest, Secret};
use mandate_wire::Place;
use mandate_wire::stream::{Conversation, Message, Stage, Terms};
use std::any::Any;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// Sizes, times and counts that streams keep to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamLimits {
    /// Largest message of a client, in bytes.
    pub client_message: usize,
    /// Largest message of an API, in bytes.
    pub upstream_message: usize,
    /// A side that has been silent for so long is sent a ping.
    pub ping: Duration,
    /// A side that has let so many of those spans go by without a sign is gone.
    pub missed: u8,
    /// A message must have been taken by its receiver after so long.
    pub patience: Duration,
    /// What a close takes at most.
    pub close: Duration,
    /// Streams from one address that nobody has signed in on yet.
    pub waiting_from_one: u32,
    /// Streams that nobody has signed in on yet, from all addresses together.
    pub waiting: u32,
    /// Failed logins a minute with one credential that are looked at; so many may come at once.
    pub failures_per_minute: u32,
}

impl Default for StreamLimits {
    fn default() -> Self {
        Self {
            client_message: 256 * 1024,
            upstream_message: 4 * 1024 * 1024,
            ping: Duration::from_secs(30),
            missed: 3,
            patience: Duration::from_secs(10),
            close: Duration::from_millis(800),
            waiting_from_one: 128,
            waiting: 20_000,
            failures_per_minute: 6,
        }
    }
}

/// Something that is to be held for as long as a stream is open: a place among the connections of a listener. Put it
/// into the extensions of the request.
#[derive(Clone)]
pub struct Hold(Arc<dyn Any + Send + Sync>);

impl Hold {
    /// Holds this.
    pub fn new(held: impl Any + Send + Sync) -> Self {
        Self(Arc::new(held))
    }
}

impl std::fmt::Debug for Hold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Hold({})", Arc::strong_count(&self.0))
    }
}

/// What a stream was signed in with; enough to look the facts up again, and no more.
#[derive(Debug)]
enum Held {
    Key { id: Box<str>, digest: Digest },
    Token { digest: Digest, signed: Option<Secret> },
}

/// Where a stream was opened, and from where.
struct Standing {
    gate: Arc<Gate>,
    /// As it stood when the stream was last decided on.
    site: Site,
    peer: IpAddr,
    /// Thumbprint of the certificate that the client connected with.
    certificate: Option<Box<str>>,
    /// Path and query, as received.
    target: Box<str>,
    id: RequestId,
    terms: &'static Terms,
}

/// One stream, from its first byte to its last.
struct Stream {
    at: Standing,
    talk: Box<dyn Conversation>,
    client: Client,
    _hold: Option<Hold>,
}

/// The request that asked for the stream, as far as it is still needed.
#[derive(Debug)]
struct Opened {
    headers: HeaderMap,
    subprotocol: Option<&'static str>,
    /// The headers hold a credential, which this protocol does not take there.
    carries_another: bool,
}

impl Standing {
    /// This stream as a visit at its host.
    fn visit(&self) -> Option<Visit<'_>> {
        let host = self.site.host()?;
        Some(self.gate.visit_again(&self.site, host, self.peer, self.certificate.as_deref(), &self.id))
    }

    fn path(&self) -> &str {
        path_of(&self.target)
    }

    /// The path of the route, as the platform file has it.
    fn route(&self) -> Option<&str> {
        let (route, _) = find(&self.site, self.site.host()?, self.path())?;
        Some(&route.route.path)
    }

    fn name(&self, refusal: Refusal) -> Decision {
        let host = self.site.host();
        let route = format!("GET {}", self.route().unwrap_or("(no route)"));
        let place = Place {
            surface: host.map_or("", |h| h.surface.as_str()),
            host: host.map_or("", |h| &h.name),
            host_index: self.site.host_index,
            route: &route,
        };
        self.site.recorder.name(place, refusal)
    }
}

impl Stream {
    /// Gives a refusal its id, and says it in the protocol's words.
    fn say(&mut self, stage: Stage, refusal: Refusal) -> (Decision, Vec<Message>) {
        let decision = self.at.name(refusal);
        let issuer = self.at.site.snapshot.platform.issuer.clone();
        let said = self.talk.refused(stage, &decision, &issuer);
        (decision, said)
    }
}

fn path_of(target: &str) -> &str {
    target.split_once('?').map_or(target, |(path, _)| path)
}

/// The route of a stream, if it still is one.
fn find<'s, 'p>(
    site: &'s Site,
    host: &mandate_core::platform::Host,
    path: &'p str,
) -> Option<(&'s CompiledRoute, Params<'p>)> {
    match site.snapshot.route(host.surface, Method::GET.as_str(), path) {
        Routed::Route(_, route, params) if route.route.stream.is_some() => Some((route, params)),
        _ => None,
    }
}

fn broken() -> Box<Refusal> {
    Box::new(Refusal::anonymous(Cause::Internal))
}

impl Gate {
    /// Ends every stream, and opens no further one: the server stops. The close frames say so.
    pub fn stop_streams(&self) {
        self.streams.stop();
    }

    /// Streams that are signed in on.
    pub fn open_streams(&self) -> usize {
        self.streams.len()
    }
}
