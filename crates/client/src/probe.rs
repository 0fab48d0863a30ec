//! Whether servers can be reached, how fast, and what they ask for: for programs that help their users to find out
//! what is wrong.
//!
//! Nothing here takes part in an exchange: a mailbox server's welcome is read, and it is asked for a nameplate that is
//! given back; a relay is asked to join two connections of this side's own.
//!
//! ```
//! use wormhole_sync::{Options, probe};
//!
//! # wormhole_sync_testkit::doc::run(async |url| {
//! let options = Options::new().rendezvous(url);
//! for way in probe::ways(url, &options)? {
//!     match probe::mailbox(&options, way).await {
//!         Ok(server) => println!("{way:?}: welcome after {:?}", server.welcomed_in),
//!         Err(failure) => println!("{way:?}: {failure}"),
//!     }
//! }
//! # assert!(probe::mailbox(&options, probe::Way::Usual).await.is_ok());
//! # Ok(()) });
//! ```

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use wormhole_sync_core::wire::hint::{Door, Endpoint, Relay};

mod attempt;
mod mailbox;
mod nameplate;
mod relay;

pub use attempt::{Failure, Reached, Stage};
pub use mailbox::{MailboxServer, Permission, mailbox};
pub use nameplate::nameplate;
pub use relay::{PairingRelay, relay};

use crate::{
    dial::Server,
    error::{Cause, Error},
    options::Options,
    transfer::Routes,
    url::without_login,
};

/// How long a probe may take unless [`Options::time_limit`] says otherwise: 5 s.
///
/// ```
/// assert_eq!(wormhole_sync::probe::LIMIT.as_secs(), 5);
/// ```
pub const LIMIT: Duration = Duration::from_secs(5);

/// How a server is reached.
///
/// ```
/// use wormhole_sync::{Options, probe::{self, Way}};
///
/// let ways = probe::ways("tcp:relay.example.com:4001", &Options::new().no_proxy())?;
/// assert_eq!(ways, [Way::Ipv4, Way::Ipv6]);
/// # Ok::<(), wormhole_sync::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// As an exchange does it: by way of the proxy, where one is chosen, or else at any of its addresses.
    Usual,
    /// At its IPv4 addresses alone.
    Ipv4,
    /// At its IPv6 addresses alone.
    Ipv6,
}

impl Way {
    const fn covers(self, address: &SocketAddr) -> bool {
        match self {
            Self::Usual => true,
            Self::Ipv4 => address.is_ipv4(),
            Self::Ipv6 => address.is_ipv6(),
        }
    }
}

/// The ways to a mailbox server's URL, or to a relay, that are worth trying apart: each family of addresses, or the
/// proxy that leads there.
///
/// ```
/// use wormhole_sync::{Options, Proxy, probe::{self, Way}};
///
/// let proxy = Options::new().proxy(Proxy::parse("socks5://192.0.2.1:1080")?);
/// assert_eq!(probe::ways("wss://relay.example.com/v1", &proxy)?, [Way::Usual]);
/// assert_eq!(probe::ways("ws://[::1]:4000/v1", &proxy)?, [Way::Ipv6]); // loopback needs no proxy
/// assert!(probe::ways("relay.example.com", &proxy).is_err());
/// # Ok::<(), wormhole_sync::Error>(())
/// ```
pub fn ways(server: &str, options: &Options) -> Result<Vec<Way>, Error> {
    let endpoint = endpoint(server)?;
    let proxy = options.proxy.for_one_wormhole()?;
    if proxy.is_some_and(|proxy| proxy.is_for(endpoint.hostname())) {
        return Ok(vec![Way::Usual]);
    }
    Ok(match endpoint.hostname().parse() {
        Ok(IpAddr::V4(_)) => vec![Way::Ipv4],
        Ok(IpAddr::V6(_)) => vec![Way::Ipv6],
        Err(_) => vec![Way::Ipv4, Way::Ipv6],
    })
}

/// Whether ports can be listened on as [`Routes`] has it, and the addresses at which the other side would be told to
/// connect. The ports are closed again.
///
/// ```
/// use wormhole_sync::{probe, transfer::Routes};
///
/// # wormhole_sync_testkit::doc::run(async |_| {
/// let told = probe::listening(&Routes::new().listen_at("127.0.0.1:0".parse()?)).await?;
/// assert!(told[0].ip().is_loopback() && told[0].port() != 0);
/// assert_eq!(probe::listening(&Routes::new().no_listen()).await?, []);
/// # Ok(()) });
/// ```
pub async fn listening(routes: &Routes) -> Result<Vec<SocketAddr>, Error> {
    routes.tried().await
}

fn endpoint(server: &str) -> Result<Endpoint, Error> {
    match door(server) {
        Ok(Door::Tcp(endpoint)) => Ok(endpoint),
        _ => Ok(Server::parse(server)?.endpoint().clone()),
    }
}

fn door(relay: &str) -> Result<Door, Error> {
    let door = Relay::parse(relay).and_then(|relay| relay.doors.into_iter().next());
    Ok(door.ok_or_else(|| Cause::BadRelay(without_login(relay)))?)
}
