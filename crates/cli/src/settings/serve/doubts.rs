//! Settings that can be served, and that are hardly meant.

use wormhole_sync_server::{Clients, Permission};

use super::Resolved;

/// Bytes of a database that holds something beside its tables.
const DATABASE: u64 = 1 << 20;

/// Relays of a welcome that clients take.
const RELAYS: usize = 4;

impl Resolved {
    /// What is told of them, each with what to do.
    pub(crate) fn doubts(&self) -> Vec<String> {
        let mut doubts = clients(&self.settings.clients);
        if self.servers.mailbox {
            doubts.extend(self.settings.mailbox.doubts());
        }
        if self.servers.relay {
            doubts.extend(self.settings.relay.doubts());
        }
        doubts
    }
}

fn clients(clients: &Clients) -> Vec<String> {
    let mut doubts = Vec::new();
    let all = clients.trusted_proxies.iter().map(ToString::to_string);
    for network in all.filter(|network| network.ends_with("/0")) {
        doubts.push(format!(
            "clients.trusted-proxies has {network}, which is everybody: whoever connects can choose the address that it \
             counts for; name the proxy alone"
        ));
    }
    let per_address = [
        ("clients.connections-per-address", clients.connections_per_address == 0),
        ("clients.new-connections.burst", clients.new_connections.burst == 0),
    ];
    doubts.extend(nothing("nobody but this computer", per_address));
    doubts.extend(nothing("nobody", [("clients.head-bytes", clients.head_bytes == 0)]));
    doubts
}

/// What is told of limits with which the server serves only `whom`. Those of an address leave this computer
/// alone.
fn nothing<const N: usize>(whom: &str, limits: [(&str, bool); N]) -> impl Iterator<Item = String> {
    let none = limits.into_iter().filter(|(_, is_none)| *is_none);
    none.map(move |(name, _)| {
        format!("{name} is 0, and that serves {whom}; leave it out for the usual number")
    })
}

impl super::tree::RelaySettings {
    fn doubts(&self) -> Vec<String> {
        let limits = &self.limits;
        let all = [
            ("relay.waiting-connections", limits.waiting_connections == 0),
            ("relay.pair-bytes", limits.pair_bytes == Some(0)),
        ];
        let rate = limits.bytes_per_second_per_address;
        let per_address = [("relay.bytes-per-second-per-address", rate == Some(0))];
        nothing("nobody", all).chain(nothing("nobody but this computer", per_address)).collect()
    }
}

impl super::tree::MailboxSettings {
    fn doubts(&self) -> Vec<String> {
        let limits = &self.limits;
        let all = [
            ("mailbox.limits.message-bytes", limits.message_bytes == 0),
            ("mailbox.limits.unbound-message-bytes", limits.unbound_message_bytes == 0),
            ("mailbox.limits.outbox-bytes", limits.outbox_bytes == 0),
            ("mailbox.limits.mailboxes", limits.mailboxes == 0),
            ("mailbox.limits.mailbox-messages", limits.mailbox_messages == 0),
            ("mailbox.limits.mailbox-bytes", limits.mailbox_bytes == 0),
            ("mailbox.limits.stored-bytes", limits.stored_bytes == 0),
        ];
        let per_address = [("mailbox.limits.claims.burst", limits.claims.burst == 0)];
        let mut doubts: Vec<String> = nothing("nobody", all).collect();
        doubts.extend(nothing("nobody but this computer", per_address));
        let bytes = limits.database_bytes;
        if bytes < DATABASE {
            doubts.push(format!(
                "mailbox.limits.database-bytes is {bytes}, and that holds next to nothing; take {DATABASE} or more, or \
                 leave it out"
            ));
        }
        let relays = self.advertise_relays.len();
        if relays > RELAYS {
            doubts.push(format!(
                "mailbox.advertise-relays has {relays} relays, of which clients take the first {RELAYS}; leave out the rest"
            ));
        }
        let most = Permission::MAX_BITS;
        let asked = match (self.hashcash_bits, self.hashcash_level) {
            (0, _) => None,
            (bits, 0) => Some(("mailbox.hashcash-bits", bits)),
            _ => Some(("mailbox.hashcash-max-bits", self.hashcash_max_bits)),
        };
        if let Some((name, bits)) = asked.filter(|(_, bits)| *bits > most) {
            doubts.push(format!(
                "{name} is {bits}, and our clients refuse more than {most} unless their users allow it; take {most} or fewer"
            ));
        }
        doubts
    }
}
