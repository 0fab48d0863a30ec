//! Mailbox server and relay in one process, and the relay alone.

use crate::support::{Running, Scene};

/// The address that a line of the server's tells.
pub(super) fn address(server: &Running, before: &str, behind: &str) -> String {
    let whole = |line: &String| line.ends_with(behind);
    let line =
        Some(server.wait_for_stderr(&format!("listening on {before}"))).filter(whole).unwrap();
    let (_, address) = line.split_once("listening on ").unwrap();
    address.to_owned()
}

/// Sends a file through this relay, and in no other way.
pub(super) fn transfer(scene: &Scene, server: &str, relay: &str) {
    let content = vec![b'x'; 300_000];
    scene.file("sent", &content);
    let common = ["--relay-url", server, "--transit-helper", relay];
    let sender = [&common[..], &["send", "--no-listen", "--code", "5-a-b", "sent"]].concat();
    let sender = scene.start(&sender);
    let receiver = ["receive", "--no-listen", "--yes", "-o", "received", "--overwrite", "5-a-b"];
    let received = scene.run(&[&common[..], &receiver].concat()).with_code(0);
    assert!(received.stderr.contains("Through the relay"), "{}", received.stderr);
    sender.end().with_code(0);
    assert!(std::fs::read(scene.home().join("received")).unwrap() == content);
}

#[test]
fn one_process_lets_two_sides_meet_and_takes_their_file_by_tcp_and_by_websocket() {
    let scene = Scene::without_server();
    let server = scene.start(&[
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--relay-listen",
        "127.0.0.1:0",
        "--db",
        ":memory:",
    ]);
    let relay = address(&server, "tcp:", "");
    let mailbox = address(&server, "ws:", "/v1");
    let websocket = mailbox.replace("/v1", "/relay");
    assert!(server.stderr().contains(&websocket), "{}", server.stderr());
    transfer(&scene, &mailbox, &relay);
    transfer(&scene, &mailbox, &websocket);
    server.signal("TERM");
    server.end().with_code(0);
}

#[test]
fn a_server_that_nobody_could_reach_is_not_started() {
    let scene = Scene::without_server();
    for arguments in [
        &["serve", "--set", "web.listen=", "--set", "relay.listen="][..],
        &["serve", "--set", "web.listen=", "--relay-listen", "127.0.0.1:0"],
        &["serve", "mailbox", "--set", "web.listen=", "--set", "relay.listen=127.0.0.1:0"],
        &["serve", "relay", "--set", "relay.listen=", "--admin-listen", "127.0.0.1:0"],
    ] {
        let checked = scene.run(&[arguments, &["--check"]].concat()).with_code(2);
        let served = scene.run(arguments).with_code(2);
        assert!(served.stderr.contains("no client can reach the"), "{}", served.stderr);
        assert_eq!(served.stderr, checked.stderr);
        assert!(!scene.home().join(".local").exists(), "{arguments:?}");
    }
}

#[test]
fn the_door_of_a_relay_that_does_not_run_is_told() {
    let scene = Scene::without_server();
    let file = scene.file("wormhole.toml", "[relay]\nlisten = ['127.0.0.1:0']\n");
    let file = ["--config", file.to_str().unwrap()];
    let mailbox = ["serve", "mailbox", "--listen", "127.0.0.1:0", "--db", ":memory:"];
    let told = "wormhole.toml) opens no door, for no relay runs";
    let checked = scene.run(&[&mailbox[..], &file, &["--check"]].concat()).with_code(0);
    assert!(checked.stderr.contains(told), "{}", checked.stderr);
    let server = scene.start(&[&mailbox[..], &file].concat());
    server.wait_for_stderr(told);

    let checked = scene.run(&[&mailbox[..], &["--check"]].concat()).with_code(0);
    assert_eq!(checked.stderr, "checked: nothing is wrong\n");
}

#[test]
fn a_relay_alone_makes_no_database_and_serves_no_web_unless_it_is_told() {
    let scene = Scene::without_server();
    let checked = scene.run(&["serve", "relay", "--check"]).with_code(0);
    let text = checked.text();
    assert!(text.contains("[relay]") && !text.contains("[mailbox"), "{text}");
    assert!(text.contains("[web]\nlisten = []"), "{text}");

    let arguments = ["serve", "relay", "--relay-listen", "127.0.0.1:0"];
    let server = scene.start(&arguments);
    let relay = address(&server, "tcp:", "");
    server.signal("TERM");
    let said = server.end().with_code(0).stderr;
    assert_eq!(said.matches("listening on").count(), 1, "{said}");
    assert!(relay.starts_with("tcp:127.0.0.1:") && !scene.home().join(".local").exists());

    let server = scene.start(&[&arguments[..], &["--listen", "127.0.0.1:0"]].concat());
    let websocket = address(&server, "ws:", "/relay");
    assert!(websocket.starts_with("ws://127.0.0.1:"), "{websocket}");
}
