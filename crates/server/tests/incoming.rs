//! Messages that are too long, or never end.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::time::Duration;

use serde_json::{Value, json};
use support::{Client, PATIENCE, Server, behind_a_proxy};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time::timeout,
};
use tokio_websockets::MaybeTlsStream;
use wormhole_sync_server::{Config, Limits, Mailbox, Timing};

async fn opened(server: &Server, side: &str) -> Client {
    let mut client = server.bound("app", side).await;
    client.say(json!({"type": "open", "mailbox": "mmm"})).await;
    client.expect("ack").await;
    client
}

#[tokio::test]
async fn a_message_beyond_the_limit_is_skipped() {
    let limits = Limits { message_bytes: 1000, ..Limits::default() };
    let server = Server::start(Mailbox { limits, ..Mailbox::default() });
    let mut client = server.bound("app", "a").await;
    for size in [1001, 70_000, 3_000_000] {
        client.say_raw("x".repeat(size)).await;
        let error = client.expect("error").await;
        assert_eq!(error["error"], "message too large: this server's limit is 1000 bytes");
        assert_eq!(error["orig"], Value::Null);
    }
    client.ask(json!({"type": "ping", "ping": 1}), "pong").await;
}

#[tokio::test]
async fn a_message_beyond_the_limit_is_told_by_name() {
    let server = Server::start(Mailbox::default());
    let mut client = opened(&server, "a").await;
    for size in [1 << 20, 3 << 20] {
        let body = "0".repeat(size);
        client.say_raw(format!(r#"{{"type":"add","id":"a1","phase":"0","body":"{body}"}}"#)).await;
        let error = client.expect("error").await;
        assert_eq!(error["orig"], json!({"type": "add", "id": "a1"}));
    }
}

#[tokio::test]
async fn a_long_message_that_is_refused_is_told_by_name() {
    let limits = Limits { mailbox_bytes: 1000, ..Limits::default() };
    let server = Server::start(Mailbox { limits, ..Mailbox::default() });
    let mut client = opened(&server, "a").await;
    let add = json!({"type": "add", "id": "a1", "phase": "0", "body": "0".repeat(100_000)});
    let error = client.ask(add, "error").await;
    assert_eq!(error["error"], "the mailbox is full: this server's limit is 1000 bytes");
    assert_eq!(error["orig"], json!({"type": "add", "id": "a1"}));
}

#[tokio::test]
async fn little_may_be_said_before_bind_and_more_right_behind_it() {
    let server = Server::start(Mailbox::default());
    let mut client = server.connect().await;
    client.say(json!({"type": "ping", "ping": "x".repeat(5000)})).await;
    let error = client.expect("error").await;
    let text = "message too large: this server's limit is 4096 bytes before 'bind'";
    assert_eq!(error["error"], text);
    // Nothing is waited for in between.
    client.say(json!({"type": "bind", "appid": "app", "side": "a"})).await;
    client.say(json!({"type": "open", "mailbox": "mmm"})).await;
    client.say(json!({"type": "add", "phase": "0", "body": "0".repeat(100_000)})).await;
    for kind in ["ack", "ack", "ack", "message"] {
        client.expect(kind).await;
    }
}

/// The socket itself, for what no client says.
fn socket(client: &mut Client) -> &mut TcpStream {
    let MaybeTlsStream::Plain(stream) = client.socket.get_mut();
    stream
}

/// The beginning of a frame of 900,000 bytes, as many of them as are asked for.
async fn begin(client: &mut Client, bytes: usize) {
    let mut frame = b"\x81\xff\0\0\0\0\0\x0d\xbb\xa0\0\0\0\0".to_vec();
    frame.resize(frame.len() + bytes, b'0');
    _ = socket(client).write_all(&frame).await; // refused in the midst of it, perhaps
}

/// So many clients that each begin a long message and leave it at that; what each is told at its end.
async fn beginners(server: &Server, number: usize) -> JoinSet<String> {
    let mut clients = JoinSet::new();
    for number in 0..number {
        let mut client = server.bound("app", &format!("{number}")).await;
        socket(&mut client).set_zero_linger().unwrap(); // whoever goes is gone, with what is on its way
        clients.spawn(async move {
            let mut heard = Vec::new();
            begin(&mut client, 800_000).await;
            _ = socket(&mut client).read_to_end(&mut heard).await;
            String::from_utf8_lossy(&heard).into_owned()
        });
    }
    clients
}

#[tokio::test]
async fn unfinished_messages_of_all_clients_together_are_limited() {
    let limits = Limits { incoming_bytes: 2_000_000, ..Limits::default() };
    let server = Server::start(Mailbox { limits, ..Mailbox::default() });
    let mut honest = opened(&server, "honest").await;
    let mut clients = beginners(&server, 20).await;
    // Two such buffers fit, at most.
    for _ in 0..17 {
        let heard = timeout(PATIENCE, clients.join_next()).await.unwrap().unwrap().unwrap();
        assert!(
            heard.contains("busy with unfinished messages: this server's limit is 2000000"),
            "{heard}"
        );
    }
    // Whoever says little is not to blame; and when they are gone, there is room.
    honest.ask(json!({"type": "add", "phase": "0", "body": "00"}), "message").await;
    clients.shutdown().await;
    let long = json!({"type": "add", "phase": "1", "body": "0".repeat(900_000)});
    honest.ask(long, "message").await;
}

#[tokio::test]
async fn unfinished_messages_from_one_address_leave_room_for_others() {
    let limits = Limits { incoming_bytes_per_address: 2_000_000, ..Limits::default() };
    let mailbox = Some(Mailbox { limits, ..Mailbox::default() });
    let config = Config { mailbox, clients: behind_a_proxy(), ..Config::default() };
    let server = Server::start(config);
    let mut clients = beginners(&server, 10).await;
    for _ in 0..7 {
        let heard = timeout(PATIENCE, clients.join_next()).await.unwrap().unwrap().unwrap();
        let limit = "this server's limit is 2000000 bytes; try again later";
        let text = format!("too many unfinished messages from your address: {limit}");
        assert!(heard.contains(&text), "{heard}");
    }
    let mut honest = server.connect_with(&[("X-Real-IP", "192.0.2.7"), ("X-Real-Port", "1")]).await;
    honest.expect("welcome").await;
    honest.say(json!({"type": "bind", "appid": "app", "side": "honest"})).await;
    honest.expect("ack").await;
    honest.say(json!({"type": "open", "mailbox": "mmm"})).await;
    honest.expect("ack").await;
    let long = json!({"type": "add", "phase": "0", "body": "0".repeat(900_000)});
    honest.ask(long, "message").await;
}

#[tokio::test]
async fn a_message_that_never_ends_is_not_waited_for() {
    let (ping, message) = (Duration::from_millis(20), Duration::from_secs(1));
    let timing = Timing { ping, message, ..Timing::default() };
    let server = Server::start(Mailbox { timing, ..Mailbox::default() });
    let mut small = server.bound("app", "small").await;
    let fragment = [&b"\x01\xfe\x03\xe8\0\0\0\0"[..], &[b'0'; 1000]].concat();
    socket(&mut small).write_all(&fragment).await.unwrap();
    let mut large = server.bound("app", "large").await;
    begin(&mut large, 100_000).await;
    let (mut reader, mut writer) = socket(&mut large).split();
    let drip = async {
        while writer.write_all(b"0").await.is_ok() {
            tokio::time::sleep(ping).await;
        }
    };
    let mut heard = Vec::new();
    let hears = async { _ = reader.read_to_end(&mut heard).await };
    tokio::select! {
        () = drip => {}
        heard = timeout(PATIENCE, hears) => heard.unwrap(),
    }
    let heard = String::from_utf8_lossy(&heard);
    let text = "message too slow: this server's limit is 1 seconds";
    assert!(heard.contains(text), "{heard}");
    // A little does no harm, for however long.
    socket(&mut small).write_all(b"\x80\x80\0\0\0\0").await.unwrap();
    assert_eq!(small.expect("error").await["error"], "not a JSON object");
}
