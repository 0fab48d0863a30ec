//! The client by way of proxies on loopback, each of which knows names that no resolver does.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that meets the unexpected is to stop"
)]

use std::{io, time::Duration};

use serde_json::{Value, json};
use support::{APP, Server, pair, soon};
use wormhole_sync::{
    Error, ErrorKind, Fault, Options, Proxy, Wormhole,
    transfer::{self, Discard, Event, FarEnd, Offered, Outgoing, Route, Routes, Transfer},
};
use wormhole_sync_testkit::proxy::{Asked, Manner, Proxy as Toy};

mod support;

/// A name for the server that nobody but a toy proxy knows.
const NAME: &str = "relay.invalid:4000";

fn toy(manner: Manner, server: &Server) -> Toy {
    Toy::start(manner, &[(NAME, server.address)]).unwrap()
}

/// Options for the server by its name, by way of a proxy.
fn by(proxy: Proxy) -> Options {
    Options::new().rendezvous(format!("ws://{NAME}/v1")).proxy(proxy)
}

fn socks(toy: &Toy) -> Proxy {
    Proxy::parse(&format!("socks5://{}", toy.address())).unwrap()
}

fn http(toy: &Toy) -> Proxy {
    Proxy::parse(&format!("http://{}", toy.address())).unwrap()
}

fn tor(toy: &Toy) -> Proxy {
    socks(toy).into_tor().unwrap()
}

async fn refused(options: Options) -> Error {
    soon(Wormhole::connect(APP, options)).await.err().unwrap()
}

// ---- the mailbox server ----

#[tokio::test]
async fn a_server_by_each_kind_of_proxy_and_its_name_is_the_proxys_to_find() {
    let server = Server::start().await;
    for manner in [Manner::Socks, Manner::Http] {
        let toy = toy(manner, &server);
        let proxy = if manner == Manner::Socks { socks(&toy) } else { http(&toy) };
        let (mut one, mut other) = soon(pair(&by(proxy))).await;
        one.send(b"hello").await.unwrap();
        assert_eq!(soon(other.receive()).await.unwrap(), b"hello");
        let asked = Asked { target: NAME.to_owned(), login: String::new() };
        assert_eq!(toy.asked(), [asked.clone(), asked], "{manner:?}");
    }
}

#[tokio::test]
async fn who_may_use_a_proxy_says_so() {
    let server = Server::start().await;
    let closed = toy(Manner::HttpFor("Basic YW5uIGxlZTphOmI="), &server); // base64 of ann lee:a:b
    let error = refused(by(http(&closed))).await;
    assert_eq!((error.kind(), error.fault()), (ErrorKind::Unreachable, Fault::Network));
    assert!(error.to_string().contains("wants a user's name and password"), "{error}");
    let url = format!("http://ann%20lee:a%3Ab@{}", closed.address());
    drop(soon(pair(&by(Proxy::parse(&url).unwrap()))).await);

    let open = toy(Manner::Socks, &server);
    let url = format!("socks5h://ann:b@{}", open.address());
    drop(soon(pair(&by(Proxy::parse(&url).unwrap()))).await);
    assert!(open.asked().iter().all(|asked| asked.login == "ann:b"));
}

#[tokio::test]
async fn a_proxy_that_does_not_help_is_named_and_its_login_is_not() {
    /// Longer than any proxy's answer.
    static ENDLESS: [u8; 9000] = [b'x'; 9000];
    let server = Server::start().await;
    let says = |bytes| toy(Manner::Says(bytes), &server);
    let (refuses, nonsense, endless) =
        (toy(Manner::Refuses, &server), says(b"SSH-2.0-x\r\n\r\n"), says(&ENDLESS));
    let nobody = Toy::start(Manner::Http, &[]).unwrap();
    for (proxy, reason) in [
        (socks(&refuses), "not allowed"),
        (socks(&nonsense), "Invalid response version"),
        (http(&nonsense), "no HTTP proxy"),
        (http(&endless), "too long"),
        (http(&nobody), "status 502"),
        (socks(&Toy::start(Manner::Socks, &[]).unwrap()), "Host unreachable"),
        (Proxy::parse("socks5://ann:secret@127.0.0.1:1").unwrap(), "does not answer"),
        (Proxy::parse("socks5://127.0.0.1:1").unwrap().into_tor().unwrap(), "Tor at 127.0.0.1:1"),
    ] {
        let error = refused(by(proxy.clone())).await;
        assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
        let text = error.to_string();
        assert!(text.contains(reason) && text.contains(&proxy.to_string()), "{text}");
        assert!(!text.contains("secret") && !format!("{proxy:?}").contains("secret"), "{text}");
    }
}

