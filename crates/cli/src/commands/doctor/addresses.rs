//! The addresses of this computer, and who can reach them.

use std::net::{IpAddr, Ipv4Addr};

/// From where an address can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reach {
    /// From this computer alone.
    Loopback,
    /// From its network.
    Private,
    /// From everywhere, as far as firewalls let it.
    Public,
}

/// From where this address can be reached; `None` for one that means nothing without an interface's name.
pub(super) fn reach(address: IpAddr) -> Option<Reach> {
    match address.to_canonical() {
        IpAddr::V4(address) if address.is_link_local() => None,
        IpAddr::V6(address) if address.is_unicast_link_local() => None,
        address if address.is_loopback() => Some(Reach::Loopback),
        IpAddr::V4(address) if address.is_private() || is_shared(address) => Some(Reach::Private),
        IpAddr::V6(address) if address.is_unique_local() => Some(Reach::Private),
        _ => Some(Reach::Public),
    }
}

/// A provider's own (RFC 6598), behind which customers share an address.
const fn is_shared(address: Ipv4Addr) -> bool {
    matches!(address.octets(), [100, 64..=127, ..])
}

/// Whether this computer has an address of the family with which another can be reached.
pub(super) fn has(is_family: impl Fn(&IpAddr) -> bool) -> bool {
    let all = if_addrs::get_if_addrs().unwrap_or_default(); // then none is known
    let addresses = all.iter().map(if_addrs::Interface::ip);
    addresses
        .filter(is_family)
        .any(|address| reach(address).is_some_and(|reach| reach > Reach::Loopback))
}

/// The widest reach of any.
pub(super) fn widest<'a>(addresses: impl IntoIterator<Item = &'a IpAddr>) -> Option<Reach> {
    addresses.into_iter().filter_map(|address| reach(*address)).max()
}

/// In words, with what each is good for.
pub(super) fn listed(addresses: &[IpAddr]) -> String {
    const MOST: usize = 6;
    let mut words: Vec<String> =
        addresses.iter().take(MOST).map(|address| described(*address)).collect();
    if addresses.len() > MOST {
        words.push(format!("and {} more", addresses.len() - MOST));
    }
    words.join(", ")
}

fn described(address: IpAddr) -> String {
    let what = match reach(address) {
        Some(Reach::Public) => "public",
        Some(Reach::Private) => "private",
        Some(Reach::Loopback) => "this computer alone",
        None => "of one link",
    };
    format!("{address} ({what})")
}

/// Whether one is a public address of IPv6, which knows no translation as a rule.
pub(super) fn is_public_v6(address: &IpAddr) -> bool {
    address.is_ipv6() && reach(*address) == Some(Reach::Public)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_reached_from_where() {
        for (address, expected) in [
            ("127.0.0.1", Some(Reach::Loopback)),
            ("::1", Some(Reach::Loopback)),
            ("::ffff:127.0.0.1", Some(Reach::Loopback)),
            ("10.1.2.3", Some(Reach::Private)),
            ("100.64.0.1", Some(Reach::Private)),
            ("192.168.0.1", Some(Reach::Private)),
            ("fd00::1", Some(Reach::Private)),
            ("169.254.1.1", None),
            ("fe80::1", None),
            ("100.128.0.1", Some(Reach::Public)),
            ("198.51.100.7", Some(Reach::Public)),
            ("2001:db8::1", Some(Reach::Public)),
        ] {
            assert_eq!(reach(address.parse().unwrap()), expected, "{address}");
        }
    }

    #[test]
    fn a_long_list_of_addresses_is_cut() {
        let many: Vec<IpAddr> = (1..=9).map(|last| [10, 0, 0, last].into()).collect();
        assert!(listed(&many).ends_with("10.0.0.6 (private), and 3 more"));
        assert_eq!(listed(&["::1".parse().unwrap()]), "::1 (this computer alone)");
    }
}
