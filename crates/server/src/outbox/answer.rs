//! What is to be sent, before it is frames.

use std::sync::{Arc, Weak};

use crate::{
    exchange::{ConnectionId, Message},
    session::{Outgoing, Outlet},
};

/// Something to be sent to one connection.
pub(crate) struct Answer {
    pub(crate) to: ConnectionId,
    pub(crate) content: Content,
}

/// What that is.
pub(crate) enum Content {
    Text(String),
    /// The same for many.
    Shared(Arc<str>),
    Replay(Replay),
}

/// What a mailbox held when it was opened. It belongs to the mailbox: what has ended meanwhile is
/// of use to nobody, and is not kept for those who are slow.
pub(crate) struct Replay {
    pub(super) messages: std::vec::IntoIter<Weak<Message>>,
    pub(super) now: f64,
}

impl Content {
    /// The JSON text of one frame.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Shared(text) => Some(text),
            Self::Replay(_) => None,
        }
    }

    /// Bytes of memory.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Shared(text) => text.len(),
            Self::Replay(replay) => size_of_val(replay.messages.as_slice()),
        }
    }
}

/// The answers of a turn, in order.
#[derive(Default)]
pub(crate) struct Answers(pub(crate) Vec<Answer>);

impl Outlet for Answers {
    fn say(&mut self, Outgoing { to, text }: Outgoing) {
        self.0.push(Answer { to, content: Content::Text(text) });
    }

    fn broadcast(&mut self, to: &[ConnectionId], text: String) {
        if let [only] = to {
            return self.say(Outgoing { to: *only, text });
        }
        // A copy for each would be a hundred times the message, and only then be counted.
        let text: Arc<str> = text.into();
        self.0.extend(
            to.iter().map(|to| Answer { to: *to, content: Content::Shared(Arc::clone(&text)) }),
        );
    }

    fn replay(&mut self, to: ConnectionId, messages: Vec<Arc<Message>>, now: f64) {
        if messages.is_empty() {
            return;
        }
        let messages: Vec<_> = messages.iter().map(Arc::downgrade).collect();
        let replay = Replay { messages: messages.into_iter(), now };
        self.0.push(Answer { to, content: Content::Replay(replay) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_to_many_is_held_once() {
        let mut answers = Answers::default();
        answers.broadcast(&[ConnectionId(1), ConnectionId(2), ConnectionId(3)], "x".to_owned());
        answers.broadcast(&[ConnectionId(1)], "y".to_owned());
        answers.broadcast(&[], "z".to_owned());
        let texts: Vec<_> = answers.0.iter().map(|answer| answer.content.text().unwrap()).collect();
        assert_eq!(texts, ["x", "x", "x", "y"]);
        assert!(texts[0].as_ptr() == texts[1].as_ptr() && texts[1].as_ptr() == texts[2].as_ptr());
    }
}
