//! The client against the real server over loopback: transcribe, the general form, and leaving.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that meets the unexpected is to stop"
)]

use std::{
    future::pending,
    sync::{Arc, Mutex},
    time::Duration,
};

use support::{APP, Server, pair, soon};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    time::timeout,
};
use wormhole_sync::{
    DEFAULT_MAX_BITS, Error, ErrorKind, Fault, MAX_BLOB, Options, Status, Trouble, Wormhole,
    transcribe::{Initiator, Receiver},
    transfer::{self, Offered, Outgoing, Routes, send},
};
use wormhole_sync_server::{Notices, Permission};

mod support;

/// Exchanges two blobs, and returns what the initiator and the receiver got.
async fn transcribe(
    options: Options,
    one: &[u8],
    other: &[u8],
) -> Result<(Vec<u8>, Vec<u8>), Error> {
    let started = Initiator::new(APP, one).options(options.clone()).start().await?;
    let receiver = Receiver::new(APP, started.code().as_str(), other).options(options);
    tokio::try_join!(started.finish(), receiver.finish())
}

// ---- transcribe ----

#[tokio::test]
async fn a_blob_each_way() {
    let server = Server::start().await;
    let (theirs, ours) = soon(transcribe(server.options(), b"one", b"other")).await.unwrap();
    assert_eq!((&*theirs, &*ours), (&b"other"[..], &b"one"[..]));
    assert_eq!(server.stop_and_count_mailboxes().await, 0);
}

#[tokio::test]
async fn an_empty_blob_is_a_blob_and_the_largest_one_too() {
    let server = Server::start().await;
    let largest = vec![0xa5; MAX_BLOB];
    let (theirs, ours) = soon(transcribe(server.options(), b"", &largest)).await.unwrap();
    assert_eq!((theirs, ours), (largest, vec![]));
}

#[tokio::test]
async fn a_blob_over_the_limit_is_refused_before_anything_is_sent() {
    let blob = vec![0; MAX_BLOB + 1];
    let nowhere = "ws://127.0.0.1:9/v1";
    let error = Initiator::new(APP, blob.clone()).rendezvous(nowhere).start().await.err().unwrap();
    assert_eq!((error.kind(), error.fault()), (ErrorKind::TooLong, Fault::Caller));
    assert!(error.to_string().contains("262145 bytes and 262144 are the most"), "{error}");
    let error = Receiver::new(APP, "4-a-b", blob).rendezvous(nowhere).finish().await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::TooLong);
}

#[tokio::test]
async fn the_roles_can_be_turned_around() {
    let server = Server::start().await;
    let started =
        soon(Receiver::allocating(APP, b"two").rendezvous(server.url()).start()).await.unwrap();
    let initiator =
        Initiator::typing(APP, started.code().as_str(), b"one").rendezvous(server.url());
    let (ones, twos) =
        soon(async { tokio::try_join!(started.finish(), initiator.finish()) }).await.unwrap();
    assert_eq!((&*ones, &*twos), (&b"one"[..], &b"two"[..]));
}

#[tokio::test]
async fn a_code_of_ones_own_choosing_and_more_words() {
    let server = Server::start().await;
    let chosen = Initiator::new(APP, b"").rendezvous(server.url()).code("77-été-x").start();
    assert_eq!(soon(chosen).await.unwrap().code().as_str(), "77-été-x");
    let longer = Initiator::new(APP, b"").rendezvous(server.url()).words(5).start();
    assert_eq!(soon(longer).await.unwrap().code().as_str().split('-').count(), 6);
}

#[tokio::test]
async fn what_is_no_code_is_refused_before_anything_is_sent() {
    for typed in ["purple", "4 purple", ""] {
        let receiver = Receiver::new(APP, typed, b"").rendezvous("ws://127.0.0.1:9/v1");
        assert_eq!(receiver.finish().await.err().unwrap().kind(), ErrorKind::BadCode);
        let initiator = Initiator::new(APP, b"").rendezvous("ws://127.0.0.1:9/v1").code(typed);
        assert_eq!(initiator.start().await.err().unwrap().kind(), ErrorKind::BadCode);
    }
}

