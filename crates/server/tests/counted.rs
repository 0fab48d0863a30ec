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
use wormhole_sync_server::{Clients, Config, Doors, Limits, Mailbox, Relay, Timing, listen};

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
