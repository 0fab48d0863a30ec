//! This computer: its ports, its addresses, its network.

use std::net::TcpListener;

use super::toys::{assert_problem, finding};
use crate::support::namespace::{Far, in_namespace, locally, start};
use crate::support::{Running, Scene, events};

#[test]
fn a_port_that_is_taken_is_1() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = taken.local_addr().unwrap().to_string();
    let scene = Scene::new();
    let ended = scene.run(&["doctor", "--json", "--listen", &at]).with_code(1);
    assert_problem(&finding(&ended, "listening"), "cannot be listened on", "another port");
    drop(taken);
    let ended = scene.run(&["doctor", "--json", "--listen", &at]).with_code(0);
    let free = finding(&ended, "listening");
    assert!(free["detail"].as_str().unwrap().contains(at.rsplit(':').next().unwrap()), "{free}");
}

#[test]
fn who_does_not_listen_is_told_what_that_means() {
    let ended = Scene::new().run(&["doctor", "--json", "--no-listen"]).with_code(0);
    assert_eq!(finding(&ended, "listening")["state"], "skipped");
    assert_problem(&finding(&ended, "direct"), "--no-listen", "--transit-helper");
}

#[test]
fn without_any_network_the_way_without_a_server_is_named_and_works() {
    if !in_namespace(without_any_network_the_way_without_a_server_is_named_and_works) {
        return;
    }
    let scene = Scene::without_server();
    let away = ["doctor", "--json", "--relay-url", "wss://relay.invalid/v1"];
    let ended = start(&scene, &away).end().with_code(4);
    let last = events(&ended.stderr).pop().unwrap();
    let said = last["message"].as_str().unwrap();
    assert!(said.contains("has no network") && said.contains("--local"), "{said}");
    assert_problem(&finding(&ended, "addresses"), "this computer alone", "--local");

    let ended = start(&scene, &["doctor", "--json", "--local"]).end().with_code(0);
    assert_eq!(finding(&ended, "local_network")["state"], "ok", "{}", ended.stderr);
    for check in ["mailbox_server", "relay"] {
        assert_eq!(finding(&ended, check)["state"], "skipped", "{}", ended.stderr);
    }
}

#[test]
fn a_computer_of_one_network_is_seen_at_its_own_address() {
    if !in_namespace(a_computer_of_one_network_is_seen_at_its_own_address) {
        return;
    }
    let scene = Scene::without_server();
    let far = Far::join();
    let serve = ["serve", "mailbox", "--listen", "10.99.0.2:0", "--db", ":memory:"];
    let server = far.start(&scene, &serve);
    let line = server.wait_for_stderr("listening on ");
    let url = line.split_whitespace().find(|word| word.starts_with("ws://")).unwrap();
    let ended = start(&scene, &["doctor", "--json", "--relay-url", url]).end().with_code(0);
    let direct = finding(&ended, "direct");
    assert!(direct["detail"].as_str().unwrap().contains("network (10.99.0.1)"), "{direct}");
    assert!(
        finding(&ended, "addresses")["detail"].as_str().unwrap().contains("10.99.0.1 (private)")
    );
}

#[test]
fn an_interface_that_is_not_there_is_4_where_it_is_needed() {
    let scene = Scene::new();
    let named = ["doctor", "--json", "--local-interface", "nowhere0"];
    let ended = Running::start(&mut locally(&scene, &named), b"").end().with_code(0);
    assert_problem(&finding(&ended, "local_network"), "no such interface", "--local-interface");
    let needed = [&named[..], &["--local"]].concat();
    Running::start(&mut locally(&scene, &needed), b"").end().with_code(4);
}
