//! Transfers that end well: what is told, and what arrives.

use std::{
    io::{self, Cursor, Read},
    time::Duration,
};

use wormhole_sync::{
    files::{Destination, Gathering},
    transfer::{Event, FarEnd, Outgoing, Route},
};

use super::hands::{SIZE, Spool, accepted, both, offered, routes, told, zeros};
use crate::support::{Server, soon};

#[tokio::test]
async fn both_sides_are_told_what_happens_in_its_order() {
    let server = Server::start().await;
    let spool = Spool::default();
    let (mut sending, mut receiving) = accepted(&server, zeros(), spool.clone()).await;
    let ((sent, moved), (received, came)) = tokio::join!(told(&mut sending), told(&mut receiving));
    assert_eq!((moved, came), (SIZE, SIZE));
    let [
        Event::Accepted,
        Event::Connected { route: Route::Direct(FarEnd::Address(at)) },
        Event::Confirming,
        Event::Delivered,
    ] = &*sent
    else {
        panic!("{sent:?}")
    };
    assert!(at.ip().is_loopback());
    let [Event::Connected { .. }, Event::Stored { path: None }] = &*received else {
        panic!("{received:?}")
    };
    let (sent, received) = both(sending, receiving).await;
    assert!(sent.is_ok() && received.is_ok() && spool.is_complete());
    assert_eq!(*spool.bytes.lock().unwrap(), vec![0; 3_000_000]);
    assert_eq!(server.stop_and_count_mailboxes().await, 0);
}

#[tokio::test]
async fn who_looks_late_misses_progress_and_nothing_else() {
    /// Slow enough for more progress than anybody keeps.
    struct Slow(u32);

    impl Read for Slow {
        fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
            std::thread::sleep(Duration::from_millis(if self.0.is_multiple_of(100) {
                300
            } else {
                0
            }));
            self.0 += 1;
            Ok(space.len().min(3000))
        }
    }

    let server = Server::start().await;
    let outgoing = Outgoing::bytes("slow", 6_000_000, Slow(0));
    let (mut sending, receiving) = accepted(&server, outgoing, Spool::default()).await;
    soon(receiving.finish()).await.unwrap();
    let (events, _) = told(&mut sending).await;
    assert!(matches!(&*events, [.., Event::Confirming, Event::Delivered]), "{events:?}");
    soon(sending.finish()).await.unwrap();
}

#[tokio::test]
async fn a_file_and_a_directory_go_from_disk_to_disk() {
    let server = Server::start().await;
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("from"), folder.path().join("to"));
    std::fs::create_dir_all(from.join("tree/empty")).unwrap();
    std::fs::create_dir(&to).unwrap();
    std::fs::write(from.join("tree/leaf"), "green").unwrap();
    for (what, leaf) in [("tree", "tree/leaf"), ("tree/leaf", "leaf")] {
        let source = Gathering::new().path(from.join(what)).unwrap();
        let (sending, files) = offered(&server, Outgoing::files(source)).await;
        let planned = Destination::output(&to).plan(files.offer()).unwrap();
        let receiving = planned.begin().unwrap();
        let mut receiving = soon(files.accept(Box::new(receiving), &routes())).await.unwrap();
        let (events, _) = told(&mut receiving).await;
        let stands = to.join(leaf.split('/').next().unwrap());
        assert_eq!(events.last(), Some(&Event::Stored { path: Some(stands) }));
        let (sent, received) = both(sending, receiving).await;
        assert!(sent.is_ok() && received.is_ok());
        assert_eq!(std::fs::read(to.join(leaf)).unwrap(), b"green");
    }
    assert!(to.join("tree/empty").is_dir());
}

#[tokio::test]
async fn no_byte_beyond_the_size_is_read() {
    let server = Server::start().await;
    let spool = Spool::default();
    let longer = Outgoing::bytes("longer", 12, Cursor::new(b"twelve bytes and more"));
    let (sending, receiving) = accepted(&server, longer, spool.clone()).await;
    let (sent, received) = both(sending, receiving).await;
    assert!(sent.is_ok() && received.is_ok());
    assert_eq!(*spool.bytes.lock().unwrap(), b"twelve bytes");
}
