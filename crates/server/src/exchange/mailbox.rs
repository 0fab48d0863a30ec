//! One mailbox: its sides, its messages, and who listens.

use std::sync::Arc;

use wormhole_sync_wire::{MailboxId, Mood, Nameplate};

use super::{
    ConnectionId, Message,
    guess::Guess,
    journal::{MailboxRow, Opened},
    sides::Sides,
    usage::{Ending, Outcome, Retired},
};
use crate::address::Address;

/// What one message costs beside its texts, so that empty ones are not free.
const MESSAGE_OVERHEAD: usize = 128;

pub(super) struct Mailbox {
    pub(super) row: u64,
    pub(super) sides: Sides<Opened>,
    pub(super) messages: Vec<Arc<Message>>,
    /// Whom each message counts against.
    pub(super) senders: Vec<Option<Address>>,
    pub(super) subscribers: Vec<ConnectionId>,
    pub(super) nameplate: Option<Nameplate>,
    /// Whether a nameplate led here.
    pub(super) for_nameplate: bool,
    pub(super) owner: Option<Address>,
    pub(super) bytes: usize,
    pub(super) updated: f64,
    pub(super) crowded: bool,
    /// The connection that made it.
    maker: Option<ConnectionId>,
    /// Whether the second side's claim has yet to prove right.
    pub(super) guess: Option<Box<Guess>>,
}

impl Mailbox {
    pub(super) fn new(row: u64, owner: Option<Address>, now: f64) -> Self {
        Self {
            row,
            sides: Sides::default(),
            messages: Vec::new(),
            senders: Vec::new(),
            subscribers: Vec::new(),
            nameplate: None,
            for_nameplate: false,
            owner,
            bytes: 0,
            updated: now,
            crowded: false,
            maker: None,
            guess: None,
        }
    }

    pub(super) fn made_by(mut self, connection: ConnectionId) -> Self {
        self.maker = Some(connection);
        self
    }

    /// Notes that somebody who joins the one that is here may be guessing.
    pub(super) fn guessed_from(&mut self, address: Option<Address>) {
        let Some(address) = address else { return };
        let witnesses = self.subscribers.iter().copied().chain(self.maker).collect();
        self.guess = Some(Box::new(Guess { address, witnesses }));
    }

    /// Seats a side that there is room for. Whether it is new.
    pub(super) fn admit(&mut self, side: &Arc<str>, now: f64) -> bool {
        self.updated = now;
        self.sides.admit(side, Opened { since: now, open: true, mood: None })
    }

    pub(super) fn subscribe(&mut self, connection: ConnectionId) {
        if !self.subscribers.contains(&connection) {
            push(&mut self.subscribers, connection);
        }
    }

    pub(super) fn unsubscribe(&mut self, connection: ConnectionId) {
        self.subscribers.retain(|subscriber| *subscriber != connection);
    }

    /// A side lets go. Whether that changed anything.
    pub(super) fn close(&mut self, side: &str, mood: Option<Mood>) -> bool {
        let Some(opened) = self.sides.find_mut(side).filter(|opened| opened.open) else {
            return false;
        };
        opened.open = false;
        opened.mood = mood;
        true
    }

    /// What is stored of when its sides came is what the clock said then.
    pub(super) fn clock_was_set(&mut self, by: f64) {
        self.updated += by;
        self.sides.states_mut().for_each(|opened| opened.since += by);
    }

    pub(super) fn is_over(&self) -> bool {
        self.sides.iter().all(|(_, opened)| !opened.open)
    }

    pub(super) fn push(&mut self, message: Arc<Message>, sender: Option<Address>) {
        self.bytes += cost(&message);
        self.updated = self.updated.max(message.server_rx);
        push(&mut self.messages, message);
        push(&mut self.senders, sender);
    }

    pub(super) fn stored(&self, app: &Arc<str>, name: &MailboxId) -> MailboxRow {
        MailboxRow {
            row: self.row,
            app: Arc::clone(app),
            name: name.clone(),
            sides: self.sides.clone(),
        }
    }

    /// A nameplate leads here from now on.
    pub(super) fn stand_behind(&mut self, nameplate: Nameplate) {
        self.nameplate = Some(nameplate);
        self.for_nameplate = true;
    }

    pub(super) fn ending(&self, app: &Arc<str>, pruned: bool, now: f64) -> Ending {
        let moods = self.sides.iter().filter_map(|(_, opened)| opened.mood);
        let outcome = Outcome::of(self.sides.iter().count(), moods, pruned, self.crowded);
        let times = self.sides.iter().map(|(_, opened)| opened.since);
        let what = Retired::Mailbox { for_nameplate: self.for_nameplate };
        Ending::new(what, app, outcome, times, now)
    }
}

/// Appends. The first has room for itself alone, and not for four: most who wait have said one thing.
fn push<T>(list: &mut Vec<T>, item: T) {
    if list.is_empty() {
        list.reserve_exact(1);
    }
    list.push(item);
}

/// What a message counts against the limits in bytes.
pub(super) fn cost(message: &Message) -> usize {
    message.body.len() + message.phase.len() + message.side.len() + MESSAGE_OVERHEAD
}
