//! Every limit by its name: what a refusal says, and what it is counted under.

use std::{
    array,
    collections::BTreeMap,
    fmt::Display,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use wormhole_sync_wire::{Refusal, server_message::TRY_LATER};

/// Makes a limit of each row: the name of its setting, what is too much, its unit, and whether it is
/// so only for now: nobody's own doing, or over soon. What has no row can be neither told nor counted.
macro_rules! limits {
    ($($limit:ident: $name:literal, $what:literal, $unit:literal, $later:ident;)*) => {
        /// A limit that somebody can meet.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Limit {
            $($limit,)*
        }

        impl Limit {
            /// All of them.
            pub(crate) const ALL: &[Self] = &[$(Self::$limit,)*];

            const fn words(self) -> (&'static str, &'static str, &'static str, When) {
                match self {
                    $(Self::$limit => ($name, $what, $unit, When::$later),)*
                }
            }
        }
    };
}

/// Whether it is of use to try again later.
#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    Always,
    ForNow,
}

limits! {
    Connections: "connections", "the server is full", " connections", ForNow;
    ConnectionsPerAddress: "connections_per_address",
        "too many connections from your address", " connections", Always;
    NewConnections: "new_connections", "too many new connections from your address", "", ForNow;
    HeadBytes: "head_bytes", "the request's head is too large", " bytes", Always;
    Handshake: "handshake", "no request came in time", " seconds", Always;

    Unbound: "unbound", "no 'bind' came in time", " seconds", Always;
    Permission: "permission", "no stamp and 'bind' came in time", " seconds", Always;
    IdleSession: "idle_session", "nothing is claimed or open", " seconds", Always;
    Message: "message", "message too slow", " seconds", Always;
    Silence: "silence", "nothing was heard", " seconds", Always;

    MessageBytes: "message_bytes", "message too large", " bytes", Always;
    UnboundMessageBytes: "unbound_message_bytes",
        "message too large", " bytes before 'bind'", Always;
    IncomingBytes: "incoming_bytes",
        "the server is busy with unfinished messages", " bytes", ForNow;
    IncomingBytesPerAddress: "incoming_bytes_per_address",
        "too many unfinished messages from your address", " bytes", ForNow;
    OutboxBytes: "outbox_bytes",
        "too slow: too much waits for you", " bytes", Always;
    OutboxesBytes: "outboxes_bytes",
        "too slow: too much waits for all clients", " bytes", Always;
    OutboxesBytesPerAddress: "outboxes_bytes_per_address",
        "too slow: too much waits for your address", " bytes", Always;

    Claims: "claims", "too many claims from your address", "", ForNow;
    FailedClaims: "failed_claims", "too many failed claims from your address", "", ForNow;
    Lists: "lists", "too many lists for your address", "", ForNow;
    NameplateShare: "nameplate_share",
        "too many short nameplates are held from your address", " of this length", Always;
    MailboxMessages: "mailbox_messages", "the mailbox is full", " messages", Always;
    MailboxBytes: "mailbox_bytes", "the mailbox is full", " bytes", Always;
    MailboxesPerAddress: "mailboxes_per_address",
        "too many mailboxes from your address", " mailboxes", Always;
    Mailboxes: "mailboxes", "the server is full", " mailboxes", ForNow;
    StoredBytes: "stored_bytes", "the server is full", " bytes of messages", ForNow;
    StoredBytesPerAddress: "stored_bytes_per_address",
        "too much is stored from your address", " bytes of messages", Always;
    DatabaseBytes: "database_bytes", "the server's database is full", " bytes", ForNow;

    WaitingConnections: "waiting_connections", "too many wait", " connections", ForNow;
    WaitingConnectionsPerAddress: "waiting_connections_per_address",
        "too many wait from your address", " connections", Always;
    Waiting: "waiting", "nobody came", " seconds", Always;
    Idle: "idle", "nothing was moved", " seconds", Always;
    PairBytes: "pair_bytes", "too much was moved", " bytes", Always;
    Drain: "drain", "the relay stops", " seconds", ForNow;
}

/// How often each limit was met.
#[derive(Debug)]
pub(crate) struct Refused([AtomicU64; Limit::ALL.len()]);

impl Limit {
    /// The setting's name.
    pub(crate) const fn name(self) -> &'static str {
        self.words().0
    }

    /// What somebody is told who meets the limit, which is `most`.
    pub(crate) fn refusal(self, most: impl Display) -> Refusal {
        let (_, what, unit, when) = self.words();
        let later = if when == When::ForNow { format!("; {TRY_LATER}") } else { String::new() };
        Refusal(format!("{what}: this server's limit is {most}{unit}{later}").into())
    }
}

impl Refused {
    pub(crate) fn count(&self, limit: Limit) {
        if let Some(times) = self.0.get(limit as usize) {
            times.fetch_add(1, Relaxed);
        }
    }

    /// The counts by the limits' names; those that nobody has met are zero.
    pub(crate) fn counts(&self) -> BTreeMap<&'static str, u64> {
        let names = Limit::ALL.iter().map(|limit| limit.name());
        names.zip(&self.0).map(|(name, times)| (name, times.load(Relaxed))).collect()
    }
}

impl Default for Refused {
    fn default() -> Self {
        Self(array::from_fn(|_| AtomicU64::new(0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_is_counted_under_a_name_of_its_own() {
        let refused = Refused::default();
        for (times, limit) in (1..).zip(Limit::ALL) {
            (0..times).for_each(|_| refused.count(*limit));
        }
        let counts = refused.counts();
        assert_eq!(counts.len(), Limit::ALL.len(), "two have one name");
        for (times, limit) in (1..).zip(Limit::ALL) {
            assert_eq!(counts.get(limit.name()), Some(&times), "{limit:?}");
        }
    }
}
