//! What strangers do.

use std::{
    collections::VecDeque,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    runtime::{Builder, Runtime},
    time::timeout,
};

use crate::{
    Place,
    honest::{self, dial},
};

const UPGRADE: &[u8] =
    b"GET /v1 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// One of those that a stranger does at the same time.
const TASKS: u64 = 8;

/// Connections that each of them holds: together more than one address may have.
const HELD: usize = 40;

/// How long one round lasts at the most.
const ROUND: Duration = Duration::from_secs(1);

/// What a stranger does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attack {
    Connections,
    HalfRequests,
    Exchanges,
    Pings,
    GiantMessages,
    Claims,
    Allocations,
    RelayLines,
    RelayPairs,
    RelayWebSockets,
    RandomBytes,
    #[cfg(feature = "tls")]
    Handshakes,
}

impl Attack {
    pub(crate) const ALL: &[Self] = &[
        Self::Connections,
        Self::HalfRequests,
        Self::Exchanges,
        Self::Pings,
        Self::GiantMessages,
        Self::Claims,
        Self::Allocations,
        Self::RelayLines,
        Self::RelayPairs,
        Self::RelayWebSockets,
        Self::RandomBytes,
        #[cfg(feature = "tls")]
        Self::Handshakes,
    ];
}

/// Strangers at work, until this is dropped.
pub(crate) struct Flood {
    work: Arc<Work>,
    runtime: Option<Runtime>,
}

/// What has been done so far.
#[derive(Default)]
struct Work {
    /// How often it was tried, whatever came of it.
    rounds: AtomicU64,
    /// How often the server was made to do what an attack is about.
    came_through: AtomicU64,
}

