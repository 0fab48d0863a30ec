//! The hosts that are reached without the proxy.

use std::net::IpAddr;

use ipnet::IpNet;

#[derive(Clone, Debug, Default)]
pub(super) struct Exempt {
    loopback: bool,
    everything: bool,
    networks: Vec<IpNet>,
    /// In small letters, without a dot before them.
    names: Vec<String>,
}

impl Exempt {
    pub(super) const fn nothing() -> Self {
        Self { loopback: false, everything: false, networks: Vec::new(), names: Vec::new() }
    }

    pub(super) fn loopback() -> Self {
        Self { loopback: true, ..Self::nothing() }
    }

    /// Adds hosts between commas.
    pub(super) fn add(&mut self, hosts: &str) {
        for host in hosts.split(',').map(str::trim).filter(|host| !host.is_empty()) {
            if host == "*" {
                self.everything = true;
            } else if let Some(network) = network(host) {
                self.networks.push(network);
            } else {
                self.names.push(host.trim_start_matches('.').to_ascii_lowercase());
            }
        }
    }

    pub(super) fn covers(&self, host: &str) -> bool {
        if self.everything {
            return true;
        }
        if let Ok(address) = host.parse::<IpAddr>().map(|address| address.to_canonical()) {
            return (self.loopback && address.is_loopback())
                || self.networks.iter().any(|network| network.contains(&address));
        }
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        // Names under it are a resolver's to know, which is not to hear of what a peer names.
        (self.loopback && host == "localhost")
            || self.names.iter().any(|name| is_under(&host, name))
    }
}

fn network(text: &str) -> Option<IpNet> {
    let address = text.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    text.parse().or_else(|_| address.map(IpNet::from)).ok()
}

/// Whether `host` is `name`, or a name under it.
fn is_under(host: &str, name: &str) -> bool {
    host.strip_suffix(name).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covers(hosts: &str, host: &str) -> bool {
        let mut exempt = Exempt::loopback();
        exempt.add(hosts);
        exempt.covers(host)
    }

    #[test]
    fn a_name_stands_for_itself_and_all_under_it() {
        for written in ["example.com", ".example.com", "x, Example.COM ,y"] {
            assert!(covers(written, "example.com") && covers(written, "relay.EXAMPLE.com."));
            assert!(!covers(written, "badexample.com") && !covers(written, "example.com.evil"));
        }
    }

    #[test]
    fn addresses_and_networks_of_both_families() {
        let written = "10.0.0.0/8, 192.0.2.7, 2001:db8::/32, [::2]";
        for host in ["10.1.2.3", "192.0.2.7", "2001:db8::9", "::2", "::ffff:10.1.2.3"] {
            assert!(covers(written, host), "{host}");
        }
        for host in ["11.1.2.3", "192.0.2.8", "2001:db9::9", "10.example.com"] {
            assert!(!covers(written, host), "{host}");
        }
    }

    #[test]
    fn loopback_needs_no_naming_and_a_star_is_everything() {
        for host in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "localhost"] {
            assert!(covers("", host), "{host}");
            assert!(!Exempt::nothing().covers(host), "{host}");
        }
        for host in ["a.localhost", "127.0.0.1.", "127.1"] {
            assert!(!covers("", host), "{host}: it would be looked up");
        }
        assert!(!covers("", "192.0.2.1") && covers("x,*", "192.0.2.1"));
    }
}
