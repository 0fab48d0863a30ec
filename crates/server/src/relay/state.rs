//! Who belongs to whom: a function of its inputs, without sockets and without a clock.
//!
//! ```text
//!  opened ──▶ Asking ── asked ──▶ Waiting ── partner asked ──▶ Paired ── ended ──▶ (gone)
//!               │                    │
//!               └─ bad line, lost ───┴─ impatient, waited too long, lost ────────▶ (gone)
//! ```

use std::{
    borrow::Cow,
    collections::{BTreeMap, VecDeque},
};

use wormhole_sync_wire::transit::RelayRequest;

use super::record::Record;
use crate::{
    address::Address,
    config::{self, Limit, Refused},
    mood::Mood,
    tally::Tally,
};

/// One connection, under a number that is never used again while the relay runs.
///
/// ```
/// use wormhole_sync_server::relay::LinkId;
///
/// assert!(LinkId(1) < LinkId(2));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub u64);

/// What is to be done.
///
/// ```
/// use wormhole_sync_server::relay::{LinkId, Output, Pairing};
///
/// # let mut relay = Pairing::new(Default::default());
/// relay.opened(LinkId(1), None, 0.0);
/// relay.asked(LinkId(1), None, 0.0); // it said something else
/// let (link, text) = (LinkId(1), "bad handshake\n".into());
/// assert_eq!(relay.poll(), Some(Output::Close { link, text }));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Tell both `ok`; from now on what one sends goes to the other, and the pair
    /// [ends](Pairing::ended) under the number of the one that waited.
    Join {
        /// The one that waited.
        waiting: LinkId,
        /// The one that came.
        newcomer: LinkId,
    },
    /// Say this, and close the link.
    Close {
        /// Which one.
        link: LinkId,
        /// Its last words, if any.
        text: Cow<'static, str>,
    },
    /// Keep this for the statistics.
    Record(Record),
}

/// The links of a relay, and which of them are pairs. Times are in Unix seconds.
///
/// After each call, [`poll`](Self::poll) until there is no output left.
///
/// ```
/// use wormhole_sync_server::relay::{LinkId, Output, Pairing};
/// use wormhole_sync_wire::transit::RelayRequest;
///
/// let mut relay = Pairing::new(Default::default());
/// let request = |side| RelayRequest { token: [b'7'; 64], side: Some([side; 16]) };
/// let (one, other) = (LinkId(1), LinkId(2));
/// relay.opened(one, None, 0.0);
/// relay.asked(one, Some(request(b'a')), 0.0);
/// assert_eq!(relay.poll(), None); // it waits
/// relay.opened(other, None, 5.0);
/// relay.asked(other, Some(request(b'b')), 5.0);
/// assert_eq!(relay.poll(), Some(Output::Join { waiting: one, newcomer: other }));
/// relay.ended(one, 1000, true, 9.0);
/// assert!(matches!(relay.poll(), Some(Output::Record(record)) if record.bytes == 1000));
/// ```
pub struct Pairing {
    config: config::Relay,
    links: BTreeMap<LinkId, Link>,
    /// At most one link waits with a token.
    tokens: BTreeMap<[u8; 64], LinkId>,
    /// Who waits, in the order in which they came.
    queue: BTreeMap<u64, LinkId>,
    next_place: u64,
    by_address: Tally<Address>,
    pairs: usize,
    refused: Refused,
    outputs: VecDeque<Output>,
}

struct Link {
    address: Option<Address>,
    started: f64,
    stage: Stage,
}

enum Stage {
    Asking,
    Waiting {
        request: RelayRequest,
        since: f64,
        place: u64,
    },
    /// With the time at which the newcomer opened its link.
    Paired {
        joined: f64,
    },
}

impl Pairing {
    /// A relay without links.
    ///
    /// ```
    /// use wormhole_sync_server::{Relay, relay::Pairing};
    ///
    /// let closed = Relay { waiting_connections: 0, ..Relay::default() };
    /// assert_eq!(Pairing::new(closed).waiting(), 0);
    /// ```
    pub fn new(config: config::Relay) -> Self {
        Self {
            config,
            links: BTreeMap::new(),
            tokens: BTreeMap::new(),
            queue: BTreeMap::new(),
            next_place: 0,
            by_address: Tally::default(),
            pairs: 0,
            refused: Refused::default(),
            outputs: VecDeque::new(),
        }
    }

    /// A link is there, counted for its address if any.
    ///
    /// ```
    /// # use wormhole_sync_server::relay::{LinkId, Pairing};
    /// # let mut relay = Pairing::new(Default::default());
    /// relay.opened(LinkId(1), None, 0.0);
    /// assert_eq!(relay.waiting(), 0); // it has asked for nothing yet
    /// ```
    pub fn opened(&mut self, link: LinkId, address: Option<Address>, now: f64) {
        self.links.insert(link, Link { address, started: now, stage: Stage::Asking });
    }

