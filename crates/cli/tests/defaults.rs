//! The help and the documents say what holds when nothing is said.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that meets the unexpected is to stop"
)]

use std::{collections::BTreeMap, fs, process::Command};

use toml::{Table, Value};
use wormhole_sync::DEFAULT_MAX_BITS;

fn help(arguments: &[&str]) -> String {
    let wormhole = env!("CARGO_BIN_EXE_wormhole");
    let output = Command::new(wormhole).args(arguments).arg("--help").output().unwrap();
    String::from_utf8(output.stdout).unwrap().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What the help says of a flag.
fn default(help: &str, flag: &str) -> u64 {
    let after = help.split_once(&format!(" {flag} <")).map(|(_, after)| after);
    let said = after.and_then(|after| after.split_once("[default: ")?.1.split_once(']'));
    said.unwrap_or_else(|| panic!("no default of {flag}")).0.parse().unwrap()
}

/// Every setting of the servers, with its value as TOML has it.
fn settings(table: &Table, above: &str, found: &mut BTreeMap<String, String>) {
    for (key, value) in table {
        let name = if above.is_empty() { key.clone() } else { format!("{above}.{key}") };
        match value {
            Value::Table(inner) => settings(inner, &name, found),
            value => _ = found.insert(name, value.to_string()),
        }
    }
}

#[test]
fn the_list_of_settings_has_every_one_with_its_real_default_and_no_other() {
    let home = tempfile::tempdir().unwrap();
    let mut wormhole = Command::new(env!("CARGO_BIN_EXE_wormhole"));
    wormhole.args(["serve", "--check"]).env_clear().env("HOME", home.path());
    let shown = String::from_utf8(wormhole.output().unwrap().stdout).unwrap();
    let shown = shown.replace(home.path().to_str().unwrap(), "~");
    let mut real = BTreeMap::new();
    settings(&shown.parse().unwrap(), "", &mut real);
    assert!(real.len() > 20, "{shown}");

    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/settings.md");
    let page = fs::read_to_string(page).unwrap();
    let rows = page.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| `")?.split(" | ");
        let name = cells.next()?.trim_end_matches('`');
        Some((name.to_owned(), cells.next()?.trim_matches('`').to_owned()))
    });
    assert_eq!(rows.collect::<BTreeMap<_, _>>(), real);
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
