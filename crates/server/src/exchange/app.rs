//! One application's nameplates and mailboxes. No other application's client sees them.

use std::{collections::BTreeMap, sync::Arc};

use data_encoding::BASE32_NOPAD;
use wormhole_sync_wire::{MailboxId, Mood, Nameplate, Refusal};

use super::{
    Client, Message,
    journal::Entry,
    ledger::Ledger,
    mailbox::{Mailbox, cost},
    nameplate::{Plate, Small},
    sides::Sides,
};
use crate::config::LISTED_NAMEPLATES;

/// Nameplates beyond three digits are drawn from here, and that often before all are gone through.
const LARGE: std::ops::Range<u32> = 1000..1_000_000;
const DRAWS: usize = 100;

pub(super) struct App {
    pub(super) id: Arc<str>,
    pub(super) nameplates: BTreeMap<Nameplate, Plate>,
    pub(super) mailboxes: BTreeMap<MailboxId, Mailbox>,
    small: Small,
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

    pub(super) fn allocate(
        &mut self,
        client: &Client,
        ledger: &mut Ledger,
        now: f64,
    ) -> Result<Nameplate, Refusal> {
        if let Some(held) = self.allocated.get(&client.side) {
            return Ok(held.clone());
        }
        let name = self.free(ledger).ok_or("no nameplate is free, try again later")?;
        let mailbox = self.fresh_mailbox(ledger)?;
        self.make_nameplate(client, &name, &mailbox, true, ledger, now)?;
        Ok(name)
    }

    /// Whether a nameplate made by this client may lead to a mailbox that it names.
    fn may_stand_for(&self, mailbox: &MailboxId, client: &Client) -> bool {
        self.mailboxes.get(mailbox).is_none_or(|mailbox| {
            mailbox.nameplate.is_none() && mailbox.sides.check_room(&client.side).is_ok()
        })
    }

    pub(super) fn claim(
        &mut self,
        client: &Client,
        name: &Nameplate,
        known: Option<&MailboxId>,
        ledger: &mut Ledger,
        now: f64,
    ) -> Result<MailboxId, Refusal> {
        let Some(plate) = self.nameplates.get_mut(name) else {
            let mailbox = match known {
                Some(known) if self.may_stand_for(known, client) => known.clone(),
                _ => self.fresh_mailbox(ledger)?,
            };
            self.make_nameplate(client, name, &mailbox, false, ledger, now)?;
            return Ok(mailbox);
        };
        if plate.sides.find(&client.side) == Some(&false) {
            return Err("reclaimed".into());
        }
        let mailbox = self.mailboxes.get_mut(&plate.mailbox).ok_or("crowded")?;
        let room = plate.sides.check_room(&client.side);
        if let Err(crowded) = room.and_then(|()| mailbox.sides.check_room(&client.side)) {
            (mailbox.crowded, plate.crowded) = (true, true);
            return Err(crowded);
        }
        if plate.sides.admit(&client.side, true) {
            let stored = plate.stored(&self.id, name, mailbox.row);
            ledger.journal.push(Entry::PutNameplate(stored));
        }
        if mailbox.admit(&client.side, now) {
            ledger.journal.push(Entry::PutMailbox(mailbox.stored(&self.id, &plate.mailbox)));
        }
        Ok(plate.mailbox.clone())
    }

