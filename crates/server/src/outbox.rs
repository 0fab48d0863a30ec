//! What waits to be written to one connection.

mod answer;

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Poll, Waker, ready},
};

use tokio::io::AsyncWrite;

use crate::{
    config::{Limit, Refused},
    frames::{self, CloseCode, Opcode},
    pool::{Excess, Pool},
    session::encode_message,
};

use answer::Replay;
pub(crate) use answer::{Answer, Answers, Content};

/// Bytes that may wait for a client before no more of its requests are read.
const PAUSE: usize = 64 << 10;

/// Bytes that wait while there is more to be replayed.
const REPLAY: usize = 32 << 10;

/// Bytes that are written at once. Within TLS they are sealed before it shows how many of them the
/// socket takes, and count here no more.
const AT_ONCE: usize = 16 << 10;

/// Bytes that are out and may still be held, beside as many as wait: giving each up at once would
/// move those that wait each time.
const SENT: usize = 16 << 10;

/// Frames that wait to be written, and whoever writes them.
pub(crate) struct Outbox {
    state: Mutex<State>,
    /// Bytes of answers that wait for their commit.
    in_flight: AtomicUsize,
    /// Bytes that wait to be written.
    unsent: AtomicUsize,
    limit: usize,
    pool: Arc<Pool>,
    refused: Arc<Refused>,
}

#[derive(Default)]
struct State {
    bytes: Vec<u8>,
    sent: usize,
    /// What comes after a replay that is not yet through, itself included. An idle outbox has none.
    #[expect(clippy::box_collection, reason = "a connection's memory counts while it waits")]
    later: Option<Box<VecDeque<Content>>>,
    closing: bool,
    waker: Option<Waker>,
}

impl State {
    /// Makes frames of what comes later while little waits. Bytes more that wait.
    fn refill(&mut self) -> usize {
        let mut more = 0;
        while self.bytes.len() - self.sent < REPLAY
            && let Some(later) = &mut self.later
        {
            let before = self.bytes.len();
            let Some(first) = later.front_mut() else {
                self.later = None;
                break;
            };
            if let Some(text) = first.text() {
                frames::put(&mut self.bytes, Opcode::Text, text.as_bytes());
                more += self.bytes.len() - before - text.len();
                later.pop_front();
            } else if let Content::Replay(Replay { messages, now }) = first {
                match messages.next() {
                    None => _ = later.pop_front(),
                    Some(message) => {
                        let Some(message) = message.upgrade() else { continue };
                        let text = encode_message(&message, *now);
                        frames::put(&mut self.bytes, Opcode::Text, text.as_bytes());
                        more += self.bytes.len() - before;
                    }
                }
            }
        }
        more
    }

    /// Bytes that went out. A reader that is slow and steady never lets the outbox become empty, so
    /// that what it has read must not wait for that.
    fn went_out(&mut self, written: usize) {
        self.sent += written;
        let waiting = self.bytes.len().saturating_sub(self.sent);
        if waiting == 0 {
            self.bytes = Vec::new();
            self.sent = 0;
        } else if self.sent > SENT.max(waiting) {
            self.bytes.drain(..self.sent);
            self.bytes.shrink_to(2 * waiting + SENT);
            self.sent = 0;
        }
    }
}

impl Outbox {
    /// An empty outbox that closes its connection when more than `limit` bytes wait, or too many
    /// wait in the pool; that is counted in `refused`.
    pub(crate) fn new(limit: usize, pool: Arc<Pool>, refused: Arc<Refused>) -> Self {
        Self {
            state: Mutex::default(),
            in_flight: AtomicUsize::new(0),
            unsent: AtomicUsize::new(0),
            limit,
            pool,
            refused,
        }
    }

    /// Appends bytes that are no frame: the answer to the handshake.
    pub(crate) fn put_raw(&self, bytes: &[u8]) {
        self.append(|out| out.extend_from_slice(bytes));
    }

    /// Appends a control frame.
    pub(crate) fn put_control(&self, opcode: Opcode, payload: &[u8]) {
        self.append(|out| frames::put(out, opcode, payload));
    }

