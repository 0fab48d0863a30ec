//! The database while it is used: who may read it, who is kept out, and copies of it.

#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use rusqlite::Connection;
use serde_json::{Value, json};
use support::Server;
use wormhole_sync_server::{
    Database, Mailbox,
    exchange::{
        Message,
        journal::{Entry, MailboxRow, Snapshot},
        sides::Sides,
    },
    store::{BackupError, Store, StoreError, back_up},
};

fn on_disk(path: &Path) -> Mailbox {
    Mailbox { database: Database::Path(path.to_owned()), ..Mailbox::default() }
}

/// Mailbox number so and so, with one message.
fn mailbox(row: u64) -> [Entry; 2] {
    let name = wormhole_sync_wire::MailboxId::new(format!("m{row}")).unwrap();
    let message = Message {
        side: "a".into(),
        phase: "0".into(),
        body: "c0ffee".repeat(100).into(),
        server_rx: 1.0,
        id: None,
    };
    let put = MailboxRow { row, app: "chat".into(), name, sides: Sides::default() };
    let message = Entry::PutMessage { mailbox: row, number: 0, message: Arc::new(message) };
    [Entry::PutMailbox(put), message]
}

/// How many mailboxes there are at a time.
const KEPT: u64 = 50;

/// Each commit makes a mailbox and ends another, so that every moment looks different.
fn write_until(store: &Store, stop: &AtomicBool) -> u64 {
    let mut writer = store.writer().unwrap();
    let mut row = 0;
    while !stop.load(Relaxed) {
        row += 1;
        let mut entries = mailbox(row).to_vec();
        entries.extend(row.checked_sub(KEPT).map(|row| Entry::DropMailbox { row }));
        writer.commit(&entries).unwrap();
    }
    row
}

/// The commits that these rows are the result of.
fn moment(stored: &Snapshot) -> u64 {
    let last = stored.mailboxes.last().map_or(0, |mailbox| mailbox.row);
    let kept: Vec<_> = (last.saturating_sub(KEPT - 1).max(1)..=last).collect();
    assert_eq!(stored.mailboxes.iter().map(|row| row.row).collect::<Vec<_>>(), kept);
    assert_eq!(stored.messages.iter().map(|(row, _)| *row).collect::<Vec<_>>(), kept);
    last
}

#[test]
fn a_copy_taken_at_full_load_is_what_the_database_was_at_one_moment() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mailbox.sqlite");
    let store = Store::open(&path, 1 << 30).unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writing = scope.spawn(|| {
            let store = store; // it is written by this thread alone
            write_until(&store, &stop)
        });
        let mut moments = Vec::new();
        while moments.iter().filter(|moment| **moment > 2 * KEPT).count() < 5 {
            let copy = folder.path().join(format!("copy-{}", moments.len()));
            match back_up(&path, &copy, false) {
                Ok(bytes) => assert_eq!(bytes, fs::metadata(&copy).unwrap().len()),
                Err(BackupError::Empty(_)) => continue, // it has not begun
                Err(error) => panic!("{error}"),
            }
            moments.push(moment(&Store::open(&copy, 1 << 30).unwrap().load().unwrap()));
        }
        stop.store(true, Relaxed);
        let last = writing.join().unwrap();
        assert!(moments.is_sorted() && *moments.last().unwrap() <= last, "{moments:?} {last}");
    });
}

#[test]
fn a_copy_is_for_its_owner_alone_and_replaces_nothing_unasked() {
    let folder = tempfile::tempdir().unwrap();
    let [path, copy] = ["mailbox.sqlite", "copy"].map(|name| folder.path().join(name));
    let store = Store::open(&path, 1 << 30).unwrap();
    store.writer().unwrap().commit(&mailbox(1)).unwrap();
    back_up(&path, &copy, false).unwrap();
    assert_eq!(mode(&copy), 0o600);

    store.writer().unwrap().commit(&mailbox(2)).unwrap();
    let refusal = back_up(&path, &copy, false).unwrap_err();
    assert!(matches!(refusal, BackupError::Exists(_)), "{refusal}");
    assert_eq!(Store::open(&copy, 1 << 30).unwrap().load().unwrap().mailboxes.len(), 1);
    back_up(&path, &copy, true).unwrap();
    assert_eq!(Store::open(&copy, 1 << 30).unwrap().load().unwrap().mailboxes.len(), 2);
}

#[test]
fn a_copy_never_lands_on_a_database_that_is_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let [path, other] = ["mailbox.sqlite", "other.sqlite"].map(|name| folder.path().join(name));
    let store = Store::open(&path, 1 << 30).unwrap();
    store.writer().unwrap().commit(&mailbox(1)).unwrap();
    let used = Store::open(&other, 1 << 30).unwrap();
    used.writer().unwrap().commit(&mailbox(7)).unwrap();
    for to in [&path, &other] {
        let refusal = back_up(&path, to, true).unwrap_err();
        assert!(matches!(refusal, BackupError::InUse(_)), "{refusal}");
    }
    drop(store); // nobody uses it, and it is still no copy of itself
    let refusal = back_up(&path, &path, true).unwrap_err();
    assert!(matches!(refusal, BackupError::InUse(_)), "{refusal}");
    assert_eq!(used.load().unwrap().mailboxes[0].row, 7);
}

