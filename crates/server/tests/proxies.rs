//! Where clients are, when they come by way of proxies: who is believed, and who is not.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::time::Duration;

use serde_json::{Value, json};
use support::{Client, PATIENCE, Server, behind_a_proxy};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_websockets::{ClientBuilder, MaybeTlsStream};
use wormhole_sync_server::{Clients, Config, Doors, Relay, listen};

const IPV4: &[u8] = b"PROXY TCP4 192.0.2.7 192.0.2.1 4711 443\r\n";

/// A header of version 2 for a client of IPv4, with so many bytes of extensions.
fn binary(last: u8, extensions: usize) -> Vec<u8> {
    let length = u16::try_from(12 + extensions).unwrap().to_be_bytes();
    let addresses = [192, 0, 2, last, 192, 0, 2, 1, 0x12, 0x67, 1, 187];
    let head = [b"\r\n\r\n\0\r\nQUIT\n\x21\x11", &length[..], &addresses].concat();
    [head, vec![4; extensions]].concat()
}

fn server(clients: Clients) -> Server {
    Server::start(Config { clients, ..Config::default() })
}

/// Behind proxies on this computer that speak the PROXY protocol.
fn headed() -> Clients {
    Clients { proxy_protocol: true, ..behind_a_proxy() }
}

/// A client whose proxy says this first, in pieces of this size.
async fn client(server: &Server, header: &[u8], piece: usize) -> Client {
    client_with(server, header, piece, &[]).await.expect("refused")
}

