//! What strangers can hold of a server, each limit hit over a real socket.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

#[cfg(target_os = "linux")]
use std::net::SocketAddr;
use std::{io::Write, time::Duration};

use serde_json::json;
use support::{PATIENCE, Server, behind_a_proxy, half_a_pair};
use tokio::{io::AsyncReadExt, net::TcpStream};
#[cfg(target_os = "linux")]
use tokio::{io::AsyncWriteExt, net::TcpSocket, time::timeout};
use wormhole_sync_server::{
    Clients, Config, Doors, Limits, Mailbox, Permission, Relay, Timing, config::Rate, listen,
};

const UPGRADE: &[u8] =
    b"GET /v1 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

#[tokio::test]
async fn connections_of_one_address() {
    let clients =
        Clients { connections_per_address: 2, limit_loopback: true, ..Clients::default() };
    let server = Server::start(Config { clients, ..Config::default() });
    let _held = (server.connect().await, server.connect().await);
    let answer = server.raw(UPGRADE).await;
    assert!(answer.starts_with("HTTP/1.1 429 Too Many Requests\r\n"), "{answer}");
    assert!(
        answer.ends_with("from your address: this server's limit is 2 connections\n"),
        "{answer}"
    );
}

#[tokio::test]
async fn connections_of_one_address_behind_a_proxy() {
    let clients = Clients { connections_per_address: 1, ..behind_a_proxy() };
    let server = Server::start(Config { clients, ..Config::default() });
    let real = [("X-Real-IP", "192.0.2.1"), ("X-Real-Port", "1")];
    let mut held = server.connect_with(&real).await;
    held.expect("welcome").await;
    let request =
        String::from_utf8_lossy(UPGRADE).replace("\r\n\r\n", "\r\nX-Real-IP: 192.0.2.1\r\n\r\n");
    let answer = server.raw(request.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 429 Too Many Requests\r\n"), "{answer}");
    let other = [("X-Real-IP", "192.0.2.2"), ("X-Real-Port", "1")];
    server.connect_with(&other).await.expect("welcome").await;
}

#[tokio::test]
async fn a_limited_client_on_loopback_cannot_choose_its_address() {
    let clients =
        Clients { connections_per_address: 1, limit_loopback: true, ..Clients::default() };
    let server = Server::start(Config { clients, ..Config::default() });
    let elsewhere = [("X-Real-IP", "192.0.2.1"), ("X-Real-Port", "1")];
    let mut held = server.connect_with(&elsewhere).await;
    let welcome = held.expect("welcome").await;
    assert_eq!(welcome["welcome"]["your-address"]["ipv4"], "127.0.0.1");
    let request =
        String::from_utf8_lossy(UPGRADE).replace("\r\n\r\n", "\r\nX-Real-IP: 192.0.2.2\r\n\r\n");
    let answer = server.raw(request.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 429 Too Many Requests\r\n"), "{answer}");
}

#[tokio::test]
async fn loopback_is_exempt() {
    let clients = Clients { connections_per_address: 1, ..Clients::default() };
    let limits = Limits { mailboxes_per_address: 1, ..Limits::default() };
    let mailbox = Some(Mailbox { limits, ..Mailbox::default() });
    let server = Server::start(Config { mailbox, clients, ..Config::default() });
    let mut clients = [server.bound("app", "a").await, server.bound("app", "b").await];
    for client in &mut clients {
        client.ask(json!({"type": "allocate"}), "allocated").await;
    }
}

#[tokio::test]
async fn new_connections_of_one_address() {
    let new_connections = Rate { burst: 3, per_minute: 1 };
    let clients = Clients { new_connections, limit_loopback: true, ..Clients::default() };
    let server = Server::start(Config { clients, ..Config::default() });
    for _ in 0..3 {
        let answer = server.raw(b"GET / HTTP/1.1\r\n\r\n").await;
        assert!(answer.ends_with("Wormhole Relay\n"), "{answer}");
    }
    let answer = server.raw(UPGRADE).await;
    let head = "HTTP/1.1 429 Too Many Requests\r\nRetry-After: ";
    let seconds = answer.strip_prefix(head).and_then(|rest| rest.split_once('\r')).unwrap().0;
    assert!((1..=60).contains(&seconds.parse::<u32>().unwrap()), "{answer}");
    let text = "too many new connections from your address: this server's limit is 3 at once and \
                then 1 a minute; try again later\n";
    assert!(answer.ends_with(text), "{answer}");
}

#[tokio::test]
async fn new_connections_of_one_address_count_at_every_door() {
    let [web, relay] = [(); 2].map(|()| listen("127.0.0.1:0".parse().unwrap()).unwrap());
    let relay_at = relay.local_addr().unwrap();
    let mut doors = Doors::from(web);
    doors.relay.push(relay);
    let new_connections = Rate { burst: 2, per_minute: 1 };
    let clients = Clients { new_connections, limit_loopback: true, ..Clients::default() };
    let relay = Some(Relay::default());
    let server = Server::at(doors, Config { clients, relay, ..Config::default() });
    let _held = (half_a_pair(relay_at, "a").await, server.connect().await);
    let mut refused = String::new();
    let mut one_too_many = TcpStream::connect(relay_at).await.unwrap();
    one_too_many.read_to_string(&mut refused).await.unwrap();
    let text = "too many new connections from your address: this server's limit is 2 at once";
    assert!(refused.contains(text) && !refused.contains("HTTP"), "{refused}");
}

#[tokio::test]
async fn new_connections_by_way_of_a_proxy_count_for_its_clients() {
    let new_connections = Rate { burst: 2, per_minute: 1 };
    let clients = Clients { new_connections, ..behind_a_proxy() };
    let server = Server::start(Config { clients, ..Config::default() });
    for client in 1..=5 {
        let ip = format!("192.0.2.{client}");
        for _ in 0..2 {
            server.connect_with(&[("X-Real-IP", &ip)]).await.expect("welcome").await;
        }
    }
    let request =
        String::from_utf8_lossy(UPGRADE).replace("\r\n\r\n", "\r\nX-Real-IP: 192.0.2.3\r\n\r\n");
    let answer = server.raw(request.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 429 Too Many Requests\r\n"), "{answer}");
}

/// A server whose clients on loopback are held to these limits.
fn held_to(limits: Limits) -> Server {
    let clients = Clients { limit_loopback: true, ..Clients::default() };
    let mailbox = Some(Mailbox { limits, allow_list: true, ..Mailbox::default() });
    Server::start(Config { mailbox, clients, ..Config::default() })
}

#[tokio::test]
async fn claims_failed_claims_and_lists_of_one_address() {
    let once = Rate { burst: 1, per_minute: 1 };
    let usual = Limits::default;
    let [allocate, list] = ["allocate", "list"].map(|kind| json!({"type": kind}));
    let claim = json!({"type": "claim", "nameplate": "4"});
    for (limits, first, second, what) in [
        (Limits { claims: once, ..usual() }, &allocate, &claim, "claims from"),
        (Limits { failed_claims: once, ..usual() }, &claim, &claim, "failed claims from"),
        (Limits { lists: once, ..usual() }, &list, &list, "lists for"),
    ] {
        let server = held_to(limits);
        server.bound("app", "waits").await.say(claim.clone()).await;
        let mut client = server.bound("app", "a").await;
        client.say(first.clone()).await;
        client.expect("ack").await;
        client.hear().await.unwrap();
        let mut client = server.bound("app", "b").await;
        let error = client.ask(second.clone(), "error").await;
        let text = format!(
            "too many {what} your address: this server's limit is 1 at once and then 1 a minute; try again later"
        );
        assert_eq!(error["error"], text);
        assert_eq!(error["temporary"], true);
        client.ask(json!({"type": "ping", "ping": 1}), "pong").await;
    }
}

#[tokio::test]
async fn short_nameplates_of_one_address() {
    let server = held_to(Limits::default());
    let mut lengths = Vec::new();
    for number in 0..5 {
        let mut client = server.bound("app", &number.to_string()).await;
        let allocated = client.ask(json!({"type": "allocate"}), "allocated").await;
        lengths.push(allocated["nameplate"].as_str().unwrap().len());
    }
    assert_eq!(lengths, [1, 1, 1, 2, 2]);
}

/// Everything that comes until the end of a connection that says this and then nothing.
async fn silence_after(timing: Timing, permission: Permission, said: &[&str]) -> String {
    let server = Server::start(Mailbox { timing, permission, ..Mailbox::default() });
    let frames = said.iter().flat_map(|text| {
        let length = u8::try_from(text.len()).unwrap();
        [&[0x81, 0x80 | length, 0, 0, 0, 0], text.as_bytes()].concat()
    });
    server.raw(&UPGRADE.iter().copied().chain(frames).collect::<Vec<_>>()).await
}

/// What those are told who hold nothing, not yet or no more.
const NOTHING_HELD: &str = "nothing is claimed or open: this server's limit is 1 seconds";

#[tokio::test]
async fn clients_who_never_say_who_they_are_or_what_they_want() {
    let second = Duration::from_secs(1);
    let bind = r#"{"type":"bind","appid":"a","side":"s"}"#;
    let open = r#"{"type":"open","mailbox":"m"}"#;
    let hashcash = Permission::Hashcash { bits: 9, resource: "x".into() };
    let usual = Timing::default;
    for (timing, permission, said, reason) in [
        (
            Timing { unbound: second, ..usual() },
            Permission::None,
            &[][..],
            "no 'bind' came in time: this server's limit is 1 seconds",
        ),
        (
            Timing { permission: second, ..usual() },
            hashcash,
            &[],
            "no stamp and 'bind' came in time: this server's limit is 1 seconds",
        ),
        (
            Timing { idle_session: second, ..usual() },
            Permission::None,
            &[bind, r#"{"type":"list"}"#],
            NOTHING_HELD,
        ),
        (
            Timing { idle_session: second, ..usual() },
            Permission::None,
            &[bind, open, r#"{"type":"close"}"#],
            NOTHING_HELD,
        ),
        (
            Timing { idle_session: second, ..usual() },
            Permission::None,
            &[bind, r#"{"type":"claim","nameplate":"4"}"#, r#"{"type":"release"}"#],
            NOTHING_HELD,
        ),
        (
            Timing { idle_session: second, idle_mailbox: second, ..usual() },
            Permission::None,
            &[bind, r#"{"type":"allocate"}"#],
            NOTHING_HELD,
        ),
    ] {
        let heard = silence_after(timing, permission, said).await;
        assert!(heard.contains("welcome") && heard.contains(reason), "{heard}");
        assert!(!heard.contains(r#""error""#), "{heard}");
    }
}

#[tokio::test]
async fn whoever_has_claimed_something_may_wait_for_as_long_as_it_likes() {
    let short = Duration::from_secs(2); // but long enough to claim something
    let timing = Timing { unbound: short, idle_session: short, ..Timing::default() };
    let server = Server::start(Mailbox { timing, ..Mailbox::default() });
    let mut client = server.bound("app", "a").await;
    client.ask(json!({"type": "allocate"}), "allocated").await;
    let mut other = server.bound("app", "b").await;
    other.say(json!({"type": "open", "mailbox": "m"})).await;
    other.expect("ack").await;
    let heard = tokio::time::timeout(2 * short, client.hear()).await;
    assert!(heard.is_err(), "{heard:?}");
    for client in [&mut client, &mut other] {
        client.ask(json!({"type": "ping", "ping": 1}), "pong").await;
    }
}

#[tokio::test]
async fn connections_of_all_addresses() {
    let clients = Clients { connections: 1, ..Clients::default() };
    let server = Server::start(Config { clients, ..Config::default() });
    let held = server.connect().await;
    let answer = server.raw(UPGRADE).await;
    assert!(answer.starts_with("HTTP/1.1 503 Service Unavailable\r\n"), "{answer}");
    assert!(answer.contains("this server's limit is 1 connections; try again later"), "{answer}");
    drop(held);
    while !server.raw(b"GET / HTTP/1.1\r\n\r\n").await.contains("Wormhole Relay") {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_slow_handshake() {
    let clients = Clients { handshake: Duration::from_secs(1), ..Clients::default() };
    let server = Server::start(Config { clients, ..Config::default() });
    for begun in [&b""[..], b"GET /v1 HT"] {
        let answer = server.raw(begun).await;
        assert!(answer.starts_with("HTTP/1.1 408 Request Timeout\r\n"), "{answer}");
        assert!(answer.ends_with("limit of 1 seconds\n"), "{answer}");
    }
}

#[tokio::test]
async fn a_slow_reader() {
    let limits = Limits { outbox_bytes: 100_000, ..Limits::default() };
    ends_whoever_does_not_read(limits, Clients::default()).await;
}

#[tokio::test]
async fn slow_readers_together() {
    let limits = Limits { outboxes_bytes: 1 << 20, outbox_bytes: ENOUGH, ..Limits::default() };
    ends_whoever_does_not_read(limits, Clients::default()).await;
}

#[tokio::test]
async fn slow_readers_of_one_address() {
    let limits =
        Limits { outboxes_bytes_per_address: 1 << 20, outbox_bytes: ENOUGH, ..Limits::default() };
    let clients = Clients { limit_loopback: true, ..Clients::default() };
    ends_whoever_does_not_read(limits, clients).await;
}

/// More than is said to a slow reader: a limit of this size ends nobody.
const ENOUGH: usize = 64 << 20;

async fn ends_whoever_does_not_read(limits: Limits, clients: Clients) {
    let limits = Limits {
        mailbox_bytes: ENOUGH,
        mailbox_messages: 1000,
        stored_bytes_per_address: ENOUGH,
        ..limits
    };
    let mailbox = Some(Mailbox { limits, ..Mailbox::default() });
    let server = Server::start(Config { mailbox, clients, ..Config::default() });
    let mut slow = server.bound("app", "a").await;
    let mut fast = server.bound("app", "b").await;
    for client in [&mut slow, &mut fast] {
        client.say(json!({"type": "open", "mailbox": "mmm"})).await;
        client.expect("ack").await;
    }
    let add = json!({"type": "add", "phase": "0", "body": "0".repeat(50_000)});
    for _ in 0..600 {
        fast.ask(add.clone(), "message").await;
    }
    // What the sockets held can be read; then the connection ends, long before all is said.
    let mut heard = 0;
    while slow.hear().await.is_some_and(|message| message["type"] == "message") {
        heard += 1;
    }
    assert!(heard < 600, "{heard}");
    // The one who read goes on, and so does the slow side, when it comes back.
    fast.ask(add, "message").await;
    server.bound("app", "a").await;
}

#[tokio::test]
async fn a_reader_of_nothing_cannot_ask_for_ever() {
    let server = Server::start(Mailbox::default());
    let mut client = server.connect().await;
    let ping = json!({"type": "ping", "ping": "x".repeat(200)}).to_string();
    // Nothing is read: the server stops reading, too, and then the sockets are full.
    let mut taken = 0;
    while taken < 200_000 && is_taken(client.say_raw(ping.clone())).await {
        taken += 1;
    }
    assert!(taken < 200_000, "forty megabytes of questions whose answers nobody reads");
}

/// Whether something can be said. A pause of the whole machine is one try, however long it is.
async fn is_taken(saying: impl Future<Output = ()>) -> bool {
    let mut saying = std::pin::pin!(saying);
    for _ in 0..20 {
        if tokio::time::timeout(Duration::from_millis(25), &mut saying).await.is_ok() {
            return true;
        }
    }
    false
}

#[tokio::test]
async fn a_silent_client_is_pinged_and_then_dropped() {
    let timing = Timing {
        ping: Duration::from_millis(20),
        silence: Duration::from_millis(200),
        ..Timing::default()
    };
    let server = Server::start(Mailbox { timing, ..Mailbox::default() });
    // This client never answers a ping.
    let answer = server.raw(UPGRADE).await;
    assert!(answer.starts_with("HTTP/1.1 101"), "{answer}");
    assert!(answer.contains("welcome"), "{answer}");
    assert!(answer.contains("\u{fffd}\0"), "no ping among {answer:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn whoever_floods_the_server_while_it_says_goodbye_is_not_listened_to_for_ever() {
    let server = Server::start(Mailbox::default());
    let mut stream = std::net::TcpStream::connect(server.address).unwrap();
    stream.write_all(UPGRADE).unwrap();
    let flood = std::thread::spawn(move || {
        let pongs = b"\x8a\x80\0\0\0\0".repeat(1 << 18);
        let until = std::time::Instant::now() + PATIENCE;
        while stream.write_all(&pongs).is_ok() {
            if std::time::Instant::now() > until {
                return false;
            }
        }
        true
    });
    server.connect().await;
    server.stop().await;
    let ended = tokio::task::spawn_blocking(|| flood.join().unwrap()).await.unwrap();
    assert!(ended, "the flood was still read a minute after the goodbye");
}

#[tokio::test]
async fn a_client_that_answers_pings_is_kept() {
    let timing = Timing {
        ping: Duration::from_millis(20),
        silence: Duration::from_secs(3),
        ..Timing::default()
    };
    let server = Server::start(Mailbox { timing, ..Mailbox::default() });
    let mut client = server.connect().await;
    // Listening answers the pings; nothing else comes.
    let heard = tokio::time::timeout(Duration::from_secs(4), client.hear()).await;
    assert!(heard.is_err(), "{heard:?}");
    client.ask(json!({"type": "ping", "ping": 1}), "pong").await;
}

#[tokio::test]
async fn frames_that_break_the_protocol_end_it_with_a_reason() {
    let server = Server::start(Mailbox::default());
    for (frame, reason) in [
        (&b"\x81\x02{}"[..], "a client's frames must be masked"),
        (b"\xc1\x80\0\0\0\0", "reserved bits are set"),
        (b"\x83\x80\0\0\0\0", "unknown kind of frame"),
        (b"\x80\x80\0\0\0\0", "continues none"),
        (b"\x01\x80\0\0\0\0\x81\x80\0\0\0\0", "a message begins inside another"),
        (b"\x09\x80\0\0\0\0", "a control frame must be whole and short"),
        (b"\x89\xfe\x01\0\0\0\0\0", "a control frame must be whole and short"),
    ] {
        let answer = server.raw(&[UPGRADE, frame].concat()).await;
        assert!(answer.contains(reason), "{frame:?}: {answer:?}");
    }
}

#[tokio::test]
async fn idle_mailboxes_are_pruned_and_watched_ones_are_not() {
    let timing = Timing {
        idle_mailbox: Duration::from_secs(2), // long enough to open what was claimed
        prune: Duration::from_millis(10),
        ..Timing::default()
    };
    let server = Server::start(Mailbox { timing, allow_list: true, ..Mailbox::default() });
    let mut watching = server.bound("app", "a").await;
    let claimed = watching.ask(json!({"type": "claim", "nameplate": "1"}), "claimed").await;
    watching.say(json!({"type": "open", "mailbox": claimed["mailbox"]})).await;
    watching.expect("ack").await;
    let mut leaving = server.bound("app", "a").await;
    leaving.ask(json!({"type": "claim", "nameplate": "2"}), "claimed").await;
    drop(leaving);
    loop {
        let listed = watching.ask(json!({"type": "list"}), "nameplates").await;
        if listed["nameplates"] == json!([{"id": "1"}]) {
            break;
        }
        assert_eq!(listed["nameplates"], json!([{"id": "1"}, {"id": "2"}]));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn times_of_nothing_do_not_stop_the_server() {
    let none = Duration::ZERO;
    let usual = Timing::default();
    for timing in [
        Timing { prune: none, idle_mailbox: none, ..usual.clone() },
        Timing { ping: none, ..usual.clone() },
    ] {
        let server = Server::start(Mailbox { timing, ..Mailbox::default() });
        let mut client = server.connect().await;
        client.ask(json!({"type": "ping", "ping": 1}), "pong").await;
        server.stop().await;
    }
    // Nobody is so fast, and everybody is told, or dropped; the server stays.
    let clients = Clients { handshake: none, ..Clients::default() };
    let server = Server::start(Config { clients, ..Config::default() });
    let answer = server.raw(b"GET").await;
    assert!(answer.starts_with("HTTP/1.1 408 Request Timeout\r\n"), "{answer}");
    let timing = Timing { silence: none, ping: none, ..usual };
    let server = Server::start(Mailbox { timing, ..Mailbox::default() });
    server.raw(UPGRADE).await;
    server.stop().await;
}

/// What waits for whoever does not read waits in the system, too, where memory is short for all sockets
/// together. Left to itself it keeps some MiB in each direction.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn who_asks_and_never_reads_has_little_waiting_in_the_system() {
    const MOST: std::ops::Range<u64> = 1..512 << 10;
    let server = Server::start(Mailbox::default());
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut client = socket.connect(server.address).await.unwrap();
    client.write_all(UPGRADE).await.unwrap();
    let ping = [&[0x89, 0xfd, 0, 0, 0, 0][..], &[7; 125]].concat();
    let (mut reads, mut writes) = client.split();
    // At first it reads, and the system finds that much can be taken from it.
    let much = ping.repeat(100_000);
    let mut sink = tokio::io::sink();
    tokio::select! {
        said = writes.write_all(&much) => said.unwrap(),
        _ = tokio::io::copy(&mut reads, &mut sink) => panic!("it ended"),
    }
    let a_while = Duration::from_secs(2);
    let mut asked = 0;
    while let Ok(written) = timeout(a_while, writes.write(&ping)).await {
        assert!(written.unwrap() > 0 && asked < 1_000_000, "the server takes everything");
        asked += 1;
        tokio::task::yield_now().await; // it is answered alone
    }
    let [to_send, to_read] = waits_in_the_system(server.address, client.local_addr().unwrap());
    assert!(MOST.contains(&to_send) && MOST.contains(&to_read), "{to_send} and {to_read} bytes");
}

/// Bytes that a server has said and a client not taken, and that the client has said and the server not
/// taken.
#[cfg(target_os = "linux")]
fn waits_in_the_system(server: SocketAddr, client: SocketAddr) -> [u64; 2] {
    let port = |address: SocketAddr| format!(":{:04X}", address.port());
    let (server, client) = (port(server), port(client));
    let sockets = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let mut sockets = sockets.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let socket = sockets.find(|one| one[1].ends_with(&server) && one[2].ends_with(&client));
    let queues = socket.unwrap()[4].split_once(':').unwrap();
    [queues.0, queues.1].map(|queue| u64::from_str_radix(queue, 16).unwrap())
}