#[test]
fn what_is_no_database_is_not_copied_and_nothing_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let [path, copy] = ["mailbox.sqlite", "copy"].map(|name| folder.path().join(name));
    let refused = |what: &str| {
        let refusal = back_up(&path, &copy, false).unwrap_err().to_string();
        assert!(refusal.contains("mailbox.sqlite") && refusal.contains("check"), "{refusal}");
        assert!(!copy.exists(), "{what}");
    };
    refused("nothing");
    assert!(!path.exists());
    fs::write(&path, "").unwrap();
    refused("an empty file");
    fs::write(&path, "a letter to somebody ".repeat(1000)).unwrap();
    refused("a letter");
    fs::remove_file(&path).unwrap();
    assert_eq!(names(folder.path()), Vec::<String>::new());
    let refusal = back_up("/dev/null".as_ref(), &copy, false).unwrap_err();
    assert!(matches!(refusal, BackupError::Empty(_)), "{refusal}");
}

#[test]
fn a_copy_for_which_there_is_no_directory_is_refused_in_these_words() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mailbox.sqlite");
    drop(Store::open(&path, 1 << 30).unwrap());
    let refusal = back_up(&path, &folder.path().join("nowhere/copy"), false).unwrap_err();
    assert!(matches!(refusal, BackupError::NoDirectory(_)), "{refusal}");
    assert!(refusal.to_string().contains("make the directory"), "{refusal}");
}

#[test]
fn a_damaged_database_gives_no_copy() {
    let folder = tempfile::tempdir().unwrap();
    let [path, copy] = ["mailbox.sqlite", "copy"].map(|name| folder.path().join(name));
    let store = Store::open(&path, 1 << 30).unwrap();
    for row in 1..100 {
        store.writer().unwrap().commit(&mailbox(row)).unwrap();
    }
    drop(store);
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 4096].fill(0x5a);
    fs::write(&path, bytes).unwrap();
    let refusal = back_up(&path, &copy, false).unwrap_err();
    assert!(matches!(refusal, BackupError::Damaged(..) | BackupError::Source(..)), "{refusal}");
    assert!(!copy.exists());
}

#[test]
fn a_second_server_is_kept_out_under_whatever_name_and_a_reader_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let [path, link] = ["mailbox.sqlite", "link.sqlite"].map(|name| folder.path().join(name));
    let store = Store::open(&path, 1 << 30).unwrap();
    let mut writer = store.writer().unwrap();
    writer.commit(&mailbox(1)).unwrap();
    std::os::unix::fs::symlink(&path, &link).unwrap();
    for name in [&path, &link] {
        let refusal = Store::open(name, 1 << 30).err().unwrap();
        assert!(matches!(refusal, StoreError::InUse(_)), "{refusal}");
    }
    for name in names(folder.path()).into_iter().filter(|name| name.starts_with("mailbox")) {
        assert_eq!(mode(&folder.path().join(&name)), 0o600, "{name}");
    }

    // Somebody reads for a long time, and sees one moment; writing goes on, wiping waits.
    let reader = Connection::open(&path).unwrap();
    let count = || {
        reader.query_row("SELECT count(*) FROM mailboxes", [], |row| row.get::<_, i64>(0)).unwrap()
    };
    reader.execute_batch("BEGIN").unwrap();
    assert_eq!(count(), 1);
    writer.commit(&mailbox(2)).unwrap();
    assert_eq!((count(), writer.wipe().unwrap()), (1, false));
    reader.execute_batch("COMMIT").unwrap();
    assert_eq!((count(), writer.wipe().unwrap()), (2, true));
}

/// Two clients meet, and leave a nameplate and a message behind.
async fn leave_something(server: &Server, number: usize) -> Value {
    let mut client = server.bound("chat", &format!("side{number}")).await;
    let nameplate = client.ask(json!({"type": "allocate"}), "allocated").await["nameplate"].clone();
    let claim = json!({"type": "claim", "nameplate": nameplate});
    let mailbox = client.ask(claim, "claimed").await["mailbox"].clone();
    client.say(json!({"type": "open", "mailbox": mailbox})).await;
    client.expect("ack").await;
    client.ask(json!({"type": "add", "phase": "pake", "body": "c0ffee"}), "message").await;
    nameplate
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_works_is_copied_and_its_copy_serves() {
    let folder = tempfile::tempdir().unwrap();
    let [path, copy] = ["mailbox.sqlite", "copy.sqlite"].map(|name| folder.path().join(name));
    let server = Arc::new(Server::start(on_disk(&path)));
    let before = leave_something(&server, 0).await;
    let others: Vec<_> = (1..40)
        .map(|number| {
            let server = Arc::clone(&server);
            tokio::spawn(async move { drop(leave_something(&server, number).await) })
        })
        .collect();
    let paths: (PathBuf, PathBuf) = (path.clone(), copy.clone());
    tokio::task::spawn_blocking(move || back_up(&paths.0, &paths.1, false)).await.unwrap().unwrap();
    for other in others {
        other.await.unwrap();
    }
    Arc::into_inner(server).unwrap().stop().await;

    let server = Server::start(on_disk(&copy));
    let mut client = server.bound("chat", "late").await;
    let claim = json!({"type": "claim", "nameplate": before});
    let mailbox = client.ask(claim, "claimed").await["mailbox"].clone();
    client.say(json!({"type": "open", "mailbox": mailbox})).await;
    client.expect("ack").await;
    assert_eq!(client.expect("message").await["body"], "c0ffee");
    leave_something(&server, 99).await;
    server.stop().await;
}

#[tokio::test]
async fn a_server_waits_for_one_that_is_just_stopping() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mailbox.sqlite");
    let first = Store::open(&path, 1 << 30).unwrap();
    let second = Server::start(on_disk(&path));
    tokio::time::sleep(Duration::from_millis(200)).await;
    drop(first);
    drop(second.connect().await);
    second.stop().await;
}

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}
