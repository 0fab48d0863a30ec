//! What an operator sees: health, metrics and status at a door of its own, and the usage databases.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::{collections::BTreeSet, net::SocketAddr, path::Path};

use rusqlite::Connection;
use serde_json::{Value, json};
use support::{PATIENCE, Server, behind_a_proxy, half_a_pair};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, timeout},
};
use wormhole_sync_server::{Config, Database, Doors, Mailbox, Permission, Relay, Usage, listen};

/// A server, and its operator's door.
struct Watched {
    server: Server,
    admin: SocketAddr,
    relay: SocketAddr,
}

impl Watched {
    fn start(config: impl Into<Config>) -> Self {
        let [web, admin, relay] = [(); 3].map(|()| listen("127.0.0.1:0".parse().unwrap()).unwrap());
        let address = |listener: &tokio::net::TcpListener| listener.local_addr().unwrap();
        let addresses = (address(&admin), address(&relay));
        let mut doors = Doors::from(web);
        doors.admin.push(admin);
        doors.relay.push(relay);
        Self { server: Server::at(doors, config), admin: addresses.0, relay: addresses.1 }
    }

    /// The answer's status line, and what follows the head.
    async fn answer(&self, request: &str) -> (String, String) {
        let mut stream = TcpStream::connect(self.admin).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        timeout(PATIENCE, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").expect(request);
        let status = head.lines().next().unwrap().trim_start_matches("HTTP/1.1 ");
        (status.to_owned(), body.to_owned())
    }

    async fn page(&self, path: &str) -> (String, String) {
        self.answer(&format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")).await
    }

    async fn status(&self) -> Value {
        serde_json::from_str(&self.page("/status").await.1).unwrap()
    }

    /// Waits until health is told so.
    async fn turns(&self, status: &str) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            let (told, text) = self.page("/healthz").await;
            if told == status {
                return text;
            }
            assert!(Instant::now() < end, "it stays {told}");
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }

    /// A whole exchange in the mailbox server.
    async fn exchange(&self, mood: &str) {
        let mut clients =
            [self.server.bound("app", "a").await, self.server.bound("app", "b").await];
        for client in &mut clients {
            let claim = json!({"type": "claim", "nameplate": "4"});
            let mailbox = client.ask(claim, "claimed").await["mailbox"].clone();
            client.say(json!({"type": "open", "mailbox": mailbox})).await;
            client.expect("ack").await;
        }
        for client in &mut clients {
            client.ask(json!({"type": "release"}), "released").await;
        }
        for client in &mut clients {
            client.ask(json!({"type": "close", "mood": mood}), "closed").await;
        }
    }

    /// Two sides meet at the relay, and one sends so many bytes.
    async fn relayed(&self, bytes: usize) {
        let mut ends = Vec::new();
        for side in ["a", "b"] {
            ends.push(half_a_pair(self.relay, side).await);
        }
        let (mut to, mut from) = (ends.pop().unwrap(), ends.pop().unwrap());
        let mut ok = [0; 3];
        for end in [&mut to, &mut from] {
            end.read_exact(&mut ok).await.unwrap();
            assert_eq!(&ok, b"ok\n");
        }
        let send = async {
            from.write_all(&vec![7; bytes]).await.unwrap();
            from.shutdown().await.unwrap();
        };
        let mut got = Vec::new();
        let ((), read) = tokio::join!(send, to.read_to_end(&mut got));
        assert_eq!(read.unwrap(), bytes);
        drop((to, from));
    }
}

fn both(usage: Usage) -> Config {
    Config {
        mailbox: Some(Mailbox::default()),
        relay: Some(Relay::default()),
        usage,
        ..Config::default()
    }
}

/// The value of a sample.
fn sample(page: &str, name: &str) -> Option<f64> {
    page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
}

#[tokio::test]
async fn what_has_happened_stands_in_the_metrics_and_in_the_status() {
    let watched = Watched::start(both(Usage::default()));
    watched.exchange("happy").await;
    watched.exchange("scary").await;
    watched.relayed(123_456).await;
    let _waiting = {
        let mut client = watched.server.bound("app", "c").await;
        client.ask(json!({"type": "allocate"}), "allocated").await;
        client
    };
    let end = Instant::now() + PATIENCE;
    let status = loop {
        let status = watched.status().await; // a link's end is noticed a moment later
        if status["relay"]["ended_today"]["happy"] == 1 {
            break status;
        }
        assert!(Instant::now() < end, "{status}");
    };
    let mailbox = &status["mailbox"];
    assert_eq!((&mailbox["waiting"], &mailbox["paired"]), (&json!(1), &json!(0)));
    assert_eq!((&mailbox["nameplates"], &mailbox["connections"]), (&json!(1), &json!(1)));
    assert_eq!(
        (&mailbox["ended_today"]["happy"], &mailbox["ended"]["scary"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(
        (&status["relay"]["bytes_today"], &status["relay"]["waiting"]),
        (&json!(123_456), &json!(0))
    );
    assert_eq!((&status["trouble"], &mailbox["database_bytes"]), (&Value::Null, &Value::Null));

    let (told, page) = watched.page("/metrics").await;
    assert_eq!(told, "200 OK");
    for (name, value) in [
        ("wormhole_mailbox_connections", 1.0),
        ("wormhole_mailboxes_waiting", 1.0),
        ("wormhole_mailboxes_paired", 0.0),
        ("wormhole_mailboxes", 1.0),
        ("wormhole_nameplates", 1.0),
        ("wormhole_mailbox_stored_bytes", 0.0),
        ("wormhole_mailbox_endings_total{mood=\"happy\"}", 1.0),
        ("wormhole_mailbox_endings_total{mood=\"scary\"}", 1.0),
        ("wormhole_mailbox_endings_total{mood=\"lonely\"}", 0.0),
        ("wormhole_relay_waiting", 0.0),
        ("wormhole_relay_pairs", 0.0),
        ("wormhole_relay_bytes_total", 123_456.0),
        ("wormhole_relay_endings_total{mood=\"happy\"}", 1.0),
        ("wormhole_accepted_total{door=\"web\"}", 5.0),
        ("wormhole_accepted_total{door=\"relay\"}", 2.0),
        ("wormhole_hashcash_bits", 0.0),
    ] {
        assert_eq!(sample(&page, name), Some(value), "{name}\n{page}");
    }
    watched.server.stop().await;
}

#[tokio::test]
async fn every_line_of_the_metrics_is_of_a_family_that_is_described_once() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::Path(folder.path().join("mailbox.sqlite"));
    let permission = Permission::Hashcash { bits: 3, resource: "x".into() };
    let mailbox = Some(Mailbox { database, permission, ..Mailbox::default() });
    let watched = Watched::start(Config { mailbox, ..both(Usage::default()) });
    let (_, page) = watched.page("/metrics").await;
    let mut families = BTreeSet::new();
    for line in page.lines() {
        if let Some(described) = line.strip_prefix("# TYPE ") {
            let (name, kind) = described.split_once(' ').unwrap();
            assert!(families.insert(name), "{name} is described twice");
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
            assert!(page.contains(&format!("# HELP {name} ")));
        } else if !line.starts_with('#') {
            let (name, value) = line.rsplit_once(' ').unwrap();
            let name = name.split('{').next().unwrap();
            let parts = ["_bucket", "_sum", "_count"];
            let family = parts.iter().find_map(|part| name.strip_suffix(part)).unwrap_or(name);
            assert!(families.contains(family) || families.contains(name), "{line}");
            assert!(name.starts_with("wormhole_") && value.parse::<f64>().is_ok(), "{line}");
        }
    }
    assert_eq!(sample(&page, "wormhole_hashcash_bits"), Some(3.0));
    assert!(sample(&page, "wormhole_database_bytes").unwrap() > 0.0);
    watched.server.stop().await;
}

#[tokio::test]
async fn commits_are_counted_and_timed() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::Path(folder.path().join("mailbox.sqlite"));
    let watched = Watched::start(Mailbox { database, ..Mailbox::default() });
    watched.exchange("happy").await;
    let (_, page) = watched.page("/metrics").await;
    let [count, all, sum] = [
        "wormhole_commit_seconds_count",
        "wormhole_commit_seconds_bucket{le=\"+Inf\"}",
        "wormhole_commit_seconds_sum",
    ]
    .map(|name| sample(&page, name).unwrap());
    assert!(count > 0.0 && count.total_cmp(&all).is_eq() && sum > 0.0, "{page}");
    assert!(sample(&page, "wormhole_commit_turns_sum").unwrap() >= count);
    watched.server.stop().await;
}

#[cfg(unix)]
#[tokio::test]
async fn health_tells_of_a_database_that_was_deleted_or_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mailbox.sqlite");
    let database = Database::Path(path.clone());
    let watched = Watched::start(Mailbox { database, ..Mailbox::default() });
    assert_eq!(watched.page("/healthz").await.0, "200 OK");
    let aside = folder.path().join("aside");
    std::fs::rename(&path, &aside).unwrap();
    let text = watched.turns("503 Service Unavailable").await;
    assert!(text.contains("deleted or replaced"), "{text}");
    std::fs::rename(&aside, &path).unwrap();
    watched.turns("200 OK").await;
    let another = folder.path().join("another");
    std::fs::write(&another, "another").unwrap();
    std::fs::hard_link(&path, &aside).unwrap();
    std::fs::rename(&another, &path).unwrap();
    watched.turns("503 Service Unavailable").await;
    std::fs::rename(&aside, &path).unwrap();
    watched.turns("200 OK").await;
    watched.server.stop().await;
}

#[tokio::test]
async fn health_tells_of_a_database_that_cannot_be_written_and_of_its_recovery() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mailbox.sqlite");
    let database = Database::Path(path.clone());
    let watched = Watched::start(Mailbox { database, ..Mailbox::default() });
    assert_eq!(watched.page("/healthz").await, ("200 OK".to_owned(), "ok\n".to_owned()));

