//! Which announced addresses are a neighbour's.
//!
//! Anybody on the network can announce any address. Without a rule, an announcement could lead this
//! computer to connect to a service of its own, or to anyone on the internet.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use mdns_sd::{InterfaceId, ScopedIp};

use super::Interfaces;

/// What is near: the private ranges, the networks of this computer's interfaces, and this computer
/// itself when it was itself that spoke.
pub(super) struct Near {
    networks: Vec<Network>,
    /// The names of loopback interfaces. What is heard there was said on this computer.
    loopback: BTreeSet<String>,
}

impl Near {
    /// As seen from these interfaces.
    pub(super) fn of(interfaces: &Interfaces) -> Self {
        let ours = interfaces.ours();
        let loopback = ours.iter().filter(|ours| ours.is_loopback());
        Self {
            loopback: loopback.map(|ours| ours.name.clone()).collect(),
            networks: ours.iter().map(|ours| Network::of(&ours.addr)).collect(),
        }
    }

    /// The address, when it may be connected to.
    pub(super) fn address(&self, announced: &ScopedIp) -> Option<IpAddr> {
        let heard_on: &[InterfaceId] = match announced {
            ScopedIp::V4(address) => address.interface_ids(),
            ScopedIp::V6(address) => std::slice::from_ref(address.scope_id()),
            _ => &[],
        };
        let from_here = heard_on.iter().any(|interface| self.loopback.contains(&interface.name));
        let address = announced.to_ip_addr().to_canonical();
        self.is_near(address, from_here).then_some(address)
    }

    fn is_near(&self, address: IpAddr, from_here: bool) -> bool {
        if !leads_somewhere(address) {
            return false;
        }
        if address.is_loopback() {
            return from_here;
        }
        is_private(address) || self.networks.iter().any(|network| network.holds(address))
    }
}

/// Whether an address can be connected to at all. Link-local ones of IPv6 need an interface besides,
/// which a URL cannot name.
fn leads_somewhere(address: IpAddr) -> bool {
    let link_local = matches!(address, IpAddr::V6(address) if address.is_unicast_link_local());
    !address.is_unspecified() && !address.is_multicast() && !link_local
}

/// What the internet does not route: private, link-local, shared (RFC 6598) and unique local ones.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let shared = Network { address: Ipv4Addr::new(100, 64, 0, 0).into(), length: 10 };
            address.is_private() || address.is_link_local() || shared.holds(address.into())
        }
        IpAddr::V6(address) => address.is_unique_local(),
    }
}

/// The addresses that share so many bits with this one.
struct Network {
    address: IpAddr,
    length: u8,
}

impl Network {
    fn of(address: &if_addrs::IfAddr) -> Self {
        let length = match address {
            if_addrs::IfAddr::V4(address) => address.prefixlen,
            if_addrs::IfAddr::V6(address) => address.prefixlen,
        };
        Self { address: address.ip(), length }
    }

    /// A network of no bits would be everything, and is none.
    fn holds(&self, address: IpAddr) -> bool {
        let length = u32::from(self.length);
        let common = match (self.address, address) {
            (IpAddr::V4(ours), IpAddr::V4(theirs)) => common_v4(ours, theirs),
            (IpAddr::V6(ours), IpAddr::V6(theirs)) => common_v6(ours, theirs),
            _ => return false,
        };
        length > 0 && common >= length
    }
}

fn common_v4(ours: Ipv4Addr, theirs: Ipv4Addr) -> u32 {
    (ours.to_bits() ^ theirs.to_bits()).leading_zeros()
}

fn common_v6(ours: Ipv6Addr, theirs: Ipv6Addr) -> u32 {
    (ours.to_bits() ^ theirs.to_bits()).leading_zeros()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A computer with one address that the internet routes.
    pub(crate) fn near() -> Near {
        let networks = vec![
            Network { address: "198.51.100.7".parse().unwrap(), length: 24 },
            Network { address: "2001:db8:1::7".parse().unwrap(), length: 64 },
        ];
        Near { networks, loopback: BTreeSet::new() }
    }

    #[track_caller]
    fn check(addresses: &[&str], from_here: bool, expected: bool) {
        for address in addresses {
            let canonical = address.parse::<IpAddr>().unwrap().to_canonical();
            assert_eq!(near().is_near(canonical, from_here), expected, "{address}");
        }
    }

    #[test]
    fn private_addresses_and_those_of_ones_own_networks_are_near() {
        let private = ["10.1.2.3", "172.31.255.1", "192.168.0.1", "169.254.1.1", "100.127.0.1"];
        check(&private, false, true);
        check(&["fd00::1", "198.51.100.200", "2001:db8:1::abcd"], false, true);
    }

    #[test]
    fn nobody_is_led_to_the_internet() {
        let public = ["203.0.113.5", "198.51.101.7", "172.32.0.1", "100.128.0.1", "8.8.8.8"];
        check(&public, true, false);
        check(&["2001:db8:2::1", "2606:4700::1", "::ffff:203.0.113.5"], true, false);
    }

    #[test]
    fn loopback_is_for_what_was_said_on_this_computer() {
        let loopback = ["127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"];
        check(&loopback, false, false);
        check(&loopback, true, true);
    }

    #[test]
    fn addresses_that_lead_nowhere_are_not_near() {
        check(&["0.0.0.0", "224.0.0.251", "255.255.255.255"], true, false);
        check(&["::", "ff02::fb", "fe80::1"], true, false);
    }

    #[test]
    fn an_interface_without_a_netmask_does_not_make_everything_near() {
        let network = Network { address: "198.51.100.7".parse().unwrap(), length: 0 };
        assert!(!network.holds("203.0.113.5".parse().unwrap()));
    }
}
