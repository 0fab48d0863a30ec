//! What changed, in the order in which it did: all that a store needs to know.

use std::sync::Arc;

use wormhole_sync_wire::{MailboxId, Mood, Nameplate};

use super::{Message, sides::Sides};

/// One change. Applying it twice is the same as applying it once.
///
/// ```
/// # use wormhole_sync_server::{Limits, exchange::{Client, ConnectionId, Exchange, embedded::Embedded}};
/// # use wormhole_sync_server::exchange::journal::Entry;
/// # let client = |number, side: &str| Client {
/// #     connection: ConnectionId(number),
/// #     app: "example.com/chat".into(),
/// #     side: side.into(),
/// #     address: None,
/// # };
/// # let (one, other) = (client(1, "a"), client(2, "b"));
/// # let mut exchange = Embedded::new(Limits::default(), [1; 32]);
/// exchange.allocate(&one, 0.0)?;
/// let journal = exchange.take_journal();
/// assert!(matches!(&journal[..], [Entry::PutMailbox(_), Entry::PutNameplate(_)]));
/// # drop(other);
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
/// # use wormhole_sync_server::{Limits, exchange::{Client, ConnectionId, Exchange, embedded::Embedded}};
/// # use wormhole_sync_server::exchange::journal::Entry;
/// # let client = |number, side: &str| Client {
/// #     connection: ConnectionId(number),
/// #     app: "example.com/chat".into(),
/// #     side: side.into(),
/// #     address: None,
/// # };
/// # let (one, other) = (client(1, "a"), client(2, "b"));
/// # let mut exchange = Embedded::new(Limits::default(), [1; 32]);
/// # exchange.allocate(&one, 0.0)?;
/// # let journal = exchange.take_journal();
/// let Entry::PutMailbox(row) = &journal[0] else { panic!("a mailbox was made") };
/// assert_eq!((&*row.app, row.sides.find("a").is_some()), ("example.com/chat", true));
/// # drop(other);
/// # Ok::<(), wormhole_sync_wire::Refusal>(())
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
/// # use wormhole_sync_server::{Limits, exchange::{Client, ConnectionId, Exchange, embedded::Embedded}};
/// # use wormhole_sync_server::exchange::journal::{Entry, Opened};
/// # let client = |number, side: &str| Client {
/// #     connection: ConnectionId(number),
/// #     app: "example.com/chat".into(),
/// #     side: side.into(),
/// #     address: None,
/// # };
/// # let (one, other) = (client(1, "a"), client(2, "b"));
/// # let mut exchange = Embedded::new(Limits::default(), [1; 32]);
/// # exchange.allocate(&one, 0.0)?;
/// # let journal = exchange.take_journal();
/// # let Entry::PutMailbox(row) = &journal[0] else { panic!("a mailbox was made") };
/// let side: &Opened = row.sides.find("a").unwrap();
/// assert_eq!((side.since, side.open, side.mood), (0.0, true, None));
/// # drop(other);
/// # Ok::<(), wormhole_sync_wire::Refusal>(())
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
/// # use wormhole_sync_server::{Limits, exchange::{Client, ConnectionId, Exchange, embedded::Embedded}};
/// # use wormhole_sync_server::exchange::journal::Entry;
/// # let client = |number, side: &str| Client {
/// #     connection: ConnectionId(number),
/// #     app: "example.com/chat".into(),
/// #     side: side.into(),
/// #     address: None,
/// # };
/// # let (one, other) = (client(1, "a"), client(2, "b"));
/// # let mut exchange = Embedded::new(Limits::default(), [1; 32]);
/// let nameplate = exchange.allocate(&one, 0.0)?;
/// # let journal = exchange.take_journal();
/// let Entry::PutNameplate(row) = &journal[1] else { panic!("a nameplate was made") };
/// assert_eq!((&row.name, row.allocated, row.sides.find("a")), (&nameplate, true, Some(&true)));
/// # drop(other);
/// # Ok::<(), wormhole_sync_wire::Refusal>(())
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
