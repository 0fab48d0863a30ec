//! How a side may be reached for bulk bytes, and what it listens on.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use tokio::net::TcpListener;
use wormhole_sync_core::{
    transfer::Meeting,
    wire::{
        hex,
        hint::{Endpoint, Hint, Relay},
    },
};

use crate::{
    error::{Cause, Error},
    options::Options,
    proxy::Proxy,
    url::without_login,
    wormhole::Wormhole,
};

/// The family's public transit relay. Nothing is sent there unless it is [named](Routes::relay), and only when the
/// two computers cannot reach each other.
///
/// ```
/// use wormhole_sync::transfer::{DEFAULT_TRANSIT_RELAY, Routes};
///
/// let routes = Routes::new().relay(DEFAULT_TRANSIT_RELAY)?;
/// # drop(routes);
/// # Ok::<(), wormhole_sync::Error>(())
/// ```
pub const DEFAULT_TRANSIT_RELAY: &str = "tcp:transit.magic-wormhole.io:4001";

/// The environment variable that names another, for tools that look at it.
///
/// ```
/// assert_eq!(wormhole_sync::transfer::TRANSIT_RELAY_VARIABLE, "WORMHOLE_TRANSIT_HELPER");
/// ```
pub const TRANSIT_RELAY_VARIABLE: &str = "WORMHOLE_TRANSIT_HELPER";

/// How to meet the other side for the bytes of a transfer: directly at a port of either side, or
/// through a relay.
///
/// ```
/// use wormhole_sync::transfer::Routes;
///
/// let through_relay_only = Routes::new().no_listen().relay("tcp:relay.example.com:4001")?;
/// # drop(through_relay_only);
/// # Ok::<(), wormhole_sync::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Routes {
    port: Port,
    /// Those that were named; `None` leaves them to the server.
    relays: Option<Vec<Relay>>,
    /// For servers that leave them to the client.
    otherwise: Vec<Relay>,
}

#[derive(Clone, Debug, Default)]
enum Port {
    /// Any free one, on every interface.
    #[default]
    Any,
    /// This one, on every interface.
    Pinned(u16),
    /// On this address alone; a port of 0 is any free one.
    At(SocketAddr),
    None,
}

impl Routes {
    /// Listens on a free port of every interface, and uses the relays that the mailbox server advertises, if it
    /// does.
    ///
    /// ```
    /// wormhole_sync::transfer::Routes::new();
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Listens on this port of every interface, such as one that a firewall lets through.
    ///
    /// ```
    /// wormhole_sync::transfer::Routes::new().listen_port(40_001);
    /// ```
    #[must_use]
    pub fn listen_port(mut self, port: u16) -> Self {
        self.port = Port::Pinned(port);
        self
    }

    /// Listens on this address alone, and names no other to the peer. Port 0 is any free one.
    ///
    /// ```
    /// wormhole_sync::transfer::Routes::new().listen_at("127.0.0.1:0".parse()?);
    /// # Ok::<(), std::net::AddrParseError>(())
    /// ```
    #[must_use]
    pub fn listen_at(mut self, address: SocketAddr) -> Self {
        self.port = Port::At(address);
        self
    }

    /// Does not listen, and tells the peer no address of this computer.
    ///
    /// ```
    /// wormhole_sync::transfer::Routes::new().no_listen();
    /// ```
    #[must_use]
    pub fn no_listen(mut self) -> Self {
        self.port = Port::None;
        self
    }

    /// Adds a relay: `tcp:HOST:PORT`, `ws://…` or `wss://…`. What the mailbox server advertises then counts for
    /// nothing. A login in it is neither sent, nor shown, nor told to the other side.
    ///
    /// ```
    /// use wormhole_sync::{ErrorKind, transfer::Routes};
    ///
    /// assert!(Routes::new().relay("tcp:[2001:db8::1]:4001").is_ok());
    /// let error = Routes::new().relay("relay.example.com").err().unwrap();
    /// assert_eq!(error.kind(), ErrorKind::BadUrl);
    /// ```
    pub fn relay(mut self, relay: &str) -> Result<Self, Error> {
        self.relays.get_or_insert_default().push(parsed(relay)?);
        Ok(self)
    }

    /// Uses no relay, whatever the mailbox server advertises. The other side may still name one.
    ///
    /// ```
    /// wormhole_sync::transfer::Routes::new().no_relay();
    /// ```
    #[must_use]
    pub fn no_relay(mut self) -> Self {
        self.relays = Some(Vec::new());
        self
    }

