//! What a race is about: links, where they lead, and what is to be done with them.

use wormhole_sync_wire::hint::Endpoint;

use crate::Moment;

/// How a link reaches the peer.
///
/// ```
/// use wormhole_sync_core::connect::Path;
///
/// assert!(Path::Direct < Path::Relay); // better
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Path {
    /// From computer to computer.
    Direct,
    /// Through a relay, which sees how much is sent and nothing else.
    Relay,
}

/// Makes the negotiation of each link.
///
/// ```
/// use wormhole_sync_core::connect::{Negotiate, Negotiation, Path, Progress};
///
/// /// A handshake of one byte each way, for a network without strangers.
/// struct Trusting;
///
/// impl Negotiate for Trusting {
///     type Negotiation = Self;
///     fn begin(&self, _: Path) -> Self { Self }
/// }
///
/// impl Negotiation for Trusting {
///     fn opened(&mut self) -> Vec<u8> { b"?".to_vec() }
///     fn received(&mut self, bytes: &[u8], _: &mut Vec<u8>) -> Progress {
///         if bytes == b"?" { Progress::Ready } else { Progress::Refused }
///     }
///     fn choose(&mut self) -> Vec<u8> { b"!".to_vec() }
///     fn decline(&mut self) -> Vec<u8> { Vec::new() }
/// }
///
/// assert_eq!(Trusting.begin(Path::Direct).received(b"?", &mut Vec::new()), Progress::Ready);
/// ```
pub trait Negotiate {
    /// One link's.
    type Negotiation: Negotiation;

    /// Begins one.
    ///
    /// ```
    /// use wormhole_sync_core::{connect::{Negotiate, Negotiation, Path}, wire::transit::Role};
    ///
    /// # let handshakes = wormhole_sync_testkit::doc::handshakes(Role::Sender);
    /// let mut direct = handshakes.begin(Path::Direct);
    /// let mut relayed = handshakes.begin(Path::Relay);
    /// assert_ne!(direct.opened(), relayed.opened()); // the relay is spoken to first
    /// ```
    fn begin(&self, path: Path) -> Self::Negotiation;
}

/// One link's handshake. [`Negotiate`] has an example.
///
/// ```
/// use wormhole_sync_core::{connect::{Negotiate, Negotiation, Path}, wire::transit::{GO, Role}};
///
/// # let handshakes = wormhole_sync_testkit::doc::handshakes(Role::Sender);
/// assert_eq!(handshakes.begin(Path::Direct).choose(), GO);
/// ```
pub trait Negotiation {
    /// What is said as soon as the link is up.
    ///
    /// ```
    /// use wormhole_sync_core::{connect::{Negotiate, Negotiation, Path}, wire::transit::Role};
    ///
    /// # let handshakes = wormhole_sync_testkit::doc::handshakes(Role::Sender);
    /// let said = handshakes.begin(Path::Direct).opened();
    /// assert!(said.starts_with(b"transit sender "));
    /// ```
    fn opened(&mut self) -> Vec<u8>;

    /// Takes what has come; what is to be said to it is added to `reply`.
    ///
    /// ```
    /// use wormhole_sync_core::{
    ///     connect::{Negotiate, Negotiation, Path, Progress},
    ///     wire::transit::{RELAY_OK, Role},
    /// };
    ///
    /// # let handshakes = wormhole_sync_testkit::doc::handshakes(Role::Sender);
    /// let mut link = handshakes.begin(Path::Relay);
    /// let mut reply = Vec::new();
    /// assert_eq!(link.received(RELAY_OK, &mut reply), Progress::Waiting);
    /// assert!(reply.starts_with(b"transit sender "));
    /// assert_eq!(link.received(b"GET / HTTP/1.1", &mut reply), Progress::Refused);
    /// ```
    fn received(&mut self, bytes: &[u8], reply: &mut Vec<u8>) -> Progress;

    /// What the picking side says on the link that it picks.
    ///
    /// ```
    /// use wormhole_sync_core::{connect::{Negotiate, Negotiation, Path}, wire::transit::Role};
    ///
    /// # let handshakes = wormhole_sync_testkit::doc::handshakes(Role::Sender);
    /// assert_eq!(handshakes.begin(Path::Direct).choose(), b"go\n");
    /// ```
    fn choose(&mut self) -> Vec<u8>;

    /// What it says on the others that are ready.
    ///
    /// ```
    /// use wormhole_sync_core::{connect::{Negotiate, Negotiation, Path}, wire::transit::Role};
    ///
    /// # let handshakes = wormhole_sync_testkit::doc::handshakes(Role::Sender);
    /// assert_eq!(handshakes.begin(Path::Direct).decline(), b"nevermind\n");
    /// ```
    fn decline(&mut self) -> Vec<u8>;
}

