//! The hosts on the local network, as they come and go.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use mdns_sd::{Receiver, ResolvedService, ServiceDaemon, ServiceEvent};
use tokio::{
    net::TcpStream,
    time::{Instant, timeout, timeout_at},
};

use super::{Interfaces, NUMBER, SERVICE, interfaces::failed};
use crate::exit::{Exit, Failure};

/// How long a host may take to show itself.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long it takes until all who are there have answered, as a rule.
pub(crate) const SETTLING: Duration = Duration::from_millis(700);

/// How long it takes until even one has answered who announced itself just now: what was said within
/// the last second is not said again to the first question (RFC 6762, section 6), but to the second.
pub(crate) const SURE: Duration = Duration::from_millis(1500);

/// How long one address may take to answer.
const CONNECTING: Duration = Duration::from_secs(2);

/// Most hosts that are remembered: anybody on the network can announce as many as they like.
const MAX_HOSTS: usize = 1000;

/// Most addresses of one host that are tried.
const MAX_ADDRESSES: usize = 16;

/// Most digits of a number.
const MAX_DIGITS: usize = 40;

/// A host that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Neighbour {
    number: String,
    addresses: BTreeSet<SocketAddr>,
}

/// A running search.
pub(crate) struct Neighbours {
    daemon: ServiceDaemon,
    events: Receiver<ServiceEvent>,
    hosts: BTreeMap<String, Neighbour>,
}

impl Neighbours {
    /// Starts to look.
    pub(crate) fn look(interfaces: &Interfaces) -> Result<Self, Failure> {
        let daemon = interfaces.daemon()?;
        let events = daemon.browse(SERVICE).map_err(|error| failed(&error))?;
        Ok(Self { daemon, events, hosts: BTreeMap::new() })
    }

    /// Takes note of whoever shows up until `moment`.
    pub(crate) async fn watch_until(&mut self, moment: Instant) {
        while let Ok(Ok(event)) = timeout_at(moment, self.events.recv_async()).await {
            self.note(event);
        }
    }

    /// Takes note of who shows up, for ever.
    pub(crate) async fn watch(&mut self) {
        while let Ok(event) = self.events.recv_async().await {
            self.note(event);
        }
        std::future::pending::<()>().await;
    }

    /// The numbers in use.
    pub(crate) fn numbers(&self) -> Vec<String> {
        let numbers: BTreeSet<&String> = self.hosts.values().map(|host| &host.number).collect();
        numbers.into_iter().cloned().collect()
    }

    /// The host with this number. Nobody after a while is an error, and so are two: which one the
    /// code belongs to cannot be told.
    pub(crate) async fn find(&mut self, number: &str) -> Result<Neighbour, Failure> {
        let end = Instant::now() + PATIENCE;
        while self.with(number).is_empty() {
            match timeout_at(end, self.events.recv_async()).await {
                Ok(Ok(event)) => self.note(event),
                _ => return Err(nobody(number)),
            }
        }
        self.watch_until(Instant::now() + SETTLING).await; // a second one may come
        self.only(number)?.ok_or_else(|| nobody(number))
    }

    /// The host with this number among those who have shown up so far.
    pub(crate) fn only(&self, number: &str) -> Result<Option<Neighbour>, Failure> {
        match *self.with(number) {
            [] => Ok(None),
            [host] => Ok(Some(host.clone())),
            _ => Err(Failure::new(
                Exit::Unreachable,
                "network",
                format!(
                    "two others on the local network use number {number}, and a wrong choice would cost \
                     the one guess; start again with a new code"
                ),
            )),
        }
    }

    fn with(&self, number: &str) -> Vec<&Neighbour> {
        self.hosts.values().filter(|host| host.number == number).collect()
    }

    fn note(&mut self, event: ServiceEvent) {
        match event {
            ServiceEvent::ServiceResolved(service) => {
                let known = self.hosts.contains_key(&service.fullname);
                if let Some(host) =
                    neighbour(&service).filter(|_| known || self.hosts.len() < MAX_HOSTS)
                {
                    self.hosts.insert(service.fullname.clone(), host);
                }
            }
            ServiceEvent::ServiceRemoved(_, name) => {
                self.hosts.remove(&name);
            }
            _ => {}
        }
    }
}

