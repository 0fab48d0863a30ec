//! The transit relay: two links that name the same token become one.
//!
//! [`Pairing`] decides who belongs to whom, as a function of its inputs. Around it each link is one
//! small task, which holds no buffer while it waits. When its partner comes, that one's socket is
//! handed over, and the task that waited moves the bytes of both.

#[cfg_attr(not(target_os = "linux"), path = "relay/conduit_elsewhere.rs")]
mod conduit;
mod end;
mod hello;
mod link;
mod pipe;
mod rate;
mod record;
mod state;
#[cfg(test)]
mod tests;

use std::{
    borrow::Cow,
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use tokio::{
    sync::{Notify, oneshot, watch},
    task::JoinHandle,
    time::{Duration, interval, timeout},
};
use wormhole_sync_wire::transit::RelayRequest;

pub use crate::mood::Mood;
use crate::{
    address::Address,
    clock::{Clock, Steady},
    config::{self, Limit},
    metrics::Counts,
    pool::Pool,
    usage::{Recorder, RelayRecord},
};
use end::End;
use pipe::Ending;
use rate::Rates;

pub use hello::{Hello, Said};
pub(crate) use link::{serve_raw, serve_websocket};
pub use record::Record;
pub use state::{LinkId, Output, Pairing};

/// How often those are looked for who have waited for too long, at the least often.
const LOOK: Duration = Duration::from_secs(1);

/// The number of no link.
const NOBODY: LinkId = LinkId(0);

/// What all links of a relay share.
pub(crate) struct Relay {
    config: config::Relay,
    state: Mutex<State>,
    pool: Arc<Pool>,
    rates: Arc<Rates>,
    clock: Steady,
    moved: AtomicU64,
    /// Whether the pairs that are still there are cut.
    cut: watch::Sender<bool>,
    /// There is no pair any more.
    idle: Notify,
}

struct State {
    pairing: Pairing,
    /// How those are reached who are no half of a pair.
    calls: BTreeMap<LinkId, oneshot::Sender<Call>>,
    next: u64,
    stopping: bool,
    /// Bytes of pairs that are over.
    recorded: u64,
    recorder: Arc<Recorder>,
    /// When links began, for who looks later.
    clock: Arc<Clock>,
}

/// What a relay is like at this moment.
pub(crate) struct Present {
    pub(crate) waiting: usize,
    pub(crate) pairs: usize,
    /// Bytes that were moved since the start.
    pub(crate) bytes: u64,
    /// Those of pairs that go on.
    pub(crate) incomplete_bytes: u64,
    /// How often each limit was met.
    pub(crate) refused: Counts,
}

/// What a link that is no half of a pair is told.
enum Call {
    /// Here is your partner.
    Join(Box<End>),
    /// Say this, and close.
    Close(Cow<'static, str>),
}

/// What becomes of a link that has asked.
enum Verdict {
    /// It was handed to the one that waits for it.
    Joined,
    Wait(Box<End>),
    Close(Box<End>, Cow<'static, str>),
}

impl Relay {
    pub(crate) fn new(
        config: config::Relay,
        recorder: Arc<Recorder>,
        clock: Arc<Clock>,
    ) -> Arc<Self> {
        let (pairing, steady) = (Pairing::new(config.clone()), clock.steady());
        let state = State {
            pairing,
            calls: BTreeMap::new(),
            next: 1,
            stopping: false,
            recorded: 0,
            recorder,
            clock,
        };
        Arc::new(Self {
            state: Mutex::new(state),
            pool: Pool::new(config.buffered_bytes),
            rates: Rates::new(config.bytes_per_second_per_address),
            clock: steady,
            moved: AtomicU64::new(0),
            cut: watch::Sender::new(false),
            idle: Notify::new(),
            config,
        })
    }

    pub(crate) fn present(&self) -> Present {
        let state = self.lock();
        let bytes = self.moved.load(Relaxed);
        Present {
            waiting: state.pairing.waiting(),
            pairs: state.pairing.pairs(),
            bytes,
            incomplete_bytes: bytes.saturating_sub(state.recorded),
            refused: state.pairing.refused().counts(),
        }
    }

    /// Begins to look after those who wait.
    pub(crate) fn start(self: &Arc<Self>) -> JoinHandle<()> {
        let relay = Arc::clone(self);
        let mut looks = interval(LOOK.min(self.config.waiting));
        tokio::spawn(async move {
            loop {
                looks.tick().await;
                let mut state = relay.lock();
                state.pairing.expire(relay.clock.now());
                state.settle(NOBODY, &mut None);
            }
        })
    }

    /// Closes everybody who waits or comes.
    pub(crate) fn stop(&self) {
        let mut state = self.lock();
        state.stopping = true;
        state.pairing.stop(self.clock.now());
        state.settle(NOBODY, &mut None);
    }

    /// Gives the pairs so long to come to their end.
    pub(crate) async fn drain(&self, drain: Duration) {
        let drained = async {
            loop {
                let idle = self.idle.notified();
                if self.lock().pairing.pairs() == 0 {
                    return;
                }
                idle.await;
            }
        };
        if timeout(drain, drained).await.is_err() {
            tracing::warn!(pairs = self.lock().pairing.pairs(), "pairs are cut: the relay stops");
        }
    }

    /// Cuts the pairs that are still there, and those that begin at this moment.
    pub(crate) fn cut(&self) {
        self.cut.send_replace(true);
    }

    /// Ready once pairs are cut.
    async fn was_cut(&self) {
        _ = self.cut.subscribe().wait_for(|cut| *cut).await; // the sender is in `self`
    }

    /// A link is there. How it is reached until it is half of a pair.
    fn opened(&self, address: Option<Address>) -> (LinkId, oneshot::Receiver<Call>) {
        let mut state = self.lock();
        let id = LinkId(state.next);
        state.next += 1;
        let (call, called) = oneshot::channel();
        state.calls.insert(id, call);
        let now = self.clock.now();
        state.pairing.opened(id, address, now);
        if state.stopping {
            state.pairing.stop(now);
            state.settle(NOBODY, &mut None);
        }
        (id, called)
    }

    /// A link has said its line. When a partner waits for it, it is handed over.
    fn asked(&self, id: LinkId, request: Option<RelayRequest>, end: Box<End>) -> Verdict {
        let mut state = self.lock();
        state.pairing.asked(id, request, self.clock.now());
        let mut end = Some(end);
        let text = state.settle(id, &mut end);
        let verdict = match (end, text) {
            (None, _) => Verdict::Joined,
            (Some(end), Some(text)) => Verdict::Close(end, text),
            // Or it was called already, at this very moment.
            (Some(end), None) => return Verdict::Wait(end),
        };
        state.calls.remove(&id);
        verdict
    }

    /// Tells what has become of a link that waits no longer. Its last words, if any.
    fn tell(&self, id: LinkId, tell: impl FnOnce(&mut Pairing, f64)) -> Option<Cow<'static, str>> {
        let mut state = self.lock();
        state.calls.remove(&id);
        tell(&mut state.pairing, self.clock.now());
        state.settle(id, &mut None)
    }

    /// A pair is over.
    fn ended(&self, waited: LinkId, bytes: u64, ending: Ending) {
        self.tell(waited, |pairing, now| {
            match ending {
                Ending::Idle => pairing.refused().count(Limit::Idle),
                Ending::Spent => pairing.refused().count(Limit::PairBytes),
                Ending::Stopped => pairing.refused().count(Limit::Drain),
                Ending::Closed | Ending::Lost => {}
            }
            pairing.ended(waited, bytes, ending == Ending::Closed, now);
        });
        if self.lock().pairing.pairs() == 0 {
            self.idle.notify_waiters();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn moved(&self, bytes: u64) {
        self.moved.fetch_add(bytes, Relaxed);
    }
}

impl State {
    /// Does what the machine says. The last words of the link `own`, which the caller serves; its
    /// end is taken when a partner waits for it.
    fn settle(&mut self, own: LinkId, end: &mut Option<Box<End>>) -> Option<Cow<'static, str>> {
        let mut text = None;
        while let Some(output) = self.pairing.poll() {
            match output {
                Output::Close { link, text: last } if link == own => text = Some(last),
                Output::Close { link, text } => self.call(link, Call::Close(text)),
                Output::Join { waiting, .. } => {
                    if let Some(end) = end.take() {
                        self.call(waiting, Call::Join(end));
                    }
                }
                Output::Record(record) => self.record(record),
            }
        }
        text
    }

    fn record(&mut self, Record { started, waiting, total, bytes, mood }: Record) {
        tracing::debug!(mood = mood.as_str(), bytes, seconds = total, what = "link", "ended");
        self.recorded += bytes;
        let started = self.clock.moment(started);
        self.recorder.relayed(RelayRecord { started, waiting, total, bytes, mood });
    }

    fn call(&mut self, link: LinkId, call: Call) {
        if let Some(waiting) = self.calls.remove(&link) {
            _ = waiting.send(call); // it is gone, and will find out
        }
    }
}
