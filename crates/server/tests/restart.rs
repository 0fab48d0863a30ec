//! The server goes and comes back, and nobody who waits loses anything.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::{path::Path, time::Duration};

use futures_util::StreamExt;
use serde_json::{Value, json};
use support::{PATIENCE, Server};
use tokio::time::timeout;
use wormhole_sync_server::{Database, Limits, Mailbox, ServeError, Timing};

fn on_disk(folder: &Path) -> Mailbox {
    let database = Database::Path(folder.join("mailbox.sqlite"));
    Mailbox { database, allow_list: true, ..Mailbox::default() }
}

#[tokio::test]
async fn what_waits_is_still_there() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(on_disk(folder.path()));
    let mut alice = server.bound("app", "a").await;
    let nameplate = alice.ask(json!({"type": "allocate"}), "allocated").await["nameplate"].clone();
    let claim = json!({"type": "claim", "nameplate": nameplate});
    let mailbox = alice.ask(claim.clone(), "claimed").await["mailbox"].clone();
    let open = json!({"type": "open", "mailbox": mailbox});
    alice.say(open.clone()).await;
    alice.expect("ack").await;
    let mut echoes: Vec<Value> = Vec::new();
    for (phase, id) in [("pake", json!("\u{1}é")), ("version", json!({"a": 1})), ("0", json!(null))]
    {
        let add = json!({"type": "add", "phase": phase, "body": "C0ffee", "id": id});
        echoes.push(alice.ask(add, "message").await);
    }
    server.stop().await;

    let server = Server::start(on_disk(folder.path()));
    // Alice lost the answer to her allocation: she gets the same short number again.
    let mut alice = server.bound("app", "a").await;
    assert_eq!(alice.ask(json!({"type": "allocate"}), "allocated").await["nameplate"], nameplate);
    assert_eq!(alice.ask(claim.clone(), "claimed").await["mailbox"], mailbox);
    let mut bob = server.bound("app", "b").await;
    assert_eq!(bob.ask(claim, "claimed").await["mailbox"], mailbox);
    bob.say(open).await;
    bob.expect("ack").await;
    for mut echo in echoes {
        let mut stored = bob.expect("message").await;
        for message in [&mut echo, &mut stored] {
            message.as_object_mut().unwrap().remove("server_tx");
        }
        assert_eq!(stored, echo);
    }
    let mut carol = server.bound("app", "c").await;
    assert_eq!(carol.refused(json!({"type": "open", "mailbox": mailbox})).await, "crowded");
    server.stop().await;
}

#[tokio::test]
async fn whoever_waits_is_told_that_the_server_goes() {
    let server = Server::start(Mailbox::default());
    let mut waits = server.bound("app", "a").await;
    waits.ask(json!({"type": "allocate"}), "allocated").await;
    let stopping = server.begin_to_stop();
    let last = timeout(PATIENCE, waits.socket.next()).await.unwrap().unwrap().unwrap();
    let (code, reason) = last.as_close().unwrap();
    assert_eq!((u16::from(code), reason), (1001, "the server stops")); // come again: RFC 6455, 7.4.1
    drop(waits);
    stopping.stop().await;
}

#[tokio::test]
async fn what_was_let_go_stays_gone() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(on_disk(folder.path()));
    let claim = json!({"type": "claim", "nameplate": "4"});
    let mut mailbox = Value::Null;
    for side in ["a", "b"] {
        let mut client = server.bound("app", side).await;
        mailbox = client.ask(claim.clone(), "claimed").await["mailbox"].clone();
    }
    let mut alice = server.bound("app", "a").await;
    alice.ask(json!({"type": "release", "nameplate": "4"}), "released").await;
    let close = json!({"type": "close", "mailbox": mailbox, "mood": "scary"});
    alice.ask(close.clone(), "closed").await;
    server.stop().await;

    let server = Server::start(on_disk(folder.path()));
    let mut alice = server.bound("app", "a").await;
    assert_eq!(alice.refused(claim.clone()).await, "reclaimed");
    let mut bob = server.bound("app", "b").await;
    bob.ask(claim, "claimed").await;
    bob.ask(json!({"type": "release"}), "released").await;
    bob.ask(close, "closed").await;
    assert_eq!(bob.ask(json!({"type": "list"}), "nameplates").await["nameplates"], json!([]));
    server.stop().await;
    let server = Server::start(on_disk(folder.path()));
    let mut bob = server.bound("app", "b").await;
    assert_eq!(bob.ask(json!({"type": "list"}), "nameplates").await["nameplates"], json!([]));
    server.stop().await;
}

#[tokio::test]
async fn one_database_has_one_server() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(on_disk(folder.path()));
    server.connect().await;
    let error = Server::start(on_disk(folder.path())).fails().await;
    assert!(error.to_string().contains("is in use: stop the other server"), "{error}");
    server.stop().await;
    Server::start(on_disk(folder.path())).stop().await;
}

#[tokio::test]
async fn a_database_that_cannot_be_used_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = Mailbox {
        database: Database::Path(folder.path().join("no/such/folder.sqlite")),
        ..Mailbox::default()
    };
    let error = Server::start(nowhere).fails().await;
    assert!(error.to_string().contains("make the directory"), "{error}");
    std::fs::write(folder.path().join("mailbox.sqlite"), "hello ".repeat(1000)).unwrap();
    let error = Server::start(on_disk(folder.path())).fails().await;
    assert!(matches!(error, ServeError::Database(_)), "{error}");
}

