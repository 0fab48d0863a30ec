//! Whoever is refused or dropped by a limit is counted under its name, once.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use serde_json::{Value, json};
use support::{PATIENCE, Server, behind_a_proxy, half_a_pair};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, sleep, timeout},
};
use tokio_websockets::MaybeTlsStream;
use wormhole_sync_server::{
    Clients, Config, Doors, Limits, Mailbox, Permission, Relay, Timing, config::Rate, listen,
};

const METRICS: &str = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";

const UPGRADE: &str = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// A server whose counts can be looked at.
struct Watched {
    server: Server,
    admin: SocketAddr,
    relay: SocketAddr,
}

impl Watched {
    fn start(config: impl Into<Config>) -> Self {
        let [web, admin, relay] = [(); 3].map(|()| listen("127.0.0.1:0".parse().unwrap()).unwrap());
        let [admin_at, relay_at] = [&admin, &relay].map(|door| door.local_addr().unwrap());
        let mut doors = Doors::from(web);
        doors.admin.push(admin);
        doors.relay.push(relay);
        Self { server: Server::at(doors, config), admin: admin_at, relay: relay_at }
    }

    async fn page(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(self.admin).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        rest(&mut stream).await
    }

    /// Waits until these limits were met so often, and no other was.
    #[track_caller]
    fn has_refused<const N: usize>(
        &self,
        expected: [(&'static str, u64); N],
    ) -> impl Future<Output = ()> {
        let place = std::panic::Location::caller();
        async move {
            let expected: BTreeMap<String, u64> =
                expected.iter().map(|(name, times)| ((*name).to_owned(), *times)).collect();
            let end = Instant::now() + PATIENCE;
            loop {
                let mut counts = refused(&self.page("/metrics").await);
                counts.retain(|_, times| *times > 0);
                if counts == expected {
                    break;
                }
                assert!(Instant::now() < end, "{counts:?} and not {expected:?}, at {place}");
                sleep(Duration::from_millis(10)).await;
            }
            let page = self.page("/status").await;
            let status: Value =
                serde_json::from_str(page.split_once("\r\n\r\n").unwrap().1).unwrap();
            for refused in ["refused", "refused_today"] {
                assert_eq!(status[refused], json!(expected), "only those that were met");
            }
        }
    }
}

async fn rest(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    _ = timeout(PATIENCE, stream.read_to_end(&mut answer)).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

/// The counts by limit on a page of metrics.
fn refused(metrics: &str) -> BTreeMap<String, u64> {
    let lines =
        metrics.lines().filter_map(|line| line.strip_prefix("wormhole_refused_total{limit=\""));
    let counts = lines.map(|line| line.split_once("\"} ").unwrap());
    counts.map(|(name, times)| (name.to_owned(), times.parse().unwrap())).collect()
}

fn mailboxes(limits: Limits, timing: Timing) -> Mailbox {
    Mailbox { limits, timing, ..Mailbox::default() }
}

#[tokio::test]
async fn a_limit_that_nobody_has_met_yet_has_its_series_and_no_line_in_the_status() {
    let watched = Watched::start(Config { relay: Some(Relay::default()), ..Config::default() });
    let counts = refused(&watched.page("/metrics").await);
    for name in ["outbox_bytes", "connections", "stored_bytes", "waiting", "silence", "handshake"] {
        assert_eq!(counts.get(name), Some(&0), "{counts:?}");
    }
    watched.has_refused([]).await;
}

#[tokio::test]
async fn messages_that_are_too_large() {
    let limits = Limits { message_bytes: 2000, unbound_message_bytes: 500, ..Limits::default() };
    let watched = Watched::start(mailboxes(limits, Timing::default()));
    let mut client = watched.server.connect().await;
    let ping = |bytes| json!({"type": "ping", "ping": 1, "unknown": "x".repeat(bytes)});
    client.say(ping(600)).await;
    let error = client.expect("error").await;
    let text = "message too large: this server's limit is 500 bytes before 'bind'";
    assert_eq!(error["error"], text);
    watched.has_refused([("unbound_message_bytes", 1)]).await;

    client.say(json!({"type": "bind", "appid": "app", "side": "a"})).await;
    client.expect("ack").await;
    client.ask(ping(600), "pong").await;
    for _ in 0..2 {
        client.say(ping(2100)).await;
        let error = client.expect("error").await;
        assert_eq!(error["error"], "message too large: this server's limit is 2000 bytes");
    }
    watched.has_refused([("unbound_message_bytes", 1), ("message_bytes", 2)]).await;
}

#[tokio::test]
async fn before_bind_a_smaller_limit_of_all_messages_is_the_one_that_is_met() {
    let limits = Limits { message_bytes: 300, ..Limits::default() };
    let watched = Watched::start(mailboxes(limits, Timing::default()));
    let mut client = watched.server.connect().await;
    client.say(json!({"type": "ping", "ping": "x".repeat(400)})).await;
    let error = client.expect("error").await;
    assert_eq!(error["error"], "message too large: this server's limit is 300 bytes");
    watched.has_refused([("message_bytes", 1)]).await;
}

#[tokio::test]
async fn readers_who_are_too_slow() {
    let usual = Limits::default;
    for (limits, name) in [
        (Limits { outbox_bytes: 100_000, ..usual() }, "outbox_bytes"),
        (Limits { outboxes_bytes: 100_000, ..usual() }, "outboxes_bytes"),
        (Limits { outboxes_bytes_per_address: 100_000, ..usual() }, "outboxes_bytes_per_address"),
    ] {
        const ENOUGH: usize = 64 << 20;
        let limits = Limits {
            mailbox_bytes: ENOUGH,
            stored_bytes_per_address: ENOUGH,
            outbox_bytes: if name == "outbox_bytes" { limits.outbox_bytes } else { ENOUGH },
            ..limits
        };
        let clients = Clients { limit_loopback: true, ..Clients::default() };
        let mailbox = Some(mailboxes(limits, Timing::default()));
        let watched = Watched::start(Config { mailbox, clients, ..Config::default() });
        let mut slow = watched.server.bound("app", "a").await;
        let mut fast = watched.server.bound("app", "b").await;
        for client in [&mut slow, &mut fast] {
            client.say(json!({"type": "open", "mailbox": "mmm"})).await;
            client.expect("ack").await;
        }
        let add = json!({"type": "add", "phase": "0", "body": "0".repeat(50_000)});
        for _ in 0..600 {
            fast.ask(add.clone(), "message").await;
        }
        watched.has_refused([(name, 1)]).await;
        while slow.hear().await.is_some_and(|message| message["type"] == "message") {}
    }
}

#[tokio::test]
async fn clients_that_give_no_sign_of_life() {
    let timing = Timing {
        ping: Duration::from_millis(20),
        silence: Duration::from_millis(200),
        ..Timing::default()
    };
    let watched = Watched::start(mailboxes(Limits::default(), timing));
    // This client never answers a ping.
    watched.server.raw(format!("GET /v1 HTTP/1.1\r\n{UPGRADE}").as_bytes()).await;
    watched.has_refused([("silence", 1)]).await;
}

#[tokio::test]
async fn clients_that_never_come_to_say_what_they_want() {
    let short = Duration::from_millis(300);
    let relay = Some(Relay::default());
    let clients = Clients { handshake: short, ..Clients::default() };
    let watched = Watched::start(Config { relay: relay.clone(), clients, ..Config::default() });
    let answer = watched.server.raw(b"GET /v1 HT").await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    watched.has_refused([("handshake", 1)]).await;
    let mut link = TcpStream::connect(watched.relay).await.unwrap();
    link.write_all(b"please relay ").await.unwrap();
    assert_eq!(rest(&mut link).await, "bad handshake\n");
    watched.has_refused([("handshake", 2)]).await;
    watched.server.raw(format!("GET /relay HTTP/1.1\r\n{UPGRADE}").as_bytes()).await;
    watched.has_refused([("handshake", 3)]).await;

    // A proxy that does not come to the end of its header.
    let clients = Clients { proxy_protocol: true, handshake: short, ..behind_a_proxy() };
    let watched = Watched::start(Config { relay, clients, ..Config::default() });
    assert_eq!(watched.server.raw(b"PROXY TCP4 192.0.2.7 ").await, "");
    watched.has_refused([("handshake", 1)]).await;
    let mut link = TcpStream::connect(watched.relay).await.unwrap();
    assert_eq!(rest(&mut link).await, "");
    watched.has_refused([("handshake", 2)]).await;
}

#[cfg(feature = "tls")]
#[tokio::test]
async fn clients_that_never_come_to_the_end_of_tls() {
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let [chain, key] = ["chain.pem", "key.pem"].map(|name| folder.path().join(name));
    std::fs::write(&chain, own.cert.pem()).unwrap();
    std::fs::write(&key, own.signing_key.serialize_pem()).unwrap();
    let [web, tls, admin] = [(); 3].map(|()| listen("127.0.0.1:0".parse().unwrap()).unwrap());
    let [tls_at, admin_at] = [&tls, &admin].map(|door| door.local_addr().unwrap());
    let mut doors = Doors::from(web);
    doors.tls.push(tls);
    doors.admin.push(admin);
    let clients = Clients { handshake: Duration::from_millis(300), ..Clients::default() };
    let tls = Some(wormhole_sync_server::Tls::new(chain, key));
    let server = Server::at(doors, Config { clients, tls, ..Config::default() });
    let watched = Watched { server, admin: admin_at, relay: admin_at };
    for (times, begun) in (1..).zip([&b""[..], b"\x16\x03\x01\x02\x00\x01\x00"]) {
        let mut stream = TcpStream::connect(tls_at).await.unwrap();
        stream.write_all(begun).await.unwrap();
        assert_eq!(rest(&mut stream).await, "");
        watched.has_refused([("handshake", times)]).await;
    }
}

#[tokio::test]
async fn pairs_that_are_cut_when_the_relay_stops() {
    let relay = Some(Relay::default());
    let watched = Watched::start(Config { relay, drain: Duration::ZERO, ..Config::default() });
    let mut pair = [half_a_pair(watched.relay, "a").await, half_a_pair(watched.relay, "b").await];
    for end in &mut pair {
        let mut ok = [0; 3];
        timeout(PATIENCE, end.read_exact(&mut ok)).await.unwrap().unwrap();
        assert_eq!(&ok, b"ok\n");
    }
    // The operator's door closes with the server; who stands in it already is still answered.
    let mut operator = TcpStream::connect(watched.admin).await.unwrap();
    let (begun, end) = METRICS.split_at(20);
    operator.write_all(begun.as_bytes()).await.unwrap();
    watched.page("/healthz").await; // so that this one was accepted, too
    let stopped = tokio::spawn(watched.server.stop());
    for mut end in pair {
        assert_eq!(rest(&mut end).await, "");
    }
    operator.write_all(end.as_bytes()).await.unwrap();
    let counts = refused(&rest(&mut operator).await);
    assert_eq!(counts.get("drain"), Some(&1), "{counts:?}");
    stopped.await.expect("the server does not stop");
}

/// Limits of the mailboxes, what is said by which sides, and which limit the last of it meets.
type Refusal = (Limits, Vec<(&'static str, Value)>, &'static str);

fn refusals() -> Vec<Refusal> {
    let usual = Limits::default;
    let once = Rate { burst: 1, per_minute: 1 };
    let [allocate, list] = ["allocate", "list"].map(|kind| json!({"type": kind}));
    let claim = json!({"type": "claim", "nameplate": "4"});
    let open = |mailbox| json!({"type": "open", "mailbox": mailbox});
    let add = |bytes| json!({"type": "add", "phase": "0", "body": "0".repeat(bytes)});
    let two = |first: &Value, second: &Value| vec![("a", first.clone()), ("b", second.clone())];
    let full = |bytes| vec![("a", open("m")), ("a", add(10)), ("a", add(bytes))];
    let guesses = ["waits", "a", "b"].map(|side| (side, claim.clone())).to_vec();
    vec![
        (Limits { claims: once, ..usual() }, two(&allocate, &claim), "claims"),
        (Limits { failed_claims: once, ..usual() }, guesses, "failed_claims"),
        (Limits { lists: once, ..usual() }, two(&list, &list), "lists"),
        (Limits { mailboxes: 1, ..usual() }, two(&open("m"), &open("n")), "mailboxes"),
        (
            Limits { mailboxes_per_address: 1, ..usual() },
            two(&open("m"), &open("n")),
            "mailboxes_per_address",
        ),
        (Limits { mailbox_messages: 1, ..usual() }, full(10), "mailbox_messages"),
        (Limits { mailbox_bytes: 1000, ..usual() }, full(2000), "mailbox_bytes"),
        (Limits { stored_bytes: 1000, ..usual() }, full(2000), "stored_bytes"),
        (
            Limits { stored_bytes_per_address: 1000, ..usual() },
            full(2000),
            "stored_bytes_per_address",
        ),
    ]
}

#[tokio::test]
async fn what_the_mailboxes_refuse() {
    let clients = Clients { limit_loopback: true, ..Clients::default() };
    for (limits, said, name) in refusals() {
        let mailbox = Mailbox { limits, allow_list: true, ..Mailbox::default() };
        let config =
            Config { mailbox: Some(mailbox), clients: clients.clone(), ..Config::default() };
        let watched = Watched::start(config);
        let mut sides = BTreeMap::new();
        let last = said.len() - 1;
        for (number, (side, message)) in said.into_iter().enumerate() {
            if !sides.contains_key(side) {
                sides.insert(side, watched.server.bound("app", side).await);
            }
            let client = sides.get_mut(side).unwrap();
            let answer = match message["type"].as_str().unwrap() {
                _ if number == last => "error",
                "allocate" => "allocated",
                "claim" => "claimed",
                "list" => "nameplates",
                "add" => "message",
                _ => "ack",
            };
            client.say(message).await;
            while client.hear().await.unwrap()["type"] != answer {}
        }
        watched.has_refused([(name, 1)]).await;
    }
}

const BIND: &[u8] = b"\x81\xa6\0\0\0\0{\"type\":\"bind\",\"appid\":\"a\",\"side\":\"s\"}";

/// The beginning of a message of 100,000 bytes.
const LONG: &[u8] = b"\x81\xff\0\0\0\0\0\x01\x86\xa0\0\0\0\0";

/// Times that pass, what a client says before it says nothing more, and which limit ends it.
fn patience() -> Vec<(Timing, Permission, &'static [&'static [u8]], &'static str)> {
    let short = Duration::from_millis(300);
    let usual = Timing::default;
    let hashcash = Permission::Hashcash { bits: 9, resource: "x".into() };
    vec![
        (Timing { unbound: short, ..usual() }, Permission::None, &[], "unbound"),
        (Timing { permission: short, ..usual() }, hashcash, &[], "permission"),
        (Timing { idle_session: short, ..usual() }, Permission::None, &[BIND], "idle_session"),
        (
            Timing { message: short, ping: short / 10, ..usual() },
            Permission::None,
            &[BIND, LONG, &[b'0'; 20_000]],
            "message",
        ),
    ]
}

#[tokio::test]
async fn clients_that_take_too_long() {
    for (timing, permission, said, name) in patience() {
        let mailbox = Mailbox { timing, permission, ..Mailbox::default() };
        let watched = Watched::start(mailbox);
        let request = format!("GET /v1 HTTP/1.1\r\n{UPGRADE}");
        let begun = [&[request.as_bytes()], said].concat().concat();
        let heard = watched.server.raw(&begun).await;
        assert!(heard.starts_with("HTTP/1.1 101 "), "{heard}");
        watched.has_refused([(name, 1)]).await;
    }
}

#[tokio::test]
async fn unfinished_messages_that_are_too_many() {
    let usual = Limits::default;
    for (limits, name) in [
        (Limits { incoming_bytes: 30_000, ..usual() }, "incoming_bytes"),
        (Limits { incoming_bytes_per_address: 30_000, ..usual() }, "incoming_bytes_per_address"),
    ] {
        let clients = Clients { limit_loopback: true, ..Clients::default() };
        let mailbox = Some(mailboxes(limits, Timing::default()));
        let watched = Watched::start(Config { mailbox, clients, ..Config::default() });
        let mut client = watched.server.bound("app", "a").await;
        let MaybeTlsStream::Plain(stream) = client.socket.get_mut();
        stream.write_all(&[LONG, &vec![b'0'; 50_000]].concat()).await.unwrap();
        watched.has_refused([(name, 1)]).await;
    }
}

/// Limits of the relay, tokens and sides of those who come to it, bytes that the first says, and which
/// limit is met.
fn relayed() -> Vec<(Relay, &'static [[char; 2]], usize, &'static str)> {
    let short = Duration::from_millis(300);
    let usual = Relay::default;
    vec![
        (Relay { waiting: short, ..usual() }, &[['0', 'a']], 0, "waiting"),
        (
            Relay { waiting_connections: 1, ..usual() },
            &[['0', 'a'], ['1', 'a']],
            0,
            "waiting_connections",
        ),
        (
            Relay { waiting_connections_per_address: 1, ..usual() },
            &[['0', 'a'], ['1', 'a']],
            0,
            "waiting_connections_per_address",
        ),
        (Relay { idle: short, ..usual() }, &[['0', 'a'], ['0', 'b']], 0, "idle"),
        (Relay { pair_bytes: Some(10), ..usual() }, &[['0', 'a'], ['0', 'b']], 100, "pair_bytes"),
    ]
}

#[tokio::test]
async fn what_the_relay_refuses_and_ends() {
    for (relay, links_of, bytes, name) in relayed() {
        let clients = Clients { limit_loopback: true, ..Clients::default() };
        let relay = Some(relay);
        let watched = Watched::start(Config { relay, clients, ..Config::default() });
        let mut links = Vec::new();
        for [token, side] in links_of {
            let [token, side] =
                [(token, 64), (side, 16)].map(|(one, times)| one.to_string().repeat(times));
            let mut link = TcpStream::connect(watched.relay).await.unwrap();
            let line = format!("please relay {token} for side {side}\n");
            link.write_all(line.as_bytes()).await.unwrap();
            links.push(link);
        }
        if bytes > 0 {
            links[0].read_exact(&mut [0; 3]).await.unwrap();
            links[0].write_all(&vec![7; bytes]).await.unwrap();
        }
        watched.has_refused([(name, 1)]).await;
    }
}

/// Limits of all who connect, how many do so and stay, and which limit the last of them meets.
fn connecting() -> Vec<(Clients, usize, &'static str)> {
    let usual = || Clients { limit_loopback: true, ..Clients::default() };
    let once = Rate { burst: 1, per_minute: 1 };
    vec![
        (Clients { connections: 1, ..usual() }, 2, "connections"),
        (Clients { connections_per_address: 1, ..usual() }, 2, "connections_per_address"),
        (Clients { new_connections: once, ..usual() }, 2, "new_connections"),
        (Clients { head_bytes: 50, ..usual() }, 1, "head_bytes"),
    ]
}

#[tokio::test]
async fn who_is_not_let_in() {
    for (clients, number, name) in connecting() {
        let watched = Watched::start(Config { clients, ..Config::default() });
        let mut held = Vec::new();
        for _ in 0..number {
            let mut stream = TcpStream::connect(watched.server.address).await.unwrap();
            let request = format!("GET /v1 HTTP/1.1\r\nHost: {}\r\n{UPGRADE}", "x".repeat(50));
            _ = stream.write_all(request.as_bytes()).await; // refused before that, perhaps
            _ = timeout(PATIENCE, stream.read(&mut [0; 9])).await.unwrap();
            held.push(stream);
        }
        watched.has_refused([(name, 1)]).await;
    }
}

#[tokio::test]
async fn every_limit_is_among_those_that_are_met() {
    let mut met: Vec<&str> = vec![
        "message_bytes",
        "unbound_message_bytes",
        "outbox_bytes",
        "outboxes_bytes",
        "outboxes_bytes_per_address",
        "incoming_bytes",
        "incoming_bytes_per_address",
        "silence",
        "handshake",
        "drain",
    ];
    met.extend(refusals().iter().map(|(.., name)| name));
    met.extend(patience().iter().map(|(.., name)| name));
    met.extend(relayed().iter().map(|(.., name)| name));
    met.extend(connecting().iter().map(|(.., name)| name));
    // Longer nameplates are given instead of short ones; a disk that is full has tests of its own.
    met.extend(["nameplate_share", "database_bytes"]);
    met.sort_unstable();
    let watched = Watched::start(Config { relay: Some(Relay::default()), ..Config::default() });
    let known = refused(&watched.page("/metrics").await);
    assert_eq!(known.keys().map(String::as_str).collect::<Vec<_>>(), met);
}
