//! Either side leaves: rejects, cancels, drops what it holds, or runs out of time.

use std::{
    io::{self, Write},
    path::PathBuf,
    sync::mpsc,
    thread,
    time::Duration,
};

use wormhole_sync::{
    DROP_LIMIT, ErrorKind, Fault, farewells,
    files::{Destination, FilesOffer},
    transfer::{self, Offered, Sink},
};

use super::hands::{
    SIZE, Spool, assert_told, both, half, half_way, moving, offered, routes, zeros,
};
use crate::support::{Server, pair, soon};

#[tokio::test]
async fn a_rejection_reaches_the_sender_with_its_reason() {
    let server = Server::start().await;
    let (sending, files) = offered(&server, zeros()).await;
    let FilesOffer::File(file) = files.offer() else { panic!("a file was sent") };
    assert_eq!((files.size(), file.size, &*file.name), (SIZE, SIZE, "zeros"));
    let (sent, rejected) =
        soon(async { tokio::join!(sending.finish(), files.reject("no room in here")) }).await;
    rejected.unwrap();
    let error = sent.unwrap_err();
    assert_eq!((error.kind(), error.fault()), (ErrorKind::Rejected, Fault::Peer));
    assert!(error.to_string().contains("no room in here"), "{error}");
    assert_eq!(server.stop_and_count_mailboxes().await, 0);
}

/// Takes everything, and is complete only after a minute, unless it is not wanted any more.
struct Unpacks(mpsc::Sender<&'static str>);

impl Write for Unpacks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink for Unpacks {
    fn complete(self: Box<Self>) -> io::Result<Option<PathBuf>> {
        self.complete_while(&|| true)
    }

    fn complete_while(
        self: Box<Self>,
        is_wanted: &dyn Fn() -> bool,
    ) -> io::Result<Option<PathBuf>> {
        self.0.send("begun").unwrap();
        for _ in 0..6_000 {
            if !is_wanted() {
                self.0.send("stopped").unwrap();
                return Err(io::Error::other("nobody wants it"));
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(None)
    }
}

#[tokio::test]
async fn who_leaves_while_the_receiver_unpacks_stops_that_too() {
    for sender_cancels in [true, false] {
        let server = Server::start().await;
        let (sending, files) = offered(&server, zeros()).await;
        let (says, said) = mpsc::channel();
        let receiving = soon(files.accept(Box::new(Unpacks(says)), &routes())).await.unwrap();
        let (said, first) = tokio::task::spawn_blocking(move || {
            let first = said.recv();
            (said, first)
        })
        .await
        .unwrap();
        assert_eq!(first, Ok("begun"));
        let (cancels, other) =
            if sender_cancels { (sending, receiving) } else { (receiving, sending) };
        cancels.cancel("the train leaves");
        let (own, others) = both(cancels, other).await;
        assert_told(own, others, ErrorKind::Cancelled, "the train leaves");
        assert_eq!(said.try_recv(), Ok("stopped"));
    }
}

#[tokio::test]
async fn either_side_can_cancel_in_the_middle_and_the_other_learns_why() {
    for sender_cancels in [true, false] {
        let server = Server::start().await;
        let (sending, receiving, spool, go_on) = half_way(&server).await;
        let (cancels, other) =
            if sender_cancels { (sending, receiving) } else { (receiving, sending) };
        cancels.cancel("the train leaves");
        cancels.cancel("a second reason");
        let (own, others) = both(cancels, other).await;
        drop(go_on);
        assert_told(own, others, ErrorKind::Cancelled, "the train leaves");
        assert!(!spool.is_complete());
        assert_eq!(server.stop_and_count_mailboxes().await, 0);
    }
}

#[tokio::test]
async fn an_offer_is_cancelled_before_it_is_answered() {
    let server = Server::start().await;
    let (sending, files) = offered(&server, zeros()).await;
    sending.cancel("never mind");
    assert_eq!(soon(sending.finish()).await.unwrap_err().kind(), ErrorKind::Cancelled);
    let spool = Spool::default();
    let receiving = soon(files.accept(Box::new(spool.clone()), &routes())).await.unwrap();
    let error = soon(receiving.finish()).await.unwrap_err();
    assert!(error.to_string().contains("never mind"), "{error}");
    assert!(!spool.is_complete());
}

#[tokio::test]
async fn dropping_either_side_in_the_middle_tells_the_other_in_the_background() {
    for drops_sender in [true, false] {
        let server = Server::start().await;
        let (sending, receiving, spool, go_on) = half_way(&server).await;
        let (dropped, other) =
            if drops_sender { (sending, receiving) } else { (receiving, sending) };
        drop(dropped);
        let error = soon(other.finish()).await.unwrap_err();
        drop(go_on);
        assert_eq!(error.kind(), ErrorKind::Rejected, "{error}");
        assert!(farewells(DROP_LIMIT).await);
        assert!(!spool.is_complete());
        assert_eq!(server.stop_and_count_mailboxes().await, 0);
    }
}

#[tokio::test]
async fn dropping_an_offer_ends_the_sender() {
    let server = Server::start().await;
    let (sending, files) = offered(&server, zeros()).await;
    drop(files);
    let error = soon(sending.finish()).await.unwrap_err();
    assert_eq!((error.kind(), error.fault()), (ErrorKind::Rejected, Fault::Peer), "{error}");
    assert!(farewells(DROP_LIMIT).await);
    assert_eq!(server.stop_and_count_mailboxes().await, 0);
}

#[tokio::test]
async fn news_wait_for_a_server_that_comes_back() {
    let mut server = Server::start().await;
    let (sending, receiving, spool, go_on) = half_way(&server).await;
    server.stop().await;
    sending.cancel("the train leaves");
    server.run().await;
    let (own, others) = both(sending, receiving).await;
    drop(go_on);
    assert_told(own, others, ErrorKind::Cancelled, "the train leaves");
    assert!(!spool.is_complete());
}

#[tokio::test]
async fn a_server_that_vanishes_for_ever_harms_no_transfer_whose_bytes_flow() {
    let mut server = Server::start().await;
    let (sending, receiving, spool, go_on) = half_way(&server).await;
    server.stop().await;
    drop(go_on);
    let (sent, received) = both(sending, receiving).await;
    assert!(spool.is_complete());
    assert!(sent.is_ok() && received.is_ok(), "{sent:?} {received:?}");
}

#[tokio::test]
async fn a_time_limit_ends_both_in_the_middle_and_leaves_no_part_behind() {
    let server = Server::start().await;
    let folder = tempfile::tempdir().unwrap();
    let options = server.options().time_limit(Duration::from_secs(2));
    let (one, other) = soon(pair(&options)).await;
    let (go_on, outgoing) = half();
    let sending = soon(transfer::send(one, outgoing, &routes())).await.unwrap();
    let Offered::Files(files) = soon(transfer::receive(other)).await.unwrap() else {
        panic!("a file was sent")
    };
    let planned = Destination::output(folder.path()).plan(files.offer()).unwrap();
    let sink = planned.begin().unwrap();
    let mut receiving = soon(files.accept(Box::new(sink), &routes())).await.unwrap();
    moving(&mut receiving).await;
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "the part");
    let error = soon(receiving.finish()).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::Rejected), "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    drop((go_on, sending));
}
