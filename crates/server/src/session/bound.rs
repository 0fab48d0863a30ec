//! What a connection does once it has said who it is.

use wormhole_sync_wire::{MailboxId, Mood, Nameplate, Refusal, server_message::Reply};

use super::{Holds, Outlet, reply};
use crate::exchange::{Addition, Broadcast, Client, ConnectionId, Exchange};

/// One that has.
pub(super) struct Bound {
    client: Client,
    allocated: bool,
    nameplate: Option<Nameplate>,
    released: bool,
    mailbox: Opening,
}

enum Opening {
    Never,
    Open(MailboxId),
    Closed,
}

/// What a verb needs besides its own fields.
pub(super) struct Turn<'a, 'e> {
    pub(super) connection: ConnectionId,
    pub(super) id: Option<&'a str>,
    pub(super) now: f64,
    pub(super) exchange: &'e mut dyn Exchange,
    pub(super) out: &'e mut dyn Outlet,
}

impl Turn<'_, '_> {
    fn answer(&mut self, reply: &Reply<'_>) {
        self.out.say(reply::to(self.connection, reply, self.now));
    }
}

impl Bound {
    pub(super) fn new(client: Client) -> Self {
        Self { client, allocated: false, nameplate: None, released: false, mailbox: Opening::Never }
    }

    /// What it holds. Once it has closed its mailbox it can open none, and its nameplate leads nowhere.
    pub(super) const fn holds(&self) -> Holds {
        match self.mailbox {
            Opening::Open(_) => Holds::Mailbox,
            Opening::Never if self.released => Holds::Nothing,
            Opening::Never if self.allocated || self.nameplate.is_some() => Holds::Nameplate,
            Opening::Never | Opening::Closed => Holds::Nothing,
        }
    }

    /// The connection is gone.
    pub(super) fn leave(&self, now: f64, exchange: &mut dyn Exchange) {
        if let Opening::Open(mailbox) = &self.mailbox {
            exchange.leave(&self.client, mailbox, now);
        }
    }

    pub(super) fn list(&self, allowed: bool, turn: &mut Turn<'_, '_>) -> Result<(), Refusal> {
        let names = if allowed { turn.exchange.list(&self.client, turn.now)? } else { Vec::new() };
        turn.answer(&reply::nameplates(names));
        Ok(())
    }

    pub(super) fn allocate(&mut self, turn: &mut Turn<'_, '_>) -> Result<(), Refusal> {
        if self.allocated {
            return Err("you already allocated one, don't be greedy".into());
        }
        let nameplate = turn.exchange.allocate(&self.client, turn.now)?;
        self.allocated = true;
        turn.answer(&Reply::Allocated { nameplate: &nameplate });
        Ok(())
    }

    pub(super) fn claim(
        &mut self,
        nameplate: Nameplate,
        known: Option<&MailboxId>,
        turn: &mut Turn<'_, '_>,
    ) -> Result<(), Refusal> {
        if self.nameplate.is_some() {
            return Err("only one claim per connection".into());
        }
        let mailbox = turn.exchange.claim(&self.client, &nameplate, known, turn.now)?;
        self.nameplate = Some(nameplate);
        turn.answer(&Reply::Claimed { mailbox: &mailbox });
        Ok(())
    }

    pub(super) fn release(
        &mut self,
        named: Option<&Nameplate>,
        turn: &mut Turn<'_, '_>,
    ) -> Result<(), Refusal> {
        if self.released {
            return Err("only one release per connection".into());
        }
        let nameplate = match (named, &self.nameplate) {
            (Some(named), Some(claimed)) if named != claimed => {
                return Err("release and claim must use same nameplate".into());
            }
            (Some(nameplate), _) | (None, Some(nameplate)) => nameplate,
            (None, None) => return Err("release without nameplate must follow claim".into()),
        };
        turn.exchange.release(&self.client, nameplate, turn.now)?;
        self.released = true;
        turn.answer(&Reply::Released);
        Ok(())
    }

    pub(super) fn open(
        &mut self,
        mailbox: MailboxId,
        turn: &mut Turn<'_, '_>,
    ) -> Result<(), Refusal> {
        if !matches!(self.mailbox, Opening::Never) {
            return Err("only one open per connection".into());
        }
        let stored = turn.exchange.open(&self.client, &mailbox, turn.now)?;
        self.mailbox = Opening::Open(mailbox);
        turn.out.replay(self.client.connection, stored, turn.now);
        Ok(())
    }

    pub(super) fn add(
        &self,
        addition: Addition<'_>,
        turn: &mut Turn<'_, '_>,
    ) -> Result<(), Refusal> {
        let Opening::Open(mailbox) = &self.mailbox else {
            return Err("must open mailbox before adding".into());
        };
        check_addition(&addition)?;
        let Broadcast { message, subscribers } =
            turn.exchange.add(&self.client, mailbox, addition, turn.now)?;
        reply::broadcast(&subscribers, &message, turn.now, turn.out);
        Ok(())
    }

    pub(super) fn close(
        &mut self,
        named: Option<&MailboxId>,
        mood: Option<Mood>,
        turn: &mut Turn<'_, '_>,
    ) -> Result<(), Refusal> {
        let mailbox = match (named, &self.mailbox) {
            (_, Opening::Closed) => return Err("only one close per connection".into()),
            (Some(named), Opening::Open(opened)) if named != opened => {
                return Err("open and close must use same mailbox".into());
            }
            (Some(mailbox), _) | (None, Opening::Open(mailbox)) => mailbox,
            (None, Opening::Never) => return Err("close without mailbox must follow open".into()),
        };
        turn.exchange.close(&self.client, mailbox, mood, turn.now)?;
        self.mailbox = Opening::Closed;
        turn.answer(&Reply::Closed);
        Ok(())
    }
}

/// A message is stored as it came and sent in JSON, where a control character is six times as long:
/// what is accepted here is never longer there than twice.
fn check_addition(addition: &Addition<'_>) -> Result<(), Refusal> {
    let body = addition.body.as_bytes();
    if !body.iter().all(u8::is_ascii_hexdigit) || !body.len().is_multiple_of(2) {
        return Err("'body' must be hex".into());
    }
    if !addition.phase.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return Err("'phase' must be printable ASCII".into());
    }
    Ok(())
}