#[cfg(unix)]
#[tokio::test]
async fn the_database_is_for_its_owner_alone() {
    use std::{fs, os::unix::fs::PermissionsExt};
    let folder = tempfile::tempdir().unwrap();
    let modes = || {
        let files = fs::read_dir(folder.path()).unwrap().map(Result::unwrap);
        let mode = |file: fs::DirEntry| file.metadata().unwrap().permissions().mode() & 0o777;
        files.map(|file| (file.file_name().into_string().unwrap(), mode(file))).collect::<Vec<_>>()
    };
    for run in ["made", "found"] {
        let server = Server::start(on_disk(folder.path()));
        let mut client = server.bound("app", "a").await;
        client.ask(json!({"type": "allocate"}), "allocated").await;
        let modes = modes();
        assert!(modes.len() >= 2, "{modes:?}");
        assert!(modes.iter().all(|(_, mode)| *mode == 0o600), "{run}: {modes:?}");
        server.stop().await;
        let path = folder.path().join("mailbox.sqlite");
        fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
    }
}

/// Goes through a mailbox with messages, a side and a name that are found easily.
async fn leave_a_mailbox(server: &Server) {
    let mut client = server.bound("app", "side-that-left").await;
    client.say(json!({"type": "open", "mailbox": "mailbox-that-ended"})).await;
    client.expect("ack").await;
    for phase in 0..20 {
        let body = "c0ffee".repeat(1 + phase * 500);
        client.ask(json!({"type": "add", "phase": "p", "body": body}), "message").await;
    }
    let mut other = server.bound("app", "b").await;
    other.ask(json!({"type": "claim", "nameplate": "4"}), "claimed").await;
    client.ask(json!({"type": "close"}), "closed").await;
}

/// What of it stands in this file.
fn left_in(path: &Path) -> Vec<&'static str> {
    let bytes = std::fs::read(path).unwrap_or_default();
    let mut left = vec!["c0ffeec0ffee", "mailbox-that-ended", "side-that-left"];
    left.retain(|left| bytes.windows(left.len()).any(|bytes| bytes == left.as_bytes()));
    left
}

#[tokio::test]
async fn what_both_sides_left_is_not_found_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(on_disk(folder.path()));
    leave_a_mailbox(&server).await;
    server.stop().await;
    let path = folder.path().join("mailbox.sqlite");
    assert!(std::fs::metadata(&path).unwrap().len() > 100_000);
    assert_eq!(left_in(&path), [""; 0]);
}

#[tokio::test]
async fn what_both_sides_left_is_soon_wiped_while_the_server_runs() {
    let folder = tempfile::tempdir().unwrap();
    let timing = Timing { prune: Duration::from_millis(20), ..Timing::default() };
    let server = Server::start(Mailbox { timing, ..on_disk(folder.path()) });
    leave_a_mailbox(&server).await;
    let (database, log) = ("mailbox.sqlite", "mailbox.sqlite-wal");
    let wiped = async {
        while [database, log].iter().any(|name| !left_in(&folder.path().join(name)).is_empty()) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, wiped).await.unwrap();
    server.stop().await;
}

#[tokio::test]
async fn a_full_database_refuses_what_is_too_much_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits { database_bytes: 400_000, mailboxes: 10, ..Limits::default() };
    let config = || Mailbox { limits: limits.clone(), ..on_disk(folder.path()) };
    let server = Server::start(config());
    let mut watcher = server.bound("app", "w").await;
    watcher.ask(json!({"type": "claim", "nameplate": "4"}), "claimed").await;

    let mut writer = server.bound("app", "a").await;
    writer.say(json!({"type": "open", "mailbox": "mmm"})).await;
    writer.expect("ack").await;
    let add = |bytes: usize| json!({"type": "add", "phase": "0", "body": "0".repeat(bytes)});
    let mut stored = 0;
    let error = loop {
        writer.say(add(10_000)).await;
        writer.expect("ack").await;
        let answer = writer.hear().await.unwrap();
        if answer["type"] == "error" {
            break answer["error"].as_str().unwrap().to_owned();
        }
        stored += 1;
        assert!(stored < 20, "the database is never full");
    };
    assert!(error.starts_with("the server is full: this server's limit is 4"), "{error}");
    assert!(error.ends_with(" bytes of messages; try again later"), "{error}");
    // What is small still has its place, and whoever lets go is not kept from it.
    writer.ask(add(10), "message").await;
    watcher.ask(json!({"type": "release"}), "released").await;
    server.stop().await;

    let server = Server::start(config());
    let mut again = server.bound("app", "a").await;
    again.say(json!({"type": "open", "mailbox": "mmm"})).await;
    again.expect("ack").await;
    for _ in 0..=stored {
        again.expect("message").await;
    }
    again.ask(json!({"type": "close"}), "closed").await;
    let mut next = server.bound("app", "n").await;
    next.say(json!({"type": "open", "mailbox": "nnn"})).await;
    next.expect("ack").await;
    next.ask(add(10_000), "message").await;
    server.stop().await;
}