    /// Appends a message, or the messages of a mailbox. The waker is to be woken.
    pub(crate) fn deliver(&self, content: Content) -> Option<Waker> {
        if let Some(text) = content.text()
            && let Some((limit, most)) = self.check(text.len())
        {
            let error = limit.refusal(most).0;
            let last_words = serde_json::json!({"type": "error", "error": error}).to_string();
            return self.end(CloseCode::Policy, &error, Some(&last_words), Some(limit));
        }
        let mut state = self.lock();
        if state.closing {
            return None;
        }
        match content.text() {
            Some(text) if state.later.is_none() => {
                let before = state.bytes.len();
                frames::put(&mut state.bytes, Opcode::Text, text.as_bytes());
                self.wait_more(state.bytes.len() - before);
            }
            later => {
                self.wait_more(later.map_or(0, str::len));
                state.later.get_or_insert_default().push_back(content);
            }
        }
        state.waker.take()
    }

    /// Appends a last message, if any, and the close frame. Nothing goes out after that.
    pub(crate) fn close(
        &self,
        code: CloseCode,
        reason: &str,
        last_words: Option<&str>,
    ) -> Option<Waker> {
        self.end(code, reason, last_words, None)
    }

    /// Whether the close frame is in the outbox, or out.
    pub(crate) fn is_closing(&self) -> bool {
        self.lock().closing
    }

    /// Notes that an answer waits for its commit.
    pub(crate) fn hold(&self, bytes: usize) {
        self.in_flight.fetch_add(bytes, Relaxed);
    }

    /// Notes that it does so no more.
    pub(crate) fn unhold(&self, bytes: usize) {
        self.in_flight.fetch_sub(bytes, Relaxed);
    }

    /// Whether answers wait for their commit, so that others must queue behind them.
    pub(crate) fn is_holding(&self) -> bool {
        self.in_flight.load(Relaxed) > 0
    }

    /// Whether so much waits, with `more`, that no further request should be read.
    pub(crate) fn is_crowded(&self, more: usize) -> bool {
        self.in_flight.load(Relaxed) + self.unsent.load(Relaxed) + more > PAUSE
    }

    /// Writes what waits. Ready when all is out; the task is woken when there is more.
    pub(crate) fn poll_write(
        &self,
        stream: &mut (impl AsyncWrite + Unpin),
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        let mut state = self.lock();
        if !state.waker.as_ref().is_some_and(|waker| waker.will_wake(context.waker())) {
            state.waker = Some(context.waker().clone());
        }
        loop {
            self.wait_more(state.refill());
            if state.sent >= state.bytes.len() {
                return Pin::new(stream).poll_flush(context); // TLS may hold some of them
            }
            let end = state.bytes.len().min(state.sent + AT_ONCE);
            let waiting = state.bytes.get(state.sent..end).unwrap_or_default();
            let written = ready!(Pin::new(&mut *stream).poll_write(context, waiting))?;
            if written == 0 {
                return Poll::Ready(Err(std::io::ErrorKind::WriteZero.into()));
            }
            state.went_out(written);
            self.wait_less(written);
        }
    }

    /// The same, for a limit that was met: it is counted once, by whoever ends the connection.
    fn end(
        &self,
        code: CloseCode,
        reason: &str,
        last_words: Option<&str>,
        met: Option<Limit>,
    ) -> Option<Waker> {
        let mut state = self.lock();
        if state.closing {
            return None;
        }
        state.closing = true;
        if let Some(limit) = met {
            self.refused.count(limit);
        }
        if let Some(later) = state.later.take() {
            self.wait_less(later.iter().filter_map(Content::text).map(str::len).sum());
        }
        self.write_into(&mut state, |out| {
            if let Some(text) = last_words {
                frames::put(out, Opcode::Text, text.as_bytes());
            }
            frames::put_close(out, code, reason);
        });
        state.waker.take()
    }

    /// Whoever does this is the task that writes, so that nobody has to be woken.
    fn append(&self, write: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.lock();
        if !state.closing {
            self.write_into(&mut state, write);
        }
    }

    fn write_into(&self, state: &mut State, write: impl FnOnce(&mut Vec<u8>)) {
        let before = state.bytes.len();
        write(&mut state.bytes);
        self.wait_more(state.bytes.len() - before);
    }

    /// The limit that is met when so much more waits, and what it is.
    fn check(&self, more: usize) -> Option<(Limit, usize)> {
        let own = self.unsent.load(Relaxed);
        if own > self.limit {
            return Some((Limit::OutboxBytes, self.limit));
        }
        match self.pool.excess(more).filter(|_| own + more > PAUSE)? {
            Excess::Address(most) => Some((Limit::OutboxesBytesPerAddress, most)),
            Excess::All(most) => Some((Limit::OutboxesBytes, most)),
        }
    }

    fn wait_more(&self, bytes: usize) {
        self.unsent.fetch_add(bytes, Relaxed);
        self.pool.hold(bytes);
    }

