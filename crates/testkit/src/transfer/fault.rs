//! What breaks.

use wormhole_sync_core::wire::transit::Role;

use super::{
    net::{Holder, WireId},
    world::{Happening, World},
};

impl World {
    /// Every link breaks; what was under way on them is lost.
    pub fn cut_links(&mut self) {
        self.forget_bytes(|_| true);
        for wire in (0..self.wires.len()).map(WireId) {
            self.coming.put(self.now, Happening::Broken { wire });
        }
    }

    /// Nothing that a side says arrives any more, on any link that is there now, and nobody notices: each is
    /// half open. Through a relay it is the way to the relay.
    pub fn stall_links(&mut self, from: Role) {
        for wire in &mut self.wires {
            for end in [0, 1] {
                if matches!(wire.end(end), Holder::Side(role, _) | Holder::Hand(role) if *role == from)
                {
                    wire.way(end).stalled = true;
                }
            }
        }
    }

    /// A side's program is killed: it says no more, and its links break.
    pub fn kill(&mut self, role: Role) {
        *self.place_of(role) = None;
        let held = |holder: &Holder| matches!(holder, Holder::Side(by, _) if *by == role);
        let wires = self.wires.iter().enumerate();
        let theirs: Vec<_> = wires
            .filter(|(_, wire)| wire.ends.iter().any(held))
            .map(|(index, _)| WireId(index))
            .collect();
        self.forget_bytes(|wire| theirs.contains(&wire));
        for wire in theirs {
            self.coming.put(self.now, Happening::Broken { wire });
        }
    }

    fn forget_bytes(&mut self, lost: impl Fn(WireId) -> bool) {
        self.coming.retain(|happening| match happening {
            Happening::Bytes { wire, .. } | Happening::Closed { wire, .. } => !lost(*wire),
            _ => true,
        });
    }
}
