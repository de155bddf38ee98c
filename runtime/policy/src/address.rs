//! Which addresses are the world's, and which are somebody's own.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Networks of version 4 that are not the public internet: the registry of special
/// purposes (RFC 6890 and what IANA added since), multicast, and what is reserved.
const SPECIAL_V4: [([u8; 4], u32); 17] = [
    ([0, 0, 0, 0], 8),
    ([10, 0, 0, 0], 8),
    ([100, 64, 0, 0], 10),
    ([127, 0, 0, 0], 8),
    ([169, 254, 0, 0], 16),
    ([172, 16, 0, 0], 12),
    ([192, 0, 0, 0], 24),
    ([192, 0, 2, 0], 24),
    ([192, 31, 196, 0], 24),
    ([192, 52, 193, 0], 24),
    ([192, 88, 99, 0], 24),
    ([192, 168, 0, 0], 16),
    ([192, 175, 48, 0], 24),
    ([198, 18, 0, 0], 15),
    ([198, 51, 100, 0], 24),
    ([203, 0, 113, 0], 24),
    ([224, 0, 0, 0], 3),
];

/// Public by its number, but answered by the host of a virtual machine on Azure.
const WIRE_SERVER: Ipv4Addr = Ipv4Addr::new(168, 63, 129, 16);

/// Networks of version 6 inside `2000::/3` that are not the public internet.
const SPECIAL_V6: [(u128, u32); 5] = [
    (0x2001_0000 << 96, 23),
    (0x2001_0db8 << 96, 32),
    (0x2002_0000 << 96, 16),
    (0x2620_004f_8000 << 80, 48),
    (0x3fff_0000 << 96, 20),
];

/// Whether an address is the public internet's: not this machine's, not a private network's,
/// not link-local, shared, multicast, documentation, nor anything reserved. What is not
/// known to be public is not.
pub fn is_public(address: IpAddr) -> bool {
    match canonical(address) {
        IpAddr::V4(address) => {
            address != WIRE_SERVER
                && !SPECIAL_V4.iter().any(|(network, bits)| {
                    is_within_v4(address, Ipv4Addr::from_octets(*network), *bits)
                })
        }
        IpAddr::V6(address) => {
            let bits = address.to_bits();
            bits >> 125 == 1
                && !SPECIAL_V6.iter().any(|(network, length)| {
                    is_within_v6(address, Ipv6Addr::from_bits(*network), *length)
                })
        }
    }
}

/// An address of version 4 in the clothes of version 6 (`::ffff:127.0.0.1`, and the
/// translated `64:ff9b::127.0.0.1`) as what it leads to.
pub fn canonical(address: IpAddr) -> IpAddr {
    let IpAddr::V6(six) = address else {
        return address;
    };
    if let Some(four) = six.to_ipv4_mapped() {
        return four.into();
    }
    let translated = Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0);
    if is_within_v6(six, translated, 96) {
        let [.., a, b, c, d] = six.octets();
        return Ipv4Addr::new(a, b, c, d).into();
    }
    address
}

/// Whether an address is in the network of so many bits; both canonical.
pub(crate) fn is_within(address: IpAddr, network: IpAddr, bits: u32) -> bool {
    match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => is_within_v4(address, network, bits),
        (IpAddr::V6(address), IpAddr::V6(network)) => is_within_v6(address, network, bits),
        _ => false,
    }
}

fn is_within_v4(address: Ipv4Addr, network: Ipv4Addr, bits: u32) -> bool {
    let differs = address.to_bits() ^ network.to_bits();
    differs.leading_zeros() >= bits
}

fn is_within_v6(address: Ipv6Addr, network: Ipv6Addr, bits: u32) -> bool {
    let differs = address.to_bits() ^ network.to_bits();
    differs.leading_zeros() >= bits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_the_public_internet_is_known() {
        for text in [
            "0.0.0.0",
            "0.1.2.3",
            "10.1.2.3",
            "100.64.0.1",
            "100.100.100.200",
            "127.0.0.1",
            "127.255.255.254",
            "168.63.129.16",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.0.2.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_public(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn what_is_the_public_internet_is_known() {
        for text in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.167.255.255",
            "223.255.255.255",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
            "2606:4700:4700::1111",
            "2a00:1450::1",
        ] {
            assert!(is_public(text.parse().unwrap()), "{text}");
        }
    }
}
