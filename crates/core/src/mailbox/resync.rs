//! Saying what is not confirmed.

use wormhole_sync_wire::{ClientMessage, Mood};

use super::{
    Effect, Mailbox,
    wish::{MailboxWish, NameplateWish, Session},
};

impl Mailbox {
    /// Says everything that the server has not confirmed, on a connection that it knows nothing of.
    pub(super) fn resync(&mut self) {
        self.connection.bound = true;
        let bind = ClientMessage::Bind {
            app_id: self.identity.app_id.clone(),
            side: self.identity.side.clone(),
            client_version: Some(self.identity.client_version.clone()),
        };
        self.say(&bind);
        if self.list_wanted {
            self.say(&ClientMessage::List);
        }
        self.sync_nameplate();
        self.sync_mailbox();
        self.finish_if_done();
    }

    /// Whether the answer to a claim decides which mailbox is to be opened.
    pub(super) const fn is_claiming(&self) -> bool {
        matches!(
            self.nameplate,
            NameplateWish::Allocated | NameplateWish::Claimed { confirmed: false, .. }
        )
    }

    pub(super) const fn is_closing(&self) -> bool {
        !matches!(self.mail, MailboxWish::Open { .. })
    }

    pub(super) fn sync_nameplate(&mut self) {
        if !self.connection.bound {
            return;
        }
        match &self.nameplate {
            NameplateWish::Allocated => {
                self.asked = true;
                self.say(&ClientMessage::Allocate);
            }
            NameplateWish::Claimed { nameplate, confirmed: false } => {
                let (nameplate, mailbox) = (nameplate.clone(), self.mail.id().cloned());
                self.asked = true;
                self.say(&ClientMessage::Claim { nameplate, mailbox });
            }
            NameplateWish::Released { nameplate } => {
                self.say(&ClientMessage::Release(Some(nameplate.clone())));
            }
            NameplateWish::Claimed { .. } | NameplateWish::Nothing | NameplateWish::Gone => {}
        }
    }

    pub(super) fn sync_mailbox(&mut self) {
        if !self.connection.bound || self.is_claiming() {
            return;
        }
        let Some(session) = self.opened_session() else { return };
        for add in self.outbox.due(session.barrier.is_none()) {
            self.say(&add);
        }
        if let MailboxWish::Closed { id, mood, said: said @ false, .. } = &mut self.mail
            && self.outbox.is_stored()
            // An alarm is not kept back for a last message that the peer may lack.
            && (session.linger.is_none() || *mood != Mood::Happy)
        {
            *said = true;
            let close = ClientMessage::Close { mailbox: id.clone(), mood: Some(*mood) };
            self.say(&close);
        }
    }

    /// The mailbox as this connection has it open, opening it if its id is known.
    fn opened_session(&mut self) -> Option<Session> {
        let id = self.mail.id()?.clone();
        let session = self.mail.session()?;
        if let Some(session) = session {
            return Some(*session);
        }
        let barrier = self.outbox.may_be_stored().then_some(self.barriers + 1);
        let opened = *session.insert(Session { barrier, peer_seen: false, linger: None });
        self.say(&ClientMessage::Open(id));
        if let Some(barrier) = barrier {
            self.barriers = barrier;
            self.say(&ClientMessage::Ping(barrier.to_string().into()));
        }
        Some(opened)
    }

    pub(super) fn say(&mut self, message: &ClientMessage<'_>) {
        self.sent += 1;
        let frame = message.encode(&format!("{:x}", self.sent));
        self.effect(Effect::Transmit(frame));
    }
}
