//! Clients who say it in pieces, who break off, who lie, and who do not read.

mod forged;
mod pieces;

use std::time::Duration;

use rustls::{
    ClientConfig, RootCertStore, SupportedProtocolVersion,
    crypto::ring,
    pki_types::{PrivateKeyDer, ServerName, pem::PemObject},
    version::{TLS12, TLS13},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional, duplex},
    net::TcpListener,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::*;

const BOTH: [&SupportedProtocolVersion; 2] = [&TLS12, &TLS13];

/// What a server shows, and who believes it.
fn configs(version: &'static SupportedProtocolVersion) -> (Arc<ServerConfig>, ClientConfig) {
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let provider = Arc::new(ring::default_provider());
    let key = PrivateKeyDer::from_pem_slice(own.signing_key.serialize_pem().as_bytes()).unwrap();
    let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&BOTH)
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![own.cert.der().clone()], key)
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(own.cert.der().clone()).unwrap();
    let client = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (Arc::new(server), client)
}

async fn sockets() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    client.set_nodelay(true).unwrap();
    (listener.accept().await.unwrap().0, client)
}

async fn within<T>(stream: T, config: ClientConfig) -> io::Result<TlsStream<T>>
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

/// Both ends, once hands are shaken.
async fn pair(version: &'static SupportedProtocolVersion) -> (Secure, TlsStream<TcpStream>) {
    let (server, client) = sockets().await;
    pair_of(server, client, version).await
}

/// The same over these sockets.
pub(crate) async fn pair_of(
    server: TcpStream,
    client: TcpStream,
    version: &'static SupportedProtocolVersion,
) -> (Secure, TlsStream<TcpStream>) {
    let (shown, trust) = configs(version);
    tokio::try_join!(Secure::accept(server, shown), within(client, trust)).unwrap()
}

async fn says(from: &mut (impl AsyncWrite + Unpin), text: &[u8]) {
    from.write_all(text).await.unwrap();
    from.flush().await.unwrap();
}

async fn hears(to: &mut (impl AsyncRead + Unpin), length: usize) -> Vec<u8> {
    let mut heard = vec![0; length];
    to.read_exact(&mut heard).await.unwrap();
    heard
}

fn text(length: usize) -> Vec<u8> {
    (0..=250).cycle().take(length).collect()
}

#[tokio::test]
async fn whoever_is_idle_holds_no_buffer() {
    for version in BOTH {
        let (mut server, mut client) = pair(version).await;
        for length in [1, 100_000] {
            let text = text(length);
            let ((), heard) = tokio::join!(says(&mut client, &text), hears(&mut server, length));
            assert!(heard == text);
            let ((), heard) = tokio::join!(says(&mut server, &text), hears(&mut client, length));
            assert!(heard == text);
            let buffers = [&server.partial, &server.plain, &server.sealed];
            assert_eq!(buffers.map(Vec::capacity), [0; 3]);
        }
    }
}

#[tokio::test]
async fn what_comes_byte_by_byte_is_what_was_said() {
    for version in BOTH {
        let ((server, mut far), (shown, mut trust)) = (sockets().await, configs(version));
        trust.max_fragment_size = Some(50); // not even its first message is in one record
        let (near, mut line) = duplex(1);
        tokio::spawn(async move { copy_bidirectional(&mut line, &mut far).await });
        let (server, client) = tokio::join!(Secure::accept(server, shown), within(near, trust));
        let (mut server, mut client) = (server.unwrap(), client.unwrap());
        let text = text(5000);
        let ((), heard) = tokio::join!(says(&mut client, &text), hears(&mut server, 5000));
        assert!(heard == text);
        let ((), heard) = tokio::join!(says(&mut server, &text), hears(&mut client, 5000));
        assert!(heard == text);
    }
}

#[tokio::test]
async fn a_record_is_read_in_pieces_by_whoever_has_little_room() {
    let (mut server, mut client) = pair(&TLS13).await;
    let text = text(40_000);
    says(&mut client, &text).await;
    let mut heard = Vec::new();
    while heard.len() < text.len() {
        let mut room = [0; 7];
        let read = server.read(&mut room).await.unwrap();
        assert!(read > 0);
        heard.extend_from_slice(&room[..read]);
    }
    assert!(heard == text);
    assert_eq!([&server.partial, &server.plain].map(Vec::capacity), [0; 2]);
}

/// The client takes new keys, and says something with them.
async fn changes_keys(client: &mut TlsStream<TcpStream>, server: &mut Secure) {
    client.get_mut().1.refresh_traffic_keys().unwrap();
    says(client, b"with new keys").await;
    assert_eq!(hears(server, 13).await, b"with new keys");
}

#[tokio::test]
async fn keys_are_changed_when_the_client_wants_to() {
    let (mut server, mut client) = pair(&TLS13).await;
    for _ in 0..3 {
        changes_keys(&mut client, &mut server).await;
        says(&mut server, b"and back").await;
        assert_eq!(hears(&mut client, 8).await, b"and back");
    }
}

