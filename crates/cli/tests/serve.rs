//! `wormhole serve mailbox`, and what the command prints about itself.

#![cfg(unix)]
mod support;

use support::{Running, Scene};

#[test]
fn the_server_says_where_it_listens_and_stops_when_told() {
    let scene = Scene::without_server();
    for signal in ["INT", "TERM"] {
        let server =
            scene.start(&["serve", "mailbox", "--listen", "127.0.0.1:0", "--db", ":memory:"]);
        let line = server.wait_for_stderr("listening on ");
        assert!(
            line.starts_with("listening on ws://127.0.0.1:") && line.ends_with("/v1"),
            "{line}"
        );
        server.signal(signal);
        server.end().with_code(0);
    }
}

#[test]
fn a_port_in_use_is_told() {
    let scene = Scene::new();
    let address = scene.url.trim_start_matches("ws://").trim_end_matches("/v1").to_owned();
    let refused =
        scene.run(&["serve", "mailbox", "--listen", &address, "--db", ":memory:"]).with_code(1);
    assert!(refused.stderr.contains(&address), "{}", refused.stderr);
}

#[test]
fn the_database_has_a_usual_place_that_is_private() {
    use std::os::unix::fs::PermissionsExt;
    let scene = Scene::without_server();
    let server = scene.start(&["serve", "mailbox", "--listen", "127.0.0.1:0"]);
    server.wait_for_stderr("listening on ");
    let directory = scene.home().join(".local/state/wormhole-sync");
    wait_for(&directory.join("mailbox.sqlite"));
    assert_eq!(std::fs::metadata(&directory).unwrap().permissions().mode() & 0o777, 0o700);

    let mut command = scene.wormhole(&["serve", "mailbox", "--listen", "127.0.0.1:0"]);
    let elsewhere = scene.home().join("state");
    let server = Running::start(command.env("XDG_STATE_HOME", &elsewhere), b"");
    server.wait_for_stderr("listening on ");
    wait_for(&elsewhere.join("wormhole-sync/mailbox.sqlite"));
}

fn wait_for(path: &std::path::Path) {
    let end = std::time::Instant::now() + support::PATIENCE;
    while !path.exists() {
        assert!(std::time::Instant::now() < end, "{} never came", path.display());
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

#[test]
fn a_database_that_cannot_be_is_told() {
    let scene = Scene::without_server();
    let refused = scene
        .run(&["serve", "mailbox", "--listen", "127.0.0.1:0", "--db", "/dev/null/x"])
        .with_code(1);
    assert!(refused.stderr.contains("/dev/null/x"), "{}", refused.stderr);
    assert!(!refused.stderr.contains("listening"), "{}", refused.stderr);
}

#[test]
fn what_the_server_logs_is_told_in_the_form_of_the_rest() {
    let scene = Scene::without_server();
    let arguments = ["serve", "mailbox", "--listen", "127.0.0.1:0", "--db", ":memory:"];
    let plain = scene.start(&arguments);
    plain.wait_for_stderr("listening on ");
    assert!(
        plain.stderr().starts_with("info: mailbox server starts, mailboxes: 0\n"),
        "{}",
        plain.stderr()
    );
    let json = scene.start(&[&["--json"][..], &arguments].concat());
    let line = json.wait_for_stderr("mailbox server starts");
    assert_eq!(
        line,
        r#"{"event":"log","level":"info","text":"mailbox server starts, mailboxes: 0"}"#
    );
}

#[test]
fn every_limit_is_a_flag() {
    let scene = Scene::with_server(&[
        "--message-bytes",
        "4000",
        "--unbound-message-bytes",
        "1000",
        "--incoming-bytes",
        "100000",
        "--incoming-bytes-per-address",
        "50000",
        "--mailbox-messages",
        "10",
        "--mailbox-bytes",
        "5000",
        "--mailboxes-per-address",
        "2",
        "--mailboxes",
        "3",
        "--stored-bytes",
        "9000",
        "--stored-bytes-per-address",
        "8000",
        "--connections-per-address",
        "4",
        "--connections",
        "5",
        "--head-bytes",
        "2000",
        "--outbox-bytes",
        "6000",
        "--outboxes-bytes",
        "60000",
        "--outboxes-bytes-per-address",
        "30000",
        "--database-bytes",
        "1000000",
        "--limit-loopback",
        "--handshake-time",
        "5",
        "--message-time",
        "20",
        "--ping-time",
        "50",
        "--silence-time",
        "100",
        "--idle-mailbox-time",
        "60",
        "--prune-time",
        "30",
        "--trusted-proxy",
        "192.0.2.1",
        "--advertise-version",
        "0.24.0",
    ]);
    let refused =
        scene.start_with(&["exchange", "--code", "5-a", "--timeout", "20"], &[b'x'; 3000]);
    let other = scene.start(&["exchange", "5-a", "--text", "y", "--timeout", "3"]);
    let (refused, other) = (refused.end(), other.end());
    let text = "this server's limit is 4000 bytes";
    assert!(refused.stderr.contains(text), "{}", refused.stderr);
    assert_ne!(refused.code, Some(0), "a message over the limit was taken");
    assert_ne!(other.code, Some(0));
}

#[test]
fn json_tells_of_the_server_too() {
    let scene = Scene::without_server();
    let server =
        scene.start(&["--json", "serve", "mailbox", "--listen", "127.0.0.1:0", "--db", ":memory:"]);
    let event: serde_json::Value =
        serde_json::from_str(&server.wait_for_stderr("listening")).unwrap();
    assert_eq!(event["event"], "listening");
}

#[test]
fn completions_are_printed_for_each_shell() {
    let scene = Scene::without_server();
    for shell in ["bash", "zsh", "fish"] {
        let script = scene.run(&["completions", shell]).with_code(0);
        assert!(
            script.text().contains("exchange") && script.text().contains("code-file"),
            "{shell}"
        );
    }
    scene.run(&["completions", "csh"]).with_code(2);
}

#[test]
fn the_manual_page_names_every_command_and_exit_code() {
    let scene = Scene::without_server();
    let page = scene.run(&["man"]).with_code(0);
    for word in ["exchange", "receive", "serve", "WORMHOLE_RELAY_URL", "143", "mailbox\\-bytes"] {
        assert!(page.text().contains(word), "{word}");
    }
}

#[test]
fn help_is_there_and_says_how_it_ends() {
    let scene = Scene::without_server();
    let help = scene.run(&["--help"]).with_code(0);
    assert!(help.text().contains("Exit codes:") && help.text().contains("NO_COLOR"));
    for command in ["exchange", "send", "receive", "serve"] {
        let help = scene.run(&[command, "--help"]).with_code(0);
        assert!(help.text().starts_with(|letter: char| letter.is_uppercase()), "{command}");
    }
    let version = scene.run(&["--version"]).with_code(0);
    assert_eq!(version.text(), concat!("wormhole ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn a_time_of_nothing_is_refused() {
    let scene = Scene::without_server();
    for time in ["handshake", "ping", "silence", "idle-mailbox", "prune"] {
        let flag = format!("--{time}-time");
        let refused = scene.run(&["serve", "mailbox", &flag, "0"]).with_code(2);
        assert!(refused.stderr.contains(&flag), "{}", refused.stderr);
    }
}
