//! The client against servers and links that lie, stall or vanish: every wait is bounded, and the
//! application learns what really happened.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that meets the unexpected is to stop"
)]

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::{SinkExt, StreamExt};
use support::{APP, SOON, Server};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    time::timeout,
};
use tokio_tungstenite::{WebSocketStream, accept_async, tungstenite::Message};
use wormhole_sync::{Code, DROP_LIMIT, ErrorKind, Fault, Options, Status, Wormhole};
use wormhole_sync_core::wire::limits::MAX_FRAME;

mod support;

const WELCOME: &str = r#"{"type":"welcome","welcome":{}}"#;

type Socket = WebSocketStream<TcpStream>;

/// A server that does the same with each connection; its options, and how often it was called.
async fn lying<F>(answer: impl Fn(Socket) -> F + Send + 'static) -> (Options, Arc<AtomicUsize>)
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/v1", listener.local_addr().unwrap());
    let calls = Arc::<AtomicUsize>::default();
    let count = Arc::clone(&calls);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::Relaxed);
            if let Ok(socket) = accept_async(stream).await {
                tokio::spawn(answer(socket));
            }
        }
    });
    (Options::new().rendezvous(url), calls)
}

/// Says these frames, and then nothing more, for as long as the client stays.
async fn say_and_stay(mut socket: Socket, frames: Vec<&'static str>) {
    for frame in frames {
        socket.send(Message::text(frame)).await.unwrap();
    }
    while let Some(Ok(_)) = socket.next().await {}
}

/// Reads until the client has said this, or is gone.
async fn heard(socket: &mut Socket, what: &str) {
    let says = |frame: Message| frame.to_text().is_ok_and(|text| text.contains(what));
    while let Some(Ok(frame)) = socket.next().await
        && !says(frame)
    {}
}

async fn within<T>(limit: Duration, future: impl Future<Output = T>) -> T {
    timeout(limit, future).await.unwrap_or_else(|_| panic!("not within {limit:?}"))
}

async fn kind_of_failure(options: Options) -> ErrorKind {
    let coded = async {
        let code = Code::parse("4-purple-sausages").unwrap_or_else(|error| panic!("{error}"));
        Wormhole::connect(APP, options).await?.set_code(code).await?.confirmed().await
    };
    within(DROP_LIMIT + SOON, coded).await.err().unwrap().kind()
}

#[tokio::test]
async fn a_failure_is_told_although_the_server_never_confirms_the_goodbye() {
    let nonsense = r#"{"type":"claimed"}"#;
    let (options, _) = lying(move |socket| say_and_stay(socket, vec![WELCOME, nonsense])).await;
    assert_eq!(kind_of_failure(options).await, ErrorKind::Server);
    let refusal = r#"{"type":"error","error":"no","orig":{"type":"claim"}}"#;
    let (options, _) = lying(move |socket| say_and_stay(socket, vec![WELCOME, refusal])).await;
    assert_eq!(kind_of_failure(options).await, ErrorKind::Server);
}

