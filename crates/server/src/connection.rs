//! One socket: from its first byte to its last.
//!
//! It holds no buffer while it waits, and is one small task. Bytes are read into a buffer that all
//! connections of a thread share, and what is to be written waits in the [`Outbox`].

use std::{
    cell::RefCell,
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf},
    net::TcpStream,
    time::{Duration, Instant, Sleep, sleep, timeout},
};
use wormhole_sync_wire::server_message::{Reply, TRY_LATER, YourAddress};

use crate::{
    address::Address,
    config::{Limits, Timing},
    engine::{Access, Engine},
    exchange::ConnectionId,
    frames::{CloseCode, Flow, FrameReader, Incoming, Opcode, Violation},
    gate::{Admission, Full},
    http::{self, Forwarded, Head},
    outbox::{Content, Outbox},
    pool::{Excess, Pools, Share},
    session::{Policy, Release, Session},
};

/// How long a connection that is being closed may take to read what is left.
const GOODBYE: Duration = Duration::from_secs(1);

/// Bytes that are read at once.
const CHUNK: usize = 64 << 10;

/// Frames of one connection that are answered while all others wait. A flood of small ones would
/// keep the exchange to itself for thousands.
const FRAMES: usize = 64;

/// Times that one connection is read before others get their turn.
const TURNS: usize = 8;

/// Bytes of an unfinished message that anybody may hold at any time.
const SMALL: usize = 16 << 10;

thread_local! {
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; CHUNK].into());
}

/// What all connections of a server share.
pub(crate) struct Shared {
    pub(crate) engine: Engine,
    pub(crate) outboxes: Pools,
    pub(crate) incoming: Pools,
    pub(crate) policy: Arc<Policy>,
    pub(crate) limits: Limits,
    pub(crate) timing: Timing,
    pub(crate) limit_loopback: bool,
    pub(crate) proxies: Vec<IpAddr>,
}

/// Serves one socket until its end.
pub(crate) async fn run(
    mut stream: TcpStream,
    peer: SocketAddr,
    mut admission: Admission,
    shared: Arc<Shared>,
) {
    if stream.set_nodelay(true).is_err() {
        return; // the client is gone already
    }
    let handshake = handshake(&mut stream, peer, &mut admission, &shared);
    let outcome = match timeout(shared.timing.handshake, handshake).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) => return,
        Err(_) => {
            let seconds = shared.timing.handshake.as_secs();
            let text = format!("No request came within this server's limit of {seconds} seconds\n");
            Err(http::answer("408 Request Timeout", &text))
        }
    };
    match outcome {
        Ok(upgrade) => {
            let mut connection = Connection::new(stream, upgrade, admission, shared);
            std::future::poll_fn(|context| connection.poll(context)).await;
        }
        Err(answer) => _ = timeout(GOODBYE, refuse(&mut stream, &answer)).await,
    }
}

/// A handshake that was gone through.
struct Upgrade {
    accept: String,
    client: Option<SocketAddr>,
    /// What came after the head.
    rest: Vec<u8>,
}

/// `Err` in the inner result is the HTTP answer of what gets no WebSocket.
async fn handshake(
    stream: &mut TcpStream,
    peer: SocketAddr,
    admission: &mut Admission,
    shared: &Shared,
) -> io::Result<Result<Upgrade, String>> {
    let mut bytes = Vec::new();
    loop {
        stream.readable().await?;
        let read: io::Result<usize> = SCRATCH.with_borrow_mut(|scratch| {
            let room = (shared.limits.head_bytes + 1 - bytes.len()).min(scratch.len());
            let read = stream.try_read(scratch.get_mut(..room).unwrap_or_default())?;
            bytes.extend_from_slice(scratch.get(..read).unwrap_or_default());
            Ok(read)
        });
        match read {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Err(error) => return Err(error),
        }
        match http::parse(&bytes) {
            Head::Incomplete if bytes.len() > shared.limits.head_bytes => {
                return Ok(Err(head_too_large(shared.limits.head_bytes)));
            }
            Head::Incomplete => {}
            Head::Answer(answer) => return Ok(Err(answer)),
            Head::Upgrade { length, accept, forwarded } => {
                let client = shared.locate(peer, forwarded, admission);
                let rest = bytes.split_off(length);
                return Ok(client.map(|client| Upgrade { accept, client, rest }));
            }
        }
    }
}

fn head_too_large(limit: usize) -> String {
    let text = format!("The request's head is beyond this server's limit of {limit} bytes\n");
    http::answer("431 Request Header Fields Too Large", &text)
}

