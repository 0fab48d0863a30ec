//! One direction of a pair.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use tokio::{
    io::AsyncWrite,
    net::TcpStream,
    time::{Sleep, sleep},
};

use super::super::{conduit::Conduit, end::End, rate::Rate};
use crate::{
    frames::MAX_SERVER_HEADER,
    pool::{Pool, Share},
    stream::with_bulk_scratch,
};

/// Bytes that are read at once while much waits for slow readers.
pub(super) const SMALL: usize = 4 << 10;

/// Bytes that are read at once for an address that may move so many a second.
const COUNTED: usize = 64 << 10;

/// Bytes of answers that may wait for an end that has asked for them, after which it is not read: a
/// flood of pings, of somebody who reads no pong. While much waits for slow readers, there may be none.
const MOST_ANSWERS: usize = 1 << 10;

/// What moves in one direction.
pub(super) struct Flow {
    /// What the reader has not taken yet, and how much of it it has.
    pub(super) pending: Vec<u8>,
    pub(super) sent: usize,
    /// How much of it answers what the reader has asked.
    answers: usize,
    pub(super) held: Share,
    /// What is on its way within the system, after `pending`.
    pub(super) conduit: Option<Conduit>,
    /// Bytes of payload that came, and bytes that the reader took.
    pub(super) moved: u64,
    taken: u64,
    /// What the two addresses may move.
    rates: [Option<Arc<Rate>>; 2],
    pause: Option<Pin<Box<Sleep>>>,
    /// Whether the reader was told goodbye.
    goodbye: bool,
}

/// Which end of a flow is gone.
pub(super) enum Gone {
    Sender,
    Reader,
}

impl Flow {
    /// Tells the reader `ok`, first of all.
    pub(super) fn new(to: &End, pool: &Arc<Pool>, rates: [Option<Arc<Rate>>; 2]) -> Self {
        let mut pending = Vec::new();
        to.put(&mut pending, b"ok\n");
        let mut flow = Self {
            pending,
            sent: 0,
            answers: 0,
            held: Share::of(Arc::clone(pool)),
            conduit: None,
            moved: 0,
            taken: 0,
            rates,
            pause: None,
            goodbye: false,
        };
        flow.charge(0); // what the addresses' other pairs have moved is to be waited for
        flow
    }

    /// What grows while anything happens.
    pub(super) const fn progress(&self) -> u64 {
        self.moved + self.taken
    }

    /// Waits until more may be moved.
    pub(super) fn poll_pause(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if let Some(pause) = &mut self.pause {
            ready!(pause.as_mut().poll(context));
            self.pause = None;
        }
        Poll::Ready(())
    }

    /// Answers what the reader has asked, after what already waits.
    pub(super) fn answer(&mut self, answer: &[u8]) {
        let before = self.pending.capacity();
        self.pending.reserve_exact(answer.len()); // and not twice what is there
        self.pending.extend_from_slice(answer);
        self.answers += answer.len();
        self.held.set(self.held.held() + self.pending.capacity() - before);
    }

    /// Writes what waits, if so much of it are answers that its reader should not ask for more.
    pub(super) fn poll_crowded(
        &mut self,
        to: &mut End,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        let most = if self.held.is_tight() { 0 } else { MOST_ANSWERS };
        if self.answers > most {
            ready!(self.poll_pending(to, context))?;
        }
        Poll::Ready(Ok(()))
    }

    /// Writes what is left, and says goodbye.
    pub(super) fn poll_flush(
        &mut self,
        to: &mut End,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.goodbye {
            self.goodbye = true;
            to.put_goodbye(&mut self.pending);
        }
        ready!(self.poll_pending(to, context))?;
        Pin::new(&mut to.stream).poll_shutdown(context)
    }

    /// Writes what waits.
    pub(super) fn poll_pending(
        &mut self,
        to: &mut End,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        let written = self.poll_write(to, context);
        self.count(to);
        written
    }

    /// What waits for the reader counts, as it is and within TLS.
    fn count(&mut self, to: &End) {
        self.held.set(self.pending.capacity() + to.stream.held());
    }

    fn poll_write(&mut self, to: &mut End, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(waiting) = self.pending.get(self.sent..).filter(|rest| !rest.is_empty()) {
            let written = ready!(Pin::new(&mut to.stream).poll_write(context, waiting))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent += written;
            self.taken += written as u64;
        }
        ready!(Pin::new(&mut to.stream).poll_flush(context))?; // TLS may hold some of it
        if self.sent > 0 {
            (self.pending, self.sent, self.answers) = (Vec::new(), 0, 0);
        }
        if let (Some(conduit), Some(to)) = (&mut self.conduit, to.bare()) {
            let before = conduit.held();
            let drained = conduit.poll_drain(to, context);
            self.taken += (before - conduit.held()) as u64;
            ready!(drained)?;
            self.conduit = None;
        }
        Poll::Ready(Ok(()))
    }

    /// Moves what has come without copying it, unless that cannot be done.
    pub(super) fn poll_shift(
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
        self.conduit = (conduit.held() > 0).then_some(conduit);
        Some(Poll::Ready(Ok(Vec::new())))
    }

    /// Reads once and writes as much of it as the other end takes at once. What is to be answered to
    /// the end that was read from.
    pub(super) fn poll_move(
        &mut self,
        from: &mut End,
        to: &mut End,
        context: &mut Context<'_>,
    ) -> Poll<Result<Vec<u8>, Gone>> {
        let is_tight = self.held.is_tight();
        with_bulk_scratch(|buffer| {
            buffer.advance(MAX_SERVER_HEADER);
            let most = if is_tight { SMALL } else { buffer.remaining() };
            let mut room = buffer.take(most.min(self.at_once()));
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

    /// Bytes that are read at once where they are counted: what is too much is waited for afterwards.
    fn at_once(&self) -> usize {
        let rates = self.rates.iter().flatten().map(|rate| rate.burst());
        rates.min().map_or(usize::MAX, |burst| burst.min(COUNTED))
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
        }
        self.count(to);
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
