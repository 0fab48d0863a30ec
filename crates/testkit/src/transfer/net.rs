//! What is found at an address, and the links to it.

use std::time::Duration;

use wormhole_sync_core::{
    Moment,
    connect::LinkId,
    wire::{
        hint::{Endpoint, Hint, Relay},
        transit::Role,
    },
};

/// Where the relay is.
pub const RELAY: &str = "203.0.113.1:4001";

/// What is found at an address.
#[derive(Clone, Debug)]
pub enum Place {
    /// Nobody, and the computer there says so.
    Refuses,
    /// Nothing, and nobody says so.
    NeverAnswers,
    /// Somebody who is not the peer.
    Holds(Stranger),
    /// The port of one of the sides.
    Listener(Role),
    /// A relay.
    Relay,
}

/// Somebody who is not the peer, at one end of a link.
#[derive(Clone, Debug)]
pub enum Stranger {
    /// Says nothing.
    Mute,
    /// Says back what it hears.
    Echoes,
    /// Says this as soon as the link is up.
    Says(Vec<u8>),
    /// Closes the link at once.
    HangsUp,
}

impl Stranger {
    /// A web server, or a browser.
    pub fn http() -> Self {
        Self::Says(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec())
    }
}

/// What the network does to everything.
#[derive(Clone, Debug)]
pub struct Weather {
    /// The longest delay of anything on a link.
    pub link: Duration,
    /// The longest delay of a message.
    pub message: Duration,
    /// Whether bytes come in pieces of random sizes.
    pub pieces: bool,
}

impl Default for Weather {
    fn default() -> Self {
        let link = Duration::from_millis(40);
        Self { link, message: Duration::from_millis(100), pieces: false }
    }
}

/// The address of a side's own port.
pub const fn listener(role: Role) -> &'static str {
    match role {
        Role::Sender => "192.0.2.1:1",
        Role::Receiver => "192.0.2.2:1",
    }
}

/// A hint of an address.
pub fn direct(address: &str) -> Hint {
    Hint::Direct(endpoint(address))
}

/// A hint of a relay at an address.
pub fn relay(address: &str) -> Hint {
    let relay = Relay::parse(&format!("tcp:{address}"));
    Hint::Relay(relay.unwrap_or_else(|| panic!("{address} is no relay's")))
}

fn endpoint(address: &str) -> Endpoint {
    let endpoint = address.split_once(':').and_then(|(host, port)| {
        let port = port.parse().ok()?;
        Endpoint::new(host, port)
    });
    endpoint.unwrap_or_else(|| panic!("{address} is no address"))
}

/// Who holds an end of a wire.
#[derive(Clone, Debug)]
pub(super) enum Holder {
    /// A machine, under its own name for the link.
    Side(Role, LinkId),
    /// The hand that plays a role.
    Hand(Role),
    Stranger(Stranger),
    Relay,
}

impl Holder {
    pub(super) fn is(&self, role: Role, link: LinkId) -> bool {
        matches!(self, Self::Side(by, name) if *by == role && *name == link)
    }
}

/// A link of a [`World`](super::World).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WireId(pub(super) usize);

/// A link. Direction `n` is from end `n` to the other.
pub(super) struct Wire {
    pub(super) ends: [Holder; 2],
    pub(super) ways: [Way; 2],
}

#[derive(Default)]
pub(super) struct Way {
    /// When what was said last arrives: nothing overtakes it.
    pub(super) arrival: Moment,
    /// Bytes that are said and have not arrived.
    pub(super) in_flight: usize,
    /// Nothing arrives any more, and nobody notices.
    pub(super) stalled: bool,
    /// The end that speaks has closed it.
    pub(super) closed: bool,
}

impl Wire {
    pub(super) fn new(dialer: Holder, other: Holder) -> Self {
        Self { ends: [dialer, other], ways: [Way::default(), Way::default()] }
    }

    pub(super) fn way(&mut self, from: usize) -> &mut Way {
        let [dialers, others] = &mut self.ways;
        if from == 0 { dialers } else { others }
    }

    pub(super) const fn end(&self, end: usize) -> &Holder {
        let [dialer, other] = &self.ends;
        if end == 0 { dialer } else { other }
    }
}
