//! Where a request came in, and where it goes.

use crate::forward::Pool;
use mandate_core::platform::{Host, Snapshot};
use mandate_wire::Recorder;
use mandate_wire::dialect::Dialect;
use mandate_wire::identity::IdentityKey;
use std::net::SocketAddr;
use std::sync::Arc;

/// One host of a platform with all that is needed to judge what comes to it. Put together by whoever knows the
/// listener; cheap to clone.
#[derive(Debug, Clone)]
pub struct Site {
    /// The platform, compiled.
    pub snapshot: Arc<Snapshot>,
    /// How it speaks.
    pub dialect: &'static dyn Dialect,
    /// Position of the host in it.
    pub host_index: usize,
    /// Names refusals.
    pub recorder: Arc<Recorder>,
    /// Signs the caller's identity for the API.
    pub identity: Arc<IdentityKey>,
    /// The API; a host of pages has none.
    pub upstream: Option<Upstream>,
}

impl Site {
    /// The host, as the platform file has it.
    pub fn host(&self) -> Option<&Host> {
        self.snapshot.platform.hosts.get(self.host_index)
    }
}

/// An API behind the gate, resolved, with the connections kept open to it. Clones share them.
#[derive(Debug, Clone)]
pub struct Upstream(pub(crate) Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) name: Box<str>,
    pub(crate) authority: Box<str>,
    pub(crate) pool: Pool,
}

impl Upstream {
    /// `name` is its name in the platform file, `authority` what `Host` says to it, `address` where it listens.
    pub fn new(name: impl Into<Box<str>>, authority: impl Into<Box<str>>, address: SocketAddr) -> Self {
        Self(Arc::new(Inner { name: name.into(), authority: authority.into(), pool: Pool::new(address) }))
    }
    /// Its name in the platform file: the audience of the signed identity.
    pub fn name(&self) -> &str {
        &self.0.name
    }
    pub(crate) fn authority(&self) -> &str {
        &self.0.authority
    }
    pub(crate) fn address(&self) -> SocketAddr {
        self.0.pool.address
    }
}

/// Scheme and authority of a host's base URL.
pub(crate) fn base(host: &Host) -> (&str, &str) {
    // By its first colon: looking for a longer text costs more than all the rest.
    let (scheme, rest) = match host.url.split_once(':') {
        Some((scheme, rest)) if rest.starts_with("//") => (scheme, &rest[2..]),
        _ => ("http", &*host.url),
    };
    (scheme, rest.split('/').next().unwrap_or(rest))
}

/// Whether a `Host` header names this host: its own authority or an alias, letter case aside; the scheme's own
/// port may be left out (RFC 9110 section 4.2.3).
pub fn host_matches(host: &Host, header: &str) -> bool {
    let (scheme, authority) = base(host);
    let implied = if scheme.eq_ignore_ascii_case("https") { "443" } else { "80" };
    let said = split_port(header, implied);
    !header.is_empty()
        && std::iter::once(authority).chain(host.aliases.iter().map(|a| &**a)).any(|known| {
            let (name, port) = split_port(known, implied);
            name.eq_ignore_ascii_case(said.0) && port == said.1
        })
}

/// Name and port of an authority; a colon inside brackets belongs to an IPv6 address.
fn split_port<'a>(authority: &'a str, implied: &'a str) -> (&'a str, &'a str) {
    match authority.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') && !port.is_empty() => (name, port),
        _ => (authority, implied),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mandate_wire::dialect::alpaca::REST;

    fn host(url: &str, aliases: &[&str]) -> Host {
        Host {
            name: "paper".into(),
            listen: "127.0.0.1:0".into(),
            url: url.into(),
            aliases: aliases.iter().map(|a| (*a).into()).collect(),
            environments: vec!["paper".into()],
            surface: REST,
            upstream: None,
        }
    }

    #[test]
    fn r18_only_names_of_the_file_match() {
        let plain = host("http://paper-api.test:7111", &["localhost:7111"]);
        for yes in ["paper-api.test:7111", "PAPER-API.test:7111", "localhost:7111"] {
            assert!(host_matches(&plain, yes), "{yes}");
        }
        for no in [
            "",
            "paper-api.test",
            "paper-api.test:80",
            "evil.test:7111",
            "paper-api.test:7111.evil",
            "localhost",
        ] {
            assert!(!host_matches(&plain, no), "{no}");
        }
        let tls = host("https://api.test/", &[]);
        assert!(host_matches(&tls, "api.test") && host_matches(&tls, "api.test:443"));
        assert!(!host_matches(&tls, "api.test:80") && !host_matches(&tls, "api.test."));
        let six = host("http://[::1]:7111", &["[::1]"]);
        assert!(
            host_matches(&six, "[::1]:7111")
                && host_matches(&six, "[::1]:80")
                && !host_matches(&six, "[::1]:81")
        );
    }
}
