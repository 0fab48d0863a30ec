//! What strangers are held to, each limit by its name.

use wormhole_sync_wire::limits::MAX_FRAME;

/// What strangers are held to. Each limit is refused with a text that names it.
///
/// The defaults are this module's constants of the same names.
///
/// ```
/// use wormhole_sync_server::{Limits, exchange::{Exchange, embedded::Embedded}};
///
/// # use wormhole_sync_server::exchange::{Client, ConnectionId};
/// # let (connection, address) = (ConnectionId(1), None);
/// # let client = Client { connection, app: "chat".into(), side: "a".into(), address };
/// let limits = Limits { mailboxes: 0, ..Limits::default() }; // closed for today
/// let mut exchange = Embedded::new(limits, [1; 32]);
/// let refusal = exchange.allocate(&client, 0.0).unwrap_err();
/// assert!(refusal.0.contains("mailboxes"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one client message.
    pub message_bytes: usize,
    /// Bytes of one client message before `bind`. Never more than `message_bytes`.
    pub unbound_message_bytes: usize,
    /// Bytes of all clients' unfinished messages. When it is more, whoever is in the middle of one is
    /// closed, unless less than 16 KiB of it are there.
    pub incoming_bytes: usize,
    /// Bytes of the unfinished messages from one address, likewise.
    pub incoming_bytes_per_address: usize,
    /// Messages of one mailbox.
    pub mailbox_messages: usize,
    /// Bytes of one mailbox's messages.
    pub mailbox_bytes: usize,
    /// Mailboxes that one address made. Not kept over a restart, for addresses are never stored.
    pub mailboxes_per_address: usize,
    /// Mailboxes altogether.
    pub mailboxes: usize,
    /// Bytes of messages altogether.
    pub stored_bytes: usize,
    /// Bytes of messages that one address sent. Not kept over a restart, as above.
    pub stored_bytes_per_address: usize,
    /// Connections at a time from one address. IPv6 addresses count by their /64 network.
    pub connections_per_address: usize,
    /// Connections at a time altogether.
    pub connections: usize,
    /// Bytes of an HTTP request's head.
    pub head_bytes: usize,
    /// Bytes that may wait for a slow reader before its connection is closed. What a mailbox held
    /// when it was opened never counts, for it is sent as the reader reads.
    pub outbox_bytes: usize,
    /// Bytes that may wait for all slow readers. When more would, whoever is to get it is closed,
    /// unless no more than 64 KiB would wait for it.
    pub outboxes_bytes: usize,
    /// Bytes that may wait for the slow readers at one address, likewise.
    pub outboxes_bytes_per_address: usize,
    /// Bytes of the database file. Those limits of mailboxes and stored bytes that it could not
    /// hold are lowered, with a warning.
    pub database_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_bytes: MESSAGE_BYTES,
            unbound_message_bytes: UNBOUND_MESSAGE_BYTES,
            incoming_bytes: INCOMING_BYTES,
            incoming_bytes_per_address: INCOMING_BYTES_PER_ADDRESS,
            mailbox_messages: MAILBOX_MESSAGES,
            mailbox_bytes: MAILBOX_BYTES,
            mailboxes_per_address: MAILBOXES_PER_ADDRESS,
            mailboxes: MAILBOXES,
            stored_bytes: STORED_BYTES,
            stored_bytes_per_address: STORED_BYTES_PER_ADDRESS,
            connections_per_address: CONNECTIONS_PER_ADDRESS,
            connections: CONNECTIONS,
            head_bytes: HEAD_BYTES,
            outbox_bytes: OUTBOX_BYTES,
            outboxes_bytes: OUTBOXES_BYTES,
            outboxes_bytes_per_address: OUTBOXES_BYTES_PER_ADDRESS,
            database_bytes: DATABASE_BYTES,
        }
    }
}

/// Bytes of one client message, 1 MiB: what one stranger makes the server hold while it comes in.
///
/// ```
/// use wormhole_sync_server::{Limits, config::MESSAGE_BYTES};
///
/// // for short messages
/// let limits = Limits { message_bytes: 64 << 10, ..Limits::default() };
/// # assert_ne!(limits, Limits::default());
/// assert_eq!(Limits::default().message_bytes, MESSAGE_BYTES);
/// ```
pub const MESSAGE_BYTES: usize = MAX_FRAME;

/// Bytes of one client message before `bind`, 4 KiB: whoever has said nothing yet has nothing long to
/// say.
///
/// ```
/// use wormhole_sync_server::{Limits, config::UNBOUND_MESSAGE_BYTES};
///
/// // for clients that tell much about themselves
/// let limits = Limits { unbound_message_bytes: 4 * UNBOUND_MESSAGE_BYTES, ..Limits::default() };
/// # assert_ne!(limits, Limits::default());
/// assert_eq!(Limits::default().unbound_message_bytes, UNBOUND_MESSAGE_BYTES);
/// ```
pub const UNBOUND_MESSAGE_BYTES: usize = 4 << 10;

