//! The race for a link: hints in, one chosen link out.
//!
//! ```text
//!   hints ─▶ candidates ─dial─▶ attempts ─negotiate─▶ ready ─choose─▶ one link; the others are closed
//!                                  ▲
//!            a port of our own ────┘
//! ```
//!
//! Both sides dial and both listen; a [`Negotiation`] on each link tells whether the other end is the
//! peer, and one of the sides (transit's sender) picks the link. A direct link is better than a relay: relays are
//! dialed [`RELAY_DELAY`] later, and a relay's link that is ready waits for
//! a direct one that is up already.
//!
//! What a stranger can do here: make this computer dial [`MAX_CANDIDATES`] addresses, and hold
//! [`MAX_INCOMING`] unproven links for [`NEGOTIATION_LIMIT`] each.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use wormhole_sync_wire::hint::{Door, Endpoint, Hint, Relay};

use crate::Moment;

/// The time that direct candidates have before relays are dialed: 2 s, as the family has it.
///
/// ```
/// assert_eq!(wormhole_sync_core::connect::RELAY_DELAY.as_secs(), 2);
/// ```
pub const RELAY_DELAY: Duration = Duration::from_secs(2);

/// The time between the dialing of one candidate and of the next: 50 ms. A peer with many
/// addresses causes no burst.
///
/// ```
/// use wormhole_sync_core::connect::{MAX_CANDIDATES, RELAY_DELAY, STAGGER};
///
/// assert!(STAGGER * (MAX_CANDIDATES as u32) < RELAY_DELAY * 2);
/// ```
pub const STAGGER: Duration = Duration::from_millis(50);

/// The time for one link from dialing to being ready: 60 s, as the family has it.
///
/// ```
/// use wormhole_sync_core::connect::{NEGOTIATION_LIMIT, RACE_LIMIT};
///
/// assert!(NEGOTIATION_LIMIT < RACE_LIMIT);
/// ```
pub const NEGOTIATION_LIMIT: Duration = Duration::from_secs(60);

/// The time for the whole race: 120 s, as the family has it.
///
/// ```
/// assert_eq!(wormhole_sync_core::connect::RACE_LIMIT.as_secs(), 120);
/// ```
pub const RACE_LIMIT: Duration = Duration::from_secs(120);

/// The time that remains for the other side to reach this one, once there is nothing left to dial
/// here: 30 s.
///
/// ```
/// use wormhole_sync_core::connect::{LAST_WAIT, RACE_LIMIT};
///
/// assert!(LAST_WAIT < RACE_LIMIT);
/// ```
pub const LAST_WAIT: Duration = Duration::from_secs(30);

/// The time that a ready relay's link waits for a direct one that is up and may be ready next: 1 s.
/// A direct address where somebody else answers, and says nothing, costs no more.
///
/// ```
/// use wormhole_sync_core::connect::{GRACE, RELAY_DELAY};
///
/// assert!(GRACE < RELAY_DELAY);
/// ```
pub const GRACE: Duration = Duration::from_secs(1);

/// Addresses that are dialed for one peer; hints beyond are passed over.
///
/// ```
/// use wormhole_sync_core::{connect::MAX_CANDIDATES, wire::limits::MAX_HINTS};
///
/// assert!(MAX_CANDIDATES >= MAX_HINTS);
/// ```
pub const MAX_CANDIDATES: usize = 48;

/// Links from outside that may be unproven at once; further ones are closed.
///
/// ```
/// assert_eq!(wormhole_sync_core::connect::MAX_INCOMING, 32);
/// ```
pub const MAX_INCOMING: usize = 32;

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
pub trait Negotiate {
    /// One link's.
    type Negotiation: Negotiation;

    /// Begins one.
    fn begin(&self, path: Path) -> Self::Negotiation;
}

/// One link's handshake.
pub trait Negotiation {
    /// What is said as soon as the link is up.
    fn opened(&mut self) -> Vec<u8>;

