//! Where clients come from, as far as limits are concerned.

use std::{
    collections::BTreeMap,
    fmt,
    net::{IpAddr, Ipv4Addr},
    sync::{Arc, Mutex, PoisonError, Weak},
};

/// What counts as one address: one of IPv4, or one /64 network of IPv6, for a customer of an
/// internet provider is usually given at least that much.
///
/// ```
/// use wormhole_sync_server::address::Address;
///
/// let (one, other) = ("2001:db8:1:2::7".parse().unwrap(), "2001:db8:1:2:ffff::1".parse().unwrap());
/// assert_eq!(Address::of(one), Address::of(other)); // one customer's network
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Address {
    /// One IPv4 address.
    V4(Ipv4Addr),
    /// The first 64 bits of an IPv6 address.
    V6Network([u16; 4]),
}

impl Address {
    /// What `ip` counts as. An IPv4 address mapped into IPv6 is that IPv4 address.
    ///
    /// ```
    /// use wormhole_sync_server::address::Address;
    ///
    /// let mapped = "::ffff:192.0.2.7".parse().unwrap();
    /// assert_eq!(Address::of(mapped), Address::V4([192, 0, 2, 7].into()));
    /// ```
    pub fn of(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            IpAddr::V4(ip) => Self::V4(ip),
            IpAddr::V6(ip) => {
                let [a, b, c, d, ..] = ip.segments();
                Self::V6Network([a, b, c, d])
            }
        }
    }

    /// What `ip` counts as, or `None` when it is on loopback and that is exempt.
    ///
    /// ```
    /// use wormhole_sync_server::address::Address;
    ///
    /// let ip = "127.0.0.1".parse().unwrap();
    /// assert_eq!(Address::counted(ip, false), None);
    /// assert_eq!(Address::counted(ip, true), Some(Address::of(ip)));
    /// ```
    pub fn counted(ip: IpAddr, limit_loopback: bool) -> Option<Self> {
        let exempt = ip.to_canonical().is_loopback() && !limit_loopback;
        (!exempt).then(|| Self::of(ip))
    }
}

/// Only of which kind it is: whatever holds an address may be logged.
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V4(_) => "V4(hidden)",
            Self::V6Network(_) => "V6Network(hidden)",
        })
    }
}

/// What the connections of one address share, for as long as there are any.
pub(crate) struct ByAddress<T>(Mutex<Known<T>>);

struct Known<T> {
    by_address: BTreeMap<Address, Weak<T>>,
    /// With how many of them those that are gone are looked for.
    sweep_at: usize,
}

impl<T> Default for ByAddress<T> {
    fn default() -> Self {
        Self(Mutex::new(Known { by_address: BTreeMap::new(), sweep_at: 0 }))
    }
}

impl<T> ByAddress<T> {
    /// What those of `address` share, made when nobody is there yet.
    pub(crate) fn of(&self, address: Address, make: impl FnOnce() -> Arc<T>) -> Arc<T> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shared) = known.by_address.get(&address).and_then(Weak::upgrade) {
            return shared;
        }
        if known.by_address.len() >= known.sweep_at {
            known.by_address.retain(|_, shared| shared.strong_count() > 0);
            known.sweep_at = 2 * known.by_address.len() + 1;
        }
        let shared = make();
        known.by_address.insert(address, Arc::downgrade(&shared));
        shared
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(ip: &str) -> Address {
        Address::of(ip.parse().unwrap())
    }

    #[test]
    fn a_network_of_ipv6_is_one_address() {
        assert_eq!(of("2001:db8:1:2::3"), of("2001:db8:1:2:ffff::4"));
        assert_ne!(of("2001:db8:1:2::3"), of("2001:db8:1:3::3"));
    }

    #[test]
    fn a_mapped_address_is_the_one_of_ipv4() {
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }

    #[test]
    fn loopback_is_exempt_unless_asked() {
        for ip in ["127.0.0.1", "127.8.0.1", "::1", "::ffff:127.0.0.1"] {
            let ip = ip.parse().unwrap();
            assert_eq!(Address::counted(ip, false), None);
            assert_eq!(Address::counted(ip, true), Some(Address::of(ip)));
        }
        assert!(Address::counted("192.0.2.1".parse().unwrap(), false).is_some());
    }

    #[test]
    fn addresses_that_are_gone_are_forgotten() {
        let shared = ByAddress::default();
        let stays = shared.of(of("192.0.2.1"), || Arc::new(1));
        for number in 0..1000 {
            let ip = format!("198.51.{}.{}", number / 250, number % 250);
            shared.of(of(&ip), || Arc::new(2));
        }
        assert!(shared.0.lock().unwrap().by_address.len() < 10);
        assert!(Arc::ptr_eq(&stays, &shared.of(of("192.0.2.1"), || Arc::new(3))));
    }
}