#[tokio::test]
async fn an_end_is_told_from_a_cut() {
    for version in BOTH {
        let (mut server, mut client) = pair(version).await;
        client.shutdown().await.unwrap();
        assert_eq!(server.read(&mut [0; 9]).await.unwrap(), 0);
        assert_eq!(server.read(&mut [0; 9]).await.unwrap(), 0, "and it stays so");
        says(&mut server, b"last words").await;
        server.shutdown().await.unwrap();
        let mut heard = Vec::new();
        client.read_to_end(&mut heard).await.unwrap();
        assert_eq!(heard, b"last words");

        let (mut server, mut client) = pair(version).await;
        says(&mut server, b"x").await;
        hears(&mut client, 1).await; // and what came before it: else the cut would be a reset
        drop(client.into_inner().0);
        let error = server.read(&mut [0; 9]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);

        let (mut server, mut client) = pair(version).await;
        server.shutdown().await.unwrap();
        assert_eq!(client.read(&mut [0; 9]).await.unwrap(), 0, "no cut either");
    }
}

#[tokio::test]
async fn whoever_breaks_the_protocol_is_told_so_and_never_heard_again() {
    for version in BOTH {
        let (mut server, mut client) = pair(version).await;
        let forged = [23, 3, 3, 0, 40].into_iter().chain([7; 40]).collect::<Vec<u8>>();
        client.get_mut().0.write_all(&forged).await.unwrap();
        for _ in 0..2 {
            let error = server.read(&mut [0; 9]).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData);
            says(&mut client, b"as if nothing had happened").await;
        }
        assert_eq!(server.write(b"x").await.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        let error = client.read(&mut [0; 9]).await.unwrap_err();
        assert!(error.to_string().contains("BadRecordMac"), "{error}");
    }
}

#[tokio::test]
async fn whoever_does_not_speak_tls_is_told_so() {
    let ((server, mut client), (shown, _)) = (sockets().await, configs(&TLS13));
    client.write_all(b"\x99\x03\x01\x00\x05hello").await.unwrap();
    let error = Secure::accept(server, shown).await.err().unwrap();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    assert_eq!(hears(&mut client, 2).await, [21, 3]); // an alert
}

#[tokio::test]
async fn a_first_message_without_an_end_is_cut_off() {
    let ((server, mut client), (shown, _)) = (sockets().await, configs(&TLS13));
    let accepting = tokio::spawn(Secure::accept(server, shown));
    // A ClientHello of 65,535 bytes, in records of 16,000.
    let mut record = vec![22, 3, 1, 0x3e, 0x80, 1, 0, 0xff, 0xff];
    record.resize(5 + 16_000, 0);
    while client.write_all(&record).await.is_ok() {
        record[5..].fill(0);
    }
    let outcome = tokio::time::timeout(Duration::from_secs(60), accepting).await.unwrap().unwrap();
    assert_eq!(outcome.err().unwrap().kind(), io::ErrorKind::InvalidData);
}

#[tokio::test]
async fn a_reader_that_lags_behind_makes_the_writer_wait_with_what_is_sealed_at_once() {
    let (mut server, mut client) = pair(&TLS13).await;
    let text = text(32 << 20);
    let (mut written, mut heard) = (0, Vec::new());
    while written < text.len() {
        let writing = server.write(&text[written..]);
        match tokio::time::timeout(Duration::from_millis(200), writing).await {
            Ok(taken) => written += taken.unwrap(),
            Err(_) => break,
        }
    }
    assert!(written < text.len(), "no system takes so much");
    assert!(0 < server.held() && server.held() < BATCH + 4 * 100, "{}", server.held());
    let length = text.len();
    let reading = async {
        heard = hears(&mut client, length).await;
    };
    tokio::join!(reading, says(&mut server, &text[written..]));
    assert!(heard == text);
    assert_eq!(server.held(), 0);
}

#[tokio::test]
async fn a_flood_of_key_updates_is_answered_with_nothing_that_grows() {
    let (mut server, mut client) = pair(&TLS13).await;
    for _ in 0..2000 {
        changes_keys(&mut client, &mut server).await;
        assert_eq!(server.sealed.capacity(), 0);
    }
    says(&mut server, b"and back").await;
    assert_eq!(hears(&mut client, 8).await, b"and back");
}

#[tokio::test]
async fn what_was_said_before_a_reset_is_heard_though_something_waits() {
    let (mut server, mut client) = pair(&TLS13).await;
    let text = text(32 << 20);
    let (mut written, short) = (0, Duration::from_millis(200));
    while let Ok(taken) = tokio::time::timeout(short, server.write(&text[written..])).await {
        written += taken.unwrap();
    }
    says(&mut client, b"all that I have").await;
    drop(client); // with much unread: a reset
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(hears(&mut server, 15).await, b"all that I have");
    assert!(server.flush().await.is_err());
}
