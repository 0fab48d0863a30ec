//! Who may connect, from where, and how often.

use std::time::Duration;

use super::{Network, Rate, sane};

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
    /// Connections at a time altogether. Where the system lets fewer files be open, it counts as what is
    /// left of these beside 64, and with a relay 128 more, or as half of them if that is more.
    /// Default: 100,000.
    pub connections: usize,
    /// Connections at a time from one address. IPv6 addresses count by their /64 network.
    /// Default: 128.
    pub connections_per_address: usize,
    /// How often one address may connect. Default: 256 at once, and then 120 a minute.
    pub new_connections: Rate,
    /// Whether clients on the loopback interface count against the limits per address, too.
    /// Default: no.
    pub limit_loopback: bool,
    /// Proxies that are believed when they tell a client's address, by address or network. One on
    /// loopback is named like any other. Default: none.
    ///
    /// They tell it in `X-Forwarded-For`, which is read from its end: the first address there that is
    /// no trusted proxy's is the client's. Without it, or where it ends in what is no address,
    /// `X-Real-IP` counts, with `X-Real-Port`; without either, the proxy itself. A request in which
    /// both stand and contradict each other is refused, for one of them was written by the client.
    ///
    /// So a proxy must set one of them itself, and whoever is in a network that is named here can
    /// choose the address that it counts for.
    pub trusted_proxies: Vec<Network>,
    /// Whether each connection from a trusted proxy begins with a header of the PROXY protocol,
    /// version 1 or 2, before TLS and everything else. One without it is closed. What others send
    /// is never taken for such a header. Default: no.
    ///
    /// The client that it names may itself be a trusted proxy, and is then believed as above. Where
    /// it says that the client is unknown, the connection counts for the proxy, and the headers of
    /// its request tell nothing.
    pub proxy_protocol: bool,
    /// Bytes of an HTTP request's head. Default: 8 KiB.
    pub head_bytes: usize,
    /// How long a client may take until it has said what it wants: its proxy's header, its
    /// handshake of TLS and its request together. Default: 10 s.
    pub handshake: Duration,
}

impl Default for Clients {
    fn default() -> Self {
        Self {
            connections: CONNECTIONS,
            connections_per_address: CONNECTIONS_PER_ADDRESS,
            new_connections: NEW_CONNECTIONS,
            limit_loopback: false,
            trusted_proxies: Vec::new(),
            proxy_protocol: false,
            head_bytes: HEAD_BYTES,
            handshake: HANDSHAKE,
        }
    }
}

impl Clients {
    /// The same, with times that clocks can tell.
    pub(super) fn sane(self) -> Self {
        Self { handshake: sane(self.handshake), ..self }
    }
}

/// Bounds what all connections together hold; an idle one holds some 3 KiB.
const CONNECTIONS: usize = 100_000;

/// One stranger must not take every place. Families and offices share an address.
const CONNECTIONS_PER_ADDRESS: usize = 128;

/// Connecting and leaving again must not keep the server busy. At once it is twice what an address may
/// have at a time, so that all of them may come back after a restart; then two a second, which is one
/// exchange after another without a pause.
const NEW_CONNECTIONS: Rate = Rate { burst: 256, per_minute: 120 };

/// A request that never ends would be held for ever. Browsers with many cookies send some 4 KiB.
const HEAD_BYTES: usize = 8 << 10;

/// Whoever says nothing must not keep its place.
const HANDSHAKE: Duration = Duration::from_secs(10);
