//! Everything that goes over the wires between the two sides, written down and searched for what nobody else is to read.

use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use wormhole_sync_testkit::proxy::{Manner, Proxy};

use super::{relay::Relay, stage::Stage};
use crate::support::Running;

/// A way to some address on which everything is written down: for each connection, each of its two directions.
struct Tap {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<Direction>>>,
}

type Direction = Arc<Mutex<Vec<u8>>>;

impl Tap {
    fn on(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let tap = Self { address: listener.local_addr().unwrap(), heard: Arc::default() };
        let heard = Arc::clone(&tap.heard);
        thread::spawn(move || {
            for here in listener.incoming() {
                let (here, there) = (here.unwrap(), TcpStream::connect(target).unwrap());
                for (from, to) in [(&here, &there), (&there, &here)] {
                    let direction = Direction::default();
                    heard.lock().unwrap().push(Arc::clone(&direction));
                    let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    thread::spawn(move || carry(from, to, &direction));
                }
            }
        });
        tap
    }

    /// What was written down, of each direction.
    fn heard(&self) -> Vec<Vec<u8>> {
        let heard = self.heard.lock().unwrap();
        heard.iter().map(|direction| direction.lock().unwrap().clone()).collect()
    }

    /// The same, where it is a server's: the requests, and the frames without their masks.
    fn messages(&self) -> Vec<Vec<u8>> {
        let connections = self.heard().into_iter().map(|bytes| {
            let end = find(&bytes, b"\r\n\r\n").unwrap() + 4;
            [&bytes[..end], &unmasked(&bytes[end..])].concat()
        });
        connections.collect()
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream, heard: &Mutex<Vec<u8>>) {
    let mut bytes = vec![0; 65_536];
    while let Ok(length @ 1..) = from.read(&mut bytes) {
        heard.lock().unwrap().extend_from_slice(&bytes[..length]);
        if to.write_all(&bytes[..length]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

/// The payloads of WebSocket frames, one after the other.
fn unmasked(mut frames: &[u8]) -> Vec<u8> {
    let mut payloads = Vec::new();
    while let [first, second, rest @ ..] = frames {
        assert_eq!(first & 0x70, 0, "nothing is compressed");
        let (length, rest) = match second & 0x7f {
            126 => (usize::from(u16::from_be_bytes(rest[..2].try_into().unwrap())), &rest[2..]),
            length => (usize::from(length), rest), // no message here is longer
        };
        let masked = second & 0x80 != 0;
        let (mask, rest) = if masked { rest.split_at(4) } else { (&[0; 4][..], rest) };
        let (payload, rest) = rest.split_at(length);
        payloads.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        frames = rest;
    }
    payloads
}

fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    let first = needle[0];
    (0..bytes.len()).find(|&at| bytes[at] == first && bytes[at..].starts_with(needle))
}

/// What no wire may show: the words of the code, names, contents, addresses, and how the two agree.
const SECRETS: [&str; 14] = [
    "guitarist",
    "revenge",
    "escape-plan",
    "vault.dwg",
    "hidden-cellar",
    "the tunnel begins",
    ADDRESS,
    "hints-v1",
    "direct-tcp",
    "filename",
    "dirname",
    "file_ack",
    "sha256",
    "app_versions",
];

/// Where the sender listens: an address that stands nowhere else.
const ADDRESS: &str = "127.88.99.77";

/// Neither as it is, nor as the wire writes bytes.
#[track_caller]
fn assert_nothing_is_told(heard: &[Vec<u8>], stage: &Stage) {
    let home = stage.scene.home().to_str().unwrap();
    for secret in SECRETS.into_iter().chain([home]) {
        let hex = secret.bytes().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
        for (way, needle) in [("plainly", secret), ("in hexadecimal", &hex)] {
            let told = heard.iter().any(|bytes| find(bytes, needle.as_bytes()).is_some());
            assert!(!told, "{secret} {way}");
        }
    }
}

#[track_caller]
fn assert_heard(heard: &[Vec<u8>], what: &str) {
    let found = heard.iter().any(|bytes| find(bytes, what.as_bytes()).is_some());
    assert!(found, "the search does not find what is there: {what}");
}

/// Files that are worth a search, a tap on the server, and its URL.
fn stage() -> (Stage, Tap, String) {
    let stage = Stage::new();
    let content = "the tunnel begins at the oak; ".repeat(3_000);
    stage.file("escape-plan.txt", &content);
    stage.file("hidden-cellar/vault.dwg", &content);
    let server = stage.scene.url.trim_start_matches("ws://").trim_end_matches("/v1");
    let tap = Tap::on(server.parse().unwrap());
    let url = format!("ws://{}/v1", tap.address);
    (stage, tap, url)
}

/// Sends what `sender` says, and takes it as `receiver` says, by way of the tapped server.
fn moves(stage: &Stage, server: &str, sender: &[&str], receiver: &[&str]) {
    let mut send = stage.scene.wormhole(&["send", "--code", "7-guitarist-revenge"]);
    let mut receive = stage.scene.wormhole(&["receive", "7-guitarist-revenge", "--yes"]);
    for (command, place, arguments) in
        [(&mut send, stage.from(), sender), (&mut receive, stage.to(), receiver)]
    {
        command.args(["--relay-url", server]).args(arguments).current_dir(place);
    }
    let sender = Running::start(&mut send, b"");
    Running::start(&mut receive, b"").end().with_code(0);
    sender.end().with_code(0);
}

#[track_caller]
fn assert_the_server_reads_nothing(stage: &Stage, mailbox: &Tap) {
    let heard = mailbox.messages();
    for what in ["\"pake\"", "\"version\"", "\"nameplate\":\"7\""] {
        assert_heard(&heard, what);
    }
    assert_nothing_is_told(&heard, stage);
}

const WHAT: [&str; 2] = ["escape-plan.txt", "hidden-cellar"];

#[test]
fn neither_server_nor_relay_reads_a_name_a_content_an_address_or_the_code() {
    for what in WHAT {
        let (stage, mailbox, url) = stage();
        let relay = Tap::on(Relay::start().url.trim_start_matches("tcp:").parse().unwrap());
        let helper = format!("tcp:{}", relay.address);
        let way = ["--no-listen", "--transit-helper", &helper];
        moves(&stage, &url, &[&way[..], &[what]].concat(), &way);
        assert_the_server_reads_nothing(&stage, &mailbox);
        assert_heard(&relay.heard(), "please relay ");
        assert_heard(&relay.heard(), "transit sender ");
        assert_nothing_is_told(&relay.heard(), &stage);
    }
}

#[test]
fn who_listens_at_the_wire_from_computer_to_computer_reads_nothing() {
    for what in WHAT {
        let (stage, mailbox, url) = stage();
        // The receiver goes by a proxy that leads it to the tap in the place of the sender.
        let port = TcpListener::bind((ADDRESS, 0)).unwrap().local_addr().unwrap().port();
        let place = format!("{ADDRESS}:{port}");
        let wire = Tap::on(place.parse().unwrap());
        let toy = Proxy::start(Manner::Socks, &[(&place, wire.address)]).unwrap();
        let (listen, proxy) = (format!("--listen={place}"), format!("socks5://{}", toy.address()));
        moves(&stage, &url, &[&listen, what], &["--tor", "--proxy", &proxy]);
        assert_the_server_reads_nothing(&stage, &mailbox);
        assert_heard(&wire.heard(), "transit receiver ");
        assert_nothing_is_told(&wire.heard(), &stage);
    }
}

#[test]
fn a_text_is_read_by_nobody_between() {
    let (stage, mailbox, url) = stage();
    moves(&stage, &url, &["--text", "the tunnel begins"], &[]);
    assert_the_server_reads_nothing(&stage, &mailbox);
}