/// Where a negotiation stands.
///
/// ```
/// use wormhole_sync_core::connect::Progress;
///
/// let chosen = Progress::Chosen { rest: b"the first record".to_vec() };
/// assert_ne!(chosen, Progress::Ready);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// More has to come.
    Waiting,
    /// The other end is the peer, whose choice is waited for.
    Proven,
    /// The other end is the peer, and this side may pick the link.
    Ready,
    /// The peer has picked it.
    Chosen {
        /// What came behind its choice.
        rest: Vec<u8>,
    },
    /// The other end is somebody else, or picks another link.
    Refused,
}

/// Names a link between the race and its driver.
///
/// ```
/// use wormhole_sync_core::connect::LinkId;
///
/// let mut sockets = std::collections::BTreeMap::<LinkId, std::net::TcpStream>::new();
/// assert!(sockets.remove(&LinkId::default()).is_none());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub(super) u32);

/// What is dialed.
///
/// ```
/// use wormhole_sync_core::{connect::Target, wire::hint::Endpoint};
///
/// let target = Target::Tcp(Endpoint::new("192.0.2.7", 4001).unwrap());
/// assert_eq!(target.to_string(), "192.0.2.7:4001");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// A TCP port.
    Tcp(Endpoint),
    /// A TCP port that is reached through Tor alone.
    Tor(Endpoint),
    /// A relay's WebSocket.
    WebSocket(String),
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp(endpoint) | Self::Tor(endpoint) => endpoint.fmt(f),
            Self::WebSocket(url) => f.write_str(url),
        }
    }
}

/// What is to be done to a link.
///
/// ```
/// use std::collections::BTreeMap;
/// use wormhole_sync_core::connect::{Action, LinkId};
///
/// let mut unsent = BTreeMap::<LinkId, Vec<u8>>::new();
/// let mut obey = |action| match action {
///     Action::Dial { target, .. } => println!("dialing {target}"),
///     Action::Transmit { link, bytes } => unsent.entry(link).or_default().extend(bytes),
///     Action::Close { link } => drop(unsent.remove(&link)),
/// };
/// obey(Action::Close { link: LinkId::default() });
/// ```
#[derive(Debug, PartialEq)]
pub enum Action {
    /// Open a link; answer with [`opened`](super::Connect::opened) or [`lost`](super::Connect::lost).
    Dial {
        /// Its name from now on.
        link: LinkId,
        /// Where to.
        target: Target,
    },
    /// Write these bytes to a link.
    Transmit {
        /// The link.
        link: LinkId,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// Close a link, after what was transmitted on it, or stop dialing it.
    Close {
        /// The link.
        link: LinkId,
    },
}

/// What comes out. After `Chosen` or `Failed` nothing follows but `Wait(None)`.
///
/// ```
/// use wormhole_sync_core::{
///     Moment,
///     connect::{Action, Connect, Output},
///     transit::{Handshakes, TransitKey},
///     wire::{hint::{Endpoint, Hint}, transit::Role},
/// };
///
/// # let key = TransitKey::new(&wormhole_sync_testkit::doc::keys().0);
/// let handshakes = Handshakes::new(key, Role::Sender, "0011223344556677".into());
/// let mut race = Connect::new(handshakes, false);
/// race.hint(&Hint::Direct(Endpoint::new("192.0.2.7", 4001).unwrap()));
/// race.begin(Moment::ZERO);
/// match race.poll(Moment::ZERO) {
///     Output::Link(Action::Dial { target, .. }) => assert_eq!(target.to_string(), "192.0.2.7:4001"),
///     _ => panic!("the only hint is dialed at once"),
/// }
/// ```
#[derive(Debug, PartialEq)]
pub enum Output {
    /// Something is to be done to a link.
    Link(Action),
    /// This link it is.
    Chosen {
        /// The link.
        link: LinkId,
        /// How it reaches the peer.
        path: Path,
        /// What has been read from it already and belongs to whoever takes it over.
        rest: Vec<u8>,
    },
    /// There is no link to be had.
    Failed,
    /// Nothing more until an input, or until the moment, when there is one.
    Wait(Option<Moment>),
}

impl Target {
    /// Whether both lead to the same place, whatever their priority.
    pub(super) fn is(&self, other: &Self) -> bool {
        let same_kind = std::mem::discriminant(self) == std::mem::discriminant(other);
        same_kind && self.to_string() == other.to_string()
    }

    pub(super) fn priority(&self) -> f64 {
        match self {
            Self::Tcp(endpoint) | Self::Tor(endpoint) => endpoint.priority(),
            Self::WebSocket(_) => 0.0,
        }
    }
}