    /// A link has said its line; `None` when it is no relay's, or did not come in time.
    ///
    /// ```
    /// # use wormhole_sync_server::relay::{LinkId, Pairing};
    /// # let mut relay = Pairing::new(Default::default());
    /// # relay.opened(LinkId(1), None, 0.0);
    /// # let line = format!("please relay {}", "7".repeat(64));
    /// let request = wormhole_sync_wire::transit::RelayRequest::parse(line.as_bytes());
    /// relay.asked(LinkId(1), request, 0.0);
    /// assert_eq!(relay.waiting(), 1);
    /// ```
    pub fn asked(&mut self, link: LinkId, request: Option<RelayRequest>, now: f64) {
        let Some(Stage::Asking) = self.links.get(&link).map(|link| &link.stage) else { return };
        let Some(request) = request else {
            return self.end(link, Mood::Errory, "bad handshake\n".into(), now);
        };
        let partner = self.tokens.get(&request.token).copied();
        match partner.and_then(|partner| Some((partner, self.request_of(partner)?))) {
            Some((partner, other)) if other.matches(&request) => self.join(partner, link),
            Some(_) => self.end(link, Mood::Redundant, "".into(), now),
            None => self.wait(link, request, now),
        }
    }

    /// A link sent something before it was told `ok`.
    ///
    /// ```
    /// # use wormhole_sync_server::relay::{LinkId, Output, Pairing};
    /// # let mut relay = Pairing::new(Default::default());
    /// # relay.opened(LinkId(1), None, 0.0);
    /// relay.impatient(LinkId(1), 1.0);
    /// let (link, text) = (LinkId(1), "impatient\n".into());
    /// assert_eq!(relay.poll(), Some(Output::Close { link, text }));
    /// ```
    pub fn impatient(&mut self, link: LinkId, now: f64) {
        self.end(link, Mood::Impatient, "impatient\n".into(), now);
    }

    /// A link that is no half of a pair was closed by its client.
    ///
    /// ```
    /// # use wormhole_sync_server::relay::{LinkId, Output, Pairing, Mood};
    /// # let mut relay = Pairing::new(Default::default());
    /// # relay.opened(LinkId(1), None, 0.0);
    /// relay.lost(LinkId(1), 1.0);
    /// assert!(matches!(relay.poll(), Some(Output::Record(record)) if record.mood == Mood::Empty));
    /// ```
    pub fn lost(&mut self, link: LinkId, now: f64) {
        let mood = match self.links.get(&link).map(|link| &link.stage) {
            Some(Stage::Asking) => Mood::Empty,
            Some(Stage::Waiting { .. }) => Mood::Lonely,
            Some(Stage::Paired { .. }) | None => return,
        };
        self.forget(link, mood, now);
    }

    /// A pair is over, after so many bytes. `well` is whether one of its ends closed it.
    ///
    /// ```
    /// # use wormhole_sync_server::relay::{LinkId, Output, Pairing, Mood};
    /// # use wormhole_sync_wire::transit::RelayRequest;
    /// # let mut relay = Pairing::new(Default::default());
    /// # for (link, side) in [(1, b'a'), (2, b'b')] {
    /// #     relay.opened(LinkId(link), None, 0.0);
    /// #     let request = RelayRequest { token: [b'7'; 64], side: Some([side; 16]) };
    /// #     relay.asked(LinkId(link), Some(request), 0.0);
    /// # }
    /// # relay.poll();
    /// relay.ended(LinkId(1), 0, false, 700.0); // nothing moved for too long
    /// assert!(matches!(relay.poll(), Some(Output::Record(record)) if record.mood == Mood::Errory));
    /// ```
    pub fn ended(&mut self, waited: LinkId, bytes: u64, well: bool, now: f64) {
        let Some(Link { started, stage: Stage::Paired { joined }, .. }) =
            self.links.remove(&waited)
        else {
            return;
        };
        self.pairs -= 1;
        let mood = if well { Mood::Happy } else { Mood::Errory };
        let first = started.min(joined);
        let waiting = Some(started.max(joined) - first);
        let record = Record { started, waiting, total: now - first, bytes, mood };
        self.outputs.push_back(Output::Record(record));
    }

    /// Closes those who have waited for too long.
    ///
    /// ```
    /// # use wormhole_sync_server::relay::{LinkId, Output, Pairing};
    /// # use wormhole_sync_wire::transit::RelayRequest;
    /// # let mut relay = Pairing::new(Default::default());
    /// # relay.opened(LinkId(1), None, 0.0);
    /// relay.asked(LinkId(1), Some(RelayRequest { token: [b'7'; 64], side: None }), 0.0);
    /// relay.expire(599.0);
    /// assert_eq!(relay.poll(), None);
    /// relay.expire(601.0);
    /// assert!(matches!(relay.poll(), Some(Output::Close { link: LinkId(1), .. })));
    /// ```
    pub fn expire(&mut self, now: f64) {
        let latest = now - self.config.waiting.as_secs_f64();
        while let Some((_, link)) = self.queue.first_key_value()
            && let link = *link
            && let Some(Stage::Waiting { since, .. }) =
                self.links.get(&link).map(|link| &link.stage)
            && *since <= latest
        {
            self.refused.count(Limit::Waiting);
            self.end(link, Mood::Lonely, "".into(), now);
        }
    }

