//! What the exchange counts and writes down while it works.

use std::fmt::Display;

use wormhole_sync_wire::Refusal;

use super::{
    journal::Entry,
    mailbox::{Mailbox, cost},
    random::Random,
    rates::{Deed, Rates},
    usage::{Ending, Greeting},
};
use crate::{
    address::Address,
    config::{Limit, Limits, Refused},
    tally::Tally,
};

/// Counts, limits, the journal, and where numbers come from: what all applications share.
pub(super) struct Ledger {
    pub(super) limits: Limits,
    pub(super) random: Random,
    pub(super) next_row: u64,
    pub(super) journal: Vec<Entry>,
    pub(super) endings: Vec<Ending>,
    pub(super) greetings: Vec<Greeting>,
    pub(super) refused: Refused,
    rates: Rates,
    mailboxes: usize,
    stored_bytes: usize,
    by_address: Tally<Address, Held>,
}

/// What one address holds.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Held {
    mailboxes: usize,
    bytes: usize,
}

impl Ledger {
    pub(super) fn new(limits: Limits, random: Random) -> Self {
        let rates = Rates::new(&limits);
        Self {
            limits,
            random,
            next_row: 1,
            journal: Vec::new(),
            endings: Vec::new(),
            greetings: Vec::new(),
            refused: Refused::default(),
            rates,
            mailboxes: 0,
            stored_bytes: 0,
            by_address: Tally::default(),
        }
    }

    /// Forgets what there is, and not what was done, for what is there is about to be read again.
    pub(super) fn start_over(&mut self) {
        self.journal.clear();
        self.endings.clear();
        self.greetings.clear();
        self.mailboxes = 0;
        self.stored_bytes = 0;
        self.by_address.clear();
    }

    /// Takes one from what this address may do for now.
    pub(super) fn charge(
        &mut self,
        deed: Deed,
        address: Option<Address>,
        now: f64,
    ) -> Result<(), Refusal> {
        let buckets = self.rates.of(deed);
        let (taken, rate) = (buckets.take(address, now), buckets.rate());
        taken.map_err(|_| self.refuse(deed.limit(), rate))
    }

    /// Whether anything is left of it.
    pub(super) fn check(
        &mut self,
        deed: Deed,
        address: Option<Address>,
        now: f64,
    ) -> Result<(), Refusal> {
        let buckets = self.rates.of(deed);
        let (left, rate) = (buckets.check(address, now), buckets.rate());
        left.map_err(|_| self.refuse(deed.limit(), rate))
    }

    /// Gives back what was charged.
    pub(super) fn give_back(&mut self, deed: Deed, address: Option<Address>, now: f64) {
        self.rates.of(deed).put_back(address, now);
    }

    pub(super) fn clock_was_set(&mut self, by: f64) {
        self.rates.clock_was_set(by);
    }

    pub(super) fn row(&mut self) -> u64 {
        let row = self.next_row;
        self.next_row += 1;
        row
    }

    /// Whether this address may make one more mailbox.
    pub(super) fn check_mailbox(&mut self, owner: Option<Address>) -> Result<(), Refusal> {
        let (each, all) = (self.limits.mailboxes_per_address, self.limits.mailboxes);
        if self.held(owner).mailboxes >= each {
            return Err(self.refuse(Limit::MailboxesPerAddress, each));
        }
        if self.mailboxes >= all {
            return Err(self.refuse(Limit::Mailboxes, all));
        }
        Ok(())
    }

    /// Notes that somebody met a limit, and says what to tell.
    pub(super) fn refuse(&mut self, limit: Limit, most: impl Display) -> Refusal {
        self.refused.count(limit);
        limit.refusal(most)
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
        &mut self,
        mailbox: &Mailbox,
        sender: Option<Address>,
        more: usize,
    ) -> Result<(), Refusal> {
        let sent = self.held(sender).bytes;
        let limits = &self.limits;
        let (messages, bytes) = (limits.mailbox_messages, limits.mailbox_bytes);
        let (each, all) = (limits.stored_bytes_per_address, limits.stored_bytes);
        for (is_met, limit, most) in [
            (mailbox.messages.len() >= messages, Limit::MailboxMessages, messages),
            (mailbox.bytes + more > bytes, Limit::MailboxBytes, bytes),
            (sent + more > each, Limit::StoredBytesPerAddress, each),
            (self.stored_bytes + more > all, Limit::StoredBytes, all),
        ] {
            if is_met {
                return Err(self.refuse(limit, most));
            }
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
        address.map_or_else(Held::default, |address| self.by_address.of(&address))
    }

    fn change(&mut self, address: Option<Address>, change: impl FnOnce(&mut Held)) {
        if let Some(address) = address {
            self.by_address.change(address, change);
        }
    }
}
