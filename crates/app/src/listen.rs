//! Listeners: one for each host of each platform, opened and closed as files are applied, without a restart.

use crate::node::{Live, Node};
use crate::patience::Patience;
use crate::tls::Shown;
use crate::turn;
use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Either, Full, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use ipnet::IpNet;
use mandate_core::disclosure::FactName;
use mandate_core::platform::Host;
use mandate_core::refusal::Refusal;
use mandate_core::{Cause, PlatformId, Timestamp};
use mandate_gate::{GateBody, Hold};
use mandate_issuer::Arrival;
use mandate_wire::body;
use std::collections::HashMap;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, SystemTime};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

/// What an answer's body is: ours, or the API's behind the gate.
pub(crate) type Body = Either<Full<Bytes>, GateBody>;

/// Bounds of connections.
#[derive(Debug, Clone)]
pub(crate) struct Bounds {
    pub(crate) connections: usize,
    pub(crate) header_timeout: Duration,
    pub(crate) body_timeout: Duration,
    pub(crate) trusted_proxies: Arc<[IpNet]>,
}

/// A platform, and the address that its file names.
type Wanted = (PlatformId, Box<str>);
/// Where it was bound, and the task that accepts there.
type Open = (SocketAddr, JoinHandle<()>);

/// What the last request of a connection found, for the next one.
#[derive(Default)]
struct Last(Mutex<Option<Seen>>);

struct Seen {
    /// When platforms are applied these are others. Weak: a connection that waits keeps nothing of old ones.
    platforms: Weak<HashMap<PlatformId, Arc<Live>>>,
    live: Weak<Live>,
    named: Box<[u8]>,
    host_index: usize,
}

/// Who is at the other end of a connection.
struct Sender {
    peer: SocketAddr,
    /// The certificate of the handshake.
    shown: Option<Arc<Shown>>,
    /// Its place among the connections, which a stream keeps after the last request.
    hold: Hold,
}

/// The open listeners of a node.
#[derive(Debug)]
pub(crate) struct Listeners {
    node: Arc<Node>,
    bounds: Bounds,
    permits: Arc<Semaphore>,
    stop: watch::Sender<bool>,
    open: Mutex<HashMap<Wanted, Open>>,
    /// Listeners that were bound by somebody else beforehand (the demo picks ports before it writes the file).
    bound: Mutex<HashMap<Box<str>, std::net::TcpListener>>,
    instead: Mutex<std::collections::BTreeMap<String, String>>,
}

impl Listeners {
    pub(crate) fn new(node: Arc<Node>, bounds: Bounds) -> Arc<Self> {
        let permits = Arc::new(Semaphore::new(bounds.connections));
        let (stop, _) = watch::channel(false);
        Arc::new(Self {
            node,
            bounds,
            permits,
            stop,
            open: Mutex::default(),
            bound: Mutex::default(),
            instead: Mutex::default(),
        })
    }

    /// Binds other addresses than the platform files name: for a node that shares a machine with another one.
    pub(crate) fn rebind(&self, instead: std::collections::BTreeMap<String, String>) {
        *self.instead.lock().unwrap_or_else(PoisonError::into_inner) = instead;
    }

    /// Hands over a socket that is bound already, under the address that the platform file will name.
    pub(crate) fn adopt(&self, address: &str, listener: std::net::TcpListener) {
        self.bound.lock().unwrap_or_else(PoisonError::into_inner).insert(address.into(), listener);
    }

    /// Opens what the platforms want and closes what they do not want any more.
    pub(crate) async fn match_platforms(self: &Arc<Self>) {
        let platforms = self.node.platforms();
        let mut wanted = HashMap::new();
        for (id, live) in platforms.iter() {
            for host in &live.tenant.snapshot.platform.hosts {
                wanted.insert((id.clone(), host.listen.clone()), &*host.url);
            }
        }
        let mut open = std::mem::take(&mut *self.open.lock().unwrap_or_else(PoisonError::into_inner));
        open.retain(|key, (address, task)| {
            let keep = wanted.contains_key(key) && !task.is_finished();
            if !keep {
                tracing::info!(%address, "listener closed");
                task.abort();
            }
            keep
        });
        for ((platform, listen), url) in wanted {
            if open.contains_key(&(platform.clone(), listen.clone())) {
                continue;
            }
            match self.bind(&listen).await {
                Ok(listener) => {
                    let address =
                        listener.local_addr().unwrap_or_else(|_| SocketAddr::from(([127, 0, 0, 1], 0)));
                    tracing::info!(%platform, %address, tls = self.node.tls.is_on(), "listening");
                    if self.node.tls.is_on() && !url.starts_with("https:") {
                        tracing::warn!(%platform, %url, "the listener speaks TLS and the platform file says otherwise");
                    }
                    let task = tokio::spawn(self.clone().accept(platform.clone(), listen.clone(), listener));
                    open.insert((platform, listen), (address, task));
                }
                Err(error) => tracing::error!(%platform, %listen, %error, "cannot listen"),
            }
        }
        *self.open.lock().unwrap_or_else(PoisonError::into_inner) = open;
    }

