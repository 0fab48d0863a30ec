//! An address, or all addresses of a network.

use std::{fmt, net::IpAddr, str::FromStr};

use ipnet::{IpNet, Ipv4Net};

/// One address (`192.0.2.7`), or all addresses of a network (`10.1.0.0/16`, `fd00::/8`).
///
/// An IPv4 address that is mapped into IPv6 is that IPv4 address, here and in what is compared.
///
/// ```
/// use wormhole_sync_server::config::Network;
///
/// let network: Network = "10.1.2.3/16".parse()?;
/// assert_eq!(network.to_string(), "10.1.0.0/16");
/// assert!(network.contains("::ffff:10.1.255.255".parse()?));
/// assert_eq!(Network::from(std::net::IpAddr::from([192, 0, 2, 7])).to_string(), "192.0.2.7");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network(IpNet);

impl Network {
    /// Whether an address is this one, or in this network.
    ///
    /// ```
    /// use wormhole_sync_server::config::Network;
    ///
    /// let network: Network = "fd00:1::/32".parse().unwrap();
    /// assert!(network.contains("fd00:1::7".parse().unwrap()));
    /// assert!(!network.contains("fd00:2::7".parse().unwrap()));
    /// ```
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }

    fn of(network: IpNet) -> Self {
        if let IpNet::V6(v6) = network
            && let Some(length) = v6.prefix_len().checked_sub(96)
            && let Some(v4) = v6.addr().to_ipv4_mapped()
            && let Ok(v4) = Ipv4Net::new(v4, length)
        {
            return Self(IpNet::V4(v4.trunc()));
        }
        Self(network.trunc())
    }
}

impl From<IpAddr> for Network {
    fn from(address: IpAddr) -> Self {
        Self::of(address.to_canonical().into())
    }
}

impl FromStr for Network {
    type Err = NoNetwork;

    fn from_str(text: &str) -> Result<Self, NoNetwork> {
        text.parse::<IpAddr>()
            .map(Self::from)
            .or_else(|_| text.parse().map(Self::of))
            .map_err(|_| NoNetwork(text.to_owned()))
    }
}

/// As it is read again.
impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.prefix_len() == self.0.max_prefix_len() {
            return self.0.addr().fmt(f);
        }
        self.0.fmt(f)
    }
}

/// Text that is neither an address nor a network.
///
/// ```
/// use wormhole_sync_server::config::Network;
///
/// let error = "proxy.example".parse::<Network>().unwrap_err();
/// assert!(error.to_string().contains("such as 10.0.0.0/8"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoNetwork(String);

impl fmt::Display for NoNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(text) = self;
        write!(
            f,
            "{text:?} is neither an address nor a network; name one such as 192.0.2.7, or such as 10.0.0.0/8"
        )
    }
}

impl std::error::Error for NoNetwork {}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_is_itself_alone() {
        for (text, other) in [("192.0.2.7", "192.0.2.8"), ("2001:db8::7", "2001:db8::8")] {
            assert!(network(text).contains(text.parse().unwrap()));
            assert!(!network(text).contains(other.parse().unwrap()));
            assert_eq!(network(text).to_string(), text);
        }
    }

    #[test]
    fn ipv4_within_ipv6_is_ipv4() {
        for (text, same) in [
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("::ffff:10.1.2.3/104", "10.0.0.0/8"),
            ("::ffff:10.1.2.3/128", "10.1.2.3"),
        ] {
            assert_eq!(network(text), network(same), "{text}");
            assert!(network(same).contains(network(text).0.addr()));
        }
        assert!(!network("::/0").contains([192, 0, 2, 7].into()));
    }

    #[test]
    fn what_is_no_network_is_told_as_it_was_written() {
        for text in ["", "localhost", "10.0.0.0/33", "10.0.0.0/", "/8", "10/8", " ::1", "[::1]"] {
            let error = text.parse::<Network>().unwrap_err().to_string();
            assert!(error.starts_with(&format!("{text:?} is neither")), "{error}");
        }
    }
}
