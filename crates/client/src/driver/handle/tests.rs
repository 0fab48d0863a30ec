//! The limits between the application and its driver, each hit.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::{SinkExt, StreamExt};
use tokio::{
    net::TcpListener,
    time::{Instant, pause, resume, sleep, timeout},
};
use tokio_tungstenite::{accept_async, tungstenite::Message};

use super::*;
use crate::{
    ErrorKind, Options, Status,
    driver::{CLOSE_LIMIT, open},
};

const APP: &str = "example.com/test";

/// More than the application leaves unread, and more than one socket's buffers may hide.
const MESSAGES: usize = 4 * MAX_UNREAD;

/// Both ends of an open wormhole, and how often the first lost its connection.
async fn pair(url: &str) -> (Handle, Handle, Arc<AtomicUsize>) {
    let losses = Arc::<AtomicUsize>::default();
    let counted = Arc::clone(&losses);
    let watched = Options::new().rendezvous(url).on_status(move |status| {
        let lost = matches!(status, Status::Disconnected { .. });
        counted.fetch_add(usize::from(lost), Ordering::Relaxed);
    });
    let mut one = open(APP, &watched).unwrap();
    let mut other = open(APP, &Options::new().rendezvous(url)).unwrap();
    let code = Code::parse("4-purple-sausages").unwrap();
    one.set_code(code.clone());
    other.set_code(code);
    for handle in [&mut one, &mut other] {
        while !matches!(handle.next().await.unwrap(), News::Confirmed(_)) {}
    }
    (one, other, losses)
}

/// Both, when one has sent much that the other has not read.
async fn flooded(url: &str) -> (Handle, Arc<AtomicUsize>) {
    let (one, other, losses) = pair(url).await;
    for number in 0..MESSAGES {
        other.send(&number.to_be_bytes()).unwrap();
    }
    other.close().await.unwrap(); // the server has it all
    while unread(&one) < MAX_UNREAD {
        sleep(Duration::from_millis(5)).await;
    }
    (one, losses)
}

fn unread(handle: &Handle) -> usize {
    handle.unread.messages.load(Ordering::Acquire)
}

async fn read_all(mut handle: Handle) {
    for number in 0..MESSAGES {
        let News::Received(message) = handle.next().await.unwrap() else { panic!("a message") };
        assert_eq!(message, number.to_be_bytes());
    }
}

#[tokio::test]
async fn an_eager_peer_waits_for_an_application_that_does_not_read() {
    let url = wormhole_sync_testkit::doc::server();
    let (one, _) = flooded(&url).await;
    sleep(Duration::from_millis(200)).await; // in which all the rest could have come
    assert_eq!(unread(&one), MAX_UNREAD);
    timeout(Duration::from_secs(20), read_all(one)).await.unwrap();
}

#[tokio::test]
async fn an_application_that_does_not_read_for_long_keeps_its_connection() {
    let url = wormhole_sync_testkit::doc::server();
    let (one, losses) = flooded(&url).await;
    pause();
    sleep(Duration::from_secs(600)).await; // ten times what a silent connection is given
    resume();
    assert_eq!(losses.load(Ordering::Relaxed), 0, "the silence was ours");
    timeout(Duration::from_secs(20), read_all(one)).await.unwrap();
}

#[tokio::test]
async fn a_close_that_nobody_confirms_has_a_limit() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/v1", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut socket = accept_async(stream).await.unwrap();
        let welcome = r#"{"type":"welcome","welcome":{}}"#;
        socket.send(Message::text(welcome)).await.unwrap();
        while socket.next().await.is_some() {} // and never an answer
    });
    let mut handle = open(APP, &Options::new().rendezvous(url)).unwrap();
    while !matches!(handle.next().await.unwrap(), News::Welcome(_)) {}
    handle.allocate();
    pause();
    let begin = Instant::now();
    let error = handle.close().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unconfirmed);
    let took = begin.elapsed();
    assert!((CLOSE_LIMIT..CLOSE_LIMIT + Duration::from_secs(1)).contains(&took), "{took:?}");
}
