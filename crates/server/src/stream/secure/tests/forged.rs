//! Clients who say in their records what they like.

use std::io::Write;

use rustls::{
    ClientConnection, ConnectionTrafficSecrets, ContentType, ProtocolVersion, SupportedCipherSuite,
    crypto::{
        cipher::{MessageEncrypter, OutboundChunks, OutboundPlainMessage},
        ring::cipher_suite::TLS13_AES_256_GCM_SHA384,
    },
};

use super::*;

/// A client that says in its records what it likes.
struct Forger {
    socket: TcpStream,
    keys: Box<dyn MessageEncrypter>,
    sequence: u64,
}

impl Forger {
    fn sealed(&mut self, typ: ContentType, text: &[u8]) -> Vec<u8> {
        let payload = OutboundChunks::Single(text);
        let plain = OutboundPlainMessage { typ, version: ProtocolVersion::TLSv1_2, payload };
        let sealed = self.keys.encrypt(plain, self.sequence).unwrap().encode();
        self.sequence += 1;
        sealed
    }

    async fn say(&mut self, typ: ContentType, text: &[u8]) {
        let sealed = self.sealed(typ, text);
        self.socket.write_all(&sealed).await.unwrap();
    }
}

async fn forger() -> (Secure, Forger) {
    let ((server, client), (shown, mut trust)) = (sockets().await, configs(&TLS13));
    trust.enable_secret_extraction = true;
    let (server, client) =
        tokio::try_join!(Secure::accept(server, shown), within(client, trust)).unwrap();
    let (socket, tls) = client.into_inner();
    let (sequence, secrets) = tls.dangerous_extract_secrets().unwrap().tx;
    let ConnectionTrafficSecrets::Aes256Gcm { key, iv } = secrets else { panic!("another suite") };
    let SupportedCipherSuite::Tls13(suite) = TLS13_AES_256_GCM_SHA384 else { panic!() };
    (server, Forger { socket, keys: suite.aead_alg.encrypter(key, iv), sequence })
}

const HANDSHAKE: ContentType = ContentType::Handshake;
const DATA: ContentType = ContentType::ApplicationData;

/// Reads until the server has had enough.
async fn refused(server: &mut Secure) {
    let error = server.read(&mut [0; 9]).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{error}");
    // rustls remembers a place in what came that is gone, and would panic if it was asked again.
    assert_eq!(server.write(b"x").await.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    server.shutdown().await.unwrap();
}

#[tokio::test]
async fn who_says_too_long_a_message_is_not_heard_again() {
    let (mut server, mut client) = forger().await;
    client.say(HANDSHAKE, &[24, 1, 0, 0]).await; // a KeyUpdate of 64 KiB
    refused(&mut server).await;
}

#[tokio::test]
async fn who_interrupts_a_message_is_not_heard_again() {
    let (mut server, mut client) = forger().await;
    client.say(HANDSHAKE, &[24]).await;
    client.say(DATA, b"in the middle of it").await;
    refused(&mut server).await;
}

#[tokio::test]
async fn what_is_unfinished_is_no_longer_than_a_record() {
    let (mut server, mut client) = forger().await;
    let mut text = vec![0; 6000];
    text[..4].copy_from_slice(&[24, 0, 0xff, 0xff]);
    let short = Duration::from_millis(100);
    for _ in 0..3 {
        client.say(HANDSHAKE, &text).await;
        assert!(tokio::time::timeout(short, server.read(&mut [0; 9])).await.is_err());
        text.fill(0);
    }
    assert!((18_000..=UNFINISHED).contains(&server.partial.capacity()));
    client.say(HANDSHAKE, &text).await;
    refused(&mut server).await;
    assert_eq!(server.partial.capacity(), 0);
}

#[tokio::test]
async fn a_forgery_after_a_goodbye_is_nothing() {
    let (mut server, mut client) = forger().await;
    server.shutdown().await.unwrap();
    client.socket.write_all(&[23, 3, 3, 0, 40]).await.unwrap();
    client.socket.write_all(&[7; 40]).await.unwrap();
    client.say(DATA, b"and what is none, too").await;
    client.socket.shutdown().await.unwrap();
    assert_eq!(server.read(&mut [0; 9]).await.unwrap(), 0);
}

#[tokio::test]
async fn empty_records_are_not_taken_for_ever() {
    let (mut server, mut client) = forger().await;
    for _ in 0..200 {
        let sealed = client.sealed(DATA, b"");
        _ = client.socket.write_all(&sealed).await;
    }
    refused(&mut server).await;
}

#[tokio::test]
async fn a_record_is_read_with_little_room_and_no_more_of_it_kept_than_is_left() {
    let (mut server, mut client) = forger().await;
    let record = client.sealed(DATA, &[7; RECORD]);
    let (most, last) = record.split_at(record.len() - 1);
    client.socket.write_all(most).await.unwrap();
    let mut room = vec![0; LEAST];
    let short = Duration::from_millis(100);
    assert!(tokio::time::timeout(short, server.read(&mut room)).await.is_err());
    let mut more = last.to_vec();
    more.extend(client.sealed(DATA, &[7; 4000]));
    client.socket.write_all(&more).await.unwrap();
    assert_eq!(server.read(&mut room).await.unwrap(), LEAST);
    assert_eq!(server.plain.capacity(), RECORD - LEAST + 4000);
}

#[tokio::test]
async fn what_is_said_while_a_record_or_a_message_is_half_there_is_heard() {
    let (mut server, mut client) = forger().await;
    let short = Duration::from_millis(50);
    // A KeyUpdate in two pieces, each record in two pieces, with writes after every one.
    let records = [client.sealed(HANDSHAKE, &[24, 0, 0]), client.sealed(HANDSHAKE, &[1, 0])];
    for record in &records {
        let (one, other) = record.split_at(10);
        for piece in [one, other] {
            client.socket.write_all(piece).await.unwrap();
            assert!(tokio::time::timeout(short, server.read(&mut [0; 9])).await.is_err());
            says(&mut server, b"meanwhile").await;
        }
    }
    assert_eq!(server.partial.capacity(), 0);
}

#[tokio::test]
async fn what_follows_the_finished_at_once_is_not_lost() {
    for version in BOTH {
        for length in [1, 3000, 12_000] {
            let ((server, mut client), (shown, trust)) = (sockets().await, configs(version));
            let serving = tokio::spawn(Secure::accept(server, shown));
            let name = ServerName::try_from("localhost").unwrap();
            let mut tls = ClientConnection::new(Arc::new(trust), name).unwrap();
            let text = text(length);
            tls.writer().write_all(&text).unwrap(); // goes out when hands are shaken
            while tls.is_handshaking() {
                let mut out = Vec::new();
                while tls.wants_write() {
                    tls.write_tls(&mut out).unwrap();
                }
                client.write_all(&out).await.unwrap();
                let mut came = vec![0; 20_000];
                let read = client.read(&mut came).await.unwrap();
                let mut came = &came[..read];
                while !came.is_empty() {
                    tls.read_tls(&mut came).unwrap();
                    tls.process_new_packets().unwrap();
                }
            }
            tls.send_close_notify();
            let mut out = Vec::new();
            while tls.wants_write() {
                tls.write_tls(&mut out).unwrap();
            }
            client.write_all(&out).await.unwrap();
            let mut server = serving.await.unwrap().unwrap();
            let mut heard = Vec::new();
            server.read_to_end(&mut heard).await.unwrap();
            assert!(heard == text);
            says(&mut server, b"last words").await;
            server.shutdown().await.unwrap();
        }
    }
}
