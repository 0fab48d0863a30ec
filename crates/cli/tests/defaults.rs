//! The help says what holds when nothing is said.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that meets the unexpected is to stop"
)]

use std::{fmt::Debug, process::Command};

use wormhole_sync::DEFAULT_MAX_BITS;
use wormhole_sync_server::{Limits, Timing};

fn help(arguments: &[&str]) -> String {
    let wormhole = env!("CARGO_BIN_EXE_wormhole");
    let output = Command::new(wormhole).args(arguments).arg("--help").output().unwrap();
    String::from_utf8(output.stdout).unwrap().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What the help says of a flag: `[default: 4 KiB]` is 4096.
fn default(help: &str, flag: &str) -> u64 {
    let after = help.split_once(&format!(" {flag} <")).map(|(_, after)| after);
    let said = after.and_then(|after| after.split_once("[default: ")?.1.split_once(']'));
    let said = said.unwrap_or_else(|| panic!("no default of {flag}")).0;
    let (number, unit) = said.split_once(' ').unwrap_or((said, ""));
    let times = [("", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];
    let times = times.iter().find(|(name, _)| *name == unit);
    number.parse::<u64>().unwrap() * times.unwrap_or_else(|| panic!("{flag}: {said}")).1
}

/// The fields of a struct of numbers and seconds, as flags without their dashes.
fn fields(settings: &impl Debug) -> Vec<(String, u64)> {
    let text = format!("{settings:?}");
    let inside = text.split_once('{').unwrap().1.trim_end_matches('}');
    let fields = inside.split(", ").map(|field| field.trim().split_once(": ").unwrap());
    fields
        .map(|(name, value)| (name.replace('_', "-"), value.trim_end_matches('s').parse().unwrap()))
        .collect()
}

#[test]
fn the_help_of_the_server_gives_every_limit_and_its_real_default() {
    let help = help(&["serve", "mailbox"]);
    for (name, value) in fields(&Limits::default()) {
        assert_eq!(default(&help, &format!("--{name}")), value, "--{name}");
    }
    for (name, value) in fields(&Timing::default()) {
        assert_eq!(default(&help, &format!("--{name}-time")), value, "--{name}-time");
    }
}

#[test]
fn the_help_says_how_much_work_is_done_for_a_server() {
    for command in [&["exchange"][..], &["send"], &["receive"], &["ssh", "accept"], &["doctor"]] {
        let said = default(&help(command), "--max-hashcash-bits");
        assert_eq!(said, u64::from(DEFAULT_MAX_BITS), "{command:?}");
    }
}

#[test]
fn help_is_a_command_too_and_says_the_same() {
    let wormhole = env!("CARGO_BIN_EXE_wormhole");
    for command in [&[][..], &["send"], &["ssh"], &["ssh", "accept"]] {
        let asked = Command::new(wormhole).arg("help").args(command).output().unwrap();
        let flag = Command::new(wormhole).args(command).arg("--help").output().unwrap();
        assert!(asked.status.success() && asked.stdout == flag.stdout, "{command:?}");
    }
}