    /// Takes what has come; what is to be said to it is added to `reply`.
    fn received(&mut self, bytes: &[u8], reply: &mut Vec<u8>) -> Progress;

    /// What the picking side says on the link that it picks.
    fn choose(&mut self) -> Vec<u8>;

    /// What it says on the others that are ready.
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
pub struct LinkId(u32);

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

/// What comes out. After `Chosen` or `Failed` nothing follows but `Wait(None)`.
///
/// ```
/// use wormhole_sync_core::{
///     Moment,
///     connect::{Connect, Output},
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
///     Output::Dial { target, .. } => assert_eq!(target.to_string(), "192.0.2.7:4001"),
///     _ => panic!("the only hint is dialed at once"),
/// }
/// ```
#[derive(Debug, PartialEq)]
pub enum Output {
    /// Open a link; answer with [`Connect::opened`] or [`Connect::lost`].
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

/// The race.
pub struct Connect<N: Negotiate> {
    negotiate: N,
    listens: bool,
    /// Nothing is dialed or chosen before.
    started: Option<Moment>,
    direct: VecDeque<Target>,
    relays: VecDeque<Target>,
    /// Everything that was ever a candidate, so that both sides' hints of one relay are dialed once.
    known: Vec<Target>,
    /// Whether there was anything direct to dial, which gives relays their delay.
    had_direct: bool,
    next_dial: Moment,
    attempts: BTreeMap<LinkId, Attempt<N::Negotiation>>,
    links: u32,
    idle_since: Option<Moment>,
    ready_since: Option<Moment>,
    outputs: VecDeque<Output>,
    over: bool,
}

struct Attempt<N> {
    path: Path,
    incoming: bool,
    negotiation: N,
    state: State,
    deadline: Moment,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Dialing,
    Negotiating,
    Ready,
}

impl<N: Negotiate> Connect<N> {
    /// A race that has yet to [`begin`](Self::begin). `listens` tells whether the peer can reach a port of
    /// ours, so that it is worth waiting when there is nothing to dial.
    pub const fn new(negotiate: N, listens: bool) -> Self {
        Self {
            negotiate,
            listens,
            started: None,
            direct: VecDeque::new(),
            relays: VecDeque::new(),
            known: Vec::new(),
            had_direct: false,
            next_dial: Moment::ZERO,
            attempts: BTreeMap::new(),
            links: 0,
            idle_since: None,
            ready_since: None,
            outputs: VecDeque::new(),
            over: false,
        }
    }

    /// Starts dialing and picking. Links from outside are let in before, since the peer may know
    /// sooner than this side that both want to connect.
    pub fn begin(&mut self, now: Moment) {
        self.started.get_or_insert(now);
    }

    /// Adds a way to reach the peer. A relay of this side's own is added like one of the peer's.
    pub fn hint(&mut self, hint: &Hint) {
        match hint {
            Hint::Direct(endpoint) => self.add(Target::Tcp(endpoint.clone()), Path::Direct),
            Hint::Tor(endpoint) => self.add(Target::Tor(endpoint.clone()), Path::Direct),
            Hint::Relay(relay) => self.relay(relay),
        }
    }

    fn relay(&mut self, relay: &Relay) {
        for door in &relay.doors {
            let target = match door {
                Door::Tcp(endpoint) => Target::Tcp(endpoint.clone()),
                Door::WebSocket { url } => Target::WebSocket(url.clone()),
            };
            self.add(target, Path::Relay);
        }
    }

    fn add(&mut self, target: Target, path: Path) {
        if self.known.iter().any(|other| other.is(&target)) || self.known.len() >= MAX_CANDIDATES {
            return;
        }
        self.known.push(target.clone());
        self.had_direct |= path == Path::Direct;
        let waiting = if path == Path::Direct { &mut self.direct } else { &mut self.relays };
        // Greater priorities first; among equals, the order in which they were named.
        let place = waiting.iter().position(|other| other.priority() < target.priority());
        waiting.insert(place.unwrap_or(waiting.len()), target);
        self.idle_since = None;
    }