    fn wait_less(&self, bytes: usize) {
        self.unsent.fetch_sub(bytes, Relaxed);
        self.pool.let_go(bytes);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        self.pool.let_go(self.unsent.load(Relaxed));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        address::Address,
        exchange::{ConnectionId, Message},
        pool::Pools,
        session::Outlet,
    };

    fn text(outbox: &Outbox) -> String {
        String::from_utf8_lossy(&outbox.lock().bytes).into_owned()
    }

    fn outbox(limit: usize) -> Outbox {
        Outbox::new(limit, Pool::new(usize::MAX), Arc::default())
    }

    fn say(outbox: &Outbox, text: &str) {
        outbox.deliver(Content::Text(text.to_owned()));
    }

    #[test]
    fn a_slow_reader_is_told_which_limit_and_hears_no_more() {
        let outbox = outbox(1000);
        say(&outbox, &"x".repeat(5000));
        assert!(!outbox.is_closing(), "one message may be as large as messages are");
        say(&outbox, "more");
        say(&outbox, "even more");
        let text = text(&outbox);
        let words = "too much waits for you: this server's limit is 1000 bytes";
        assert!(text.contains(words), "{text}");
        assert!(outbox.is_closing() && !text.contains("even"));
        assert_eq!(
            outbox.refused.counts()["outbox_bytes"],
            1,
            "whoever is told so is counted once"
        );
    }

    /// A socket whose other end takes so many bytes, and what it has taken.
    struct Steady(usize, Vec<u8>);

    fn steady(takes: usize) -> Steady {
        Steady(takes, Vec::new())
    }

    impl AsyncWrite for Steady {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<std::io::Result<usize>> {
            let taken = bytes.len().min(self.0);
            self.0 -= taken;
            self.1.extend_from_slice(&bytes[..taken]);
            if taken == 0 { Poll::Pending } else { Poll::Ready(Ok(taken)) }
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[test]
    fn what_a_slow_and_steady_reader_has_read_is_not_held() {
        let outbox = outbox(usize::MAX);
        let mut context = Context::from_waker(Waker::noop());
        outbox.put_raw(&vec![0; 50_000]);
        for _ in 0..10_000 {
            outbox.put_raw(&[0; 1000]);
            assert!(outbox.poll_write(&mut steady(1000), &mut context).is_pending());
            let state = outbox.lock();
            let waiting = state.bytes.len() - state.sent;
            assert_eq!((waiting, outbox.unsent.load(Relaxed)), (50_000, 50_000));
            assert!(state.bytes.len() <= 2 * waiting + SENT + 1000, "{}", state.bytes.len());
        }
        assert!(outbox.poll_write(&mut steady(49_000), &mut context).is_pending());
        assert!(outbox.lock().bytes.capacity() <= 4 * SENT, "as if so much waited still");
        assert!(outbox.poll_write(&mut steady(1000), &mut context).is_ready());
        assert_eq!(outbox.lock().bytes.capacity(), 0, "an idle outbox holds memory");
    }

    #[test]
    fn requests_wait_while_answers_do() {
        let outbox = outbox(usize::MAX);
        assert!(!outbox.is_crowded(0) && !outbox.is_holding());
        outbox.hold(PAUSE);
        assert!(!outbox.is_crowded(0) && outbox.is_crowded(1) && outbox.is_holding());
        outbox.unhold(PAUSE);
        outbox.put_raw(&vec![0; PAUSE + 1]);
        assert!(outbox.is_crowded(0) && !outbox.is_holding());
    }

    fn messages(count: usize) -> Vec<Arc<Message>> {
        let message = |number: usize| {
            Arc::new(Message {
                side: "s".into(),
                phase: number.to_string().into(),
                body: "0".repeat(10_000).into(),
                server_rx: 0.0,
                id: None,
            })
        };
        (0..count).map(message).collect()
    }

    fn replay(outbox: &Outbox, messages: Vec<Arc<Message>>) {
        let mut answers = Answers::default();
        answers.replay(ConnectionId(1), messages, 1.0);
        for answer in answers.0 {
            outbox.deliver(answer.content);
        }
    }

