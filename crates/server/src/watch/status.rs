//! What an operator asks first, in JSON.

use serde::Serialize;

use super::Look;
use crate::metrics::Counts;

#[derive(Serialize)]
struct Status<'a> {
    version: &'static str,
    /// Seconds since the start.
    uptime: f64,
    /// Why clients are not served as they should be.
    trouble: Option<&'a str>,
    connections: usize,
    mailbox: Option<Mailbox<'a>>,
    relay: Option<Relay<'a>>,
    refused_today: Counts,
    refused: Counts,
    usage_rows_lost: u64,
}

#[derive(Serialize)]
struct Mailbox<'a> {
    connections: usize,
    waiting: usize,
    paired: usize,
    nameplates: usize,
    stored_bytes: usize,
    database_bytes: Option<u64>,
    hashcash_bits: u32,
    ended_today: &'a Counts,
    ended: &'a Counts,
}

#[derive(Serialize)]
struct Relay<'a> {
    waiting: usize,
    pairs: usize,
    bytes_today: u64,
    bytes: u64,
    ended_today: &'a Counts,
    ended: &'a Counts,
}

pub(super) fn of(look: &Look, trouble: Option<&str>, uptime: f64, lost: u64) -> String {
    let (today, totals) = (&look.today, &look.totals);
    let mailbox = look.mailbox.as_ref().map(|mailbox| Mailbox {
        connections: mailbox.present.connections,
        waiting: mailbox.present.inventory.waiting,
        paired: mailbox.present.inventory.paired,
        nameplates: mailbox.present.inventory.nameplates,
        stored_bytes: mailbox.present.inventory.stored_bytes,
        database_bytes: mailbox.database_bytes,
        hashcash_bits: mailbox.hashcash_bits,
        ended_today: &today.mailbox_endings,
        ended: &totals.mailbox_endings,
    });
    let relay = look.relay.as_ref().map(|relay| Relay {
        waiting: relay.waiting,
        pairs: relay.pairs,
        bytes_today: today.relay_bytes,
        bytes: relay.bytes,
        ended_today: &today.relay_endings,
        ended: &totals.relay_endings,
    });
    let status = Status {
        version: env!("CARGO_PKG_VERSION"),
        uptime: uptime.floor(),
        trouble,
        connections: look.connections,
        mailbox,
        relay,
        refused_today: met(&today.refused),
        refused: met(&totals.refused),
        usage_rows_lost: lost,
    };
    // Only a map with keys that are no texts could fail, and there is none.
    serde_json::to_string(&status).unwrap_or_default()
}

/// Those limits that somebody has met: an operator looks for what there is.
fn met(refused: &Counts) -> Counts {
    refused.iter().filter(|(_, times)| **times > 0).map(|(name, times)| (*name, *times)).collect()
}
