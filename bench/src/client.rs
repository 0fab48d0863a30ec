//! A lean client of the mailbox protocol, so that what is measured is the server.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use rustls::{ClientConfig, pki_types::ServerName};
use serde::Deserialize;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};
use tokio_rustls::TlsConnector;

use crate::frames;

/// Bytes that are read at once.
const CHUNK: usize = 4096;

/// Where a mailbox server is.
#[derive(Clone, Debug)]
pub struct Url {
    /// Its address.
    pub address: SocketAddr,
    /// The path of its WebSocket.
    pub path: String,
    /// From which address to connect, when not the system is to choose: one address has so many ports.
    pub from: Option<IpAddr>,
    /// What is trusted, when it is within TLS.
    pub trust: Option<Arc<ClientConfig>>,
}

impl Url {
    /// A mailbox server's usual path at an address.
    pub fn of(address: SocketAddr) -> Self {
        Self { address, path: "/v1".to_owned(), from: None, trust: None }
    }
}

/// Connects to an address, from one of this computer's if any is named.
pub async fn connect(address: SocketAddr, from: Option<IpAddr>) -> io::Result<TcpStream> {
    let Some(from) = from else { return TcpStream::connect(address).await };
    let socket = if from.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.bind((from, 0).into())?;
    socket.connect(address).await
}

/// The request that asks for a WebSocket at this path.
pub fn upgrade(path: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
}

/// A message from the server, as far as it is looked at.
#[derive(Clone, Debug, Deserialize)]
pub struct Heard {
    /// Its `type`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The nameplate of `allocated`.
    pub nameplate: Option<String>,
    /// The mailbox of `claimed`.
    pub mailbox: Option<String>,
    /// Who said a `message`.
    pub side: Option<String>,
    /// The phase of a `message`.
    pub phase: Option<String>,
    /// The text of an `error`.
    pub error: Option<String>,
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// A connection to a mailbox server.
pub struct Client {
    stream: Box<dyn Stream>,
    input: Vec<u8>,
    used: usize,
    output: Vec<u8>,
}

impl Client {
    /// Connects and goes through the WebSocket's handshake.
    pub async fn connect(url: &Url) -> io::Result<Self> {
        let stream = connect(url.address, url.from).await?;
        stream.set_nodelay(true)?;
        let stream: Box<dyn Stream> = match &url.trust {
            None => Box::new(stream),
            Some(trust) => {
                let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
                Box::new(TlsConnector::from(Arc::clone(trust)).connect(name, stream).await?)
            }
        };
        let mut client = Self { stream, input: Vec::new(), used: 0, output: Vec::new() };
        client.stream.write_all(upgrade(&url.path).as_bytes()).await?;
        loop {
            let end = client.input.windows(4).position(|window| window == b"\r\n\r\n");
            if let Some(end) = end {
                if !client.input.starts_with(b"HTTP/1.1 101") {
                    return Err(io::Error::other("the server refused the WebSocket"));
                }
                client.used = end + 4;
                return Ok(client);
            }
            client.fill().await?;
        }
    }

    /// Queues a message. Nothing is sent before [`flush`](Self::flush).
    pub fn say(&mut self, json: &str) {
        self.frame(1, json.as_bytes());
    }

    /// Queues bytes, as a message.
    pub fn say_bytes(&mut self, bytes: &[u8]) {
        self.frame(2, bytes);
    }

    /// Sends what was queued, in one write.
    pub async fn flush(&mut self) -> io::Result<()> {
        self.stream.write_all(&self.output).await?;
        self.stream.flush().await?;
        self.output.clear();
        Ok(())
    }

    /// The next message that is not of a kind that a client may ignore.
    pub async fn hear(&mut self) -> io::Result<Heard> {
        loop {
            while let Some((opcode, start, end)) = self.next_frame() {
                self.used = end;
                let payload = self.input.get(start..end).unwrap_or_default();
                match opcode {
                    1 if is_ack(payload) => {}
                    1 => return Ok(serde_json::from_slice(payload)?),
                    8 => return Err(closed(payload)),
                    9 => {
                        let payload = payload.to_vec();
                        self.frame(10, &payload);
                        self.flush().await?;
                    }
                    _ => {}
                }
            }
            self.fill().await?;
        }
    }

    /// Hears bytes, in however many messages they come, until there are so many of them.
    pub async fn hear_bytes(&mut self, room: &mut [u8]) -> io::Result<()> {
        let mut heard = 0;
        while heard < room.len() {
            let Some((opcode, start, end)) = self.next_frame() else {
                self.fill().await?;
                continue;
            };
            self.used = end;
            let payload = self.input.get(start..end).unwrap_or_default();
            match (opcode, room.get_mut(heard..heard + payload.len())) {
                (2, Some(place)) => place.copy_from_slice(payload),
                (2, None) => return Err(io::Error::other("more came than was awaited")),
                (8, _) => return Err(closed(payload)),
                _ => continue,
            }
            heard += payload.len();
        }
        Ok(())
    }

    /// Hears until a message of this kind comes. An `error` is an error.
    pub async fn expect(&mut self, kind: &str) -> io::Result<Heard> {
        loop {
            let heard = self.hear().await?;
            if heard.kind == kind {
                return Ok(heard);
            }
            if heard.kind == "error" {
                return Err(io::Error::other(heard.error.unwrap_or_default()));
            }
        }
    }

    /// Says goodbye in WebSocket's own way.
    pub async fn leave(mut self) {
        self.frame(8, &1000u16.to_be_bytes());
        _ = self.flush().await;
    }

    fn frame(&mut self, opcode: u8, payload: &[u8]) {
        frames::put(&mut self.output, opcode, payload);
    }

    /// Kind, start and end of the next frame, when it is here.
    fn next_frame(&self) -> Option<(u8, usize, usize)> {
        let bytes = self.input.get(self.used..)?;
        let (opcode, header, length) = frames::head(bytes)?;
        (bytes.len() >= header + length).then_some((
            opcode,
            self.used + header,
            self.used + header + length,
        ))
    }

    async fn fill(&mut self) -> io::Result<()> {
        if self.used > 0 {
            self.input.drain(..self.used);
            self.used = 0;
        }
        self.input.reserve(CHUNK);
        match self.stream.read_buf(&mut self.input).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

/// The server has closed the connection, and says why.
fn closed(payload: &[u8]) -> io::Error {
    let reason = String::from_utf8_lossy(payload.get(2..).unwrap_or_default());
    io::Error::new(io::ErrorKind::ConnectionAborted, format!("the server closed: {reason:?}"))
}

/// Whether this is an `ack`, in our server's words or in Python's; most of what comes is.
fn is_ack(payload: &[u8]) -> bool {
    let find = |needle: &[u8]| payload.windows(needle.len()).any(|window| window == needle);
    payload.len() < 120 && (find(b"\"type\":\"ack\"") || find(b"\"type\": \"ack\""))
}
