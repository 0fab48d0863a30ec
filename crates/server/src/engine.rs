//! The exchange that all connections share, and the order in which its answers get out.
//!
//! A verb changes the state in memory at once; its answers wait in a batch. When every connection
//! that has something to say has said it, one thread takes the batch and commits all of its changes
//! in one transaction. Only then the answers get out, and they wake their connections from within
//! the runtime, where that costs least. So many share the cost of a commit, and a lone one waits for
//! nobody.

mod batch;
mod disk;
#[cfg(test)]
mod tests;
mod writer;

use std::{
    borrow::Cow,
    collections::BTreeMap,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    task::Waker,
    time::Duration,
};

use tokio::sync::{Notify, watch};

use crate::{
    clock::{Clock, Reading},
    exchange::{
        ConnectionId, Exchange,
        embedded::{Embedded, Inventory},
        usage::Ending,
    },
    frames::CloseCode,
    metrics::{Counts, Metrics},
    outbox::{Answer, Answers, Outbox},
    seldom::Seldom,
    session::Release,
    usage::Recorder,
};
use batch::Batch;
#[cfg(test)]
pub(crate) use disk::Disk;

/// What clients are told at the end, and an operator until then.
pub(crate) const STOPS: &str = "the server stops";

/// The shared state of all connections.
pub(crate) struct Engine {
    state: Mutex<State>,
    /// Wakes the writer: a batch is ready, or the server stops.
    work: Condvar,
    /// Wakes the dispatcher: a batch has begun, or answers may go out.
    news: Notify,
    /// Nothing is written any more.
    ended: Notify,
    /// Whether the writer has ended; told anew whenever it comes to a place where it does not hang.
    beats: watch::Sender<bool>,
    /// The database cannot be written.
    complaints: Seldom,
    next_connection: AtomicU64,
    clock: Arc<Clock>,
    durable: bool,
    recorder: Arc<Recorder>,
}

struct State {
    exchange: Embedded,
    /// By how much the clock had been set when the exchange was last told the time.
    set_by: f64,
    batch: Batch,
    /// Whether the writer may take the batch.
    ready: bool,
    /// Answers whose changes are stored.
    stored: Vec<(Arc<Outbox>, Answer)>,
    outboxes: BTreeMap<ConnectionId, Arc<Outbox>>,
    /// Whether the exchange is ahead of a database that could not be read.
    stale: bool,
    stopping: bool,
    trouble: Option<Trouble>,
}

/// Why the last change could not be stored.
struct Trouble {
    text: Cow<'static, str>,
    /// Whether the log tells of it, so that it is to tell of its end, too.
    is_logged: bool,
}

/// What an engine's part of the server is like at this moment.
pub(crate) struct Present {
    pub(crate) connections: usize,
    pub(crate) inventory: Inventory,
}

/// What one connection may do with the exchange, while all others wait.
pub(crate) struct Access<'a> {
    pub(crate) exchange: &'a mut dyn Exchange,
    pub(crate) now: f64,
    pub(crate) out: Answers,
}

impl Engine {
    /// An engine whose answers wait for a [`write`](Self::write)r when it is `durable`.
    pub(crate) fn new(
        exchange: Embedded,
        clock: Arc<Clock>,
        durable: bool,
        recorder: Arc<Recorder>,
    ) -> Self {
        let state = State {
            exchange,
            set_by: clock.read().set_by,
            batch: Batch::default(),
            ready: false,
            stored: Vec::new(),
            outboxes: BTreeMap::new(),
            stale: false,
            stopping: false,
            trouble: None,
        };
        let (work, news, ended) = (Condvar::new(), Notify::new(), Notify::new());
        let beats = watch::Sender::default();
        Self {
            state: Mutex::new(state),
            work,
            news,
            ended,
            beats,
            complaints: Seldom::default(),
            next_connection: AtomicU64::new(1),
            clock,
            durable,
            recorder,
        }
    }

    /// What there is. It is counted while all others wait.
    pub(crate) fn present(&self) -> Present {
        let state = self.lock();
        Present { connections: state.outboxes.len(), inventory: state.exchange.inventory() }
    }