    /// Adds a relay for where none is [named](Self::relay) and the mailbox server advertises none.
    ///
    /// ```
    /// use wormhole_sync::transfer::{DEFAULT_TRANSIT_RELAY, Routes};
    ///
    /// let routes = Routes::new().relay_unless_advertised(DEFAULT_TRANSIT_RELAY)?;
    /// # drop(routes);
    /// # Ok::<(), wormhole_sync::Error>(())
    /// ```
    pub fn relay_unless_advertised(mut self, relay: &str) -> Result<Self, Error> {
        self.otherwise.push(parsed(relay)?);
        Ok(self)
    }

    /// Whether the port that was chosen can be listened on, for an exchange with these options: before a code is shown
    /// to anybody, for [`send`](super::send) and [`accept`](super::OfferedFiles::accept) listen only when the other
    /// side is there. A port that were open all the while would fill with strangers' connections.
    ///
    /// ```
    /// use wormhole_sync::{ErrorKind, Options, transfer::Routes};
    ///
    /// # wormhole_sync_testkit::doc::run(async |_| {
    /// let another = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// let taken = Routes::new().listen_at(another.local_addr()?);
    /// let error = taken.check(&Options::new()).await.err().unwrap();
    /// assert_eq!(error.kind(), ErrorKind::Unconnected);
    /// # Ok(()) });
    /// ```
    pub async fn check(&self, options: &Options) -> Result<(), Error> {
        if matches!(self.port, Port::Any | Port::None) || options.proxy.is_tor() {
            return Ok(());
        }
        let listens = self.port.listen().await;
        listens.map(drop).map_err(|error| Cause::Listen(error.to_string()).into())
    }

    /// Opens the ports, though none beside Tor; what to tell the peer.
    pub(super) async fn open(
        &self,
        wormhole: &Wormhole,
    ) -> Result<(Vec<TcpListener>, Meeting), Error> {
        self.open_for(wormhole.proxy(), wormhole.advertised()).await
    }

    /// Whether the ports can be opened; the addresses that a peer would be told.
    pub(crate) async fn tried(&self) -> Result<Vec<SocketAddr>, Error> {
        let (_ports, meeting) = self.open_for(None, &[]).await?;
        let direct = meeting.hints.into_iter().filter_map(|hint| match hint {
            Hint::Direct(endpoint) => Some((endpoint.hostname().parse().ok()?, endpoint.port())),
            _ => None,
        });
        Ok(direct.map(|(address, port): (IpAddr, u16)| (address, port).into()).collect())
    }

    async fn open_for(
        &self,
        proxy: Option<&Arc<Proxy>>,
        advertised: &[Relay],
    ) -> Result<(Vec<TcpListener>, Meeting), Error> {
        let port = if proxy.is_some_and(|proxy| proxy.is_tor()) { &Port::None } else { &self.port };
        let ports = port.listen().await.map_err(|error| Cause::Listen(error.to_string()))?;
        let mut hints = Vec::new();
        for port in ports.iter().filter_map(|port| port.local_addr().ok()).take(1) {
            hints.extend(addresses(port).into_iter().filter_map(|address| {
                Some(Hint::Direct(Endpoint::new(&address.to_string(), port.port())?))
            }));
        }
        let listens = !hints.is_empty();
        hints.extend(self.relays(advertised).iter().cloned().map(Hint::Relay));
        let mut side = [0; 8];
        getrandom::fill(&mut side).map_err(|error| Cause::Random(error.to_string()))?;
        Ok((ports, Meeting { hints, listens, side: hex::encode(&side) }))
    }

    /// Those in force at a server that advertises these.
    fn relays<'a>(&'a self, advertised: &'a [Relay]) -> &'a [Relay] {
        match &self.relays {
            Some(named) => named,
            None if advertised.is_empty() => &self.otherwise,
            None => advertised,
        }
    }
}

/// Without a login: the other side is told of the relay.
fn parsed(relay: &str) -> Result<Relay, Error> {
    let relay = without_login(relay);
    Ok(Relay::parse(&relay).ok_or(Cause::BadRelay(relay))?)
}

impl Port {
    async fn listen(&self) -> io::Result<Vec<TcpListener>> {
        match *self {
            Self::None => Ok(Vec::new()),
            Self::At(address) => Ok(vec![TcpListener::bind(address).await?]),
            Self::Any => everywhere(0).await,
            Self::Pinned(port) => everywhere(port).await,
        }
    }
}

