//! Doors for TLS, under a certificate authority of the tests' own.

#![cfg(feature = "tls")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::{fs, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use futures_util::StreamExt;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::{
    ClientConfig, HandshakeKind, ProtocolVersion, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, ServerName},
    version::{TLS12, TLS13},
};
use serde_json::json;
use support::{Client, PATIENCE, Server};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_websockets::ClientBuilder;
use wormhole_sync_server::{
    Clients, Config, Control, Doors, Relay, ServeError, Tls, TlsError, listen,
};

/// An authority, and a folder in which a server's certificate and key are.
struct Scene {
    folder: TempDir,
    authority: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate and its key, in PEM.
struct Issued {
    certificate: String,
    key: String,
}

impl Scene {
    fn new() -> Self {
        let mut parameters = CertificateParams::default();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let authority = CertifiedIssuer::self_signed(parameters, key).unwrap();
        let scene = Self { folder: tempfile::tempdir().unwrap(), authority };
        scene.put(&scene.issue());
        scene
    }

    fn issue(&self) -> Issued {
        self.issue_until(2099)
    }

    /// One that expires when this year begins.
    fn issue_until(&self, year: i32) -> Issued {
        let key = KeyPair::generate().unwrap();
        let mut parameters = CertificateParams::new(["localhost".to_owned()]).unwrap();
        parameters.not_after = date_time_ymd(year, 1, 1);
        let certificate = parameters.signed_by(&key, &self.authority).unwrap();
        Issued { certificate: certificate.pem(), key: key.serialize_pem() }
    }

    /// Replaces both files, each at once.
    fn put(&self, issued: &Issued) {
        self.put_one("chain.pem", &issued.certificate);
        self.put_one("key.pem", &issued.key);
    }

    fn put_one(&self, name: &str, text: &str) {
        let new = self.folder.path().join("new");
        fs::write(&new, text).unwrap();
        fs::rename(new, self.folder.path().join(name)).unwrap();
    }

    /// Looked at all the time, or never.
    fn tls(&self, watched: bool) -> Tls {
        let path = |name| self.folder.path().join(name);
        let watch = if watched { Duration::from_millis(5) } else { 100 * PATIENCE };
        Tls { watch, ..Tls::new(path("chain.pem"), path("key.pem")) }
    }

    async fn serve(&self, watched: bool) -> (Server, Control) {
        self.serve_for(watched, Clients::default()).await
    }

    async fn serve_for(&self, watched: bool, clients: Clients) -> (Server, Control) {
        let config = Config { tls: Some(self.tls(watched)), clients, ..Config::default() };
        let (doors, address) = door();
        Server::behind(doors, address, config).await.unwrap()
    }

    /// What the client trusts, with sessions to resume.
    fn client(&self) -> ClientConfig {
        self.client_of(&[&TLS13, &TLS12])
    }

    fn client_of(&self, versions: &[&'static rustls::SupportedProtocolVersion]) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.der().clone()).unwrap();
        ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth()
    }
}

fn door() -> (Doors, SocketAddr) {
    let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    let mut doors = Doors::default();
    doors.tls.push(listener);
    (doors, address)
}

async fn connect(server: &Server, config: ClientConfig) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(server.address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    timeout(PATIENCE, TlsConnector::from(Arc::new(config)).connect(name, stream)).await.unwrap()
}

async fn client(server: &Server, config: ClientConfig) -> Client<TlsStream<TcpStream>> {
    let mut client = client_at(server, config, "wss://localhost/v1").await;
    client.expect("welcome").await;
    client
}

async fn client_at(
    server: &Server,
    config: ClientConfig,
    url: &str,
) -> Client<TlsStream<TcpStream>> {
    let stream = connect(server, config).await.unwrap();
    let builder = ClientBuilder::new().uri(url).unwrap();
    let connecting = builder.connect_on(stream);
    Client { socket: timeout(PATIENCE, connecting).await.unwrap().unwrap().0 }
}

/// The certificate that a fresh connection is shown.
async fn shown(scene: &Scene, server: &Server) -> CertificateDer<'static> {
    let stream = connect(server, scene.client()).await.unwrap();
    stream.get_ref().1.peer_certificates().unwrap()[0].clone()
}

fn der(issued: &Issued) -> CertificateDer<'static> {
    use rustls::pki_types::pem::PemObject;
    CertificateDer::from_pem_slice(issued.certificate.as_bytes()).unwrap()
}

