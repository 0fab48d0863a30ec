//! One client's WebSocket: from its welcome to its last byte.
//!
//! It holds no buffer while it waits, and is one small task. Bytes are read into a buffer that all
//! connections of a thread share, and what is to be written waits in the [`Outbox`].

use std::{
    fmt::Display,
    io,
    net::IpAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{Duration, Instant, Sleep, sleep},
};
use wormhole_sync_wire::server_message::{Reply, YourAddress};

use super::Shared;
use crate::{
    config::{Limit, MOMENT, Refused},
    engine::Access,
    frames::{CloseCode, Flow, FrameReader, Incoming, Opcode, Violation},
    gate::Admission,
    http::{self, Upgrade},
    outbox::{Content, Outbox},
    pool::{Excess, Share},
    session::{Holds, Release, Session},
    stream::{Stream, bound_unread, with_scratch},
};

/// How long a connection that is being closed may take to read what is left.
const GOODBYE: Duration = Duration::from_secs(1);

/// Frames of one connection that are answered while all others wait. A flood of small ones would
/// keep the exchange to itself for thousands.
const FRAMES: usize = 64;

/// Times that one connection is read before others get their turn.
const TURNS: usize = 8;

/// Bytes that the system keeps of what a client says while it is not read, as it does not read itself
/// (Linux takes twice as many for itself). Left to itself it keeps up to 6 MiB of one that has said much.
/// Over a line of 100 ms this lets a client say 640 KiB a second.
const UNREAD: usize = 64 << 10;

/// Bytes of an unfinished message that anybody may hold at any time.
const SMALL: usize = 16 << 10;

/// Serves a WebSocket until its end. It begins at once, so that what waits holds the connection and
/// not, besides, what that was made of.
pub(crate) fn serve(
    stream: Stream,
    upgrade: Upgrade,
    admission: Admission,
    shared: Arc<Shared>,
) -> impl Future<Output = ()> + Send {
    let mut connection = Connection::new(stream, upgrade, admission, shared);
    std::future::poll_fn(move |context| connection.poll(context))
}

/// An open WebSocket.
struct Connection {
    stream: Stream,
    shared: Arc<Shared>,
    outbox: Arc<Outbox>,
    reader: FrameReader,
    /// What the reader holds.
    incoming: Share,
    /// When the message began that is coming in, if it is more than a small one.
    begun: Instant,
    session: Session,
    timer: Pin<Box<Sleep>>,
    heard: Instant,
    /// When it came, said who it is, or what it holds has changed.
    since: Instant,
    /// Whether the client has said that it is done.
    client_closed: bool,
    /// Whether what the client says is thrown away: it cannot be made out any more.
    deaf: bool,
    /// Whether the time for saying goodbye runs.
    leaving: bool,
    admission: Admission,
}

impl Connection {
    fn new(stream: Stream, upgrade: Upgrade, admission: Admission, shared: Arc<Shared>) -> Self {
        if let Err(error) = bound_unread(stream.socket(), UNREAD) {
            tracing::debug!(%error, "no bound for what waits in the system to be read");
        }
        let address = admission.address();
        let (pool, refused) = (shared.outboxes.of(address), &shared.engine.metrics().refused);
        let outbox = Outbox::new(shared.limits.outbox_bytes, pool, Arc::clone(refused));
        let outbox = Arc::new(outbox);
        let id = shared.engine.next_connection();
        let session = Session::new(id, address, Arc::clone(&shared.policy))
            .under_load(shared.engine.welcomed());
        let your_address = upgrade.port.map(|port| your_address(upgrade.client, port));
        let welcome = session.welcome(your_address, shared.engine.now());
        outbox.put_raw(http::switching(&upgrade.accept).as_bytes());
        outbox.deliver(Content::Text(welcome.text));
        shared.engine.join(id, &outbox); // which may be too late: then a goodbye follows
        let mut connection = Self {
            stream,
            outbox,
            reader: FrameReader::new(session.message_limit()),
            incoming: Share::of(shared.incoming.of(address)),
            begun: Instant::now(),
            session,
            timer: Box::pin(sleep(shared.timing.ping)),
            heard: Instant::now(),
            since: Instant::now(),
            client_closed: false,
            deaf: false,
            leaving: false,
            admission,
            shared,
        };
        connection.wind_timer();
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
                _ = Pin::new(&mut self.stream).poll_shutdown(context); // an end that TLS tells from a cut
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
        self.poll_timer(context) // whoever never stops sending has no more time than others
    }

    fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        with_scratch(|buffer| {
            std::task::ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
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
        let was = (self.session.is_bound(), self.session.holds());
        let Self { shared, outbox, reader, session, client_closed, .. } = self;
        let refused = &*shared.engine.metrics().refused;
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
                        release = release.max(hear(message, session, turn, refused));
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
        if (self.session.is_bound(), self.session.holds()) != was {
            self.since = Instant::now();
            self.wind_timer();
        }
        if let Err(Violation(reason)) = result {
            self.break_off(CloseCode::Protocol, reason, None);
        } else if self.client_closed {
            self.outbox.close(CloseCode::Normal, "", None);
        } else if let Some(excess) = self.incoming.excess(SMALL) {
            let (limit, most) = match excess {
                Excess::All(most) => (Limit::IncomingBytes, most),
                Excess::Address(most) => (Limit::IncomingBytesPerAddress, most),
            };
            self.refuse_unfinished(limit, most);
        }
    }

    /// Whether the message that is coming in has been doing so for too long. Its sender may say much
    /// in between, but not what is waited for.
    fn is_dawdling(&self) -> bool {
        self.incoming.held() > SMALL
            && !self.reader.is_paused()
            && self.begun.elapsed() >= self.shared.timing.message
    }

    fn refuse_unfinished(&mut self, limit: Limit, most: impl Display) {
        self.admission.count(limit);
        let error = &limit.refusal(most).0;
        let text = Reply::Error { error, orig: None }.encode(self.shared.engine.now());
        self.break_off(CloseCode::TryAgainLater, error, Some(&text));
    }

    /// The next look at the connection is a ping, or the end of its patience.
    fn wind_timer(&mut self) {
        let ping = self.shared.timing.ping;
        let pause = self.patience().map_or(ping, |(_, left)| ping.min(left));
        self.timer.as_mut().reset(Instant::now() + pause.max(MOMENT));
    }

    /// For how long the client may go on doing nothing, and by which limit; `None` for ever.
    fn patience(&self) -> Option<(Limit, Duration)> {
        let (limit, before) = match (self.session.is_bound(), self.session.holds()) {
            (true, Holds::Mailbox) => return None,
            // By then a nameplate with which it never went on is gone.
            (true, Holds::Nameplate) => (Limit::IdleSession, self.shared.timing.idle_mailbox),
            (true, Holds::Nothing) => (Limit::IdleSession, Duration::ZERO),
            (false, _) if self.session.must_work() => (Limit::Permission, Duration::ZERO),
            (false, _) => (Limit::Unbound, Duration::ZERO),
        };
        let most = before.saturating_add(self.most(limit));
        Some((limit, most.saturating_sub(self.since.elapsed())))
    }

    fn most(&self, limit: Limit) -> Duration {
        let timing = &self.shared.timing;
        match limit {
            Limit::IdleSession => timing.idle_session,
            Limit::Permission => timing.permission,
            _ => timing.unbound,
        }
    }

    /// Ends a connection that is of no use to its client. It is told in the close frame alone: clients
    /// in the middle of a prompt just connect again, and an error would end them.
    fn give_up(&mut self, limit: Limit) {
        self.admission.count(limit);
        let reason = limit.refusal(self.most(limit).as_secs()).0;
        self.break_off(CloseCode::Policy, &reason, None);
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
            if self.leaving {
                return Poll::Ready(());
            }
            if self.heard.elapsed() >= timing.silence {
                self.admission.count(Limit::Silence);
                return Poll::Ready(());
            }
            self.wind_timer();
            let timing = &self.shared.timing;
            if let Some((limit, Duration::ZERO)) = self.patience() {
                self.give_up(limit);
            } else if self.is_dawdling() {
                self.refuse_unfinished(Limit::Message, timing.message.as_secs());
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
        let id = session.connection();
        self.shared.engine.part(id, |exchange, now| session.leave(now, exchange));
    }
}

/// Answers one message.
fn hear(
    message: Incoming<'_>,
    session: &mut Session,
    turn: &mut Access<'_>,
    refused: &Refused,
) -> Release {
    match message {
        Incoming::Text(text) => session.handle(text, turn.now, turn.exchange, &mut turn.out),
        Incoming::TooLarge(beginning) => {
            refused.count(session.size_limit().0);
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

/// What the protocol has for it; without a port there is nothing to be said.
fn your_address(client: IpAddr, port: u16) -> YourAddress {
    let (ipv4, ipv6) = match client.to_canonical() {
        IpAddr::V4(ip) => (Some(ip), None),
        IpAddr::V6(ip) => (None, Some(ip)),
    };
    YourAddress { port, ipv4, ipv6 }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::{TcpListener, TcpStream},
    };

    use super::*;
    use crate::{Limits, exchange::embedded::Embedded, gate::Gate, mailbox::Mailboxes};

    #[tokio::test]
    async fn whoever_comes_while_the_server_stops_is_answered_before_it_is_told_so() {
        let mailboxes = Mailboxes::of(Embedded::new(Limits::default(), [1; 32]), |_| Ok(()));
        mailboxes.stop(); // and this client is in the middle of its request
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let stream = Stream::Plain(listener.accept().await.unwrap().0);
        let from = IpAddr::from([127, 0, 0, 1]);
        let upgrade = Upgrade { accept: "x".to_owned(), client: from, port: None, rest: vec![] };
        let admission = Gate::new(1, 1).admit(None).unwrap();
        let serving = tokio::spawn(serve(stream, upgrade, admission, mailboxes.shared()));
        client.write_all(&[0x88, 0x80, 0, 0, 0, 0]).await.unwrap(); // a close frame
        let mut heard = Vec::new();
        client.read_to_end(&mut heard).await.unwrap();
        serving.await.unwrap();
        let heard = String::from_utf8_lossy(&heard);
        let places =
            ["HTTP/1.1 101 ", "\"welcome\"", "the server stops"].map(|text| heard.find(text));
        assert!(places.is_sorted() && places[0] == Some(0), "{places:?} {heard}");
    }
}