    #[test]
    fn a_replay_is_encoded_as_it_is_read_and_comes_before_what_comes_later() {
        let outbox = outbox(20_000);
        let stored = messages(60);
        replay(&outbox, stored.clone());
        say(&outbox, "live");
        let mut context = Context::from_waker(Waker::noop());
        let mut heard = Vec::new();
        loop {
            let mut reader = steady(20_000);
            let done = outbox.poll_write(&mut reader, &mut context).is_ready();
            heard.append(&mut reader.1);
            let waiting = outbox.unsent.load(Relaxed);
            assert!(waiting < REPLAY + 11_000, "{waiting} bytes wait");
            assert!(!outbox.is_closing());
            if done {
                break;
            }
        }
        let heard = String::from_utf8_lossy(&heard);
        let found: Vec<_> =
            (0..60).map(|number| heard.find(&format!(r#""phase":"{number}""#))).collect();
        assert!(found.is_sorted() && found.iter().all(Option::is_some));
        assert!(heard.ends_with("live"));
        assert_eq!((outbox.unsent.load(Relaxed), outbox.pool.held()), (0, 0));
        assert!(outbox.lock().later.is_none());
    }

    #[test]
    fn a_mailbox_that_ended_is_not_kept_for_a_slow_reader() {
        let outbox = outbox(usize::MAX);
        let stored = messages(1000);
        replay(&outbox, stored.clone());
        let weak: Vec<_> = stored.iter().map(Arc::downgrade).collect();
        drop(stored);
        assert!(weak.iter().all(|message| message.upgrade().is_none()));
        let mut context = Context::from_waker(Waker::noop());
        assert!(outbox.poll_write(&mut steady(0), &mut context).is_ready());
    }

    #[test]
    fn all_slow_readers_together_are_held_to_a_limit_and_those_who_read_are_not() {
        let all = Pool::new(10 * PAUSE);
        let refused = Arc::new(Refused::default());
        let outbox = || Outbox::new(usize::MAX, Arc::clone(&all), Arc::clone(&refused));
        let slow: Vec<_> = (0..20).map(|_| outbox()).collect();
        for _ in 0..100 {
            for outbox in &slow {
                say(outbox, &"x".repeat(PAUSE / 8));
            }
        }
        assert!(all.held() <= 21 * (PAUSE + PAUSE / 4));
        assert!(slow.iter().all(Outbox::is_closing));
        let words = text(slow.last().unwrap());
        let told = "waits for all clients: this server's limit is 655360 bytes";
        assert!(words.contains(told), "{words}");
        let reads = outbox();
        say(&reads, "x");
        assert!(!reads.is_closing());
        assert_eq!(refused.counts()["outboxes_bytes"], 20);
        drop((slow, reads));
        assert_eq!(all.held(), 0);
    }

    #[test]
    fn slow_readers_at_one_address_do_not_use_up_what_is_for_all() {
        let pools = Pools::new(10 * PAUSE, 5 * PAUSE);
        let refused = Arc::new(Refused::default());
        let at = |ip: &str| {
            let pool = pools.of(ip.parse().ok().map(Address::of));
            Outbox::new(usize::MAX, pool, Arc::clone(&refused))
        };
        let slow: Vec<_> = (0..20).map(|_| at("192.0.2.1")).collect();
        for outbox in &slow {
            say(outbox, &"x".repeat(2 * PAUSE));
        }
        let words = text(slow.last().unwrap());
        let told = "waits for your address: this server's limit is 327680 bytes";
        assert!(words.contains(told), "{words}");
        let closed = slow.iter().filter(|outbox| outbox.is_closing()).count() as u64;
        assert_eq!(refused.counts()["outboxes_bytes_per_address"], closed);
        let reads = at("192.0.2.2");
        say(&reads, &"x".repeat(2 * PAUSE));
        assert!(!reads.is_closing());
    }

    #[test]
    fn one_large_message_for_each_of_many_is_held_to_that_limit_too() {
        let all = Pool::new(10 * PAUSE);
        let outbox = || Outbox::new(usize::MAX, Arc::clone(&all), Arc::default());
        let slow: Vec<_> = (0..20).map(|_| outbox()).collect();
        for outbox in &slow {
            say(outbox, &"x".repeat(2 * PAUSE));
        }
        assert!(all.held() <= 11 * PAUSE, "{}", all.held());
        assert!(slow.last().unwrap().is_closing());
    }

    #[test]
    fn what_comes_after_a_replay_counts_until_the_end() {
        let all = Pool::new(usize::MAX);
        let outbox = Outbox::new(1000, Arc::clone(&all), Arc::default());
        let stored = messages(10);
        replay(&outbox, stored.clone());
        say(&outbox, &"x".repeat(2000));
        assert_eq!(all.held(), 2000);
        say(&outbox, "y");
        assert!(outbox.is_closing() && text(&outbox).contains("too slow"));
        assert_eq!(all.held(), outbox.lock().bytes.len());
        drop(stored);
    }
}
