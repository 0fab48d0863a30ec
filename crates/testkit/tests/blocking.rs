//! The blocking face, on threads without a runtime.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that meets the unexpected is to stop"
)]

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use support::{
    APP,
    threads::{pair, with_configured_server, with_server},
};
use wormhole_sync::{
    Code, ErrorKind, Options, Status,
    blocking::{
        Wormhole,
        transcribe::{Initiator, Receiver},
    },
};

use wormhole_sync_server::Timing;

mod support;

#[test]
fn a_blob_each_way() {
    let left = with_server(|options| {
        let started =
            Initiator::new(APP, b"one").options(options.clone()).words(3).start().unwrap();
        let code = started.code().as_str().to_owned();
        let receiver =
            thread::spawn(move || Receiver::new(APP, &code, b"other").options(options).finish());
        assert_eq!(started.finish().unwrap(), b"other");
        assert_eq!(receiver.join().unwrap().unwrap(), b"one");
    });
    assert_eq!(left, 0);
}

#[test]
fn a_verifier_may_be_looked_at_for_as_long_as_it_takes() {
    with_server(|options| {
        let started =
            Initiator::new(APP, b"one").options(options.clone()).code("5-x").start().unwrap();
        let typing = Initiator::typing(APP, "5-x", b"other").options(options).verify(|_| {
            thread::sleep(std::time::Duration::from_millis(50));
            true
        });
        let other = thread::spawn(move || typing.finish());
        assert_eq!(started.finish().unwrap(), b"other");
        assert_eq!(other.join().unwrap().unwrap(), b"one");
    });
}

#[test]
fn dropping_a_started_exchange_lets_go_of_everything() {
    let left = with_server(|options| {
        drop(Initiator::new(APP, b"one").options(options.clone()).start().unwrap());
        drop(Receiver::allocating(APP, b"one").options(options).start().unwrap());
    });
    assert_eq!(left, 0);
}

#[test]
fn the_general_form() {
    let left = with_server(|options| {
        let mut connected = Wormhole::connect(APP, options.clone()).unwrap();
        assert_eq!(connected.welcome(), None);
        assert_eq!(connected.nameplates().unwrap(), [""; 0]);
        let coded = connected.allocate().unwrap();
        let code = Code::parse(coded.code().as_str()).unwrap_or_else(|error| panic!("{error}"));
        let other = thread::spawn(move || {
            let connected = Wormhole::connect(APP, options).unwrap();
            let mut wormhole = connected.set_code(code).unwrap().confirmed().unwrap();
            let message = wormhole.receive().unwrap();
            wormhole.send(&message).unwrap();
            let key = wormhole.derive_key("purpose", 16).unwrap();
            let verifier = wormhole.verifier();
            wormhole.close().unwrap();
            (key, verifier)
        });
        let mut wormhole = coded.confirmed().unwrap();
        wormhole.send(b"there and back").unwrap();
        assert_eq!(wormhole.receive().unwrap(), b"there and back");
        assert!(wormhole.peer_versions().is_empty() && wormhole.welcome().is_none());
        let key = wormhole.derive_key("purpose", 16).unwrap();
        let verifier = wormhole.verifier();
        wormhole.close().unwrap();
        assert_eq!(other.join().unwrap(), (key, verifier));
    });
    assert_eq!(left, 0);
}

#[test]
fn closing_early_and_errors() {
    let left = with_server(|options| {
        Wormhole::connect(APP, options.clone()).unwrap().close().unwrap();
        Wormhole::connect(APP, options.clone()).unwrap().allocate().unwrap().close().unwrap();
        let error = Receiver::new(APP, "no code", b"").options(options).finish().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadCode);
    });
    assert_eq!(left, 0);
    let watched = Options::new().rendezvous("ws://127.0.0.1:9/v1").on_status(|status| {
        assert!(matches!(status, Status::Connecting { .. } | Status::Closed), "{status:?}");
    });
    let error = Wormhole::connect(APP, watched).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Unreachable);
}

// ---- between calls ----

#[test]
fn an_initiator_that_does_nothing_for_long_is_still_connected() {
    let silence = Duration::from_secs(1);
    let timing = Timing { ping: silence / 10, silence, ..Timing::default() };
    let left = with_configured_server(
        |config| config.timing = timing,
        |options| {
            let losses = Arc::<AtomicUsize>::default();
            let counted = Arc::clone(&losses);
            let watched = options.clone().on_status(move |status| {
                let lost = matches!(status, Status::Disconnected { .. });
                counted.fetch_add(usize::from(lost), Ordering::Relaxed);
            });
            let started = Initiator::new(APP, b"one").options(watched).start().unwrap();
            thread::sleep(silence * 3);
            let receiver = Receiver::new(APP, started.code().as_str(), b"other").options(options);
            let receiver = thread::spawn(move || receiver.finish());
            assert_eq!(started.finish().unwrap(), b"other");
            assert_eq!(receiver.join().unwrap().unwrap(), b"one");
            assert_eq!(losses.load(Ordering::Relaxed), 0, "the server heard of it all the while");
        },
    );
    assert_eq!(left, 0);
}

#[test]
fn what_was_sent_leaves_without_another_call() {
    let left = with_server(|options| {
        let (mut one, mut other) = pair(&options);
        one.send(b"at once").unwrap();
        assert_eq!(other.receive().unwrap(), b"at once");
        drop((one, other));
    });
    assert_eq!(left, 0);
}

#[test]
fn a_panic_on_the_callers_thread_says_goodbye() {
    let left = with_server(|options| {
        let panicking = thread::spawn(move || {
            let _started = Initiator::new(APP, b"one").options(options).start().unwrap();
            panic!("as a test may");
        });
        assert!(panicking.join().is_err());
    });
    assert_eq!(left, 0);
}

#[test]
fn a_watcher_that_panics_ends_its_own_exchange_and_no_other() {
    with_server(|options| {
        let panicking = options.clone().on_status(|status| {
            assert!(!matches!(status, Status::Connected), "as a test may");
        });
        let error = Wormhole::connect(APP, panicking).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Stopped);
        drop(pair(&options));
    });
}

#[test]
fn inside_an_async_runtime_it_blocks_and_no_more() {
    let left = with_server(|options| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let task = tokio::spawn(async move {
                let (mut one, mut other) = pair(&options);
                for number in 0..300_u32 {
                    // More than a task may do before it is to give way.
                    one.send(&number.to_be_bytes()).unwrap();
                    assert_eq!(other.receive().unwrap(), number.to_be_bytes());
                }
            });
            task.await.unwrap();
        });
    });
    assert_eq!(left, 0);
}
