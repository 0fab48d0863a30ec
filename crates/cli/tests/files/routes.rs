//! The way of the bytes: directly at a port of either side, or through a relay.

use std::{net::TcpListener, process::Command};

use super::{relay::Relay, stage::Stage};
use crate::support::namespace::in_namespace;
use crate::support::{Running, Scene, event, whole::Whole};

fn stage() -> Stage {
    let stage = Stage::new();
    stage.file("plan.txt", "dig");
    stage
}

#[test]
fn one_side_that_does_not_listen_is_enough() {
    for (sender, receiver) in [(&["--no-listen"][..], &[][..]), (&[], &["--no-listen"])] {
        let stage = stage();
        let (sender, receiver) =
            stage.moves(&[sender, &["plan.txt"]].concat(), &[receiver, &["--yes"]].concat());
        for said in [&sender.stderr, &receiver.stderr] {
            assert!(said.contains("Directly, 127.0.0.1\n"), "{said}");
        }
    }
}

#[test]
fn two_sides_that_cannot_reach_each_other_are_told_what_to_do() {
    let stage = stage();
    let sender = stage.send(&["--no-listen", "plan.txt"]);
    let receiver = stage.receive(&["--no-listen", "--yes"], b"").end();
    let sides = [sender.end(), receiver];
    for side in &sides {
        let said = match side.code {
            Some(4) => "name a transit relay on one side",
            Some(5) => "a transit relay that one side names would help", // the other has noticed first, and said so
            code => panic!("{code:?}"),
        };
        assert!(side.stderr.contains(said), "{}", side.stderr);
    }
    assert!(sides.iter().any(|side| side.code == Some(4)));
    assert!(stage.stands().is_empty());
}

#[test]
fn a_relay_that_one_side_names_serves_both() {
    for named_by_sender in [true, false] {
        let (stage, relay) = (stage(), Relay::start());
        let (with, without) = (["--no-listen", "--transit-helper", &relay.url], ["--no-listen"]);
        let (sender, receiver) =
            if named_by_sender { (&with[..], &without[..]) } else { (&without[..], &with[..]) };
        let (sender, receiver) = stage
            .moves(&[sender, &["plan.txt"]].concat(), &[receiver, &["--yes", "--json"]].concat());
        assert!(sender.stderr.contains("Through the relay, 127.0.0.1\n"), "{}", sender.stderr);
        assert_eq!(event(&receiver.stderr, "route")["kind"], "relay");
        assert_eq!(stage.got("plan.txt"), b"dig");
    }
}

#[test]
fn a_relay_that_the_server_advertises_serves_who_names_none() {
    if !in_namespace(a_relay_that_the_server_advertises_serves_who_names_none) {
        return; // elsewhere a mistake would lead to the public relay
    }
    let (stage, whole) = (stage(), Whole::start());
    let start = |mut command: Command| {
        command.args(["--no-listen", "--relay-url", &whole.url]);
        Running::start(command.env_remove("WORMHOLE_TRANSIT_HELPER"), b"")
    };
    let sender = start(stage.sender(&["--code", "7-guitarist-revenge", "plan.txt"]));
    let receiver = start(stage.receiver(&["7-guitarist-revenge", "--yes"])).end().with_code(0);
    assert!(receiver.stderr.contains("Through the relay, 127.0.0.1\n"), "{}", receiver.stderr);
    sender.end().with_code(0);
    assert_eq!(stage.got("plan.txt"), b"dig");
}

#[test]
fn a_relay_is_named_by_the_environment_too_and_an_option_has_precedence() {
    let (stage, relay) = (stage(), Relay::start());
    let mut command = stage.sender(&["--code", "7-guitarist-revenge", "--no-listen", "plan.txt"]);
    let sender = Running::start(command.env("WORMHOLE_TRANSIT_HELPER", &relay.url), b"");
    let arguments = ["--no-listen", "--yes", "--transit-helper", ""];
    let mut command = stage.receiver(&["7-guitarist-revenge"]);
    command.args(arguments).env("WORMHOLE_TRANSIT_HELPER", "tcp:127.0.0.1:9");
    let receiver = Running::start(&mut command, b"").end().with_code(0);
    assert!(receiver.stderr.contains("Through the relay"), "{}", receiver.stderr);
    sender.end().with_code(0);
}

