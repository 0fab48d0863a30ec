//! The bytes by way of a relay that speaks by WebSocket.

use std::{collections::HashMap, io, sync::Arc};

use futures_util::{SinkExt, StreamExt};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Mutex, oneshot},
};
use tokio_tungstenite::{
    WebSocketStream, accept_async,
    tungstenite::{Bytes, Message},
};
use wormhole_sync::{
    ErrorKind,
    transfer::{self, Event, FarEnd, Offered, Outgoing, Route, Routes, Transfer},
};
use wormhole_sync_server::TransitRelay;

use super::hands::{SIZE, Spool, both, half, moving, zeros};
use crate::support::{Server, pair, soon};

type Socket = WebSocketStream<TcpStream>;

/// Whoever came first of two, by its token; it goes to the second.
type Waiting = Arc<Mutex<HashMap<String, oneshot::Sender<Socket>>>>;

/// What a relay does.
#[derive(Clone, Copy)]
struct Manner {
    /// Bytes of a message of its own, however the ends have cut theirs.
    cut: usize,
    /// Bytes that it passes on in all before it leaves.
    passes: usize,
    /// Whether it pairs anybody.
    refuses: bool,
}

const HONEST: Manner = Manner { cut: usize::MAX, passes: usize::MAX, refuses: false };

async fn relay(manner: Manner) -> Routes {
    Routes::new().no_listen().relay(&relay_url(manner).await).unwrap()
}

async fn relay_url(manner: Manner) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let waiting = Waiting::default();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let waiting = Arc::clone(&waiting);
            tokio::spawn(async move {
                serve(accept_async(stream).await.unwrap(), &waiting, manner).await;
            });
        }
    });
    url
}

async fn serve(mut one: Socket, waiting: &Waiting, manner: Manner) {
    let Some(Ok(first)) = one.next().await else { return };
    let line = String::from_utf8(first.into_data().to_vec()).unwrap();
    if manner.refuses {
        drop(one.send(Message::Binary(Bytes::from_static(b"bad handshake\n"))).await);
        return;
    }
    let (token, _side) =
        line.strip_prefix("please relay ").and_then(|rest| rest.split_once(" for side ")).unwrap();
    let first = waiting.lock().await.remove(token);
    match first {
        None => {
            let (give, given) = oneshot::channel();
            waiting.lock().await.insert(token.to_owned(), give);
            if let Ok(other) = given.await {
                join(one, other, manner).await;
            }
        }
        Some(first) => drop(first.send(one)),
    }
}

async fn join(one: Socket, other: Socket, manner: Manner) {
    let (mut to_one, from_one) = one.split();
    let (mut to_other, from_other) = other.split();
    for end in [&mut to_one, &mut to_other] {
        end.send(Message::Binary(Bytes::from_static(b"ok\n"))).await.unwrap();
    }
    tokio::select! {
        () = pass(from_one, &mut to_other, manner) => {}
        () = pass(from_other, &mut to_one, manner) => {}
    }
    drop(to_one.close().await);
    drop(to_other.close().await);
}

async fn pass(
    mut from: futures_util::stream::SplitStream<Socket>,
    to: &mut futures_util::stream::SplitSink<Socket, Message>,
    manner: Manner,
) {
    let mut passed = 0;
    while let Some(Ok(message)) = from.next().await {
        if message.is_close() {
            return;
        }
        let mut bytes = message.into_data();
        passed += bytes.len();
        if passed > manner.passes {
            return;
        }
        while !bytes.is_empty() {
            let piece = bytes.split_to(manner.cut.min(bytes.len()));
            if to.send(Message::Binary(piece)).await.is_err() {
                return;
            }
        }
    }
}

/// Both sides of a transfer that go by the relay alone.
async fn by(
    routes: &Routes,
    server: &Server,
    outgoing: Outgoing,
    sink: Spool,
) -> (Transfer, Transfer) {
    soon(async {
        let (one, other) = pair(&server.options()).await;
        let sending = transfer::send(one, outgoing, routes).await.unwrap();
        let Offered::Files(files) = transfer::receive(other).await.unwrap() else {
            panic!("a file")
        };
        (sending, files.accept(Box::new(sink), routes).await.unwrap())
    })
    .await
}

