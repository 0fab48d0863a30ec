//! What is wanted of the server, and how much of it is confirmed.

use wormhole_sync_wire::{MailboxId, Mood, Nameplate};

use crate::Moment;

/// What is wanted of a nameplate. Its confirmation moves the wish on.
pub(super) enum NameplateWish {
    Nothing,
    Allocated,
    Claimed { nameplate: Nameplate, confirmed: bool },
    Released { nameplate: Nameplate },
    Gone,
}

/// What is wanted of the mailbox. Its id is known once a claim was answered.
pub(super) enum MailboxWish {
    Open { id: Option<MailboxId>, session: Option<Session> },
    Closed { id: Option<MailboxId>, session: Option<Session>, mood: Mood, said: bool },
    Gone,
}

/// The mailbox as this connection has it open.
#[derive(Clone, Copy)]
pub(super) struct Session {
    /// The value of the ping behind the replay, until its answer ends the replay.
    pub(super) barrier: Option<u64>,
    /// A message of the peer's has come: it is here, or has been since the server forgot.
    pub(super) peer_seen: bool,
    /// The server had forgotten what was stored: until when the peer is waited for before leaving.
    pub(super) linger: Option<Moment>,
}

impl MailboxWish {
    pub(super) const fn id(&self) -> Option<&MailboxId> {
        match self {
            Self::Open { id, .. } | Self::Closed { id, .. } => id.as_ref(),
            Self::Gone => None,
        }
    }

    pub(super) const fn session(&mut self) -> Option<&mut Option<Session>> {
        match self {
            Self::Open { session, .. } | Self::Closed { session, .. } => Some(session),
            Self::Gone => None,
        }
    }
}
