//! A pair in motion: what one end sends goes to the other, as fast as that one reads.
//!
//! Nothing is held while the readers keep up: bytes go from one socket to the other by a
//! [`Conduit`], or through memory that all pairs of a thread share. What a slow reader has not taken
//! waits there, or in a buffer of its own, and until it is gone nothing more is read for it.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::{Duration, Instant, Sleep, sleep},
};

use super::{conduit::Conduit, end::End, rate::Rate};
use crate::{
    config,
    frames::MAX_SERVER_HEADER,
    pool::{Pool, Share},
    stream::with_scratch,
};

/// Bytes that are read at once while much waits for slow readers.
const SMALL: usize = 4 << 10;

/// Bytes of answers that may wait for an end that has asked for them: a flood of pings.
const MOST_ANSWERS: usize = 64 << 10;

/// Bytes that one direction moves before other connections get their turn, and times that it is read.
const TURN: u64 = 1 << 20;
const READS: usize = 16;

/// Times that what nobody wants is read before other connections get their turn.
const DISCARDS: usize = 8;

/// How long an end whose partner has gone may take for what is on its way to it.
const LINGER: Duration = Duration::from_secs(60);

/// How long an end whose partner has gone may take to close, once everything is on its way to it.
const GOODBYE: Duration = Duration::from_secs(1);

/// Two ends that belong together.
pub(super) struct Pair {
    ends: [End; 2],
    /// From the first end to the second, and back.
    flows: [Flow; 2],
    limits: Limits,
    /// When something moved last.
    moved: Instant,
    phase: Phase,
    timer: Pin<Box<Sleep>>,
}

/// What a pair is held to.
struct Limits {
    idle: Duration,
    linger: Duration,
    bytes: u64,
}

/// What moves in one direction.
struct Flow {
    /// What the reader has not taken yet, and how much of it it has.
    pending: Vec<u8>,
    sent: usize,
    held: Share,
    /// What is on its way within the system, after `pending`.
    conduit: Option<Conduit>,
    moved: u64,
    /// What the two addresses may move.
    rates: [Option<Arc<Rate>>; 2],
    pause: Option<Pin<Box<Sleep>>>,
    /// Whether the reader was told goodbye.
    goodbye: bool,
}

/// Which end of a flow is gone.
enum Gone {
    Sender,
    Reader,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Open,
    /// One end has closed; the other, of this number, gets what is on its way to it.
    Flushing(usize),
    /// It has everything, and is to close.
    Closing(usize),
}

/// How a pair ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// One end closed.
    Closed,
    /// Nothing moved for too long, or a reader took too long for what was left.
    Idle,
    /// It moved as many bytes as a pair may.
    Spent,
}

impl Pair {
    /// Both are told `ok` first.
    pub(super) fn new(
        ends: [End; 2],
        config: &config::Relay,
        pool: &Arc<Pool>,
        rates: [Option<Arc<Rate>>; 2],
    ) -> Self {
        let flow = |to: &End, rates| {
            let mut pending = Vec::new();
            to.put(&mut pending, b"ok\n");
            let held = Share::of(Arc::clone(pool));
            Flow {
                pending,
                sent: 0,
                held,
                conduit: None,
                moved: 0,
                rates,
                pause: None,
                goodbye: false,
            }
        };
        let [first, second] = &ends;
        let flows = [flow(second, rates.clone()), flow(first, rates)];
        let limits = Limits {
            idle: config.idle,
            linger: LINGER,
            bytes: config.pair_bytes.unwrap_or(u64::MAX),
        };
        let timer = Box::pin(sleep(limits.idle));
        Self { ends, flows, limits, moved: Instant::now(), phase: Phase::Open, timer }
    }

    /// Bytes that have moved so far, in both directions.
    pub(super) fn moved(&self) -> u64 {
        self.flows.iter().map(|flow| flow.moved).sum()
    }

