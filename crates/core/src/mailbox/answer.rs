//! What the server says, and what it confirms.

use rand_core::RngCore;
use serde_json::Value;
use wormhole_sync_wire::{
    MailboxId, Nameplate, Phase, Relayed, ServerMessage, Welcome, hex,
    server_message::{HashcashRequired, ListedNameplate},
};

use super::{
    Effect, Fact, Mailbox, Permission, Sealed,
    wish::{MailboxWish, NameplateWish},
};
use crate::{error::Error, hashcash::Challenge};

impl Mailbox {
    pub(super) fn obey(&mut self, message: ServerMessage) {
        match message {
            ServerMessage::Welcome { welcome } => self.welcomed(welcome),
            ServerMessage::Nameplates { nameplates } => self.listed(nameplates),
            ServerMessage::Allocated { nameplate } => self.allocated(nameplate),
            ServerMessage::Claimed { mailbox } => self.claimed(mailbox),
            ServerMessage::Released => self.released(),
            ServerMessage::Message(message) => self.message(message),
            ServerMessage::Closed => self.closed(),
            ServerMessage::Pong { pong } => self.pong(pong.as_u64()),
            ServerMessage::Error { error, orig, temporary } => {
                let text = |key| orig.get(key).and_then(Value::as_str);
                let number = text("id").and_then(|id| u64::from_str_radix(id, 16).ok());
                match text("type") {
                    // Said in a hope that came to nothing, and to be said again anyhow.
                    Some(_) if number.is_some_and(|number| number <= self.hope.said) => {}
                    Some("list") => self.listed(Vec::new()),
                    Some(_) if temporary => self.put_off(error),
                    Some(request) => self.refused(request, error),
                    // About no request of ours, so about the connection: the next may do better.
                    None => self.drop_link(),
                }
            }
            ServerMessage::Ack | ServerMessage::Unknown => {}
        }
    }

    fn welcomed(&mut self, welcome: Welcome) {
        if std::mem::replace(&mut self.connection.welcomed, true) {
            return; // one for each connection, or a server could ask for work without end
        }
        if let Some(reason) = welcome.error.clone() {
            self.tell(Fact::Failed(Error::Unwelcome(reason)));
            return;
        }
        let required =
            welcome.permission_required.clone().filter(|required| required.none.is_none());
        self.tell(Fact::Welcome(welcome));
        match required {
            None if self.connection.bound => {}
            None => {
                self.permission = Permission::Given;
                self.resync();
            }
            Some(required) => {
                self.hope.said = self.sent;
                self.asked = self.hope.asked_before;
                self.forget_connection();
                self.permission = Permission::Awaited;
                self.connection.welcomed = true;
                self.work(required.hashcash);
            }
        }
    }

    fn work(&mut self, hashcash: Option<HashcashRequired>) {
        let most = self.identity.max_hashcash_bits;
        match hashcash {
            None => self.give_up(Error::UnknownPermission),
            Some(asked) if asked.bits > most => {
                self.give_up(Error::TooMuchWork { bits: asked.bits, most });
            }
            Some(asked) => {
                let mut salt = [0; 12];
                self.random.fill_bytes(&mut salt);
                self.permission = Permission::Working;
                self.tell(Fact::Working { bits: asked.bits });
                self.effect(Effect::Work(Challenge {
                    bits: asked.bits,
                    resource: asked.resource,
                    salt,
                }));
            }
        }
    }

    fn listed(&mut self, nameplates: Vec<ListedNameplate>) {
        if !std::mem::take(&mut self.list_wanted) {
            return;
        }
        let nameplates = nameplates.into_iter().map(|listed| listed.id).collect();
        self.tell(Fact::Nameplates(nameplates));
    }

    fn allocated(&mut self, nameplate: Nameplate) {
        if matches!(self.nameplate, NameplateWish::Allocated) {
            self.link.served();
            self.tell(Fact::Allocated(nameplate.clone()));
            self.claim(nameplate);
        }
    }

    fn claimed(&mut self, claimed: MailboxId) {
        // One answer for each claim, or a server could have this side say all again without end.
        let NameplateWish::Claimed { confirmed: confirmed @ false, .. } = &mut self.nameplate
        else {
            return;
        };
        *confirmed = true;
        self.link.served();
        let (MailboxWish::Open { id, session } | MailboxWish::Closed { id, session, .. }) =
            &mut self.mail
        else {
            return;
        };
        match id.replace(claimed) {
            None => self.tell(Fact::Claimed),
            Some(before) if Some(&before) != id.as_ref() => {
                *session = None;
                self.outbox.forget();
            }
            Some(_) => {}
        }
        if self.is_closing() {
            self.release();
        }
        self.sync_mailbox();
    }

    fn released(&mut self) {
        if matches!(self.nameplate, NameplateWish::Released { .. }) {
            self.nameplate = NameplateWish::Gone;
            self.finish_if_done();
        }
    }

    fn message(&mut self, message: Relayed) {
        let Some(phase) = Phase::parse(&message.phase) else { return };
        if message.side == self.identity.side {
            if let Some(body) = hex::decode(&message.body) {
                self.outbox.echo(&phase, &body);
                self.link.served();
                self.sync_mailbox();
            }
            return;
        }
        if self.peer.as_ref() == Some(&message.side)
            && let Some(Some(session)) = self.mail.session()
        {
            session.peer_seen = true;
            session.linger = None;
            self.sync_mailbox();
        }
        // A body that is not hex opens under no key: the empty one says the same.
        let body = hex::decode(&message.body).unwrap_or_default();
        self.tell(Fact::Message(Sealed { side: message.side, phase, body }));
    }

