//! Patterns of hosts, and the URLs that they allow.

use url::Url;
use wxmcp_policy::{Hosts, bare, fuzzing, is_public};

use crate::cost::{Bound, Line, within};

const BOUND: Bound = Bound {
    steps: Line(10_000, 200),
    allocations: Line(200, 10),
    peak: Line(32 << 10, 200),
};

/// Two patterns and a URL, a line each.
pub(crate) fn hosts(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let mut lines = text.splitn(3, '\n');
    let mut line = || lines.next().unwrap_or_default();
    let (one, other, url) = (line(), line(), line());
    let (one, other) = within(BOUND, "patterns", text.len(), || {
        (Hosts::new([one]), Hosts::new([other]))
    });
    let url = Url::parse(url);
    if let Ok(url) = &url
        && matches!(url.scheme(), "http" | "https")
    {
        let wanted = fuzzing::wanted(url);
        let granted = Hosts::new([&wanted]);
        // A name with a star, or without letters between dots, is none that a server has; no server has the port 0.
        let name = bare(url.host_str().unwrap_or_default());
        let is_name = url.port() != Some(0)
            && !name.contains('*')
            && name.split('.').all(|label| !label.is_empty());
        assert!(
            !is_name || granted.is_ok_and(|granted| granted.allow(url)),
            "`{wanted}` is said to allow {url}"
        );
        let address = match url.host() {
            Some(url::Host::Ipv4(address)) => Some(address.into()),
            Some(url::Host::Ipv6(address)) => Some(address.into()),
            _ => None,
        };
        let all = Hosts::new(["*", "http://*", "https://*:*", "http://*:*"]);
        let all = all.unwrap_or_default();
        if let Some(address) = address {
            assert_eq!(all.allow(url), is_public(address), "{url}");
        }
        assert!(address.is_some() || all.allow(url), "{url}");
    }
    if let Ok(one) = &one {
        assert!(one.overlap(one), "`{text}` does not overlap itself");
        if let (Ok(other), Ok(url)) = (&other, &url) {
            let (both, back) = (one.overlap(other), other.overlap(one));
            assert_eq!(both, back, "{text}");
            let allowed = within(BOUND, "allow", text.len(), || {
                one.allow(url) && other.allow(url)
            });
            assert!(both || !allowed, "both allow {url}");
        }
    }
}
