//! What the network hears of a host, and what strangers say there.

use std::{
    net::{TcpListener, UdpSocket},
    process::{Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use mdns_sd::{ServiceDaemon, ServiceEvent};

use super::SERVICE;
use crate::support::namespace::{Far, in_namespace, locally, run, start};
use crate::support::{self, Scene};

#[test]
fn the_announcement_tells_the_number_and_nothing_of_the_computer() {
    if !in_namespace(the_announcement_tells_the_number_and_nothing_of_the_computer) {
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
    if !in_namespace(the_number_is_withdrawn_once_the_other_side_is_there) {
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
    if !in_namespace(an_announcement_leads_nobody_to_the_internet_nor_to_services_of_this_computer)
    {
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
