//! What changed, in the order in which it did: all that a store needs to know.

use std::sync::Arc;

use wormhole_sync_wire::{MailboxId, Mood, Nameplate};

use super::{Message, sides::Sides};

/// One change. Applying it twice is the same as applying it once.
///
/// ```
/// use wormhole_sync_server::exchange::{embedded::Embedded, journal::Entry};
///
/// # use wormhole_sync_server::{Limits, exchange::{Client, ConnectionId, Exchange}};
/// # let (connection, app, side) = (ConnectionId(1), "example.com/chat".into(), "a".into());
/// # let client = Client { connection, app, side, address: None };
/// # let mut exchange = Embedded::new(Limits::default(), [1; 32]);
/// exchange.allocate(&client, 0.0)?;
/// let journal = exchange.take_journal();
/// assert!(matches!(&journal[..], [Entry::PutMailbox(_), Entry::PutNameplate(_)]));
/// # Ok::<(), wormhole_sync_wire::Refusal>(())
/// ```
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
///
/// ```
/// use wormhole_sync_server::exchange::{journal::MailboxRow, sides::Sides};
///
/// let (app, name) = ("example.com/chat".into(), MailboxId::new("kd3mp4vq2t6ya")?);
/// let row = MailboxRow { row: 1, app, name, sides: Sides::default() };
/// assert_eq!(row.sides.iter().count(), 0);
/// # use wormhole_sync_wire::MailboxId;
/// # Ok::<(), wormhole_sync_wire::InvalidName>(())
/// ```
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
///
/// ```
/// use wormhole_sync_server::exchange::{journal::Opened, sides::Sides};
///
/// let mut sides = Sides::default();
/// sides.admit(&"a".into(), Opened { since: 7.5, open: true, mood: None });
/// assert!(sides.find("a").is_some_and(|side| side.open));
/// ```
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
///
/// ```
/// use wormhole_sync_server::exchange::{journal::NameplateRow, sides::Sides};
///
/// let (app, name) = ("example.com/chat".into(), Nameplate::new("4")?);
/// let sides = Sides::default();
/// let mut row = NameplateRow { row: 2, app, name, mailbox: 1, allocated: true, sides };
/// row.sides.admit(&"a".into(), true); // claims it
/// assert_eq!(row.sides.find("a"), Some(&true));
/// # use wormhole_sync_wire::Nameplate;
/// # Ok::<(), wormhole_sync_wire::InvalidName>(())
/// ```
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
///
/// ```
/// use wormhole_sync_server::store::Store;
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("mailbox.sqlite");
/// let snapshot = Store::open(&path, 1 << 30)?.load()?;
/// assert!(snapshot.mailboxes.is_empty() && snapshot.messages.is_empty()); // a new database
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// The mailboxes.
    pub mailboxes: Vec<MailboxRow>,
    /// The nameplates.
    pub nameplates: Vec<NameplateRow>,
    /// The messages with their mailboxes' numbers, in the order in which each mailbox got them.
    pub messages: Vec<(u64, Message)>,
}
