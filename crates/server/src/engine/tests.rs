//! Disks that fill up, break and come back, beneath real sessions.

mod desk;
mod disks;

use std::{
    sync::{Arc, atomic::Ordering::Relaxed, mpsc},
    thread,
    time::Duration,
};

use desk::{Desk, Talker};
use disks::{Fault, Faulty, Held};
use rusqlite::ffi;
use serde_json::json;
use tokio::{
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
    task::JoinHandle,
    time::timeout,
};

use super::{Engine, batch::Batch};
use crate::{
    Limits,
    clock::{Clock, tests::settable},
    exchange::{embedded::Embedded, journal::Entry},
    metrics::Metrics,
    store::Store,
    usage::Recorder,
};

fn recorder() -> Arc<Recorder> {
    Arc::new(Recorder::counting(Arc::new(Metrics::new(0.0))))
}

fn engine() -> Engine {
    engine_at(Clock::start().into())
}

fn engine_at(clock: Arc<Clock>) -> Engine {
    Engine::new(Embedded::new(Limits::default(), [7; 32]), clock, true, recorder())
}

/// An engine at work, whose every transaction is told and waits for how it is to go.
struct Stepping {
    engine: Arc<Engine>,
    go: mpsc::Sender<rusqlite::Result<()>>,
    commits: UnboundedReceiver<Vec<Entry>>,
    writer: thread::JoinHandle<()>,
    dispatcher: JoinHandle<()>,
}

impl Stepping {
    fn start() -> Self {
        let engine = Arc::new(engine());
        let (entered, commits) = unbounded_channel();
        let (go, gate) = mpsc::channel();
        let [writing, dispatching] = [(); 2].map(|()| Arc::clone(&engine));
        let writer = thread::spawn(move || writing.write(&mut Held { entered, gate }));
        let dispatcher = tokio::spawn(async move { dispatching.dispatch().await });
        Self { engine, go, commits, writer, dispatcher }
    }
}

fn add(id: &str, bytes: usize) -> serde_json::Value {
    json!({"type": "add", "id": id, "phase": id, "body": "0".repeat(bytes)})
}

fn open(mailbox: &str) -> serde_json::Value {
    json!({"type": "open", "id": "o", "mailbox": mailbox})
}

#[test]
fn what_is_too_big_for_the_disk_is_refused_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("mailbox.sqlite"), 200_000).unwrap();
    let mut desk = Desk::new(engine(), store.writer().unwrap());
    let [mut alice, mut watcher, mut bob, mut carol] = ["a", "w", "b", "c"].map(|side| {
        let mut talker = desk.connect(side);
        desk.tell(&mut talker, &open(if side == "w" { "b" } else { side }));
        talker
    });
    desk.settle();
    for talker in [&mut alice, &mut watcher, &mut bob, &mut carol] {
        assert_eq!(talker.kinds(), ["ack", "ack"]);
    }

    desk.tell(&mut alice, &add("1", 100));
    desk.tell(&mut bob, &add("2", 800_000));
    desk.tell(&mut carol, &json!({"type": "close"}));
    desk.settle();
    assert_eq!(alice.kinds(), ["ack", "message"]);
    let heard = bob.hear();
    let text =
        "the server's database is full: this server's limit is 196608 bytes; try again later";
    assert_eq!((&heard[0]["error"], &heard[0]["temporary"]), (&json!(text), &json!(true)));
    assert_eq!(heard[0]["orig"], json!({"type": "add", "id": "2"}));
    assert_eq!(desk.engine.metrics().refused.counts()["database_bytes"], 1);
    assert!(bob.is_closed() && heard.len() == 1);
    // Who came after is not refused, and asks again; who only listened notices nothing.
    assert!(carol.hear().is_empty() && carol.is_closed());
    assert!(watcher.hear().is_empty() && !watcher.is_closed());
    let mut carol = desk.connect("c");
    desk.tell(&mut carol, &json!({"type": "close", "mailbox": "c"}));
    desk.tell(&mut alice, &add("3", 100));
    desk.settle();
    assert_eq!(carol.kinds(), ["ack", "ack", "closed"]);
    assert_eq!(alice.kinds(), ["ack", "message"]);
    let mut bob = desk.connect("b");
    desk.tell(&mut bob, &open("b"));
    desk.tell(&mut bob, &add("4", 100));
    desk.settle();
    assert_eq!(bob.kinds(), ["ack", "ack", "ack", "message"]);
    assert_eq!(watcher.kinds(), ["message"]);
}

