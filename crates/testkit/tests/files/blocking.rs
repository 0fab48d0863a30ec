//! The same without async: each side a thread, and nothing but threads.

use std::{fs, sync::mpsc, thread};

use wormhole_sync::{
    Error, ErrorKind, Fault, Options,
    blocking::transfer::{self, Offered, OfferedFiles, OfferedText, Transfer},
    files::{Destination, Gathering},
    transfer::{Event, Outgoing, Routes},
};

use super::hands::{SIZE, Spool, assert_told, half, routes, slow, zeros};
use crate::support::threads::{pair, with_server};

/// Something offered to somebody who has not answered yet.
fn offered(options: &Options, outgoing: Outgoing) -> (Transfer, OfferedFiles) {
    let (one, other) = pair(options);
    let sending = transfer::send(one, outgoing, &routes()).unwrap();
    match transfer::receive(other).unwrap() {
        Offered::Files(files) => (sending, files),
        Offered::Text(text) => panic!("{text:?}"),
    }
}

fn offered_text(options: &Options) -> (Transfer, OfferedText) {
    let (one, other) = pair(options);
    let sending = transfer::send(one, Outgoing::text("hello"), &Routes::new()).unwrap();
    match transfer::receive(other).unwrap() {
        Offered::Text(text) => (sending, text),
        Offered::Files(files) => panic!("{files:?}"),
    }
}

/// A transfer in its middle.
fn half_way(options: &Options, outgoing: Outgoing) -> (Transfer, Transfer, Spool) {
    let spool = Spool::default();
    let (sending, files) = offered(options, outgoing);
    let mut receiving = files.accept(Box::new(spool.clone()), &routes()).unwrap();
    assert!(receiving.any(|event| matches!(event, Event::Moved { .. })));
    (sending, receiving, spool)
}

fn both(one: Transfer, other: Transfer) -> (Result<(), Error>, Result<(), Error>) {
    let other = thread::spawn(move || other.finish());
    (one.finish(), other.join().unwrap())
}

fn assert_rejected(sent: Result<(), Error>, reason: &str) {
    let error = sent.unwrap_err();
    assert_eq!((error.kind(), error.fault()), (ErrorKind::Rejected, Fault::Peer), "{error}");
    assert!(error.to_string().contains(reason), "{error}");
}

#[test]
fn a_text_is_seen_before_it_is_acknowledged() {
    let left = with_server(|options| {
        let (sending, text) = offered_text(&options);
        assert_eq!(text.text(), "hello");
        let sender = thread::spawn(move || {
            let mut sending = sending;
            let events: Vec<Event> = sending.by_ref().collect();
            sending.finish().map(|()| events)
        });
        text.acknowledge().unwrap();
        assert_eq!(sender.join().unwrap().unwrap().last(), Some(&Event::Delivered));
    });
    assert_eq!(left, 0);
}

#[test]
fn a_file_and_a_directory_go_from_disk_to_disk_while_each_side_watches() {
    let folder = tempfile::tempdir().unwrap();
    let (tree, to) = (folder.path().join("tree"), folder.path().join("to"));
    fs::create_dir_all(tree.join("empty")).unwrap();
    fs::create_dir(&to).unwrap();
    fs::write(tree.join("leaf"), "green").unwrap();
    let left = with_server(|options| {
        for (what, stands) in [(tree.clone(), "tree"), (tree.join("leaf"), "leaf")] {
            let source = Gathering::new().path(what).unwrap();
            let (mut sending, files) = offered(&options, Outgoing::files(source));
            let planned = Destination::output(&to).plan(files.offer()).unwrap();
            let sink = Box::new(planned.begin().unwrap());
            let mut receiving = files.accept(sink, &routes()).unwrap();
            let sent: Vec<Event> = sending.by_ref().collect();
            let received: Vec<Event> = receiving.by_ref().collect();
            assert!(matches!(&*sent, [Event::Accepted, Event::Connected { .. }, ..]), "{sent:?}");
            assert!(matches!(&*sent, [.., Event::Confirming, Event::Delivered]), "{sent:?}");
            assert_eq!(received.last(), Some(&Event::Stored { path: Some(to.join(stands)) }));
            let (sent, received) = both(sending, receiving);
            assert!(sent.is_ok() && received.is_ok(), "{sent:?} {received:?}");
        }
    });
    assert_eq!(left, 0);
    assert_eq!(fs::read(to.join("leaf")).unwrap(), b"green");
    assert_eq!(fs::read(to.join("tree/leaf")).unwrap(), b"green");
    assert!(to.join("tree/empty").is_dir());
}

