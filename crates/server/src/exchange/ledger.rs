//! What the exchange counts and writes down while it works.

use std::collections::BTreeMap;

use wormhole_sync_wire::Refusal;

use super::{journal::Entry, random::Random, usage::Ending};
use crate::{address::Address, config::Limits};

/// Counts, limits, the journal, and where numbers come from: what all applications share.
pub(super) struct Ledger {
    pub(super) limits: Limits,
    pub(super) random: Random,
    pub(super) next_row: u64,
    pub(super) journal: Vec<Entry>,
    pub(super) endings: Vec<Ending>,
    mailboxes: usize,
    stored_bytes: usize,
    by_address: BTreeMap<Address, usize>,
}

impl Ledger {
    pub(super) fn new(limits: Limits, random: Random) -> Self {
        Self {
            limits,
            random,
            next_row: 1,
            journal: Vec::new(),
            endings: Vec::new(),
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
        let held = owner.and_then(|owner| self.by_address.get(&owner)).copied().unwrap_or(0);
        if held >= self.limits.mailboxes_per_address {
            return Err(limit("too many mailboxes from your address", held, "mailboxes"));
        }
        if self.mailboxes >= self.limits.mailboxes {
            return Err(limit("the server is full", self.mailboxes, "mailboxes"));
        }
        Ok(())
    }

    pub(super) fn mailbox_made(&mut self, owner: Option<Address>) {
        self.mailboxes += 1;
        if let Some(owner) = owner {
            *self.by_address.entry(owner).or_default() += 1;
        }
    }

    pub(super) fn mailbox_ended(&mut self, owner: Option<Address>, bytes: usize) {
        self.mailboxes -= 1;
        self.stored_bytes -= bytes;
        let Some(owner) = owner else { return };
        if let Some(held) = self.by_address.get_mut(&owner) {
            *held -= 1;
            if *held == 0 {
                self.by_address.remove(&owner);
            }
        }
    }

    /// Whether a mailbox of so many messages and bytes may take these bytes more.
    pub(super) fn check_message(
        &self,
        messages: usize,
        bytes: usize,
        more: usize,
    ) -> Result<(), Refusal> {
        let limits = &self.limits;
        if messages >= limits.mailbox_messages {
            return Err(limit("the mailbox is full", limits.mailbox_messages, "messages"));
        }
        if bytes + more > limits.mailbox_bytes {
            return Err(limit("the mailbox is full", limits.mailbox_bytes, "bytes"));
        }
        if self.stored_bytes + more > limits.stored_bytes {
            return Err(limit("the server is full", limits.stored_bytes, "bytes of messages"));
        }
        Ok(())
    }

    pub(super) fn message_stored(&mut self, bytes: usize) {
        self.stored_bytes += bytes;
    }

    pub(super) const fn mailboxes(&self) -> usize {
        self.mailboxes
    }
}

fn limit(what: &str, most: usize, unit: &str) -> Refusal {
    Refusal(format!("{what}: this server's limit is {most} {unit}").into())
}