/// Answers in HTTP, and reads on for a moment, so that the answer is not lost to a reset.
async fn refuse(stream: &mut TcpStream, answer: &str) -> io::Result<()> {
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await?;
    loop {
        stream.readable().await?;
        let read = SCRATCH.with_borrow_mut(|scratch| stream.try_read(scratch));
        match read {
            Ok(0) => return Ok(()),
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
            _ => {}
        }
    }
}

impl Shared {
    /// Where the client is, as far as is known. A proxy that is trusted is believed.
    fn locate(
        &self,
        peer: SocketAddr,
        forwarded: Option<Forwarded>,
        admission: &mut Admission,
    ) -> Result<Option<SocketAddr>, String> {
        let proxy = peer.ip().to_canonical();
        let exempt = proxy.is_loopback() && !self.limit_loopback;
        let trusted = exempt || self.proxies.contains(&proxy);
        let Some(forwarded) = forwarded.filter(|_| trusted) else { return Ok(Some(peer)) };
        let address = Address::counted(forwarded.ip, self.limit_loopback);
        admission.move_to(address).map_err(Full::answer)?;
        Ok(forwarded.socket_address())
    }
}

/// An open WebSocket.
struct Connection {
    stream: TcpStream,
    shared: Arc<Shared>,
    outbox: Arc<Outbox>,
    reader: FrameReader,
    /// What the reader holds.
    incoming: Share,
    /// When the message began that is coming in, if it is more than a small one.
    begun: Instant,
    session: Session,
    id: ConnectionId,
    timer: Pin<Box<Sleep>>,
    heard: Instant,
    /// Whether the client has said that it is done.
    client_closed: bool,
    /// Whether what the client says is thrown away: it cannot be made out any more.
    deaf: bool,
    /// Whether the time for saying goodbye runs.
    leaving: bool,
    _admission: Admission,
}

impl Connection {
    fn new(stream: TcpStream, upgrade: Upgrade, admission: Admission, shared: Arc<Shared>) -> Self {
        let address = admission.address();
        let outbox = Arc::new(Outbox::new(shared.limits.outbox_bytes, shared.outboxes.of(address)));
        let id = shared.engine.join(&outbox);
        let session = Session::new(id, address, Arc::clone(&shared.policy));
        let welcome = session.welcome(upgrade.client.map(your_address), shared.engine.now());
        outbox.put_raw(http::switching(&upgrade.accept).as_bytes());
        outbox.deliver(Content::Text(welcome.text));
        let mut connection = Self {
            stream,
            outbox,
            reader: FrameReader::new(session.message_limit()),
            incoming: Share::of(shared.incoming.of(address)),
            begun: Instant::now(),
            session,
            id,
            timer: Box::pin(sleep(shared.timing.ping)),
            heard: Instant::now(),
            client_closed: false,
            deaf: false,
            leaving: false,
            _admission: admission,
            shared,
        };
        let mut rest = upgrade.rest;
        connection.received(&mut rest);
        connection
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        for _ in 0..TURNS {
            let written = match self.outbox.poll_write(&mut self.stream, context) {
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                Poll::Ready(Ok(())) => true,
                Poll::Pending => false,
            };
            let closing = self.outbox.is_closing();
            if closing && written && self.client_closed {
                return Poll::Ready(());
            }
            if closing && written && self.deaf {
                // What is unread would make a reset of the end, and nobody would hear the reason.
                _ = Pin::new(&mut self.stream).poll_shutdown(context);
            }
            if closing && !self.leaving {
                self.leaving = true;
                self.timer.as_mut().reset(Instant::now() + GOODBYE);
            }
            // Whoever never stops sending has no more time for it than others.
            if self.leaving && self.timer.as_mut().poll(context).is_ready() {
                return Poll::Ready(());
            }
            if !closing && self.outbox.is_crowded(0) {
                return self.poll_timer(context);
            }
            if self.reader.is_paused() {
                self.received(&mut []);
                continue;
            }
            match self.poll_read(context) {
                Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(()),
                Poll::Ready(Ok(_)) => {}
                Poll::Pending => return self.poll_timer(context),
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        SCRATCH.with_borrow_mut(|scratch| {
            let mut buffer = ReadBuf::new(scratch);
            std::task::ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer))?;
            let read = buffer.filled().len();
            self.heard = Instant::now();
            self.received(buffer.filled_mut());
            Poll::Ready(Ok(read))
        })
    }

