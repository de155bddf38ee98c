//! One pattern of hosts.

use std::net::IpAddr;

use ipnet::IpNet;
use url::{Host, Url};

use crate::address::{canonical, is_public};
use crate::hosts::{HostError, bare};

/// Longest pattern, in bytes.
const MAX_PATTERN: usize = 256;

/// Fewest bits of a network: a larger one is a mistake.
const MIN_NETWORK_BITS: u8 = 8;

/// One host, or many, with schemes and ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    host: HostPattern,
    scheme: Option<Scheme>,
    port: Port,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum HostPattern {
    /// Every public one.
    Any,
    /// All names that end so, with a dot in front.
    Below(String),
    Name(String),
    Network(IpNet),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    Http,
    Https,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Port {
    Any,
    /// That of the scheme.
    Usual,
    One(u16),
}

impl Pattern {
    pub(crate) fn parse(text: &str) -> Result<Self, HostError> {
        let wrong = |why| HostError { why };
        if text.len() > MAX_PATTERN {
            return Err(wrong("it is longer than 256 bytes"));
        }
        let (scheme, rest) = match text.split_once("://") {
            Some(("http", rest)) => (Some(Scheme::Http), rest),
            Some(("https", rest)) => (Some(Scheme::Https), rest),
            Some(_) => return Err(wrong("a scheme is `http` or `https`")),
            None => (None, text),
        };
        let (host, port) = split_port(rest);
        let host = HostPattern::parse(host).map_err(wrong)?;
        let port = match port {
            None if scheme.is_none() && host.is_local() => Port::Any,
            None => Port::Usual,
            Some("*") => Port::Any,
            Some(port) => match port.parse() {
                Ok(port) if port > 0 => Port::One(port),
                _ => return Err(wrong("a port is a number, or `*` for any")),
            },
        };
        let scheme = match (scheme, port) {
            (None, Port::Usual) => Some(Scheme::Https),
            _ => scheme,
        };
        Ok(Self { host, scheme, port })
    }

    /// Whether it is `*` alone.
    pub(crate) fn is_star(&self) -> bool {
        self.host == HostPattern::Any
            && self.scheme == Some(Scheme::Https)
            && self.port == Port::Usual
    }

    /// Whether it means every host of another, whatever scheme and port.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        self.host.covers(&other.host)
    }

    /// Whether it names this address, which is not public, for this URL.
    pub(crate) fn names(&self, address: IpAddr, url: &Url) -> bool {
        self.has_port_of(url)
            && match &self.host {
                HostPattern::Network(network) => network.contains(&address),
                HostPattern::Name(name) => {
                    name == "localhost" && address.is_loopback() && self.allows(url)
                }
                HostPattern::Any | HostPattern::Below(_) => false,
            }
    }

    /// Whether it allows a URL's scheme, host and port.
    pub(crate) fn allows(&self, url: &Url) -> bool {
        self.has_port_of(url)
            && match (&self.host, url.host()) {
                (_, None) => false,
                (HostPattern::Any, Some(Host::Ipv4(address))) => is_public(address.into()),
                (HostPattern::Any, Some(Host::Ipv6(address))) => is_public(address.into()),
                (HostPattern::Any, Some(Host::Domain(_))) => true,
                (HostPattern::Below(end), Some(Host::Domain(name))) => {
                    bare(name).ends_with(end.as_str())
                }
                (HostPattern::Name(own), Some(Host::Domain(name))) => bare(name) == own,
                (HostPattern::Network(network), Some(Host::Ipv4(address))) => {
                    network.contains(&IpAddr::V4(address))
                }
                (HostPattern::Network(network), Some(Host::Ipv6(address))) => {
                    network.contains(&canonical(address.into()))
                }
                _ => false,
            }
    }

    fn has_port_of(&self, url: &Url) -> bool {
        let usual = match url.scheme() {
            "http" if self.scheme != Some(Scheme::Https) => 80,
            "https" if self.scheme != Some(Scheme::Http) => 443,
            _ => return false,
        };
        match self.port {
            Port::Any => true,
            Port::Usual => url.port_or_known_default() == Some(usual),
            Port::One(port) => url.port_or_known_default() == Some(port),
        }
    }
}

/// An address or a network.
pub(crate) fn network(text: &str) -> Result<IpNet, HostError> {
    match HostPattern::parse(text) {
        Ok(HostPattern::Network(network)) => Ok(network),
        Ok(_) => Err(HostError {
            why: "it is no address and no network",
        }),
        Err(why) => Err(HostError { why }),
    }
}

impl HostPattern {
    fn parse(text: &str) -> Result<Self, &'static str> {
        if text == "*" {
            return Ok(Self::Any);
        }
        if let Some((address, bits)) = text.split_once('/') {
            let address = unbracketed(address).parse::<IpAddr>();
            // Wider than `u8`: `/300` is a network with too many bits, not a mistake of spelling.
            let (Ok(address), Ok(bits)) = (address, bits.parse::<u32>()) else {
                return Err("a network is written `10.0.0.0/8`");
            };
            let network = u8::try_from(bits)
                .ok()
                .and_then(|bits| IpNet::new(address, bits).ok());
            return match network {
                None => Err("a network has no more bits than its addresses"),
                Some(network) if network.prefix_len() < MIN_NETWORK_BITS => {
                    Err("a network has at least 8 bits")
                }
                Some(network) => Ok(Self::Network(network)),
            };
        }
        if let Ok(address) = unbracketed(text).parse::<IpAddr>() {
            return Ok(Self::Network(canonical(address).into()));
        }
        let (below, name) = match text.strip_prefix("*.") {
            Some(name) => (true, name),
            None => (false, text),
        };
        if name.contains('*') {
            return Err("a star stands alone, or in front: `*.example.com`");
        }
        // The same reading that a URL's host gets: case, IDNA, percent signs.
        match Host::parse(name) {
            Ok(Host::Domain(name)) if below => Ok(Self::Below(format!(".{}", bare(&name)))),
            Ok(Host::Domain(name)) => Ok(Self::Name(bare(&name).to_owned())),
            Ok(Host::Ipv4(_) | Host::Ipv6(_)) => Err("an address is written with all its parts"),
            Err(_) => Err("it is no name and no address"),
        }
    }

    /// Whether it names addresses, or this machine.
    fn is_local(&self) -> bool {
        match self {
            Self::Network(_) => true,
            Self::Name(name) => name == "localhost",
            Self::Any | Self::Below(_) => false,
        }
    }

    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _) => true,
            (Self::Below(end), Self::Name(name) | Self::Below(name)) => name.ends_with(end),
            (Self::Network(network), Self::Network(other)) => network.contains(other),
            _ => self == other,
        }
    }
}

fn unbracketed(text: &str) -> &str {
    text.strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .unwrap_or(text)
}

/// The host and the port of a pattern. Colons of an address without brackets are its own.
fn split_port(text: &str) -> (&str, Option<&str>) {
    match text.rsplit_once(':') {
        Some((host, port)) if host.ends_with(']') || !host.contains(':') => (host, Some(port)),
        _ => (text, None),
    }
}