impl Drop for Neighbours {
    fn drop(&mut self) {
        let _ = self.daemon.shutdown(); // it ends with the process anyway
    }
}

impl Neighbour {
    /// The URL of the host's server, by whichever of its addresses answers.
    pub(crate) async fn url(&self) -> Result<String, Failure> {
        for address in self.addresses.iter().take(MAX_ADDRESSES) {
            if let Ok(Ok(_)) = timeout(CONNECTING, TcpStream::connect(address)).await {
                return Ok(format!("ws://{address}/v1"));
            }
        }
        Err(Failure::new(
            Exit::Unreachable,
            "network",
            "the other side was found on the local network, but none of its addresses answers; check its \
             firewall, and start again with a new code",
        ))
    }
}

/// What an announcement says, when it is one of ours.
fn neighbour(service: &ResolvedService) -> Option<Neighbour> {
    let number = service.get_property_val_str(NUMBER)?;
    let is_number = (1..=MAX_DIGITS).contains(&number.len())
        && number.bytes().all(|digit| digit.is_ascii_digit());
    let addresses: BTreeSet<SocketAddr> = service
        .addresses
        .iter()
        .map(mdns_sd::ScopedIp::to_ip_addr)
        .filter(|address| is_usable(*address))
        .map(|address| SocketAddr::new(address, service.port))
        .collect();
    (is_number && !addresses.is_empty()).then(|| Neighbour { number: number.to_owned(), addresses })
}

/// Whether an address can be connected to. Link-local ones of IPv6 need an interface besides, which
/// a URL cannot name.
fn is_usable(address: IpAddr) -> bool {
    let special = address.is_unspecified() || address.is_multicast();
    let link_local = matches!(address, IpAddr::V6(address) if address.is_unicast_link_local());
    !special && !link_local
}

fn nobody(number: &str) -> Failure {
    Failure::new(
        Exit::Unreachable,
        "network",
        format!(
            "nobody on the local network waits with number {number}; check the number, that the other side \
             still runs, and that both computers are on the same network"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use mdns_sd::ServiceInfo;

    fn announced(number: Option<&str>, addresses: &str) -> ResolvedService {
        let properties: Vec<(&str, &str)> =
            number.map(|number| (NUMBER, number)).into_iter().collect();
        ServiceInfo::new(SERVICE, "x", "x.local.", addresses, 4000, &properties[..])
            .unwrap()
            .as_resolved_service()
    }

    #[test]
    fn an_announcement_of_ours_is_a_neighbour() {
        let host = neighbour(&announced(Some("7"), "192.0.2.1,127.0.0.1,2001:db8::1")).unwrap();
        let addresses: Vec<String> = host.addresses.iter().map(ToString::to_string).collect();
        assert_eq!(host.number, "7");
        assert_eq!(addresses, ["127.0.0.1:4000", "192.0.2.1:4000", "[2001:db8::1]:4000"]);
    }

    #[test]
    fn what_is_none_of_ours_is_passed_over() {
        let long = "7".repeat(41);
        for number in
            [None, Some(""), Some("7a"), Some("-7"), Some("٧"), Some("7\u{1b}[2J"), Some(&long)]
        {
            assert_eq!(neighbour(&announced(number, "192.0.2.1")), None, "{number:?}");
        }
    }

    #[test]
    fn addresses_that_lead_nowhere_are_passed_over() {
        for addresses in ["", "0.0.0.0", "224.0.0.251", "::", "ff02::fb", "fe80::1"] {
            assert_eq!(neighbour(&announced(Some("7"), addresses)), None, "{addresses}");
        }
    }

    #[tokio::test]
    async fn an_address_that_does_not_answer_is_an_error_that_says_so() {
        let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let host = Neighbour { number: "7".into(), addresses: BTreeSet::from([nobody]) };
        assert_eq!(host.url().await.unwrap_err().exit(), Exit::Unreachable);
    }
}
