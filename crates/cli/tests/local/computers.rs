//! Two computers on one network, and which of their addresses take part.

use std::net::TcpStream;

use mdns_sd::{ServiceDaemon, ServiceEvent};

use super::SERVICE;
use crate::support::namespace::{Far, in_namespace, locally, run, start};
use crate::support::{self, Running, Scene};

#[test]
fn two_computers_on_one_network_find_each_other() {
    if !in_namespace(two_computers_on_one_network_find_each_other) {
        return;
    }
    let scene = Scene::without_server();
    let far = Far::join();
    for sides in [["--local-interface", "all"], ["--local-interface", "near"]] {
        let sender =
            start(&scene, &[&["send", "--text", "across", "--local"], &sides[..]].concat());
        let receiver = far.start(&scene, &["receive", &sender.code()]).end().with_code(0);
        assert_eq!(receiver.text(), "across\n");
        sender.end().with_code(0);
    }
    let sender = far.start(&scene, &["send", "--text", "back"]); // no server there either
    assert_eq!(start(&scene, &["receive", &sender.code()]).end().with_code(0).text(), "back\n");
    sender.end().with_code(0);
}

#[test]
fn no_proxy_stands_between_two_computers_of_one_network() {
    if !in_namespace(no_proxy_stands_between_two_computers_of_one_network) {
        return;
    }
    let scene = Scene::without_server();
    let far = Far::join();
    let sender = far.start(&scene, &["send", "--text", "across", "--local"]);
    let mut command = locally(&scene, &["receive", &sender.code()]);
    command.env("ALL_PROXY", "socks5://127.0.0.1:9"); // nobody is there
    assert_eq!(Running::start(&mut command, b"").end().with_code(0).text(), "across\n");
    sender.end().with_code(0);
}

#[test]
fn what_is_pinned_to_loopback_stays_on_its_computer() {
    if !in_namespace(what_is_pinned_to_loopback_stays_on_its_computer) {
        return;
    }
    let scene = Scene::without_server();
    let far = Far::join();
    let mut command = locally(&scene, &["send", "--text", "at home", "--local"]);
    let sender = Running::start(command.env("WORMHOLE_LOCAL_INTERFACE", "loopback"), b"");
    let code = sender.code();
    far.start(&scene, &["receive", &code]).end().with_code(4);
    let receiver = start(&scene, &["receive", &code, "--local-interface", "loopback"]);
    assert_eq!(receiver.end().with_code(0).text(), "at home\n");
    sender.end().with_code(0);
}

/// The port at which the first host is announced that shows up.
fn announced_port() -> u16 {
    let daemon = ServiceDaemon::new().unwrap();
    let events = daemon.browse(SERVICE).unwrap();
    loop {
        if let ServiceEvent::ServiceResolved(service) =
            events.recv_timeout(support::PATIENCE).unwrap()
        {
            daemon.shutdown().unwrap();
            return service.port;
        }
    }
}

#[test]
fn silent_connections_do_not_keep_the_other_side_out() {
    if !in_namespace(silent_connections_do_not_keep_the_other_side_out) {
        return;
    }
    let scene = Scene::without_server();
    let host = start(&scene, &["send", "--code", "local-5-guitarist", "--text", "still in"]);
    host.wait_for_stderr("Wormhole code is");
    let port = announced_port();
    let silent: Vec<TcpStream> =
        (0..100).map(|_| TcpStream::connect(("127.0.0.1", port)).unwrap()).collect();
    let guest = start(&scene, &["receive", "local-5-guitarist"]).end().with_code(0);
    assert_eq!(guest.text(), "still in\n");
    host.end().with_code(0);
    drop(silent);
}

#[test]
fn a_host_that_is_pinned_to_an_interface_listens_there_only() {
    if !in_namespace(a_host_that_is_pinned_to_an_interface_listens_there_only) {
        return;
    }
    let scene = Scene::without_server();
    let _far = Far::join();
    run("ip", &["addr", "add", "203.0.113.5/32", "dev", "lo"]);
    let pinned = ["--local-interface", "near"];
    let host =
        start(&scene, &[&["send", "--text", "x", "--code", "local-5-a"], &pinned[..]].concat());
    host.wait_for_stderr("Wormhole code is");
    let port = announced_port();
    TcpStream::connect(("10.99.0.1", port)).unwrap();
    for elsewhere in ["127.0.0.1", "203.0.113.5", "::1"] {
        assert!(TcpStream::connect((elsewhere, port)).is_err(), "{elsewhere}");
    }
}
