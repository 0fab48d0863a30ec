//! The settings of the mailbox server.

use std::{fmt, path::PathBuf, time::Duration};

use data_encoding::HEXLOWER;
use wormhole_sync_wire::{hint::Relay, limits::MAX_RELAY_URL};

use super::{Limits, MOMENT};

/// The settings of a mailbox server.
///
/// ```
/// use wormhole_sync_server::{Config, Database, Limits, Mailbox};
///
/// let mailbox = Mailbox {
///     database: Database::Path("mailbox.sqlite".into()),
///     allow_list: true,
///     limits: Limits { mailboxes: 5000, ..Limits::default() },
///     ..Mailbox::default()
/// };
/// assert_eq!(Config::from(mailbox.clone()).mailbox, Some(mailbox));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mailbox {
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
    /// How long things last.
    pub timing: Timing,
}

/// Where the server's state is kept.
///
/// ```
/// use wormhole_sync_server::{Database, Mailbox};
///
/// assert_eq!(Mailbox::default().database, Database::Memory);
/// let lasting = Database::Path("mailbox.sqlite".into());
/// assert_ne!(lasting, Database::Memory);
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
    /// Transit relays for clients whose users name none: an addition of ours, which other clients pass over. Clients
    /// take the first four.
    pub transit_relays: Vec<TransitRelay>,
}

/// Where clients reach a transit relay: `tcp:HOST:PORT`, `ws://…` or `wss://…`.
///
/// ```
/// use wormhole_sync_server::{Notices, TransitRelay, exchange::ConnectionId, session::{Policy, Session}};
///
/// let relay = TransitRelay::parse("wss://relay.example.com/relay").unwrap();
/// let policy = Policy {
///     notices: Notices { transit_relays: vec![relay], ..Notices::default() },
///     ..Policy::default()
/// };
/// # let session = Session::new(ConnectionId(1), None, policy.into());
/// let welcome = session.welcome(None, 0.0).text;
/// assert!(welcome.contains(r#""transit-relays-v1":[{"type":"relay-v1","hints":[{"type":"websocket","#));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransitRelay(String);

impl TransitRelay {
    /// Reads one; `None` for anything else, and for a URL that no client would keep.
    ///
    /// ```
    /// use wormhole_sync_server::TransitRelay;
    ///
    /// assert!(TransitRelay::parse("tcp:relay.example.com:4001").is_some());
    /// assert!(TransitRelay::parse("relay.example.com").is_none());
    /// ```
    pub fn parse(text: &str) -> Option<Self> {
        let possible = text.len() <= MAX_RELAY_URL && Relay::parse(text).is_some();
        possible.then(|| Self(text.to_owned()))
    }

    /// As the wire has it.
    pub(crate) fn hint(&self) -> Option<Relay> {
        Relay::parse(&self.0)
    }
}

/// As it was written.
impl fmt::Display for TransitRelay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
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
/// use wormhole_sync_server::{Mailbox, Timing};
///
/// let timing = Timing { idle_mailbox: std::time::Duration::from_secs(3600), ..Timing::default() };
/// let patient = Mailbox { timing, ..Mailbox::default() };
/// assert!(patient.timing.idle_mailbox > Timing::default().idle_mailbox);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timing {
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
            message: self.message.max(MOMENT),
            ping: self.ping.max(MOMENT),
            silence: self.silence.max(MOMENT),
            idle_mailbox: self.idle_mailbox.max(MOMENT),
            prune: self.prune.max(MOMENT),
        }
    }
}