#[test]
fn a_rejection_reaches_the_sender_with_its_reason() {
    let left = with_server(|options| {
        let (sending, files) = offered(&options, zeros());
        assert_eq!(files.size(), SIZE);
        files.reject("no room in here").unwrap();
        assert_rejected(sending.finish(), "no room in here");
        let (sending, text) = offered_text(&options);
        text.reject("no place for texts").unwrap();
        assert_rejected(sending.finish(), "no place for texts");
        let (one, other) = pair(&options);
        let sending = transfer::send(one, zeros(), &routes()).unwrap();
        transfer::refuse(other, "the verifiers differ").unwrap();
        assert_rejected(sending.finish(), "the verifiers differ");
    });
    assert_eq!(left, 0);
}

#[test]
fn either_side_is_cancelled_from_another_thread_and_the_other_learns_why() {
    for sender_cancels in [true, false] {
        let left = with_server(|options| {
            let (sending, receiving, spool) = half_way(&options, slow());
            let (cancels, other) =
                if sender_cancels { (sending, receiving) } else { (receiving, sending) };
            let button = cancels.canceller();
            let (waits, waiting) = mpsc::channel();
            let own = thread::spawn(move || {
                let mut cancels = cancels;
                waits.send(()).unwrap();
                for _ in cancels.by_ref() {}
                cancels.finish()
            });
            waiting.recv().unwrap();
            button.cancel("the train leaves");
            button.cancel("a second reason");
            let others = other.finish();
            assert_told(own.join().unwrap(), others, ErrorKind::Cancelled, "the train leaves");
            assert!(!spool.is_complete());
        });
        assert_eq!(left, 0);
    }
}

#[test]
fn an_offer_that_nobody_answers_is_cancelled_from_another_thread() {
    with_server(|options| {
        let (sending, files) = offered(&options, zeros());
        let button = sending.canceller();
        let sender = thread::spawn(move || sending.finish());
        button.cancel("never mind");
        assert_eq!(sender.join().unwrap().unwrap_err().kind(), ErrorKind::Cancelled);
        let receiving = files.accept(Box::new(Spool::default()), &routes()).unwrap();
        assert_rejected(receiving.finish(), "never mind");
    });
}

#[test]
fn dropping_either_side_in_the_middle_tells_the_other_before_the_drop_returns() {
    for drops_sender in [true, false] {
        let left = with_server(|options| {
            let (sending, receiving, spool) = half_way(&options, slow());
            let (dropped, other) =
                if drops_sender { (sending, receiving) } else { (receiving, sending) };
            let button = dropped.canceller(); // which keeps nothing alive
            drop(dropped);
            button.cancel("too late");
            assert_rejected(other.finish(), "cancelled");
            assert!(!spool.is_complete());
        });
        assert_eq!(left, 0);
    }
}

#[test]
fn a_source_that_hangs_does_not_hold_up_the_goodbye() {
    let left = with_server(|options| {
        let (go_on, outgoing) = half();
        let (sending, receiving, _) = half_way(&options, outgoing);
        drop(sending); // for as long as a thread is given to end
        assert_rejected(receiving.finish(), "cancelled");
        drop(go_on);
    });
    assert_eq!(left, 0);
}

#[test]
fn dropping_an_offer_ends_the_sender() {
    let left = with_server(|options| {
        let (sending, files) = offered(&options, zeros());
        drop(files);
        assert_rejected(sending.finish(), "");
    });
    assert_eq!(left, 0);
}