    /// Answers whole frames among these bytes. Nothing is answered once the close frame is out.
    fn received(&mut self, bytes: &mut [u8]) {
        if self.deaf {
            return;
        }
        let begins = self.incoming.held() <= SMALL;
        let Self { shared, outbox, reader, session, client_closed, .. } = self;
        let mut is_whole = false;
        let result = shared.engine.turn(outbox, |turn| {
            let (mut release, mut produced, mut frames) = (Release::AtOnce, 0, 0);
            let limit = session.message_limit();
            reader.set_limit(limit);
            let result = reader.feed(bytes, |incoming| {
                let before = turn.out.0.len();
                match incoming {
                    _ if outbox.is_closing() && incoming != Incoming::Close => {}
                    Incoming::Ping(payload) => outbox.put_control(Opcode::Pong, payload),
                    Incoming::Pong => {}
                    Incoming::Close => *client_closed = true,
                    message => {
                        is_whole = true;
                        release = release.max(hear(message, session, turn));
                    }
                }
                let fresh = turn.out.0.get(before..).unwrap_or_default();
                produced += fresh.iter().map(|answer| answer.content.len()).sum::<usize>();
                frames += 1;
                let must_pause = frames >= FRAMES
                    || session.message_limit() != limit
                    || outbox.is_crowded(produced);
                if must_pause { Flow::Pause } else { Flow::Continue }
            });
            (release, result)
        });
        self.incoming.set(self.reader.held());
        if begins || is_whole {
            self.begun = Instant::now();
        }
        if let Err(Violation(reason)) = result {
            self.break_off(CloseCode::Protocol, reason, None);
        } else if self.client_closed {
            self.outbox.close(CloseCode::Normal, "", None);
        } else if let Some(excess) = self.incoming.excess(SMALL) {
            self.refuse_unfinished(&match excess {
                Excess::All(limit) => format!(
                    "the server is busy, with all its {limit} bytes for unfinished messages in use: {TRY_LATER}"
                ),
                Excess::Address(limit) => format!(
                    "too many unfinished messages from your address: this server's limit is {limit} bytes; {TRY_LATER}"
                ),
            });
        }
    }

    /// Whether the message that is coming in has been doing so for too long. Its sender may say much
    /// in between, but not what is waited for.
    fn is_dawdling(&self) -> bool {
        self.incoming.held() > SMALL
            && !self.reader.is_paused()
            && self.begun.elapsed() >= self.shared.timing.message
    }

    fn refuse_unfinished(&mut self, error: &str) {
        let text = Reply::Error { error, orig: None }.encode(self.shared.engine.now());
        self.break_off(CloseCode::TryAgainLater, error, Some(&text));
    }

    /// Closes the connection, and listens no more.
    fn break_off(&mut self, code: CloseCode, reason: &str, last_words: Option<&str>) {
        self.outbox.close(code, reason, last_words);
        self.deaf = true;
        self.reader = FrameReader::new(0);
        self.incoming.set(0);
    }

    fn poll_timer(&mut self, context: &mut Context<'_>) -> Poll<()> {
        while self.timer.as_mut().poll(context).is_ready() {
            let timing = &self.shared.timing;
            if self.leaving || self.heard.elapsed() >= timing.silence {
                return Poll::Ready(());
            }
            self.timer.as_mut().reset(Instant::now() + timing.ping);
            if self.is_dawdling() {
                let seconds = timing.message.as_secs();
                self.refuse_unfinished(&format!(
                    "message too slow: it took longer than this server's limit of {seconds} seconds"
                ));
            } else {
                self.outbox.put_control(Opcode::Ping, b"");
            }
            context.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let session = &mut self.session;
        self.shared.engine.part(self.id, |exchange, now| session.leave(now, exchange));
    }
}

/// Answers one message.
fn hear(message: Incoming<'_>, session: &mut Session, turn: &mut Access<'_>) -> Release {
    match message {
        Incoming::Text(text) => session.handle(text, turn.now, turn.exchange, &mut turn.out),
        Incoming::TooLarge(beginning) => {
            let beginning = String::from_utf8_lossy(beginning);
            session.refuse_too_large(&beginning, turn.now, &mut turn.out);
            Release::AtOnce
        }
        _ => {
            session.refuse(&"not UTF-8".into(), None, turn.now, &mut turn.out);
            Release::AtOnce
        }
    }
}

fn your_address(client: SocketAddr) -> YourAddress {
    let (ipv4, ipv6) = match client.ip().to_canonical() {
        IpAddr::V4(ip) => (Some(ip), None),
        IpAddr::V6(ip) => (None, Some(ip)),
    };
    YourAddress { port: client.port(), ipv4, ipv6 }
}
