//! The settings of a mailbox server.

mod limits;

use std::{net::IpAddr, path::PathBuf, time::Duration};

use data_encoding::HEXLOWER;

pub use limits::{
    CONNECTIONS, CONNECTIONS_PER_ADDRESS, DATABASE_BYTES, HEAD_BYTES, INCOMING_BYTES,
    INCOMING_BYTES_PER_ADDRESS, LISTED_NAMEPLATES, Limits, MAILBOX_BYTES, MAILBOX_MESSAGES,
    MAILBOXES, MAILBOXES_PER_ADDRESS, MESSAGE_BYTES, OUTBOX_BYTES, OUTBOXES_BYTES,
    OUTBOXES_BYTES_PER_ADDRESS, REMEMBERED_STAMPS, STORED_BYTES, STORED_BYTES_PER_ADDRESS,
    UNBOUND_MESSAGE_BYTES,
};

/// The shortest that anything lasts: a timer of nothing would keep the server busy with itself.
///
/// ```
/// use wormhole_sync_server::{Config, Timing, config::MOMENT, listen, prepare};
///
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// let timing = Timing { prune: Duration::ZERO, ..Timing::default() }; // counts as a moment
/// # use std::time::Duration;
/// # let listener = listen("127.0.0.1:0".parse()?)?;
/// let server = prepare(listener, Config { timing, ..Config::default() }).await?;
/// server.serve(tokio::time::sleep(20 * MOMENT)).await?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub const MOMENT: Duration = Duration::from_millis(1);

/// The settings of one server. The defaults suit a public server of moderate size.
///
/// ```
/// use wormhole_sync_server::{Config, Database, Limits};
///
/// let config = Config {
///     database: Database::Path("mailbox.sqlite".into()),
///     allow_list: true,
///     limits: Limits { connections: 500, ..Limits::default() },
///     ..Config::default()
/// };
/// assert_eq!(config.notices.motd, None);
/// ```
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
    /// Whether clients on the loopback interface count against the limits per address, too. Then
    /// none of them is taken for a proxy that is not among the `proxies`. Default: no.
    pub limit_loopback: bool,
    /// Proxies whose `X-Real-IP` and `X-Real-Port` are believed. Those on loopback are, too, unless
    /// `limit_loopback` is asked for: whoever is believed can choose the address that it counts for.
    /// Default: none.
    pub proxies: Vec<IpAddr>,
    /// How long things last.
    pub timing: Timing,
}

/// Where the server's state is kept.
///
/// ```
/// use wormhole_sync_server::{Config, Database};
///
/// assert_eq!(Config::default().database, Database::Memory);
/// let lasting = Config { database: Database::Path("mailbox.sqlite".into()), ..Config::default() };
/// assert_ne!(lasting.database, Database::Memory);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Database {
    /// In memory: a restart forgets every nameplate and mailbox.
    #[default]
    Memory,
    /// In this SQLite file, made when it is not there. One server at a time may use it.
    Path(PathBuf),
}

/// What the welcome tells every client.
///
/// ```
/// use wormhole_sync_server::{Notices, exchange::ConnectionId, session::{Policy, Session}};
///
/// let notices = Notices { motd: Some("down for repair on Sunday".into()), ..Notices::default() };
/// let policy = Policy { notices, ..Policy::default() };
/// # let session = Session::new(ConnectionId(1), None, policy.into());
/// let welcome = session.welcome(None, 0.0).text;
/// assert!(welcome.contains(r#""motd":"down for repair on Sunday""#));
/// ```
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
///
/// ```
/// use wormhole_sync_server::{Permission, exchange::ConnectionId, session::{Policy, Session}};
///
/// let permission = Permission::Hashcash { bits: 20, resource: "example.com".into() };
/// let policy = Policy { permission, ..Policy::default() };
/// # let session = Session::new(ConnectionId(1), None, policy.into());
/// let welcome = session.welcome(None, 0.0).text;
/// assert!(welcome.contains(r#""hashcash":{"bits":20,"resource":"example.com"}"#));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Permission {
    /// Nothing.
    #[default]
    None,
    /// A hashcash stamp, good once and within two days of its date.
    Hashcash {
        /// Leading zero bits of the stamp's SHA-1: a client's expected work is 2^bits hashes.
        bits: u32,
        /// What the stamp must be made for; usually the server's name. A server that starts adds
        /// a random part, for it knows only the stamps that were spent since.
        resource: String,
    },
}

impl Permission {
    /// The same, with stamps that are of no use to any other start of the server.
    pub(crate) fn of_this_start(self, random: [u8; 8]) -> Self {
        match self {
            Self::None => Self::None,
            Self::Hashcash { bits, resource } => {
                let random = HEXLOWER.encode(&random);
                Self::Hashcash { bits, resource: format!("{resource}/{random}") }
            }
        }
    }
}

/// How long things last. What is shorter than a [millisecond](MOMENT) counts as one.
///
/// ```
/// use wormhole_sync_server::{Config, Timing};
///
/// let timing = Timing { idle_mailbox: std::time::Duration::from_secs(3600), ..Timing::default() };
/// let patient = Config { timing, ..Config::default() };
/// assert!(patient.timing.idle_mailbox > Timing::default().idle_mailbox);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timing {
    /// How long a client may take for its HTTP request. Default: 10 s.
    pub handshake: Duration,
    /// How long a message of more than 16 KiB may take to come in, as is looked at whenever its
    /// connection is pinged. Default: 120 s.
    pub message: Duration,
    /// How often a connection is pinged. Default: 60 s.
    pub ping: Duration,
    /// After how long without a sign of life a connection is dropped. Default: 600 s.
    pub silence: Duration,
    /// How long a mailbox that nobody is connected to is kept. Default: 11 minutes.
    pub idle_mailbox: Duration,
    /// How often idle mailboxes are looked for, and what was deleted is wiped from the database's
    /// log. Default: 5 minutes.
    pub prune: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(10),
            message: Duration::from_secs(120),
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
            message: self.message.max(MOMENT),
            ping: self.ping.max(MOMENT),
            silence: self.silence.max(MOMENT),
            idle_mailbox: self.idle_mailbox.max(MOMENT),
            prune: self.prune.max(MOMENT),
        }
    }
}
