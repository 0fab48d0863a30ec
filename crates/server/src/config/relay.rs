//! The settings of the transit relay.

use std::time::Duration;

use super::sane;

/// The settings of a transit relay. The defaults suit a public one.
///
/// ```
/// use wormhole_sync_server::{Config, Relay};
///
/// let relay = Relay { bytes_per_second_per_address: Some(10 << 20), ..Relay::default() };
/// let config = Config { relay: Some(relay), mailbox: None, ..Config::default() };
/// assert!(config.relay.is_some_and(|relay| relay.pair_bytes.is_none()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relay {
    /// How long a connection waits for its partner. Default: 10 minutes.
    pub waiting: Duration,
    /// Connections that wait for their partners at a time. Default: 20,000.
    pub waiting_connections: usize,
    /// Those from one address. Default: 64.
    pub waiting_connections_per_address: usize,
    /// How long a pair may move nothing, after which it is cut; a reader that has stopped reading
    /// counts as such. Default: 10 minutes.
    pub idle: Duration,
    /// Bytes that all pairs together hold on their way; once they are used up, pairs are read in
    /// pieces of 4 KiB, of which each direction holds one at most. Default: 256 MiB.
    pub buffered_bytes: usize,
    /// Bytes that one pair may move in both directions. Default: any number.
    pub pair_bytes: Option<u64>,
    /// Bytes a second that the connections of one address move together, sent and received. Default:
    /// any number.
    pub bytes_per_second_per_address: Option<u64>,
}

impl Default for Relay {
    fn default() -> Self {
        Self {
            waiting: WAITING,
            waiting_connections: WAITING_CONNECTIONS,
            waiting_connections_per_address: WAITING_CONNECTIONS_PER_ADDRESS,
            idle: IDLE,
            buffered_bytes: BUFFERED_BYTES,
            pair_bytes: None,
            bytes_per_second_per_address: None,
        }
    }
}

impl Relay {
    /// The same, with times that clocks can tell.
    pub(super) fn sane(self) -> Self {
        Self { waiting: sane(self.waiting), idle: sane(self.idle), ..self }
    }
}

/// Both sides dial within seconds of one another; a partner that has not come by then never will.
const WAITING: Duration = Duration::from_secs(10 * 60);

/// Strangers can wait for partners who never come, from many addresses.
const WAITING_CONNECTIONS: usize = 20_000;

/// One stranger must not take every place. A family or an office waits with a few at a time.
const WAITING_CONNECTIONS_PER_ADDRESS: usize = 64;

/// Two ends that are held open and say nothing take two places for ever.
const IDLE: Duration = Duration::from_secs(10 * 60);

/// Many pairs whose readers are slow fill memory with what is on its way.
const BUFFERED_BYTES: usize = 256 << 20;