    // Somebody writes the database from elsewhere, and does not come to an end.
    let intruder = Connection::open(&path).unwrap();
    intruder.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut client = watched.server.bound("app", "a").await;
    client.say(json!({"type": "allocate"})).await;
    let text = watched.turns("503 Service Unavailable").await;
    assert_eq!(text, "the server cannot write its database: try again later\n");
    assert_eq!(watched.status().await["trouble"], text.trim_end());
    let (_, page) = watched.page("/metrics").await;
    assert!(sample(&page, "wormhole_database_failures_total").unwrap() >= 1.0);

    // Nobody comes any more, and still it is found out that all is well again.
    drop(client);
    intruder.execute_batch("ROLLBACK").unwrap();
    watched.turns("200 OK").await;
    watched.exchange("happy").await;
    watched.server.stop().await;
}

#[tokio::test]
async fn health_tells_of_a_relay_that_only_waits_for_its_pairs_to_end() {
    let watched = Watched::start(Config { mailbox: None, ..both(Usage::default()) });
    let mut pair = [half_a_pair(watched.relay, "a").await, half_a_pair(watched.relay, "b").await];
    for end in &mut pair {
        end.read_exact(&mut [0; 3]).await.unwrap();
    }
    assert_eq!(watched.page("/healthz").await.0, "200 OK");
    let Watched { server, admin, relay } = watched;
    let watched = Watched { server: server.begin_to_stop(), admin, relay };
    assert_eq!(watched.turns("503 Service Unavailable").await, "the server stops\n");
    assert_eq!(watched.status().await["trouble"], "the server stops");
    drop(pair);
    watched.server.stop().await;
}

