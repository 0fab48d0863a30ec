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
//! [`MAX_INCOMING`] unproven links for [`NEGOTIATION_LIMIT`] each, or until others want their places.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use wormhole_sync_wire::hint::{Door, Hint, Relay};

use crate::Moment;

mod limits;
mod link;

pub use limits::{
    GRACE, LAST_WAIT, MAX_CANDIDATES, MAX_INCOMING, NEGOTIATION_LIMIT, RACE_LIMIT, RELAY_DELAY,
    STAGGER,
};
pub use link::{Action, LinkId, Negotiate, Negotiation, Output, Path, Progress, Target};

/// The race.
///
/// ```
/// use wormhole_sync_core::{Moment, connect::Output, wire::transit::Role};
///
/// # let (mut race, now) = (wormhole_sync_testkit::doc::race(), Moment::ZERO);
/// # let line = wormhole_sync_testkit::doc::line(Role::Receiver);
/// let link = race.accepted(now).unwrap();
/// race.received(link, &line); // the peer's own
/// let mut chosen = None;
/// loop {
///     match race.poll(now) {
///         Output::Chosen { link, .. } => chosen = Some(link),
///         Output::Wait(_) => break,
///         _ => {} // a driver writes and closes
///     }
/// }
/// assert_eq!(chosen, Some(link));
/// ```
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
    /// The other end is the peer, and picks.
    Proven,
    Ready,
}

impl<N: Negotiate> Connect<N> {
    /// A race that has yet to [`begin`](Self::begin). `listens` tells whether the peer can reach a port of
    /// ours, so that it is worth waiting when there is nothing to dial.
    ///
    /// ```
    /// use wormhole_sync_core::{Moment, connect::{Connect, Output}};
    ///
    /// # use wormhole_sync_core::{transit::Handshakes, wire::transit::Role};
    /// # let handshakes = Handshakes::new(wormhole_sync_testkit::doc::transit_key(), Role::Sender, String::new());
    /// let mut race = Connect::new(handshakes, true);
    /// assert_eq!(race.poll(Moment::ZERO), Output::Wait(None)); // it has not begun
    /// ```
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
    ///
    /// ```
    /// use wormhole_sync_core::{Moment, connect::{Connect, Output}};
    ///
    /// # use wormhole_sync_core::{transit::Handshakes, wire::transit::Role};
    /// # let handshakes = Handshakes::new(wormhole_sync_testkit::doc::transit_key(), Role::Sender, String::new());
    /// let mut race = Connect::new(handshakes, false);
    /// race.begin(Moment::ZERO);
    /// assert_eq!(race.poll(Moment::ZERO), Output::Failed); // nothing to dial, and no port
    /// ```
    pub fn begin(&mut self, now: Moment) {
        self.started.get_or_insert(now);
    }

    /// Adds a way to reach the peer. A relay of this side's own is added like one of the peer's.
    ///
    /// ```
    /// use wormhole_sync_core::{Moment, connect::{Action, Output}, wire::hint::{Hint, Relay}};
    ///
    /// # let mut race = wormhole_sync_testkit::doc::race();
    /// race.hint(&Hint::Relay(Relay::parse("tcp:relay.example.com:4001").unwrap()));
    /// assert!(matches!(race.poll(Moment::ZERO), Output::Link(Action::Dial { .. })));
    /// ```
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

    /// Somebody has connected to a port of ours. Where [`MAX_INCOMING`] links from outside are open, the oldest gives
    /// way whose other end has not proven itself: who connects and says nothing does not keep the peer out.
    /// `None`: the race is over, or all of those have proven themselves; close it.
    ///
    /// ```
    /// use wormhole_sync_core::{Moment, connect::{Action, MAX_INCOMING, Output}};
    ///
    /// # let mut race = wormhole_sync_testkit::doc::race();
    /// let oldest = race.accepted(Moment::ZERO).unwrap();
    /// for _ in 0..MAX_INCOMING {
    ///     assert!(race.accepted(Moment::ZERO).is_some());
    /// }
    /// let mut closed = Vec::new();
    /// loop {
    ///     match race.poll(Moment::ZERO) {
    ///         Output::Link(Action::Close { link }) => closed.push(link),
    ///         Output::Wait(_) => break,
    ///         _ => {} // our line, to each of them
    ///     }
    /// }
    /// assert_eq!(closed, [oldest]);
    /// ```
    pub fn accepted(&mut self, now: Moment) -> Option<LinkId> {
        let incoming = self.attempts.values().filter(|attempt| attempt.incoming).count();
        if self.over || incoming >= MAX_INCOMING && !self.make_room() {
            return None;
        }
        let link = self.attempt(Path::Direct, true, now);
        self.opened(link);
        Some(link)
    }

    fn make_room(&mut self) -> bool {
        let unproven =
            |attempt: &Attempt<_>| attempt.incoming && attempt.state == State::Negotiating;
        let oldest = self.attempts.iter().find(|(_, attempt)| unproven(attempt));
        let Some(link) = oldest.map(|(link, _)| *link) else { return false };
        self.attempts.remove(&link);
        self.outputs.push_back(Output::Link(Action::Close { link }));
        true
    }

