//! The text that Prometheus reads, version 0.0.4 of its format.

use std::fmt::{Display, Write};

use super::{Look, MailboxLook};
use crate::{
    metrics::{Counts, Histogram, Metrics},
    relay,
};

/// Lines for everything that is counted.
pub(super) fn of(look: &Look, metrics: &Metrics, started: f64) -> String {
    let mut page = Page(String::new());
    let version = [("version", env!("CARGO_PKG_VERSION"))];
    page.family("wormhole_build_info", "gauge", "The server's version.");
    page.line("wormhole_build_info", &version, 1);
    page.gauge("wormhole_start_time_seconds", "When the server started, in Unix time.", started);
    page.gauge("wormhole_connections", "Connections of clients, whatever for.", look.connections);
    let help = "Connections that came in, by door.";
    page.counters("wormhole_accepted_total", help, "door", &metrics.accepted.counts());
    let help = "What was refused, by the limit that was met.";
    page.counters("wormhole_refused_total", help, "limit", &look.totals.refused);
    let help =
        "When the certificate that is shown expires, in Unix time; nothing where there is none.";
    page.family("wormhole_tls_certificate_not_after_seconds", "gauge", help);
    if let Some(ends) = look.certificate_ends {
        page.line("wormhole_tls_certificate_not_after_seconds", &[], ends);
    }
    let help = "Rows of usage databases that were lost.";
    page.counter("wormhole_usage_lost_total", help, metrics.usage_rows_lost());
    if let Some(mailbox) = &look.mailbox {
        page.mailbox(mailbox, &look.totals.mailbox_endings, metrics);
    }
    if let Some(relay) = &look.relay {
        page.relay(relay, &look.totals.relay_endings);
    }
    page.0
}

/// What is written so far.
struct Page(String);

impl Page {
    fn mailbox(&mut self, look: &MailboxLook, endings: &Counts, metrics: &Metrics) {
        let inventory = look.present.inventory;
        let mailboxes = inventory.waiting + inventory.paired;
        let connections = look.present.connections;
        self.gauge("wormhole_mailbox_connections", "Clients of the mailbox server.", connections);
        self.gauge("wormhole_mailboxes", "Mailboxes.", mailboxes);
        let help = "Mailboxes in which one side waits for another.";
        self.gauge("wormhole_mailboxes_waiting", help, inventory.waiting);
        self.gauge("wormhole_mailboxes_paired", "Mailboxes with two sides.", inventory.paired);
        self.gauge("wormhole_nameplates", "Nameplates.", inventory.nameplates);
        let help = "Bytes of the messages in all mailboxes.";
        self.gauge("wormhole_mailbox_stored_bytes", help, inventory.stored_bytes);
        let help = "Mailboxes that have ended, by how.";
        self.counters("wormhole_mailbox_endings_total", help, "mood", endings);
        let help = "Bits of the stamps that are asked of clients; 0 when none are.";
        self.gauge("wormhole_hashcash_bits", help, look.hashcash_bits);
        let Some(bytes) = look.database_bytes else { return };
        self.gauge("wormhole_database_bytes", "Bytes of the database and its log.", bytes);
        let help = "Times that the database could not be written.";
        self.counter("wormhole_database_failures_total", help, metrics.commits_failed());
        let help = "Seconds that it took to store what came together.";
        self.histogram("wormhole_commit_seconds", help, &metrics.commit_seconds);
        let help = "Turns of clients that were stored together.";
        self.histogram("wormhole_commit_turns", help, &metrics.commit_turns);
    }

    fn relay(&mut self, relay: &relay::Present, endings: &Counts) {
        let help = "Connections that wait for their partner.";
        self.gauge("wormhole_relay_waiting", help, relay.waiting);
        self.gauge("wormhole_relay_pairs", "Pairs of connections.", relay.pairs);
        self.counter("wormhole_relay_bytes_total", "Bytes that were relayed.", relay.bytes);
        let help = "Pairs, and connections without a partner, that have ended, by how.";
        self.counters("wormhole_relay_endings_total", help, "mood", endings);
    }

    fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.family(name, "gauge", help);
        self.line(name, &[], value);
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.family(name, "counter", help);
        self.line(name, &[], value);
    }

    fn counters(&mut self, name: &str, help: &str, label: &str, counts: &Counts) {
        self.family(name, "counter", help);
        for (of, count) in counts {
            self.line(name, &[(label, of)], count);
        }
    }

    fn histogram<const N: usize>(&mut self, name: &str, help: &str, values: &Histogram<N>) {
        self.family(name, "histogram", help);
        let bucket = format!("{name}_bucket");
        for (bound, count) in values.buckets() {
            self.line(&bucket, &[("le", &bound.to_string())], count);
        }
        self.line(&bucket, &[("le", "+Inf")], values.count());
        self.line(&format!("{name}_sum"), &[], values.sum());
        self.line(&format!("{name}_count"), &[], values.count());
    }

    /// The names and labels are all ours: nothing in them needs to be escaped.
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a string does not fail.
        _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn line(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let labels: Vec<_> = labels.iter().map(|(of, is)| format!("{of}=\"{is}\"")).collect();
        _ = match &labels[..] {
            [] => writeln!(self.0, "{name} {value}"),
            labels => writeln!(self.0, "{name}{{{}}} {value}", labels.join(",")),
        };
    }
}
