//! Where this server may fetch from when somebody else names the address (`jwks_uri`): never from a network that only it
//! can reach (SECURITY R18).

use mandate_core::must;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use url::{Host, Url};

/// Longest address that is taken, in bytes.
const LONGEST: usize = 2000;

/// What may be fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OutboundPolicy {
    /// This machine's own addresses too, and `http` there: for demos and tests.
    pub loopback: bool,
}

/// Why nothing is fetched. Said to whoever named the address, so it tells nothing about networks behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OutboundFault {
    /// It is no absolute URL of a host.
    #[error("it is no absolute URL with a host")]
    Url,
    /// It is not `https`.
    #[error("it is not an https address")]
    Scheme,
    /// It holds a user name, a password or a fragment.
    #[error("it holds a user name, a password or a fragment")]
    Parts,
    /// It is longer than 2000 bytes, or not printable ASCII.
    #[error("it is not 1 to 2000 printable ASCII characters")]
    Text,
    /// It leads to an address of a private or special network.
    #[error("it leads to an address that is not public")]
    NotPublic,
}

/// Where to go for an address that the policy allows, so far as its text says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// With TLS.
    pub tls: bool,
    /// The name or address to resolve, without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// What the `Host` header says.
    pub authority: String,
    /// Path and query.
    pub path: String,
}

impl OutboundPolicy {
    /// Reads an address. The networks that a name leads to are judged by [`Self::may_connect`], after it was resolved.
    ///
    /// # Errors
    /// It may not be fetched.
    pub fn target(self, text: &str) -> Result<Target, OutboundFault> {
        if text.is_empty() || text.len() > LONGEST || !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(OutboundFault::Text);
        }
        let url = Url::parse(text).map_err(|_| OutboundFault::Url)?;
        let host = url.host().ok_or(OutboundFault::Url)?;
        if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            return Err(OutboundFault::Parts);
        }
        let address = match &host {
            Host::Ipv4(ip) => Some(IpAddr::V4(*ip)),
            Host::Ipv6(ip) => Some(IpAddr::V6(*ip)),
            Host::Domain(_) => None,
        };
        let here = match (&host, address) {
            (Host::Domain(name), _) => *name == "localhost",
            (_, address) => address.is_some_and(|ip| ip.to_canonical().is_loopback()),
        };
        match url.scheme() {
            "https" => {}
            "http" if self.loopback && here => {}
            _ if must!("oidcreg-2-https") => return Err(OutboundFault::Scheme),
            _ => {}
        }
        if here && !self.loopback {
            return Err(OutboundFault::NotPublic);
        }
        if let Some(ip) = address {
            self.may_connect(ip)?;
        }
        let port = url.port_or_known_default().ok_or(OutboundFault::Url)?;
        let authority = url.host_str().ok_or(OutboundFault::Url)?;
        let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
        Ok(Target {
            tls: url.scheme() == "https",
            host: authority.trim_start_matches('[').trim_end_matches(']').to_owned(),
            port,
            authority: url.port().map_or_else(|| authority.to_owned(), |port| format!("{authority}:{port}")),
            path: format!("{}{query}", url.path()),
        })
    }

    /// Whether a connection to this very address may be made. To be asked after the name was resolved, about the address
    /// that is then connected to: a name may lead elsewhere the next time.
    ///
    /// # Errors
    /// It is not public.
    pub fn may_connect(self, address: IpAddr) -> Result<(), OutboundFault> {
        let address = address.to_canonical();
        let public = match address {
            IpAddr::V4(ip) => is_public_v4(ip),
            IpAddr::V6(ip) => is_public_v6(ip),
        };
        if public || (self.loopback && address.is_loopback()) {
            Ok(())
        } else {
            Err(OutboundFault::NotPublic)
        }
    }
}

/// All but what the IANA registry of special-purpose addresses (RFC 6890) keeps for other things.
fn is_public_v4(ip: Ipv4Addr) -> bool {
    const SPECIAL: [(u32, u32); 15] = [
        (0x0000_0000, 8),  // this network
        (0x0a00_0000, 8),  // private
        (0x6440_0000, 10), // carriers' NAT
        (0x7f00_0000, 8),  // loopback
        (0xa9fe_0000, 16), // link-local, where clouds keep their credentials
        (0xac10_0000, 12), // private
        (0xc000_0000, 24), // protocol assignments
        (0xc000_0200, 24), // documentation
        (0xc058_6300, 24), // 6to4 relays
        (0xc0a8_0000, 16), // private
        (0xc612_0000, 15), // benchmarks
        (0xc633_6400, 24), // documentation
        (0xcb00_7100, 24), // documentation
        (0xe000_0000, 4),  // multicast
        (0xf000_0000, 4),  // reserved, broadcast
    ];
    let bits = ip.to_bits();
    SPECIAL.iter().all(|(net, length)| (bits ^ net) >> (32 - length) != 0)
}