#[test]
fn a_direct_way_is_preferred_to_a_relay_and_a_dead_relay_harms_nobody() {
    let relay = Relay::start();
    for relay in [&*relay.url, "tcp:127.0.0.1:9"] {
        let stage = stage();
        let (sender, _) = stage
            .moves(&["plan.txt", "--transit-helper", relay], &["--yes", "--transit-helper", relay]);
        assert!(sender.stderr.contains("Directly, "), "{}", sender.stderr);
    }
}

#[test]
fn a_port_is_pinned_with_its_address() {
    for is_joined in [true, false] {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let stage = stage();
        let address = format!("127.0.0.1:{port}");
        let joined = format!("--listen={address}");
        let listen = if is_joined { &[&*joined][..] } else { &["--listen", &address] };
        let sender = stage.send(&[listen, &["plan.txt"]].concat());
        sender.wait_for_stderr("Wormhole code is");
        stage.receive(&["--no-listen", "--yes"], b"").end().with_code(0);
        sender.end().with_code(0);
        assert_eq!(stage.got("plan.txt"), b"dig");
    }
}

#[test]
fn a_port_alone_is_one_of_every_interface() {
    if !in_namespace(a_port_alone_is_one_of_every_interface) {
        return;
    }
    for listen in ["--listen=40001", "--listen", "--listen=[::1]:40002"] {
        let stage = stage();
        let sender = stage.send(&["--no-listen", listen, "plan.txt"]);
        stage.receive(&["--no-listen", "--yes"], b"").end().with_code(0);
        sender.end().with_code(0);
    }
}

#[test]
fn a_port_that_is_taken_is_told_before_a_code_is_shown_or_spent() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = format!("--listen={}", taken.local_addr().unwrap());
    let stage = stage();
    let sender = stage.send(&[&listen, "plan.txt"]).end().with_code(1);
    assert!(!sender.stderr.contains("code is"), "{}", sender.stderr);
    let good = stage.send(&["plan.txt"]);
    good.wait_for_stderr("code is");
    let receiver = stage.receive(&[&listen, "--yes"], b"").end().with_code(1);
    for refused in [sender, receiver] {
        assert!(refused.stderr.contains("choose another port"), "{}", refused.stderr);
    }
    stage.receive(&["--yes"], b"").end().with_code(0);
    good.end().with_code(0);
    // Where nothing is listened for, nothing is in the way.
    let text = stage.send(&[&listen, "--text", "noon"]);
    stage.receive(&[&listen, "--only-text"], b"").end().with_code(0);
    text.end().with_code(0);
}

#[test]
fn a_port_or_a_relay_that_is_none_is_2() {
    let stage = stage();
    for arguments in [
        &["--listen=nowhere"][..],
        &["--listen=65536"],
        &["--listen=127.0.0.1"],
        &["--transit-helper", "relay.example.com"],
        &["--transit-helper", "http://127.0.0.1/"],
    ] {
        let refused = stage.send(&[arguments, &["plan.txt"]].concat()).end().with_code(2);
        assert!(refused.stderr.contains(arguments.last().unwrap().trim_start_matches("--listen=")));
        stage.receive(arguments, b"").end().with_code(2);
    }
}

#[test]
fn a_file_goes_without_any_server() {
    if !in_namespace(a_file_goes_without_any_server) {
        return;
    }
    let stage = Stage::on(Scene::without_server());
    stage.file("plan.txt", "dig");
    let mut command = stage.sender(&["--local", "plan.txt"]);
    let sender = Running::start(command.env_remove("WORMHOLE_LOCAL_INTERFACE"), b"");
    let code = sender.code();
    let mut command = stage.receiver(&["--yes", &code]);
    let receiver = Running::start(command.env_remove("WORMHOLE_LOCAL_INTERFACE"), b"");
    receiver.end().with_code(0);
    sender.end().with_code(0);
    assert_eq!(stage.got("plan.txt"), b"dig");
}
