//! Files by way of proxies, and of Tor.

use std::{net::SocketAddr, process::Command};

use wormhole_sync_testkit::proxy::{Manner, Proxy};

use super::{relay::Relay, stage::Stage};
use crate::support::{Ended, Running, Scene, event, namespace::in_namespace};

const CODE: &str = "7-guitarist-revenge";

/// The address in a URL of a server or relay.
fn address(url: &str) -> SocketAddr {
    let address = url.trim_start_matches("ws://").trim_start_matches("tcp:");
    address.trim_end_matches("/v1").parse().unwrap()
}

fn stage() -> Stage {
    let stage = Stage::new();
    stage.file("plan.txt", "dig");
    stage
}

/// The command in the sender's directory, with nothing said of listening.
fn send(stage: &Stage, arguments: &[&str]) -> Command {
    let mut command = stage.scene.wormhole(&["send", "--code", CODE, "plan.txt"]);
    command.args(arguments).current_dir(stage.from());
    command
}

/// The same in the receiver's.
fn receive(stage: &Stage, arguments: &[&str]) -> Command {
    let mut command = stage.scene.wormhole(&["receive", "--yes", CODE]);
    command.args(arguments).current_dir(stage.to());
    command
}

fn moves(stage: &Stage, sender: &mut Command, receiver: &mut Command) -> [Ended; 2] {
    let sender = Running::start(sender, b"");
    let receiver = Running::start(receiver, b"").end().with_code(0);
    let sender = sender.end().with_code(0);
    assert_eq!(stage.got("plan.txt"), b"dig");
    [sender, receiver]
}

#[test]
fn server_and_relay_are_reached_by_names_that_the_proxy_alone_knows() {
    let (stage, relay) = (stage(), Relay::start());
    let names = [
        ("relay.invalid:80", address(&stage.scene.url)),
        ("transit.invalid:4001", address(&relay.url)),
    ];
    let toy = Proxy::start(Manner::Http, &names).unwrap();
    let proxy = format!("http://{}", toy.address());
    let hidden = [
        "--proxy",
        &proxy,
        "--no-listen",
        "--relay-url",
        "ws://relay.invalid/v1",
        "--transit-helper",
        "tcp:transit.invalid:4001",
    ];
    let [sender, receiver] =
        moves(&stage, &mut send(&stage, &hidden), receive(&stage, &hidden).arg("--json"));
    let route = format!("Through the relay, transit.invalid, by way of {proxy}\n");
    assert!(sender.stderr.contains(&route), "{}", sender.stderr);
    let route = event(&receiver.stderr, "route");
    assert_eq!((&route["address"], &route["proxy"]), (&"transit.invalid".into(), &proxy.into()));
}

#[test]
fn the_side_behind_tor_goes_through_it_alone() {
    let stage = stage();
    let toy = Proxy::start(Manner::Socks, &[]).unwrap();
    let proxy = format!("socks5://{}", toy.address());
    let (mut sender, mut receiver) =
        (send(&stage, &["--tor", "--proxy", &proxy]), receive(&stage, &["--listen=127.0.0.1:0"]));
    let [sender, receiver] = moves(&stage, &mut sender, &mut receiver);
    let route = format!("Directly, 127.0.0.1, by way of Tor at {}\n", toy.address());
    assert!(sender.stderr.contains(&route), "{}", sender.stderr);
    assert!(receiver.stderr.contains("Directly, 127.0.0.1\n"), "{}", receiver.stderr);
    assert_eq!(toy.asked().first().unwrap().target, address(&stage.scene.url).to_string());
}

#[test]
fn tor_is_found_at_its_usual_ports_and_missed_by_name() {
    if !in_namespace(tor_is_found_at_its_usual_ports_and_missed_by_name) {
        return;
    }
    let stage = stage();
    let missed = Running::start(&mut send(&stage, &["--tor"]), b"").end().with_code(4);
    assert!(
        missed.stderr.contains("Tor does not answer at port 9050 or 9150"),
        "{}",
        missed.stderr
    );
    for port in [9150, 9050] {
        let toy = Proxy::start_at(port, Manner::Socks, &[]).unwrap();
        let open = ["--listen=127.0.0.1:0", "--overwrite"];
        moves(&stage, &mut send(&stage, &["--tor"]), &mut receive(&stage, &open));
        assert!(!toy.asked().is_empty(), "{port}");
    }
}

#[test]
fn the_environment_names_a_proxy_and_an_empty_option_none() {
    let stage = stage();
    let named = |arguments: &[&str]| {
        let mut command =
            stage.scene.wormhole(&["receive", "4-x", "--relay-url", "ws://r.invalid/v1"]);
        command.args(arguments).env("ALL_PROXY", "socks5://ann:secret@127.0.0.1:9");
        let ended = Running::start(&mut command, b"").end().with_code(4);
        assert!(!ended.stderr.contains("secret"), "{}", ended.stderr);
        ended.stderr.contains("socks5://127.0.0.1:9 does not answer")
    };
    assert!(named(&[]));
    assert!(!named(&["--proxy", ""]));
}

#[test]
fn what_contradicts_itself_is_2() {
    let stage = stage();
    for (arguments, reason) in [
        (
            &["--proxy", "ftp://ann:secret@127.0.0.1"][..],
            "'ftp://127.0.0.1' is no address of a proxy",
        ),
        (&["--tor", "--proxy", "http://127.0.0.1:9"], "http://127.0.0.1:9 cannot be Tor"),
        (&["--tor", "--local"], "leave out one of them"),
        (&["--tor", "--listen=127.0.0.1:0"], "leave out one of them"),
    ] {
        for mut command in [send(&stage, arguments), receive(&stage, arguments)] {
            let ended = Running::start(&mut command, b"").end().with_code(2);
            assert!(ended.stderr.contains(reason), "{arguments:?}: {}", ended.stderr);
        }
    }
    let mut command = send(&stage, &[]);
    let ended = Running::start(command.env("all_proxy", "gopher://x"), b"").end().with_code(2);
    assert!(ended.stderr.contains("'gopher://x' is no address of a proxy"), "{}", ended.stderr);
    let served = stage.scene.run(&["serve", "mailbox", "--tor", "--listen", "127.0.0.1:0"]);
    assert!(served.with_code(2).stderr.contains("a server connects to nobody"));
}

#[test]
fn a_code_of_the_local_network_is_not_looked_for_behind_tor() {
    let scene = Scene::without_server();
    let ended = scene.run(&["receive", "--tor", "local-7-guitarist"]).with_code(2);
    assert!(ended.stderr.contains("--tor"), "{}", ended.stderr);
}
