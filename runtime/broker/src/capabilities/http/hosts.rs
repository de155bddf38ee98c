//! Hosts that are granted, as patterns.

use std::fmt;
use std::net::IpAddr;

use url::{Host, Url};

use super::address::{canonical, is_public, is_within};

/// Longest pattern, in bytes.
const MAX_PATTERN: usize = 256;

/// Fewest bits of a network: a larger one is a mistake.
const MIN_NETWORK_BITS: u32 = 8;

/// A pattern that cannot mean a host.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{pattern}` means no host: {why}")]
pub struct HostError {
    pattern: String,
    why: &'static str,
}

/// Which hosts may be asked: `api.example.com`, `*.example.com`, `*`, `127.0.0.1:8080`,
/// `10.0.0.0/8`, or the name of a connection.
///
/// A name means https on its own port; `http://` in front means http on its own, and a
/// port behind (`:*` for any) both. An address, a network and `localhost` mean both, on
/// every port, unless they say otherwise. A word without a dot is a connection of
/// `wxmcp.toml`; a host of such a name is written with `https://` in front.
///
/// A pattern with a star never reaches an address that is not public, nor does a name that
/// leads to one: such an address must be named itself, alone or by its network.
/// `localhost` names those of this machine.
#[derive(Clone, Debug, Default)]
pub struct Hosts {
    patterns: Vec<Pattern>,
    connections: Vec<String>,
}

/// One host, or many, with schemes and ports.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Pattern {
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
    Network(IpAddr, u32),
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

impl Hosts {
    /// Reads patterns.
    ///
    /// # Errors
    ///
    /// One that cannot mean a host.
    pub fn new<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Result<Self, HostError> {
        let mut hosts = Self::default();
        for text in texts {
            hosts.add(text.as_ref())?;
        }
        Ok(hosts)
    }

    /// Reads patterns, and leaves out what means no host.
    pub(crate) fn lenient<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Self {
        let mut hosts = Self::default();
        for text in texts {
            let _means_nothing = hosts.add(text.as_ref());
        }
        hosts
    }

    fn add(&mut self, text: &str) -> Result<(), HostError> {
        let text = text.trim();
        if is_connection(text) {
            self.connections.push(text.to_owned());
        } else {
            self.patterns.push(Pattern::parse(text)?);
        }
        Ok(())
    }

    /// The connections that are named.
    pub fn connections(&self) -> impl Iterator<Item = &str> {
        self.connections.iter().map(String::as_str)
    }

    /// Whether a connection is named.
    pub(super) fn has_connection(&self, name: &str) -> bool {
        self.connections.iter().any(|known| known == name)
    }

    /// Whether `*` is among them: as a wish it means whatever is approved.
    pub(super) fn wish_for_all(&self) -> bool {
        let mut patterns = self.patterns.iter();
        patterns.any(|pattern| {
            pattern.host == HostPattern::Any && pattern.scheme == Some(Scheme::Https)
        })
    }

    /// Whether the URL's scheme, host and port are granted, whatever its address.
    pub(super) fn allow(&self, url: &Url) -> bool {
        self.patterns.iter().any(|pattern| pattern.allows(url))
    }

    /// Whether an address that is not public is named, for this URL.
    pub(super) fn name(&self, address: IpAddr, url: &Url) -> bool {
        self.patterns
            .iter()
            .filter(|pattern| pattern.has_port_of(url))
            .any(|pattern| match &pattern.host {
                HostPattern::Network(network, bits) => is_within(address, *network, *bits),
                HostPattern::Name(name) => {
                    name == "localhost" && address.is_loopback() && pattern.allows(url)
                }
                HostPattern::Any | HostPattern::Below(_) => false,
            })
    }

    /// Whether something that `wish` asks for is granted.
    pub(crate) fn overlap(&self, wish: &Self) -> bool {
        let named = |name: &String| self.connections.contains(name);
        wish.connections.iter().any(named)
            || wish.patterns.iter().any(|wish| {
                let mut own = self.patterns.iter();
                own.any(|own| own.host.covers(&wish.host) || wish.host.covers(&own.host))
            })
    }
}