    /// Why clients are not served as they should be, if so.
    pub(crate) fn trouble(&self) -> Option<Cow<'static, str>> {
        let state = self.lock();
        if state.stopping {
            return Some(STOPS.into());
        }
        state.trouble.as_ref().map(|trouble| trouble.text.clone())
    }

    /// Unix seconds, to be told.
    pub(crate) fn now(&self) -> f64 {
        self.clock.now()
    }

    /// The number of a connection that is about to join.
    pub(crate) fn next_connection(&self) -> ConnectionId {
        ConnectionId(self.next_connection.fetch_add(1, Relaxed))
    }

    /// Makes a connection known, so that others' messages reach it. What it is to hear first is in its
    /// outbox by then: from now on a goodbye may come at any time, and nothing is heard after one.
    pub(crate) fn join(&self, id: ConnectionId, outbox: &Arc<Outbox>) {
        let mut state = self.lock();
        state.outboxes.insert(id, Arc::clone(outbox));
        if state.stopping {
            say_goodbye(outbox);
        }
    }

    /// The connection is gone.
    pub(crate) fn part(&self, id: ConnectionId, leave: impl FnOnce(&mut dyn Exchange, f64)) {
        let mut state = self.lock();
        state.outboxes.remove(&id);
        let now = state.time(&self.clock);
        leave(&mut state.exchange, now);
    }

    /// Lets a connection speak to the exchange, and sees to it that the answers get out in order.
    pub(crate) fn turn<T>(
        &self,
        own: &Outbox,
        speak: impl FnOnce(&mut Access<'_>) -> (Release, T),
    ) -> T {
        let mut guard = self.lock();
        let state = &mut *guard;
        let now = state.time(&self.clock);
        let mut turn = Access { exchange: &mut state.exchange, now, out: Answers::default() };
        let (release, result) = speak(&mut turn);
        let out = turn.out.0;
        for greeting in state.exchange.take_greetings() {
            self.recorder.greeted(greeting);
        }
        if !self.durable {
            self.forget_journal(state);
            wake(state.deliver(out));
        } else if release == Release::AtOnce && !own.is_holding() {
            wake(state.deliver(out));
        } else {
            let begins = state.batch.is_empty();
            state.queue(out);
            if begins && !state.batch.is_empty() {
                self.news.notify_one();
            }
        }
        result
    }

    /// Ends the mailboxes that were idle for so long, and wipes what was deleted.
    pub(crate) fn prune(&self, idle: Duration) {
        let mut state = self.lock();
        let now = state.time(&self.clock);
        state.exchange.prune(idle.as_secs_f64(), now);
        if self.durable {
            state.queue(Vec::new());
            state.batch.wipes = true;
            self.news.notify_one();
        } else {
            self.forget_journal(&mut state);
        }
    }

    /// Tells every connection that the server goes, and the writer to finish.
    pub(crate) fn stop(&self) {
        let mut state = self.lock();
        state.stopping = true;
        for outbox in state.outboxes.values() {
            say_goodbye(outbox);
        }
        self.work.notify_one();
    }

    /// Counts a client that comes. How many do so a second.
    pub(crate) fn welcomed(&self) -> f64 {
        let mut state = self.lock();
        let now = state.time(&self.clock);
        state.exchange.welcomed(now)
    }

    /// How many clients come a second.
    pub(crate) fn load(&self) -> f64 {
        let mut state = self.lock();
        let now = state.time(&self.clock);
        state.exchange.load(now)
    }

    /// How often each limit of the exchange was met.
    pub(crate) fn refused(&self) -> Counts {
        self.lock().exchange.refused().counts()
    }

    /// Where it is counted what happens around it.
    pub(crate) fn metrics(&self) -> &Metrics {
        self.recorder.metrics()
    }

    /// Ready once the writer has shown that it does not hang: it does so whether or not there is
    /// anything to write, and whether or not the disk takes it. One that has ended hangs no more.
    pub(crate) async fn pulse(&self) {
        let mut beats = self.beats.subscribe();
        {
            let _state = self.lock();
            if !self.durable || *beats.borrow() {
                return;
            }
            self.work.notify_one(); // while it is locked: the writer waits, or is about to beat
        }
        _ = beats.changed().await; // its sender is here
    }

    /// Ready once the writer has ended, in whatever way; nobody who waits for it is left alone.
    pub(crate) async fn writer_ended(&self) {
        self.ended.notified().await;
    }

    /// Lets stored answers out, and batches in, for ever.
    pub(crate) async fn dispatch(&self) {
        loop {
            self.news.notified().await;
            let stored = std::mem::take(&mut self.lock().stored);
            release(stored); // nobody else waits for that
            tokio::task::yield_now().await; // whoever has something to say says it first
            let mut state = self.lock();
            if !state.batch.is_empty() && !state.ready {
                state.ready = true;
                self.work.notify_one();
            }
        }
    }

    /// Nothing is stored: what has happened has.
    fn forget_journal(&self, state: &mut State) {
        drop(state.exchange.take_journal());
        self.note(state.exchange.take_endings());
    }

    /// Counts what has ended for good: what is not stored yet may be undone, and end again.
    fn note(&self, endings: impl IntoIterator<Item = Ending>) {
        for ending in endings {
            let (mood, seconds) = (ending.outcome.as_str(), ending.total);
            tracing::debug!(mood, seconds, what = ending.what.as_str(), "ended");
            self.recorder.ended(ending);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The time for the exchange, in Unix seconds. When the clock was set, all that the exchange keeps
    /// of how long ago something was is set with it.
    fn time(&mut self, clock: &Clock) -> f64 {
        let Reading { now, set_by } = clock.read();
        let by = set_by - std::mem::replace(&mut self.set_by, set_by);
        if by != 0.0 {
            tracing::warn!(seconds = by, "the system's clock was set");
            self.exchange.clock_was_set(by);
        }
        now
    }

    fn deliver(&self, out: Vec<Answer>) -> impl Iterator<Item = Waker> {
        out.into_iter().filter_map(|answer| self.outboxes.get(&answer.to)?.deliver(answer.content))
    }

    fn queue(&mut self, out: Vec<Answer>) {
        let hold = |answer: Answer| {
            let outbox = self.outboxes.get(&answer.to)?;
            outbox.hold(weight(&answer));
            Some((Arc::clone(outbox), answer))
        };
        let answers = out.into_iter().filter_map(hold).collect();
        let (changes, endings) = (self.exchange.take_journal(), self.exchange.take_endings());
        self.batch.push(changes, answers, endings);
    }
}

/// Lets the answers out, and wakes each connection once, when all of its own are out.
fn release(answers: Vec<(Arc<Outbox>, Answer)>) {
    let mut wakers = Vec::new();
    for (outbox, answer) in answers {
        let weight = weight(&answer);
        wakers.extend(outbox.deliver(answer.content));
        outbox.unhold(weight);
    }
    wake(wakers);
}

fn wake(wakers: impl IntoIterator<Item = Waker>) {
    wakers.into_iter().for_each(Waker::wake);
}

fn say_goodbye(outbox: &Outbox) {
    wake(outbox.close(CloseCode::Away, STOPS, None));
}

/// What an answer counts while it waits: never nothing.
fn weight(answer: &Answer) -> usize {
    answer.content.len() + 64
}