    /// A link that was dialed is up.
    ///
    /// ```
    /// use wormhole_sync_core::{Moment, connect::{Action, Output}};
    ///
    /// # let mut race = wormhole_sync_testkit::doc::race();
    /// # race.hint(&wormhole_sync_testkit::transfer::direct("192.0.2.7:4001"));
    /// let Output::Link(Action::Dial { link, .. }) = race.poll(Moment::ZERO) else { panic!("it has a hint") };
    /// race.opened(link);
    /// assert!(matches!(race.poll(Moment::ZERO), Output::Link(Action::Transmit { .. }))); // our line
    /// ```
    pub fn opened(&mut self, link: LinkId) {
        if let Some(attempt) = self.attempts.get_mut(&link) {
            attempt.state = State::Negotiating;
            let bytes = attempt.negotiation.opened();
            self.outputs.push_back(Output::Link(Action::Transmit { link, bytes }));
        }
    }

    /// A link has brought these bytes.
    ///
    /// ```
    /// use wormhole_sync_core::{Moment, connect::{Action, Output}};
    ///
    /// # let mut race = wormhole_sync_testkit::doc::race();
    /// let link = race.accepted(Moment::ZERO).unwrap();
    /// assert!(matches!(race.poll(Moment::ZERO), Output::Link(Action::Transmit { .. }))); // our line
    /// race.received(link, b"GET / HTTP/1.1");
    /// assert_eq!(race.poll(Moment::ZERO), Output::Link(Action::Close { link }));
    /// ```
    pub fn received(&mut self, link: LinkId, bytes: &[u8]) {
        let Some(attempt) = self.attempts.get_mut(&link) else { return };
        let (path, mut reply) = (attempt.path, Vec::new());
        let progress = attempt.negotiation.received(bytes, &mut reply);
        if !reply.is_empty() {
            self.outputs.push_back(Output::Link(Action::Transmit { link, bytes: reply }));
        }
        match progress {
            Progress::Waiting => {}
            Progress::Proven => attempt.state = State::Proven,
            Progress::Ready => attempt.state = State::Ready,
            Progress::Chosen { rest } => self.won(link, path, rest),
            Progress::Refused => {
                self.attempts.remove(&link);
                self.outputs.push_back(Output::Link(Action::Close { link }));
            }
        }
    }

    /// A link could not be opened, or is gone.
    ///
    /// ```
    /// use wormhole_sync_core::{Moment, connect::{Action, LAST_WAIT, Output}};
    ///
    /// # let mut race = wormhole_sync_testkit::doc::race();
    /// # race.hint(&wormhole_sync_testkit::transfer::direct("192.0.2.7:4001"));
    /// let Output::Link(Action::Dial { link, .. }) = race.poll(Moment::ZERO) else { panic!("it has a hint") };
    /// race.lost(link);
    /// assert_eq!(race.poll(Moment::ZERO), Output::Wait(Some(LAST_WAIT))); // the peer may reach us
    /// ```
    pub fn lost(&mut self, link: LinkId) {
        self.attempts.remove(&link);
    }

    /// Ends the race without a link.
    ///
    /// ```
    /// use wormhole_sync_core::{Moment, connect::Output};
    ///
    /// # let mut race = wormhole_sync_testkit::doc::race();
    /// race.cancel();
    /// assert_eq!(race.poll(Moment::ZERO), Output::Wait(None));
    /// ```
    pub fn cancel(&mut self) {
        self.close_all();
        self.over = true;
    }

    /// What to do next, until `Wait`.
    ///
    /// ```
    /// use wormhole_sync_core::{Moment, connect::{Output, RACE_LIMIT}};
    ///
    /// # let mut race = wormhole_sync_testkit::doc::race();
    /// assert_eq!(race.poll(RACE_LIMIT), Output::Failed);
    /// assert_eq!(race.poll(RACE_LIMIT), Output::Wait(None));
    /// ```
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
            let opened = matches!(attempt.state, State::Negotiating | State::Proven);
            attempt.path < path && opened && !attempt.incoming
        };
        let since = *self.ready_since.get_or_insert(now);
        if now < since + GRACE && self.attempts.values().any(better) {
            return;
        }
        if let Some(attempt) = self.attempts.get_mut(&link) {
            let bytes = attempt.negotiation.choose();
            self.outputs.push_back(Output::Link(Action::Transmit { link, bytes }));
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
                self.outputs.push_back(Output::Link(Action::Transmit { link, bytes }));
            }
            self.outputs.push_back(Output::Link(Action::Close { link }));
        }
    }

    /// Closes the links whose time is over.
    fn expire(&mut self, now: Moment) {
        let late = |attempt: &Attempt<N::Negotiation>| attempt.deadline <= now;
        let links: Vec<_> =
            self.attempts.iter().filter(|(_, a)| late(a)).map(|(link, _)| *link).collect();
        for link in links {
            self.attempts.remove(&link);
            self.outputs.push_back(Output::Link(Action::Close { link }));
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
            self.outputs.push_back(Output::Link(Action::Dial { link, target }));
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

#[cfg(test)]
mod tests;