#[tokio::test]
async fn what_is_no_request_for_a_page_is_refused_and_the_door_stays_open() {
    let watched = Watched::start(Mailbox::default());
    for (request, status) in [
        ("GET / HTTP/1.1\r\n\r\n", "404 Not Found"),
        ("GET /v1 HTTP/1.1\r\n\r\n", "404 Not Found"),
        ("POST /metrics HTTP/1.1\r\n\r\n", "405 Method Not Allowed"),
        ("HEAD /metrics HTTP/1.1\r\n\r\n", "405 Method Not Allowed"),
        ("please relay\n\n", "400 Bad Request"),
        (
            &format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(65)),
            "431 Request Header Fields Too Large",
        ),
        (
            &format!("GET / HTTP/1.1\r\na: {}", "b".repeat(9 << 10)),
            "431 Request Header Fields Too Large",
        ),
        ("GET /healthz?verbose HTTP/1.1\r\n\r\n", "200 OK"),
    ] {
        assert_eq!(watched.answer(request).await.0, status, "{request}");
    }
    watched.server.stop().await;
}

#[tokio::test]
async fn those_who_say_nothing_at_the_door_do_not_keep_the_operator_out() {
    let watched = Watched::start(Mailbox::default());
    let mut silent = Vec::new();
    for _ in 0..1000 {
        silent.push(TcpStream::connect(watched.admin).await.unwrap());
    }
    assert_eq!(watched.page("/healthz").await.0, "200 OK");
    watched.server.stop().await;
}

