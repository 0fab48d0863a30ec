//! Two sides that do not meet, and are told why.

use mdns_sd::{ServiceDaemon, ServiceInfo};

use super::SERVICE;
use crate::support::namespace::{in_namespace, locally, start};
use crate::support::{Running, Scene};

#[test]
fn a_wrong_code_is_told_to_both_sides() {
    if !in_namespace(a_wrong_code_is_told_to_both_sides) {
        return;
    }
    let scene = Scene::without_server();
    let sender = start(&scene, &["send", "--code", "local-5-right", "--text", "x"]);
    sender.wait_for_stderr("Wormhole code is");
    start(&scene, &["receive", "local-5-wrong"]).end().with_code(3);
    sender.end().with_code(3);
}

#[test]
fn two_hosts_of_one_number_are_not_guessed_between() {
    if !in_namespace(two_hosts_of_one_number_are_not_guessed_between) {
        return;
    }
    let scene = Scene::without_server();
    let host = start(&scene, &["send", "--code", "local-5-right", "--text", "x"]);
    host.wait_for_stderr("Wormhole code is");
    let stranger = ServiceDaemon::new().unwrap();
    let number = &[("nameplate", "5")][..];
    let service = ServiceInfo::new(SERVICE, "stranger", "stranger.local.", "127.0.0.1", 9, number);
    stranger.register(service.unwrap()).unwrap();
    let refused = start(&scene, &["receive", "local-5-right"]).end().with_code(4);
    assert!(refused.stderr.contains("two others on the local network"), "{}", refused.stderr);
    let another = start(&scene, &["send", "--local", "--text", "x"]);
    assert!(!another.code().starts_with("local-5-"), "a taken number is not chosen");
}

#[test]
fn nobody_there_is_an_error_that_says_so() {
    if !in_namespace(nobody_there_is_an_error_that_says_so) {
        return;
    }
    let scene = Scene::without_server();
    let alone = start(&scene, &["receive", "local-5-guitarist-revenge"]).end().with_code(4);
    assert!(
        alone.stderr.contains("nobody on the local network waits with number 5"),
        "{}",
        alone.stderr
    );
}

#[test]
fn a_local_code_never_reaches_a_server_nor_a_servers_code_the_network() {
    if !in_namespace(a_local_code_never_reaches_a_server_nor_a_servers_code_the_network) {
        return;
    }
    let scene = Scene::new();
    let waiting =
        scene.start(&["send", "--code", "5-guitarist-revenge", "--text", "at the server"]);
    waiting.wait_for_stderr("Wormhole code is");
    let local = start(&scene, &["send", "--code", "local-5-guitarist-revenge", "--text", "near"]);
    local.wait_for_stderr("Wormhole code is");
    assert_eq!(
        start(&scene, &["receive", "local-5-guitarist-revenge"]).end().with_code(0).text(),
        "near\n"
    );
    local.end().with_code(0);
    start(&scene, &["receive", "local-5-guitarist-revenge"]).end().with_code(4);
    start(&scene, &["receive", "--local", "5-guitarist-revenge"]).end().with_code(2);
    start(&scene, &["send", "--local", "--code", "5-guitarist-revenge", "--text", "x"])
        .end()
        .with_code(2);
    let last = start(&scene, &["receive", "5-guitarist-revenge"]).end().with_code(0);
    assert_eq!(last.text(), "at the server\n", "its one guess was never spent");
    waiting.end().with_code(0);
}

#[test]
fn a_code_of_an_unreachable_server_is_no_local_code() {
    if !in_namespace(a_code_of_an_unreachable_server_is_no_local_code) {
        return;
    }
    let scene = Scene::without_server();
    for arguments in
        [&["receive", "5-guitarist-revenge"][..], &["send", "--code", "5-a", "--text", "x"]]
    {
        let refused = start(&scene, arguments).end().with_code(4);
        assert!(refused.stderr.contains("--local"), "{}", refused.stderr);
    }
    start(&scene, &["send", "--no-local", "--text", "x"]).end().with_code(4);
}

#[test]
fn a_servers_code_at_the_local_prompt_is_refused() {
    if !in_namespace(a_servers_code_at_the_local_prompt_is_refused) {
        return;
    }
    let scene = Scene::without_server();
    let mut command = locally(&scene, &["receive"]);
    let refused = Running::start(&mut command, b"5-guitarist-revenge\n").end().with_code(2);
    assert!(refused.stderr.contains("belongs to a server"), "{}", refused.stderr);
}
