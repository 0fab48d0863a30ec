//! A status, as people read it.

use std::{collections::BTreeMap, fmt::Write};

use serde::Deserialize;

use crate::term::{
    progress::amount,
    sanitize::{self, MAX_SHORT},
};

type Counts = BTreeMap<String, u64>;

/// What the server tells; what an older one does not tell is nothing.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Told {
    version: String,
    uptime: f64,
    trouble: Option<String>,
    connections: u64,
    mailbox: Option<Mailbox>,
    relay: Option<Relay>,
    refused_today: Counts,
    usage_rows_lost: u64,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Mailbox {
    waiting: u64,
    paired: u64,
    nameplates: u64,
    connections: u64,
    stored_bytes: u64,
    database_bytes: Option<u64>,
    hashcash_bits: u32,
    ended_today: Counts,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Relay {
    waiting: u64,
    pairs: u64,
    bytes_today: u64,
    ended_today: Counts,
}

impl Told {
    /// Why clients are not served as they should be.
    pub(super) fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// Lines, the most important first. Writing to a string does not fail.
    pub(super) fn shown(&self) -> String {
        let mut text = String::new();
        let mut line = |name: &str, value: String| _ = writeln!(text, "{name:<16} {value}");
        if let Some(trouble) = &self.trouble {
            line("TROUBLE", sanitize::line(trouble, MAX_SHORT));
        }
        if let Some(mailbox) = &self.mailbox {
            let Mailbox { waiting, paired, nameplates, connections, .. } = mailbox;
            let [clients, nameplates] =
                [several(*connections, "client"), several(*nameplates, "nameplate")];
            let clients = format!("{clients}, {nameplates}");
            line("mailboxes", format!("{waiting} waiting, {paired} paired ({clients})"));
            line("exchanges today", counts(&mailbox.ended_today));
        }
        if let Some(relay) = &self.relay {
            line("relay", format!("{} waiting, {} paired", relay.waiting, relay.pairs));
            let moved = amount(relay.bytes_today);
            line("relayed today", format!("{moved} ({})", counts(&relay.ended_today)));
        }
        line("refused today", counts(&self.refused_today));
        if let Some(mailbox) = &self.mailbox {
            let kept = mailbox.database_bytes.map_or("in memory".to_owned(), amount);
            line("database", format!("{kept} ({} of messages)", amount(mailbox.stored_bytes)));
            if mailbox.hashcash_bits > 0 {
                line("hashcash", several(mailbox.hashcash_bits.into(), "bit"));
            }
        }
        if self.usage_rows_lost > 0 {
            line("usage", format!("{} lost", several(self.usage_rows_lost, "row")));
        }
        let version = sanitize::line(&self.version, MAX_SHORT);
        let (up, connections) = (duration(self.uptime), several(self.connections, "connection"));
        line("server", format!("{version}, up {up}, {connections}"));
        text
    }
}

/// Those that are not zero, the most frequent first.
fn counts(counts: &Counts) -> String {
    let mut some: Vec<_> = counts.iter().filter(|(_, count)| **count > 0).collect();
    some.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let each = |(name, count): (&String, &u64)| {
        format!("{count} {}", sanitize::line(&name.replace('_', "-"), MAX_SHORT))
    };
    let all: Vec<_> = some.into_iter().map(each).collect();
    if all.is_empty() { "none".to_owned() } else { all.join(", ") }
}

/// How many of something there are.
fn several(number: u64, name: &str) -> String {
    format!("{number} {name}{}", if number == 1 { "" } else { "s" })
}

/// The two largest units of a time.
fn duration(seconds: f64) -> String {
    let [minute, hour, day] = [60.0, 3600.0, 86_400.0];
    if seconds >= day {
        format!("{} d {} h", (seconds / day).floor(), (seconds % day / hour).floor())
    } else if seconds >= hour {
        format!("{} h {} min", (seconds / hour).floor(), (seconds % hour / minute).floor())
    } else if seconds >= minute {
        format!("{} min", (seconds / minute).floor())
    } else {
        format!("{} s", seconds.floor())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_shown_line_by_line_and_what_is_not_is_nothing() {
        let told = r#"{"version": "0.1.0", "uptime": 90000.0, "connections": 9, "trouble": "no\u001b[2Jroom",
            "mailbox": {"waiting": 3, "paired": 1, "nameplates": 2, "connections": 4, "stored_bytes": 1500,
                "database_bytes": 40960, "ended_today": {"happy": 12, "lonely": 20, "scary": 0}},
            "relay": null, "refused_today": {"stored_bytes": 2}, "something_new": 7}"#;
        let shown = serde_json::from_str::<Told>(told).unwrap().shown();
        for line in [
            "mailboxes        3 waiting, 1 paired (4 clients, 2 nameplates)\n",
            "exchanges today  20 lonely, 12 happy\n",
            "refused today    2 stored-bytes\n",
            "database         40.96 kB (1.50 kB of messages)\n",
            "server           0.1.0, up 1 d 1 h, 9 connections\n",
        ] {
            assert!(shown.contains(line), "{line} is not in {shown}");
        }
        assert!(shown.starts_with("TROUBLE          no") && !shown.contains('\u{1b}'), "{shown}");
        assert!(!shown.contains("relay"), "{shown}");
        let nothing = serde_json::from_str::<Told>("{}").unwrap().shown();
        assert!(nothing.contains("refused today    none\n"), "{nothing}");
    }

    #[test]
    fn one_is_not_told_as_several() {
        let told = r#"{"connections": 1, "usage_rows_lost": 1,
            "mailbox": {"nameplates": 1, "connections": 1, "hashcash_bits": 1}}"#;
        let shown = serde_json::from_str::<Told>(told).unwrap().shown();
        for words in ["(1 client, 1 nameplate)", " 1 bit\n", " 1 row lost\n", ", 1 connection\n"] {
            assert!(shown.contains(words), "{words} is not in {shown}");
        }
    }

    #[test]
    fn times_are_told_in_their_two_largest_units() {
        let told = [5.9, 61.0, 3700.0, 200_000.0].map(duration);
        assert_eq!(told, ["5 s", "1 min", "1 h 1 min", "2 d 7 h"]);
    }
}
