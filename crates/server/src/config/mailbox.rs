//! The settings of the mailbox server.

use std::path::PathBuf;

use super::{Limits, Notices, Permission, Timing};

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