#[tokio::test]
async fn a_proxy_that_is_silent_costs_no_more_than_the_time_limit() {
    let server = Server::start().await;
    for of_kind in [socks, http, tor] {
        let proxy = of_kind(&toy(Manner::Silent, &server));
        let options = by(proxy).time_limit(Duration::from_millis(300));
        assert_eq!(refused(options).await.kind(), ErrorKind::TimedOut);
    }
}

#[tokio::test]
async fn loopback_and_what_is_named_need_no_proxy_unless_it_is_tor() {
    let server = Server::start().await;
    let nobody = Proxy::parse("socks5://127.0.0.1:1").unwrap();
    drop(soon(pair(&server.options().proxy(nobody.clone()))).await);
    let error = refused(server.options().proxy(nobody.clone().into_tor().unwrap())).await;
    assert_eq!(error.kind(), ErrorKind::Unreachable);

    // Without the proxy this name is looked for, and not found.
    let error = refused(by(nobody.clone().except("invalid"))).await;
    assert!(!error.to_string().contains("does not answer"), "{error}");
    let error = refused(by(nobody.into_tor().unwrap().except("*"))).await;
    assert!(error.to_string().contains("does not answer"), "{error}");
}

// ---- transfers ----

fn here() -> Routes {
    Routes::new().listen_at("127.0.0.1:0".parse().unwrap())
}

/// Both sides of a transfer of a few bytes, each with options of its own.
async fn transfer(sender: Options, receiver: Options) -> (Transfer, Transfer) {
    let (one, other) = soon(between(sender, receiver)).await;
    let outgoing = Outgoing::bytes("few", 3, io::Cursor::new("few"));
    let sending = soon(transfer::send(one, outgoing, &here())).await.unwrap();
    let Offered::Files(files) = soon(transfer::receive(other)).await.unwrap() else {
        panic!("a file")
    };
    (sending, soon(files.accept(Box::new(Discard), &here())).await.unwrap())
}

async fn between(one: Options, other: Options) -> (Wormhole, Wormhole) {
    let coded = Wormhole::connect(APP, one).await.unwrap().allocate().await.unwrap();
    let other = Wormhole::connect(APP, other).await.unwrap();
    let other = other.set_code(coded.code().clone()).await.unwrap();
    tokio::try_join!(coded.confirmed(), other.confirmed()).unwrap()
}

async fn route(transfer: &mut Transfer) -> Route {
    loop {
        match soon(transfer.next()).await {
            Some(Event::Connected { route }) => return route,
            Some(_) => {}
            None => panic!("no way was found"),
        }
    }
}

#[tokio::test]
async fn the_side_behind_tor_reaches_the_other_through_it() {
    let server = Server::start().await;
    for tor_sends in [true, false] {
        let toy = toy(Manner::Socks, &server);
        let (behind, open) = (by(tor(&toy)), server.options());
        let (sender, receiver) = if tor_sends { (behind, open) } else { (open, behind) };
        let (mut sending, mut receiving) = transfer(sender, receiver).await;
        let hidden = if tor_sends { &mut sending } else { &mut receiving };
        let Route::Direct(FarEnd::Beyond { proxy, host }) = route(hidden).await else {
            panic!("not by way of Tor")
        };
        assert_eq!((proxy, &*host), (format!("Tor at {}", toy.address()), "127.0.0.1"));
        let (sent, received) =
            soon(async { tokio::join!(sending.finish(), receiving.finish()) }).await;
        assert!(sent.is_ok() && received.is_ok(), "{sent:?} {received:?}");
        let [mailbox, .., peer] = &*toy.asked() else { panic!("asked for too little") };
        assert!(mailbox.target == NAME && peer.target.starts_with("127.0.0.1:"));
        assert_eq!(mailbox.login, peer.login, "one wormhole is one circuit's");
        assert!(mailbox.login.len() > ":wormhole".len());
    }
}

