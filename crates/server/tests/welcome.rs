//! What comes before the first message: HTTP, the welcome, and permission.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use sha1::{Digest, Sha1};
use support::{Client, Server, behind_a_proxy};
use wormhole_sync_server::{Clients, Config, Mailbox, Notices, Permission, TransitRelay};
use wormhole_sync_wire::hashcash::{date, leading_zero_bits};

#[tokio::test]
async fn the_welcome_says_what_was_configured() {
    let notices = Notices {
        motd: Some("hello".into()),
        error: Some("go away".into()),
        current_cli_version: Some("9.9".into()),
        transit_relays: ["tcp:relay.example.com:4001", "wss://relay.example.com/relay"]
            .map(|relay| TransitRelay::parse(relay).unwrap())
            .to_vec(),
    };
    let server = Server::start(Mailbox { notices, ..Mailbox::default() });
    let welcome = server.connect_with(&[]).await.expect("welcome").await["welcome"].clone();
    assert_eq!(welcome["motd"], "hello");
    assert_eq!(welcome["error"], "go away");
    assert_eq!(welcome["current_cli_version"], "9.9");
    assert_eq!(welcome["your-address"]["ipv4"], "127.0.0.1");
    assert!(welcome["your-address"]["port"].is_u64());
    assert!(welcome.get("permission-required").is_none());
    let relay = |hint| json!({"type": "relay-v1", "hints": [hint]});
    let tcp = json!({"type": "direct-tcp-v1", "hostname": "relay.example.com", "port": 4001, "priority": 0.0});
    let websocket = json!({"type": "websocket", "url": "wss://relay.example.com/relay"});
    assert_eq!(welcome["transit-relays-v1"], json!([relay(tcp), relay(websocket)]));
}

#[test]
fn what_no_client_can_use_is_no_relay() {
    let long = format!("wss://{}", "r".repeat(2048));
    for text in ["", "relay.example.com:4001", "tcp:relay.example.com", "http://a", &long] {
        assert_eq!(TransitRelay::parse(text), None, "{text}");
    }
}

#[tokio::test]
async fn a_trusted_proxy_is_believed() {
    let server = Server::start(Config { clients: behind_a_proxy(), ..Config::default() });
    for (headers, address) in [
        (
            vec![("X-Real-IP", "2001:db8::1"), ("X-Real-Port", "77")],
            json!({"ipv6": "2001:db8::1", "port": 77}),
        ),
        // Without its port an address is not told on, and nobody is dropped for it.
        (vec![("X-Real-IP", "192.0.2.1")], Value::Null),
    ] {
        let welcome = server.connect_with(&headers).await.expect("welcome").await;
        assert_eq!(welcome["welcome"]["your-address"], address);
    }
}

#[tokio::test]
async fn whoever_is_no_trusted_proxy_is_not_believed() {
    let server = Server::start(Config::default());
    let header = [("X-Real-IP", "192.0.2.1"), ("X-Real-Port", "77")];
    let welcome = server.connect_with(&header).await.expect("welcome").await;
    assert_eq!(welcome["welcome"]["your-address"]["ipv4"], "127.0.0.1");
}