#[tokio::test]
async fn a_file_arrives_however_its_messages_are_cut() {
    let server = Server::start().await;
    for cut in [HONEST.cut, 1000] {
        let (routes, spool) = (relay(Manner { cut, ..HONEST }).await, Spool::default());
        let (mut sending, receiving) = by(&routes, &server, zeros(), spool.clone()).await;
        let route = loop {
            if let Event::Connected { route } = soon(sending.next()).await.unwrap() {
                break route;
            }
        };
        let Route::Relay(FarEnd::Address(at)) = route else { panic!("{route}") };
        assert!(at.ip().is_loopback());
        let (sent, received) = both(sending, receiving).await;
        assert!(sent.is_ok() && received.is_ok(), "{sent:?} {received:?}");
        assert_eq!(spool.bytes.lock().unwrap().len() as u64, SIZE);
    }
}

#[tokio::test]
async fn a_relay_that_the_server_advertises_is_used_by_who_names_none() {
    let url = relay_url(HONEST).await;
    let advertise = |url: &str| TransitRelay::parse(url).into_iter().collect();
    let server = Server::with(|mailbox| mailbox.notices.transit_relays = advertise(&url)).await;
    let unnamed = Routes::new().no_listen();
    let not_the_usual = unnamed.clone().relay_unless_advertised("tcp:127.0.0.1:9").unwrap();
    for routes in [unnamed, not_the_usual] {
        let few = Outgoing::bytes("few", 3, io::Cursor::new("few"));
        let (sending, receiving) = by(&routes, &server, few, Spool::default()).await;
        let (sent, received) = both(sending, receiving).await;
        assert!(sent.is_ok() && received.is_ok(), "{sent:?} {received:?}");
    }
}

#[tokio::test]
async fn what_the_server_advertises_is_not_used_by_who_wants_none_or_names_one() {
    let url = relay_url(HONEST).await;
    let advertise = |url: &str| TransitRelay::parse(url).into_iter().collect();
    let server = Server::with(|mailbox| mailbox.notices.transit_relays = advertise(&url)).await;
    let none = Routes::new().no_listen().no_relay();
    let dead = Routes::new().no_listen().relay("tcp:127.0.0.1:9").unwrap();
    for routes in [none, dead] {
        let few = Outgoing::bytes("few", 3, io::Cursor::new("few"));
        let (sending, receiving) = by(&routes, &server, few, Spool::default()).await;
        let (sent, received) = both(sending, receiving).await;
        for error in [sent.unwrap_err(), received.unwrap_err()] {
            let unmet = matches!(error.kind(), ErrorKind::Unconnected | ErrorKind::Rejected);
            assert!(unmet, "{error}");
        }
    }
}

#[tokio::test]
async fn a_relay_that_leaves_in_the_middle_ends_it_on_both_sides() {
    let server = Server::start().await;
    let (routes, spool) = (relay(Manner { passes: 1_000_000, ..HONEST }).await, Spool::default());
    let (sending, receiving) = by(&routes, &server, zeros(), spool.clone()).await;
    let (sent, received) = both(sending, receiving).await;
    for error in [sent.unwrap_err(), received.unwrap_err()] {
        assert!(matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::Rejected), "{error}");
    }
    assert!(!spool.is_complete());
}

#[tokio::test]
async fn who_cancels_in_the_middle_is_heard() {
    let server = Server::start().await;
    let (go_on, outgoing) = half();
    let routes = relay(HONEST).await;
    let (sending, mut receiving) = by(&routes, &server, outgoing, Spool::default()).await;
    moving(&mut receiving).await;
    receiving.cancel("no more room");
    drop(go_on);
    let (sent, received) = both(sending, receiving).await;
    assert_eq!(received.unwrap_err().kind(), ErrorKind::Cancelled);
    assert!(sent.unwrap_err().to_string().contains("no more room"));
}

#[tokio::test]
async fn a_relay_that_refuses_is_no_way() {
    let server = Server::start().await;
    let routes = relay(Manner { refuses: true, ..HONEST }).await;
    let outgoing = Outgoing::bytes("few", 3, io::Cursor::new("few"));
    let (sending, receiving) = by(&routes, &server, outgoing, Spool::default()).await;
    let (sent, received) = both(sending, receiving).await;
    for error in [sent.unwrap_err(), received.unwrap_err()] {
        assert!(matches!(error.kind(), ErrorKind::Unconnected | ErrorKind::Rejected), "{error}");
    }
}
