//! Messages that have come and that nobody has taken.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use pyo3::IntoPyObjectExt;
use tokio::sync::Notify;

use crate::{exchange::Blob, pending::Promise, process::lock};

/// In their order. A message that was handed out to somebody who has left without it comes back.
#[derive(Default)]
pub(super) struct Inbox {
    messages: Mutex<VecDeque<Vec<u8>>>,
    came_back: Notify,
}

/// A message on its way to Python.
struct Letter {
    message: Option<Vec<u8>>,
    inbox: Arc<Inbox>,
}

impl Inbox {
    pub(super) fn put(&self, message: Vec<u8>) {
        lock(&self.messages).push_back(message);
    }

    /// Ready when a message has come back.
    pub(super) async fn has_back(&self) {
        self.came_back.notified().await;
    }

    /// Gives messages to those who wait for one, as far as they go. Who does not wait any more is left out.
    pub(super) fn hand_out(self: &Arc<Self>, receivers: &mut VecDeque<Promise>) {
        receivers.retain(Promise::is_wanted);
        while !receivers.is_empty() {
            let Some(message) = lock(&self.messages).pop_front() else { return };
            let Some(receiver) = receivers.pop_front() else { return };
            let mut letter = Letter { message: Some(message), inbox: Arc::clone(self) };
            receiver.fulfil(move |py| letter.message.take().map(Blob).into_py_any(py));
        }
    }
}

impl Drop for Letter {
    fn drop(&mut self) {
        if let Some(message) = self.message.take() {
            lock(&self.inbox.messages).push_front(message);
            self.inbox.came_back.notify_one();
        }
    }
}