#[tokio::test]
async fn http_is_answered_in_http() {
    let clients = Clients { head_bytes: 500, ..Clients::default() };
    let server = Server::start(Config { clients, ..Config::default() });
    let long = format!("GET / HTTP/1.1\r\nx: {}", "y".repeat(600));
    for (request, status, text) in [
        ("GET / HTTP/1.1\r\n\r\n", "200 OK", "Wormhole Relay\n"),
        ("GET /v1 HTTP/1.1\r\n\r\n", "426 Upgrade Required", "upgrade"),
        ("GET /x HTTP/1.1\r\n\r\n", "404 Not Found", "/v1"),
        ("PUT / HTTP/1.1\r\n\r\n", "405 Method Not Allowed", "GET"),
        ("hello\r\n\r\n", "400 Bad Request", "not HTTP"),
        (&long, "431 Request Header Fields Too Large", "limit of 500 bytes"),
    ] {
        let answer = server.raw(request.as_bytes()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{answer}");
        assert!(answer.split_once("\r\n\r\n").unwrap().1.contains(text), "{answer}");
    }
}

fn asking_for_stamps() -> Mailbox {
    let permission = Permission::Hashcash { bits: 6, resource: "mailbox.example".into() };
    Mailbox { permission, ..Mailbox::default() }
}

/// A new connection, and what its stamps are to be made for.
async fn resource(server: &Server) -> (Client, String) {
    let mut client = server.connect_with(&[]).await;
    let welcome = client.expect("welcome").await;
    let required = &welcome["welcome"]["permission-required"]["hashcash"];
    assert_eq!(required["bits"], 6);
    let resource = required["resource"].as_str().unwrap().to_owned();
    assert!(resource.starts_with("mailbox.example/"), "{resource}");
    (client, resource)
}

fn submit(stamp: &str) -> Value {
    json!({"type": "submit-permissions", "method": "hashcash", "stamp": stamp})
}

#[tokio::test]
async fn before_a_good_stamp_nobody_is_bound() {
    let server = Server::start(asking_for_stamps());
    let (mut client, resource) = resource(&server).await;
    let bind = json!({"type": "bind", "appid": "app", "side": "s"});
    let text = client.refused(bind.clone()).await;
    assert_eq!(text, "permission required: submit a hashcash stamp before bind");
    let text = client.refused(submit(&format!("1:6:700101:{resource}::x:1"))).await;
    assert_eq!(text, "the stamp's date is more than two days away");

    let stamp = good_stamp(&resource);
    client.say(submit(&stamp)).await;
    client.expect("ack").await;
    client.say(bind).await;
    client.expect("ack").await;
    client.ask(json!({"type": "allocate"}), "allocated").await;

    let mut other = server.connect().await;
    let text = other.refused(submit(&stamp)).await;
    assert_eq!(text, "the stamp was used before: make a new one");
}

#[tokio::test]
async fn a_stamp_is_not_good_again_after_a_restart() {
    let server = Server::start(asking_for_stamps());
    let (mut client, resource_before) = resource(&server).await;
    let stamp = good_stamp(&resource_before);
    client.say(submit(&stamp)).await;
    client.expect("ack").await;
    client.ask(json!({"type": "ping", "ping": 1}), "pong").await;
    server.stop().await;

    let server = Server::start(asking_for_stamps());
    let (mut client, resource) = resource(&server).await;
    assert_eq!(client.refused(submit(&stamp)).await, "the stamp is for another resource");
    client.say(submit(&good_stamp(&resource))).await;
    client.expect("ack").await;
    client.ask(json!({"type": "ping", "ping": 1}), "pong").await;
}

#[tokio::test]
async fn stamps_are_asked_for_while_many_come_of_more_bits_the_more_they_are() {
    let resource = "mailbox.example".to_owned();
    let permission = Permission::UnderLoad { level: 1, bits: 4, max_bits: 6, resource };
    let server = Server::start(Mailbox { permission, ..Mailbox::default() });
    let mut first = server.connect_with(&[]).await;
    let required = first.expect("welcome").await["welcome"]["permission-required"].clone();
    assert_eq!(required, json!({"none": {}}));
    first.say(json!({"type": "bind", "appid": "app", "side": "s"})).await;
    first.expect("ack").await;
    let mut asked = Vec::new();
    for _ in 0..100 {
        let mut client = server.connect_with(&[]).await;
        let welcome = client.expect("welcome").await;
        let required = &welcome["welcome"]["permission-required"]["hashcash"];
        asked.push((required["bits"].as_u64(), required["resource"].clone(), client));
    }
    let bits: Vec<_> = asked.iter().filter_map(|(bits, ..)| *bits).collect();
    assert!(bits.is_sorted() && bits.first() == Some(&4) && bits.last() == Some(&6), "{bits:?}");
    // What one was asked for at its welcome holds for it, however many have come since.
    let (_, resource, client) = asked.iter_mut().find(|(bits, ..)| *bits == Some(4)).unwrap();
    let resource = resource.as_str().unwrap();
    let worth = |bits: std::ops::Range<u32>| stamp_worth(resource, bits);
    let text = client.refused(submit(&worth(0..4))).await;
    assert_eq!(text, "the stamp has fewer than 4 zero bits");
    client.say(submit(&worth(4..5))).await;
    client.expect("ack").await;
    client.say(json!({"type": "bind", "appid": "app", "side": "t"})).await;
    client.expect("ack").await;
    client.ask(json!({"type": "allocate"}), "allocated").await;
}

fn good_stamp(resource: &str) -> String {
    stamp_worth(resource, 6..161)
}

/// A stamp of today with so many zero bits.
fn stamp_worth(resource: &str, bits: std::ops::Range<u32>) -> String {
    let days = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() / 86_400;
    let date = date(u32::try_from(days).unwrap());
    (0..100_000)
        .map(|counter| format!("1:6:{date}:{resource}::salt:{counter}"))
        .find(|stamp| bits.contains(&leading_zero_bits(&Sha1::digest(stamp))))
        .unwrap()
}
