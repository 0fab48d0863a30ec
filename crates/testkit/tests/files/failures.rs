//! One side cannot go on: it says why, and the other hears what is its business.

use std::io::{self, Read};

use wormhole_sync::{
    ErrorKind,
    transfer::{self, Offered, Outgoing, Routes},
};

use super::hands::{Fails, SIZE, Source, Spool, Then, accepted, assert_told, both, offered, zeros};
use crate::support::{Server, pair, soon};

#[tokio::test]
async fn a_sink_that_fails_is_an_error_here_and_told_there() {
    for fails in
        [Fails::Writing, Fails::WritingByPanic, Fails::Completing, Fails::CompletingByPanic]
    {
        let server = Server::start().await;
        let (sending, receiving) = accepted(&server, zeros(), Spool::that(fails)).await;
        let (sent, received) = both(sending, receiving).await;
        assert_told(
            received,
            sent,
            ErrorKind::Io,
            "the receiver failed: it cannot be written there",
        );
        assert_eq!(server.stop_and_count_mailboxes().await, 0);
    }
}

#[tokio::test]
async fn a_source_that_fails_ends_or_panics_is_an_error_here_and_told_there() {
    let broken = |then| Outgoing::bytes("broken", SIZE, Source { left: SIZE / 2, then });
    let ends = Outgoing::bytes("ends", SIZE, io::repeat(0).take(SIZE / 2));
    for outgoing in [broken(Then::Fail), broken(Then::Panic), ends] {
        let server = Server::start().await;
        let spool = Spool::default();
        let (sending, receiving) = accepted(&server, outgoing, spool.clone()).await;
        let (sent, received) = both(sending, receiving).await;
        assert_told(sent, received, ErrorKind::Io, "the sender could not read what it offered");
        assert!(!spool.is_complete());
    }
}

#[tokio::test]
async fn two_sides_that_nobody_can_reach_end_at_once() {
    let server = Server::start().await;
    let (one, other) = soon(pair(&server.options())).await;
    let alone = Routes::new().no_listen();
    let sending = soon(transfer::send(one, zeros(), &alone)).await.unwrap();
    let Offered::Files(files) = soon(transfer::receive(other)).await.unwrap() else {
        panic!("a file was sent")
    };
    let receiving = soon(files.accept(Box::new(Spool::default()), &alone)).await.unwrap();
    let (sent, received) = both(sending, receiving).await;
    let kinds = [sent.unwrap_err().kind(), received.unwrap_err().kind()];
    assert!(kinds.contains(&ErrorKind::Unconnected), "{kinds:?}");
    assert!(kinds.iter().all(|kind| matches!(kind, ErrorKind::Unconnected | ErrorKind::Rejected)));
}

#[tokio::test]
async fn who_cannot_listen_fails_and_says_so() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let impossible = Routes::new().listen_at(taken.local_addr().unwrap());
    let server = Server::start().await;
    let (one, other) = soon(pair(&server.options())).await;
    let (sent, received) = soon(async {
        tokio::join!(transfer::send(one, zeros(), &impossible), transfer::receive(other))
    })
    .await;
    assert_told(
        sent.map(drop),
        received.map(drop),
        ErrorKind::Unconnected,
        "could not make itself reachable",
    );

    let (sending, files) = offered(&server, zeros()).await;
    let accepting = files.accept(Box::new(Spool::default()), &impossible);
    let (sent, accepted) =
        soon(Box::pin(async { tokio::join!(sending.finish(), accepting) })).await;
    assert_told(
        accepted.map(drop),
        sent,
        ErrorKind::Unconnected,
        "could not make itself reachable",
    );
}