/// Bytes of all clients' unfinished messages together, 256 MiB: many strangers can each begin a long
/// message and never end it.
///
/// ```
/// use wormhole_sync_server::{Limits, config::INCOMING_BYTES};
///
/// // a small machine
/// let limits = Limits { incoming_bytes: INCOMING_BYTES / 8, ..Limits::default() };
/// # assert_ne!(limits, Limits::default());
/// assert_eq!(Limits::default().incoming_bytes, INCOMING_BYTES);
/// ```
pub const INCOMING_BYTES: usize = 256 << 20;

/// Bytes of the unfinished messages from one address, 16 MiB: or two strangers who never end theirs
/// could keep everybody else from saying anything long.
///
/// ```
/// use wormhole_sync_server::{Limits, config::INCOMING_BYTES_PER_ADDRESS};
///
/// // for many clients behind one address
/// let bytes = 4 * INCOMING_BYTES_PER_ADDRESS;
/// let limits = Limits { incoming_bytes_per_address: bytes, ..Limits::default() };
/// # assert_ne!(limits, Limits::default());
/// assert_eq!(Limits::default().incoming_bytes_per_address, INCOMING_BYTES_PER_ADDRESS);
/// ```
pub const INCOMING_BYTES_PER_ADDRESS: usize = 16 << 20;

/// Messages of one mailbox: bounds how many small messages one pair can leave behind.
///
/// ```
/// use wormhole_sync_server::{Limits, config::MAILBOX_MESSAGES};
///
/// // for short exchanges
/// let limits = Limits { mailbox_messages: MAILBOX_MESSAGES / 8, ..Limits::default() };
/// # assert_ne!(limits, Limits::default());
/// assert_eq!(Limits::default().mailbox_messages, MAILBOX_MESSAGES);
/// ```
pub const MAILBOX_MESSAGES: usize = 4096;

/// Bytes of one mailbox's messages, 4 MiB: bounds what one pair can store.
///
/// ```
/// use wormhole_sync_server::{Limits, config::MAILBOX_BYTES};
///
/// // for large exchanges
/// let limits = Limits { mailbox_bytes: 2 * MAILBOX_BYTES, ..Limits::default() };
/// # assert_ne!(limits, Limits::default());
/// assert_eq!(Limits::default().mailbox_bytes, MAILBOX_BYTES);
/// ```
pub const MAILBOX_BYTES: usize = 4 << 20;

/// Mailboxes that one address made and that still exist: bounds what one stranger can store.
///
/// ```
/// use wormhole_sync_server::{Limits, config::MAILBOXES_PER_ADDRESS};
///
/// // behind a shared address
/// let limits = Limits { mailboxes_per_address: 2_000, ..Limits::default() };
/// # assert_ne!(limits, Limits::default());
/// assert_eq!(Limits::default().mailboxes_per_address, MAILBOXES_PER_ADDRESS);
/// ```
pub const MAILBOXES_PER_ADDRESS: usize = 128;

/// Mailboxes of all addresses together: bounds what many strangers can store.
///
/// ```
/// use wormhole_sync_server::{Limits, config::MAILBOXES};
///
/// // a small machine
/// let limits = Limits { mailboxes: MAILBOXES / 10, ..Limits::default() };
/// # assert_ne!(limits, Limits::default());
/// assert_eq!(Limits::default().mailboxes, MAILBOXES);
/// ```
pub const MAILBOXES: usize = 200_000;

/// Bytes of all mailboxes' messages together, 1 GiB: they are held in memory, too.
///
/// ```
/// use wormhole_sync_server::{Limits, config::STORED_BYTES};
///
/// // a small machine
/// let limits = Limits { stored_bytes: STORED_BYTES / 10, ..Limits::default() };
/// # assert_ne!(limits, Limits::default());
/// assert_eq!(Limits::default().stored_bytes, STORED_BYTES);
/// ```
pub const STORED_BYTES: usize = 1 << 30;

/// Bytes of messages that one address sent and that are still stored, 32 MiB: full mailboxes that
/// somebody listens to are never pruned, so without this one stranger could fill the server.
///
/// ```
/// use wormhole_sync_server::{Limits, config::STORED_BYTES_PER_ADDRESS};
///
/// // behind a shared address
/// let limits = Limits { stored_bytes_per_address: 512 << 20, ..Limits::default() };
/// # assert_ne!(limits, Limits::default());
/// assert_eq!(Limits::default().stored_bytes_per_address, STORED_BYTES_PER_ADDRESS);
/// ```
pub const STORED_BYTES_PER_ADDRESS: usize = 32 << 20;

/// Connections at a time from one address: bounds the sockets that one stranger can hold.
///
/// ```
/// use wormhole_sync_server::{Limits, config::CONNECTIONS_PER_ADDRESS};
///
/// // behind a shared address
/// let limits = Limits { connections_per_address: 2_000, ..Limits::default() };
/// # assert_ne!(limits, Limits::default());
/// assert_eq!(Limits::default().connections_per_address, CONNECTIONS_PER_ADDRESS);
/// ```
pub const CONNECTIONS_PER_ADDRESS: usize = 128;