    /// Closes everybody who waits, for the relay stops.
    ///
    /// ```
    /// # use wormhole_sync_server::relay::{LinkId, Output, Pairing};
    /// # let mut relay = Pairing::new(Default::default());
    /// relay.opened(LinkId(1), None, 0.0);
    /// relay.stop(1.0);
    /// assert!(matches!(relay.poll(), Some(Output::Close { link: LinkId(1), .. })));
    /// ```
    pub fn stop(&mut self, now: f64) {
        let is_single = |link: &&Link| !matches!(link.stage, Stage::Paired { .. });
        let singles = self.links.iter().filter(|(_, link)| is_single(link)).map(|(id, _)| *id);
        for link in singles.collect::<Vec<_>>() {
            let mood = if self.request_of(link).is_some() { Mood::Lonely } else { Mood::Empty };
            self.end(link, mood, "".into(), now);
        }
    }

    /// Connections that wait for their partners.
    ///
    /// ```
    /// # use wormhole_sync_server::relay::Pairing;
    /// assert_eq!(Pairing::new(Default::default()).waiting(), 0);
    /// ```
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// Pairs.
    ///
    /// ```
    /// # use wormhole_sync_server::relay::Pairing;
    /// assert_eq!(Pairing::new(Default::default()).pairs(), 0);
    /// ```
    pub const fn pairs(&self) -> usize {
        self.pairs
    }

    /// How often each limit was met.
    pub(crate) const fn refused(&self) -> &Refused {
        &self.refused
    }

    /// What is to be done next.
    ///
    /// ```
    /// # use wormhole_sync_server::relay::Pairing;
    /// assert_eq!(Pairing::new(Default::default()).poll(), None);
    /// ```
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn request_of(&self, link: LinkId) -> Option<RelayRequest> {
        match self.links.get(&link)?.stage {
            Stage::Waiting { request, .. } => Some(request),
            Stage::Asking | Stage::Paired { .. } => None,
        }
    }

    fn wait(&mut self, id: LinkId, request: RelayRequest, now: f64) {
        if let Err((limit, most)) = self.check_room(id) {
            self.refused.count(limit);
            let text = format!("{}\n", limit.refusal(most).0);
            return self.end(id, Mood::Errory, text.into(), now);
        }
        let Some(link) = self.links.get_mut(&id) else { return };
        let place = self.next_place;
        self.next_place += 1;
        link.stage = Stage::Waiting { request, since: now, place };
        self.queue.insert(place, id);
        self.tokens.insert(request.token, id);
        if let Some(address) = link.address {
            self.by_address.change(address, |count| *count += 1);
        }
    }

    /// Why one more cannot wait.
    fn check_room(&self, link: LinkId) -> Result<(), (Limit, usize)> {
        let Some(link) = self.links.get(&link) else { return Ok(()) };
        let (all, each) =
            (self.config.waiting_connections, self.config.waiting_connections_per_address);
        if link.address.is_some_and(|address| self.by_address.of(&address) >= each) {
            Err((Limit::WaitingConnectionsPerAddress, each))
        } else if self.queue.len() >= all {
            Err((Limit::WaitingConnections, all))
        } else {
            Ok(())
        }
    }

    fn join(&mut self, waiting: LinkId, newcomer: LinkId) {
        self.stop_waiting(waiting);
        let Some(joined) = self.links.remove(&newcomer).map(|link| link.started) else { return };
        let Some(link) = self.links.get_mut(&waiting) else { return };
        link.stage = Stage::Paired { joined };
        self.pairs += 1;
        self.outputs.push_back(Output::Join { waiting, newcomer });
    }

    fn end(&mut self, link: LinkId, mood: Mood, text: Cow<'static, str>, now: f64) {
        let stage = self.links.get(&link).map(|link| &link.stage);
        if matches!(stage, Some(Stage::Paired { .. }) | None) {
            return; // its partner came at this very moment, or it is gone already
        }
        self.outputs.push_back(Output::Close { link, text });
        self.forget(link, mood, now);
    }

    fn forget(&mut self, link: LinkId, mood: Mood, now: f64) {
        self.stop_waiting(link);
        let Some(link) = self.links.remove(&link) else { return };
        let (started, total) = (link.started, now - link.started);
        let record = Record { started, waiting: None, total, bytes: 0, mood };
        self.outputs.push_back(Output::Record(record));
    }

    fn stop_waiting(&mut self, id: LinkId) {
        let Some(link) = self.links.get(&id) else { return };
        let Stage::Waiting { request, place, .. } = &link.stage else { return };
        self.queue.remove(place);
        self.tokens.remove(&request.token);
        if let Some(address) = link.address {
            self.by_address.change(address, |count| *count -= 1);
        }
    }
}