#[tokio::test]
async fn a_wrong_code_is_its_own_error_on_both_sides_and_burns_the_nameplate() {
    let server = Server::start().await;
    let started =
        soon(Initiator::new(APP, b"one").options(server.options()).start()).await.unwrap();
    let wrong = format!("{}x", started.code().as_str());
    let receiver = Receiver::new(APP, &wrong, b"other").options(server.options());
    let (one, other) = soon(async { tokio::join!(started.finish(), receiver.finish()) }).await;
    for error in [one.unwrap_err(), other.unwrap_err()] {
        assert_eq!((error.kind(), error.fault()), (ErrorKind::WrongCode, Fault::Code));
        assert!(!error.to_string().contains(&wrong) && !format!("{error:?}").contains(&wrong));
    }
    assert_eq!(server.stop_and_count_mailboxes().await, 0);
}

#[tokio::test]
async fn applications_do_not_see_each_other() {
    let server = Server::start().await;
    let started = soon(Initiator::new("example.com/one", b"1").options(server.options()).start())
        .await
        .unwrap();
    let stranger = Receiver::new("example.com/two", started.code().as_str(), b"2")
        .options(server.options().time_limit(Duration::from_millis(300)));
    let error = soon(stranger.finish()).await.err().unwrap();
    assert_eq!((error.kind(), error.fault()), (ErrorKind::TimedOut, Fault::Peer));
    let receiver =
        Receiver::new("example.com/one", started.code().as_str(), b"3").options(server.options());
    let (theirs, _) =
        soon(async { tokio::try_join!(started.finish(), receiver.finish()) }).await.unwrap();
    assert_eq!(theirs, b"3");
}

#[tokio::test]
async fn application_ids_have_limits() {
    for app_id in ["", &"a".repeat(257)] {
        let error = Wormhole::connect(app_id, Options::new().rendezvous("ws://127.0.0.1:9/v1"))
            .await
            .err()
            .unwrap();
        assert_eq!(error.kind(), ErrorKind::BadAppId);
    }
}

// ---- verifier, time limit ----

#[tokio::test]
async fn the_verifier_is_shown_to_both_and_can_be_refused() {
    let server = Server::start().await;
    let seen = Arc::<Mutex<Vec<_>>>::default();
    let watch = |answer: bool| {
        let seen = Arc::clone(&seen);
        move |verifier| {
            seen.lock().unwrap().push(verifier);
            async move { answer }
        }
    };
    let started =
        soon(Initiator::new(APP, b"1").options(server.options()).verify(watch(true)).start())
            .await
            .unwrap();
    let receiver = Receiver::new(APP, started.code().as_str(), b"2")
        .options(server.options())
        .verify(watch(false));
    let (one, other) = soon(async { tokio::join!(started.finish(), receiver.finish()) }).await;
    assert_eq!(other.unwrap_err().kind(), ErrorKind::VerifierRefused);
    assert_eq!(one.unwrap_err().kind(), ErrorKind::Rejected, "told, and without the blob");
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 2);
    assert_eq!(seen.first(), seen.last());
}