/// Global unicast (`2000::/3`) but for what lies in it for other things.
fn is_public_v6(ip: Ipv6Addr) -> bool {
    const SPECIAL: [(u128, u32); 4] = [
        (0x2001_0000 << 96, 23), // protocol assignments, Teredo among them
        (0x2001_0db8 << 96, 32), // documentation
        (0x2002_0000 << 96, 16), // 6to4: an IPv4 address in disguise
        (0x3fff_0000 << 96, 20), // documentation
    ];
    let bits = ip.to_bits();
    bits >> 125 == 1 && SPECIAL.iter().all(|(net, length)| (bits ^ net) >> (128 - length) != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLIC: OutboundPolicy = OutboundPolicy { loopback: false };
    const DEMO: OutboundPolicy = OutboundPolicy { loopback: true };

    #[test]
    fn r18_special_networks_are_not_connected_to() {
        let refused = [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "10.255.255.255",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.8.8.8",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:10.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::7f00:1",
            "64:ff9b::a00:1",
            "100::1",
            "fe80::1",
            "fc00::1",
            "fd12:3456::1",
            "fec0::1",
            "ff02::1",
            "2001::1",
            "2001:db8::1",
            "2002:a00:1::1",
            "3fff::1",
            "4000::1",
        ];
        for text in refused {
            assert_eq!(PUBLIC.may_connect(text.parse().unwrap()), Err(OutboundFault::NotPublic), "{text}");
        }
        let allowed = [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.1",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2606:4700::1111",
            "2001:4860:4860::8888",
            "2003::1",
            "2a00::1",
            "::ffff:1.1.1.1",
        ];
        for text in allowed {
            assert_eq!(PUBLIC.may_connect(text.parse().unwrap()), Ok(()), "{text}");
        }
    }

    #[test]
    fn r18_a_demo_reaches_its_own_machine_and_nothing_else_beside_the_public() {
        for (text, allowed) in
            [("127.0.0.1", true), ("::1", true), ("::ffff:127.0.0.1", true), ("10.0.0.1", false)]
        {
            assert_eq!(DEMO.may_connect(text.parse().unwrap()).is_ok(), allowed, "{text}");
        }
    }

    #[test]
    fn addresses_are_https_and_public() {
        use OutboundFault::{NotPublic, Parts, Scheme, Text, Url};
        for (text, expected) in [
            ("http://client.example/jwks", Scheme),
            ("ftp://client.example/jwks", Scheme),
            ("file:///etc/passwd", Url),
            ("data:,x", Url),
            ("//client.example/jwks", Url),
            ("https://a@client.example/jwks", Parts),
            ("https://:b@client.example/jwks", Parts),
            ("https://client.example/jwks#x", Parts),
            ("https://client.example/j wks", Text),
            ("", Text),
            ("https://127.0.0.1/jwks", NotPublic),
            ("https://2130706433/jwks", NotPublic),
            ("https://0x7f.1/jwks", NotPublic),
            ("https://localhost/jwks", NotPublic),
            ("https://[::1]/jwks", NotPublic),
            ("https://[::ffff:10.0.0.1]/jwks", NotPublic),
            ("https://169.254.169.254/latest", NotPublic),
            ("http://127.0.0.1/jwks", Scheme),
        ] {
            assert_eq!(PUBLIC.target(text), Err(expected), "{text}");
        }
        assert_eq!(DEMO.target("http://client.example/jwks"), Err(Scheme));
        assert!(DEMO.target("http://127.0.0.1:80/jwks").is_ok() && DEMO.target("http://localhost/x").is_ok());
        let target = PUBLIC.target("https://Client.example:8443/a/../jwks?x=1").unwrap();
        let expected = Target {
            tls: true,
            host: "client.example".into(),
            port: 8443,
            authority: "client.example:8443".into(),
            path: "/jwks?x=1".into(),
        };
        assert_eq!(target, expected);
        let six = PUBLIC.target("https://[2606:4700::1111]/").unwrap();
        assert_eq!((&*six.host, &*six.authority, six.port), ("2606:4700::1111", "[2606:4700::1111]", 443));
    }
}
