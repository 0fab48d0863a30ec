//! How long the mailbox server waits.

use std::time::Duration;

use super::sane;

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
