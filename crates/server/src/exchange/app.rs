//! One application's nameplates and mailboxes. No other application's client sees them.

mod nameplates;

use std::{collections::BTreeMap, sync::Arc};

use wormhole_sync_wire::{MailboxId, Mood, Nameplate, Refusal};

use super::{
    Client, Message,
    journal::Entry,
    ledger::Ledger,
    mailbox::{Mailbox, cost},
    nameplate::{Plate, Shares, Small},
    rates::Deed,
};
use crate::config::LISTED_NAMEPLATES;

pub(super) struct App {
    pub(super) id: Arc<str>,
    pub(super) nameplates: BTreeMap<Nameplate, Plate>,
    /// On the heap, for a map of random names has as much room to spare as it holds.
    pub(super) mailboxes: BTreeMap<MailboxId, Box<Mailbox>>,
    small: Small,
    shares: Shares,
    /// Who allocated what, and still claims it.
    allocated: BTreeMap<Arc<str>, Nameplate>,
}

impl App {
    pub(super) fn new(id: Arc<str>) -> Self {
        Self {
            id,
            nameplates: BTreeMap::new(),
            mailboxes: BTreeMap::new(),
            small: Small::default(),
            shares: Shares::default(),
            allocated: BTreeMap::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.mailboxes.is_empty()
    }

    /// The nameplates, sorted as strings; the shortest of them, when they are too many.
    pub(super) fn list(&self) -> Vec<Nameplate> {
        let mut names: Vec<_> = self.nameplates.keys().collect();
        if names.len() > LISTED_NAMEPLATES {
            names.sort_by_key(|name| name.len());
            names.truncate(LISTED_NAMEPLATES);
            names.sort();
        }
        names.into_iter().cloned().collect()
    }

    pub(super) fn open(
        &mut self,
        client: &Client,
        name: &MailboxId,
        ledger: &mut Ledger,
        now: f64,
    ) -> Result<Vec<Arc<Message>>, Refusal> {
        if !self.mailboxes.contains_key(name) {
            self.make_mailbox(client, name, ledger, now)?;
        }
        let mailbox = self.mailboxes.get_mut(name).ok_or("crowded")?;
        if let Err(crowded) = mailbox.sides.check_room(&client.side) {
            mailbox.crowded = true;
            return Err(crowded);
        }
        if mailbox.admit(&client.side, now) {
            ledger.journal.push(Entry::PutMailbox(mailbox.stored(&self.id, name)));
        }
        mailbox.subscribe(client.connection);
        Ok(mailbox.messages.clone())
    }

    pub(super) fn add(
        &mut self,
        client: &Client,
        name: &MailboxId,
        message: Message,
        ledger: &mut Ledger,
    ) -> Result<super::Broadcast, Refusal> {
        let mailbox = self
            .mailboxes
            .get_mut(name)
            .filter(|mailbox| mailbox.sides.find(&client.side).is_some())
            .ok_or("the mailbox is gone: both sides closed it")?;
        let bytes = cost(&message);
        ledger.check_message(mailbox, client.address, bytes)?;
        ledger.message_stored(client.address, bytes);
        if let Some(guess) =
            mailbox.guess.take_if(|guess| guess.is_cleared_by(client.connection, &message))
        {
            ledger.give_back(Deed::FailedClaim, Some(guess.address), message.server_rx);
        }
        let message = Arc::new(message);
        ledger.journal.push(Entry::PutMessage {
            mailbox: mailbox.row,
            number: mailbox.messages.len() as u64,
            message: Arc::clone(&message),
        });
        mailbox.push(Arc::clone(&message), client.address);
        Ok(super::Broadcast { message, subscribers: mailbox.subscribers.clone() })
    }

    pub(super) fn close(
        &mut self,
        client: &Client,
        name: &MailboxId,
        mood: Option<Mood>,
        ledger: &mut Ledger,
        now: f64,
    ) -> Result<(), Refusal> {
        let Some(mailbox) = self.mailboxes.get_mut(name) else { return Ok(()) };
        if let Err(crowded) = mailbox.sides.check_room(&client.side) {
            mailbox.crowded = true;
            return Err(crowded);
        }
        mailbox.admit(&client.side, now);
        mailbox.unsubscribe(client.connection);
        if let Some(guess) =
            mailbox.guess.take_if(|guess| guess.is_cleared_by_leaving(client.connection, mood))
        {
            ledger.give_back(Deed::FailedClaim, Some(guess.address), now);
        }
        if !mailbox.close(&client.side, mood) {
            return Ok(());
        }
        if mailbox.is_over() {
            self.end_mailbox(name, false, ledger, now);
        } else {
            ledger.journal.push(Entry::PutMailbox(mailbox.stored(&self.id, name)));
        }
        Ok(())
    }

    /// Ends what nobody listens to and nobody has touched since `before`.
    pub(super) fn prune(&mut self, before: f64, ledger: &mut Ledger, now: f64) {
        for mailbox in self.mailboxes.values_mut().filter(|mailbox| !mailbox.subscribers.is_empty())
        {
            mailbox.updated = now;
        }
        let idle: Vec<MailboxId> = self
            .mailboxes
            .iter()
            .filter(|(_, mailbox)| mailbox.updated < before)
            .map(|(name, _)| name.clone())
            .collect();
        for name in idle {
            self.end_mailbox(&name, true, ledger, now);
        }
    }

    #[cfg(test)]
    pub(super) fn snapshot(&self, snapshot: &mut super::journal::Snapshot) {
        for (name, mailbox) in &self.mailboxes {
            snapshot.mailboxes.push(mailbox.stored(&self.id, name));
            let messages = mailbox.messages.iter();
            snapshot
                .messages
                .extend(messages.map(|message| (mailbox.row, Message::clone(message))));
        }
        for (name, plate) in &self.nameplates {
            let mailbox = self.mailboxes[&plate.mailbox].row;
            snapshot.nameplates.push(plate.stored(&self.id, name, mailbox));
        }
    }

    fn make_mailbox(
        &mut self,
        client: &Client,
        name: &MailboxId,
        ledger: &mut Ledger,
        now: f64,
    ) -> Result<(), Refusal> {
        ledger.check_mailbox(client.address)?;
        ledger.mailbox_made(client.address);
        let mailbox = Mailbox::new(ledger.row(), client.address, now).made_by(client.connection);
        self.mailboxes.insert(name.clone(), Box::new(mailbox));
        Ok(())
    }

    fn end_mailbox(&mut self, name: &MailboxId, pruned: bool, ledger: &mut Ledger, now: f64) {
        let Some(mailbox) = self.mailboxes.remove(name) else { return };
        ledger.endings.push(mailbox.ending(&self.id, pruned, now));
        ledger.mailbox_ended(&mailbox);
        if let Some(nameplate) = &mailbox.nameplate {
            let plate = self.nameplates.get(nameplate);
            ledger.endings.extend(plate.map(|plate| plate.ending(&self.id, &mailbox, pruned, now)));
            self.drop_nameplate(nameplate, ledger);
        }
        ledger.journal.push(Entry::DropMailbox { row: mailbox.row });
    }
}
