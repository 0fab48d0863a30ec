//! What changed, in the order in which it did: all that a store needs to know.

use std::sync::Arc;

use wormhole_sync_wire::{MailboxId, Mood, Nameplate};

use super::{Message, sides::Sides};

/// One change. Applying it twice is the same as applying it once.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// A mailbox is there, or its sides have changed.
    PutMailbox(MailboxRow),
    /// A mailbox is gone, with its messages.
    DropMailbox {
        /// Its number.
        row: u64,
    },
    /// A message was added.
    PutMessage {
        /// Its mailbox's number.
        mailbox: u64,
        /// How many came before it.
        number: u64,
        /// The message.
        message: Arc<Message>,
    },
    /// A nameplate is there, or its sides have changed.
    PutNameplate(NameplateRow),
    /// A nameplate is gone.
    DropNameplate {
        /// Its number.
        row: u64,
    },
}

/// A mailbox as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct MailboxRow {
    /// Its number, never used again.
    pub row: u64,
    /// The application's id.
    pub app: Arc<str>,
    /// Its name.
    pub name: MailboxId,
    /// Its sides.
    pub sides: Sides<Opened>,
}

/// A side of a mailbox.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Opened {
    /// When it came, in Unix seconds.
    pub since: f64,
    /// Whether it has not closed.
    pub open: bool,
    /// The mood in which it closed.
    pub mood: Option<Mood>,
}

/// A nameplate as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct NameplateRow {
    /// Its number, never used again.
    pub row: u64,
    /// The application's id.
    pub app: Arc<str>,
    /// Its name.
    pub name: Nameplate,
    /// The number of its mailbox.
    pub mailbox: u64,
    /// Whether its first side allocated it, rather than claimed it by name.
    pub allocated: bool,
    /// Its sides, and whether each still claims it.
    pub sides: Sides<bool>,
}

/// All that a store holds, to start from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// The mailboxes.
    pub mailboxes: Vec<MailboxRow>,
    /// The nameplates.
    pub nameplates: Vec<NameplateRow>,
    /// The messages with their mailboxes' numbers, in the order in which each mailbox got them.
    pub messages: Vec<(u64, Message)>,
}
