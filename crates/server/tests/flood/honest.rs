//! Two who are on other addresses, and have come to meet.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};
use tokio_websockets::{ClientBuilder, Message};

use crate::{Place, attack::Attack, support};

const ONE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 66);
const OTHER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 67);

/// What a pair moves through the relay.
const BYTES: usize = 1 << 20;

pub(crate) trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Wire for T {}

pub(crate) type Client = support::Client<Box<dyn Wire>>;

/// Connects from an address.
pub(crate) async fn dial(from: Ipv4Addr, to: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((from, 0).into())?;
    socket.connect(to).await
}

/// Two exchange a message, at each door where that is possible.
pub(crate) async fn pair(place: &Place, attacks: &[Attack]) {
    meet(attacks, async || {
        let clients = (plain(place, ONE).await?, plain(place, OTHER).await?);
        exchange(clients.0, clients.1).await
    })
    .await;
    #[cfg(feature = "tls")]
    meet(attacks, async || {
        let clients = (sealed(place, ONE).await?, sealed(place, OTHER).await?);
        exchange(clients.0, clients.1).await
    })
    .await;
}

/// Whoever claims what others have claimed takes part in their exchange, and has one guess: then the
/// two take another code. Nothing else that strangers do makes an exchange fail.
async fn meet(attacks: &[Attack], exchange: impl AsyncFn() -> Result<(), String>) {
    while let Err(error) = exchange().await {
        assert!(attacks.contains(&Attack::Claims) && error.contains("crowded"), "{error}");
    }
}

/// A client that comes by the web door.
pub(crate) async fn plain(place: &Place, from: Ipv4Addr) -> Result<Client, String> {
    upgraded(open(place, from).await?, "/v1").await
}

/// By the web door.
async fn open(place: &Place, from: Ipv4Addr) -> Result<Box<dyn Wire>, String> {
    let stream = dial(from, place.web).await.map_err(|error| error.to_string())?;
    Ok(Box::new(stream))
}

#[cfg(feature = "tls")]
pub(crate) async fn sealed(place: &Place, from: Ipv4Addr) -> Result<Client, String> {
    upgraded(open_sealed(place, from).await?, "/v1").await
}

/// By the door of TLS.
#[cfg(feature = "tls")]
async fn open_sealed(place: &Place, from: Ipv4Addr) -> Result<Box<dyn Wire>, String> {
    let stream = dial(from, place.tls).await.map_err(|error| error.to_string())?;
    let name = rustls::pki_types::ServerName::try_from("localhost").unwrap();
    let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::clone(&place.trust));
    let stream = connector.connect(name, stream).await.map_err(|error| error.to_string())?;
    Ok(Box::new(stream))
}

async fn upgraded(stream: Box<dyn Wire>, path: &str) -> Result<Client, String> {
    let builder = ClientBuilder::new().uri(&format!("ws://localhost{path}")).unwrap();
    let (socket, _) = builder.connect_on(stream).await.map_err(|error| error.to_string())?;
    Ok(support::Client { socket })
}

/// The whole of an exchange, of two sides that nobody else is.
pub(crate) async fn exchange(mut one: Client, mut other: Client) -> Result<(), String> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Relaxed);
    let sides = [format!("one{number}"), format!("other{number}")];
    bind(&mut one, &sides[0]).await?;
    say(&mut one, json!({"type": "allocate"})).await?;
    let nameplate = until(&mut one, "allocated").await?["nameplate"].clone();
    claim(&mut one, &nameplate).await?;
    bind(&mut other, &sides[1]).await?;
    claim(&mut other, &nameplate).await?;
    for (client, peer) in [(&mut one, &sides[1]), (&mut other, &sides[0])] {
        while until(client, "message").await?["side"] != **peer {}
        say(client, json!({"type": "release"})).await?;
        say(client, json!({"type": "close", "mood": "happy"})).await?;
        until(client, "closed").await?;
    }
    Ok(())
}

async fn bind(client: &mut Client, side: &str) -> Result<(), String> {
    until(client, "welcome").await?;
    say(client, json!({"type": "bind", "appid": "example.com/honest", "side": side})).await
}

async fn claim(client: &mut Client, nameplate: &Value) -> Result<(), String> {
    say(client, json!({"type": "claim", "nameplate": nameplate})).await?;
    let mailbox = until(client, "claimed").await?["mailbox"].clone();
    say(client, json!({"type": "open", "mailbox": mailbox})).await?;
    say(client, json!({"type": "add", "phase": "pake", "body": "00"})).await
}

async fn say(client: &mut Client, message: Value) -> Result<(), String> {
    let message = Message::text(message.to_string());
    client.socket.send(message).await.map_err(|error| error.to_string())
}

/// The next message of this kind.
async fn until(client: &mut Client, kind: &str) -> Result<Value, String> {
    loop {
        let message = client.hear().await.ok_or("the server closed the connection")?;
        if message["type"] == kind {
            return Ok(message);
        }
        if message["type"] == "error" {
            return Err(message["error"].to_string());
        }
    }
}

/// Two move a mebibyte through the relay, by each of its doors.
pub(crate) async fn transfer(place: &Place) {
    let mut links =
        [dial(ONE, place.relay).await.unwrap(), dial(OTHER, place.relay).await.unwrap()];
    for (link, side) in links.iter_mut().zip(1..) {
        link.write_all(line(side).as_bytes()).await.unwrap();
    }
    for link in &mut links {
        let mut consent = [0; 3];
        link.read_exact(&mut consent).await.unwrap();
        assert_eq!(&consent, b"ok\n");
    }
    let [mut from, mut to] = links;
    let (said, mut heard) = (vec![7; BYTES], vec![0; BYTES]);
    let moved = async {
        tokio::try_join!(from.write_all(&said), async { to.read_exact(&mut heard).await.map(drop) })
    };
    moved.await.unwrap();
    assert!(said == heard);
    let ends = [open(place, ONE).await.unwrap(), open(place, OTHER).await.unwrap()];
    transfer_by_websocket(ends).await;
    #[cfg(feature = "tls")]
    {
        let ends =
            [open_sealed(place, ONE).await.unwrap(), open_sealed(place, OTHER).await.unwrap()];
        transfer_by_websocket(ends).await;
    }
}

async fn transfer_by_websocket(ends: [Box<dyn Wire>; 2]) {
    let mut links = Vec::new();
    for (end, side) in ends.into_iter().zip(1..) {
        let mut link = upgraded(end, "/relay").await.unwrap();
        link.say_bytes(line(side).into_bytes()).await;
        links.push(link);
    }
    for link in &mut links {
        assert_eq!(*link.socket.next().await.unwrap().unwrap().into_payload(), *b"ok\n");
    }
    let [mut from, mut to] = links.try_into().ok().unwrap();
    let saying = async {
        for _ in 0..16 {
            from.say_bytes(vec![7; BYTES / 16]).await;
        }
    };
    let hearing = async {
        let mut heard = Vec::new();
        while heard.len() < BYTES {
            heard.extend_from_slice(&to.socket.next().await.unwrap().unwrap().into_payload());
        }
        assert!(heard == [7; 1].repeat(BYTES));
    };
    tokio::join!(saying, hearing);
}

fn line(side: u64) -> String {
    format!("please relay {} for side {side:016x}\n", "5a".repeat(32))
}
