//! Claiming nameplates, by chance or by name, and letting them go.

use std::sync::Arc;

use data_encoding::BASE32_NOPAD;
use wormhole_sync_wire::{MailboxId, Nameplate, Refusal};

use super::App;
use crate::{
    address::Address,
    config::Limit,
    exchange::{
        Client,
        journal::Entry,
        ledger::Ledger,
        nameplate::{Plate, Shares, digits},
        rates::Deed,
        sides::Sides,
    },
};

/// Nameplates beyond three digits are drawn from here, and that often before all are gone through.
const LARGE: std::ops::Range<u32> = 1000..1_000_000;
const DRAWS: usize = 100;

impl App {
    pub(in crate::exchange) fn allocate(
        &mut self,
        client: &Client,
        ledger: &mut Ledger,
        now: f64,
    ) -> Result<Nameplate, Refusal> {
        if let Some(held) = self.allocated.get(&client.side) {
            return Ok(held.clone());
        }
        ledger.charge(Deed::Claim, client.address, now)?;
        let name =
            self.free(client.address, ledger).ok_or("no nameplate is free, try again later")?;
        let mailbox = self.fresh_mailbox(ledger)?;
        self.make_nameplate(client, &name, &mailbox, true, ledger, now)?;
        Ok(name)
    }

    pub(in crate::exchange) fn claim(
        &mut self,
        client: &Client,
        name: &Nameplate,
        known: Option<&MailboxId>,
        ledger: &mut Ledger,
        now: f64,
    ) -> Result<MailboxId, Refusal> {
        let seat = self.nameplates.get(name).and_then(|plate| plate.sides.find(&client.side));
        let is_new = seat != Some(&true);
        if is_new {
            ledger.check(Deed::FailedClaim, client.address, now)?;
            ledger.charge(Deed::Claim, client.address, now)?;
        }
        if seat == Some(&false) {
            ledger.charge(Deed::FailedClaim, client.address, now)?;
            return Err("reclaimed".into());
        }
        if !self.nameplates.contains_key(name) {
            let mailbox = match known {
                Some(known) if self.may_stand_for(known, client) => known.clone(),
                _ => self.fresh_mailbox(ledger)?,
            };
            self.check_share(client.address, name, ledger)?;
            self.make_nameplate(client, name, &mailbox, false, ledger, now)?;
            return Ok(mailbox);
        }
        if is_new {
            ledger.charge(Deed::FailedClaim, client.address, now)?;
        }
        self.join(client, name, ledger, now)
    }

    pub(in crate::exchange) fn release(
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

    /// Puts a stored nameplate back to where it was.
    pub(in crate::exchange) fn restore_nameplate(&mut self, name: Nameplate, plate: Plate) {
        self.small.mark(&name, true);
        self.shares.mark(plate.owner, &name, true);
        if let Some(side) = plate.allocator().filter(|side| plate.sides.find(side) == Some(&true)) {
            self.allocated.insert(Arc::clone(side), name.clone());
        }
        if let Some(mailbox) = self.mailboxes.get_mut(&plate.mailbox) {
            mailbox.stand_behind(name.clone());
        }
        self.nameplates.insert(name, plate);
    }

    pub(super) fn drop_nameplate(&mut self, name: &Nameplate, ledger: &mut Ledger) {
        let Some(plate) = self.nameplates.remove(name) else { return };
        self.small.mark(name, false);
        self.shares.mark(plate.owner, name, false);
        if let Some(side) = plate.allocator()
            && self.allocated.get(side) == Some(name)
        {
            self.allocated.remove(side);
        }
        ledger.journal.push(Entry::DropNameplate { row: plate.row });
    }

    /// Claims a nameplate that is there.
    fn join(
        &mut self,
        client: &Client,
        name: &Nameplate,
        ledger: &mut Ledger,
        now: f64,
    ) -> Result<MailboxId, Refusal> {
        let plate = self.nameplates.get_mut(name).ok_or("crowded")?;
        let mailbox = self.mailboxes.get_mut(&plate.mailbox).ok_or("crowded")?;
        let room = plate.sides.check_room(&client.side);
        if let Err(crowded) = room.and_then(|()| mailbox.sides.check_room(&client.side)) {
            (mailbox.crowded, plate.crowded) = (true, true);
            return Err(crowded);
        }
        if plate.sides.admit(&client.side, true) {
            mailbox.guessed_from(client.address);
            let stored = plate.stored(&self.id, name, mailbox.row);
            ledger.journal.push(Entry::PutNameplate(stored));
        }
        if mailbox.admit(&client.side, now) {
            ledger.journal.push(Entry::PutMailbox(mailbox.stored(&self.id, &plate.mailbox)));
        }
        Ok(plate.mailbox.clone())
    }

    /// Whether a nameplate made by this client may lead to a mailbox that it names.
    fn may_stand_for(&self, mailbox: &MailboxId, client: &Client) -> bool {
        self.mailboxes.get(mailbox).is_none_or(|mailbox| {
            mailbox.nameplate.is_none() && mailbox.sides.check_room(&client.side).is_ok()
        })
    }

    fn free(&self, owner: Option<Address>, ledger: &mut Ledger) -> Option<Nameplate> {
        let share = ledger.limits.nameplate_share;
        let small = self.small.free(|digits| self.shares.has_room(owner, digits, share));
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

    /// Whether an address may have a nameplate of its own choice.
    fn check_share(
        &self,
        owner: Option<Address>,
        name: &Nameplate,
        ledger: &mut Ledger,
    ) -> Result<(), Refusal> {
        let share = ledger.limits.nameplate_share;
        match digits(name) {
            Some(digits) if !self.shares.has_room(owner, digits, share) => {
                Err(ledger.refuse(Limit::NameplateShare, Shares::most(digits, share)))
            }
            _ => Ok(()),
        }
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
        let (row, owner, mailbox_id) = (ledger.row(), client.address, mailbox_id.clone());
        let plate = Plate { row, mailbox: mailbox_id, allocated, owner, sides, crowded: false };
        ledger.journal.push(Entry::PutNameplate(plate.stored(&self.id, name, mailbox.row)));
        self.small.mark(name, true);
        self.shares.mark(owner, name, true);
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
}
