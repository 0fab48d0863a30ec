//! The settings of a mailbox server, and its named limits.

use std::{net::IpAddr, path::PathBuf, time::Duration};

use wormhole_sync_wire::limits::MAX_FRAME;

/// Bytes of one client message, 1 MiB: what one stranger makes the server hold while it comes in.
pub const MESSAGE_BYTES: usize = MAX_FRAME;

/// Messages of one mailbox: bounds how many small messages one pair can leave behind.
pub const MAILBOX_MESSAGES: usize = 4096;

/// Bytes of one mailbox's messages, 4 MiB: bounds what one pair can store.
pub const MAILBOX_BYTES: usize = 4 << 20;

/// Mailboxes that one address made and that still exist: bounds what one stranger can store.
pub const MAILBOXES_PER_ADDRESS: usize = 128;

/// Mailboxes of all addresses together: bounds what many strangers can store.
pub const MAILBOXES: usize = 200_000;

/// Bytes of all mailboxes' messages together, 1 GiB: they are held in memory, too.
pub const STORED_BYTES: usize = 1 << 30;

/// Connections at a time from one address: bounds the sockets that one stranger can hold.
pub const CONNECTIONS_PER_ADDRESS: usize = 128;

/// Connections at a time from all addresses together.
pub const CONNECTIONS: usize = 100_000;

/// Bytes of an HTTP request's head, 8 KiB.
pub const HEAD_BYTES: usize = 8 << 10;

/// Bytes that may wait for a client that reads too slowly, 8 MiB.
pub const OUTBOX_BYTES: usize = 8 << 20;

/// Bytes that may wait for all who read too slowly together, 256 MiB: many strangers from many
/// addresses can be slow at once.
pub const OUTBOXES_BYTES: usize = 256 << 20;

/// Bytes of the database file, 8 GiB: the disk belongs to others, too.
pub const DATABASE_BYTES: u64 = 8 << 30;

/// Hashcash stamps that are remembered so that each is good once.
pub const REMEMBERED_STAMPS: usize = 65_536;

/// The shortest that anything lasts: a timer of nothing would keep the server busy with itself.
pub const MOMENT: Duration = Duration::from_millis(1);

/// The settings of one server. The defaults suit a public server of moderate size.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Where nameplates, mailboxes and messages are kept. Default: in memory.
    pub database: Database,
    /// What the welcome says. Default: nothing.
    pub notices: Notices,
    /// What is asked of a client before `bind`. Default: nothing.
    pub permission: Permission,
    /// Whether `list` tells the nameplates in use. Default: no; it answers with an empty list.
    pub allow_list: bool,
    /// What strangers are held to.
    pub limits: Limits,
    /// Whether clients on the loopback interface count against the limits per address, too.
    /// Default: no.
    pub limit_loopback: bool,
    /// Proxies whose `X-Real-IP` and `X-Real-Port` are believed. Those on loopback always are.
    /// Default: none.
    pub proxies: Vec<IpAddr>,
    /// How long things last.
    pub timing: Timing,
}

/// Where the server's state is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Database {
    /// In memory: a restart forgets every nameplate and mailbox.
    #[default]
    Memory,
    /// In this SQLite file, made when it is not there. One server at a time may use it.
    Path(PathBuf),
}

/// What the welcome tells every client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notices {
    /// A message of the day.
    pub motd: Option<String>,
    /// Why every client is to leave at once.
    pub error: Option<String>,
    /// The version of the Python tool that its users are told to use.
    pub current_cli_version: Option<String>,
}

/// What is asked of a client before `bind`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Permission {
    /// Nothing.
    #[default]
    None,
    /// A hashcash stamp, good once and within two days of its date.
    Hashcash {
        /// Leading zero bits of the stamp's SHA-1: a client's expected work is 2^bits hashes.
        bits: u32,
        /// What the stamp must be made for; usually the server's name.
        resource: String,
    },
}

/// What strangers are held to. Each limit is refused with a text that names it.
///
/// The defaults are this module's constants of the same names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one client message.
    pub message_bytes: usize,
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
    /// unless less than 64 KiB wait for it.
    pub outboxes_bytes: usize,
    /// Bytes of the database file.
    pub database_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_bytes: MESSAGE_BYTES,
            mailbox_messages: MAILBOX_MESSAGES,
            mailbox_bytes: MAILBOX_BYTES,
            mailboxes_per_address: MAILBOXES_PER_ADDRESS,
            mailboxes: MAILBOXES,
            stored_bytes: STORED_BYTES,
            connections_per_address: CONNECTIONS_PER_ADDRESS,
            connections: CONNECTIONS,
            head_bytes: HEAD_BYTES,
            outbox_bytes: OUTBOX_BYTES,
            outboxes_bytes: OUTBOXES_BYTES,
            database_bytes: DATABASE_BYTES,
        }
    }
}

/// How long things last. What is shorter than a [millisecond](MOMENT) counts as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timing {
    /// How long a client may take for its HTTP request. Default: 10 s.
    pub handshake: Duration,
    /// How often a connection is pinged. Default: 60 s.
    pub ping: Duration,
    /// After how long without a sign of life a connection is dropped. Default: 600 s.
    pub silence: Duration,
    /// How long a mailbox that nobody is connected to is kept. Default: 11 minutes.
    pub idle_mailbox: Duration,
    /// How often idle mailboxes are looked for. Default: 5 minutes.
    pub prune: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(10),
            ping: Duration::from_secs(60),
            silence: Duration::from_secs(600),
            idle_mailbox: Duration::from_secs(11 * 60),
            prune: Duration::from_secs(5 * 60),
        }
    }
}

impl Timing {
    /// The same, with nothing below a [`MOMENT`].
    pub(crate) fn sane(self) -> Self {
        Self {
            handshake: self.handshake.max(MOMENT),
            ping: self.ping.max(MOMENT),
            silence: self.silence.max(MOMENT),
            idle_mailbox: self.idle_mailbox.max(MOMENT),
            prune: self.prune.max(MOMENT),
        }
    }
}
