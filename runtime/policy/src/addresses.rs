//! Addresses that are not public, and to which a name may lead all the same.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::address::{canonical, is_public};
use crate::host_pattern::network;
use crate::hosts::{HostError, bare};

/// What a name of the configuration may lead to besides the public internet: `10.0.0.7`, `172.16.0.0/12`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addresses(Vec<IpNet>);

impl Addresses {
    /// Reads addresses and networks.
    ///
    /// # Errors
    ///
    /// What is neither.
    pub fn new<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Result<Self, HostError> {
        let networks = texts.into_iter().map(|text| network(text.as_ref().trim()));
        Ok(Self(networks.collect::<Result<_, _>>()?))
    }

    /// Whether `name` may lead to an address: a public one, one that is granted here, or one of this machine if it is
    /// `localhost`.
    pub fn allow(&self, name: &str, address: IpAddr) -> bool {
        let address = canonical(address);
        is_public(address)
            || address.is_loopback() && is_this_machine(name)
            || self.0.iter().any(|network| network.contains(&address))
    }
}

/// Whether a name says that it means this machine (RFC 6761).
pub fn is_this_machine(name: &str) -> bool {
    let name = bare(name).to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_to_what_is_public_or_granted() -> Result<(), HostError> {
        let none = Addresses::default();
        let some = Addresses::new(["10.0.0.7", "172.16.0.0/12", "[fd00::]/8"])?;
        for (name, address, without, with) in [
            ("db.example", "8.8.8.8", true, true),
            ("db.example", "10.0.0.7", false, true),
            ("db.example", "::ffff:10.0.0.7", false, true),
            ("db.example", "10.0.0.8", false, false),
            ("db.example", "172.31.0.1", false, true),
            ("db.example", "172.32.0.1", true, true),
            ("db.example", "fd12::1", false, true),
            ("db.example", "fe80::1", false, false),
            ("db.example", "169.254.169.254", false, false),
            ("db.example", "127.0.0.1", false, false),
            ("localhost", "127.0.0.1", true, true),
            ("LOCALHOST.", "::1", true, true),
            ("a.localhost", "127.0.0.2", true, true),
            ("localhost", "10.0.0.8", false, false),
            ("notlocalhost", "127.0.0.1", false, false),
        ] {
            let address: IpAddr = address.parse().unwrap_or(IpAddr::from([0, 0, 0, 0]));
            assert_eq!(none.allow(name, address), without, "{name} {address}");
            assert_eq!(some.allow(name, address), with, "{name} {address}");
        }
        Ok(())
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in ["", "localhost", "db.example", "*", "10.0.0.0/4", "127.1"] {
            assert!(Addresses::new([text]).is_err(), "{text}");
        }
    }
}