    /// Somebody has connected to a port of ours. `None`: too many unproven links are open, close it.
    pub fn accepted(&mut self, now: Moment) -> Option<LinkId> {
        let unproven = self.attempts.values().filter(|attempt| attempt.incoming).count();
        if self.over || unproven >= MAX_INCOMING {
            return None;
        }
        let link = self.attempt(Path::Direct, true, now);
        self.opened(link);
        Some(link)
    }

    /// A link that was dialed is up.
    pub fn opened(&mut self, link: LinkId) {
        if let Some(attempt) = self.attempts.get_mut(&link) {
            attempt.state = State::Negotiating;
            let bytes = attempt.negotiation.opened();
            self.outputs.push_back(Output::Transmit { link, bytes });
        }
    }

    /// A link has brought these bytes.
    pub fn received(&mut self, link: LinkId, bytes: &[u8]) {
        let Some(attempt) = self.attempts.get_mut(&link) else { return };
        let (path, mut reply) = (attempt.path, Vec::new());
        let progress = attempt.negotiation.received(bytes, &mut reply);
        if !reply.is_empty() {
            self.outputs.push_back(Output::Transmit { link, bytes: reply });
        }
        match progress {
            Progress::Waiting => {}
            Progress::Ready => {
                attempt.state = State::Ready;
            }
            Progress::Chosen { rest } => self.won(link, path, rest),
            Progress::Refused => {
                self.attempts.remove(&link);
                self.outputs.push_back(Output::Close { link });
            }
        }
    }

    /// A link could not be opened, or is gone.
    pub fn lost(&mut self, link: LinkId) {
        self.attempts.remove(&link);
    }

    /// Ends the race without a link.
    pub fn cancel(&mut self) {
        self.close_all();
        self.over = true;
    }

    /// What to do next, until `Wait`.
    pub fn poll(&mut self, now: Moment) -> Output {
        let steps = [Self::decide, Self::dial, Self::give_up];
        self.expire(now);
        for step in steps {
            if let Some(started) = self.started.filter(|_| !self.over) {
                step(self, started, now);
            }
        }
        self.outputs.pop_front().unwrap_or_else(|| Output::Wait(self.alarm(now)))
    }

    /// Picks the best link that is ready, unless a better one is about to be.
    fn decide(&mut self, _: Moment, now: Moment) {
        let ready = self.attempts.iter().filter(|(_, attempt)| attempt.state == State::Ready);
        let best = ready.min_by_key(|(_, attempt)| attempt.path);
        let Some((link, path)) = best.map(|(link, attempt)| (*link, attempt.path)) else {
            self.ready_since = None;
            return;
        };
        let better = |attempt: &Attempt<_>| {
            attempt.path < path && attempt.state == State::Negotiating && !attempt.incoming
        };
        let since = *self.ready_since.get_or_insert(now);
        if now < since + GRACE && self.attempts.values().any(better) {
            return;
        }
        if let Some(attempt) = self.attempts.get_mut(&link) {
            let bytes = attempt.negotiation.choose();
            self.outputs.push_back(Output::Transmit { link, bytes });
        }
        self.won(link, path, Vec::new());
    }

    fn won(&mut self, link: LinkId, path: Path, rest: Vec<u8>) {
        self.attempts.remove(&link);
        self.close_all();
        self.outputs.push_back(Output::Chosen { link, path, rest });
        self.over = true;
    }

    fn close_all(&mut self) {
        for (link, mut attempt) in std::mem::take(&mut self.attempts) {
            if attempt.state == State::Ready {
                let bytes = attempt.negotiation.decline();
                self.outputs.push_back(Output::Transmit { link, bytes });
            }
            self.outputs.push_back(Output::Close { link });
        }
    }