#[tokio::test]
async fn no_page_holds_a_clients_address() {
    let limits = wormhole_sync_server::Limits { mailboxes_per_address: 1, ..Default::default() };
    let mailbox = Some(Mailbox { limits, ..Mailbox::default() });
    let config = Config { mailbox, clients: behind_a_proxy(), ..both(Usage::default()) };
    let watched = Watched::start(config);
    for address in ["203.0.113.77", "2001:db8:77::7"] {
        let mut client = watched.server.connect_with(&[("x-real-ip", address)]).await;
        client.expect("welcome").await;
        client.say(json!({"type": "bind", "appid": "app", "side": address})).await;
        client.expect("ack").await;
        client.ask(json!({"type": "allocate"}), "allocated").await;
        client.refused(json!({"type": "claim", "nameplate": "77777"})).await;
    }
    for path in ["/healthz", "/metrics", "/status"] {
        let (_, page) = watched.page(path).await;
        for part in ["203.0.113", "2001:db8", "127.0.0.1"] {
            assert!(!page.contains(part), "{path}: {page}");
        }
    }
    watched.server.stop().await;
}

/// All rows, as JSON.
fn rows(path: &Path, query: &str) -> Vec<String> {
    let database = Connection::open(path).unwrap();
    let mut query = database.prepare(query).unwrap();
    let rows = query.query_map([], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

#[tokio::test]
async fn usage_is_written_down_as_the_familys_servers_do() {
    let folder = tempfile::tempdir().unwrap();
    let [mailbox, relay] = ["mailbox", "relay"].map(|name| folder.path().join(name));
    let usage =
        Usage { mailbox: Some(mailbox.clone()), relay: Some(relay.clone()), ..Usage::default() };
    let watched = Watched::start(both(usage));
    watched.exchange("happy").await;
    watched.relayed(12_345).await;
    let mut client = watched.server.connect().await;
    let version = json!(["chat", "1.4.2"]);
    client
        .say(json!({"type": "bind", "appid": "app", "side": "z", "client_version": version}))
        .await;
    client.expect("ack").await;
    drop(client);
    watched.server.stop().await;

    let nameplate = "SELECT json_array(app_id, started % 3600, total_time >= waiting_time, result)
         FROM nameplates";
    assert_eq!(rows(&mailbox, nameplate), [r#"["app",0,1,"happy"]"#]);
    let of_mailbox = "SELECT json_array(app_id, for_nameplate, started % 3600, result)
         FROM mailboxes";
    assert_eq!(rows(&mailbox, of_mailbox), [r#"["app",1,0,"happy"]"#]);
    let clients = "SELECT json_array(side, implementation, version)
         FROM client_versions ORDER BY side";
    let told = [r#"["a",null,null]"#, r#"["b",null,null]"#, r#"["z","chat","1.4.2"]"#];
    assert_eq!(rows(&mailbox, clients), told);
    let current = "SELECT json_array(updated >= rebooted, blur_time, connections_websocket)
         FROM current";
    assert_eq!(rows(&mailbox, current), ["[1,3600,0]"]);

    let relayed = "SELECT json_array(started % 3600, total_bytes, result) FROM usage";
    assert_eq!(rows(&relay, relayed), [r#"[0,20000,"happy"]"#]);
    let current = "SELECT json_array(updated >= rebooted, connected, waiting, incomplete_bytes)
         FROM current";
    assert_eq!(rows(&relay, current), ["[1,0,0,0]"]);
}

#[tokio::test]
async fn a_usage_database_that_cannot_be_hinders_nobody() {
    let usage = Usage { mailbox: Some("/dev/null/usage".into()), ..Usage::default() };
    let watched = Watched::start(both(usage));
    watched.exchange("happy").await;
    assert_eq!(watched.page("/healthz").await.0, "200 OK");
    assert_eq!(watched.status().await["mailbox"]["ended"]["happy"], 1);
    watched.server.stop().await;
}
