//! What proxies write into a request of where its client is.
//!
//! Every line of it may as well be the client's: most proxies pass on what they do not set. So only the part that the last
//! proxy must have written is believed, and from there to the left as far as proxies go that are
//! trusted, too.

use std::net::{IpAddr, SocketAddr};

use crate::{config::Network, http};

/// Where a client is, as a proxy says or the system does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Forwarded {
    pub(crate) ip: IpAddr,
    /// Proxies that name the address without the port are met in the wild.
    pub(crate) port: Option<u16>,
}

/// Two headers of one request that cannot both be a proxy's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Contradiction;

impl From<SocketAddr> for Forwarded {
    fn from(address: SocketAddr) -> Self {
        Self { ip: address.ip().to_canonical(), port: Some(address.port()) }
    }
}

impl Forwarded {
    /// As proxies write it: an address, `192.0.2.7:4711`, `[2001:db8::7]` or `[2001:db8::7]:4711`.
    fn parse(text: &str) -> Option<Self> {
        let without_port = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
        if let Ok(ip) = without_port.unwrap_or(text).parse::<IpAddr>() {
            return Some(Self { ip: ip.to_canonical(), port: None });
        }
        text.parse::<SocketAddr>().ok().map(Self::from)
    }
}

/// Where the client is of whom a trusted proxy passes on this request's head.
pub(crate) fn client(head: &[u8], trusted: &[Network]) -> Result<Option<Forwarded>, Contradiction> {
    let mut headers = [httparse::EMPTY_HEADER; http::MAX_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    _ = request.parse(head);
    let values = |name: &str| -> Vec<&str> {
        let named = request.headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name));
        named.map(|header| std::str::from_utf8(header.value).unwrap_or("?").trim()).collect()
    };
    let real = real(&values("x-real-ip"), &values("x-real-port"))?;
    let listed = values("x-forwarded-for");
    let Some(walked) = Walked::along(&listed, trusted) else {
        // A proxy that writes "unknown" has not written the other header: then it is the client's.
        let is_vague = listed.iter().any(|list| !list.is_empty());
        return if is_vague && real.is_some() { Err(Contradiction) } else { Ok(real) };
    };
    let Some(real) = real else { return Ok(Some(walked.client)) };
    if !walked.passed.contains(&real.ip) {
        return Err(Contradiction);
    }
    let is_same = walked.client.ip == real.ip;
    let port = walked.client.port.or(real.port.filter(|_| is_same));
    Ok(Some(Forwarded { port, ..walked.client }))
}

/// What `X-Real-IP` and `X-Real-Port` tell. A second that says something else was the client's.
fn real(ips: &[&str], ports: &[&str]) -> Result<Option<Forwarded>, Contradiction> {
    let Some((first, others)) = ips.split_first() else { return Ok(None) };
    if others.iter().any(|other| other != first) {
        return Err(Contradiction);
    }
    let port = ports.last().and_then(|port| port.parse().ok());
    Ok(Forwarded::parse(first).map(|told| Forwarded { port: told.port.or(port), ..told }))
}

/// Where a walk along `X-Forwarded-For` ended.
struct Walked {
    client: Forwarded,
    /// The client, and the proxies on the way to it.
    passed: Vec<IpAddr>,
}

