//! How bytes and closings go over links.

use wormhole_sync_core::{
    Moment,
    connect::{LinkId, Target},
    wire::transit::Role,
};

use super::{
    net::{Holder, Place, Stranger, Wire, WireId},
    relay::Relayed,
    world::{Happening, World},
};

impl World {
    pub(super) fn dialed(&mut self, by: Role, link: LinkId, target: &Target) {
        let place = self.places.get(&target.to_string()).cloned().unwrap_or(Place::Refuses);
        if matches!(place, Place::NeverAnswers) || self.side(by).is_none() {
            return;
        }
        match self.link(Holder::Side(by, link), &place) {
            Some(_) => self.with(by, |side, _| side.opened(link)),
            None => self.with(by, |side, now| side.lost(link, now)),
        }
    }

    /// A link from somebody to a place; `None` where it is refused.
    pub(super) fn link(&mut self, dialer: Holder, place: &Place) -> Option<WireId> {
        let other = match place {
            Place::Refuses | Place::NeverAnswers => return None,
            Place::Holds(stranger) => Holder::Stranger(stranger.clone()),
            Place::Relay => Holder::Relay,
            Place::Listener(role) if self.hand.role == Some(*role) => Holder::Hand(*role),
            Place::Listener(role) => {
                let now = self.now;
                Holder::Side(*role, self.side_mut(*role)?.accepted(now)?)
            }
        };
        let wire = WireId(self.wires.len());
        self.wires.push(Wire::new(dialer, other));
        for end in [0, 1] {
            self.begin(wire, end);
        }
        Some(wire)
    }

    fn begin(&mut self, wire: WireId, end: usize) {
        match self.wire(wire).end(end).clone() {
            Holder::Stranger(Stranger::Says(said)) => self.write(wire, end, &said),
            Holder::Stranger(Stranger::HangsUp) => self.close(wire, end),
            Holder::Side(role, _) => self.settle(role),
            Holder::Relay => self.relay.opened(wire, self.now),
            Holder::Stranger(_) | Holder::Hand(_) => {}
        }
    }

    /// Writes to a link from one of its ends.
    pub(super) fn write(&mut self, wire: WireId, from: usize, bytes: &[u8]) {
        if self.wire(wire).way(from).closed {
            return;
        }
        self.traffic.extend_from_slice(bytes);
        self.wire(wire).way(from).in_flight += bytes.len();
        let mut rest = bytes;
        while !rest.is_empty() {
            let length = if self.weather.pieces { 1 + self.below(rest.len()) } else { rest.len() };
            let (piece, behind) = rest.split_at(length);
            let at = self.arrival(wire, from);
            self.coming.put(at, Happening::Bytes { wire, from, bytes: piece.to_vec() });
            rest = behind;
        }
    }

    /// Closes a link from one of its ends, behind what was written.
    pub(super) fn close(&mut self, wire: WireId, from: usize) {
        if !std::mem::replace(&mut self.wire(wire).way(from).closed, true) {
            let at = self.arrival(wire, from);
            self.coming.put(at, Happening::Closed { wire, from });
        }
    }

    fn arrival(&mut self, wire: WireId, from: usize) -> Moment {
        let delay = self.up_to(self.weather.link);
        let earliest = self.now + delay;
        let way = self.wire(wire).way(from);
        way.arrival = way.arrival.max(earliest);
        way.arrival
    }

    pub(super) fn arrive(&mut self, wire: WireId, from: usize, bytes: &[u8]) {
        let to = 1 - from;
        if self.wire(wire).way(from).stalled || self.wire(wire).way(to).closed {
            return;
        }
        self.wire(wire).way(from).in_flight -= bytes.len();
        match self.wire(wire).end(to).clone() {
            Holder::Side(role, link) => {
                let now = self.now;
                let deeds = self.side_mut(role).map(|side| side.received(link, bytes, now));
                self.perform(role, deeds.unwrap_or_default());
                self.settle(role);
            }
            Holder::Hand(_) => self.hand.heard.entry(wire).or_default().extend_from_slice(bytes),
            Holder::Stranger(Stranger::Echoes) => self.write(wire, to, bytes),
            Holder::Stranger(_) => {}
            Holder::Relay => {
                let relayed = self.relay.received(wire, bytes, self.now);
                self.hand_through(relayed);
            }
        }
        if let Holder::Side(role, _) = *self.wire(wire).end(from) {
            self.settle(role); // there is room again
        }
    }

    pub(super) fn hear_close(&mut self, wire: WireId, end: usize) {
        if self.wire(wire).way(1 - end).stalled || self.wire(wire).way(end).closed {
            return;
        }
        self.wire(wire).way(end).closed = true;
        match *self.wire(wire).end(end) {
            Holder::Side(role, link) => self.with(role, |side, now| side.lost(link, now)),
            Holder::Hand(_) => self.hand.lost.push(wire),
            Holder::Stranger(_) => {}
            Holder::Relay => {
                let relayed = self.relay.lost(wire, self.now);
                self.hand_through(relayed);
            }
        }
    }

    /// A relay is the far end of every link to it.
    fn hand_through(&mut self, relayed: Vec<Relayed>) {
        for relayed in relayed {
            match relayed {
                Relayed::Write(wire, bytes) => self.write(wire, 1, &bytes),
                Relayed::Close(wire) => self.close(wire, 1),
            }
        }
    }
}