#[tokio::test]
async fn an_alarm_is_told_although_the_server_vanishes() {
    let (options, _) = lying(|mut socket| async move {
        let claimed = r#"{"type":"claimed","mailbox":"m"}"#;
        let guess = r#"{"type":"message","side":"x","phase":"pake","body":"7b7d"}"#;
        socket.send(Message::text(WELCOME)).await.unwrap();
        heard(&mut socket, r#""type":"claim""#).await;
        for frame in [claimed, guess] {
            socket.send(Message::text(frame)).await.unwrap();
        }
        // Gone earlier, it could take its own last words with it.
        heard(&mut socket, "scary").await;
    })
    .await;
    assert_eq!(kind_of_failure(options).await, ErrorKind::Peer);
}

#[tokio::test]
async fn a_message_beyond_the_limit_ends_the_exchange_instead_of_being_fetched_for_ever() {
    let long = format!(r#"{{"type":"welcome","x":"{}"}}"#, "x".repeat(1 << 20));
    let long: &'static str = long.leak();
    let (options, calls) = lying(move |socket| say_and_stay(socket, vec![long])).await;
    assert_eq!(kind_of_failure(options).await, ErrorKind::Server);
    assert_eq!(calls.load(Ordering::Relaxed), 1);
}

/// `head` and `tail` with so much between them that the frame has so many bytes.
fn frame_of(bytes: usize, head: &str, filling: &str, tail: &str) -> &'static str {
    let room = bytes - head.len() - tail.len();
    let filling = filling.repeat(room / filling.len());
    format!("{head}{filling}{tail}{:1$}", "", room - filling.len()).leak()
}

#[tokio::test]
async fn a_welcome_is_taken_up_to_the_size_of_a_frame() {
    let [head, tail] = [r#"{"type":"welcome","welcome":{"motd":""#, r#""}}"#];
    let most = frame_of(MAX_FRAME, head, "x", tail);
    let (options, _) = lying(move |socket| say_and_stay(socket, vec![most])).await;
    let connected = within(SOON, Wormhole::connect(APP, options)).await.unwrap();
    let told = connected.welcome().map(str::len);
    assert_eq!(told, Some(MAX_FRAME - head.len() - tail.len()));
}

/// A server whose list is a frame of so many bytes, whatever it was asked.
async fn listing(bytes: usize) -> Options {
    let head = r#"{"type":"nameplates","nameplates":[{"id":"7"}"#;
    let list = frame_of(bytes, head, r#",{"id":"4"}"#, "]}");
    let (options, _) = lying(move |socket| async move {
        let (mut say, mut hear) = socket.split();
        say.send(Message::text(WELCOME)).await.unwrap();
        while let Some(Ok(frame)) = hear.next().await {
            if frame.to_text().is_ok_and(|text| text.contains(r#""type":"list""#)) {
                let _ = say.send(Message::text(list)).await; // the client may be gone before its end
            }
        }
    })
    .await;
    options.time_limit(Duration::from_secs(20))
}

#[tokio::test]
async fn a_list_is_taken_up_to_the_size_of_a_frame() {
    let options = listing(MAX_FRAME).await;
    let mut connected = within(SOON, Wormhole::connect(APP, options)).await.unwrap();
    assert!(within(SOON, connected.nameplates()).await.unwrap().len() > 90_000);

    let options = listing(MAX_FRAME + 1).await;
    let mut connected = within(SOON, Wormhole::connect(APP, options)).await.unwrap();
    let error = within(SOON, connected.nameplates()).await.unwrap_err();
    assert_eq!((error.kind(), error.fault()), (ErrorKind::Server, Fault::Server));
}

#[tokio::test]
async fn a_server_that_talks_and_hangs_up_is_called_ever_more_rarely() {
    let (options, calls) = lying(|mut socket| async move {
        socket.send(Message::text(WELCOME)).await.unwrap();
    })
    .await;
    let options = options.time_limit(Duration::from_secs(6));
    let connected = within(SOON, Wormhole::connect(APP, options)).await.unwrap();
    let failed = within(SOON, connected.allocate()).await.err().unwrap();
    assert_eq!(failed.kind(), ErrorKind::TimedOut);
    // 1, 1.5 and 2.25 s of pause, and up to a second of jitter on each.
    let calls = calls.load(Ordering::Relaxed);
    assert!((2..=5).contains(&calls), "{calls} calls in six seconds and the goodbye");
}

#[tokio::test]
async fn a_server_that_puts_off_for_ever_is_named_when_the_time_is_up() {
    let no = r#"{"type":"error","error":"no room","temporary":true,"orig":{"type":"allocate"}}"#;
    let (options, calls) = lying(move |socket| say_and_stay(socket, vec![WELCOME, no])).await;
    let (options, mut statuses) = options.time_limit(Duration::from_secs(4)).status_stream();
    let connected = within(SOON, Wormhole::connect(APP, options)).await.unwrap();
    let failed = within(SOON, connected.allocate()).await.err().unwrap();
    assert_eq!((failed.kind(), failed.fault()), (ErrorKind::TimedOut, Fault::Server));
    assert!(failed.to_string().contains("no room"), "{failed}");
    assert!(calls.load(Ordering::Relaxed) >= 2, "it was asked again");
    let mut delays = 0;
    while let Some(status) = statuses.next().await {
        delays +=
            usize::from(matches!(status, Status::Delayed { reason, .. } if reason == "no room"));
    }
    assert!(delays >= 2);
}

#[tokio::test]
async fn welcomes_and_lists_that_nobody_asked_for_are_not_kept() {
    let list = r#"{"type":"nameplates","nameplates":[{"id":"4"}]}"#;
    let (options, _) = lying(move |socket| async move {
        let frames = std::iter::repeat_n([WELCOME, list], 500).flatten().collect();
        say_and_stay(socket, frames).await;
    })
    .await;
    let (options, mut stream) = options.time_limit(Duration::from_secs(1)).status_stream();
    let connected = within(SOON, Wormhole::connect(APP, options)).await.unwrap();
    assert!(within(SOON, connected.allocate()).await.is_err());
    let mut welcomes = 0;
    while let Some(status) = within(SOON, stream.next()).await {
        welcomes += usize::from(matches!(status, Status::Welcome { .. }));
    }
    assert_eq!(welcomes, 1);
}

#[tokio::test]
async fn a_server_that_breaks_at_a_list_is_not_asked_again() {
    let (options, calls) = lying(|mut socket| async move {
        socket.send(Message::text(WELCOME)).await.unwrap();
        while let Some(Ok(frame)) = socket.next().await {
            if frame.to_text().is_ok_and(|text| text.contains(r#""type":"list""#)) {
                return;
            }
        }
    })
    .await;
    let mut connected = within(SOON, Wormhole::connect(APP, options)).await.unwrap();
    assert!(within(SOON, connected.nameplates()).await.unwrap().is_empty());
    tokio::time::sleep(Duration::from_millis(2500)).await;
    assert_eq!(calls.load(Ordering::Relaxed), 2, "back once, and staying");
}

/// A link to a server that can be told to carry nothing any more.
async fn stallable(server: &Server) -> (Options, watch::Sender<bool>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/v1", listener.local_addr().unwrap());
    let (stall, stalled) = watch::channel(false);
    let target = server.address;
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let far = TcpStream::connect(target).await.unwrap();
            let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
            tokio::spawn(carry(near_in, far_out, stalled.clone()));
            tokio::spawn(carry(far_in, near_out, stalled.clone()));
        }
    });
    (Options::new().rendezvous(url), stall)
}

async fn carry(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    mut stalled: watch::Receiver<bool>,
) {
    let mut chunk = vec![0; 16 << 10];
    loop {
        stalled.wait_for(|stalled| !stalled).await.unwrap();
        match from.read(&mut chunk).await {
            Ok(0) | Err(_) => return,
            Ok(read) => to.write_all(chunk.get(..read).unwrap()).await.unwrap(),
        }
    }
}

#[tokio::test]
async fn a_link_that_stalls_while_much_is_sent_keeps_nobody_waiting_beyond_the_limits() {
    let server = Server::start().await;
    let (options, stall) = stallable(&server).await;
    let options = options.time_limit(Duration::from_secs(3));
    let coded = within(SOON, async { Wormhole::connect(APP, options).await?.allocate().await });
    let coded = coded.await.unwrap();
    let other = within(SOON, Wormhole::connect(APP, server.options())).await.unwrap();
    let other = within(SOON, other.set_code(coded.code().clone())).await.unwrap();
    let (mut one, _other) =
        within(SOON, async { tokio::try_join!(coded.confirmed(), other.confirmed()) })
            .await
            .unwrap();
    stall.send(true).unwrap();
    for _ in 0..60 {
        one.send(&vec![0; 256 << 10]).await.unwrap();
    }
    let error = within(DROP_LIMIT + Duration::from_secs(8), one.close()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
}

#[tokio::test]
async fn whoever_drops_an_open_wormhole_tells_the_other_side() {
    let server = Server::start().await;
    let coded = async { Wormhole::connect(APP, server.options()).await?.allocate().await };
    let coded = within(SOON, coded).await.unwrap();
    let other = within(SOON, Wormhole::connect(APP, server.options())).await.unwrap();
    let other = within(SOON, other.set_code(coded.code().clone())).await.unwrap();
    let (mut one, mut other) =
        within(SOON, async { tokio::try_join!(coded.confirmed(), other.confirmed()) })
            .await
            .unwrap();
    one.send(b"last words").await.unwrap();
    drop(one);
    assert_eq!(within(SOON, other.receive()).await.unwrap(), b"last words");
    assert_eq!(within(SOON, other.receive()).await.unwrap_err().kind(), ErrorKind::Rejected);
}
