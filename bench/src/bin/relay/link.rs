//! Links to a relay.

use std::{
    fmt,
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use clap::ValueEnum;
use rustls::{ClientConfig, ClientConnection, StreamOwned, pki_types::ServerName};
use wormhole_sync_bench::{client::upgrade, frames};

/// A relay that says nothing for so long has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// How a relay is spoken to.
#[derive(Clone, Copy, ValueEnum, PartialEq, Eq)]
pub(crate) enum By {
    /// TCP as it is.
    Tcp,
    /// WebSocket.
    Ws,
    /// WebSocket within TLS.
    Wss,
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "tcp",
            Self::Ws => "ws",
            Self::Wss => "wss",
        })
    }
}

/// Where a relay is.
#[derive(Clone)]
pub(crate) struct Relay {
    pub(crate) address: SocketAddr,
    pub(crate) by: By,
    /// What is trusted, when it is within TLS.
    pub(crate) trust: Option<Arc<ClientConfig>>,
}

trait Stream: Read + Write + Send {}

impl<T: Read + Write + Send> Stream for T {}

/// One link.
pub(crate) struct Link {
    stream: BufReader<Box<dyn Stream>>,
    /// By WebSocket, bytes of the message that is coming which have not been read yet.
    left: Option<usize>,
    output: Vec<u8>,
}

impl Link {
    fn open(relay: &Relay) -> io::Result<Self> {
        let socket = TcpStream::connect(relay.address)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        let stream: Box<dyn Stream> = match &relay.trust {
            None => Box::new(socket),
            Some(trust) => {
                let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
                let tls = ClientConnection::new(Arc::clone(trust), name);
                Box::new(StreamOwned::new(tls.map_err(io::Error::other)?, socket))
            }
        };
        let mut link = Self { stream: BufReader::new(stream), left: None, output: Vec::new() };
        if relay.by != By::Tcp {
            link.switch()?;
        }
        Ok(link)
    }

    /// From HTTP to WebSocket.
    fn switch(&mut self) -> io::Result<()> {
        put(&mut self.stream, upgrade("/relay").as_bytes())?;
        let mut answer = String::new();
        while !answer.ends_with("\r\n\r\n") {
            if self.stream.read_line(&mut answer)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        if !answer.starts_with("HTTP/1.1 101") {
            return Err(io::Error::other("the relay refused the WebSocket"));
        }
        self.left = Some(0);
        Ok(())
    }

    /// Says something, by WebSocket as one message.
    pub(crate) fn say(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Self { stream, left, output } = self;
        if left.is_none() {
            return put(stream, bytes);
        }
        output.clear();
        frames::put(output, 2, bytes);
        put(stream, output)
    }

    /// Hears what fits. Nothing is the end.
    pub(crate) fn hear(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let Some(left) = &mut self.left else { return self.stream.read(room) };
        while *left == 0 {
            let Some((opcode, length)) = next_frame(&mut self.stream)? else { return Ok(0) };
            match opcode {
                0..=2 => *left = length,
                8 => return Ok(0),
                _ => return Err(io::Error::other("a relay has nothing to ask")),
            }
        }
        let most = room.len().min(*left);
        let heard = self.stream.read(room.get_mut(..most).unwrap_or_default())?;
        *left -= heard;
        Ok(heard)
    }
}

fn put(stream: &mut BufReader<Box<dyn Stream>>, bytes: &[u8]) -> io::Result<()> {
    stream.get_mut().write_all(bytes)?;
    stream.get_mut().flush()
}

/// Kind and length of the frame that begins. `None` at the end.
fn next_frame(stream: &mut impl BufRead) -> io::Result<Option<(u8, usize)>> {
    if stream.fill_buf()?.is_empty() {
        return Ok(None);
    }
    let mut head = Vec::new();
    loop {
        if let Some((opcode, _, length)) = frames::head(&head) {
            return Ok(Some((opcode, length)));
        }
        let mut next = [0];
        stream.read_exact(&mut next)?;
        head.extend(next);
    }
}

/// A link that waits for its partner.
pub(crate) fn wait(relay: &Relay, token: u64, side: u64) -> io::Result<Link> {
    let mut link = Link::open(relay)?;
    let process = std::process::id();
    let line = format!("please relay {process:032x}{token:032x} for side {side:016x}\n");
    link.say(line.as_bytes())?;
    Ok(link)
}

/// Two links that are one.
pub(crate) fn pair(relay: &Relay) -> io::Result<[Link; 2]> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let token = NEXT.fetch_add(1, Relaxed);
    let mut links = [wait(relay, token, 1)?, wait(relay, token, 2)?];
    for link in &mut links {
        let (mut consent, mut heard) = ([0; 3], 0);
        while heard < consent.len() {
            match link.hear(consent.get_mut(heard..).unwrap_or_default())? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                more => heard += more,
            }
        }
        if consent != *b"ok\n" {
            return Err(io::Error::other("the relay did not say ok"));
        }
    }
    Ok(links)
}
