//! What a test does where a hand plays one of the roles.

use wormhole_sync_core::wire::transit::{GO, Role};

use super::{
    net::{Holder, Place, WireId, listener},
    world::World,
};

impl World {
    /// The messages that came to the hand.
    pub fn inbox(&self) -> Vec<String> {
        self.hand.inbox.iter().map(|bytes| String::from_utf8_lossy(bytes).into_owned()).collect()
    }

    /// The hand sends a message.
    pub fn say(&mut self, text: &str) {
        let to = self.role().other();
        self.message(to, text.as_bytes().to_vec());
    }

    /// The hand connects to the other's port; panics where it is not let in.
    pub fn dial(&mut self) -> WireId {
        let (role, place) = (self.role(), Place::Listener(self.role().other()));
        let wire = self.link(Holder::Hand(role), &place);
        wire.unwrap_or_else(|| panic!("{} refuses", listener(role.other())))
    }

    /// The hand writes to a link that it has dialed.
    pub fn writes(&mut self, wire: WireId, bytes: &[u8]) {
        self.write(wire, 0, bytes);
    }

    /// The hand closes a link that it has dialed.
    pub fn hangs_up(&mut self, wire: WireId) {
        self.close(wire, 0);
    }

    /// What the hand has heard on a link.
    pub fn heard(&self, wire: WireId) -> &[u8] {
        self.hand.heard.get(&wire).map_or(&[], Vec::as_slice)
    }

    /// Whether the other has closed a link of the hand's.
    pub fn is_lost(&self, wire: WireId) -> bool {
        self.hand.lost.contains(&wire)
    }

    /// The hand connects and proves itself, until the other has chosen that link.
    pub fn join(&mut self) -> WireId {
        let (wire, role) = (self.dial(), self.role());
        let line = self.key().ready_line(role);
        self.writes(wire, line.as_bytes());
        if role == Role::Sender {
            self.writes(wire, GO);
        }
        self.run_until(|world| world.chosen(role.other()) == Some(wire));
        wire
    }

    fn role(&self) -> Role {
        self.hand.role.unwrap_or_else(|| panic!("no role is played by hand"))
    }
}
