//! `wormhole serve mailbox`, and what the command prints about itself.

#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test fails by panicking"
)]

mod support;

mod serve {
    mod both;
    mod operator;
    mod settings;
    mod signals;
    mod systemd;
    mod tls;
}

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
        r#"{"event":"log","level":"info","text":"mailbox server starts, mailboxes: 0","fields":{"mailboxes":"0"}}"#
    );
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
    for word in ["exchange", "receive", "serve", "WORMHOLE_RELAY_URL", "143", "trusted\\-proxy"] {
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