/// Whether a word can only be a connection's name.
fn is_connection(text: &str) -> bool {
    !text.is_empty()
        && text != "localhost"
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

impl Pattern {
    fn parse(text: &str) -> Result<Self, HostError> {
        let wrong = |why| HostError {
            pattern: text.chars().take(MAX_PATTERN).collect(),
            why,
        };
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

    fn allows(&self, url: &Url) -> bool {
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
                (HostPattern::Network(network, bits), Some(Host::Ipv4(address))) => {
                    is_within(address.into(), *network, *bits)
                }
                (HostPattern::Network(network, bits), Some(Host::Ipv6(address))) => {
                    is_within(canonical(address.into()), *network, *bits)
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

impl HostPattern {
    fn parse(text: &str) -> Result<Self, &'static str> {
        if text == "*" {
            return Ok(Self::Any);
        }
        if let Some((address, bits)) = text.split_once('/') {
            let address = unbracketed(address).parse::<IpAddr>();
            let (Ok(address), Ok(bits)) = (address, bits.parse::<u32>()) else {
                return Err("a network is written `10.0.0.0/8`");
            };
            let all = if address.is_ipv4() { 32 } else { 128 };
            return match bits {
                _ if bits > all => Err("a network has no more bits than its addresses"),
                _ if bits < MIN_NETWORK_BITS => Err("a network has at least 8 bits"),
                _ => Ok(Self::Network(address, bits)),
            };
        }
        if let Ok(address) = unbracketed(text).parse::<IpAddr>() {
            let address = canonical(address);
            return Ok(Self::Network(
                address,
                if address.is_ipv4() { 32 } else { 128 },
            ));
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
            Self::Network(..) => true,
            Self::Name(name) => name == "localhost",
            Self::Any | Self::Below(_) => false,
        }
    }

    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _) => true,
            (Self::Below(end), Self::Name(name) | Self::Below(name)) => name.ends_with(end),
            (Self::Network(network, bits), Self::Network(other, other_bits)) => {
                bits <= other_bits && is_within(*other, *network, *bits)
            }
            _ => self == other,
        }
    }
}

/// A name without the dot that a whole name may end with.
pub(super) fn bare(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
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

/// The shortest pattern that allows a URL's host.
pub(super) struct Wanted<'a>(pub(super) &'a Url);

impl fmt::Display for Wanted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = match self.0.host() {
            Some(Host::Domain(name)) => bare(name).to_owned(),
            Some(Host::Ipv4(address)) => address.to_string(),
            Some(Host::Ipv6(address)) => match canonical(address.into()) {
                IpAddr::V4(address) => address.to_string(),
                IpAddr::V6(address) => format!("[{address}]"),
            },
            None => String::new(),
        };
        let is_address = !matches!(self.0.host(), Some(Host::Domain(_)));
        match (self.0.scheme(), self.0.port()) {
            (_, Some(port)) => write!(f, "{host}:{port}"),
            (_, None) if is_address || host == "localhost" => f.write_str(&host),
            ("https", None) if !is_connection(&host) => f.write_str(&host),
            (scheme, None) => write!(f, "{scheme}://{host}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(patterns: &[&str], url: &str) -> bool {
        Hosts::new(patterns)
            .unwrap()
            .allow(&Url::parse(url).unwrap())
    }

    #[test]
    fn patterns_mean_hosts_schemes_and_ports() {
        for (pattern, allowed, refused) in [
            (
                "api.example.com",
                &[
                    "https://api.example.com/x",
                    "https://API.example.COM./",
                    "https://api.example.com:443/",
                    "https://%61pi.example.com/",
                ][..],
                &[
                    "http://api.example.com/",
                    "https://api.example.com:8443/",
                    "https://example.com/",
                    "https://x.api.example.com/",
                    "https://api.example.com.evil.test/",
                    "https://api.example.com@evil.test/",
                    "https://evil.test#api.example.com",
                    "https://evil.test\\@api.example.com/",
                ][..],
            ),
            (
                "*.example.com",
                &["https://a.example.com/", "https://a.b.example.com/"],
                &[
                    "https://example.com/",
                    "https://aexample.com/",
                    "http://a.example.com/",
                ],
            ),
            (
                "*",
                &["https://example.com/", "https://8.8.8.8/"],
                &[
                    "http://example.com/",
                    "https://example.com:8443/",
                    "https://127.0.0.1/",
                    "https://2130706433/",
                    "https://0x7f.1/",
                    "https://017700000001/",
                    "https://[::1]/",
                    "https://[::ffff:127.0.0.1]/",
                    "https://169.254.169.254/",
                ],
            ),
            (
                "http://*",
                &["http://example.com/"],
                &["https://example.com/"],
            ),
            (
                "http://example.com",
                &["http://example.com/"],
                &["https://example.com/", "http://example.com:8080/"],
            ),
            (
                "example.com:8080",
                &["http://example.com:8080/", "https://example.com:8080/"],
                &["http://example.com/", "https://example.com/"],
            ),
            (
                "https://example.com:*",
                &["https://example.com/", "https://example.com:1/"],
                &["http://example.com/"],
            ),
            (
                "localhost",
                &["http://localhost:8080/", "https://LOCALHOST/"],
                &["http://127.0.0.1:8080/", "http://localhost.example.com/"],
            ),
            (
                "127.0.0.1:8080",
                &[
                    "http://127.0.0.1:8080/",
                    "http://2130706433:8080/",
                    "http://[::ffff:7f00:1]:8080/",
                ],
                &[
                    "http://127.0.0.1/",
                    "http://127.0.0.2:8080/",
                    "http://localhost:8080/",
                ],
            ),
            (
                "[::1]:80",
                &["http://[::1]/"],
                &["http://[::2]/", "http://[::1]:81/"],
            ),
            ("::1", &["http://[::1]:81/"], &["http://[::2]/"]),
            ("10.0.0.0/8", &["http://10.9.8.7:1/"], &["http://11.0.0.1/"]),
            (
                "bücher.example",
                &["https://xn--bcher-kva.example/"],
                &["https://bucher.example/"],
            ),
        ] {
            for url in allowed {
                assert!(allows(&[pattern], url), "{pattern} {url}");
            }
            for url in refused {
                assert!(!allows(&[pattern], url), "{pattern} {url}");
            }
        }
    }

    #[test]
    fn only_what_names_an_address_reaches_a_private_one() {
        let url = Url::parse("http://intern.example:8080/").unwrap();
        let names = |patterns: &[&str], address: &str, url: &Url| {
            let hosts = Hosts::new(patterns).unwrap();
            hosts.name(address.parse().unwrap(), url)
        };
        for (pattern, address, expected) in [
            ("intern.example:8080", "10.0.0.1", false),
            ("*:8080", "10.0.0.1", false),
            ("10.0.0.1", "10.0.0.1", true),
            ("10.0.0.1:81", "10.0.0.1", false),
            ("10.0.0.0/24", "10.0.0.77", true),
            ("10.0.0.0/24", "10.0.1.77", false),
            ("localhost", "127.0.0.1", false),
        ] {
            assert_eq!(names(&[pattern], address, &url), expected, "{pattern}");
        }
        let own = Url::parse("http://localhost:8080/").unwrap();
        assert!(names(&["localhost:8080"], "127.0.0.1", &own));
        assert!(names(&["localhost:8080"], "::1", &own));
        assert!(!names(&["localhost:8080"], "10.0.0.1", &own));
    }

    #[test]
    fn patterns_that_mean_no_host_are_refused() {
        for text in [
            "",
            "a b",
            "*.*",
            "a.*.com",
            "*a.com",
            "ftp://a.com",
            "a.com:99999",
            "a.com:0",
            "a.com:",
            "a.com/path",
            "user@a.com",
            "0x7f.1",
            "127.1",
            "10.0.0.0/4",
            "10.0.0.0/33",
            "fd00::/129",
        ] {
            assert!(Hosts::new([text]).is_err(), "{text}");
        }
    }

    #[test]
    fn a_refusal_names_the_shortest_pattern() {
        for (url, pattern) in [
            ("https://a.example.com/x?y", "a.example.com"),
            ("https://a.example.com./x?y", "a.example.com"),
            ("http://a.example.com/", "http://a.example.com"),
            ("http://a.example.com:81/", "a.example.com:81"),
            ("https://wiki/", "https://wiki"),
            ("http://localhost/", "localhost"),
            ("http://2130706433/", "127.0.0.1"),
            ("http://[::1]:8080/", "[::1]:8080"),
            ("http://[::ffff:7f00:1]:8080/", "127.0.0.1:8080"),
        ] {
            let url = Url::parse(url).unwrap();
            let wanted = Wanted(&url).to_string();
            assert_eq!(wanted, pattern);
            assert!(Hosts::new([wanted]).unwrap().allow(&url), "{pattern}");
        }
    }

    #[test]
    fn an_approval_of_a_part_answers_a_wish() {
        let overlap = |own: &[&str], wish: &str| {
            Hosts::new(own)
                .unwrap()
                .overlap(&Hosts::new([wish]).unwrap())
        };
        assert!(overlap(&["example.com"], "*"));
        assert!(overlap(&["*"], "example.com"));
        assert!(overlap(&["github"], "github"));
        assert!(!overlap(&["example.com"], "github"));
        assert!(!overlap(&["example.com"], "*.example.com"));
        assert!(!overlap(&[], "*"));
    }
}
