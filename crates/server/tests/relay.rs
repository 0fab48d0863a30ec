//! The transit relay through its sockets, by TCP and by WebSocket.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::{net::SocketAddr, time::Duration};

use futures_util::{SinkExt, StreamExt};
use support::PATIENCE;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    sync::oneshot,
    task::JoinHandle,
    time::timeout,
};
use tokio_websockets::{ClientBuilder, MaybeTlsStream, Message, WebSocketStream};
use wormhole_sync_server::{Clients, Config, Doors, Relay, ServeError, listen, serve};

const UPGRADE: &[u8] =
    b"GET /relay HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

struct Server {
    raw: SocketAddr,
    web: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), ServeError>>,
}

impl Server {
    fn start(config: impl Into<Config>) -> Self {
        let [raw, web] = [(); 2].map(|()| listen("127.0.0.1:0".parse().unwrap()).unwrap());
        let addresses = [&raw, &web].map(|listener| listener.local_addr().unwrap());
        let mut doors = Doors::from(web);
        doors.relay.push(raw);
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(serve(doors, config.into(), async { _ = stopped.await }));
        Self { raw: addresses[0], web: addresses[1], stop, task }
    }

    /// A link that has sent these bytes.
    async fn link(&self, kind: Kind, bytes: &[u8]) -> Link {
        let mut link = match kind {
            Kind::Tcp => Link::Tcp(TcpStream::connect(self.raw).await.unwrap()),
            Kind::WebSocket(path) => {
                let uri = format!("ws://{}{path}", self.web).parse().unwrap();
                let limits = tokio_websockets::Limits::default().max_payload_len(None);
                let builder = ClientBuilder::from_uri(uri).limits(limits);
                Link::WebSocket(Box::new(builder.connect().await.unwrap().0), Vec::new())
            }
        };
        link.send(bytes).await;
        link
    }

    async fn tcp(&self, bytes: &[u8]) -> Link {
        self.link(Kind::Tcp, bytes).await
    }
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Tcp,
    WebSocket(&'static str),
}

enum Link {
    Tcp(TcpStream),
    WebSocket(Box<WebSocketStream<MaybeTlsStream<TcpStream>>>, Vec<u8>),
}

impl Link {
    async fn send(&mut self, bytes: &[u8]) {
        match self {
            Self::Tcp(stream) => stream.write_all(bytes).await.unwrap(),
            Self::WebSocket(..) if bytes.is_empty() => {}
            Self::WebSocket(socket, _) => {
                socket.send(Message::binary(bytes.to_vec())).await.unwrap();
            }
        }
    }

    /// So many bytes.
    async fn read(&mut self, length: usize) -> Vec<u8> {
        timeout(PATIENCE, async {
            match self {
                Self::Tcp(stream) => {
                    let mut bytes = vec![0; length];
                    stream.read_exact(&mut bytes).await.unwrap();
                    bytes
                }
                Self::WebSocket(socket, rest) => {
                    while rest.len() < length {
                        let message = socket.next().await.unwrap().unwrap();
                        rest.extend_from_slice(message.as_payload());
                    }
                    rest.drain(..length).collect()
                }
            }
        })
        .await
        .unwrap()
    }

    /// All that comes until the end.
    async fn rest(mut self) -> String {
        let mut bytes = Vec::new();
        timeout(PATIENCE, async {
            match &mut self {
                Self::Tcp(stream) => _ = stream.read_to_end(&mut bytes).await,
                Self::WebSocket(socket, rest) => {
                    bytes.append(rest);
                    while let Some(Ok(message)) = socket.next().await {
                        if message.is_binary() {
                            bytes.extend_from_slice(message.as_payload());
                        }
                    }
                }
            }
        })
        .await
        .unwrap();
        String::from_utf8(bytes).unwrap()
    }

