//! What the exchange counts and writes down while it works.

use std::collections::BTreeMap;

use wormhole_sync_wire::{Refusal, server_message::TRY_LATER};

use super::{
    journal::Entry,
    mailbox::{Mailbox, cost},
    random::Random,
    usage::{Ending, Greeting},
};
use crate::{address::Address, config::Limits};

/// Counts, limits, the journal, and where numbers come from: what all applications share.
pub(super) struct Ledger {
    pub(super) limits: Limits,
    pub(super) random: Random,
    pub(super) next_row: u64,
    pub(super) journal: Vec<Entry>,
    pub(super) endings: Vec<Ending>,
    pub(super) greetings: Vec<Greeting>,
    mailboxes: usize,
    stored_bytes: usize,
    by_address: BTreeMap<Address, Held>,
}

/// What one address holds.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Held {
    mailboxes: usize,
    bytes: usize,
}

impl Ledger {
    pub(super) fn new(limits: Limits, random: Random) -> Self {
        Self {
            limits,
            random,
            next_row: 1,
            journal: Vec::new(),
            endings: Vec::new(),
            greetings: Vec::new(),
            mailboxes: 0,
            stored_bytes: 0,
            by_address: BTreeMap::new(),
        }
    }

    pub(super) fn row(&mut self) -> u64 {
        let row = self.next_row;
        self.next_row += 1;
        row
    }

    /// Whether this address may make one more mailbox.
    pub(super) fn check_mailbox(&self, owner: Option<Address>) -> Result<(), Refusal> {
        let limits = &self.limits;
        if self.held(owner).mailboxes >= limits.mailboxes_per_address {
            let most = limits.mailboxes_per_address;
            return Err(limit("too many mailboxes from your address", most, "mailboxes"));
        }
        if self.mailboxes >= limits.mailboxes {
            return Err(full(limits.mailboxes, "mailboxes"));
        }
        Ok(())
    }

    pub(super) fn mailbox_made(&mut self, owner: Option<Address>) {
        self.mailboxes += 1;
        self.change(owner, |held| held.mailboxes += 1);
    }

    pub(super) fn mailbox_ended(&mut self, mailbox: &Mailbox) {
        self.mailboxes -= 1;
        self.stored_bytes -= mailbox.bytes;
        self.change(mailbox.owner, |held| held.mailboxes -= 1);
        for (message, sender) in mailbox.messages.iter().zip(&mailbox.senders) {
            self.change(*sender, |held| held.bytes -= cost(message));
        }
    }

    /// Whether a mailbox may take so many bytes more from this address.
    pub(super) fn check_message(
        &self,
        mailbox: &Mailbox,
        sender: Option<Address>,
        more: usize,
    ) -> Result<(), Refusal> {
        let (messages, bytes) = (mailbox.messages.len(), mailbox.bytes);
        let limits = &self.limits;
        if messages >= limits.mailbox_messages {
            return Err(limit("the mailbox is full", limits.mailbox_messages, "messages"));
        }
        if bytes + more > limits.mailbox_bytes {
            return Err(limit("the mailbox is full", limits.mailbox_bytes, "bytes"));
        }
        if self.held(sender).bytes + more > limits.stored_bytes_per_address {
            let most = limits.stored_bytes_per_address;
            return Err(limit("too much is stored from your address", most, "bytes of messages"));
        }
        if self.stored_bytes + more > limits.stored_bytes {
            return Err(full(limits.stored_bytes, "bytes of messages"));
        }
        Ok(())
    }

    pub(super) fn message_stored(&mut self, sender: Option<Address>, bytes: usize) {
        self.stored_bytes += bytes;
        self.change(sender, |held| held.bytes += bytes);
    }

    pub(super) const fn mailboxes(&self) -> usize {
        self.mailboxes
    }

    pub(super) const fn stored_bytes(&self) -> usize {
        self.stored_bytes
    }

    fn held(&self, address: Option<Address>) -> Held {
        address.and_then(|address| self.by_address.get(&address)).copied().unwrap_or_default()
    }

    /// An address that holds nothing any more is forgotten.
    fn change(&mut self, address: Option<Address>, change: impl FnOnce(&mut Held)) {
        let Some(address) = address else { return };
        let held = self.by_address.entry(address).or_default();
        change(held);
        if *held == Held::default() {
            self.by_address.remove(&address);
        }
    }
}

/// Nobody's own doing, and over as soon as others are done.
fn full(most: usize, unit: &str) -> Refusal {
    let Refusal(text) = limit("the server is full", most, unit);
    Refusal(format!("{text}; {TRY_LATER}").into())
}

fn limit(what: &str, most: usize, unit: &str) -> Refusal {
    Refusal(format!("{what}: this server's limit is {most} {unit}").into())
}