    fn pong(&mut self, value: Option<u64>) {
        if let Some(Some(session)) = self.mail.session()
            && session.barrier.is_some()
            && session.barrier == value
        {
            session.barrier = None;
            if self.outbox.misses_stored() && !session.peer_seen {
                session.linger = Some(self.now + self.link.others_return());
            }
            self.sync_mailbox();
        }
    }

    fn closed(&mut self) {
        if matches!(self.mail, MailboxWish::Closed { said: true, .. }) {
            self.mail = MailboxWish::Gone;
            self.finish_if_done();
        }
    }

    /// The server cannot do for now what it was asked. After a pause, on a new connection, all that it
    /// has not confirmed is said again.
    fn put_off(&mut self, reason: String) {
        self.tell(Fact::Delayed { reason });
        self.link.put_off();
        self.drop_link();
    }

    fn refused(&mut self, request: &str, reason: String) {
        let is_leaving = self.is_closing();
        match request {
            // What was never asked for cannot be refused.
            "open" | "close" if self.mail.id().is_none() => return,
            "release" if !matches!(self.nameplate, NameplateWish::Released { .. }) => return,
            // The mailbox is known: a server that lets nobody claim twice may still know it too.
            "claim" if self.mail.id().is_some() => {
                if let Some(id) = self.mail.id().cloned() {
                    self.claimed(id);
                }
                return;
            }
            // What the server refused to give need not be given back.
            "bind" | "allocate" | "claim" => {
                self.nameplate = NameplateWish::Gone;
                self.mail = MailboxWish::Gone;
            }
            "release" => self.nameplate = NameplateWish::Gone,
            "open" | "close" => {
                self.release(); // or nobody ever would: leaving begins with an open mailbox
                self.mail = MailboxWish::Gone;
            }
            _ => {}
        }
        // A nameplate that the server does not take back is no loss; and on the way out such a
        // refusal is as good as a confirmation.
        if !(request == "release" || is_leaving && request == "close") {
            self.tell(Fact::Failed(match (request, &*reason) {
                ("claim" | "open", "crowded") => Error::Crowded,
                _ => Error::Refused { request: request.to_owned(), reason },
            }));
        }
        self.finish_if_done();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
    use wormhole_sync_wire::{AppId, Mood, Side};

    use super::*;
    use crate::{
        Moment,
        mailbox::{Identity, Output, Timer},
    };

    const BACK: Moment = Duration::from_secs(10);

    fn identity() -> Identity {
        Identity {
            app_id: AppId::new("app").unwrap(),
            side: Side::new("ours").unwrap(),
            client_version: ("test".into(), "0".into()),
            max_hashcash_bits: 0,
        }
    }

    /// A side that has met `peer`, has stored a message and leaves, back at a server that forgot it.
    fn leaving(peer: &str) -> Mailbox {
        let mut mailbox = Mailbox::new(identity(), ChaCha20Rng::from_seed([1; 32]));
        mailbox.connect(Moment::ZERO);
        mailbox.opened(Moment::ZERO);
        mailbox.claim(Nameplate::new("4").unwrap());
        mailbox.received(r#"{"type":"claimed","mailbox":"m"}"#, Moment::ZERO);
        mailbox.add(Phase::Numbered(0), vec![1]);
        let echo = r#"{"type":"message","side":"ours","phase":"0","body":"01"}"#;
        mailbox.received(echo, Moment::ZERO);
        mailbox.met(Side::new(peer).unwrap());
        mailbox.close(Mood::Happy);
        mailbox.lost(Moment::ZERO);
        mailbox.timeout(BACK);
        mailbox.opened(BACK);
        mailbox
    }

    #[test]
    fn a_server_that_changes_its_mind_about_the_mailbox_is_heard_once_for_each_connection() {
        let mut mailbox = Mailbox::new(identity(), ChaCha20Rng::from_seed([1; 32]));
        mailbox.connect(Moment::ZERO);
        mailbox.opened(Moment::ZERO);
        mailbox.claim(Nameplate::new("4").unwrap());
        mailbox.add(Phase::Numbered(0), vec![1]);
        let mut said = || {
            for name in ["m", "n", "m", "n"] {
                mailbox.received(&format!(r#"{{"type":"claimed","mailbox":"{name}"}}"#), BACK);
            }
            let mut said = 0;
            while let Some(output) = mailbox.poll() {
                said += usize::from(matches!(output, Output::Effect(Effect::Transmit(_))));
            }
            said
        };
        assert_eq!(said(), 4, "bind, claim, open and add");
        assert_eq!(said(), 0);
    }

    fn lingers_after(mut mailbox: Mailbox, side: &str) -> bool {
        let message = format!(r#"{{"type":"message","side":"{side}","phase":"9","body":""}}"#);
        mailbox.received(&message, BACK);
        mailbox.received(r#"{"type":"pong","pong":1}"#, BACK);
        matches!(mailbox.deadline(), Some((_, Timer::Linger)))
    }

    #[test]
    fn the_peer_is_waited_for_and_no_third_side_counts_as_it() {
        assert!(!lingers_after(leaving("theirs"), "theirs"));
        assert!(lingers_after(leaving("theirs"), "third"));
    }
}