/// Waits until this certificate is shown.
async fn until_shown(scene: &Scene, server: &Server, issued: &Issued) {
    let waiting = async {
        while shown(scene, server).await != der(issued) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, waiting).await.unwrap();
}

async fn is_alive(client: &mut Client<TlsStream<TcpStream>>) {
    client.ask(json!({"type": "ping", "ping": 1}), "pong").await;
}

#[tokio::test]
async fn a_mailbox_exchange_within_tls() {
    let scene = Scene::new();
    let (server, _) = scene.serve(false).await;
    let mut sides = Vec::new();
    for (side, versions) in [("a", &[&TLS12]), ("b", &[&TLS13])] {
        let mut one = client(&server, scene.client_of(versions)).await;
        one.say(json!({"type": "bind", "appid": "app", "side": side})).await;
        one.expect("ack").await;
        one.say(json!({"type": "open", "mailbox": "mmm"})).await;
        one.expect("ack").await;
        sides.push(one);
    }
    let body = "0".repeat(900_000); // more than fits into any buffer on the way
    for phase in ["1", "2", "3"] {
        // Whoever reads no answers is not read for long.
        sides[0].ask(json!({"type": "add", "phase": phase, "body": body}), "message").await;
    }
    for phase in ["1", "2", "3"] {
        let message = sides[1].expect("message").await;
        assert_eq!((&message["phase"], message["body"] == *body), (&json!(phase), true));
    }
    server.stop().await;
    for mut side in sides {
        while side.hear().await.is_some() {}
    }
}

#[tokio::test]
async fn a_reader_that_pauses_gets_everything_without_another_word() {
    let scene = Scene::new();
    // So little fits into the system's buffers that the last of it stays in those of TLS.
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_send_buffer_size(4096).unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let mut doors = Doors::default();
    doors.tls.push(socket.listen(10).unwrap());
    let address = doors.tls[0].local_addr().unwrap();
    let config = Config { tls: Some(scene.tls(false)), ..Config::default() };
    let (server, _) = Server::behind(doors, address, config).await.unwrap();
    for (mailbox, size) in [("m1", 80_000), ("m2", 81_234)] {
        let mut sides =
            [client(&server, scene.client()).await, client(&server, scene.client()).await];
        for (side, name) in sides.iter_mut().zip(["a", "b"]) {
            side.say(json!({"type": "bind", "appid": "app", "side": name})).await;
            side.expect("ack").await;
            side.say(json!({"type": "open", "mailbox": mailbox})).await;
            side.expect("ack").await;
        }
        let [speaks, reads] = &mut sides;
        for phase in 0..20 {
            let add = json!({"type": "add", "phase": phase.to_string(), "body": "0".repeat(size)});
            speaks.ask(add, "message").await; // the reader's is on its way, too
        }
        for phase in 0..20 {
            assert_eq!(reads.expect("message").await["phase"], phase.to_string());
        }
    }
}

#[tokio::test]
async fn the_relay_is_behind_the_same_door() {
    let scene = Scene::new();
    let (doors, address) = door();
    let config =
        Config { tls: Some(scene.tls(false)), relay: Some(Relay::default()), ..Config::default() };
    let (server, _) = Server::behind(doors, address, config).await.unwrap();
    let mut sides = Vec::new();
    for side in ["a", "b"] {
        let mut one = client_at(&server, scene.client(), "wss://localhost/relay").await;
        let line = format!("please relay {} for side {}\n", "0".repeat(64), side.repeat(16));
        one.say_bytes(line.into_bytes()).await;
        sides.push(one);
    }
    let [one, other] = &mut sides[..] else { panic!("two sides") };
    assert_eq!([next(one, 3).await, next(other, 3).await], [b"ok\n"; 2]);
    let sent: Vec<u8> = (0_u32..1_000_000).flat_map(u32::to_le_bytes).collect();
    let sending = async {
        for piece in sent.chunks(100_000) {
            one.say_bytes(piece.to_vec()).await;
        }
    };
    let ((), received) = tokio::join!(sending, next(other, sent.len()));
    assert!(received == sent);
}

