//! A few kills, each time; the hundred of the claim is `crash 100`.

use std::process::Command;

#[test]
fn nothing_acknowledged_is_lost_when_the_server_is_killed() {
    let output = Command::new(env!("CARGO_BIN_EXE_crash")).arg("5").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("no acknowledged message lost"), "{error}");
}

#[test]
fn whoever_asks_for_help_gets_it_and_nothing_is_run() {
    let help = Command::new(env!("CARGO_BIN_EXE_crash")).arg("--help").output().unwrap();
    let text = String::from_utf8_lossy(&help.stdout);
    assert!(help.status.success() && text.contains("Usage: crash [KILLS]"), "{text}");
    let nonsense = Command::new(env!("CARGO_BIN_EXE_crash")).arg("often").output().unwrap();
    assert_eq!(nonsense.status.code(), Some(2));
}