    async fn bind(&self, listen: &str) -> std::io::Result<TcpListener> {
        let ready = self.bound.lock().unwrap_or_else(PoisonError::into_inner).remove(listen);
        if let Some(listener) = ready {
            listener.set_nonblocking(true)?;
            return TcpListener::from_std(listener);
        }
        let instead = self.instead.lock().unwrap_or_else(PoisonError::into_inner).get(listen).cloned();
        TcpListener::bind(instead.as_deref().unwrap_or(listen)).await
    }

    /// Follows applied files until the node stops.
    pub(crate) async fn follow(self: Arc<Self>) {
        loop {
            self.match_platforms().await;
            self.node.applied.notified().await;
            if let Err(error) = self.node.reload().await {
                tracing::error!(%error, "platforms could not be read; trying again");
                tokio::time::sleep(Duration::from_secs(1)).await;
                self.node.applied.notify_one();
            }
        }
    }

    async fn accept(self: Arc<Self>, platform: PlatformId, listen: Box<str>, listener: TcpListener) {
        let mut stop = self.stop.subscribe();
        loop {
            if *stop.borrow_and_update() {
                return;
            }
            let Ok(permit) = self.permits.clone().acquire_owned().await else { return };
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                _ = stop.changed() => return,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let _nodelay = stream.set_nodelay(true);
                    let this = self.clone();
                    let (platform, listen) = (platform.clone(), listen.clone());
                    let hold = Hold::new(permit);
                    tokio::spawn(async move { this.arrived(platform, listen, stream, peer, hold).await });
                }
                Err(error) => {
                    // Out of descriptors: the sockets that are open go on; wait for one to close.
                    tracing::warn!(%error, "accept");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }

    /// A connection from its first byte.
    async fn arrived(
        self: &Arc<Self>,
        platform: PlatformId,
        listen: Box<str>,
        stream: TcpStream,
        peer: SocketAddr,
        hold: Hold,
    ) {
        let tls = &self.node.tls;
        if !tls.is_on() {
            return self.connection(platform, listen, stream, Sender { peer, shown: None, hold }).await;
        }
        let mut stop = self.stop.subscribe();
        let accepted = tokio::select! {
            accepted = tls.accept(stream) => accepted,
            _ = stop.wait_for(|stop| *stop) => None,
        };
        if let Some((stream, shown)) = accepted {
            self.connection(platform, listen, stream, Sender { peer, shown, hold }).await;
        }
    }

    async fn connection<S>(
        self: &Arc<Self>,
        platform: PlatformId,
        listen: Box<str>,
        stream: S,
        sender: Sender,
    ) where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let stop = self.stop.subscribe();
        let courteous = crate::courtesy::Courteous::new(TokioIo::new(stream), {
            let (this, platform, listen) = (self.clone(), platform.clone(), listen.clone());
            Arc::new(move |status| this.malformed(&platform, &listen, status))
        });
        let turns = courteous.turns();
        let last = Last::default();
        let service = service_fn(|request: Request<Incoming>| {
            let (platform, listen, turns, last, sender) = (&platform, &listen, &turns, &last, &sender);
            async move {
                turns.begin();
                let head = request.method() == http::Method::HEAD;
                let mut response = self.answer(platform, listen, last, sender, request).await;
                if head && let Either::Left(body) = response.body_mut() {
                    *body = Full::default();
                }
                if self.node.clock.is_moved() {
                    date(&mut response, self.node.clock.now());
                }
                Ok::<_, Infallible>(response)
            }
        });
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(Patience::default())
            .header_read_timeout(self.bounds.header_timeout)
            .max_buf_size(64 * 1024)
            .serve_connection(courteous, service)
            .with_upgrades();
        let mut connection = std::pin::pin!(connection);
        let ended = if let Some(ended) = turn::unless_stopped(connection.as_mut(), stop).await {
            ended
        } else {
            connection.as_mut().graceful_shutdown();
            connection.await
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "connection ended");
        }
    }

    /// The platform as it stands now, and which of its hosts a request names; `None` for none that listens here. A
    /// connection asks for the same one again and again.
    fn find(
        &self,
        platform: &PlatformId,
        listen: &str,
        last: &Last,
        request: &Request<Incoming>,
    ) -> Option<(Arc<Live>, Option<usize>)> {
        let platforms = self.node.platforms_now();
        let named = host_of(request);
        let mut last = last.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some(last), Some(named)) = (&*last, named)
            && last.platforms.as_ptr() == Arc::as_ptr(&platforms)
            && *last.named == *named.as_bytes()
            && let Some(live) = last.live.upgrade()
        {
            return Some((live, Some(last.host_index)));
        }
        let live = platforms.get(platform)?.clone();
        let hosts = &live.tenant.snapshot.platform.hosts;
        let here = |h: &Host| *h.listen == *listen;
        let name = named.and_then(|named| named.to_str().ok());
        let found =
            name.and_then(|name| hosts.iter().position(|h| here(h) && mandate_gate::host_matches(h, name)));
        *last = found.zip(name).map(|(host_index, name)| Seen {
            platforms: Arc::downgrade(&platforms),
            live: Arc::downgrade(&live),
            named: name.as_bytes().into(),
            host_index,
        });
        Some((live, found))
    }

    /// One request, from any host.
    async fn answer(
        &self,
        platform: &PlatformId,
        listen: &str,
        last: &Last,
        sender: &Sender,
        mut request: Request<Incoming>,
    ) -> Response<Body> {
        let peer = sender.peer.ip();
        let Some((live, found)) = self.find(platform, listen, last, &request) else { return gone() };
        let live = &*live;
        let hosts = &live.tenant.snapshot.platform.hosts;
        let Some(host_index) = found else {
            let first = hosts.iter().position(|h| *h.listen == *listen).unwrap_or(0);
            return self.refuse(live, first, peer, Refusal::anonymous(Cause::HostUnknown));
        };
        let trusted = &self.bounds.trusted_proxies;
        let address = client_address(peer, request.headers(), trusted);
        let from_proxy = is_trusted(peer, trusted);
        let shown = match self.node.tls.of_request(sender.shown.as_ref(), from_proxy, request.headers_mut()) {
            Ok(shown) => shown,
            Err(refusal) => return self.refuse(live, host_index, address, *refusal),
        };
        let surface = hosts[host_index].surface;
        if mandate_issuer::owns(surface, request.uri().path()) {
            let arrival = self.arrival(live, host_index, address);
            let certificate = shown.map(|shown| self.node.tls.judged(&shown, arrival.now));
            let arrival = Arrival { certificate: certificate.as_ref(), ..arrival };
            let collected = if request.body().is_end_stream() {
                Ok(request.map(|_| Bytes::new()))
            } else {
                collect(request, self.bounds.body_timeout).await
            };
            let mut response = match collected {
                Ok(request) => mandate_issuer::handle(&arrival, request).await,
                Err(refusal) => {
                    let mut response = arrival.refuse("(body)", (*refusal).into());
                    // what is left of the body would be taken for the next request
                    response
                        .headers_mut()
                        .insert(http::header::CONNECTION, http::HeaderValue::from_static("close"));
                    response
                }
            };
            self.node.gate.stamp(response.headers_mut());
            return response.map(|bytes| Either::Left(Full::new(bytes)));
        }
        let certificate = shown.as_deref().map(Shown::thumbprint);
        request.extensions_mut().insert(sender.hold.clone());
        self.node.gate.handle(&live.sites[host_index], address, certificate, request).await.map(Either::Right)
    }

    fn arrival<'a>(&'a self, live: &'a Live, host_index: usize, address: IpAddr) -> Arrival<'a> {
        let now = self.node.clock.now();
        Arrival {
            issuer: &self.node.issuer,
            tenant: &live.tenant,
            host_index,
            address,
            certificate: None,
            now,
        }
    }

    fn refuse(&self, live: &Live, host_index: usize, address: IpAddr, refusal: Refusal) -> Response<Body> {
        let mut response = self.arrival(live, host_index, address).refuse_anything(refusal.into());
        self.node.gate.stamp(response.headers_mut());
        response.map(|bytes| Either::Left(Full::new(bytes)))
    }

    /// The bytes for a request that the HTTP parser gave up on, in the words of the listener's first host.
    fn malformed(&self, platform: &PlatformId, listen: &str, status: u16) -> Option<Response<Bytes>> {
        let platforms = self.node.platforms();
        let live = platforms.get(platform)?;
        let host_index = live.tenant.snapshot.platform.hosts.iter().position(|h| *h.listen == *listen)?;
        let refusal = match status {
            431 => Refusal::anonymous(Cause::RequestTooLarge)
                .with(FactName::Parameter, "the header section")
                .with(FactName::Limit, 64 * 1024),
            414 => Refusal::anonymous(Cause::RequestTooLarge)
                .with(FactName::Parameter, "the request line")
                .with(FactName::Limit, 64 * 1024),
            _ => Refusal::anonymous(Cause::RequestMalformed)
                .with(FactName::Defect, "a header or the request line breaks the grammar of HTTP"),
        };
        let nobody = IpAddr::from([0, 0, 0, 0]);
        let mut response = self.arrival(live, host_index, nobody).refuse_anything(refusal.into());
        self.node.gate.stamp(response.headers_mut());
        Some(response)
    }

    /// Stops accepting, lets requests in flight finish, and waits for that at most `patience`.
    pub(crate) async fn shut(&self, patience: Duration) {
        self.stop.send_replace(true);
        self.node.gate.stop_streams();
        let all = u32::try_from(self.bounds.connections).unwrap_or(u32::MAX);
        let drained = tokio::time::timeout(patience, self.permits.acquire_many(all)).await;
        if drained.is_err() {
            tracing::warn!("some connections did not end in time");
        }
    }
}