/// Connections at a time from all addresses together.
///
/// ```
/// use wormhole_sync_server::{Limits, config::CONNECTIONS};
///
/// // a small machine
/// let limits = Limits { connections: CONNECTIONS / 10, ..Limits::default() };
/// # assert_ne!(limits, Limits::default());
/// assert_eq!(Limits::default().connections, CONNECTIONS);
/// ```
pub const CONNECTIONS: usize = 100_000;

/// Bytes of an HTTP request's head, 8 KiB.
///
/// ```
/// use wormhole_sync_server::{Limits, config::HEAD_BYTES};
///
/// // behind a chatty proxy
/// let limits = Limits { head_bytes: 2 * HEAD_BYTES, ..Limits::default() };
/// # assert_ne!(limits, Limits::default());
/// assert_eq!(Limits::default().head_bytes, HEAD_BYTES);
/// ```
pub const HEAD_BYTES: usize = 8 << 10;

/// Bytes that may wait for a client that reads too slowly, 8 MiB.
///
/// ```
/// use wormhole_sync_server::{Limits, config::OUTBOX_BYTES};
///
/// // a small machine
/// let limits = Limits { outbox_bytes: OUTBOX_BYTES / 4, ..Limits::default() };
/// # assert_ne!(limits, Limits::default());
/// assert_eq!(Limits::default().outbox_bytes, OUTBOX_BYTES);
/// ```
pub const OUTBOX_BYTES: usize = 8 << 20;

/// Bytes that may wait for all who read too slowly together, 256 MiB: many strangers from many
/// addresses can be slow at once.
///
/// ```
/// use wormhole_sync_server::{Limits, config::OUTBOXES_BYTES};
///
/// // a small machine
/// let limits = Limits { outboxes_bytes: OUTBOXES_BYTES / 8, ..Limits::default() };
/// # assert_ne!(limits, Limits::default());
/// assert_eq!(Limits::default().outboxes_bytes, OUTBOXES_BYTES);
/// ```
pub const OUTBOXES_BYTES: usize = 256 << 20;

/// Bytes that may wait for those at one address who read too slowly, 32 MiB: or two strangers who
/// read nothing could keep everybody else from getting anything long.
///
/// ```
/// use wormhole_sync_server::{Limits, config::OUTBOXES_BYTES_PER_ADDRESS};
///
/// // for many clients behind one address
/// let bytes = 2 * OUTBOXES_BYTES_PER_ADDRESS;
/// let limits = Limits { outboxes_bytes_per_address: bytes, ..Limits::default() };
/// # assert_ne!(limits, Limits::default());
/// assert_eq!(Limits::default().outboxes_bytes_per_address, OUTBOXES_BYTES_PER_ADDRESS);
/// ```
pub const OUTBOXES_BYTES_PER_ADDRESS: usize = 32 << 20;

/// Nameplates that a `list` tells at most, the shortest first: one stranger's thousands must not
/// make the answer longer than the others' clients take.
///
/// ```
/// use wormhole_sync_server::{config::LISTED_NAMEPLATES, exchange::embedded::Embedded};
///
/// # use wormhole_sync_server::{Limits, exchange::{Client, ConnectionId, Exchange}};
/// # let (connection, app, side) = (ConnectionId(1), "example.com/chat".into(), "a".into());
/// # let client = Client { connection, app, side, address: None };
/// # let mut exchange = Embedded::new(Limits::default(), [1; 32]);
/// for number in 0..LISTED_NAMEPLATES + 7 {
///     # let number = wormhole_sync_wire::Nameplate::new(number.to_string()).unwrap();
///     exchange.claim(&client, &number, None, 0.0)?;
/// }
/// assert_eq!(exchange.list(&client).len(), LISTED_NAMEPLATES);
/// # Ok::<(), wormhole_sync_wire::Refusal>(())
/// ```
pub const LISTED_NAMEPLATES: usize = 10_000;

/// Bytes of the database file, 8 GiB: the disk belongs to others, too.
///
/// ```
/// use wormhole_sync_server::{Limits, config::DATABASE_BYTES};
///
/// // a small disk
/// let limits = Limits { database_bytes: DATABASE_BYTES / 8, ..Limits::default() };
/// # assert_ne!(limits, Limits::default());
/// assert_eq!(Limits::default().database_bytes, DATABASE_BYTES);
/// ```
pub const DATABASE_BYTES: u64 = 8 << 30;

/// Hashcash stamps that are remembered so that each is good once.
///
/// ```
/// use wormhole_sync_server::{config::REMEMBERED_STAMPS, exchange::{Exchange, embedded::Embedded}};
///
/// # use wormhole_sync_server::Limits;
/// let mut exchange = Embedded::new(Limits::default(), [1; 32]);
/// assert!(exchange.spend([0xff; 20], 20_000));
/// for number in 1..REMEMBERED_STAMPS {
///     let mut stamp = [0; 20];
///     stamp[..8].copy_from_slice(&number.to_le_bytes());
///     exchange.spend(stamp, 20_000);
/// }
/// assert!(!exchange.spend([0xff; 20], 20_000)); // still known
/// ```
pub const REMEMBERED_STAMPS: usize = 65_536;