#[tokio::test]
async fn two_wormholes_share_no_circuit() {
    let server = Server::start().await;
    let toy = toy(Manner::Socks, &server);
    drop(soon(pair(&by(tor(&toy)))).await);
    let [one, other] = &*toy.asked() else { panic!("asked twice") };
    assert_ne!(one.login, other.login);
}

#[tokio::test]
async fn two_sides_behind_tor_without_a_relay_cannot_meet_and_learn_it() {
    let server = Server::start().await;
    let toy = toy(Manner::Socks, &server);
    let (sending, receiving) = transfer(by(tor(&toy)), by(tor(&toy))).await;
    let (sent, received) = soon(async { tokio::join!(sending.finish(), receiving.finish()) }).await;
    for error in [sent.unwrap_err(), received.unwrap_err()] {
        assert!(matches!(error.kind(), ErrorKind::Unconnected | ErrorKind::Rejected), "{error}");
    }
}

/// A side that speaks the messages of a transfer by hand, and a receiver of files opposite.
async fn offer_by_hand(hint: Value, receiver: Options, server: &Server) -> (Wormhole, Transfer) {
    let (mut hand, other) = soon(between(server.options(), receiver)).await;
    let transit = json!({"transit": {
        "abilities-v1": [{"type": "direct-tcp-v1"}, {"type": "relay-v1"}], "hints-v1": [hint]
    }});
    hand.send(transit.to_string().as_bytes()).await.unwrap();
    let offer = json!({"offer": {"file": {"filename": "few", "filesize": 3}}});
    hand.send(offer.to_string().as_bytes()).await.unwrap();
    let Offered::Files(files) = soon(transfer::receive(other)).await.unwrap() else {
        panic!("a file")
    };
    (hand, soon(files.accept(Box::new(Discard), &here())).await.unwrap())
}

#[tokio::test]
async fn who_is_behind_tor_tells_no_address_whatever_the_routes_say() {
    let server = Server::start().await;
    let toy = toy(Manner::Socks, &server);
    let nobody =
        json!({"type": "direct-tcp-v1", "hostname": "192.0.2.1", "port": 1, "priority": 0.0});
    for (receiver, tells) in [(by(tor(&toy)), false), (server.options(), true)] {
        let (mut hand, _receiving) = offer_by_hand(nobody.clone(), receiver, &server).await;
        let said = loop {
            let said = String::from_utf8(soon(hand.receive()).await.unwrap()).unwrap();
            if said.contains("hints-v1") {
                break said;
            }
        };
        assert_eq!(said.contains("hostname"), tells, "{said}");
    }
    // What it was told is tried by way of Tor alone.
    assert!(toy.asked().iter().any(|asked| asked.target == "192.0.2.1:1"));
}

#[tokio::test]
async fn an_onions_address_is_for_tor_alone() {
    let server = Server::start().await;
    let onion = json!({"type": "tor-tcp-v1", "hostname": "x.onion", "port": 80, "priority": 0.0});
    let toy = toy(Manner::Socks, &server);
    for (proxy, asks) in [(tor(&toy), true), (socks(&toy), false)] {
        let before = toy.asked().len();
        let (_hand, receiving) = offer_by_hand(onion.clone(), by(proxy), &server).await;
        let asked = async {
            while !toy.asked().split_off(before).iter().any(|asked| asked.target == "x.onion:80") {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let limit = if asks { support::SOON } else { Duration::from_millis(500) };
        assert_eq!(tokio::time::timeout(limit, asked).await.is_ok(), asks);
        receiving.cancel("enough");
        drop(soon(receiving.finish()).await);
    }
}