#[tokio::test]
async fn a_time_limit_ends_a_wait_and_lets_go() {
    let server = Server::start().await;
    let options = server.options().time_limit(Duration::from_millis(200));
    let started = soon(Initiator::new(APP, b"1").options(options).start()).await.unwrap();
    let error = soon(started.finish()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert!(error.to_string().contains("0.2 seconds"), "{error}");
    assert_eq!(server.stop_and_count_mailboxes().await, 0);
}

// ---- the general form ----

#[tokio::test]
async fn many_messages_in_order_keys_versions_and_the_verifier() {
    let server = Server::start().await;
    let versions = serde_json::json!({"chat": [1, 2]}).as_object().cloned().unwrap();
    let (mut one, mut other) = soon(pair(&server.options().app_versions(versions.clone()))).await;
    assert_eq!(one.verifier(), other.verifier());
    assert_eq!((one.peer_versions(), other.peer_versions()), (&versions, &versions));
    for number in 0..100_u32 {
        one.send(&number.to_be_bytes()).await.unwrap();
    }
    for number in 0..100_u32 {
        assert_eq!(soon(other.receive()).await.unwrap(), number.to_be_bytes());
    }
    let key = one.derive_key("example.com/purpose", 40).await.unwrap();
    assert_eq!(key, other.derive_key("example.com/purpose", 40).await.unwrap());
    assert_ne!(key, other.derive_key("example.com/other", 40).await.unwrap());
    for (purpose, length) in [("wormhole:verifier", 32), ("x", 0), ("x", 8161)] {
        let error = one.derive_key(purpose, length).await.unwrap_err();
        assert_eq!((error.kind(), error.fault()), (ErrorKind::BadPurpose, Fault::Caller));
    }
    assert_eq!(one.send(&vec![0; MAX_BLOB + 1]).await.unwrap_err().kind(), ErrorKind::TooLong);
    let (closed, other_closed) = soon(async { tokio::join!(one.close(), other.close()) }).await;
    closed.unwrap();
    other_closed.unwrap();
    assert_eq!(server.stop_and_count_mailboxes().await, 0);
}

#[tokio::test]
async fn the_welcome_and_the_nameplates_are_told() {
    let notices = Notices { motd: Some("hello\u{1b}[31m".into()), ..Notices::default() };
    let server = Server::with(|config| config.notices = notices).await;
    let waiting = soon(Initiator::new(APP, b"").options(server.options()).start()).await.unwrap();
    let mut connected = soon(Wormhole::connect(APP, server.options())).await.unwrap();
    assert_eq!(
        connected.welcome(),
        Some("hello\u{1b}[31m"),
        "exact: cleaning is the terminal's business"
    );
    let number = waiting.code().nameplate().as_str().to_owned();
    assert_eq!(soon(connected.nameplates()).await.unwrap(), [number]);
    soon(connected.close()).await.unwrap();
}

#[tokio::test]
async fn the_status_tells_the_story() {
    let server = Server::start().await;
    let (options, mut stream) = server.options().status_stream();
    let (mut one, other) = soon(pair(&options)).await;
    one.send(b"x").await.unwrap();
    soon(one.close()).await.unwrap();
    soon(other.close()).await.unwrap();
    drop(options);
    let mut story = Vec::new();
    while let Some(status) = soon(stream.next()).await {
        assert!(!format!("{status:?}").contains('-'), "no code in {status:?}");
        story.push(format!("{status:?}").split(['(', ' ']).next().unwrap().to_owned());
    }
    for kind in [
        "Connecting",
        "Connected",
        "Welcome",
        "Code",
        "WaitingForPeer",
        "KeyAgreed",
        "KeyConfirmed",
        "Closed",
    ] {
        assert_eq!(story.iter().filter(|told| *told == kind).count(), 2, "{kind} in {story:?}");
    }
}

#[tokio::test]
async fn a_text_arrives_as_it_was() {
    let server = Server::start().await;
    let (one, other) = soon(pair(&server.options())).await;
    let text = "grüße\n\u{1b}]52;c;x\u{7}";
    let sent = async { send(one, Outgoing::text(text), &Routes::new()).await?.finish().await };
    let received = async {
        let Offered::Text(offered) = transfer::receive(other).await? else { panic!("a text") };
        let got = offered.text().to_owned();
        offered.acknowledge().await.map(|()| got)
    };
    let (sent, got) = soon(Box::pin(async { tokio::join!(sent, received) })).await;
    sent.unwrap();
    assert_eq!(got.unwrap(), text);
}

#[tokio::test]
async fn a_text_that_is_refused_is_known_to_be() {
    let server = Server::start().await;
    let (one, other) = soon(pair(&server.options())).await;
    let sent =
        async { send(one, Outgoing::text("unwanted"), &Routes::new()).await?.finish().await };
    let (sent, _) = soon(async { tokio::join!(sent, transfer::refuse(other, "not today")) }).await;
    let error = sent.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert!(error.to_string().contains("not today"), "{error}");
}

#[tokio::test]
async fn a_file_is_refused_in_a_way_that_its_sender_understands() {
    let server = Server::start().await;
    let (mut one, other) = soon(pair(&server.options())).await;
    one.send(br#"{"transit":{"abilities-v1":[],"hints-v1":[]}}"#).await.unwrap();
    one.send(br#"{"offer":{"file":{"filename":"x","filesize":1}}}"#).await.unwrap();
    let Offered::Files(files) = soon(transfer::receive(other)).await.unwrap() else {
        panic!("a file is offered");
    };
    soon(files.reject("transfer rejected")).await.unwrap();
    assert_eq!(soon(one.receive()).await.unwrap(), br#"{"error":"transfer rejected"}"#);
}

#[tokio::test]
async fn a_peer_that_speaks_another_application_is_named() {
    let server = Server::start().await;
    let (mut one, other) = soon(pair(&server.options())).await;
    one.send(b"\xff\xfe").await.unwrap();
    let error = soon(transfer::receive(other)).await.unwrap_err();
    assert_eq!((error.kind(), error.fault()), (ErrorKind::Peer, Fault::Peer));
}

// ---- the server's ways ----

#[tokio::test]
async fn a_server_that_cannot_be_reached_is_named() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let url = format!("ws://{free}/v1");
    let error = Wormhole::connect(APP, Options::new().rendezvous(&url)).await.err().unwrap();
    assert_eq!((error.kind(), error.fault()), (ErrorKind::Unreachable, Fault::Network));
    assert!(error.to_string().contains(&url), "{error}");
}

#[tokio::test]
async fn a_url_that_is_none_is_named() {
    let error =
        Wormhole::connect(APP, Options::new().rendezvous("relay.example.com")).await.err().unwrap();
    assert_eq!((error.kind(), error.fault()), (ErrorKind::BadUrl, Fault::Caller));
}

#[tokio::test]
async fn a_login_in_a_url_is_shown_nowhere_and_does_no_harm() {
    let server = Server::start().await;
    let told = Arc::<Mutex<Vec<String>>>::default();
    let connect = async |url: String| {
        let tell = Arc::clone(&told);
        let options = Options::new().rendezvous(url).on_status(move |status| {
            tell.lock().unwrap().push(format!("{status:?}"));
        });
        told.lock().unwrap().push(format!("{options:?}"));
        soon(Wormhole::connect(APP, options)).await
    };
    let with_login = server.url().replace("ws://", "ws://annabel:secret@");
    connect(with_login.clone()).await.unwrap();
    assert!(told.lock().unwrap().concat().contains(&server.url()), "{told:?}");
    let (nowhere, shown) = ("ws://annabel:secret@127.0.0.1:1/v1", "ws://127.0.0.1:1/v1");
    let no_path = (with_login.replace("/v1", ""), server.url().replace("/v1", ""));
    let silent = with_login.replace("ws://", "wss://");
    for (url, shown) in [
        (nowhere.to_owned(), shown.to_owned()),
        no_path,
        (silent, server.url().replace("ws://", "wss://")),
        ("http://annabel:secret@example.com/v1".to_owned(), "http://example.com/v1".to_owned()),
        ("ws://annabel:secret@example.com:x/v1".to_owned(), "ws://example.com:x/v1".to_owned()),
    ] {
        let error = connect(url).await.err().unwrap();
        assert!(error.to_string().contains(&shown), "{error}");
        told.lock().unwrap().push(format!("{error} {error:?} {:?}", error.reason()));
    }
    let told = told.lock().unwrap().concat();
    assert!(!told.contains("secret") && !told.contains("annabel"), "{told}");
}

#[tokio::test]
async fn a_url_without_its_path_is_told_at_once_with_what_is_missing() {
    let server = Server::start().await;
    let url = server.url().replace("/v1", "");
    let error = soon(Wormhole::connect(APP, Options::new().rendezvous(&url))).await.err().unwrap();
    assert_eq!((error.kind(), error.trouble()), (ErrorKind::Server, Some(Trouble::Http(404))));
    let text = error.to_string();
    assert!(text.contains(&url) && text.ends_with("whose path is /v1 as a rule"), "{text}");
    // Others show a page of theirs to whoever comes.
    let text = refused_by(&[b"HTTP/1.1 200 OK\r\n\r\nWormhole Relay"]).await.to_string();
    assert!(text.contains("gives no answer that can be used: HTTP 200 OK"), "{text}");
    assert!(text.ends_with("whose path is /v1 as a rule"), "{text}");
}

/// Why one cannot connect to who answers the first bytes with these, one after the other, and keeps the connection.
async fn refused_by(pieces: &'static [&'static [u8]]) -> Error {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/v1", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        socket.set_nodelay(true).unwrap();
        socket.read_buf(&mut Vec::new()).await.unwrap();
        for piece in pieces {
            socket.write_all(piece).await.unwrap();
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        pending::<()>().await;
    });
    soon(Wormhole::connect(APP, Options::new().rendezvous(url))).await.err().unwrap()
}

#[tokio::test]
async fn a_server_that_is_no_mailbox_server_was_reached_and_is_told() {
    let error = refused_by(&[b"HTTP/1.1 404 Not Found\r\n\r\n"]).await;
    assert_eq!((error.kind(), error.fault()), (ErrorKind::Server, Fault::Server));
    assert_eq!(error.trouble(), Some(Trouble::Http(404)));
    assert!(error.to_string().contains("404") && error.to_string().contains("/v1"), "{error}");
    let error = refused_by(&[b"SSH-2.0-Example\r\n"]).await;
    assert_eq!((error.kind(), error.trouble()), (ErrorKind::Server, Some(Trouble::NoWebSocket)));
}

#[tokio::test]
async fn a_server_that_hangs_up_was_reached_and_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { while listener.accept().await.is_ok() {} });
    for scheme in ["ws", "wss"] {
        let options = Options::new().rendezvous(format!("{scheme}://{address}/v1"));
        let error = soon(Wormhole::connect(APP, options)).await.err().unwrap();
        assert_eq!((error.kind(), error.trouble()), (ErrorKind::Server, Some(Trouble::Silent)));
    }
}

