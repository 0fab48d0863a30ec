//! The hosts on the local network, as they come and go.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    time::Duration,
};

use mdns_sd::{Receiver, ResolvedService, ServiceDaemon, ServiceEvent};
use tokio::time::{Instant, sleep, timeout_at};

use super::{Interfaces, NUMBER, SERVICE, interfaces::failed, near::Near};
use crate::exit::{Exit, Failure};

/// How long a host may take to show itself.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long it takes until all who are there have answered, as a rule.
pub(crate) const SETTLING: Duration = Duration::from_millis(700);

/// How long it takes until even one has answered who announced itself just now: what was said within
/// the last second is not said again to the first question (RFC 6762, section 6), but to the second.
pub(crate) const SURE: Duration = Duration::from_millis(1500);

/// How long until a search that broke off is begun again.
const BREATH: Duration = Duration::from_millis(200);

/// Most hosts that are remembered: anybody on the network can announce as many as they like.
const MAX_HOSTS: usize = 1000;

/// Most addresses of one host that are tried.
const MAX_ADDRESSES: usize = 8;

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
    /// Sends and hears what there is; made-up searches have none.
    daemon: Option<ServiceDaemon>,
    events: Receiver<ServiceEvent>,
    interfaces: Interfaces,
    near: Near,
    hosts: BTreeMap<String, Neighbour>,
}

impl Neighbours {
    /// Starts to look.
    pub(crate) fn look(interfaces: &Interfaces) -> Result<Self, Failure> {
        let (daemon, events) = begin(interfaces)?;
        Ok(Self {
            daemon: Some(daemon),
            events,
            interfaces: interfaces.clone(),
            near: Near::of(interfaces),
            hosts: BTreeMap::new(),
        })
    }

    /// Takes note of whoever shows up until `moment`.
    pub(crate) async fn watch_until(&mut self, moment: Instant) {
        let _ = timeout_at(moment, self.watch()).await; // it has no end of its own
    }

    /// Takes note of who shows up, for ever.
    pub(crate) async fn watch(&mut self) {
        loop {
            self.next().await;
        }
    }

    /// Takes note of one thing that happens. A search that breaks off, whatever a stranger's packet
    /// may have done to it, is begun again.
    async fn next(&mut self) {
        if let Ok(event) = self.events.recv_async().await {
            return self.note(event);
        }
        sleep(BREATH).await;
        if let Ok((daemon, events)) = begin(&self.interfaces) {
            self.stop();
            (self.daemon, self.events) = (Some(daemon), events);
            self.hosts.clear();
        }
    }

    /// The numbers in use.
    pub(crate) fn numbers(&self) -> Vec<String> {
        let numbers: BTreeSet<&String> = self.hosts.values().map(|host| &host.number).collect();
        numbers.into_iter().cloned().collect()
    }