/// The authority that a request names.
fn host_of<B>(request: &Request<B>) -> Option<&HeaderValue> {
    let mut named = request.headers().get_all(http::header::HOST).iter();
    match (named.next(), named.next(), request.uri().authority()) {
        (Some(one), None, None) => Some(one),
        (Some(one), None, Some(authority)) => {
            Some(one).filter(|h| h.as_bytes().eq_ignore_ascii_case(authority.as_str().as_bytes()))
        }
        _ => None,
    }
}

fn is_trusted(peer: IpAddr, trusted: &[IpNet]) -> bool {
    trusted.iter().any(|net| net.contains(&peer))
}

/// The caller's address. `X-Forwarded-For` counts only from configured proxies, from its right end.
fn client_address(peer: IpAddr, headers: &http::HeaderMap, trusted: &[IpNet]) -> IpAddr {
    if !is_trusted(peer, trusted) {
        return peer;
    }
    let mut address = peer;
    for value in headers.get_all("x-forwarded-for").iter().rev() {
        let Ok(text) = value.to_str() else { return address };
        for part in text.rsplit(',') {
            let Ok(ip) = part.trim().parse::<IpAddr>() else { return address };
            address = ip;
            if !is_trusted(ip, trusted) {
                return address;
            }
        }
    }
    address
}