    async fn close(mut self) {
        match &mut self {
            Self::Tcp(stream) => stream.shutdown().await.unwrap(),
            Self::WebSocket(socket, _) => socket.close().await.unwrap(),
        }
        self.rest().await;
    }
}

fn line(token: char, side: char) -> Vec<u8> {
    let (token, side) = (token.to_string().repeat(64), side.to_string().repeat(16));
    format!("please relay {token} for side {side}\n").into_bytes()
}

#[tokio::test]
async fn every_kind_of_link_meets_every_other() {
    let server = Server::start(Relay::default());
    let kinds = [Kind::Tcp, Kind::WebSocket("/relay"), Kind::WebSocket("/")];
    for one in kinds {
        for other in kinds {
            let mut one = server.link(one, &line('a', '1')).await;
            let mut other = server.link(other, &line('a', '2')).await;
            assert_eq!((one.read(3).await, other.read(3).await), (b"ok\n".into(), b"ok\n".into()));
            let long: Vec<u8> = (0..=250).cycle().take(200_000).collect();
            for bytes in [&b"x"[..], &long] {
                one.send(bytes).await;
                assert!(other.read(bytes.len()).await == bytes);
                other.send(bytes).await;
                assert!(one.read(bytes.len()).await == bytes);
            }
            one.send(b"last words").await;
            one.close().await;
            assert_eq!(other.rest().await, "last words");
        }
    }
}

#[tokio::test]
async fn a_websocket_gets_its_consent_in_a_message_of_its_own() {
    let server = Server::start(Relay::default());
    let Link::WebSocket(mut socket, _) = server.link(Kind::WebSocket("/"), &line('a', '1')).await
    else {
        panic!("another kind of link");
    };
    let mut other = server.tcp(&line('a', '2')).await;
    other.read(3).await;
    other.send(b"at once").await;
    let messages = [(); 2].map(|()| ());
    let mut heard = Vec::new();
    for () in messages {
        let message = timeout(PATIENCE, socket.next()).await.unwrap().unwrap().unwrap();
        assert!(message.is_binary());
        heard.push(message.as_payload().to_vec());
    }
    assert_eq!(heard, [b"ok\n".to_vec(), b"at once".to_vec()]);
}

#[tokio::test]
async fn a_message_needs_no_newline() {
    let server = Server::start(Relay::default());
    let mut whole = line('a', '1');
    whole.pop();
    let mut one = server.link(Kind::WebSocket("/relay"), &whole).await;
    let mut other = server.tcp(&line('a', '2')).await;
    assert_eq!((one.read(3).await, other.read(3).await), (b"ok\n".into(), b"ok\n".into()));
}

#[tokio::test]
async fn those_without_a_side_meet_anybody() {
    let server = Server::start(Relay::default());
    let unsided = format!("please relay {}\n", "a".repeat(64)).into_bytes();
    for [one, other] in [
        [unsided.clone(), unsided.clone()],
        [unsided.clone(), line('a', '1')],
        [line('a', '1'), unsided],
    ] {
        let (mut one, mut other) = (server.tcp(&one).await, server.tcp(&other).await);
        assert_eq!((one.read(3).await, other.read(3).await), (b"ok\n".into(), b"ok\n".into()));
    }
}

#[tokio::test]
async fn other_tokens_and_the_same_side_again_do_not_meet() {
    let server = Server::start(Relay::default());
    let mut one = server.tcp(&line('a', '1')).await;
    let stranger = server.tcp(&line('b', '2')).await;
    assert_eq!(server.tcp(&line('a', '1')).await.rest().await, ""); // closed
    let mut other = server.tcp(&line('a', '2')).await;
    assert_eq!((one.read(3).await, other.read(3).await), (b"ok\n".into(), b"ok\n".into()));
    one.send(b"x").await;
    assert_eq!(other.read(1).await, b"x");
    stranger.close().await;
}

#[tokio::test]
async fn what_is_no_relays_line_is_refused() {
    let server = Server::start(Relay::default());
    let long = vec![b'x'; 1024];
    let bad = [&b"\n"[..], b"please relay abc\n", b"GET / HTTP/1.1\r\n\r\n", &long];
    for bytes in bad {
        assert_eq!(server.tcp(bytes).await.rest().await, "bad handshake\n");
        let link = server.link(Kind::WebSocket("/"), bytes).await;
        assert_eq!(link.rest().await, "bad handshake\n");
    }
    let text = server.link(Kind::WebSocket("/"), b"").await;
    let Link::WebSocket(mut socket, rest) = text else { panic!("another kind of link") };
    socket.send(Message::text("please relay")).await.unwrap();
    assert_eq!(Link::WebSocket(socket, rest).rest().await, "bad handshake\n");
}

#[tokio::test]
async fn the_impatient_are_told_so_and_their_partners_wait_on() {
    let server = Server::start(Relay::default());
    for kind in [Kind::Tcp, Kind::WebSocket("/relay")] {
        let mut hasty = server.link(kind, &line('a', '1')).await;
        hasty.send(b"x").await;
        assert_eq!(hasty.rest().await, "impatient\n");
    }
    // in the same segment, too, and even when the partner is there
    let mut waits = server.tcp(&line('a', '1')).await;
    let hasty = server.tcp(&[line('a', '2'), b"x".to_vec()].concat()).await;
    assert_eq!(hasty.rest().await, "impatient\n");
    let mut patient = server.tcp(&line('a', '2')).await;
    assert_eq!((waits.read(3).await, patient.read(3).await), (b"ok\n".into(), b"ok\n".into()));
}

#[tokio::test]
async fn a_ping_while_waiting_is_answered_and_not_impatient() {
    let server = Server::start(Relay::default());
    let Link::WebSocket(mut socket, rest) =
        server.link(Kind::WebSocket("/"), &line('a', '1')).await
    else {
        panic!("another kind of link");
    };
    socket.send(Message::ping("there?")).await.unwrap();
    let pong = timeout(PATIENCE, socket.next()).await.unwrap().unwrap().unwrap();
    assert!(pong.is_pong() && pong.as_payload()[..] == b"there?"[..]);
    let mut other = server.tcp(&line('a', '2')).await;
    other.read(3).await;
    let mut one = Link::WebSocket(socket, rest);
    assert_eq!(one.read(3).await, b"ok\n");
}

#[tokio::test]
async fn whoever_waits_too_long_or_is_too_slow_is_closed() {
    let (waiting, handshake) = (Duration::from_secs(1), Duration::from_secs(2));
    let relay = Relay { waiting, waiting_connections: 1, ..Relay::default() };
    let clients = Clients { handshake, ..Clients::default() };
    let server = Server::start(Config { clients, ..Config::from(relay) });
    assert_eq!(server.tcp(&line('a', '1')).await.rest().await, "");
    let slow = [
        server.tcp(b"").await,
        server.tcp(b"please rel").await,
        server.link(Kind::WebSocket("/"), b"").await,
    ];
    for slow in slow {
        assert_eq!(slow.rest().await, "bad handshake\n");
    }
    // its place is free again
    assert_eq!(server.tcp(&line('b', '1')).await.rest().await, "");
}

/// The time to say what one wants begins with the connection, and not with what is asked for first.
#[tokio::test]
async fn asking_for_a_websocket_gives_no_more_time_to_say_the_line() {
    let handshake = Duration::from_secs(3);
    let clients = Clients { handshake, ..Clients::default() };
    let server = Server::start(Config { clients, ..Config::from(Relay::default()) });
    let mut answered = Vec::new();
    for _ in 0..5 {
        let mut stream = TcpStream::connect(server.web).await.unwrap();
        tokio::time::sleep(handshake / 2).await;
        let asked = std::time::Instant::now();
        stream.write_all(UPGRADE).await.unwrap();
        let mut answer = Vec::new();
        timeout(PATIENCE, stream.read_to_end(&mut answer)).await.unwrap().unwrap();
        let took = asked.elapsed();
        // A pause of the whole machine is one try.
        if answer.starts_with(b"HTTP/1.1 101") && took < handshake {
            return;
        }
        answered.push((String::from_utf8_lossy(&answer).into_owned(), took));
    }
    panic!("{answered:?}");
}

#[tokio::test]
async fn those_who_wait_are_limited_by_address_and_in_all() {
    let limits_and_texts = [
        (
            Relay { waiting_connections: 1, ..Relay::default() },
            "too many wait: this server's limit is 1 connections; try again later\n",
        ),
        (
            Relay { waiting_connections_per_address: 1, ..Relay::default() },
            "from your address: this server's limit is 1 connections\n",
        ),
    ];
    for (relay, text) in limits_and_texts {
        let clients = Clients { limit_loopback: true, ..Clients::default() };
        let server = Server::start(Config { clients, ..Config::from(relay) });
        let mut waits = server.tcp(&line('a', '1')).await;
        // The first is there when its double is closed.
        assert_eq!(server.tcp(&line('a', '1')).await.rest().await, "");
        let refused = server.tcp(&line('b', '1')).await.rest().await;
        assert!(refused.ends_with(text), "{refused}");
        let mut partner = server.tcp(&line('a', '2')).await; // waits for nobody
        assert_eq!((waits.read(3).await, partner.read(3).await), (b"ok\n".into(), b"ok\n".into()));
        server.tcp(&line('b', '1')).await.close().await;
    }
}

#[tokio::test]
async fn connections_are_limited_at_the_relays_door_too() {
    let clients = Clients { connections: 1, ..Clients::default() };
    let server = Server::start(Config { clients, ..Config::from(Relay::default()) });
    let _waits = server.tcp(&line('a', '1')).await;
    loop {
        let refused = server.tcp(b"").await.rest().await;
        if !refused.is_empty() {
            assert!(
                refused.ends_with("this server's limit is 1 connections; try again later\n"),
                "{refused}"
            );
            break;
        }
    }
}

async fn pair(server: &Server) -> (Link, Link) {
    let (mut one, mut other) =
        (server.tcp(&line('a', '1')).await, server.tcp(&line('a', '2')).await);
    one.read(3).await;
    other.read(3).await;
    (one, other)
}

#[tokio::test]
async fn a_pair_that_moves_nothing_is_cut() {
    let relay = Relay { idle: Duration::from_secs(3), ..Relay::default() };
    let server = Server::start(relay);
    let (mut one, mut other) = pair(&server).await;
    for _ in 0..16 {
        tokio::time::sleep(Duration::from_millis(250)).await;
        one.send(b"x").await; // not idle
        other.read(1).await;
    }
    assert_eq!((one.rest().await, other.rest().await), (String::new(), String::new()));
}

#[tokio::test]
async fn a_pair_that_has_moved_all_it_may_is_cut() {
    let server = Server::start(Relay { pair_bytes: Some(100_000), ..Relay::default() });
    let (mut one, mut other) = pair(&server).await;
    one.send(&vec![7; 60_000]).await;
    other.read(60_000).await;
    other.send(&vec![7; 60_000]).await;
    assert!(one.rest().await.len() <= 60_000);
    assert_eq!(other.rest().await, "", "its other half is cut, too");

    // Whoever sends as fast as it can gets no more than the pieces that are on their way.
    let (one, other) = pair(&server).await;
    let Link::Tcp(mut one) = one else { panic!("another kind of link") };
    let flood = async move { while one.write_all(&[7; 4096]).await.is_ok() {} };
    let ((), heard) = tokio::join!(flood, other.rest());
    assert!(heard.len() <= 100_000 + (2 << 20), "{}", heard.len());
}

#[tokio::test]
async fn an_address_moves_no_more_than_its_rate() {
    let relay = Relay { bytes_per_second_per_address: Some(1_000_000), ..Relay::default() };
    let clients = Clients { limit_loopback: true, ..Clients::default() };
    let server = Server::start(Config { clients, ..Config::from(relay) });
    let (mut one, mut other) = pair(&server).await;
    let begun = std::time::Instant::now();
    // Both ends count, and they are of one address; the first second's worth goes at once.
    let bytes = vec![7; 1_000_000];
    let ((), read) = tokio::join!(one.send(&bytes), other.read(bytes.len()));
    assert!(read == bytes);
    assert!(begun.elapsed() >= Duration::from_millis(800), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn an_address_moves_no_more_by_connecting_again_and_again() {
    let relay = Relay { bytes_per_second_per_address: Some(1_000_000), ..Relay::default() };
    let clients = Clients { limit_loopback: true, ..Clients::default() };
    let server = Server::start(Config { clients, ..Config::from(relay) });
    let begun = std::time::Instant::now();
    for _ in 0..4 {
        let (mut one, mut other) = pair(&server).await;
        let bytes = vec![7; 500_000]; // a second's worth, for both ends are of one address
        let ((), read) = tokio::join!(one.send(&bytes), other.read(bytes.len()));
        assert!(read == bytes);
        one.close().await;
        other.close().await;
    }
    assert!(begun.elapsed() >= Duration::from_millis(2800), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_reader_that_never_reads_holds_back_its_writer_and_nobody_else() {
    let server = Server::start(Relay { idle: Duration::from_secs(2), ..Relay::default() });
    let (mut stuffed, unread) = pair(&server).await;
    let Link::Tcp(stream) = &mut stuffed else { panic!("another kind of link") };
    let mut sent = 0;
    // As much as the system's buffers take, and a little in the relay: not without end.
    while let Ok(Ok(written)) =
        timeout(Duration::from_millis(300), stream.write(&vec![7; 65_536])).await
    {
        sent += written;
        assert!(sent < 64 << 20, "the relay takes everything");
    }
    let (mut one, mut other) =
        (server.tcp(&line('b', '1')).await, server.tcp(&line('b', '2')).await);
    one.read(3).await;
    other.read(3).await;
    one.send(b"x").await;
    assert_eq!(other.read(1).await, b"x");
    // A reader that has stopped is as idle as one to whom nothing is sent.
    assert_eq!(stuffed.rest().await, "");
    assert!(unread.rest().await.len() < sent);
}

#[tokio::test]
async fn whoever_waits_and_reads_none_of_its_pongs_is_closed() {
    let server = Server::start(Relay::default());
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut waits = socket.connect(server.web).await.unwrap();
    let line = line('a', '1');
    let length = 0x80 | u8::try_from(line.len()).unwrap();
    let asks = [UPGRADE, &[0x82, length, 0, 0, 0, 0], &line].concat();
    waits.write_all(&asks).await.unwrap();
    let ping = [&[0x89, 0xfd, 0, 0, 0, 0][..], &[7; 125]].concat();
    timeout(PATIENCE, async {
        while waits.write_all(&ping).await.is_ok() {
            tokio::task::yield_now().await; // it is answered alone
        }
    })
    .await
    .expect("it waits on");
    pair(&server).await; // with the same token: nobody waits with it any more
}

#[tokio::test]
async fn a_flood_of_pings_that_reads_no_pong_is_held_back() {
    let server = Server::start(Relay::default());
    let Link::WebSocket(mut socket, _) = server.link(Kind::WebSocket("/"), &line('a', '1')).await
    else {
        panic!("another kind of link");
    };
    let mut other = server.tcp(&line('a', '2')).await;
    other.read(3).await;
    let mut sent = 0;
    while let Ok(result) =
        timeout(Duration::from_millis(300), socket.send(Message::ping(vec![7; 125]))).await
    {
        result.unwrap();
        sent += 1;
        assert!(sent < 1_000_000, "the relay takes everything");
        tokio::task::yield_now().await; // it is answered alone
    }
}

#[tokio::test]
async fn a_stop_closes_those_who_wait_and_gives_pairs_time() {
    let server =
        Server::start(Config { drain: Duration::from_secs(60), ..Config::from(Relay::default()) });
    let waits = server.tcp(&line('b', '1')).await;
    let (mut one, mut other) = pair(&server).await;
    let (raw, task) = (server.raw, server.task);
    server.stop.send(()).unwrap();
    assert_eq!(waits.rest().await, "");
    assert!(TcpStream::connect(raw).await.is_err(), "the door is open");
    one.send(b"goes on").await;
    assert_eq!(other.read(7).await, b"goes on");
    assert!(!task.is_finished());
    one.close().await;
    other.rest().await;
    timeout(PATIENCE, task).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn a_stop_closes_those_who_have_not_said_what_they_want() {
    let drain = PATIENCE * 2;
    let clients = Clients { handshake: drain, ..Clients::default() }; // nor is it this that closes them
    let server = Server::start(Config { clients, drain, ..Config::from(Relay::default()) });
    let halves = [
        server.tcp(b"").await,
        server.tcp(b"please rel").await,
        server.link(Kind::WebSocket("/relay"), b"").await,
    ];
    let mut asking = TcpStream::connect(server.web).await.unwrap();
    asking.write_all(&UPGRADE[..UPGRADE.len() / 2]).await.unwrap();
    let (one, other) = pair(&server).await; // after which all of them are known, and for which it goes on
    let (stop, task) = (server.stop, server.task);
    stop.send(()).unwrap();
    for half in halves {
        assert_eq!(half.rest().await, "");
    }
    // Whoever is to be led to the relay only now is told to go elsewhere, in HTTP.
    let mut answer = Vec::new();
    timeout(PATIENCE, asking.read_to_end(&mut answer)).await.unwrap().unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 503") && answer.ends_with(b"the server stops\n"));
    assert!(!task.is_finished());
    one.close().await;
    other.rest().await;
    timeout(PATIENCE, task).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn pairs_that_do_not_end_in_time_are_cut_at_a_stop() {
    let config = Config { drain: Duration::from_millis(50), ..Config::from(Relay::default()) };
    let server = Server::start(config);
    let (one, other) = pair(&server).await;
    server.stop.send(()).unwrap();
    assert_eq!((one.rest().await, other.rest().await), (String::new(), String::new()));
    timeout(PATIENCE, server.task).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn whoever_is_there_when_a_server_is_dropped_is_closed() {
    let server = Server::start(Relay::default());
    let (one, other) = pair(&server).await;
    let waits = server.tcp(&line('b', '1')).await;
    let asks = server.tcp(b"please rel").await;
    server.tcp(&line('c', '1')).await; // after which all of them are known
    server.task.abort();
    assert!(timeout(PATIENCE, server.task).await.unwrap().unwrap_err().is_cancelled());
    for link in [one, other, waits, asks] {
        assert_eq!(link.rest().await, "");
    }
}

#[tokio::test]
async fn a_server_without_mailboxes_says_so() {
    let server = Server::start(Relay::default());
    let uri = format!("ws://{}/v1", server.web).parse().unwrap();
    assert!(ClientBuilder::from_uri(uri).connect().await.is_err());
}
