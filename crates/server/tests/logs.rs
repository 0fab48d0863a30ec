//! What the server logs, down to the finest: no address while records are blurred, and never what
//! clients say to one another.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::{
    fmt::{Debug, Write},
    sync::{Arc, Mutex},
};

use serde_json::json;
use support::{Server, behind_a_proxy};
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};
use wormhole_sync_server::{Clients, Config, Limits, Mailbox, Usage};

/// Takes down every word.
#[derive(Clone, Default)]
struct Ear(Arc<Mutex<String>>);

struct Line<'a>(&'a mut String);

impl Visit for Line<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, "{field}={value:?} ").unwrap();
    }
}

impl Subscriber for Ear {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("wormhole_sync_server")
    }

    fn event(&self, event: &Event<'_>) {
        let mut heard = self.0.lock().unwrap();
        event.record(&mut Line(&mut heard));
        heard.push('\n');
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// Where clients come from.
const ADDRESSES: [&str; 2] = ["203.0.113.77", "2001:db8:77::7"];

/// What is logged while clients meet, leave messages, are refused and turned away.
async fn heard(usage: Usage) -> String {
    let ear = Ear::default();
    let guard = tracing::subscriber::set_default(ear.clone());
    let limits = Limits { mailboxes_per_address: 1, ..Limits::default() };
    let clients = Clients { connections_per_address: 2, ..behind_a_proxy() };
    let mailbox = Some(Mailbox { limits, ..Mailbox::default() });
    let server = Server::start(Config { mailbox, clients, usage, ..Config::default() });
    for address in ADDRESSES {
        let mut client = server.connect_with(&[("x-real-ip", address), ("x-real-port", "7")]).await;
        client.expect("welcome").await;
        client.say(json!({"type": "bind", "appid": "app", "side": "a"})).await;
        client.expect("ack").await;
        let claim = json!({"type": "claim", "nameplate": "77123"});
        let mailbox = client.ask(claim, "claimed").await["mailbox"].clone();
        client.say(json!({"type": "open", "mailbox": mailbox})).await;
        client.expect("ack").await;
        client.ask(json!({"type": "add", "phase": "pake", "body": "decade"}), "message").await;
        client.ask(json!({"type": "close", "mood": "scary"}), "closed").await;
        let request =
            format!("GET /v1 HTTP/1.1\r\nX-Real-IP: {address}\r\nX-Forwarded-For: 192.0.2.1\r\n");
        let upgrade = "Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        server.raw(format!("{request}{upgrade}").as_bytes()).await;
    }
    server.stop().await;
    drop(guard);
    let heard = ear.0.lock().unwrap().clone();
    for words in ["client came", "client is gone", "mood=\"scary\"", "mailbox server starts"] {
        assert!(heard.contains(words), "{words} is not in {heard}");
    }
    for secret in ["decade", "77123"] {
        assert!(!heard.contains(secret), "{heard}");
    }
    heard
}

#[tokio::test]
async fn a_proxy_that_sends_no_header_does_not_fill_the_log() {
    let ear = Ear::default();
    let _guard = tracing::subscriber::set_default(ear.clone());
    let clients = Clients { proxy_protocol: true, ..behind_a_proxy() };
    let server = Server::start(Config { clients, ..Config::default() });
    for _ in 0..50 {
        let answer = server.raw(b"GET / HTTP/1.1\r\n\r\n").await;
        assert!(answer.contains("expects a header of the PROXY protocol"), "{answer}");
    }
    server.stop().await;
    let heard = ear.0.lock().unwrap().clone();
    let told = heard.lines().filter(|line| line.contains("a trusted proxy sends no header"));
    let told: Vec<_> = told.collect();
    assert!(told.len() == 1 && told[0].contains("left_out=0 "), "{told:?}");
}

#[tokio::test]
async fn addresses_are_logged_only_when_records_are_exact() {
    let blurred = heard(Usage::default()).await;
    for part in ["203.0.113", "2001:db8", "192.0.2.1", "127.0.0.1"] {
        assert!(!blurred.contains(part), "{part} is in {blurred}");
    }
    assert!(blurred.contains("address=hidden"), "{blurred}");

    let exact = heard(Usage { blur: None, ..Usage::default() }).await;
    for address in ADDRESSES {
        assert!(exact.contains(&format!("address={address}")), "{address} is not in {exact}");
    }
}