#[tokio::test]
async fn why_a_server_refuses_is_passed_on_however_its_answer_is_cut() {
    const HEAD: &[u8] =
        b"HTTP/1.1 429 Too Many Requests\r\nContent-Type: text/plain; charset=utf-8\r\n";
    const WHY: &str = "HTTP 429 Too Many Requests: too many, of you";
    let whole: &[&[u8]] = &[HEAD, b"Content-Length: 16\r\n\r\ntoo many, of you"];
    let beside: &[&[u8]] = &[HEAD, b"Content-Length: 17\r\n\r\n", b"too ", b"many, of you\n"];
    let endless: &[&[u8]] = &[HEAD, b"\r\n\r\n", b"too many, of you\n", b"and more"];
    let cut: &[&[u8]] = &[HEAD, b"Content-Length: 99999999999\r\n\r\ntoo many, of you"];
    for pieces in [whole, beside, endless, cut] {
        let error = refused_by(pieces).await;
        assert_eq!((error.reason(), error.kind()), (Some(WHY), ErrorKind::Server));
        assert!(error.to_string().ends_with("; try again later"), "{error}");
    }
}

#[tokio::test]
async fn a_page_for_browsers_is_not_passed_on_and_a_long_line_is_cut() {
    const PAGE: &[u8] = b"HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\n\r\n<html>\n";
    const LINE: &[u8] = &[b'x'; 100_000];
    const HEAD: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\n\r\n";
    assert_eq!(refused_by(&[PAGE]).await.reason(), Some("HTTP 502 Bad Gateway"));
    let error = refused_by(&[HEAD, LINE]).await;
    assert!((200..300).contains(&error.reason().unwrap().len()), "{error}");
}

