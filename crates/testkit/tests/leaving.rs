//! Leaving, and what comes after the end: goodbyes in the background, their limits, and errors that say why.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that meets the unexpected is to stop"
)]

use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
    time::Duration,
};

use support::{APP, Server, pair, soon};
use wormhole_sync::{
    DROP_LIMIT, ErrorKind, Options, Wormhole, farewells,
    transcribe::{Initiator, Receiver},
};

mod support;

#[tokio::test]
async fn sending_after_the_end_is_an_error_that_says_why_it_ended() {
    let server = Server::start().await;
    let (mut one, other) = soon(pair(&server.options())).await;
    other.abort();
    let sent = soon(async {
        loop {
            if let Err(error) = one.send(b"anybody there?").await {
                break error;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    assert_eq!(sent.await.kind(), ErrorKind::Rejected);
    assert_eq!(soon(one.receive()).await.unwrap_err().kind(), ErrorKind::Rejected);
    assert_eq!(one.send(b"still?").await.unwrap_err().kind(), ErrorKind::Rejected);
    let late = one.derive_key("example.com/purpose", 16).await;
    assert_eq!(late.unwrap_err().kind(), ErrorKind::Rejected);
}

#[tokio::test]
async fn sending_on_a_runtime_that_is_gone_is_an_error() {
    let server = Server::start().await;
    let options = server.options();
    let (mut one, runtime) = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        (runtime.block_on(pair(&options)).0, runtime)
    })
    .await
    .unwrap();
    runtime.shutdown_background();
    assert_eq!(one.send(b"hello").await.unwrap_err().kind(), ErrorKind::Stopped);
}

#[tokio::test]
async fn closing_while_the_server_is_away_says_that_the_last_messages_are_unconfirmed() {
    let mut server = Server::start().await;
    let options = server.options().time_limit(Duration::from_millis(1500));
    let (mut one, _other) = soon(pair(&options)).await;
    server.stop().await;
    one.send(b"never stored").await.unwrap();
    let error = soon(one.close()).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::Unconfirmed), "{error}");
}

/// Polls a future so often at most; whether it was done by then. It is dropped in any case.
async fn polled<F: Future>(future: F, mut polls: u32) -> bool {
    let mut future = pin!(future);
    poll_fn(|context| {
        if polls == 0 {
            return Poll::Ready(false);
        }
        polls -= 1;
        match future.as_mut().poll(context) {
            Poll::Ready(_) => Poll::Ready(true),
            // The last poll but one left it at an await: there it is dropped.
            Poll::Pending if polls == 0 => Poll::Ready(false),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// Drops what `act` does after its first poll, its second and so on until it is done, and finds
/// the server rid of everything each time. Returns after how many polls it was done.
async fn dropped_after_every_poll<F: Future>(act: impl Fn(Options) -> F) -> u32 {
    for polls in 0.. {
        let server = Server::start().await;
        let done = soon(polled(act(server.options()), polls)).await;
        assert!(farewells(DROP_LIMIT).await, "said goodbye after {polls} polls");
        assert_eq!(server.stop_and_count_mailboxes().await, 0, "dropped after {polls} polls");
        if done {
            return polls;
        }
    }
    0
}

#[tokio::test]
async fn dropping_at_any_await_lets_go_of_everything() {
    let polls = dropped_after_every_poll(|options| {
        Box::pin(async {
            let started = Initiator::new(APP, b"1").options(options.clone()).start().await?;
            let receiver = Receiver::new(APP, started.code().as_str(), b"2").options(options);
            tokio::try_join!(started.finish(), receiver.finish())
        })
    })
    .await;
    assert!(polls > 4, "there are that many awaits at least: {polls}");
}

#[tokio::test]
async fn dropping_each_state_lets_go_of_everything() {
    let server = Server::start().await;
    let connected = soon(Wormhole::connect(APP, server.options())).await.unwrap();
    drop(connected);
    let connected = soon(Wormhole::connect(APP, server.options())).await.unwrap();
    drop(soon(connected.allocate()).await.unwrap());
    let (mut one, other) = soon(pair(&server.options())).await;
    one.send(b"on its way").await.unwrap();
    drop(one);
    other.abort();
    assert!(farewells(DROP_LIMIT).await);
    assert_eq!(server.stop_and_count_mailboxes().await, 0);
}

#[tokio::test]
async fn a_goodbye_to_a_server_that_is_gone_is_bounded() {
    let mut server = Server::start().await;
    let started = soon(Initiator::new(APP, b"1").options(server.options()).start()).await.unwrap();
    server.stop().await;
    drop(started);
    assert!(!farewells(Duration::from_millis(100)).await, "still trying");
    assert!(farewells(DROP_LIMIT + Duration::from_secs(2)).await, "but not for long");
}

#[tokio::test]
async fn a_goodbye_on_another_runtime_is_nobody_elses() {
    let mut server = Server::start().await;
    let options = server.options();
    let (tell, told) = tokio::sync::oneshot::channel();
    let (done, wait) = std::sync::mpsc::channel::<()>();
    let other = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            tell.send(Initiator::new(APP, b"1").options(options).start().await.unwrap()).unwrap();
            _ = tokio::task::spawn_blocking(move || wait.recv()).await;
            farewells(Duration::from_millis(100)).await
        })
    });
    let started = soon(told).await.unwrap();
    server.stop().await;
    drop(started); // here, but it was made there: its goodbye goes on over there, in vain
    assert!(farewells(Duration::ZERO).await, "nothing was dropped of this runtime's");
    drop(done);
    assert!(!other.join().unwrap(), "and over there it goes on");
}