/// The next so many bytes.
async fn next(client: &mut Client<TlsStream<TcpStream>>, length: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while bytes.len() < length {
        let message = timeout(PATIENCE, client.socket.next()).await.unwrap().unwrap().unwrap();
        bytes.extend_from_slice(message.as_payload());
    }
    bytes
}

#[tokio::test]
async fn http_1_is_agreed_on_and_nothing_else() {
    let scene = Scene::new();
    let (server, _) = scene.serve(false).await;
    for (offered, agreed) in [(&["h2", "http/1.1"][..], Some("http/1.1")), (&[], None)] {
        let mut config = scene.client();
        config.alpn_protocols = offered.iter().map(|name| name.as_bytes().to_vec()).collect();
        let stream = connect(&server, config).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), agreed.map(str::as_bytes));
        assert_eq!(stream.get_ref().1.protocol_version(), Some(ProtocolVersion::TLSv1_3));
    }
    let mut config = scene.client();
    config.alpn_protocols = vec![b"h2".to_vec()];
    assert!(connect(&server, config).await.is_err());
}

#[tokio::test]
async fn a_session_is_resumed() {
    let scene = Scene::new();
    let (server, _) = scene.serve(false).await;
    let config = scene.client();
    for kind in [HandshakeKind::Full, HandshakeKind::Resumed, HandshakeKind::Resumed] {
        let client = client(&server, config.clone()).await;
        assert_eq!(client.socket.get_ref().get_ref().1.handshake_kind(), Some(kind));
    }
}

#[tokio::test]
async fn a_new_certificate_is_shown_when_it_is_asked_for_and_connections_go_on() {
    let scene = Scene::new();
    let (server, control) = scene.serve(false).await;
    let mut before = client(&server, scene.client()).await;
    let first = shown(&scene, &server).await;
    let issued = scene.issue();
    scene.put(&issued);
    assert_eq!(shown(&scene, &server).await, first, "nobody has asked yet");
    control.reload().await.unwrap();
    assert_eq!(shown(&scene, &server).await, der(&issued));
    is_alive(&mut before).await;
}

