//! Both sides, and everything that is under way between them.

use std::{collections::BTreeMap, time::Duration};

use rand_chacha::ChaCha20Rng;
use rand_core::{RngCore, SeedableRng};
use wormhole_sync_core::{
    Moment,
    connect::{Action, LinkId, Target},
    transfer::{Receiving, Sending},
    transit::TransitKey,
    wire::transit::Role,
};

use super::{
    hand::Hand,
    net::{Holder, Place, RELAY, Stranger, Weather, Wire, WireId, listener},
    plan::{Plan, given, meeting},
    relay::Relay,
    side::{Deed, Side},
};
use crate::{doc, queue::Queue};

/// Bytes that a link takes in before it makes its writer wait.
const WINDOW: usize = 16 << 10;

/// How long a transfer may take on the virtual clock before it counts as one without an end.
const PATIENCE: Duration = Duration::from_secs(3 * 3600);

/// Things that may happen before a world counts as one that spins.
const MAX_STEPS: u64 = 200_000;

/// See the [module](super).
pub struct World {
    pub(super) now: Moment,
    random: ChaCha20Rng,
    pub(super) coming: Queue<Happening>,
    sender: Option<Side>,
    receiver: Option<Side>,
    pub(super) hand: Hand,
    pub(super) keys: (TransitKey, TransitKey),
    pub(super) places: BTreeMap<String, Place>,
    pub(super) wires: Vec<Wire>,
    pub(super) relay: Relay,
    pub(super) weather: Weather,
    messages: BTreeMap<usize, Moment>,
    pub(super) traffic: Vec<u8>,
    pub(super) steps: u64,
}

pub(super) enum Happening {
    Dialed { by: Role, link: LinkId, target: Target },
    Bytes { wire: WireId, from: usize, bytes: Vec<u8> },
    Closed { wire: WireId, from: usize },
    Broken { wire: WireId },
    Message { to: Role, bytes: Vec<u8> },
    Written { by: Role },
    Knock { at: Role, stranger: Stranger },
}

impl World {
    /// A world of two honest sides, which begins with the sender's offer. `seed` decides everything.
    pub fn new(seed: u64, plan: Plan) -> Self {
        Self::build(seed, plan, None)
    }

    /// The same, where a hand plays one of the roles.
    pub fn with_hand(seed: u64, plan: Plan, role: Role) -> Self {
        Self::build(seed, plan, Some(role))
    }

    fn build(seed: u64, plan: Plan, by_hand: Option<Role>) -> Self {
        let (ours, theirs) = doc::keys();
        let keys = (TransitKey::new(&ours), TransitKey::new(&theirs));
        let (offer, bytes) = given(&plan.give);
        let meetings =
            (meeting(Role::Sender, &plan.sender), meeting(Role::Receiver, &plan.receiver));
        let sending = || {
            Side::sending(
                Sending::new(keys.0.clone(), offer, &meetings.0),
                bytes,
                meetings.0.listens,
            )
        };
        let taking = plan.taking.clone();
        let receiving = || Side::receiving(Receiving::new(keys.1.clone()), taking, meetings.1);
        let sender = (by_hand != Some(Role::Sender)).then(sending);
        let receiver = (by_hand != Some(Role::Receiver)).then(receiving);
        let listeners = [Role::Sender, Role::Receiver];
        let places = listeners.map(|role| (listener(role).to_owned(), Place::Listener(role)));
        let mut world = Self {
            now: Moment::ZERO,
            random: ChaCha20Rng::seed_from_u64(seed),
            coming: Queue::default(),
            sender,
            receiver,
            hand: Hand::new(by_hand),
            keys,
            places: places.into(),
            wires: Vec::new(),
            relay: Relay::default(),
            weather: plan.weather,
            messages: BTreeMap::new(),
            traffic: Vec::new(),
            steps: 0,
        };
        world.places.insert(RELAY.to_owned(), Place::Relay);
        world.settle(Role::Sender);
        world.settle(Role::Receiver);
        world
    }