#[test]
fn a_disk_that_is_full_before_the_database_is_as_large_as_it_may_be_is_no_limits_doing() {
    let store = Store::open(":memory:".as_ref(), 1 << 30).unwrap();
    let mut desk = Desk::new(engine(), Faulty::new(store.writer().unwrap(), Fault::Full));
    let mut alice = desk.connect("a");
    desk.settle();
    alice.hear();
    desk.disk.fail_from_now(2);
    desk.tell(&mut alice, &open("m"));
    desk.settle();
    assert_eq!(alice.hear()[0]["error"], "the server's disk is full: try again later");
    assert_eq!(desk.engine.metrics().refused.counts()["database_bytes"], 0);
}

#[test]
fn whoever_meets_a_full_disk_again_and_again_does_not_fill_the_log() {
    let store = Store::open(":memory:".as_ref(), 1 << 30).unwrap();
    let mut desk = Desk::new(engine(), Faulty::new(store.writer().unwrap(), Fault::Full));
    for number in 0..50 {
        let mut alice = desk.connect("a");
        desk.tell(&mut alice, &open(&number.to_string()));
        desk.disk.fail_from_now(2);
        desk.settle();
        assert!(alice.is_closed());
        // The first is told, and that it is over; then neither, until a minute has gone.
        assert_eq!(desk.engine.complaints.left_out(), number);
        let is_logged = desk.engine.lock().trouble.as_ref().unwrap().is_logged;
        assert_eq!(is_logged, number == 0);
        let mut alice = desk.connect("a");
        desk.tell(&mut alice, &open(&number.to_string()));
        desk.settle();
        assert!(!alice.is_closed() && desk.engine.trouble().is_none());
    }
}

#[test]
fn letting_go_makes_room_on_a_full_disk() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("mailbox.sqlite"), 200_000).unwrap();
    let mut desk = Desk::new(engine(), store.writer().unwrap());
    let mut alice = desk.connect("a");
    desk.tell(&mut alice, &json!({"type": "claim", "nameplate": "4"}));
    desk.tell(&mut alice, &open("a"));
    let mut stored = 0;
    while !alice.is_closed() {
        desk.tell(&mut alice, &add("x", 20_000));
        desk.settle();
        alice.hear();
        stored += 1;
        assert!(stored < 20, "the disk is never full");
    }
    let mut alice = desk.connect("a");
    desk.tell(&mut alice, &json!({"type": "release", "nameplate": "4"}));
    desk.tell(&mut alice, &json!({"type": "close", "mailbox": "a"}));
    desk.settle();
    assert_eq!(alice.kinds(), ["ack", "ack", "released", "ack", "closed"]);
    let mut bob = desk.connect("b");
    desk.tell(&mut bob, &open("b"));
    desk.tell(&mut bob, &add("x", 20_000));
    desk.settle();
    assert_eq!(bob.kinds(), ["ack", "ack", "ack", "message"]);
}

#[test]
fn every_lost_request_is_quoted_with_its_error() {
    let open_first = [open("m")];
    let claim_first = [json!({"type": "claim", "nameplate": "5"})];
    for (before, mut request) in [
        (&[][..], json!({"type": "allocate"})),
        (&[], json!({"type": "claim", "nameplate": "4"})),
        (&[], json!({"type": "open", "mailbox": "m"})),
        (&open_first, json!({"type": "add", "phase": "p", "body": "00"})),
        (&open_first, json!({"type": "close"})),
        (&claim_first, json!({"type": "release"})),
    ] {
        request["id"] = json!("77");
        let store = Store::open(":memory:".as_ref(), 1 << 20).unwrap();
        let mut desk = Desk::new(engine(), Faulty::new(store.writer().unwrap(), Fault::Broken));
        let mut alice = desk.connect("a");
        for request in before {
            desk.tell(&mut alice, request);
        }
        desk.settle();
        alice.hear();
        desk.disk.fail_from_now(2);
        desk.tell(&mut alice, &request);
        desk.settle();
        let heard = alice.hear();
        assert_eq!(heard[0]["error"], "the server cannot write its database: try again later");
        assert_eq!(heard[0]["orig"], json!({"type": request["type"], "id": "77"}));
    }
}

