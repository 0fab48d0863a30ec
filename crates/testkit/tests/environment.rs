//! The server and the proxy that the environment names, in a process of its own: the environment is the whole process's.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that meets the unexpected is to stop"
)]

use std::{
    env,
    process::{Command, Stdio},
    time::Duration,
};

use wormhole_sync::{
    DEFAULT_RENDEZVOUS, NO_PROXY_VARIABLE, Options, PROXY_VARIABLE, RENDEZVOUS_VARIABLE, Wormhole,
};

/// What a child waits for at most. A name under `invalid` is never found, and a proxy refuses at once.
const LIMIT: Duration = Duration::from_secs(20);

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

/// The reason that a child has for not reaching a server, with these variables in its environment.
fn reason(variables: &[(&str, &str)]) -> String {
    let mut child = Command::new(env::current_exe().unwrap());
    child.args(["--exact", "--nocapture", "in_a_child_a_server_cannot_be_reached"]);
    child.env(EXPECTED, "nothing");
    for name in [PROXY_VARIABLE, "all_proxy", NO_PROXY_VARIABLE, "no_proxy"] {
        child.env_remove(name);
    }
    let output = child.envs(variables.iter().copied()).output().unwrap();
    assert!(output.status.success(), "{variables:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn in_a_child_a_server_cannot_be_reached() {
    if env::var(EXPECTED).is_err() {
        return; // this is no child
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let options = Options::new().rendezvous("ws://192.0.2.1.invalid/v1").time_limit(LIMIT);
    let by =
        |options| runtime.block_on(Wormhole::connect("example.com/test", options)).err().unwrap();
    println!("by default: {}", by(options.clone()));
    println!("without: {}", by(options.no_proxy()));
}

#[test]
fn the_environment_names_the_proxy_and_what_needs_none() {
    let (one, other) = ("socks5://127.0.0.1:1", "http://127.0.0.1:1");
    let by_default = |variables: &[(&str, &str)]| {
        let said = reason(variables);
        let without = said.lines().find(|line| line.starts_with("without: ")).unwrap();
        assert!(!without.contains("does not answer"), "{said}");
        said.lines().find(|line| line.starts_with("by default: ")).unwrap().to_owned()
    };
    let asked = format!("{one} does not answer");
    assert!(by_default(&[(PROXY_VARIABLE, one)]).contains(&asked));
    assert!(by_default(&[("all_proxy", one), (PROXY_VARIABLE, other)]).contains(&asked));
    assert!(!by_default(&[(PROXY_VARIABLE, "")]).contains("does not answer"));
    let needs_none = [(PROXY_VARIABLE, one), (NO_PROXY_VARIABLE, "example.com, invalid")];
    assert!(!by_default(&needs_none).contains("does not answer"));
    assert!(by_default(&[(PROXY_VARIABLE, "gopher://x")]).contains("no address of a proxy"));
}
