//! What the welcome says.

use std::fmt;

use wormhole_sync_wire::{hint::Relay, limits::MAX_RELAY_URL};

/// What the welcome tells every client.
///
/// ```
/// use wormhole_sync_server::{Notices, exchange::ConnectionId, session::{Policy, Session}};
///
/// let notices = Notices { motd: Some("down for repair on Sunday".into()), ..Notices::default() };
/// let policy = Policy { notices, ..Policy::default() };
/// # let session = Session::new(ConnectionId(1), None, policy.into());
/// let welcome = session.welcome(None, 0.0).text;
/// assert!(welcome.contains(r#""motd":"down for repair on Sunday""#));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notices {
    /// A message of the day.
    pub motd: Option<String>,
    /// Why every client is to leave at once.
    pub error: Option<String>,
    /// The version of the Python tool that its users are told to use.
    pub current_cli_version: Option<String>,
    /// Transit relays for clients whose users name none: an addition of ours, which other clients pass over. Clients
    /// take the first four.
    pub transit_relays: Vec<TransitRelay>,
}

/// Where clients reach a transit relay: `tcp:HOST:PORT`, `ws://…` or `wss://…`.
///
/// ```
/// use wormhole_sync_server::{Notices, TransitRelay, exchange::ConnectionId, session::{Policy, Session}};
///
/// let relay = TransitRelay::parse("wss://relay.example.com/relay").unwrap();
/// let policy = Policy {
///     notices: Notices { transit_relays: vec![relay], ..Notices::default() },
///     ..Policy::default()
/// };
/// # let session = Session::new(ConnectionId(1), None, policy.into());
/// let welcome = session.welcome(None, 0.0).text;
/// assert!(welcome.contains(r#""transit-relays-v1":[{"type":"relay-v1","hints":[{"type":"websocket","#));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransitRelay(String);

impl TransitRelay {
    /// Reads one; `None` for anything else, and for a URL that no client would keep.
    ///
    /// ```
    /// use wormhole_sync_server::TransitRelay;
    ///
    /// assert!(TransitRelay::parse("tcp:relay.example.com:4001").is_some());
    /// assert!(TransitRelay::parse("relay.example.com").is_none());
    /// ```
    pub fn parse(text: &str) -> Option<Self> {
        let possible = text.len() <= MAX_RELAY_URL && Relay::parse(text).is_some();
        possible.then(|| Self(text.to_owned()))
    }

    /// As the wire has it.
    pub(crate) fn hint(&self) -> Option<Relay> {
        Relay::parse(&self.0)
    }
}

/// As it was written.
impl fmt::Display for TransitRelay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
