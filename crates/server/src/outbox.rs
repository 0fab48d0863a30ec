//! What waits to be written to one connection.

use std::{
    pin::Pin,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Poll, Waker, ready},
};

use tokio::io::AsyncWrite;

use crate::frames::{self, CloseCode, Opcode};

/// Bytes that may wait for a client before no more of its requests are read.
const PAUSE: usize = 64 << 10;

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
}

#[derive(Default)]
struct State {
    bytes: Vec<u8>,
    sent: usize,
    closing: bool,
    waker: Option<Waker>,
}

impl State {
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
    /// An empty outbox that closes its connection when more than `limit` bytes wait.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            state: Mutex::default(),
            in_flight: AtomicUsize::new(0),
            unsent: AtomicUsize::new(0),
            limit,
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

    /// Appends a message. The waker is to be woken.
    pub(crate) fn deliver(&self, text: &str) -> Option<Waker> {
        if self.unsent.load(Relaxed) > self.limit {
            let reason = "too slow: more bytes wait than this server's limit";
            return self.close(CloseCode::Policy, reason, Some(&self.too_slow()));
        }
        self.append(|out| frames::put(out, Opcode::Text, text.as_bytes()))
    }

    /// Appends a last message, if any, and the close frame. Nothing goes out after that.
    pub(crate) fn close(
        &self,
        code: CloseCode,
        reason: &str,
        last_words: Option<&str>,
    ) -> Option<Waker> {
        let waker = self.append(|out| {
            if let Some(text) = last_words {
                frames::put(out, Opcode::Text, text.as_bytes());
            }
            frames::put_close(out, code, reason);
        });
        self.lock().closing = true;
        waker
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
        while state.sent < state.bytes.len() {
            let waiting = state.bytes.get(state.sent..).unwrap_or_default();
            let written = ready!(Pin::new(&mut *stream).poll_write(context, waiting))?;
            if written == 0 {
                return Poll::Ready(Err(std::io::ErrorKind::WriteZero.into()));
            }
            state.went_out(written);
            self.unsent.fetch_sub(written, Relaxed);
        }
        Poll::Ready(Ok(()))
    }

    fn append(&self, write: impl FnOnce(&mut Vec<u8>)) -> Option<Waker> {
        let mut state = self.lock();
        if state.closing {
            return None;
        }
        let before = state.bytes.len();
        write(&mut state.bytes);
        self.unsent.fetch_add(state.bytes.len() - before, Relaxed);
        state.waker.take()
    }

    fn too_slow(&self) -> String {
        let limit = self.limit;
        let error =
            format!("too slow: more than this server's limit of {limit} bytes wait for you");
        serde_json::json!({"type": "error", "error": error}).to_string()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(outbox: &Outbox) -> String {
        String::from_utf8_lossy(&outbox.lock().bytes).into_owned()
    }

    #[test]
    fn a_slow_reader_is_told_which_limit_and_hears_no_more() {
        let outbox = Outbox::new(1000);
        outbox.deliver(&"x".repeat(5000));
        assert!(!outbox.is_closing(), "what a mailbox holds may go out at once");
        outbox.deliver("more");
        outbox.deliver("even more");
        let text = text(&outbox);
        assert!(text.contains("more than this server's limit of 1000 bytes wait"), "{text}");
        assert!(outbox.is_closing() && !text.contains("even"));
    }

    /// A socket whose other end takes so many bytes at a time.
    struct Steady(usize);

    impl AsyncWrite for Steady {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<std::io::Result<usize>> {
            let taken = bytes.len().min(self.0);
            self.0 -= taken;
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
        let outbox = Outbox::new(usize::MAX);
        let mut context = Context::from_waker(Waker::noop());
        outbox.put_raw(&[0; 50_000]);
        for _ in 0..10_000 {
            outbox.put_raw(&[0; 1000]);
            assert!(outbox.poll_write(&mut Steady(1000), &mut context).is_pending());
            let state = outbox.lock();
            let waiting = state.bytes.len() - state.sent;
            assert_eq!((waiting, outbox.unsent.load(Relaxed)), (50_000, 50_000));
            assert!(state.bytes.len() <= 2 * waiting + SENT + 1000, "{}", state.bytes.len());
        }
        assert!(outbox.poll_write(&mut Steady(49_000), &mut context).is_pending());
        assert!(outbox.lock().bytes.capacity() <= 4 * SENT, "as if so much waited still");
        assert!(outbox.poll_write(&mut Steady(1000), &mut context).is_ready());
        assert_eq!(outbox.lock().bytes.capacity(), 0, "an idle outbox holds memory");
    }

    #[test]
    fn requests_wait_while_answers_do() {
        let outbox = Outbox::new(usize::MAX);
        assert!(!outbox.is_crowded(0) && !outbox.is_holding());
        outbox.hold(PAUSE);
        assert!(!outbox.is_crowded(0) && outbox.is_crowded(1) && outbox.is_holding());
        outbox.unhold(PAUSE);
        outbox.put_raw(&vec![0; PAUSE + 1]);
        assert!(outbox.is_crowded(0) && !outbox.is_holding());
    }
}