#[tokio::test]
async fn an_unwelcome_client_is_told_why() {
    let notices = Notices { error: Some("closed for today".into()), ..Notices::default() };
    let server = Server::with(|config| config.notices = notices).await;
    let error =
        soon(Initiator::new(APP, b"").options(server.options()).start()).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Server);
    assert!(error.to_string().contains("closed for today"), "{error}");
}

#[tokio::test]
async fn hashcash_is_worked_for_up_to_the_callers_cap() {
    let permission = Permission::Hashcash { bits: 12, resource: "test".into() };
    let server = Server::with(|config| config.permission = permission).await;
    let (theirs, _) = soon(transcribe(server.options(), b"1", b"2")).await.unwrap();
    assert_eq!(theirs, b"2");
    let worked = Arc::<Mutex<Vec<u32>>>::default();
    let told = Arc::clone(&worked);
    let options = server.options().on_status(move |status| {
        if let Status::Working { bits, .. } = status {
            told.lock().unwrap().push(*bits);
        }
    });
    soon(Initiator::new(APP, b"").options(options.clone()).start()).await.unwrap();
    assert_eq!(*worked.lock().unwrap(), [12]);
    let error = soon(Initiator::new(APP, b"").options(options.max_hashcash_bits(11)).start())
        .await
        .err()
        .unwrap();
    assert_eq!(error.kind(), ErrorKind::Server);
    assert!(error.to_string().contains("12 bits"), "{error}");
}