async fn client_with(
    server: &Server,
    header: &[u8],
    piece: usize,
    headers: &[(&'static str, &str)],
) -> Result<Client, tokio_websockets::Error> {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    for piece in header.chunks(piece) {
        stream.write_all(piece).await.unwrap();
        tokio::time::sleep(Duration::from_micros(200)).await; // usually a packet of its own
    }
    let mut builder = ClientBuilder::new().uri("ws://localhost/v1").unwrap();
    for (name, value) in headers {
        builder = builder.add_header(name.parse().unwrap(), value.parse().unwrap()).unwrap();
    }
    let connecting = builder.connect_on(MaybeTlsStream::Plain(stream));
    let (socket, _) = timeout(PATIENCE, connecting).await.unwrap()?;
    Ok(Client { socket })
}

/// Where the server tells a client that it is.
async fn told(client: &mut Client) -> Value {
    client.expect("welcome").await["welcome"]["your-address"].clone()
}

/// All that comes back to these bytes.
async fn answered(server: &Server, bytes: &[u8]) -> String {
    server.raw(&[bytes, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"].concat()).await
}

#[tokio::test]
async fn a_header_of_either_version_tells_the_client_however_it_is_cut() {
    let server = server(headed());
    let here = json!({"ipv4": "192.0.2.7", "port": 4711});
    for (header, pieces) in [
        (IPV4, &[1, 20, 100][..]),
        (&binary(7, 0), &[1, 20, 100]),
        (&binary(7, 900), &[15, 17, 1000]),
        (&binary(7, 4068), &[500, 5000]),
    ] {
        for piece in pieces {
            let mut client = client(&server, header, *piece).await;
            assert_eq!(told(&mut client).await, here, "{} bytes by {piece}", header.len());
        }
    }
    let mut client = client(&server, b"PROXY TCP6 2001:db8::7 ::1 4711 1\r\n", 100).await;
    assert_eq!(told(&mut client).await, json!({"ipv6": "2001:db8::7", "port": 4711}));
}

#[tokio::test]
async fn a_header_and_a_request_in_one_packet_are_told_apart() {
    let server = server(headed());
    for header in [IPV4, &binary(7, 300)] {
        let answer = answered(&server, header).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    }
}

#[tokio::test]
async fn the_limit_per_address_counts_the_client_and_not_its_proxy() {
    let server = server(Clients { connections_per_address: 2, ..headed() });
    let first = [client(&server, IPV4, 100).await, client(&server, &binary(7, 0), 100).await];
    let answer = answered(&server, IPV4).await;
    assert!(answer.starts_with("HTTP/1.1 429 Too Many Requests\r\n"), "{answer}");
    let mut others = Vec::new();
    for last in [8, 9, 10] {
        others.push(client(&server, &binary(last, 0), 100).await);
    }
    drop(first);
    drop(others);
    // A proxy that says that nobody is behind it, or cannot say who, counts itself.
    let header = b"PROXY UNKNOWN\r\n";
    let local = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";
    let own = [client(&server, header, 100).await, client(&server, local, 100).await];
    assert!(answered(&server, header).await.starts_with("HTTP/1.1 429 "));
    drop(own);
}

#[tokio::test]
async fn a_stranger_who_sends_a_header_is_not_believed() {
    let elsewhere = vec!["192.0.2.0/24".parse().unwrap()];
    let trusting = Clients { trusted_proxies: elsewhere, ..headed() };
    for clients in [trusting, behind_a_proxy()] {
        let server = server(clients);
        for header in [IPV4, &binary(7, 0)] {
            let answer = answered(&server, header).await;
            assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{answer}");
            assert!(answer.contains("This is not HTTP"), "{answer}");
        }
        let mut client = server.connect_with(&[]).await;
        assert_eq!(told(&mut client).await["ipv4"], "127.0.0.1");
    }
}

#[tokio::test]
async fn a_proxy_that_sends_no_header_is_told_so() {
    let server = server(headed());
    let too_long = [b"PROXY UNKNOWN ", &[b'x'; 5000][..]].concat();
    let (broken, endless) = (&binary(7, 5000)[..], &b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff"[..]);
    for bytes in [b"", &too_long[..], broken, endless, b"PROXY TCP4 a b c d\r\n"] {
        let answer = answered(&server, bytes).await;
        assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{answer}");
        assert!(answer.contains("expects a header of the PROXY protocol"), "{answer}");
    }
}

#[tokio::test]
async fn half_a_header_is_held_to_the_time_of_a_handshake() {
    let server = server(Clients { handshake: Duration::from_millis(200), ..headed() });
    for half in [&b""[..], &IPV4[..20], &binary(7, 300)[..100], b"PROXY UNKNOWN\r\n"] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(half).await.unwrap();
        let mut answer = Vec::new();
        timeout(PATIENCE, stream.read_to_end(&mut answer)).await.unwrap().unwrap();
        assert_eq!(answer.is_empty(), half.len() != 15, "only who came to the request is told");
    }
}

#[tokio::test]
async fn a_connection_that_ends_within_its_header_is_nobodys() {
    let server = server(headed());
    for half in [&b""[..], &IPV4[..20]] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(half).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        timeout(PATIENCE, stream.read_to_end(&mut answer)).await.unwrap().unwrap();
        assert!(answer.is_empty());
    }
    server.stop().await;
}

#[tokio::test]
async fn headers_of_a_request_count_only_when_a_proxy_wrote_it() {
    let server = server(headed());
    let forged = [("X-Forwarded-For", "198.51.100.1"), ("X-Real-Port", "1")];
    let forward = async |header: &[u8]| {
        let mut client = client_with(&server, header, 200, &forged).await.unwrap();
        told(&mut client).await
    };
    assert_eq!(forward(IPV4).await, json!({"ipv4": "192.0.2.7", "port": 4711}));
    assert_eq!(forward(b"PROXY UNKNOWN\r\n").await["ipv4"], "127.0.0.1");
    // A proxy in front of the proxy, and one that speaks for itself.
    assert_eq!(forward(b"PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n").await, Value::Null);
    assert_eq!(forward(b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0").await, Value::Null);
}

#[tokio::test]
async fn the_end_of_x_forwarded_for_is_the_proxys_word() {
    let server = server(Clients { connections_per_address: 1, ..behind_a_proxy() });
    let through = async |forwarded: &str| {
        let headers = [("X-Forwarded-For", forwarded)];
        client_with(&server, b"", 1, &headers).await
    };
    let _first = through("192.0.2.7").await.unwrap();
    let _other = through("192.0.2.8").await.unwrap();
    for forged in ["198.51.100.1, 192.0.2.7", "127.0.0.1,192.0.2.7", "?, 192.0.2.7:80"] {
        assert!(through(forged).await.is_err(), "{forged} is another address");
    }
    // Loopback is the proxy's, and what is before it in the list is what it passes on.
    let mut through_two = through("198.51.100.9:99, 127.0.0.1").await.unwrap();
    assert_eq!(told(&mut through_two).await, json!({"ipv4": "198.51.100.9", "port": 99}));
}

#[tokio::test]
async fn a_forged_header_beside_the_proxys_is_refused() {
    let server = server(behind_a_proxy());
    let head = "GET /v1 HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nX-Real-IP: 192.0.2.7\r\n";
    let answer = server.raw(format!("{head}X-Forwarded-For: 127.0.0.1\r\n\r\n").as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{answer}");
    assert!(answer.contains("contradict each other"), "{answer}");
}

#[tokio::test]
async fn a_header_comes_before_the_line_at_a_relays_door() {
    let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    let mut doors = Doors::default();
    doors.relay.push(listener);
    let clients = Clients { connections_per_address: 1, ..headed() };
    let config =
        Config { mailbox: None, relay: Some(Relay::default()), clients, ..Config::default() };
    let (server, _) = Server::behind(doors, address, config).await.unwrap();
    let link = async |header: &[u8], side: &str| {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let line = format!("please relay {} for side {}\n", "0".repeat(64), side.repeat(16));
        stream.write_all(&[header, line.as_bytes()].concat()).await.unwrap();
        stream
    };
    let hear = async |stream: &mut TcpStream| {
        let mut heard = vec![0; 1000];
        let length = timeout(PATIENCE, stream.read(&mut heard)).await.unwrap().unwrap();
        String::from_utf8_lossy(&heard[..length]).into_owned()
    };
    let mut first = link(IPV4, "a").await;
    // The first is counted by the time that the second is refused, or the other way about.
    let mut same = link(&binary(7, 20), "a").await;
    let mut other = link(&binary(8, 0), "b").await;
    assert_eq!(hear(&mut other).await, "ok\n");
    let (one, two) = tokio::join!(hear(&mut first), hear(&mut same));
    assert!([&one, &two].iter().any(|heard| **heard == "ok\n"), "{one} {two}");
    assert!([&one, &two].iter().any(|heard| heard.contains("from your address")), "{one} {two}");
    let mut headless = link(b"", "c").await;
    assert!(hear(&mut headless).await.contains("expects a header of the PROXY protocol"));
}

#[tokio::test]
async fn a_stranger_is_not_believed_to_be_a_proxy() {
    let server = server(Clients::default());
    let headers = [("X-Forwarded-For", "192.0.2.7"), ("X-Real-IP", "192.0.2.7")];
    let mut client = client_with(&server, b"", 1, &headers).await.unwrap();
    assert_eq!(told(&mut client).await["ipv4"], "127.0.0.1");
}
