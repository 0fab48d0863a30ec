//! The blocking face, on threads without a runtime.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that meets the unexpected is to stop"
)]

use std::thread;

use support::Server;
use wormhole_sync::{
    Code, ErrorKind, Options, Status,
    blocking::{
        Wormhole,
        transcribe::{Initiator, Receiver},
    },
};

mod support;

const APP: &str = "example.com/test";

/// A server on a thread of its own, for as long as the test lasts.
fn with_server(test: impl FnOnce(Options)) -> usize {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = runtime.block_on(Server::start());
    test(server.options());
    runtime.block_on(server.stop_and_count_mailboxes())
}

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