#[tokio::test]
async fn a_server_under_load_is_worked_for_and_one_without_is_not() {
    const { assert!(DEFAULT_MAX_BITS >= Permission::MAX_BITS, "clients do what servers may ask for") };
    let resource = "test".to_owned();
    let permission = Permission::UnderLoad { level: 1, bits: 9, max_bits: 12, resource };
    let server = Server::with(|config| config.permission = permission).await;
    let worked = Arc::<Mutex<Vec<u32>>>::default();
    let told = Arc::clone(&worked);
    let options = server.options().on_status(move |status| {
        if let Status::Working { bits, .. } = status {
            told.lock().unwrap().push(*bits);
        }
    });
    let (theirs, _) = soon(transcribe(options.clone(), b"1", b"2")).await.unwrap();
    assert_eq!(theirs, b"2");
    assert!(worked.lock().unwrap().is_empty(), "two clients are no load");
    for _ in 0..60 {
        soon(Initiator::new(APP, b"").options(server.options()).start()).await.unwrap();
    }
    let (theirs, _) = soon(transcribe(options.clone(), b"1", b"2")).await.unwrap();
    assert_eq!(theirs, b"2");
    let bits = worked.lock().unwrap().clone();
    assert!(bits.len() == 2 && bits.iter().all(|bits| (9..=12).contains(bits)), "{bits:?}");
    let unwilling = Initiator::new(APP, b"").options(options.max_hashcash_bits(8));
    let error = soon(unwilling.start()).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Server);
    assert!(error.to_string().contains("bits"), "{error}");
}

/// Without end, so that whoever waits for it on a thread that must not wait never comes back.
#[test]
fn hashcash_is_worked_for_off_the_async_threads() {
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let permission = Permission::Hashcash { bits: 100, resource: "test".into() };
            let server = Server::with(|config| config.permission = permission).await;
            let (working, mut works) = tokio::sync::mpsc::unbounded_channel();
            let options = server.options().max_hashcash_bits(100).on_status(move |status| {
                if matches!(status, Status::Working { .. }) {
                    working.send(()).unwrap();
                }
            });
            let starting = tokio::spawn(Initiator::new(APP, b"").options(options).start());
            works.recv().await.unwrap();
            for _ in 0..20 {
                tokio::time::sleep(Duration::from_millis(1)).await; // the runtime goes on
            }
            starting.abort();
        });
        drop(runtime); // which waits for the search to be called off
        tell.send(()).unwrap();
    });
    told.recv_timeout(support::SOON).unwrap();
}

#[tokio::test]
async fn a_server_that_restarts_is_not_noticed() {
    let mut server = Server::start().await;
    let started = soon(Initiator::new(APP, b"1").options(server.options()).start()).await.unwrap();
    server.stop().await;
    server.run().await;
    let code = started.code().clone();
    let finished = tokio::spawn(started.finish());
    let receiver = Receiver::new(APP, code.as_str(), b"2").options(server.options());
    assert_eq!(soon(receiver.finish()).await.unwrap(), b"1");
    assert_eq!(soon(finished).await.unwrap().unwrap(), b"2");
}

#[tokio::test]
async fn an_open_wormhole_survives_restarts_between_messages() {
    let mut server = Server::start().await;
    let (mut one, mut other) = soon(pair(&server.options())).await;
    for number in 0..3_u8 {
        one.send(&[number]).await.unwrap();
        assert_eq!(soon(other.receive()).await.unwrap(), [number]);
        server.stop().await;
        one.send(&[number + 100]).await.unwrap();
        server.run().await;
        assert_eq!(soon(other.receive()).await.unwrap(), [number + 100]);
    }
    let (closed, other_closed) = soon(async { tokio::join!(one.close(), other.close()) }).await;
    closed.unwrap();
    other_closed.unwrap();
    assert_eq!(server.stop_and_count_mailboxes().await, 0);
}

#[tokio::test]
async fn cancelling_a_receive_loses_nothing() {
    let server = Server::start().await;
    let (mut one, mut other) = soon(pair(&server.options())).await;
    assert!(timeout(Duration::from_millis(20), other.receive()).await.is_err());
    one.send(b"late").await.unwrap();
    assert_eq!(soon(other.receive()).await.unwrap(), b"late");
}

#[tokio::test]
async fn what_is_printed_for_a_debugger_holds_no_secret() {
    let server = Server::start().await;
    let started =
        soon(Initiator::new(APP, b"blob").options(server.options()).start()).await.unwrap();
    assert_eq!(format!("{started:?}"), "Started { .. }");
    let (one, _other) = soon(pair(&server.options())).await;
    assert_eq!(format!("{one:?}"), "Wormhole { .. }");
}
