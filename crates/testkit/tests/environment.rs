//! The server that the environment names, in a process of its own: the environment is the whole process's.

#![expect(clippy::unwrap_used, reason = "a test that meets the unexpected is to stop")]

use std::{
    env,
    process::{Command, Stdio},
};

use wormhole_sync::{DEFAULT_RENDEZVOUS, Options, RENDEZVOUS_VARIABLE};

/// Where a child finds what its options are to name.
const EXPECTED: &str = "EXPECTED_SERVER";

/// In a child with `named` in its environment, options name `expected`, unless the call names another.
fn assert_options_name(expected: &str, named: Option<&str>) {
    let mut child = Command::new(env::current_exe().unwrap());
    child.args(["--exact", "in_a_child_the_options_name_the_server"]).stdout(Stdio::null());
    child.env(EXPECTED, expected).env_remove(RENDEZVOUS_VARIABLE);
    if let Some(named) = named {
        child.env(RENDEZVOUS_VARIABLE, named);
    }
    assert!(child.status().unwrap().success(), "{RENDEZVOUS_VARIABLE}={named:?}");
}

#[test]
fn in_a_child_the_options_name_the_server() {
    let Ok(expected) = env::var(EXPECTED) else { return }; // this is no child
    assert!(format!("{:?}", Options::new()).contains(&format!("{expected:?}")));
    let by_call = Options::new().rendezvous("ws://by.call/v1");
    assert!(format!("{by_call:?}").contains(r#""ws://by.call/v1""#));
}

#[test]
fn the_environment_names_the_server() {
    assert_options_name("ws://by.environment/v1", Some("ws://by.environment/v1"));
}

#[test]
fn an_environment_that_names_none_or_nothing_leaves_the_default() {
    assert_options_name(DEFAULT_RENDEZVOUS, None);
    assert_options_name(DEFAULT_RENDEZVOUS, Some(""));
}
