//! A pair in motion: what one end sends goes to the other, as fast as that one reads.
//!
//! Nothing is held while the readers keep up: bytes go from one socket to the other by a
//! [`Conduit`], or through memory that all pairs of a thread share. What a slow reader has not taken
//! waits there, or in a buffer of its own, and until it is gone nothing more is read for it.

mod flow;
#[cfg(test)]
mod tests;

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use tokio::{
    io::AsyncRead,
    time::{Duration, Instant, Sleep, sleep},
};

use super::{end::End, rate::Rate};
use crate::{
    config,
    pool::Pool,
    stream::{bound_unsent, with_bulk_scratch},
};
use flow::{Flow, Gone};

/// Bytes that one direction moves before other connections get their turn, and times that it is read.
const TURN: u64 = 1 << 20;
const READS: usize = 16;

/// Times that what nobody wants is read before other connections get their turn.
const DISCARDS: usize = 8;

/// How long an end whose partner has gone may take to close, once everything is on its way to it.
const GOODBYE: Duration = Duration::from_secs(1);

/// Two ends that belong together.
pub(super) struct Pair {
    ends: [End; 2],
    /// From the first end to the second, and back.
    flows: [Flow; 2],
    limits: Limits,
    /// When something moved last, or one end closed.
    moved: Instant,
    phase: Phase,
    timer: Pin<Box<Sleep>>,
}

/// What a pair is held to.
struct Limits {
    idle: Duration,
    bytes: u64,
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
    /// Nothing moved for too long: neither end said anything, or a reader took nothing.
    Idle,
    /// It moved as many bytes as a pair may.
    Spent,
    /// The relay stops.
    Stopped,
    /// Its task did not get so far.
    Lost,
}

impl Pair {
    /// Both are told `ok` first.
    pub(super) fn new(
        ends: [End; 2],
        config: &config::Relay,
        pool: &Arc<Pool>,
        rates: [Option<Arc<Rate>>; 2],
    ) -> Self {
        let [first, second] = &ends;
        let flows = [Flow::new(second, pool, rates.clone()), Flow::new(first, pool, rates)];
        for end in &ends {
            // Much may be on its way: with so little in the system's buffers the relay would take twice the
            // processor.
            _ = bound_unsent(end.stream.socket(), None);
        }
        let limits = Limits { idle: config.idle, bytes: config.pair_bytes.unwrap_or(u64::MAX) };
        let timer = Box::pin(sleep(limits.idle));
        Self { ends, flows, limits, moved: Instant::now(), phase: Phase::Open, timer }
    }

    /// Bytes that have moved so far, in both directions.
    pub(super) fn moved(&self) -> u64 {
        self.flows.iter().map(|flow| flow.moved).sum()
    }

    /// Moves what can be moved, until the end.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Ending> {
        let progress = |pair: &Self| pair.flows.iter().map(Flow::progress).sum::<u64>();
        let before = progress(self);
        let result = self.poll_phase(context);
        if progress(self) != before {
            self.moved = Instant::now();
        }
        if result.is_ready() {
            return result;
        }
        while self.timer.as_mut().poll(context).is_ready() {
            let quiet_until = self.moved + self.limits.idle;
            match self.phase {
                Phase::Closing(_) => return Poll::Ready(Ending::Closed),
                // Whoever takes what is left for it may be as slow as when its partner was there.
                Phase::Open | Phase::Flushing(_) if quiet_until > Instant::now() => {
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
                self.moved = Instant::now();
                self.enter(Phase::Flushing(1 - gone), self.limits.idle);
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
            ready!(flow.poll_pause(context));
            // Whoever asks and does not read the answers is not asked for more.
            if ready!(back.poll_crowded(sender, context)).is_err() {
                return Poll::Ready(Gone::Sender);
            }
            let moved = match (sender.bare(), reader.bare()) {
                (Some(from), Some(to)) => flow.poll_shift(from, to, context),
                _ => None,
            };
            match ready!(moved.unwrap_or_else(|| flow.poll_move(sender, reader, context))) {
                Ok(answer) if answer.is_empty() => {}
                Ok(answer) => {
                    back.answer(&answer);
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
        flow.poll_flush(end, context)
    }

    /// Reads what nobody wants any more, so that the end of what was written is not lost to a reset.
    fn poll_discard(&mut self, end: usize, context: &mut Context<'_>) -> Poll<()> {
        let [first, second] = &mut self.ends;
        let end = if end == 0 { first } else { second };
        for _ in 0..DISCARDS {
            let read = with_bulk_scratch(|buffer| {
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