#[test]
fn what_has_ended_is_counted_once_however_often_the_disk_does_not_take_it() {
    for fault in [Fault::Full, Fault::Broken, Fault::Blind] {
        let store = Store::open(":memory:".as_ref(), 1 << 20).unwrap();
        let mut desk = Desk::new(engine(), Faulty::new(store.writer().unwrap(), fault));
        let counted = |desk: &Desk<_>| {
            desk.engine.metrics().mailbox_endings.counts().into_values().sum::<u64>()
        };
        let mut alice = desk.connect("a");
        for _ in 0..3 {
            desk.tell(&mut alice, &open("m"));
            desk.settle();
            desk.disk.fail_from_now(4);
            desk.tell(&mut alice, &json!({"type": "close"}));
            desk.settle();
            assert!(alice.is_closed());
            desk.engine.prune(Duration::ZERO);
            desk.settle();
            desk.disk.fail_from_now(0);
            desk.engine.record(Batch { probes: true, ..Batch::default() }, &mut desk.disk);
            assert_eq!(counted(&desk), 0, "{fault:?}: it was undone");
            alice = desk.connect("a");
        }
        desk.tell(&mut alice, &open("m"));
        desk.tell(&mut alice, &json!({"type": "close"}));
        assert_eq!(counted(&desk), 0, "{fault:?}: it is not stored yet");
        desk.settle();
        assert_eq!(counted(&desk), 1, "{fault:?}");
    }
}

#[test]
fn a_look_whether_the_disk_is_well_again_is_no_commit() {
    let store = Store::open(":memory:".as_ref(), 1 << 20).unwrap();
    let mut desk = Desk::new(engine(), Faulty::new(store.writer().unwrap(), Fault::Broken));
    let mut alice = desk.connect("a");
    desk.disk.fail_from_now(2);
    desk.tell(&mut alice, &open("m"));
    desk.settle();
    assert!(desk.engine.trouble().is_some());
    desk.engine.record(Batch { probes: true, ..Batch::default() }, &mut desk.disk);
    assert!(desk.engine.trouble().is_none());
    let metrics = desk.engine.metrics();
    assert_eq!((metrics.commit_turns.count(), metrics.commit_seconds.count()), (0, 0));
}

#[test]
fn a_clock_that_is_set_is_told_at_once_and_ends_no_mailbox() {
    let day = 86_400_i32;
    for by in [3 * day, -3 * day, 20_000 * day] {
        let (clock, set) = settable();
        let store = Store::open(":memory:".as_ref(), 1 << 20).unwrap();
        let mut desk = Desk::new(engine_at(clock), store.writer().unwrap());
        let mut alice = desk.connect("a");
        desk.tell(&mut alice, &json!({"type": "claim", "nameplate": "4"}));
        desk.settle();
        let before = alice.hear().last().unwrap()["server_tx"].as_f64().unwrap();
        set.store(by.into(), Relaxed);
        desk.engine.prune(Duration::from_secs(3600));
        desk.tell(&mut alice, &json!({"type": "list"}));
        desk.settle();
        let told = alice.hear();
        let after = told[1]["server_tx"].as_f64().unwrap();
        assert!((0.0..3600.0).contains(&(after - before - f64::from(by))), "{before} {after}");
        assert_eq!(told[1]["nameplates"], json!([]), "nobody is told any");
        assert_eq!(desk.engine.present().inventory.nameplates, 1, "{by}");
        desk.engine.prune(Duration::ZERO);
        desk.settle();
        assert_eq!(desk.engine.present().inventory.nameplates, 0, "{by}: it is never idle");
    }
}

/// Two sides that go through a whole exchange, and say again what a lost connection left open.
#[test]
fn the_database_fails_at_every_step_and_comes_back() {
    for (fault, apart) in [Fault::Full, Fault::Broken, Fault::Blind]
        .into_iter()
        .flat_map(|fault| [(fault, true), (fault, false)])
    {
        for times in [1, 2, 3, 6] {
            let mut step = 0;
            loop {
                let store = Store::open(":memory:".as_ref(), 1 << 20).unwrap();
                let disk = Faulty::failing(store.writer().unwrap(), fault, step..step + times);
                let mut desk = Desk::new(engine(), disk);
                let failures = desk.play_a_pair(apart);
                let about = format!("{fault:?} {times} times from {step}");
                assert!(failures.iter().all(|text| text.starts_with("the server")), "{failures:?}");
                assert!(times > 1 || failures.is_empty(), "{about}: {failures:?}");
                if !desk.disk.has_failed() {
                    break;
                }
                desk.disk.fail_from_now(0);
                assert_eq!(desk.play_a_pair(apart), [""; 0], "{about}, and it is well again");
                step += 1;
            }
            assert!(step >= if apart { 10 } else { 5 }, "only {step} steps");
        }
    }
}

