//! Who may connect, from where, and how often.

use std::{net::IpAddr, time::Duration};

/// How clients are told apart, and how many there may be, whatever they come for.
///
/// ```
/// use wormhole_sync_server::{Clients, Config};
///
/// let clients = Clients { connections: 500, ..Clients::default() }; // a small machine
/// let config = Config { clients, ..Config::default() };
/// assert!(config.clients.connections_per_address < 500);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clients {
    /// Connections at a time altogether. Default: 100,000.
    pub connections: usize,
    /// Connections at a time from one address. IPv6 addresses count by their /64 network.
    /// Default: 128.
    pub connections_per_address: usize,
    /// Whether clients on the loopback interface count against the limits per address, too.
    /// Default: no.
    pub limit_loopback: bool,
    /// Proxies that are believed when they tell a client's address (`X-Real-IP`, `X-Real-Port`). One
    /// on loopback is named like any other. Default: none.
    pub trusted_proxies: Vec<IpAddr>,
    /// Bytes of an HTTP request's head. Default: 8 KiB.
    pub head_bytes: usize,
    /// How long a client may take until it has said what it wants. Default: 10 s.
    pub handshake: Duration,
}

impl Default for Clients {
    fn default() -> Self {
        Self {
            connections: CONNECTIONS,
            connections_per_address: CONNECTIONS_PER_ADDRESS,
            limit_loopback: false,
            trusted_proxies: Vec::new(),
            head_bytes: HEAD_BYTES,
            handshake: HANDSHAKE,
        }
    }
}

/// Bounds what all connections together hold; an idle one holds some 3 KiB.
const CONNECTIONS: usize = 100_000;

/// One stranger must not take every place. Families and offices share an address.
const CONNECTIONS_PER_ADDRESS: usize = 128;

/// A request that never ends would be held for ever. Browsers with many cookies send some 4 KiB.
const HEAD_BYTES: usize = 8 << 10;

/// Whoever says nothing must not keep its place.
const HANDSHAKE: Duration = Duration::from_secs(10);