    /// Moves what can be moved, until the end.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Ending> {
        let before = self.moved();
        let result = self.poll_phase(context);
        if self.moved() != before {
            self.moved = Instant::now();
        }
        if result.is_ready() {
            return result;
        }
        while self.timer.as_mut().poll(context).is_ready() {
            let quiet_until = self.moved + self.limits.idle;
            match self.phase {
                Phase::Closing(_) => return Poll::Ready(Ending::Closed),
                Phase::Open if quiet_until > Instant::now() => {
                    self.timer.as_mut().reset(quiet_until);
                }
                Phase::Open | Phase::Flushing(_) => return Poll::Ready(Ending::Idle),
            }
        }
        Poll::Pending
    }

    fn poll_phase(&mut self, context: &mut Context<'_>) -> Poll<Ending> {
        if self.phase == Phase::Open {
            let gone = [0, 1].into_iter().find_map(|from| match self.poll_flow(from, context) {
                Poll::Ready(Gone::Sender) => Some(from),
                Poll::Ready(Gone::Reader) => Some(1 - from),
                Poll::Pending => None,
            });
            if let Some(gone) = gone {
                // Whoever has closed waits for nothing any more.
                let _ = self.poll_flush(gone, context);
                self.enter(Phase::Flushing(1 - gone), self.limits.linger);
            } else if self.moved() >= self.limits.bytes {
                return Poll::Ready(Ending::Spent);
            }
        }
        if let Phase::Flushing(reader) = self.phase {
            if ready!(self.poll_flush(reader, context)).is_err() {
                return Poll::Ready(Ending::Closed);
            }
            self.enter(Phase::Closing(reader), GOODBYE);
        }
        if let Phase::Closing(reader) = self.phase {
            ready!(self.poll_discard(reader, context));
            return Poll::Ready(Ending::Closed);
        }
        Poll::Pending
    }

    fn enter(&mut self, phase: Phase, limit: Duration) {
        self.phase = phase;
        self.timer.as_mut().reset(Instant::now() + limit);
    }

    /// Moves bytes from one end to the other. Ready when one of them is gone.
    fn poll_flow(&mut self, from: usize, context: &mut Context<'_>) -> Poll<Gone> {
        let [first, second] = &mut self.ends;
        let (sender, reader) = if from == 0 { (first, second) } else { (second, first) };
        let [there, back] = &mut self.flows;
        let (flow, back) = if from == 0 { (there, back) } else { (back, there) };
        let until = flow.moved + TURN;
        for _ in 0..READS {
            if ready!(flow.poll_pending(reader, context)).is_err() {
                return Poll::Ready(Gone::Reader);
            }
            if let Some(pause) = &mut flow.pause {
                ready!(pause.as_mut().poll(context));
                flow.pause = None;
            }
            // Whoever asks and does not read the answers is not asked for more.
            if back.pending.len() > MOST_ANSWERS
                && ready!(back.poll_pending(sender, context)).is_err()
            {
                return Poll::Ready(Gone::Sender);
            }
            let moved = match (sender.bare(), reader.bare()) {
                (Some(from), Some(to)) => flow.poll_shift(from, to, context),
                _ => None,
            };
            match ready!(moved.unwrap_or_else(|| flow.poll_move(sender, reader, context))) {
                Ok(answer) if answer.is_empty() => {}
                Ok(answer) => {
                    back.pending.extend_from_slice(&answer);
                    context.waker().wake_by_ref();
                }
                Err(gone) => return Poll::Ready(gone),
            }
            if flow.moved >= until {
                break;
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// Writes what is left for an end, and says goodbye.
    fn poll_flush(&mut self, to: usize, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let [first, second] = &mut self.ends;
        let [there, back] = &mut self.flows;
        let (end, flow) = if to == 0 { (first, back) } else { (second, there) };
        if !flow.goodbye {
            flow.goodbye = true;
            end.put_goodbye(&mut flow.pending);
        }
        ready!(flow.poll_pending(end, context))?;
        Pin::new(&mut end.stream).poll_shutdown(context)
    }

    /// Reads what nobody wants any more, so that the end of what was written is not lost to a reset.
    fn poll_discard(&mut self, end: usize, context: &mut Context<'_>) -> Poll<()> {
        let [first, second] = &mut self.ends;
        let end = if end == 0 { first } else { second };
        for _ in 0..DISCARDS {
            let read = with_scratch(|buffer| {
                ready!(Pin::new(&mut end.stream).poll_read(context, buffer))?;
                Poll::Ready(io::Result::Ok(buffer.filled().len()))
            });
            match ready!(read) {
                Ok(1..) => {}
                Ok(0) | Err(_) => return Poll::Ready(()),
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Flow {
    /// Writes what waits.
    fn poll_pending(&mut self, to: &mut End, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(waiting) = self.pending.get(self.sent..).filter(|rest| !rest.is_empty()) {
            let written = ready!(Pin::new(&mut to.stream).poll_write(context, waiting))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent += written;
        }
        ready!(Pin::new(&mut to.stream).poll_flush(context))?; // TLS may hold some of it
        if self.sent > 0 {
            (self.pending, self.sent) = (Vec::new(), 0);
            self.held.set(0);
        }
        if let (Some(conduit), Some(to)) = (&mut self.conduit, to.bare()) {
            ready!(conduit.poll_drain(to, context))?;
            self.conduit = None;
        }
        Poll::Ready(Ok(()))
    }

    /// Moves what has come without copying it, unless that cannot be done.
    fn poll_shift(
        &mut self,
        from: &TcpStream,
        to: &TcpStream,
        context: &mut Context<'_>,
    ) -> Option<Poll<Result<Vec<u8>, Gone>>> {
        if self.rates.iter().any(Option::is_some) {
            return None; // a conduit moves more at once than a slow rate forgives
        }
        let mut conduit = Conduit::take()?;
        let Poll::Ready(filled) = conduit.poll_fill(from, context) else {
            return Some(Poll::Pending);
        };
        let moved = match filled {
            Ok(moved @ 1..) => moved,
            Err(error) if error.kind() == io::ErrorKind::Unsupported => return None,
            Ok(0) | Err(_) => return Some(Poll::Ready(Err(Gone::Sender))),
        };
        self.moved += moved as u64;
        self.charge(moved);
        if let Poll::Ready(Err(_)) = conduit.poll_drain(to, context) {
            return Some(Poll::Ready(Err(Gone::Reader)));
        }
        self.conduit = (!conduit.is_empty()).then_some(conduit);
        Some(Poll::Ready(Ok(Vec::new())))
    }

    /// Reads once and writes as much of it as the other end takes at once. What is to be answered to
    /// the end that was read from.
    fn poll_move(
        &mut self,
        from: &mut End,
        to: &mut End,
        context: &mut Context<'_>,
    ) -> Poll<Result<Vec<u8>, Gone>> {
        let is_tight = self.held.is_tight();
        with_scratch(|buffer| {
            buffer.advance(MAX_SERVER_HEADER);
            let mut room = buffer.take(if is_tight { SMALL } else { buffer.remaining() });
            let Ok(brought) = ready!(from.poll_read(context, &mut room)) else {
                return Poll::Ready(Err(Gone::Sender));
            };
            let read = room.filled().len();
            buffer.advance(read);
            if brought.payload > 0 {
                let bytes = with_header(buffer.filled_mut(), to, brought.payload);
                self.moved += brought.payload as u64;
                self.charge(brought.payload);
                if self.write_or_keep(bytes, to, context).is_err() {
                    return Poll::Ready(Err(Gone::Reader));
                }
            }
            Poll::Ready(if brought.over { Err(Gone::Sender) } else { Ok(brought.answer) })
        })
    }

    fn write_or_keep(
        &mut self,
        bytes: &[u8],
        to: &mut End,
        context: &mut Context<'_>,
    ) -> io::Result<()> {
        let written = match Pin::new(&mut to.stream).poll_write(context, bytes) {
            Poll::Ready(written) => written?,
            Poll::Pending => 0,
        };
        let rest = bytes.get(written..).unwrap_or_default();
        if !rest.is_empty() {
            self.pending.extend_from_slice(rest);
            self.held.set(self.pending.capacity());
        }
        Ok(())
    }

    /// Waits before the next read if one of the two addresses has moved as much as it may.
    fn charge(&mut self, bytes: usize) {
        let wait = self.rates.iter().flatten().map(|rate| rate.charge(bytes)).max();
        if let Some(wait) = wait.filter(|wait| !wait.is_zero()) {
            self.pause = Some(Box::pin(sleep(wait)));
        }
    }
}

/// Payload that lies behind the space for a header, with its header.
fn with_header<'a>(filled: &'a mut [u8], to: &End, payload: usize) -> &'a [u8] {
    let Some(space) = filled.first_chunk_mut::<MAX_SERVER_HEADER>() else { return &[] };
    let header = to.header(space, payload).len();
    filled.get(MAX_SERVER_HEADER - header..MAX_SERVER_HEADER + payload).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::{TcpListener, TcpSocket, TcpStream},
    };

    use super::*;
    use crate::{
        gate::{Admission, Gate},
        stream::Stream,
    };

    /// Both ends of a link whose buffers hold little: the client's, and the relay's.
    async fn link(end: fn(Stream, Admission) -> End) -> (TcpStream, End) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_send_buffer_size(4096).unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener: TcpListener = socket.listen(1).unwrap();
        let client = TcpSocket::new_v4().unwrap();
        client.set_recv_buffer_size(4096).unwrap();
        let client = client.connect(listener.local_addr().unwrap()).await.unwrap();
        let stream = listener.accept().await.unwrap().0;
        let admission = Gate::new(9, 9).admit(None).ok().unwrap();
        (client, end(Stream::Plain(stream), admission))
    }

    /// A raw end and one that speaks in frames, so that bytes have to be copied.
    async fn pair(config: &config::Relay) -> (TcpStream, TcpStream, Pair, Arc<Pool>) {
        pair_of([End::raw, End::websocket], config).await
    }

    async fn pair_of(
        kinds: [fn(Stream, Admission) -> End; 2],
        config: &config::Relay,
    ) -> (TcpStream, TcpStream, Pair, Arc<Pool>) {
        let [one, other] = kinds;
        let ((one, first), (other, second)) = (link(one).await, link(other).await);
        let pool = Pool::new(config.buffered_bytes);
        let pair = Pair::new([first, second], config, &pool, [None, None]);
        (one, other, pair, pool)
    }

    async fn turn(pair: &mut Pair) {
        let a_while = sleep(Duration::from_millis(100));
        tokio::select! {
            ending = poll_fn(|context| pair.poll(context)) => panic!("it ended: {ending:?}"),
            () = a_while => {}
        }
    }

    #[tokio::test]
    async fn what_a_slow_reader_has_not_taken_is_held_and_counted_and_let_go() {
        let (mut one, mut other, mut pair, pool) = pair(&config::Relay::default()).await;
        one.write_all(&vec![7; 60_000]).await.unwrap();
        turn(&mut pair).await;
        let [there, _] = &pair.flows;
        assert!(there.pending.len() - there.sent > 20_000);
        assert_eq!(pool.held(), there.pending.capacity());
        let read = async {
            other.read_exact(&mut vec![0; 60_003]).await.unwrap();
            other.write_all(b"\x82\x86\0\0\0\0enough").await.unwrap();
            one.read_exact(&mut [0; 9]).await.unwrap();
        };
        tokio::select! {
            () = read => {}
            _ = poll_fn(|context| pair.poll(context)) => panic!("it ended"),
        }
        assert_eq!(
            (pool.held(), pair.flows.each_ref().map(|flow| flow.pending.capacity())),
            (0, [0, 0])
        );
    }

    #[tokio::test]
    async fn when_much_is_held_everybody_is_read_in_small_pieces() {
        let config = config::Relay { buffered_bytes: 10_000, ..config::Relay::default() };
        let (mut one, _other, mut pair, pool) = pair(&config).await;
        let (mut third, _fourth, mut small, _) = self::pair(&config).await;
        for flow in &mut small.flows {
            flow.held = Share::of(Arc::clone(&pool));
        }
        one.write_all(&vec![7; 60_000]).await.unwrap();
        turn(&mut pair).await;
        assert!(pool.held() > 10_000);
        third.write_all(&vec![7; 60_000]).await.unwrap();
        turn(&mut small).await;
        assert!(small.flows[0].pending.len() <= SMALL, "{}", small.flows[0].pending.len());
    }

    #[tokio::test]
    async fn what_is_on_its_way_to_one_who_does_not_read_is_given_up_in_time() {
        let (mut one, mut other, mut pair, _) = pair(&config::Relay::default()).await;
        pair.limits.linger = Duration::from_millis(50);
        one.write_all(&vec![7; 60_000]).await.unwrap();
        turn(&mut pair).await;
        drop(one); // with an unread "ok", and so with a reset
        other.write_all(b"\x82\x85\0\0\0\0there").await.unwrap();
        let ending = poll_fn(|context| pair.poll(context)).await;
        assert_eq!(ending, Ending::Idle);
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn between_bare_sockets_what_is_on_its_way_stays_within_the_system() {
        let kinds: [fn(Stream, Admission) -> End; 2] = [End::raw, End::raw];
        let (mut one, mut other, mut pair, pool) = pair_of(kinds, &config::Relay::default()).await;
        one.write_all(&vec![7; 60_000]).await.unwrap();
        turn(&mut pair).await;
        assert!(pair.flows[0].conduit.as_ref().is_some_and(|conduit| !conduit.is_empty()));
        assert_eq!(pool.held(), 0);
        // Readers who do not read have all there are; everybody else's bytes are copied.
        let taken: Vec<_> = std::iter::from_fn(Conduit::take).take(1000).collect();
        assert!(!taken.is_empty() && taken.len() < 1000);
        let (mut third, mut fourth, mut copied, _) =
            pair_of(kinds, &config::Relay::default()).await;
        third.write_all(&vec![8; 60_000]).await.unwrap();
        turn(&mut copied).await;
        assert!(copied.flows[0].conduit.is_none() && !copied.flows[0].pending.is_empty());
        drop(taken);
        for (end, pair) in [(&mut other, &mut pair), (&mut fourth, &mut copied)] {
            tokio::select! {
                read = async { end.read_exact(&mut vec![0; 60_003]).await } => {
                    read.unwrap();
                }
                _ = poll_fn(|context| pair.poll(context)) => panic!("it ended"),
            }
        }
        turn(&mut pair).await;
        assert!(pair.flows.iter().all(|flow| flow.conduit.is_none()));
    }
}
