//! The settings of the mailbox server.

use std::{fmt, path::PathBuf, time::Duration};

use data_encoding::HEXLOWER;
use wormhole_sync_wire::{hint::Relay, limits::MAX_RELAY_URL};

use super::{Limits, sane};

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
    /// A hashcash stamp while many clients come, of more bits the more they are.
    UnderLoad {
        /// Clients a second, smoothed over some ten seconds, from which on stamps are asked for.
        level: u32,
        /// Leading zero bits at that level. Each time that twice as many come it is one more.
        bits: u32,
        /// The most that are asked for; usually [`Permission::MAX_BITS`].
        max_bits: u32,
        /// As above.
        resource: String,
    },
}

impl Permission {
    /// The most bits that our clients work for unless they are told otherwise: a server that asks for
    /// more turns everybody away. It is a few seconds of work.
    ///
    /// ```
    /// use wormhole_sync_server::Permission;
    ///
    /// let (max_bits, resource) = (Permission::MAX_BITS, "example.com".to_owned());
    /// let permission = Permission::UnderLoad { level: 100, bits: 18, max_bits, resource };
    /// assert!(format!("{permission:?}").contains("max_bits: 24"));
    /// ```
    pub const MAX_BITS: u32 = 24;

    /// The bits that are asked of a client who comes at this load; `None` for none.
    pub(crate) fn bits(&self, load: f64) -> Option<u32> {
        match self {
            Self::None => None,
            Self::Hashcash { bits, .. } => Some(*bits),
            Self::UnderLoad { level, bits, max_bits, .. } => {
                let times = load / f64::from((*level).max(1));
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "the logarithm of a number that is not below one, and small"
                )]
                let more = || times.log2() as u32;
                (times >= 1.0).then(|| bits.saturating_add(more()).min(*max_bits))
            }
        }
    }

    /// What stamps are made for.
    pub(crate) fn resource(&self) -> Option<&str> {
        match self {
            Self::None => None,
            Self::Hashcash { resource, .. } | Self::UnderLoad { resource, .. } => Some(resource),
        }
    }

    /// The same, with stamps that are of no use to any other start of the server.
    pub(crate) fn of_this_start(mut self, random: [u8; 8]) -> Self {
        if let Self::Hashcash { resource, .. } | Self::UnderLoad { resource, .. } = &mut self {
            *resource = format!("{resource}/{}", HEXLOWER.encode(&random));
        }
        self
    }
}

/// How long things last. What is shorter than a [millisecond](super::MOMENT) counts as one.
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
    /// How long a client may stay that has not said who it is. Default: 60 s.
    pub unbound: Duration,
    /// The same for one that was asked for hashcash, for that may be hard for a small machine.
    /// Default: 10 minutes.
    pub permission: Duration,
    /// How long a client may stay that has said who it is and holds nothing: it has claimed no
    /// nameplate and opened no mailbox, or has let them go. A nameplate without an open mailbox is held
    /// for `idle_mailbox`. Default: 1 hour.
    pub idle_session: Duration,
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
            unbound: Duration::from_secs(60),
            permission: Duration::from_secs(10 * 60),
            idle_session: Duration::from_secs(3600),
            message: Duration::from_secs(120),
            ping: Duration::from_secs(60),
            silence: Duration::from_secs(600),
            idle_mailbox: Duration::from_secs(11 * 60),
            prune: Duration::from_secs(5 * 60),
        }
    }
}

impl Timing {
    /// The same, with times that clocks can tell.
    pub(super) fn sane(self) -> Self {
        Self {
            unbound: sane(self.unbound),
            permission: sane(self.permission),
            idle_session: sane(self.idle_session),
            message: sane(self.message),
            ping: sane(self.ping),
            silence: sane(self.silence),
            idle_mailbox: sane(self.idle_mailbox),
            prune: sane(self.prune),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_grow_with_the_load_up_to_the_most() {
        let (resource, max_bits) = ("r".to_owned(), Permission::MAX_BITS);
        let permission = Permission::UnderLoad { level: 100, bits: 18, max_bits, resource };
        for (load, bits) in [
            (0.0, None),
            (99.9, None),
            (100.0, Some(18)),
            (199.0, Some(18)),
            (200.0, Some(19)),
            (1600.0, Some(22)),
            (1e6, Some(24)),
            (f64::INFINITY, Some(24)),
        ] {
            assert_eq!(permission.bits(load), bits, "{load}");
        }
    }
}
