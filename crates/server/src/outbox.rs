//! What waits to be written to one connection.

use std::{
    pin::Pin,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Poll, Waker, ready},
};

use tokio::{io::AsyncWrite, net::TcpStream};

use crate::frames::{self, CloseCode, Opcode};

/// Bytes that may wait for a client before no more of its requests are read.
const PAUSE: usize = 64 << 10;

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
        stream: &mut TcpStream,
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
            state.sent += written;
            self.unsent.fetch_sub(written, Relaxed);
        }
        state.bytes = Vec::new();
        state.sent = 0;
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
