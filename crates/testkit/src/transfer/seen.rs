//! What a test sees of a world.

use wormhole_sync_core::{
    Moment,
    connect::Path,
    transit::TransitKey,
    wire::{transfer_message::Digest, transit::Role},
};

use super::{
    net::{Wire, WireId},
    side::{Ending, Side},
    world::World,
};

impl World {
    /// The virtual clock.
    pub const fn now(&self) -> Moment {
        self.now
    }

    /// Things that have happened so far.
    pub const fn steps(&self) -> u64 {
        self.steps
    }

    /// How the transfer ended at a side, once it has.
    pub fn ending(&self, role: Role) -> Option<Ending> {
        self.side(role)?.log.ending.clone()
    }

    /// When it did.
    pub fn ended_at(&self, role: Role) -> Moment {
        self.side(role).map_or(self.now, |side| side.log.ended_at)
    }

    /// Whether the sender has learned of the receiver's consent.
    pub fn accepted(&self) -> bool {
        self.side(Role::Sender).is_some_and(|side| side.log.accepted)
    }

    /// How the link that a side uses reaches the other.
    pub fn path(&self, role: Role) -> Option<Path> {
        self.side(role)?.log.connected.map(|(_, path)| path)
    }

    /// The hash of all bytes that a side has come to take.
    pub fn digest(&self, role: Role) -> Option<Digest> {
        self.side(role)?.log.digest
    }

    /// Addresses that a side has dialed.
    pub fn dials(&self, role: Role) -> usize {
        self.side(role).map_or(0, |side| side.log.dials)
    }

    /// The text that came.
    pub fn text(&self) -> Option<&str> {
        self.side(Role::Receiver)?.log.text.as_deref()
    }

    /// The bytes that the sender gives, or that the receiver has so far.
    pub fn bytes(&self, role: Role) -> &[u8] {
        self.side(role).map_or(&[], Side::bytes)
    }

    /// When a side next wants to be woken without anything having happened.
    pub fn alarm(&self, role: Role) -> Option<Moment> {
        self.side(role)?.alarm
    }

    /// Whether both sides use the two ends of one link, or of one relay's.
    pub fn use_one_link(&self) -> bool {
        match (self.chosen(Role::Sender), self.chosen(Role::Receiver)) {
            (Some(one), Some(other)) => one == other || self.relay.joins(one, other),
            _ => false,
        }
    }

    /// The link that a side uses.
    pub fn chosen(&self, role: Role) -> Option<WireId> {
        let (chosen, _) = self.side(role)?.log.connected?;
        let mine = |wire: &Wire| wire.ends.iter().any(|end| end.is(role, chosen));
        self.wires.iter().position(mine).map(WireId)
    }

    /// Every byte that was written to a link so far, for searching.
    pub fn traffic(&self) -> &[u8] {
        &self.traffic
    }

    /// The transit key, for whoever plays by hand.
    pub const fn key(&self) -> &TransitKey {
        &self.keys.0
    }
}