    pub(super) fn release(
        &mut self,
        client: &Client,
        name: &Nameplate,
        ledger: &mut Ledger,
        now: f64,
    ) {
        let Some(plate) = self.nameplates.get_mut(name) else { return };
        let Some(claimed) = plate.sides.find_mut(&client.side).filter(|claimed| **claimed) else {
            return;
        };
        *claimed = false;
        if self.allocated.get(&client.side) == Some(name) {
            self.allocated.remove(&client.side);
        }
        if plate.is_over() {
            if let Some(mailbox) = self.mailboxes.get_mut(&plate.mailbox) {
                mailbox.nameplate = None;
                ledger.endings.push(plate.ending(&self.id, mailbox, false, now));
            }
            self.drop_nameplate(name, ledger);
        } else if let Some(mailbox) = self.mailboxes.get(&plate.mailbox) {
            let stored = plate.stored(&self.id, name, mailbox.row);
            ledger.journal.push(Entry::PutNameplate(stored));
        }
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

    /// Puts a stored nameplate back to where it was.
    pub(super) fn restore_nameplate(&mut self, name: Nameplate, plate: Plate) {
        self.small.mark(&name, true);
        if let Some(side) = plate.allocator().filter(|side| plate.sides.find(side) == Some(&true)) {
            self.allocated.insert(Arc::clone(side), name.clone());
        }
        if let Some(mailbox) = self.mailboxes.get_mut(&plate.mailbox) {
            mailbox.stand_behind(name.clone());
        }
        self.nameplates.insert(name, plate);
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

    fn free(&self, ledger: &mut Ledger) -> Option<Nameplate> {
        let small = self.small.free();
        if !small.is_empty() {
            let count = u32::try_from(small.len()).unwrap_or(u32::MAX);
            let number = small.get(ledger.random.below(count) as usize)?;
            return Nameplate::new(number.to_string()).ok();
        }
        let is_free = |name: &Nameplate| !self.nameplates.contains_key(name);
        let name = |number: u32| Nameplate::new(number.to_string()).ok().filter(is_free);
        let span = LARGE.end - LARGE.start;
        (0..DRAWS)
            .find_map(|_| name(LARGE.start + ledger.random.below(span)))
            .or_else(|| LARGE.into_iter().find_map(name))
    }

    fn make_nameplate(
        &mut self,
        client: &Client,
        name: &Nameplate,
        mailbox_id: &MailboxId,
        allocated: bool,
        ledger: &mut Ledger,
        now: f64,
    ) -> Result<(), Refusal> {
        if !self.mailboxes.contains_key(mailbox_id) {
            self.make_mailbox(client, mailbox_id, ledger, now)?;
        }
        let Some(mailbox) = self.mailboxes.get_mut(mailbox_id) else { return Ok(()) };
        mailbox.admit(&client.side, now);
        mailbox.stand_behind(name.clone());
        ledger.journal.push(Entry::PutMailbox(mailbox.stored(&self.id, mailbox_id)));
        let mut sides = Sides::default();
        sides.admit(&client.side, true);
        let (row, mailbox_id) = (ledger.row(), mailbox_id.clone());
        let plate = Plate { row, mailbox: mailbox_id, allocated, sides, crowded: false };
        ledger.journal.push(Entry::PutNameplate(plate.stored(&self.id, name, mailbox.row)));
        self.small.mark(name, true);
        if allocated {
            self.allocated.insert(Arc::clone(&client.side), name.clone());
        }
        self.nameplates.insert(name.clone(), plate);
        Ok(())
    }

    /// A random name that no mailbox has: not even a repeated seed may join strangers.
    fn fresh_mailbox(&self, ledger: &mut Ledger) -> Result<MailboxId, Refusal> {
        loop {
            let random = BASE32_NOPAD.encode(&ledger.random.bytes()).to_ascii_lowercase();
            let name = MailboxId::new(random).map_err(|error| Refusal(error.to_string().into()))?;
            if !self.mailboxes.contains_key(&name) {
                return Ok(name);
            }
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
        let mailbox = Mailbox::new(ledger.row(), client.address, now);
        self.mailboxes.insert(name.clone(), mailbox);
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

    fn drop_nameplate(&mut self, name: &Nameplate, ledger: &mut Ledger) {
        let Some(plate) = self.nameplates.remove(name) else { return };
        self.small.mark(name, false);
        if let Some(side) = plate.allocator()
            && self.allocated.get(side) == Some(name)
        {
            self.allocated.remove(side);
        }
        ledger.journal.push(Entry::DropNameplate { row: plate.row });
    }
}