    /// Closes the links whose time is over.
    fn expire(&mut self, now: Moment) {
        let late = |attempt: &Attempt<N::Negotiation>| attempt.deadline <= now;
        let links: Vec<_> =
            self.attempts.iter().filter(|(_, a)| late(a)).map(|(link, _)| *link).collect();
        for link in links {
            self.attempts.remove(&link);
            self.outputs.push_back(Output::Close { link });
        }
    }

    /// Dials what is due.
    fn dial(&mut self, started: Moment, now: Moment) {
        while self.next_dial <= now {
            let relays_due = self.relays_at(started) <= now;
            let (target, path) = match (self.direct.pop_front(), relays_due) {
                (Some(target), _) => (target, Path::Direct),
                (None, true) => match self.relays.pop_front() {
                    Some(target) => (target, Path::Relay),
                    None => return,
                },
                (None, false) => return,
            };
            let link = self.attempt(path, false, now);
            self.outputs.push_back(Output::Dial { link, target });
            self.next_dial = now + STAGGER;
        }
    }

    fn attempt(&mut self, path: Path, incoming: bool, now: Moment) -> LinkId {
        let link = LinkId(self.links);
        self.links += 1;
        let negotiation = self.negotiate.begin(path);
        let (state, deadline) = (State::Dialing, now + NEGOTIATION_LIMIT);
        self.attempts.insert(link, Attempt { path, incoming, negotiation, state, deadline });
        link
    }

    /// When relays are dialed: after the head start of direct candidates, or as soon as all of those have
    /// failed.
    fn relays_at(&self, started: Moment) -> Moment {
        let trying = |attempt: &Attempt<_>| attempt.path == Path::Direct && !attempt.incoming;
        let open = !self.direct.is_empty() || self.attempts.values().any(trying);
        if self.had_direct && open { started + RELAY_DELAY } else { started }
    }

    /// Fails when the time is over, or when there is nothing left to wait for.
    fn give_up(&mut self, started: Moment, now: Moment) {
        let dialing = !self.direct.is_empty()
            || !self.relays.is_empty()
            || self.attempts.values().any(|attempt| !attempt.incoming);
        if dialing {
            self.idle_since = None;
        } else {
            self.idle_since.get_or_insert(now);
        }
        let last_wait = if self.listens { LAST_WAIT } else { Duration::ZERO };
        let hopeless = self.idle_since.is_some_and(|since| since + last_wait <= now);
        if hopeless || started + RACE_LIMIT <= now {
            self.close_all();
            self.outputs.push_back(Output::Failed);
            self.over = true;
        }
    }

    fn alarm(&self, now: Moment) -> Option<Moment> {
        if self.over {
            return None;
        }
        let links = self.attempts.values().map(|attempt| attempt.deadline).min();
        let race = self.started.and_then(|started| self.race_alarm(started));
        links.into_iter().chain(race).min().map(|moment| moment.max(now))
    }

    fn race_alarm(&self, started: Moment) -> Option<Moment> {
        let dial = match (self.direct.is_empty(), self.relays.is_empty()) {
            (false, _) => Some(self.next_dial),
            (true, false) => Some(self.next_dial.max(self.relays_at(started))),
            (true, true) => None,
        };
        let idle = self.idle_since.map(|since| since + LAST_WAIT);
        let ready = self.ready_since.map(|since| since + GRACE);
        [dial, idle, ready, Some(started + RACE_LIMIT)].into_iter().flatten().min()
    }
}

impl Target {
    /// Whether both lead to the same place, whatever their priority.
    fn is(&self, other: &Self) -> bool {
        let same_kind = std::mem::discriminant(self) == std::mem::discriminant(other);
        same_kind && self.to_string() == other.to_string()
    }

    fn priority(&self) -> f64 {
        match self {
            Self::Tcp(endpoint) | Self::Tor(endpoint) => endpoint.priority(),
            Self::WebSocket(_) => 0.0,
        }
    }
}

#[cfg(test)]
mod tests;