#[test]
fn a_replay_goes_on_over_a_failure_and_another_begins() {
    let store = Store::open(":memory:".as_ref(), 1 << 24).unwrap();
    let mut desk = Desk::new(engine(), Faulty::new(store.writer().unwrap(), Fault::Broken));
    let mut alice = desk.connect("a");
    desk.tell(&mut alice, &open("m"));
    let phases: Vec<String> = (0..30).map(|number| number.to_string()).collect();
    for phase in &phases {
        desk.tell(&mut alice, &add(phase, 10_000));
    }
    desk.settle();
    alice.hear();
    let mut bob = desk.connect("b");
    desk.tell(&mut bob, &open("m"));
    desk.settle();
    bob.read_only(20_000);
    assert!(bob.phases().len() < 5);
    let mut other = desk.connect("c");
    desk.disk.fail_from_now(2);
    desk.tell(&mut other, &open("n"));
    desk.tell(&mut alice, &add("lost", 2));
    desk.settle();
    assert!(other.is_closed() && alice.is_closed() && !bob.is_closed());

    // Bob reads on; Alice comes back, and opens once more; then both hear what is new, once.
    let mut alice = desk.connect("a");
    desk.tell(&mut alice, &open("m"));
    desk.tell(&mut alice, &add("new", 2));
    desk.settle();
    let all: Vec<_> = phases.iter().map(String::as_str).chain(["new"]).collect();
    for reader in [&mut alice, &mut bob] {
        reader.hear();
        assert_eq!(reader.phases(), all);
    }
}

#[tokio::test]
async fn a_batch_that_is_stored_piece_by_piece_shows_life_after_each_piece() {
    let Stepping { engine, go, mut commits, writer, dispatcher } = Stepping::start();
    let mut talkers: Vec<_> =
        (0..3).map(|number| Talker::join(&engine, &number.to_string())).collect();
    for (number, talker) in talkers.iter_mut().enumerate() {
        talker.say(&engine, &open(&number.to_string()));
    }
    assert_eq!(commits.recv().await.unwrap().len(), 3);
    let full = rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_FULL), None);
    go.send(Err(full)).unwrap(); // and so each of the three is tried by itself
    for piece in 0..3 {
        assert_eq!(commits.recv().await.unwrap().len(), 1);
        let asked = Arc::clone(&engine);
        let mut pulse = tokio::spawn(async move { asked.pulse().await });
        let early = timeout(Duration::from_millis(100), &mut pulse).await;
        assert!(early.is_err(), "it hangs in piece {piece}");
        go.send(Ok(())).unwrap();
        pulse.await.unwrap();
    }
    engine.stop();
    writer.join().unwrap();
    dispatcher.abort();
}

#[tokio::test]
async fn what_waits_while_a_commit_runs_becomes_one_transaction() {
    let Stepping { engine, go, mut commits, writer, dispatcher } = Stepping::start();
    let mut talkers: Vec<_> =
        (0..40).map(|number| Talker::join(&engine, &number.to_string())).collect();
    talkers[0].say(&engine, &open("0"));
    assert_eq!(commits.recv().await.unwrap().len(), 1);
    for (number, talker) in talkers.iter_mut().enumerate() {
        talker.say(&engine, &open(&number.to_string()));
        talker.say(&engine, &add("x", 10));
    }
    go.send(Ok(())).unwrap();
    let second = commits.recv().await.unwrap();
    let adds = second.iter().filter(|entry| matches!(entry, Entry::PutMessage { .. }));
    assert_eq!(adds.count(), 40);
    go.send(Ok(())).unwrap();
    engine.stop();
    writer.join().unwrap();
    dispatcher.abort();
    assert!(commits.recv().await.is_none(), "a third transaction");
}
