//! Hosts that are granted, as patterns.

use std::fmt;
use std::net::IpAddr;

use url::{Host, Url};

use crate::address::canonical;
use crate::host_pattern::Pattern;

/// A pattern that cannot mean a host. It is not repeated: it may be something else in the wrong place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it means no host: {why}")]
pub struct HostError {
    pub(crate) why: &'static str,
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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hosts {
    patterns: Vec<Pattern>,
    connections: Vec<String>,
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
    pub fn lenient<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Self {
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
    pub fn has_connection(&self, name: &str) -> bool {
        self.connections.iter().any(|known| known == name)
    }

    /// Whether `*` is among them: as a request it means whatever is approved.
    pub(crate) fn requests_all(&self) -> bool {
        let mut patterns = self.patterns.iter();
        patterns.any(Pattern::is_star)
    }

    /// Whether the URL's scheme, host and port are granted, whatever its address.
    pub fn allow(&self, url: &Url) -> bool {
        self.patterns.iter().any(|pattern| pattern.allows(url))
    }

    /// Whether an address that is not public is named, for this URL.
    pub fn name(&self, address: IpAddr, url: &Url) -> bool {
        self.patterns
            .iter()
            .any(|pattern| pattern.names(address, url))
    }

    /// Whether something of `request` is granted.
    pub fn overlap(&self, request: &Self) -> bool {
        let named = |name: &String| self.connections.contains(name);
        request.connections.iter().any(named)
            || request.patterns.iter().any(|request| {
                let mut own = self.patterns.iter();
                own.any(|own| own.covers(request) || request.covers(own))
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

/// A name without the dot that a whole name may end with.
pub fn bare(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

/// The shortest pattern that allows a URL's host.
pub(crate) struct Wanted<'a>(pub(crate) &'a Url);

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
    #[expect(clippy::too_many_lines, reason = "one table of cases")]
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
    fn an_approval_of_a_part_answers_a_request() {
        let overlap = |own: &[&str], request: &str| {
            Hosts::new(own)
                .unwrap()
                .overlap(&Hosts::new([request]).unwrap())
        };
        assert!(overlap(&["example.com"], "*"));
        assert!(overlap(&["*"], "example.com"));
        assert!(overlap(&["github"], "github"));
        assert!(!overlap(&["example.com"], "github"));
        assert!(!overlap(&["example.com"], "*.example.com"));
        assert!(!overlap(&[], "*"));
    }
}
