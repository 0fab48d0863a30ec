//! Two clients meet over real sockets.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use serde_json::json;
use support::Server;
use wormhole_sync_server::{Database, Mailbox};

#[tokio::test]
async fn two_clients_meet_in_memory() {
    two_clients_meet(Mailbox::default()).await;
}

#[tokio::test]
async fn two_clients_meet_over_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::Path(folder.path().join("mailbox.sqlite"));
    two_clients_meet(Mailbox { database, ..Mailbox::default() }).await;
}

async fn two_clients_meet(config: Mailbox) {
    let server = Server::start(config);
    let mut alice = server.bound("app", "a").await;
    let nameplate = alice.ask(json!({"type": "allocate"}), "allocated").await["nameplate"].clone();
    let claim = json!({"type": "claim", "nameplate": nameplate});
    let mailbox = alice.ask(claim.clone(), "claimed").await["mailbox"].clone();
    alice.say(json!({"type": "open", "mailbox": mailbox})).await;
    alice.expect("ack").await;
    let add = json!({"type": "add", "phase": "pake", "body": "00", "id": 7});
    let echo = alice.ask(add, "message").await;
    assert_eq!(
        (&echo["side"], &echo["phase"], &echo["id"]),
        (&json!("a"), &json!("pake"), &json!(7))
    );

    let mut bob = server.bound("app", "b").await;
    assert_eq!(bob.ask(claim, "claimed").await["mailbox"], mailbox);
    let stored = bob.ask(json!({"type": "open", "mailbox": mailbox}), "message").await;
    assert_eq!((&stored["side"], &stored["body"]), (&json!("a"), &json!("00")));
    assert_eq!(stored["server_rx"], echo["server_rx"]);
    bob.ask(json!({"type": "add", "phase": "pake", "body": "11"}), "message").await;
    assert_eq!(alice.expect("message").await["body"], "11");
    for client in [&mut alice, &mut bob] {
        client.ask(json!({"type": "release"}), "released").await;
        client.ask(json!({"type": "close", "mood": "happy"}), "closed").await;
    }
    server.stop().await;
    assert_eq!(alice.hear().await, None);
}