    /// The host with this number. Nobody after a while is an error, and so are two: which one the
    /// code belongs to cannot be told. One that came and went does not end the search.
    pub(crate) async fn find(&mut self, number: &str) -> Result<Neighbour, Failure> {
        let end = Instant::now() + PATIENCE;
        loop {
            while self.with(number).is_empty() {
                timeout_at(end, self.next()).await.map_err(|_| nobody(number))?;
            }
            self.watch_until(Instant::now() + SETTLING).await; // a second one may come
            if let Some(host) = self.only(number)? {
                return Ok(host);
            }
        }
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

    fn stop(&self) {
        if let Some(daemon) = &self.daemon {
            let _ = daemon.shutdown(); // it ends with the process anyway
        }
    }

    fn with(&self, number: &str) -> Vec<&Neighbour> {
        self.hosts.values().filter(|host| host.number == number).collect()
    }

    fn note(&mut self, event: ServiceEvent) {
        match event {
            ServiceEvent::ServiceResolved(service) => {
                let known = self.hosts.contains_key(&service.fullname);
                if let Some(host) = neighbour(&service, &self.near)
                    .filter(|_| known || self.hosts.len() < MAX_HOSTS)
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
        self.stop();
    }
}

fn begin(interfaces: &Interfaces) -> Result<(ServiceDaemon, Receiver<ServiceEvent>), Failure> {
    let daemon = interfaces.daemon()?;
    let events = daemon.browse(SERVICE).map_err(|error| failed(&error))?;
    Ok((daemon, events))
}

impl Neighbour {
    /// The URLs of the host's server, one for each of its addresses.
    pub(crate) fn urls(&self) -> impl Iterator<Item = String> {
        self.addresses.iter().take(MAX_ADDRESSES).map(|address| format!("ws://{address}/v1"))
    }
}

/// What an announcement says, when it is one of ours.
fn neighbour(service: &ResolvedService, near: &Near) -> Option<Neighbour> {
    let number = service.get_property_val_str(NUMBER)?;
    let is_number = (1..=MAX_DIGITS).contains(&number.len())
        && number.bytes().all(|digit| digit.is_ascii_digit());
    let addresses: BTreeSet<SocketAddr> = service
        .addresses
        .iter()
        .filter_map(|announced| near.address(announced))
        .map(|address| SocketAddr::new(address, service.port))
        .collect();
    (is_number && !addresses.is_empty()).then(|| Neighbour { number: number.to_owned(), addresses })
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
    use crate::local::near::tests::near;
    use mdns_sd::ServiceInfo;

    fn announced(number: Option<&str>, addresses: &str) -> ResolvedService {
        announced_as("x", number, addresses)
    }

    fn announced_as(name: &str, number: Option<&str>, addresses: &str) -> ResolvedService {
        let properties: Vec<(&str, &str)> =
            number.map(|number| (NUMBER, number)).into_iter().collect();
        ServiceInfo::new(SERVICE, name, "x.local.", addresses, 4000, &properties[..])
            .unwrap()
            .as_resolved_service()
    }

    #[test]
    fn an_announcement_of_ours_is_a_neighbour() {
        let service = announced(Some("7"), "192.168.0.2,127.0.0.1,8.8.8.8,fd00::1");
        let host = neighbour(&service, &near()).unwrap();
        let urls: Vec<String> = host.urls().collect();
        assert_eq!(host.number, "7");
        assert_eq!(urls, ["ws://192.168.0.2:4000/v1", "ws://[fd00::1]:4000/v1"]);
    }

    #[test]
    fn what_is_none_of_ours_is_passed_over() {
        let long = "7".repeat(MAX_DIGITS + 1);
        for number in
            [None, Some(""), Some("7a"), Some("-7"), Some("٧"), Some("7\u{1b}[2J"), Some(&long)]
        {
            let service = announced(number, "192.168.0.2");
            assert_eq!(neighbour(&service, &near()), None, "{number:?}");
        }
    }

    /// A search in which what happens is made up.
    fn search() -> (Neighbours, flume::Sender<ServiceEvent>) {
        let (happens, events) = flume::unbounded();
        let search = Neighbours {
            daemon: None,
            events,
            interfaces: Interfaces::None,
            near: near(),
            hosts: BTreeMap::new(),
        };
        (search, happens)
    }

    fn resolved(number: &str) -> ServiceEvent {
        ServiceEvent::ServiceResolved(Box::new(announced(Some(number), "192.168.0.2")))
    }

    #[test]
    fn a_host_of_many_addresses_is_tried_at_a_few() {
        let many: Vec<String> = (1..=20).map(|last| format!("192.168.0.{last}")).collect();
        let host = neighbour(&announced(Some("7"), &many.join(",")), &near()).unwrap();
        assert_eq!(host.urls().count(), MAX_ADDRESSES);
    }

    #[test]
    fn whoever_announces_thousands_of_hosts_is_remembered_up_to_a_limit() {
        let (mut search, _happens) = search();
        let host = |host: usize, number: &str| {
            announced_as(&format!("host{host}"), Some(number), "192.168.0.2")
        };
        let mut note = |service| search.note(ServiceEvent::ServiceResolved(Box::new(service)));
        for flood in 0..=MAX_HOSTS {
            note(host(flood, "7"));
        }
        note(host(0, "8")); // one that is known can change
        assert_eq!(search.hosts.len(), MAX_HOSTS);
        assert_eq!(search.numbers(), ["7", "8"]);
        let gone = host(1, "7").fullname;
        search.note(ServiceEvent::ServiceRemoved(SERVICE.to_owned(), gone));
        search.note(ServiceEvent::ServiceResolved(Box::new(host(MAX_HOSTS, "9"))));
        assert_eq!(search.numbers(), ["7", "8", "9"], "and there is room again");
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_that_comes_and_goes_does_not_end_the_search() {
        let (mut search, happens) = search();
        happens.send(resolved("7")).unwrap();
        happens.send(resolved("8")).unwrap(); // the same host, garbled
        let later = tokio::spawn(async move {
            sleep(SETTLING * 3).await;
            happens.send(resolved("7")).unwrap();
            happens // the search goes on
        });
        assert_eq!(search.find("7").await.unwrap().number, "7");
        drop(later.await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_search_that_breaks_off_goes_on_until_its_time_is_up() {
        let (mut search, happens) = search();
        drop(happens);
        let begin = Instant::now();
        assert_eq!(search.find("7").await.unwrap_err().exit(), Exit::Unreachable);
        assert!(begin.elapsed() >= PATIENCE);
    }

    #[test]
    fn a_host_without_an_address_near_is_passed_over() {
        for addresses in ["", "203.0.113.5", "127.0.0.1", "::1"] {
            let service = announced(Some("7"), addresses);
            assert_eq!(neighbour(&service, &near()), None, "{addresses}");
        }
    }
}