#[tokio::test]
async fn a_new_certificate_is_shown_when_its_files_change() {
    let scene = Scene::new();
    let (server, _) = scene.serve(true).await;
    for _ in 0..3 {
        let issued = scene.issue();
        scene.put(&issued);
        until_shown(&scene, &server, &issued).await;
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_link_that_leads_elsewhere_is_a_change() {
    let scene = Scene::new();
    let folder = scene.folder.path();
    let (one, other) = (scene.issue(), scene.issue());
    for (name, issued) in [("1", &one), ("2", &other)] {
        fs::create_dir(folder.join(name)).unwrap();
        fs::write(folder.join(name).join("chain.pem"), &issued.certificate).unwrap();
        fs::write(folder.join(name).join("key.pem"), &issued.key).unwrap();
    }
    let lead = |to: &str| {
        let new = folder.join("new");
        std::os::unix::fs::symlink(to, &new).unwrap();
        fs::rename(new, folder.join("live")).unwrap();
    };
    lead("1");
    let live = |name| folder.join("live").join(name);
    let tls =
        Tls { watch: Duration::from_millis(5), ..Tls::new(live("chain.pem"), live("key.pem")) };
    let (doors, address) = door();
    let config = Config { tls: Some(tls), ..Config::default() };
    let (server, _) = Server::behind(doors, address, config).await.unwrap();
    assert_eq!(shown(&scene, &server).await, der(&one));
    lead("2");
    until_shown(&scene, &server, &other).await;
}

#[tokio::test]
async fn what_cannot_be_used_does_not_replace_what_can() {
    let scene = Scene::new();
    let (server, control) = scene.serve(true).await;
    let first = shown(&scene, &server).await;
    let issued = scene.issue();
    let chain = scene.folder.path().join("chain.pem");
    for text in ["", "-----BEGIN CERTIFICATE-----\nMII", &issued.key] {
        scene.put_one("chain.pem", text);
        control.reload().await.unwrap_err();
        assert_eq!(shown(&scene, &server).await, first);
    }
    fs::remove_file(chain).unwrap();
    control.reload().await.unwrap_err();
    // The certificate is new, and its key still the old one's.
    scene.put_one("chain.pem", &issued.certificate);
    let error = control.reload().await.unwrap_err();
    assert!(matches!(error, ServeError::Tls(TlsError::OtherKey { .. })), "{error}");
    assert_eq!(shown(&scene, &server).await, first);
    scene.put_one("key.pem", &issued.key);
    until_shown(&scene, &server, &issued).await;
}

async fn refused(certificate: &Path, key: &Path) -> String {
    let (doors, address) = door();
    let tls = Some(Tls::new(certificate, key));
    let config = Config { tls, ..Config::default() };
    Server::behind(doors, address, config).await.err().expect("it starts").to_string()
}

#[tokio::test]
async fn a_server_does_not_start_with_what_is_no_certificate_and_says_what_is_wrong() {
    let scene = Scene::new();
    let path = |name: &str| scene.folder.path().join(name);
    let (chain, key) = (path("chain.pem"), path("key.pem"));
    scene.put_one("empty", "");
    scene.put_one("other", &scene.issue().key);
    scene.put_one("cut", "-----BEGIN CERTIFICATE-----\n?\n-----END CERTIFICATE-----\n");
    scene.put_one("nothing", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    let protected =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    scene.put_one("protected", protected);
    fs::File::create(path("huge")).unwrap().set_len(1 << 40).unwrap();
    for (certificate, key, named, why) in [
        (path("missing"), key.clone(), "missing", "name a file that this user may read"),
        (chain.clone(), path("missing"), "missing", "name a file that this user may read"),
        (scene.folder.path().into(), key.clone(), "it is no file", "this user may read"),
        ("/dev/zero".into(), key.clone(), "/dev/zero", "it is no file"),
        (path("huge"), key.clone(), "huge", "larger than 1 MiB"),
        (path("empty"), key.clone(), "empty", "holds no certificate"),
        (key.clone(), key.clone(), "key.pem", "holds no certificate"),
        (path("cut"), key.clone(), "cut", "cannot be used"),
        (path("nothing"), key.clone(), "nothing", "cannot be used"),
        (chain.clone(), path("empty"), "empty", "holds no private key"),
        (chain.clone(), chain.clone(), "chain.pem", "holds no private key"),
        (chain.clone(), path("protected"), "protected", "take that off"),
        (chain.clone(), path("other"), "chain.pem", "name two that belong together"),
    ] {
        let error = refused(&certificate, &key).await;
        assert!(error.contains(named) && error.contains(why), "{error}");
    }
    let (doors, address) = door();
    let error = Server::behind(doors, address, Config::default()).await.err().unwrap();
    assert!(matches!(error, ServeError::Tls(TlsError::Missing)), "{error}");
}

#[tokio::test]
async fn whoever_speaks_http_or_the_proxy_protocol_is_told_to_speak_tls() {
    let (server, _) = Scene::new().serve(false).await;
    for plain in [
        &b"GET /v1 HTTP/1.1\r\nHost: x\r\n\r\n"[..],
        b"PROXY TCP4 192.0.2.7 192.0.2.1 4711 443\r\n",
        b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0",
    ] {
        let answer = server.raw(plain).await;
        assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{answer}");
        assert!(answer.ends_with("This port speaks TLS: use https:// or wss://\n"), "{answer}");
    }
}

#[tokio::test]
async fn garbage_ends_its_own_connection_and_no_other() {
    let scene = Scene::new();
    let (server, _) = scene.serve(false).await;
    let mut honest = client(&server, scene.client()).await;
    let hello = b"\x16\x03\x01\x00\x05\x01\x00\xff\xff\x03";
    for garbage in [&b"\0"[..], b"\x16\x03\x01\xff\xff\xff", hello, &[0x16; 5000], &[0xff; 10_000]]
    {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        _ = stream.write_all(garbage).await;
        _ = stream.shutdown().await;
        _ = timeout(PATIENCE, stream.read_to_end(&mut Vec::new())).await.unwrap();
    }
    // What is no TLS any more, within a connection that was.
    let broken = client(&server, scene.client()).await;
    let mut stream = broken.socket.into_inner().into_inner().0;
    stream.write_all(&[0x17, 3, 3, 0, 1, 0]).await.unwrap();
    _ = timeout(PATIENCE, stream.read_to_end(&mut Vec::new())).await.unwrap();
    is_alive(&mut honest).await;
}

#[tokio::test]
async fn a_handshake_that_stops_is_held_to_its_time_and_so_is_the_request_after_it() {
    let scene = Scene::new();
    let clients = Clients { handshake: Duration::from_millis(200), ..Clients::default() };
    let (server, _) = scene.serve_for(false, clients).await;
    for beginning in [&b""[..], b"\x16", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(beginning).await.unwrap();
        let mut answer = Vec::new();
        timeout(PATIENCE, stream.read_to_end(&mut answer)).await.unwrap().unwrap();
        assert!(answer.is_empty());
    }
    if let Ok(mut stream) = connect(&server, scene.client()).await {
        let mut answer = String::new();
        timeout(PATIENCE, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
        assert!(answer.starts_with("HTTP/1.1 408 Request Timeout\r\n"), "{answer}");
    }
}

#[tokio::test]
async fn a_proxys_header_comes_before_tls_and_its_client_counts() {
    let scene = Scene::new();
    let clients = Clients {
        trusted_proxies: vec!["127.0.0.0/8".parse().unwrap()],
        proxy_protocol: true,
        connections_per_address: 1,
        ..Clients::default()
    };
    let (server, _) = scene.serve_for(false, clients).await;
    let connector = TlsConnector::from(Arc::new(scene.client()));
    let through = async |ip: &str| {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let header = format!("PROXY TCP4 {ip} 192.0.2.1 4711 443\r\n");
        stream.write_all(header.as_bytes()).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let stream = timeout(PATIENCE, connector.connect(name, stream)).await.unwrap().ok()?;
        let builder = ClientBuilder::new().uri("wss://localhost/v1").unwrap();
        let connecting = builder.connect_on(stream);
        let mut client = Client { socket: timeout(PATIENCE, connecting).await.unwrap().unwrap().0 };
        let welcome = client.expect("welcome").await;
        assert_eq!(welcome["welcome"]["your-address"], json!({"ipv4": ip, "port": 4711}));
        Some(client)
    };
    let first = through("192.0.2.7").await;
    assert!(through("192.0.2.7").await.is_none(), "one too many");
    assert!(first.is_some() && through("192.0.2.8").await.is_some());
    // Without its header, the proxy is not heard.
    assert!(connect(&server, scene.client()).await.is_err());
}

#[tokio::test]
async fn what_watches_the_server_sees_when_the_certificate_expires() {
    let scene = Scene::new();
    scene.put(&scene.issue_until(2001));
    let (mut doors, address) = door();
    let admin = listen("127.0.0.1:0".parse().unwrap()).unwrap();
    let admin_address = admin.local_addr().unwrap();
    doors.admin.push(admin);
    let config = Config { tls: Some(scene.tls(false)), ..Config::default() };
    let (server, control) = Server::behind(doors, address, config).await.unwrap();
    let told = async || {
        let mut stream = TcpStream::connect(admin_address).await.unwrap();
        let request = b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        stream.write_all(request).await.unwrap();
        let mut page = String::new();
        timeout(PATIENCE, stream.read_to_string(&mut page)).await.unwrap().unwrap();
        let name = "wormhole_tls_certificate_not_after_seconds ";
        let value = page.lines().find_map(|line| line.strip_prefix(name));
        value.map(|value| value.parse::<u64>().unwrap())
    };
    assert_eq!(told().await, Some(978_307_200));
    scene.put(&scene.issue_until(2031));
    control.reload().await.unwrap();
    assert_eq!(told().await, Some(1_924_992_000));
    let ends = control.certificate_ends().unwrap();
    assert_eq!(ends.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs(), 1_924_992_000);
    server.stop().await;
}