impl Walked {
    /// From the end, where each proxy adds the address that it hears from, to the first that is no
    /// proxy's, or up to what is no address.
    fn along(values: &[&str], trusted: &[Network]) -> Option<Self> {
        let entries = values.iter().rev().flat_map(|list| list.rsplit(','));
        let entries = entries.map(str::trim).filter(|entry| !entry.is_empty());
        let mut passed = Vec::new();
        let mut client = None;
        for address in entries.map_while(Forwarded::parse) {
            passed.push(address.ip);
            client = Some(address);
            if !trusted.iter().any(|network| network.contains(address.ip)) {
                break;
            }
        }
        client.map(|client| Self { client, passed })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the lines of a request tell, behind proxies at 10.*, as text.
    fn told(lines: &[&str]) -> Result<Option<String>, Contradiction> {
        let lines = lines.join("\r\n");
        let head = format!("GET /v1 HTTP/1.1\r\nHost: x\r\n{lines}\r\n\r\n");
        let trusted = ["10.0.0.0/8".parse().unwrap()];
        let client = client(head.as_bytes(), &trusted)?;
        Ok(client.map(|Forwarded { ip, port }| match port {
            Some(port) => SocketAddr::new(ip, port).to_string(),
            None => ip.to_string(),
        }))
    }

    #[test]
    fn beside_a_list_that_ends_in_no_address_the_other_header_is_not_believed() {
        let lines = ["X-Forwarded-For: unknown", "X-Real-IP: 192.0.2.7"];
        assert_eq!(told(&lines), Err(Contradiction));
        assert_eq!(told(&lines[..1]), Ok(None));
        is(&["X-Forwarded-For:", "X-Real-IP: 192.0.2.7"], "192.0.2.7");
    }

    fn is(lines: &[&str], client: &str) {
        assert_eq!(told(lines), Ok(Some(client.to_owned())), "{lines:?}");
    }

    #[test]
    fn the_last_that_is_no_proxy_is_the_client() {
        is(&["X-Forwarded-For: 192.0.2.7"], "192.0.2.7");
        is(&["x-forwarded-for: 198.51.100.1, 192.0.2.7"], "192.0.2.7");
        is(&["X-Forwarded-For: 192.0.2.7, 10.0.0.1,10.0.0.2"], "192.0.2.7");
        is(&["X-Forwarded-For: 198.51.100.1,192.0.2.7", "X-Forwarded-For: 10.0.0.1"], "192.0.2.7");
        is(&["X-Forwarded-For: 10.0.0.1, ::ffff:10.0.0.2"], "10.0.0.1");
        assert_eq!(told(&["Accept: */*"]), Ok(None));
        assert_eq!(told(&["X-Forwarded-For: "]), Ok(None));
    }

    #[test]
    fn addresses_are_read_as_proxies_write_them() {
        is(&["X-Forwarded-For: 192.0.2.7:4711"], "192.0.2.7:4711");
        is(&["X-Forwarded-For: [2001:db8::7]:4711"], "[2001:db8::7]:4711");
        is(&["X-Forwarded-For: [2001:db8::7]"], "2001:db8::7");
        is(&["X-Forwarded-For: ::ffff:192.0.2.7"], "192.0.2.7");
        is(&["X-Real-IP: 192.0.2.7", "X-Real-Port: 7"], "192.0.2.7:7");
        is(&["X-Real-IP: 192.0.2.7", "X-Real-Port: many"], "192.0.2.7");
    }

    #[test]
    fn what_a_client_wrote_before_its_proxy_did_is_not_believed() {
        for forged in ["127.0.0.1", "10.0.0.9", "unknown", "", ",,", "198.51.100.1", "\u{fffd}"] {
            is(&[&format!("X-Forwarded-For: {forged}, 192.0.2.7")], "192.0.2.7");
            is(&[&format!("X-Forwarded-For: {forged}"), "X-Forwarded-For: 192.0.2.7"], "192.0.2.7");
        }
    }

    #[test]
    fn at_what_is_no_address_the_walk_ends() {
        is(&["X-Forwarded-For: 198.51.100.1, unknown, 10.0.0.1"], "10.0.0.1");
        assert_eq!(told(&["X-Forwarded-For: 198.51.100.1, unknown"]), Ok(None));
        let with_another = ["X-Forwarded-For: 198.51.100.1, _hidden", "X-Real-IP: 192.0.2.7"];
        assert_eq!(told(&with_another), Err(Contradiction));
        assert_eq!(told(&["X-Real-IP: 1.2.3"]), Ok(None));
    }

    #[test]
    fn headers_that_contradict_each_other_are_not_both_a_proxys() {
        for lines in [
            ["X-Forwarded-For: 198.51.100.1", "X-Real-IP: 192.0.2.7"],
            ["X-Forwarded-For: 192.0.2.7, 198.51.100.1", "X-Real-IP: 192.0.2.7"],
            ["X-Real-IP: 198.51.100.1", "X-Real-IP: 192.0.2.7"],
        ] {
            assert_eq!(told(&lines), Err(Contradiction), "{lines:?}");
        }
        let real = "X-Real-IP: 192.0.2.7";
        is(&["X-Forwarded-For: 198.51.100.1, 192.0.2.7", real, "X-Real-Port: 7"], "192.0.2.7:7");
        is(&["X-Forwarded-For: 192.0.2.7, 10.0.0.1", "X-Real-IP: 10.0.0.1"], "192.0.2.7");
    }
}