/// Both families at one port. Where one socket serves both, the second cannot be bound, and need not.
async fn everywhere(port: u16) -> io::Result<Vec<TcpListener>> {
    let Ok(six) = TcpListener::bind((Ipv6Addr::UNSPECIFIED, port)).await else {
        return Ok(vec![TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).await?]);
    };
    let port = six.local_addr()?.port();
    let four = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).await;
    Ok(std::iter::once(six).chain(four.ok()).collect())
}

/// The addresses at which a port that listens at `bound` can be reached.
fn addresses(bound: SocketAddr) -> Vec<IpAddr> {
    if !bound.ip().is_unspecified() {
        return vec![bound.ip()];
    }
    let all = if_addrs::get_if_addrs().unwrap_or_default(); // then none is known
    let (here, reachable): (Vec<_>, Vec<_>) =
        all.iter().map(if_addrs::Interface::ip).filter(is_usable).partition(IpAddr::is_loopback);
    // A computer with nothing but loopback still reaches itself.
    if reachable.is_empty() { here } else { reachable }
}

/// Link-local addresses mean nothing without the name of an interface.
fn is_usable(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !address.is_link_local(),
        IpAddr::V6(address) => !address.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hints(routes: &Routes) -> (Vec<TcpListener>, Meeting) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let opened = runtime.block_on(routes.open_for(None, &[]));
        opened.unwrap()
    }

    #[test]
    fn who_does_not_listen_tells_no_address() {
        let routes = Routes::new().no_listen().relay("tcp:relay.example.com:4001").unwrap();
        let (ports, meeting) = hints(&routes);
        assert!(ports.is_empty() && !meeting.listens);
        assert!(matches!(&meeting.hints[..], [Hint::Relay(_)]));
        assert_eq!(meeting.side.len(), 16);
    }

    #[test]
    fn a_login_is_neither_shown_nor_told() {
        let routes = Routes::new().relay("wss://ann:secret@relay.example.com/x").unwrap();
        let (_, meeting) = hints(&routes);
        let relay = Hint::Relay(Relay::parse("wss://relay.example.com/x").unwrap());
        assert!(meeting.hints.contains(&relay), "{:?}", meeting.hints);
        assert!(!format!("{routes:?}").contains("secret"));
        for wrong in ["tcp:ann:secret@host:4001", "ftp://ann:secret@host", "ann:secret@host"] {
            let error = Routes::new().relay(wrong).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("secret"), "{error}");
        }
    }

    #[test]
    fn what_a_server_advertises_stands_between_what_is_named_and_what_is_usual() {
        let relay = |name| Relay::parse(&format!("tcp:{name}.example.com:4001")).unwrap();
        let advertised = [relay("advertised")];
        let usual = Routes::new().relay_unless_advertised("tcp:usual.example.com:4001").unwrap();
        assert_eq!(usual.relays(&[]), [relay("usual")]);
        assert_eq!(usual.relays(&advertised), advertised);
        assert_eq!(Routes::new().relays(&[]), []);
        assert_eq!(Routes::new().relays(&advertised), advertised);
        assert_eq!(usual.clone().no_relay().relays(&advertised), []);
        let named = usual.relay("tcp:named.example.com:4001").unwrap();
        assert_eq!(named.relays(&advertised), [relay("named")]);
        assert_eq!(named.relays(&[]), [relay("named")]);
    }

    #[test]
    fn an_address_of_its_own_is_the_only_one_told() {
        let (ports, meeting) = hints(&Routes::new().listen_at("127.0.0.1:0".parse().unwrap()));
        let port = ports[0].local_addr().unwrap().port();
        assert_eq!(meeting.hints, [Hint::Direct(Endpoint::new("127.0.0.1", port).unwrap())]);
    }

    #[test]
    fn both_families_are_reached_at_one_port() {
        let (ports, meeting) = hints(&Routes::new());
        let port = ports[0].local_addr().unwrap().port();
        assert!(meeting.listens);
        let all_at_it = |hint: &Hint| matches!(hint, Hint::Direct(at) if at.port() == port);
        assert!(meeting.hints.iter().all(all_at_it));
        std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        if std::net::TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok() {
            std::net::TcpStream::connect((Ipv6Addr::LOCALHOST, port)).unwrap();
        }
    }

    #[test]
    fn a_port_in_use_is_an_error_that_says_so() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let routes = Routes::new().listen_at(taken.local_addr().unwrap());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let error = runtime.block_on(routes.open_for(None, &[])).err().unwrap();
        assert!(error.to_string().contains("port"), "{error}");
    }
}