    /// Puts something at an address. Where nothing is put, dialing is refused.
    pub fn put(&mut self, address: &str, place: Place) {
        self.places.insert(address.to_owned(), place);
    }

    /// Somebody connects to a side's port after so long.
    pub fn knock(&mut self, at: Role, after: Duration, stranger: Stranger) {
        self.coming.put(self.now + after, Happening::Knock { at, stranger });
    }

    // ---- doing ----

    /// A side's user gives up.
    pub fn cancel(&mut self, role: Role, reason: &str) {
        self.with(role, |side, _| side.cancel(reason));
    }

    /// Lets the next thing happen; `false` when nothing is to come.
    pub fn step(&mut self) -> bool {
        self.steps += 1;
        assert!(self.steps < MAX_STEPS, "it spins");
        let alarm = |role| self.alarm(role).map(|at| (at, role));
        let alarms = [Role::Sender, Role::Receiver].into_iter().filter_map(alarm);
        let next = self.coming.next_at();
        match alarms.min_by_key(|(at, _)| *at) {
            Some((at, role)) if next.is_none_or(|next| at < next) => {
                self.now = self.now.max(at);
                self.settle(role);
            }
            _ => match self.coming.pop() {
                None => return false,
                Some((at, happening)) => {
                    self.now = self.now.max(at);
                    self.happen(happening);
                }
            },
        }
        true
    }

    /// Runs until `done`; panics when it does not come to that.
    pub fn run_until(&mut self, mut done: impl FnMut(&Self) -> bool) {
        while !done(self) {
            let went_on = self.step() || done(self);
            assert!(went_on, "nothing is to come: {}", self.state());
            assert!(self.now < PATIENCE, "it has no end: {}", self.state());
        }
    }

    /// Runs until both machines have told their end; panics when one does not.
    pub fn run(&mut self) {
        self.run_until(|world| {
            let sides = [&world.sender, &world.receiver].into_iter().flatten();
            sides.into_iter().all(|side| side.log.ending.is_some())
        });
    }

    /// The steps until both machines have told their end.
    pub fn steps_to_end(mut self) -> u64 {
        self.run();
        self.steps
    }

    /// Runs on until nothing is to come.
    pub fn run_out(&mut self) {
        while self.step() {
            assert!(self.now < PATIENCE, "it has no end: {}", self.state());
        }
    }

