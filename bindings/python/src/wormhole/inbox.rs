//! Messages that have come and that nobody has taken.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
};

use pyo3::IntoPyObjectExt;
use tokio::sync::Notify;

use crate::{exchange::Blob, pending::Promise, process::lock};

/// In the order in which they came. A message that was handed out to somebody who has left without it comes back to
/// its place.
#[derive(Default)]
pub(super) struct Inbox {
    messages: Mutex<Messages>,
    came_back: Notify,
}

#[derive(Default)]
struct Messages {
    /// By their numbers, from 0 on.
    waiting: BTreeMap<u64, Vec<u8>>,
    next: u64,
}

/// A message on its way to Python.
struct Letter {
    number: u64,
    message: Option<Vec<u8>>,
    inbox: Arc<Inbox>,
}

impl Inbox {
    pub(super) fn put(&self, message: Vec<u8>) {
        let mut messages = lock(&self.messages);
        let number = messages.next;
        messages.waiting.insert(number, message);
        messages.next += 1;
    }

    /// Ready when a message has come back.
    pub(super) async fn has_back(&self) {
        self.came_back.notified().await;
    }

    /// Gives messages to those who wait for one, as far as they go. Who does not wait any more is left out.
    pub(super) fn hand_out(self: &Arc<Self>, receivers: &mut VecDeque<Promise>) {
        receivers.retain(Promise::is_wanted);
        while !receivers.is_empty() {
            let Some((number, message)) = lock(&self.messages).waiting.pop_first() else { return };
            let inbox = Arc::clone(self);
            let mut letter = Letter { number, message: Some(message), inbox };
            let Some(receiver) = receivers.pop_front() else { return };
            receiver.fulfil(move |py| letter.message.take().map(Blob).into_py_any(py));
        }
    }
}

impl Drop for Letter {
    fn drop(&mut self) {
        if let Some(message) = self.message.take() {
            lock(&self.inbox.messages).waiting.insert(self.number, message);
            self.inbox.came_back.notify_one();
        }
    }
}
