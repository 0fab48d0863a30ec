//! Settings that nobody sane would choose: times without an end or of nothing, and counts of nothing or
//! of all that there can be. With whatever suits them a server works; with the rest it goes on.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::{
    net::SocketAddr,
    panic,
    path::Path,
    sync::{
        Once,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use support::{PATIENCE, Server, behind_a_proxy, half_a_pair};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_websockets::{ClientBuilder, MaybeTlsStream, Message, WebSocketStream};
use wormhole_sync_server::{
    Clients, Config, Database, Doors, Limits, Mailbox, Permission, Relay, Timing, Usage,
    config::Rate, listen,
};

/// Panics of the server: those of its tasks end nobody's test by themselves.
static PANICS: AtomicUsize = AtomicUsize::new(0);

fn count_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            let is_a_tests = panic.location().is_some_and(|place| place.file() == file!());
            PANICS.fetch_add(usize::from(!is_a_tests), SeqCst);
            usual(panic);
        }));
    });
}

/// A setting, and how it is set.
type Time = (&'static str, fn(&mut Config, Duration));
type Count = (&'static str, fn(&mut Config, u64));

/// Every setting that is a time, but for that of TLS.
const TIMES: [Time; 13] = [
    ("drain", |config, time| config.drain = time),
    ("usage.blur", |config, time| config.usage.blur = Some(time)),
    ("clients.handshake", |config, time| config.clients.handshake = time),
    ("relay.waiting", |config, time| relay(config).waiting = time),
    ("relay.idle", |config, time| relay(config).idle = time),
    ("unbound", |config, time| timing(config).unbound = time),
    ("permission", |config, time| timing(config).permission = time),
    ("idle_session", |config, time| timing(config).idle_session = time),
    ("message", |config, time| timing(config).message = time),
    ("ping", |config, time| timing(config).ping = time),
    ("silence", |config, time| timing(config).silence = time),
    ("idle_mailbox", |config, time| timing(config).idle_mailbox = time),
    ("prune", |config, time| timing(config).prune = time),
];

/// Every setting that is a number.
const COUNTS: [Count; 28] = [
    ("connections", |config, count| config.clients.connections = size(count)),
    ("connections_per_address", |config, count| {
        config.clients.connections_per_address = size(count);
    }),
    ("new_connections", |config, count| config.clients.new_connections = rate(count)),
    ("head_bytes", |config, count| config.clients.head_bytes = size(count)),
    ("waiting_connections", |config, count| relay(config).waiting_connections = size(count)),
    ("waiting_connections_per_address", |config, count| {
        relay(config).waiting_connections_per_address = size(count);
    }),
    ("buffered_bytes", |config, count| relay(config).buffered_bytes = size(count)),
    ("pair_bytes", |config, count| relay(config).pair_bytes = Some(count)),
    ("bytes_per_second_per_address", |config, count| {
        relay(config).bytes_per_second_per_address = Some(count);
    }),
    ("message_bytes", |config, count| limits(config).message_bytes = size(count)),
    ("unbound_message_bytes", |config, count| limits(config).unbound_message_bytes = size(count)),
    ("incoming_bytes", |config, count| limits(config).incoming_bytes = size(count)),
    ("incoming_bytes_per_address", |config, count| {
        limits(config).incoming_bytes_per_address = size(count);
    }),
    ("claims", |config, count| limits(config).claims = rate(count)),
    ("failed_claims", |config, count| limits(config).failed_claims = rate(count)),
    ("lists", |config, count| limits(config).lists = rate(count)),
    ("nameplate_share", |config, count| limits(config).nameplate_share = size(count)),
    ("mailbox_messages", |config, count| limits(config).mailbox_messages = size(count)),
    ("mailbox_bytes", |config, count| limits(config).mailbox_bytes = size(count)),
    ("mailboxes_per_address", |config, count| limits(config).mailboxes_per_address = size(count)),
    ("mailboxes", |config, count| limits(config).mailboxes = size(count)),
    ("stored_bytes", |config, count| limits(config).stored_bytes = size(count)),
    ("stored_bytes_per_address", |config, count| {
        limits(config).stored_bytes_per_address = size(count);
    }),
    ("outbox_bytes", |config, count| limits(config).outbox_bytes = size(count)),
    ("outboxes_bytes", |config, count| limits(config).outboxes_bytes = size(count)),
    ("outboxes_bytes_per_address", |config, count| {
        limits(config).outboxes_bytes_per_address = size(count);
    }),
    ("database_bytes", |config, count| limits(config).database_bytes = count),
    ("hashcash", |config, count| {
        let all = u32::try_from(count).unwrap_or(u32::MAX);
        let (level, bits, max_bits) = (all, all, all);
        let resource = "x".to_owned();
        mailbox(config).permission = Permission::UnderLoad { level, bits, max_bits, resource };
    }),
];

fn size(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

fn rate(count: u64) -> Rate {
    let all = u32::try_from(count).unwrap_or(u32::MAX);
    Rate { burst: all, per_minute: all }
}

fn relay(config: &mut Config) -> &mut Relay {
    config.relay.as_mut().unwrap()
}

fn mailbox(config: &mut Config) -> &mut Mailbox {
    config.mailbox.as_mut().unwrap()
}

fn timing(config: &mut Config) -> &mut Timing {
    &mut mailbox(config).timing
}

fn limits(config: &mut Config) -> &mut Limits {
    &mut mailbox(config).limits
}

/// Both servers, of which strangers at loopback are held to every limit.
fn usual(folder: &Path) -> Config {
    let database = Database::Path(folder.join("mailbox.sqlite"));
    Config {
        mailbox: Some(Mailbox { database, allow_list: true, ..Mailbox::default() }),
        relay: Some(Relay::default()),
        clients: Clients { limit_loopback: true, ..Clients::default() },
        usage: Usage {
            mailbox: Some(folder.join("usage.sqlite")),
            relay: Some(folder.join("usage-relay.sqlite")),
            ..Usage::default()
        },
        ..Config::default()
    }
}

/// A server with these settings, and its relay's door.
fn start(config: Config) -> (Server, SocketAddr) {
    let [web, relay] = [(); 2].map(|()| listen("127.0.0.1:0".parse().unwrap()).unwrap());
    let address = relay.local_addr().unwrap();
    let mut doors = Doors::from(web);
    doors.relay.push(relay);
    (Server::at(doors, config), address)
}

/// A client that gives up where it is refused.
struct Client(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Client {
    async fn connect(server: SocketAddr) -> Option<Self> {
        let builder = ClientBuilder::from_uri(format!("ws://{server}/v1").parse().unwrap());
        let (socket, _) = timeout(PATIENCE, builder.connect()).await.expect("no answer").ok()?;
        let mut client = Self(socket);
        client.hear("welcome").await?;
        Some(client)
    }

    /// Says something, and waits for an answer of this kind.
    async fn ask(&mut self, message: Value, kind: &str) -> Option<Value> {
        self.0.send(Message::text(message.to_string())).await.ok()?;
        self.hear(kind).await
    }

    async fn hear(&mut self, kind: &str) -> Option<Value> {
        loop {
            let message = timeout(PATIENCE, self.0.next()).await.expect("no answer")?.ok()?;
            let Some(text) = message.as_text() else { continue };
            let message: Value = serde_json::from_str(text).unwrap();
            if message["type"] == kind {
                return Some(message);
            }
            if message["type"] == "error" {
                return None;
            }
        }
    }
}

/// Two clients meet, and leave one another messages. Whether all of it was granted.
async fn exchange(server: SocketAddr) -> Option<()> {
    let mut pair = [Client::connect(server).await?, Client::connect(server).await?];
    let mut nameplate = Value::Null;
    for (client, side) in pair.iter_mut().zip(["a", "b"]) {
        let bind = json!({"type": "bind", "appid": "app", "side": side});
        client.ask(bind, "ack").await?;
        if side == "a" {
            client.ask(json!({"type": "list"}), "nameplates").await?;
            let allocated = client.ask(json!({"type": "allocate"}), "allocated").await?;
            nameplate = allocated["nameplate"].clone();
        }
        let claim = json!({"type": "claim", "nameplate": nameplate});
        let mailbox = client.ask(claim, "claimed").await?["mailbox"].clone();
        client.ask(json!({"type": "open", "mailbox": mailbox}), "ack").await?;
        let add = json!({"type": "add", "phase": "0", "body": "0".repeat(40_000)});
        client.ask(add, "message").await?;
    }
    for client in &mut pair {
        client.ask(json!({"type": "release"}), "released").await?;
        client.ask(json!({"type": "close", "mood": "happy"}), "closed").await?;
    }
    Some(())
}

/// Two links meet, and one sends what the other gets. Whether that was granted.
async fn relayed(relay: SocketAddr) -> Option<()> {
    let mut ends = [half_a_pair(relay, "a").await, half_a_pair(relay, "b").await];
    for end in &mut ends {
        let mut ok = [0; 3];
        timeout(PATIENCE, end.read_exact(&mut ok)).await.expect("no answer").ok()?;
        (&ok == b"ok\n").then_some(())?;
    }
    let [mut from, mut to] = ends;
    from.write_all(&[7; 3]).await.ok()?;
    from.shutdown().await.ok()?;
    let mut got = Vec::new();
    timeout(PATIENCE, to.read_to_end(&mut got)).await.expect("no end").ok()?;
    (got == [7; 3]).then_some(())
}

/// What was granted with these settings: the exchange, and the pair of the relay.
async fn granted(config: Config, about: &str) -> [bool; 2] {
    count_panics();
    let (server, relay) = start(config);
    let granted = [exchange(server.address).await.is_some(), relayed(relay).await.is_some()];
    server.stop().await;
    assert_eq!(PANICS.load(SeqCst), 0, "{about}");
    granted
}

#[test]
fn every_time_is_among_those_that_are_tried() {
    let time = Duration::from_secs(77);
    let mut all = usual(Path::new("x"));
    for (_, set) in TIMES {
        set(&mut all, time);
    }
    // No field is left out here, as there would be with "..".
    let timing = Timing {
        unbound: time,
        permission: time,
        idle_session: time,
        message: time,
        ping: time,
        silence: time,
        idle_mailbox: time,
        prune: time,
    };
    let usual = usual(Path::new("x"));
    let expected = Config {
        mailbox: usual.mailbox.map(|mailbox| Mailbox { timing, ..mailbox }),
        relay: Some(Relay { waiting: time, idle: time, ..Relay::default() }),
        clients: Clients { handshake: time, ..usual.clients },
        usage: Usage { blur: Some(time), ..usual.usage },
        drain: time,
        #[cfg(feature = "tls")]
        tls: None,
    };
    assert_eq!(all, expected);
}

#[test]
fn every_limit_is_among_those_that_are_tried() {
    let mut all = usual(Path::new("x"));
    for (_, set) in COUNTS {
        set(&mut all, 77);
    }
    let expected = Limits {
        message_bytes: 77,
        unbound_message_bytes: 77,
        incoming_bytes: 77,
        incoming_bytes_per_address: 77,
        claims: rate(77),
        failed_claims: rate(77),
        lists: rate(77),
        nameplate_share: 77,
        mailbox_messages: 77,
        mailbox_bytes: 77,
        mailboxes_per_address: 77,
        mailboxes: 77,
        stored_bytes: 77,
        stored_bytes_per_address: 77,
        outbox_bytes: 77,
        outboxes_bytes: 77,
        outboxes_bytes_per_address: 77,
        database_bytes: 77,
    };
    assert_eq!(*limits(&mut all), expected);
    let expected = Relay {
        waiting_connections: 77,
        waiting_connections_per_address: 77,
        buffered_bytes: 77,
        pair_bytes: Some(77),
        bytes_per_second_per_address: Some(77),
        waiting: Relay::default().waiting,
        idle: Relay::default().idle,
    };
    assert_eq!(*relay(&mut all), expected);
    let clients = all.clients;
    assert_eq!([clients.connections, clients.connections_per_address, clients.head_bytes], [77; 3]);
}

#[tokio::test]
async fn times_without_an_end_are_long_ones() {
    let folder = tempfile::tempdir().unwrap();
    let mut all = usual(folder.path());
    for (name, set) in TIMES {
        let mut config = usual(folder.path());
        set(&mut config, Duration::MAX);
        assert_eq!(granted(config, name).await, [true; 2], "{name}");
        set(&mut all, Duration::MAX);
    }
    assert_eq!(granted(all.clone(), "all").await, [true; 2], "all");
    // Behind a proxy the header is waited for, too.
    all.clients = Clients { handshake: Duration::MAX, proxy_protocol: true, ..behind_a_proxy() };
    let (server, _) = start(all);
    let request = b"PROXY TCP4 192.0.2.7 192.0.2.1 1 2\r\nGET / HTTP/1.1\r\n\r\n";
    assert!(server.raw(request).await.ends_with("Wormhole Relay\n"));
    server.stop().await;
    assert_eq!(PANICS.load(SeqCst), 0);
    // What was written down meanwhile is there, however far it is rounded.
    let usage = rusqlite::Connection::open(folder.path().join("usage.sqlite")).unwrap();
    let rows =
        |table| usage.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0));
    assert_eq!((rows("mailboxes"), rows("current")), (Ok(14), Ok(1)));
}

#[cfg(feature = "tls")]
#[tokio::test]
async fn a_certificate_is_watched_always_or_never() {
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let [certificate, key] = ["chain.pem", "key.pem"].map(|name| folder.path().join(name));
    std::fs::write(&certificate, own.cert.pem()).unwrap();
    std::fs::write(&key, own.signing_key.serialize_pem()).unwrap();
    for watch in [Duration::ZERO, Duration::MAX] {
        let (certificate, key) = (certificate.clone(), key.clone());
        let tls = Some(wormhole_sync_server::Tls { certificate, key, watch });
        assert_eq!(granted(Config { tls, ..usual(folder.path()) }, "tls.watch").await, [true; 2]);
    }
}

#[tokio::test]
async fn times_of_nothing_leave_nobody_waiting() {
    let folder = tempfile::tempdir().unwrap();
    for (name, set) in TIMES {
        let mut config = usual(folder.path());
        set(&mut config, Duration::ZERO);
        let granted = granted(config, name).await;
        // Who has so little time that it is up at once may be refused.
        let hasty = match name {
            "clients.handshake" => [true; 2],
            "unbound" | "idle_session" => [true, false],
            "relay.waiting" | "relay.idle" => [false, true],
            _ => [false; 2],
        };
        for (granted, hasty) in granted.into_iter().zip(hasty) {
            assert!(granted || hasty, "{name}");
        }
    }
    let mut all = usual(folder.path());
    for (_, set) in TIMES {
        set(&mut all, Duration::ZERO);
    }
    granted(all, "all").await;
}

#[tokio::test]
async fn counts_without_an_end_are_no_limits() {
    let folder = tempfile::tempdir().unwrap();
    let mut all = usual(folder.path());
    for (name, set) in COUNTS {
        let mut config = usual(folder.path());
        set(&mut config, u64::MAX);
        assert_eq!(granted(config, name).await, [true; 2], "{name}");
        set(&mut all, u64::MAX);
    }
    assert_eq!(granted(all, "all").await, [true; 2], "all");
}

#[tokio::test]
async fn counts_of_nothing_refuse_and_hang_nobody() {
    for (name, set) in COUNTS {
        let folder = tempfile::tempdir().unwrap();
        let mut config = usual(folder.path());
        set(&mut config, 0);
        if name == "database_bytes" {
            let error = start(config).0.fails().await.to_string();
            assert!(error.contains("mailbox.sqlite"), "{error}");
            continue;
        }
        let granted = granted(config, name).await;
        let expected = match name {
            "connections" | "connections_per_address" | "new_connections" => [false; 2],
            "waiting_connections" | "waiting_connections_per_address" | "pair_bytes" => {
                [true, false]
            }
            // It depends on how much comes in at once.
            "incoming_bytes" | "incoming_bytes_per_address" => [granted[0], true],
            "nameplate_share"
            | "buffered_bytes"
            | "bytes_per_second_per_address"
            | "outboxes_bytes"
            | "outboxes_bytes_per_address"
            | "hashcash" => [true; 2],
            _ => [false, true],
        };
        assert_eq!(granted, expected, "{name}");
    }
}
