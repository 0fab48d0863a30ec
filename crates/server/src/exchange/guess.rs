//! A claim that may have been a guess at somebody's code.
//!
//! Whoever joins a side that waits can test one guess of the code, and need not say how it went. So the
//! claim is charged at once, and given back when the side that waited shows that the code was right.
//! That must come from a connection that was there before: a guesser can call itself by the other's
//! side afterwards, but not have done so.

use wormhole_sync_wire::{Mood, Phase};

use super::{ConnectionId, Message};
use crate::address::Address;

#[derive(Clone, Debug)]
pub(super) struct Guess {
    pub(super) address: Address,
    pub(super) witnesses: Vec<ConnectionId>,
}

impl Guess {
    /// Whether what a connection adds can only be said to whoever knows the code. Before that there is
    /// the key exchange, which is open to everybody.
    pub(super) fn is_cleared_by(&self, connection: ConnectionId, message: &Message) -> bool {
        self.witnesses.contains(&connection)
            && matches!(Phase::parse(&message.phase), Some(Phase::Numbered(_)))
    }

    /// The same for how it leaves.
    pub(super) fn is_cleared_by_leaving(
        &self,
        connection: ConnectionId,
        mood: Option<Mood>,
    ) -> bool {
        self.witnesses.contains(&connection) && mood == Some(Mood::Happy)
    }
}
