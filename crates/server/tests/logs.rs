//! What the server logs, down to the finest: no address while records are blurred, and never what
//! clients say to one another.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::{
    fmt::{Debug, Write},
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use serde_json::json;
use support::{Client, PATIENCE, Server, behind_a_proxy};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};
use wormhole_sync_server::{Clients, Config, Doors, Limits, Mailbox, Relay, Usage, listen};

/// Takes down every word.
#[derive(Clone, Default)]
struct Ear(Arc<Mutex<String>>);

struct Line<'a>(&'a mut String);

impl Visit for Line<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, "{field}={value:?} ").unwrap();
    }
}

impl Subscriber for Ear {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("wormhole_sync_server")
    }

    fn event(&self, event: &Event<'_>) {
        let mut heard = self.0.lock().unwrap();
        event.record(&mut Line(&mut heard));
        heard.push('\n');
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// Where clients come from.
const ADDRESSES: [&str; 2] = ["203.0.113.77", "2001:db8:77::7"];

/// What is logged while this is done.
async fn ear(done: impl AsyncFnOnce()) -> String {
    let ear = Ear::default();
    let guard = tracing::subscriber::set_default(ear.clone());
    done().await;
    drop(guard);
    ear.0.lock().unwrap().clone()
}

/// What is logged while clients meet, leave messages, are refused and turned away.
async fn heard(usage: Usage) -> String {
    let heard = ear(async || mailboxes(usage).await).await;
    for words in ["client came", "client is gone", "mood=\"scary\"", "mailbox server starts"] {
        assert!(heard.contains(words), "{words} is not in {heard}");
    }
    for secret in ["decade", "77123"] {
        assert!(!heard.contains(secret), "{heard}");
    }
    heard
}

async fn mailboxes(usage: Usage) {
    let limits = Limits { mailboxes_per_address: 1, ..Limits::default() };
    let clients = Clients { connections_per_address: 2, ..behind_a_proxy() };
    let mailbox = Some(Mailbox { limits, ..Mailbox::default() });
    let server = Server::start(Config { mailbox, clients, usage, ..Config::default() });
    for address in ADDRESSES {
        let mut client = server.connect_with(&[("x-real-ip", address), ("x-real-port", "7")]).await;
        client.expect("welcome").await;
        client.say(json!({"type": "bind", "appid": "app", "side": "a"})).await;
        client.expect("ack").await;
        let claim = json!({"type": "claim", "nameplate": "77123"});
        let mailbox = client.ask(claim, "claimed").await["mailbox"].clone();
        client.say(json!({"type": "open", "mailbox": mailbox})).await;
        client.expect("ack").await;
        client.ask(json!({"type": "add", "phase": "pake", "body": "decade"}), "message").await;
        client.ask(json!({"type": "close", "mood": "scary"}), "closed").await;
        let request =
            format!("GET /v1 HTTP/1.1\r\nX-Real-IP: {address}\r\nX-Forwarded-For: 192.0.2.1\r\n");
        let upgrade = "Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        server.raw(format!("{request}{upgrade}").as_bytes()).await;
    }
    server.stop().await;
}

#[tokio::test]
async fn a_proxy_that_sends_no_header_does_not_fill_the_log() {
    let ear = Ear::default();
    let _guard = tracing::subscriber::set_default(ear.clone());
    let clients = Clients { proxy_protocol: true, ..behind_a_proxy() };
    let server = Server::start(Config { clients, ..Config::default() });
    for _ in 0..50 {
        let answer = server.raw(b"GET / HTTP/1.1\r\n\r\n").await;
        assert!(answer.contains("expects a header of the PROXY protocol"), "{answer}");
    }
    server.stop().await;
    let heard = ear.0.lock().unwrap().clone();
    let told = heard.lines().filter(|line| line.contains("a trusted proxy sends no header"));
    let told: Vec<_> = told.collect();
    assert!(told.len() == 1 && told[0].contains("left_out=0 "), "{told:?}");
}

#[tokio::test]
async fn addresses_are_logged_only_when_records_are_exact() {
    let blurred = heard(Usage::default()).await;
    for part in ["203.0.113", "2001:db8", "192.0.2.1", "127.0.0.1"] {
        assert!(!blurred.contains(part), "{part} is in {blurred}");
    }
    assert!(blurred.contains("address=hidden"), "{blurred}");

    let exact = heard(Usage { blur: None, ..Usage::default() }).await;
    for address in ADDRESSES {
        assert!(exact.contains(&format!("address={address}")), "{address} is not in {exact}");
    }
}

/// Connects, says this, and reads all that comes.
async fn say(door: SocketAddr, words: &[u8]) -> String {
    let mut stream = TcpStream::connect(door).await.unwrap();
    stream.write_all(words).await.unwrap();
    let mut answer = Vec::new();
    _ = timeout(PATIENCE, stream.read_to_end(&mut answer)).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

/// A line of the PROXY protocol that tells of this client.
fn proxied(client: &str) -> String {
    format!("PROXY TCP4 {client} 127.0.0.1 7777 4001\r\n")
}

const UPGRADE: &[u8] = b"GET /relay HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// Links at the relay of which two meet, by way of a proxy that tells whose they are; one of a proxy
/// that does not, requests for nothing, and what is no TLS.
async fn links(usage: Usage) {
    let [web, relay] = [(); 2].map(|()| listen("127.0.0.1:0".parse().unwrap()).unwrap());
    let [at_web, at_relay] = [&web, &relay].map(|door| door.local_addr().unwrap());
    let mut doors = Doors::from(web);
    doors.relay.push(relay);
    let clients = Clients { proxy_protocol: true, ..behind_a_proxy() };
    let config = Config { clients, usage, ..Config::from(Relay::default()) };
    #[cfg(feature = "tls")]
    let (config, _folder, at_tls) = within_tls(config, &mut doors);
    let server = Server::at(doors, config);

    let line = |side| format!("please relay {} for side {side:016x}\n", "7a".repeat(32));
    let mut pair = Vec::new();
    for (client, side) in [("203.0.113.1", 1), ("203.0.113.2", 2)] {
        let mut link = TcpStream::connect(at_relay).await.unwrap();
        link.write_all((proxied(client) + &line(side)).as_bytes()).await.unwrap();
        pair.push(link);
    }
    for link in &mut pair {
        link.read_exact(&mut [0; 3]).await.unwrap();
    }
    pair[0].write_all(b"between us").await.unwrap();
    pair[1].read_exact(&mut [0; 10]).await.unwrap();
    drop(pair);
    let bad = proxied("203.0.113.3") + "please relay me\n";
    assert_eq!(say(at_relay, bad.as_bytes()).await, "bad handshake\n");
    // A WebSocket whose message is no line.
    let framed = [proxied("203.0.113.4").as_bytes(), UPGRADE, b"\x82\x80\0\0\0\0"].concat();
    assert!(say(at_web, &framed).await.starts_with("HTTP/1.1 101"));
    let nothing = proxied("203.0.113.5") + "GET /nothing HTTP/1.1\r\n\r\n";
    assert!(say(at_web, nothing.as_bytes()).await.starts_with("HTTP/1.1 404"));
    for malformed in ["PROXY TCP4 203.0.113.6 nonsense\r\n", "please relay me, 203.0.113.6\n"] {
        assert!(say(at_relay, malformed.as_bytes()).await.contains("PROXY"));
    }
    #[cfg(feature = "tls")]
    say(at_tls, (proxied("203.0.113.7") + "\u{16}\u{3}\u{1}\0\u{5}hello").as_bytes()).await;
    server.stop().await;
}

#[cfg(feature = "tls")]
fn within_tls(config: Config, doors: &mut Doors) -> (Config, tempfile::TempDir, SocketAddr) {
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let [chain, key] = ["chain.pem", "key.pem"].map(|name| folder.path().join(name));
    std::fs::write(&chain, own.cert.pem()).unwrap();
    std::fs::write(&key, own.signing_key.serialize_pem()).unwrap();
    let door = listen("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = door.local_addr().unwrap();
    doors.tls.push(door);
    let tls = Some(wormhole_sync_server::Tls::new(chain, key));
    (Config { tls, ..config }, folder, address)
}

#[tokio::test]
async fn what_comes_of_links_is_logged_and_their_addresses_only_when_records_are_exact() {
    let blurred = ear(async || links(Usage::default()).await).await;
    for part in ["203.0.113", "127.0.0.1"] {
        assert!(!blurred.contains(part), "{part} is in {blurred}");
    }
    assert!(blurred.contains("address=hidden"), "{blurred}");

    let exact = ear(async || links(Usage { blur: None, ..Usage::default() }).await).await;
    assert!(!exact.contains("203.0.113.6"), "what a client says is in {exact}");
    for heard in [&blurred, &exact] {
        for secret in ["7a7a", "between us", "0000000001"] {
            assert!(!heard.contains(secret), "{secret} is in {heard}");
        }
        let times = |words: &str| heard.lines().filter(|line| line.contains(words)).count();
        assert_eq!((times("client came"), times("client is gone")), (4, 4), "{heard}");
        assert_eq!(times("to=\"relay\""), 4, "{heard}");
        assert!(heard.contains("mood=\"happy\"") && heard.contains("mood=\"errory\""), "{heard}");
    }
    let logged = |words: &str, client: &str| {
        let address = format!("address={client} ");
        exact.lines().any(|line| line.contains(words) && line.contains(&address))
    };
    for client in ["203.0.113.1", "203.0.113.2", "203.0.113.3", "203.0.113.4"] {
        assert!(logged("client came", client), "{client} is not in {exact}");
    }
    assert!(logged("404 Not Found", "203.0.113.5"), "{exact}");
    #[cfg(feature = "tls")]
    assert!(logged("no TLS", "203.0.113.7"), "{exact}");
}

#[tokio::test]
async fn an_address_is_logged_without_its_port_too_and_one_of_ipv4_as_itself() {
    let come = async || {
        let usage = Usage { blur: None, ..Usage::default() };
        let both = listen("[::ffff:127.0.0.1]:0".parse().unwrap()).unwrap(); // as [::] would see it
        let config = Config { usage, clients: behind_a_proxy(), ..Config::default() };
        let server = Server::at(both, config);
        let told = async |mut client: Client| {
            client.expect("welcome").await["welcome"]["your-address"].clone()
        };
        // The proxy's own, and one of which the proxy tells no port: the protocol has no form for that.
        let own = told(server.connect_with(&[]).await).await;
        assert_eq!(own["ipv4"], "127.0.0.1");
        let forwarded = server.connect_with(&[("x-forwarded-for", "203.0.113.77")]).await;
        assert_eq!(told(forwarded).await, json!(null));
        server.stop().await;
    };
    let heard = ear(come).await;
    for address in ["address=127.0.0.1 ", "address=203.0.113.77 "] {
        assert!(heard.contains(address), "{address} is not in {heard}");
    }
}

#[tokio::test]
async fn a_proxys_header_where_none_is_read_is_told_once() {
    let ear = Ear::default();
    let guard = tracing::subscriber::set_default(ear.clone());
    let told = || ear.0.lock().unwrap().matches("turn clients.proxy-protocol on").count();
    let headers =
        [&b"PROXY TCP4 192.0.2.7 192.0.2.1 4711 443\r\n"[..], b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"];
    for first in headers {
        for by_relay in [false, true] {
            let [web, relay] = [(); 2].map(|()| listen("127.0.0.1:0".parse().unwrap()).unwrap());
            let door = if by_relay { &relay } else { &web }.local_addr().unwrap();
            let mut doors = Doors::from(web);
            doors.relay.push(relay);
            let server = Server::at(doors, Config::from(Relay::default()));
            let before = told();
            say(door, b"this is neither HTTP nor a relay's\r\n").await;
            assert_eq!(told(), before);
            for header in [first, headers[0], headers[1]] {
                say(door, header).await;
                assert_eq!(told(), before + 1, "by the relay's door: {by_relay}");
            }
            server.stop().await;
        }
    }
    drop(guard);
    assert!(!ear.0.lock().unwrap().contains("192.0.2.7"));
}

#[tokio::test]
async fn who_has_asked_for_nothing_when_the_server_stops_is_sent_elsewhere_and_no_trouble() {
    let stopping = ear(async || {
        let handshake = PATIENCE * 2; // it is not this that closes them
        let clients = Clients { handshake, proxy_protocol: true, ..Clients::default() };
        let [web, behind] = [(); 2].map(|()| listen("127.0.0.1:0".parse().unwrap()).unwrap());
        let [at_web, at_behind] = [&web, &behind].map(|door| door.local_addr().unwrap());
        let open = Server::at(web, Config { clients, ..Config::default() });
        let clients = Clients { handshake, proxy_protocol: true, ..behind_a_proxy() };
        let headed = Server::at(behind, Config { clients, ..Config::default() });
        let mut asking = Vec::new();
        for (door, words) in
            [(at_web, &b""[..]), (at_web, &UPGRADE[..40]), (at_behind, b"PROXY TCP4 ")]
        {
            let mut stream = TcpStream::connect(door).await.unwrap();
            stream.write_all(words).await.unwrap();
            asking.push(stream);
        }
        // Who comes after them is let in after them.
        for door in [at_web, at_behind] {
            let asked = proxied("192.0.2.7") + "GET / HTTP/1.1\r\n\r\n";
            say(door, asked.as_bytes()).await;
        }
        let heard = tokio::spawn(async move {
            let mut heard = Vec::new();
            for mut stream in asking {
                heard.push(String::new());
                let read = stream.read_to_string(heard.last_mut().unwrap());
                _ = timeout(PATIENCE, read).await.unwrap();
            }
            heard
        });
        open.stop().await;
        headed.stop().await;
        let heard = heard.await.unwrap();
        for answer in &heard[..2] {
            assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
            assert!(answer.ends_with("the server stops\n"), "{answer}");
        }
        assert_eq!(heard[2], "");
    })
    .await;
    assert!(!stopping.contains("goodbye"), "{stopping}");
}