impl Flood {
    /// Each stranger begins everything.
    pub(crate) fn start(place: &Place, attacks: &[Attack], strangers: &[Ipv4Addr]) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let work = Arc::<Work>::default();
        for address in strangers {
            for attack in attacks {
                for number in 0..TASKS {
                    let stranger = Stranger {
                        place: place.clone(),
                        address: *address,
                        number,
                        held: VecDeque::new(),
                        work: Arc::clone(&work),
                    };
                    runtime.spawn(stranger.work(*attack));
                }
            }
        }
        Self { work, runtime: Some(runtime) }
    }

    /// How often anything was tried.
    pub(crate) fn rounds(&self) -> u64 {
        self.work.rounds.load(Relaxed)
    }

    /// How often the server was made to do what an attack is about.
    pub(crate) fn came_through(&self) -> u64 {
        self.work.came_through.load(Relaxed)
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

struct Stranger {
    place: Place,
    address: Ipv4Addr,
    /// Another one each time.
    number: u64,
    held: VecDeque<TcpStream>,
    work: Arc<Work>,
}

impl Stranger {
    /// Again and again, whatever comes of it.
    async fn work(mut self, attack: Attack) {
        loop {
            let done = timeout(ROUND, self.attack(attack)).await;
            if matches!(done, Ok(Err(_))) {
                self.held.pop_front(); // its own may be what there is no room for
                tokio::task::yield_now().await; // refused: at once again
            }
            self.number += TASKS;
            self.work.rounds.fetch_add(1, Relaxed);
        }
    }

    fn came_through(&self) {
        self.work.came_through.fetch_add(1, Relaxed);
    }

    async fn attack(&mut self, attack: Attack) -> io::Result<()> {
        match attack {
            Attack::Connections => self.connect().await,
            Attack::HalfRequests => self.begin_requests().await,
            Attack::Exchanges => self.exchange().await,
            Attack::Pings => self.ping().await,
            Attack::GiantMessages => self.send_giants().await,
            Attack::Claims => {
                let claim =
                    json!({"type": "claim", "nameplate": (1 + self.number % 999).to_string()});
                self.ask(&claim.to_string()).await
            }
            Attack::Allocations => self.ask(r#"{"type":"allocate"}"#).await,
            Attack::RelayLines => self.send_lines().await,
            Attack::RelayPairs => self.fill_the_relay().await,
            Attack::RelayWebSockets => self.relay_by_websocket().await,
            Attack::RandomBytes => self.send_random_bytes().await,
            #[cfg(feature = "tls")]
            Attack::Handshakes => {
                honest::sealed(&self.place, self.address).await.map_err(io::Error::other)?;
                self.came_through();
                Ok(())
            }
        }
    }

    async fn connect(&mut self) -> io::Result<()> {
        for door in self.doors() {
            let stream = dial(self.address, door).await?;
            if self.number.is_multiple_of(3) {
                self.hold(stream);
            }
        }
        self.came_through();
        Ok(())
    }

    async fn begin_requests(&mut self) -> io::Result<()> {
        for door in self.doors() {
            let mut stream = dial(self.address, door).await?;
            let cut = usize::try_from(self.number).unwrap_or(0) % UPGRADE.len();
            stream.write_all(&UPGRADE[..cut]).await?;
            self.hold(stream);
        }
        self.came_through();
        Ok(())
    }

    /// Whether it is finished is up to those who claim every nameplate, where there are any.
    async fn exchange(&self) -> io::Result<()> {
        let one = honest::plain(&self.place, self.address).await.map_err(io::Error::other)?;
        let other = honest::plain(&self.place, self.address).await.map_err(io::Error::other)?;
        self.came_through();
        honest::exchange(one, other).await.map_err(io::Error::other)
    }

    /// Every second one does not read the answers.
    async fn ping(&self) -> io::Result<()> {
        let mut stream = self.upgraded("/v1").await?;
        let pings = [frame(1, br#"{"type":"ping","ping":1}"#), frame(9, b"?")].concat().repeat(500);
        let (mut read, mut write) = stream.split();
        let asking = async { while write.write_all(&pings).await.is_ok() {} };
        if self.number.is_multiple_of(2) {
            asking.await;
        } else {
            let mut answers = vec![0; 1 << 16];
            let reading =
                async { while read.read(&mut answers).await.is_ok_and(|read| read > 0) {} };
            tokio::join!(asking, reading);
        }
        Ok(())
    }

    /// One that never ends, or many as large as a message may be.
    async fn send_giants(&self) -> io::Result<()> {
        let mut stream = self.upgraded("/v1").await?;
        stream.write_all(&self.bind()).await?;
        if self.number.is_multiple_of(2) {
            stream.write_all(b"\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0").await?;
            while stream.write_all(&[7; 4096]).await.is_ok() {}
            return Ok(());
        }
        let open = json!({"type": "open", "mailbox": format!("{:x}", self.number)});
        stream.write_all(&frame(1, open.to_string().as_bytes())).await?;
        let body = "00".repeat(500_000);
        let add = json!({"type": "add", "phase": "0", "body": body}).to_string();
        let add = frame(1, add.as_bytes());
        let (mut read, mut write) = stream.split();
        let adding = async { while write.write_all(&add).await.is_ok() {} };
        let mut heard = vec![0; 1 << 16];
        let reading = async { while read.read(&mut heard).await.is_ok_and(|read| read > 0) {} };
        tokio::join!(adding, reading);
        Ok(())
    }

    /// Binds, asks for one thing, and stays.
    async fn ask(&mut self, message: &str) -> io::Result<()> {
        let mut stream = self.upgraded("/v1").await?;
        stream.write_all(&[self.bind(), frame(1, message.as_bytes())].concat()).await?;
        self.hold(stream);
        Ok(())
    }

    async fn send_lines(&mut self) -> io::Result<()> {
        for line in [self.line(1), self.line(1), "please relay me\n".to_owned(), self.line(3) + "x"]
        {
            let mut stream = dial(self.address, self.place.relay).await?;
            stream.write_all(line.as_bytes()).await?;
            self.hold(stream);
        }
        self.came_through();
        Ok(())
    }

    /// Every second one does not read.
    async fn fill_the_relay(&self) -> io::Result<()> {
        let mut from = dial(self.address, self.place.relay).await?;
        let mut to = dial(self.address, self.place.relay).await?;
        from.write_all(self.line(1).as_bytes()).await?;
        to.write_all(self.line(2).as_bytes()).await?;
        let mut consent = [0; 3];
        from.read_exact(&mut consent).await?;
        if &consent != b"ok\n" {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        self.came_through();
        let chunk = vec![7; 1 << 18];
        let writing = async { while from.write_all(&chunk).await.is_ok() {} };
        if self.number.is_multiple_of(2) {
            writing.await;
        } else {
            let mut moved = vec![0; 1 << 18];
            let reading = async { while to.read(&mut moved).await.is_ok_and(|read| read > 0) {} };
            tokio::join!(writing, reading);
        }
        Ok(())
    }

    /// Every second one waits and pings, and reads no answer; the others are pairs of which one end does
    /// not read.
    async fn relay_by_websocket(&self) -> io::Result<()> {
        let mut one = self.upgraded("/relay").await?;
        one.write_all(&frame(2, self.line(1).as_bytes())).await?;
        if self.number.is_multiple_of(2) {
            let pings = frame(9, b"?").repeat(500);
            while one.write_all(&pings).await.is_ok() {}
            return Ok(());
        }
        let mut other = self.upgraded("/relay").await?;
        other.write_all(&frame(2, self.line(2).as_bytes())).await?;
        let message = frame(2, &[7; 4096]).repeat(100);
        while one.write_all(&message).await.is_ok() {}
        drop(other);
        Ok(())
    }

    async fn send_random_bytes(&self) -> io::Result<()> {
        for door in self.doors() {
            let mut stream = dial(self.address, door).await?;
            let mut state = self.number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
            let bytes: Vec<u8> = (0..1 << 14)
                .map(|_| {
                    state ^= state << 13;
                    state ^= state >> 7;
                    state ^= state << 17;
                    state.to_be_bytes()[0]
                })
                .collect();
            _ = stream.write_all(&bytes).await; // it may be closed in the middle
        }
        self.came_through();
        Ok(())
    }

    fn doors(&self) -> Vec<SocketAddr> {
        vec![
            self.place.web,
            self.place.relay,
            #[cfg(feature = "tls")]
            self.place.tls,
        ]
    }

    async fn upgraded(&self, path: &str) -> io::Result<TcpStream> {
        let mut stream = dial(self.address, self.place.web).await?;
        let request = String::from_utf8_lossy(UPGRADE).replacen("/v1", path, 1);
        stream.write_all(request.as_bytes()).await?;
        let mut status = [0; 12];
        stream.read_exact(&mut status).await?;
        if &status != b"HTTP/1.1 101" {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        self.came_through();
        Ok(stream)
    }

    fn bind(&self) -> Vec<u8> {
        let side = format!("{:x}", self.number);
        let bind = json!({"type": "bind", "appid": "example.com/honest", "side": side});
        frame(1, bind.to_string().as_bytes())
    }

    fn line(&self, side: u64) -> String {
        format!("please relay {:064x} for side {side:016x}\n", self.number)
    }

    fn hold(&mut self, stream: TcpStream) {
        self.held.push_back(stream);
        if self.held.len() > HELD {
            self.held.pop_front();
        }
    }
}

/// A masked frame; the mask of zeros changes nothing.
fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let length = payload.len();
    let mut frame = vec![0x80 | opcode];
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short), _) if short < 126 => frame.push(0x80 | short),
        (_, Ok(medium)) => {
            frame.push(0xfe);
            frame.extend_from_slice(&medium.to_be_bytes());
        }
        _ => {
            frame.push(0xff);
            frame.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(payload);
    frame
}
