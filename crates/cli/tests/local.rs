//! Without a server, inside network namespaces of one's own: nothing here reaches a real network.
//!
//! Each test runs itself again inside a new namespace that has nothing but loopback. Where that is
//! not allowed, it says so and passes.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking, and says why it was skipped"
)]

mod support;

use std::{
    net::{TcpListener, TcpStream, UdpSocket},
    process::{Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use mdns_sd::{ServiceDaemon, ServiceEvent, ServiceInfo};
use rexpect::session::{PtySession, spawn_command};
use support::{Running, Scene};

const SERVICE: &str = "_wormhole-sync._tcp.local.";

const INSIDE: &str = "WORMHOLE_TEST_IN_NAMESPACE";

/// Runs the test of this name again in a namespace of its own; `true` inside it.
fn in_namespace(name: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let flags = if may(&["-n"]) { "-n" } else { "-rn" };
    if !may(&[flags]) {
        println!("skipped: this system does not let this user make network namespaces");
        return false;
    }
    let again = Command::new("unshare")
        .args([flags, "sh", "-c", "ip link set lo up && exec \"$0\" --exact --nocapture \"$1\""])
        .arg(std::env::current_exe().unwrap())
        .arg(name)
        .env(INSIDE, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&again.stdout) + String::from_utf8_lossy(&again.stderr);
    assert!(again.status.success() && said.contains("1 passed"), "{said}");
    false
}

fn may(flags: &[&str]) -> bool {
    let mut command = Command::new("unshare");
    command.args(flags).args(["ip", "link", "set", "lo", "up"]);
    let tried = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    tried.is_ok_and(|status| status.success())
}

/// Everything at a terminal until this text, which must come.
#[track_caller]
fn sees(terminal: &mut PtySession, text: &str) -> String {
    terminal.exp_string(text).unwrap_or_else(|error| panic!("{error}"))
}

/// The command, allowed to look at the network of its namespace.
fn locally(scene: &Scene, arguments: &[&str]) -> Command {
    let mut command = scene.wormhole(arguments);
    command.env_remove("WORMHOLE_LOCAL_INTERFACE");
    command
}

fn start(scene: &Scene, arguments: &[&str]) -> Running {
    Running::start(&mut locally(scene, arguments), b"")
}

#[test]
fn a_text_finds_its_way_between_two_terminals_without_a_network() {
    if !in_namespace("a_text_finds_its_way_between_two_terminals_without_a_network") {
        return;
    }
    let scene = Scene::without_server();
    let sender = start(&scene, &["send", "--local", "--text", "found"]);
    let code = sender.code();
    assert!(code.starts_with("local-") && code.split('-').count() == 4, "{code}");
    let receiver = start(&scene, &["receive", &code]).end().with_code(0);
    assert_eq!(receiver.text(), "found\n");
    let sender = sender.end().with_code(0);
    assert!(!sender.stderr.contains("cannot be reached"), "no server was tried: {}", sender.stderr);
}

#[test]
fn a_server_that_cannot_be_reached_leads_here_by_itself() {
    if !in_namespace("a_server_that_cannot_be_reached_leads_here_by_itself") {
        return;
    }
    let scene = Scene::without_server();
    let one = Running::start(&mut locally(&scene, &["exchange"]), b"one");
    let other = Running::start(&mut locally(&scene, &["exchange", &one.code()]), b"other")
        .end()
        .with_code(0);
    let one = one.end().with_code(0);
    assert_eq!((one.text(), other.text()), ("other", "one"));
    assert!(one.stderr.contains(support::NOWHERE) && one.stderr.contains("hosts the exchange"));
}

#[test]
fn the_receiver_can_host_and_whoever_chooses_finds() {
    if !in_namespace("the_receiver_can_host_and_whoever_chooses_finds") {
        return;
    }
    let scene = Scene::without_server();
    let receiver = start(&scene, &["receive", "--allocate"]);
    let line = receiver.wait_for_stderr("Allocated code: ");
    let code = line.split_once(": ").unwrap().1.to_owned();
    start(&scene, &["send", "--code", &code, "--text", "turned"]).end().with_code(0);
    assert_eq!(receiver.end().with_code(0).text(), "turned\n");

    let chooser = start(&scene, &["send", "--code", "local-5-our-own", "--text", "chosen"]);
    chooser.wait_for_stderr("local-5-our-own");
    assert_eq!(
        start(&scene, &["receive", "local-5-our-own"]).end().with_code(0).text(),
        "chosen\n"
    );
    chooser.end().with_code(0);
}

#[test]
fn without_a_code_and_without_a_server_two_find_each_other() {
    if !in_namespace("without_a_code_and_without_a_server_two_find_each_other") {
        return;
    }
    let scene = Scene::without_server();
    let sender = start(&scene, &["send", "-0", "--text", "zero"]);
    sender.wait_for_stderr("wormhole receive -0");
    assert_eq!(start(&scene, &["receive", "-0"]).end().with_code(0).text(), "zero\n");
    sender.end().with_code(0);
}

#[test]
fn a_wrong_code_is_told_to_both_sides() {
    if !in_namespace("a_wrong_code_is_told_to_both_sides") {
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
    if !in_namespace("two_hosts_of_one_number_are_not_guessed_between") {
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
    if !in_namespace("nobody_there_is_an_error_that_says_so") {
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
    if !in_namespace("a_local_code_never_reaches_a_server_nor_a_servers_code_the_network") {
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
    if !in_namespace("a_code_of_an_unreachable_server_is_no_local_code") {
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
fn the_announcement_tells_the_number_and_nothing_of_the_computer() {
    if !in_namespace("the_announcement_tells_the_number_and_nothing_of_the_computer") {
        return;
    }
    let scene = Scene::without_server();
    let sender = start(&scene, &["send", "--code", "local-5-guitarist-revenge", "--text", "x"]);
    sender.wait_for_stderr("Wormhole code is");
    let daemon = ServiceDaemon::new().unwrap();
    let events = daemon.browse(SERVICE).unwrap();
    let service = loop {
        let event = events.recv_timeout(support::PATIENCE).unwrap();
        if let ServiceEvent::ServiceResolved(service) = event {
            break service;
        }
    };
    assert_eq!(service.get_property_val_str("nameplate"), Some("5"));
    assert_eq!(service.txt_properties.len(), 1);
    let said = format!("{service:?}");
    let host = Command::new("hostname").output().map(|output| output.stdout).unwrap_or_default();
    let host = String::from_utf8(host).unwrap();
    for secret in ["guitarist", "revenge", "root", host.trim()] {
        assert!(secret.is_empty() || !said.contains(secret), "{secret} in {said}");
    }
}

#[test]
fn the_number_is_withdrawn_once_the_other_side_is_there() {
    if !in_namespace("the_number_is_withdrawn_once_the_other_side_is_there") {
        return;
    }
    let scene = Scene::without_server();
    let mut command =
        locally(&scene, &["send", "--code", "local-5-guitarist-revenge", "--text", "x", "-v"]);
    let mut sender =
        command.stdin(Stdio::piped()).stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    let receiver = start(&scene, &["receive", "local-5-guitarist-revenge", "--json"]);
    receiver.wait_for_stderr("key_confirmed");
    start(&scene, &["receive", "local-5-guitarist-revenge"]).end().with_code(4);
    std::io::Write::write_all(sender.stdin.as_mut().unwrap(), b"yes\n").unwrap();
    receiver.end().with_code(0);
    assert!(sender.wait().unwrap().success());
}

#[test]
fn at_the_prompt_an_unreachable_server_is_told_and_local_codes_are_completed() {
    if !in_namespace("at_the_prompt_an_unreachable_server_is_told_and_local_codes_are_completed") {
        return;
    }
    let scene = Scene::without_server();
    let sender =
        start(&scene, &["send", "--code", "local-5-guitarist-revenge", "--text", "prompted"]);
    sender.wait_for_stderr("Wormhole code is");
    let patience = u64::try_from(support::PATIENCE.as_millis()).unwrap();
    let mut terminal = spawn_command(locally(&scene, &["receive"]), Some(patience)).unwrap();
    sees(&mut terminal, "cannot be reached");
    sees(&mut terminal, "Enter receive wormhole code: ");
    terminal.send("\t").unwrap();
    terminal.flush().unwrap();
    sees(&mut terminal, "local-");
    std::thread::sleep(std::time::Duration::from_secs(2)); // until the host has answered
    terminal.send("\tguit\treve\t\r").unwrap();
    terminal.flush().unwrap();
    sees(&mut terminal, "local-5-guitarist-revenge");
    let said = terminal.exp_eof().unwrap();
    assert!(said.contains("prompted"), "{said}");
    sender.end().with_code(0);
}

#[test]
fn a_servers_code_at_the_local_prompt_is_refused() {
    if !in_namespace("a_servers_code_at_the_local_prompt_is_refused") {
        return;
    }
    let scene = Scene::without_server();
    let mut command = locally(&scene, &["receive"]);
    let refused = Running::start(&mut command, b"5-guitarist-revenge\n").end().with_code(2);
    assert!(refused.stderr.contains("belongs to a server"), "{}", refused.stderr);
}

#[test]
fn a_guest_whose_host_is_gone_gives_up() {
    if !in_namespace("a_guest_whose_host_is_gone_gives_up") {
        return;
    }
    let scene = Scene::without_server();
    let host = start(&scene, &["exchange", "--code", "local-5-a", "--text", "x", "-v"]);
    host.wait_for_stderr("Wormhole code is");
    let other = ["exchange", "local-5-a", "--text", "y", "--json", "--appid", "another"];
    let guest = start(&scene, &other); // waits there for somebody who never comes
    guest.wait_for_stderr("waiting_for_peer");
    host.signal("KILL");
    let guest = guest.end().with_code(5);
    assert!(guest.stderr.contains("is gone"), "{}", guest.stderr);
}

#[test]
fn an_interrupted_host_leaves_at_once() {
    if !in_namespace("an_interrupted_host_leaves_at_once") {
        return;
    }
    let scene = Scene::without_server();
    let host = start(&scene, &["send", "--code", "local-5-a", "--text", "x"]);
    host.wait_for_stderr("Wormhole code is");
    host.signal("INT");
    host.end().with_code(130);
}

/// Another computer: a namespace of its own on the other end of a cable.
struct Far(std::process::Child);

impl Far {
    fn join() -> Self {
        let child = Command::new("unshare").args(["-n", "sleep", "300"]).spawn().unwrap();
        let far = Self(child);
        let namespace = |pid: &str| std::fs::read_link(format!("/proc/{pid}/ns/net")).unwrap();
        while namespace(&far.pid()) == namespace("self") {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        run(
            "ip",
            &["link", "add", "near", "type", "veth", "peer", "name", "far", "netns", &far.pid()],
        );
        run("ip", &["addr", "add", "10.99.0.1/24", "dev", "near"]);
        run("ip", &["link", "set", "near", "up"]);
        let pid = far.pid();
        let there = ["-t", &pid, "-n", "ip"];
        run("nsenter", &[&there[..], &["addr", "add", "10.99.0.2/24", "dev", "far"]].concat());
        run("nsenter", &[&there[..], &["link", "set", "far", "up"]].concat());
        run("nsenter", &[&there[..], &["link", "set", "lo", "up"]].concat());
        far
    }

    fn pid(&self) -> String {
        self.0.id().to_string()
    }

    fn start(&self, scene: &Scene, arguments: &[&str]) -> Running {
        let here = locally(scene, arguments);
        let mut there = Command::new("nsenter");
        there.args(["-t", &self.pid(), "-n"]).arg(here.get_program()).args(here.get_args());
        there.env_clear().envs(here.get_envs().filter_map(|(name, value)| Some((name, value?))));
        Running::start(there.current_dir(scene.home()), b"")
    }
}

impl Drop for Far {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn run(program: &str, arguments: &[&str]) {
    assert!(
        Command::new(program).args(arguments).status().unwrap().success(),
        "{program} {arguments:?}"
    );
}

#[test]
fn two_computers_on_one_network_find_each_other() {
    if !in_namespace("two_computers_on_one_network_find_each_other") {
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
fn what_is_pinned_to_loopback_stays_on_its_computer() {
    if !in_namespace("what_is_pinned_to_loopback_stays_on_its_computer") {
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
    if !in_namespace("silent_connections_do_not_keep_the_other_side_out") {
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
    if !in_namespace("a_host_that_is_pinned_to_an_interface_listens_there_only") {
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

/// A stranger's announcement, as a packet of multicast DNS.
fn announcement(number: &str, addresses: &[[u8; 4]], port: u16) -> Vec<u8> {
    let name = |text: &str| {
        let mut bytes = Vec::new();
        for label in text.split('.') {
            bytes.push(u8::try_from(label.len()).unwrap());
            bytes.extend(label.as_bytes());
        }
        bytes.push(0);
        bytes
    };
    let (kind, service, host) = (
        "_wormhole-sync._tcp.local",
        format!("stranger{number}._wormhole-sync._tcp.local"),
        format!("stranger{number}.local"),
    );
    let text = format!("nameplate={number}");
    let text = [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    let target = [&[0, 0, 0, 0], &port.to_be_bytes()[..], &name(&host)].concat();
    let mut records: Vec<(&str, u16, u16, Vec<u8>)> = vec![
        (kind, 12, 1, name(&service)),
        (&service, 33, 0x8001, target),
        (&service, 16, 0x8001, text),
    ];
    records.extend(addresses.iter().map(|address| (&*host, 1, 0x8001, address.to_vec())));
    let mut packet = vec![0, 0, 0x84, 0, 0, 0];
    packet.extend(u16::try_from(records.len()).unwrap().to_be_bytes());
    packet.extend([0; 4]);
    for (owner, record, class, data) in records {
        packet.extend(name(owner));
        packet.extend([record, class].map(u16::to_be_bytes).concat());
        packet.extend(120_u32.to_be_bytes());
        packet.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
        packet.extend(data);
    }
    packet
}

/// Announces until somebody connects to the listener, or until `end`.
fn is_visited(listener: &TcpListener, packet: &[u8], end: impl Fn() -> bool) -> bool {
    let network = UdpSocket::bind("10.99.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    loop {
        network.send_to(packet, "224.0.0.251:5353").unwrap();
        if listener.accept().is_ok() {
            return true;
        }
        if end() {
            return false;
        }
        sleep(Duration::from_millis(100));
    }
}

#[test]
fn an_announcement_leads_nobody_to_the_internet_nor_to_services_of_this_computer() {
    if !in_namespace(
        "an_announcement_leads_nobody_to_the_internet_nor_to_services_of_this_computer",
    ) {
        return;
    }
    let scene = Scene::without_server();
    let _far = Far::join();
    run("ip", &["route", "add", "224.0.0.0/4", "dev", "near"]);
    run("ip", &["addr", "add", "203.0.113.5/32", "dev", "lo"]); // the internet, within reach
    let pinned = ["--local-interface", "near"];
    for (all, address, is_near) in [
        (false, [203, 0, 113, 5], false),
        (true, [127, 0, 0, 1], false),
        (true, [10, 99, 0, 1], true),
    ] {
        let listener = TcpListener::bind((std::net::Ipv4Addr::from(address), 0)).unwrap();
        let packet = announcement("7", &[address], listener.local_addr().unwrap().port());
        let interfaces = if all { &[][..] } else { &pinned };
        let guest = start(&scene, &[&["receive", "local-7-guitarist"], interfaces].concat());
        let begin = Instant::now();
        let patience = if is_near { support::PATIENCE } else { Duration::from_secs(4) };
        let visited = is_visited(&listener, &packet, || begin.elapsed() > patience);
        assert_eq!(visited, is_near, "{address:?}: {}", guest.stderr());
    }
}