    fn state(&self) -> String {
        let ends = [Role::Sender, Role::Receiver].map(|role| (self.ending(role), self.path(role)));
        format!("{ends:?} at {:?} after {} steps", self.now, self.steps)
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Dialed { by, link, target } => self.dialed(by, link, &target),
            Happening::Bytes { wire, from, bytes } => self.arrive(wire, from, &bytes),
            Happening::Closed { wire, from } => self.hear_close(wire, 1 - from),
            Happening::Broken { wire } => {
                self.hear_close(wire, 0);
                self.hear_close(wire, 1);
            }
            Happening::Message { to, bytes } if self.hand.role == Some(to) => {
                self.hand.inbox.push(bytes);
            }
            Happening::Message { to, bytes } => {
                self.with(to, |side, now| side.message(&bytes, now));
            }
            Happening::Written { by } => {
                let deeds = self.side_mut(by).map(Side::written).unwrap_or_default();
                self.perform(by, deeds);
                self.settle(by);
            }
            Happening::Knock { at, stranger } => {
                self.link(Holder::Stranger(stranger), &Place::Listener(at));
            }
        }
    }

    // ---- sides ----

    pub(super) fn with(&mut self, role: Role, act: impl FnOnce(&mut Side, Moment)) {
        let now = self.now;
        if let Some(side) = self.side_mut(role) {
            act(side, now);
        }
        self.settle(role);
    }

    /// Lets a side do all that it wants to.
    pub(super) fn settle(&mut self, role: Role) {
        let now = self.now;
        loop {
            let Some(side) = self.side_mut(role) else { return };
            let deeds = side.drain(now);
            self.perform(role, deeds);
            let room = self.room(role);
            let pumped = self.side_mut(role).and_then(|side| side.pump(room, now));
            match pumped {
                Some(deed) => self.perform(role, vec![deed]),
                None => break,
            }
        }
        // What moved last has changed when it is to be woken.
        let deeds = self.side_mut(role).map(|side| side.drain(now)).unwrap_or_default();
        self.perform(role, deeds);
    }

    fn room(&mut self, role: Role) -> usize {
        let Some(wire) = self.chosen(role) else { return 0 };
        let end = usize::from(!matches!(self.wire(wire).end(0), Holder::Side(r, _) if *r == role));
        WINDOW.saturating_sub(self.wire(wire).way(end).in_flight)
    }

    pub(super) fn perform(&mut self, role: Role, deeds: Vec<Deed>) {
        for deed in deeds {
            match deed {
                Deed::Message(bytes) => self.message(role.other(), bytes),
                Deed::Link(action) => self.act(role, action),
                Deed::WriteOut(span) => {
                    self.coming.put(self.now + span, Happening::Written { by: role });
                }
            }
        }
    }

    fn act(&mut self, role: Role, action: Action) {
        match action {
            Action::Dial { link, target } => {
                let at = self.now + self.up_to(self.weather.link);
                self.coming.put(at, Happening::Dialed { by: role, link, target });
            }
            Action::Transmit { link, bytes } => {
                if let Some((wire, end)) = self.held(role, link) {
                    self.write(wire, end, &bytes);
                }
            }
            Action::Close { link } => self.let_go(role, link),
        }
    }

    fn let_go(&mut self, role: Role, link: LinkId) {
        self.coming.retain(|happening| {
            !matches!(happening, Happening::Dialed { by, link: dialed, .. } if *by == role && *dialed == link)
        });
        if let Some((wire, end)) = self.held(role, link) {
            self.close(wire, end);
        }
    }

    /// A message arrives later, and behind those before it.
    pub(super) fn message(&mut self, to: Role, bytes: Vec<u8>) {
        let earliest = self.now + self.up_to(self.weather.message);
        let last = self.messages.entry(to as usize).or_default();
        *last = earliest.max(*last);
        self.coming.put(*last, Happening::Message { to, bytes });
    }

    fn held(&self, role: Role, link: LinkId) -> Option<(WireId, usize)> {
        let ends = self.wires.iter().enumerate().flat_map(|(wire, it)| {
            it.ends.iter().enumerate().map(move |(end, holder)| (WireId(wire), end, holder))
        });
        ends.into_iter()
            .find(|(.., holder)| holder.is(role, link))
            .map(|(wire, end, _)| (wire, end))
    }

    pub(super) fn side(&self, role: Role) -> Option<&Side> {
        match role {
            Role::Sender => self.sender.as_ref(),
            Role::Receiver => self.receiver.as_ref(),
        }
    }

    pub(super) const fn side_mut(&mut self, role: Role) -> Option<&mut Side> {
        self.place_of(role).as_mut()
    }

    pub(super) const fn place_of(&mut self, role: Role) -> &mut Option<Side> {
        match role {
            Role::Sender => &mut self.sender,
            Role::Receiver => &mut self.receiver,
        }
    }

    pub(super) fn wire(&mut self, wire: WireId) -> &mut Wire {
        self.wires.get_mut(wire.0).unwrap_or_else(|| panic!("no link {wire:?}"))
    }

    // ---- chance ----

    pub(super) fn below(&mut self, end: usize) -> usize {
        self.random.next_u32() as usize % end
    }

    pub(super) fn up_to(&mut self, most: Duration) -> Duration {
        most * (self.random.next_u32() >> 22) / 1024
    }
}