/// Reads a body of ours, bounded in size and time.
async fn collect(request: Request<Incoming>, patience: Duration) -> Result<Request<Bytes>, Box<Refusal>> {
    let (parts, incoming) = request.into_parts();
    let limited = Limited::new(incoming, body::LARGEST);
    match tokio::time::timeout(patience, limited.collect()).await {
        Ok(Ok(collected)) => Ok(Request::from_parts(parts, collected.to_bytes())),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            Err(body::too_large(body::LARGEST))
        }
        Ok(Err(_)) | Err(_) => Err(body::malformed(body::Fault::BrokenOff, "the whole body")),
    }
}

/// The platform was taken away while the connection was open.
fn gone() -> Response<Body> {
    let mut response = Response::new(Either::Left(Full::new(Bytes::new())));
    *response.status_mut() = StatusCode::MISDIRECTED_REQUEST;
    response
}

/// Dates an answer by a clock that is not the machine's: clients learn from it how wrong their own is (RFC 9110 6.6.1).
fn date<B>(response: &mut Response<B>, now: Timestamp) {
    let since = Duration::from_millis(u64::try_from(now.millis()).unwrap_or(0));
    let text = httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + since);
    if let Ok(value) = HeaderValue::from_str(&text) {
        response.headers_mut().insert(header::DATE, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r20_forwarded_addresses_count_from_trusted_peers_only() {
        let ip = |t: &str| t.parse::<IpAddr>().unwrap();
        let trusted: Vec<IpNet> = vec!["10.0.0.0/8".parse().unwrap()];
        let headers = |values: &[&str]| {
            let mut map = http::HeaderMap::new();
            for v in values {
                map.append("x-forwarded-for", v.parse().unwrap());
            }
            map
        };
        for (peer, sent, expected) in [
            ("192.0.2.1", vec!["203.0.113.9"], "192.0.2.1"),
            ("10.0.0.1", vec!["203.0.113.9"], "203.0.113.9"),
            ("10.0.0.1", vec!["6.6.6.6, 203.0.113.9, 10.0.0.2"], "203.0.113.9"),
            ("10.0.0.1", vec!["6.6.6.6", "203.0.113.9"], "203.0.113.9"),
            ("10.0.0.1", vec!["garbage"], "10.0.0.1"),
            ("10.0.0.1", vec![], "10.0.0.1"),
        ] {
            assert_eq!(client_address(ip(peer), &headers(&sent), &trusted), ip(expected), "{peer} {sent:?}");
        }
    }
}
