//! Every limit by its name: what a refusal says, and what it is counted under.

use std::{collections::BTreeMap, fmt::Display};

use wormhole_sync_wire::{Refusal, server_message::TRY_LATER};

/// A limit that somebody can meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Limit {
    Connections,
    ConnectionsPerAddress,
    NewConnections,
    HeadBytes,
    Handshake,
    Unbound,
    Permission,
    IdleSession,
    Message,
    IncomingBytes,
    IncomingBytesPerAddress,
    Claims,
    FailedClaims,
    Lists,
    NameplateShare,
    MailboxMessages,
    MailboxBytes,
    MailboxesPerAddress,
    Mailboxes,
    StoredBytes,
    StoredBytesPerAddress,
    WaitingConnections,
    WaitingConnectionsPerAddress,
    Waiting,
    Idle,
    PairBytes,
}

/// How often each limit was met.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Refused(BTreeMap<&'static str, u64>);

impl Limit {
    /// The setting's name.
    pub(crate) const fn name(self) -> &'static str {
        self.words().0
    }

    /// What somebody is told who meets the limit, which is `most`.
    pub(crate) fn refusal(self, most: impl Display) -> Refusal {
        let (_, what, unit, is_temporary) = self.words();
        let later = if is_temporary { format!("; {TRY_LATER}") } else { String::new() };
        Refusal(format!("{what}: this server's limit is {most}{unit}{later}").into())
    }

    /// The setting's name, what is too much, its unit, and whether it is so only for now: nobody's own
    /// doing, or over soon.
    const fn words(self) -> (&'static str, &'static str, &'static str, bool) {
        match self {
            Self::Connections => ("connections", "the server is full", " connections", true),
            Self::ConnectionsPerAddress => (
                "connections_per_address",
                "too many connections from your address",
                " connections",
                false,
            ),
            Self::NewConnections => {
                ("new_connections", "too many new connections from your address", "", true)
            }
            Self::HeadBytes => ("head_bytes", "the request's head is too large", " bytes", false),
            Self::Handshake => ("handshake", "no request came in time", " seconds", false),
            Self::Unbound => ("unbound", "no 'bind' came in time", " seconds", false),
            Self::Permission => {
                ("permission", "no stamp and 'bind' came in time", " seconds", false)
            }
            Self::IdleSession => {
                ("idle_session", "nothing was claimed or opened", " seconds", false)
            }
            Self::Message => ("message", "message too slow", " seconds", false),
            Self::IncomingBytes => {
                ("incoming_bytes", "the server is busy with unfinished messages", " bytes", true)
            }
            Self::IncomingBytesPerAddress => (
                "incoming_bytes_per_address",
                "too many unfinished messages from your address",
                " bytes",
                true,
            ),
            Self::Claims => ("claims", "too many claims from your address", "", true),
            Self::FailedClaims => {
                ("failed_claims", "too many failed claims from your address", "", true)
            }
            Self::Lists => ("lists", "too many lists for your address", "", true),
            Self::NameplateShare => (
                "nameplate_share",
                "too many short nameplates are held from your address",
                " of this length",
                false,
            ),
            Self::MailboxMessages => {
                ("mailbox_messages", "the mailbox is full", " messages", false)
            }
            Self::MailboxBytes => ("mailbox_bytes", "the mailbox is full", " bytes", false),
            Self::MailboxesPerAddress => (
                "mailboxes_per_address",
                "too many mailboxes from your address",
                " mailboxes",
                false,
            ),
            Self::Mailboxes => ("mailboxes", "the server is full", " mailboxes", true),
            Self::StoredBytes => ("stored_bytes", "the server is full", " bytes of messages", true),
            Self::StoredBytesPerAddress => (
                "stored_bytes_per_address",
                "too much is stored from your address",
                " bytes of messages",
                false,
            ),
            Self::WaitingConnections => {
                ("waiting_connections", "too many wait", " connections", true)
            }
            Self::WaitingConnectionsPerAddress => (
                "waiting_connections_per_address",
                "too many wait from your address",
                " connections",
                false,
            ),
            Self::Waiting => ("waiting", "nobody came", " seconds", false),
            Self::Idle => ("idle", "nothing was moved", " seconds", false),
            Self::PairBytes => ("pair_bytes", "too much was moved", " bytes", false),
        }
    }
}

impl Refused {
    /// Counts of two places together.
    pub(crate) fn and(mut self, other: Self) -> Self {
        for (name, times) in other.0 {
            *self.0.entry(name).or_default() += times;
        }
        self
    }

    /// The counts by the limits' names.
    pub(crate) fn counts(self) -> BTreeMap<&'static str, u64> {
        self.0
    }

    pub(crate) fn count(&mut self, limit: Limit) {
        *self.0.entry(limit.name()).or_default() += 1;
    }
}
