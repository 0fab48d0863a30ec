//! The messages that this side adds, and how far each has come.

use wormhole_sync_wire::{ClientMessage, Phase, hex};

/// This side's messages, in the order in which they were added.
#[derive(Default)]
pub(super) struct Outbox {
    added: Vec<Added>,
}

struct Added {
    phase: Phase,
    body: Vec<u8>,
    progress: Progress,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// No server has heard of it.
    New,
    /// It was said on a connection that is gone; whether it is stored, only a replay can tell.
    SaidBefore { was_stored: bool },
    /// It was said on this connection.
    Said,
    /// The server has shown on this connection that it is stored.
    Stored,
}

impl Outbox {
    pub(super) fn push(&mut self, phase: Phase, body: Vec<u8>) {
        self.added.push(Added { phase, body, progress: Progress::New });
    }

    /// A message came that bears this side's name: the echo of what was added, or else a forgery,
    /// which changes nothing.
    pub(super) fn echo(&mut self, phase: &Phase, body: &[u8]) {
        let echoed = |added: &&mut Added| added.phase == *phase && added.body == body;
        if let Some(added) = self.added.iter_mut().find(echoed) {
            added.progress = Progress::Stored;
        }
    }

    /// Whether the server has shown everything to be stored.
    pub(super) fn is_stored(&self) -> bool {
        self.added.iter().all(|added| added.progress == Progress::Stored)
    }

    /// Whether an earlier connection may have stored something, so that a replay will tell.
    pub(super) fn may_be_stored(&self) -> bool {
        self.added.iter().any(|added| matches!(added.progress, Progress::SaidBefore { .. }))
    }

    /// Whether an earlier connection had shown something to be stored that this one has not.
    pub(super) fn misses_stored(&self) -> bool {
        self.added.iter().any(|added| added.progress == Progress::SaidBefore { was_stored: true })
    }

    /// The mailbox is new to the server: what was said of an earlier one counts for nothing.
    pub(super) fn forget(&mut self) {
        self.added.iter_mut().for_each(|added| added.progress = Progress::New);
    }

    /// The connection was lost, and perhaps what the server had stored with it.
    pub(super) fn lost(&mut self) {
        for added in &mut self.added {
            added.progress = match added.progress {
                Progress::Said => Progress::SaidBefore { was_stored: false },
                Progress::Stored => Progress::SaidBefore { was_stored: true },
                unchanged @ (Progress::New | Progress::SaidBefore { .. }) => unchanged,
            };
        }
    }

    /// The messages to be said now: the new ones, and once the server has replayed what it holds
    /// (`replayed`), those that it turned out not to hold.
    pub(super) fn due(&mut self, replayed: bool) -> Vec<ClientMessage<'static>> {
        self.added
            .iter_mut()
            // Later ones wait for earlier ones, so that they are stored in their order.
            .take_while(|added| replayed || !matches!(added.progress, Progress::SaidBefore { .. }))
            .filter(|added| matches!(added.progress, Progress::New | Progress::SaidBefore { .. }))
            .map(|added| {
                added.progress = Progress::Said;
                ClientMessage::Add {
                    phase: added.phase.name().into_owned().into(),
                    body: hex::encode(&added.body).into(),
                }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outbox(phases: &[u64]) -> Outbox {
        let mut outbox = Outbox::default();
        for number in phases {
            outbox.push(Phase::Numbered(*number), vec![1]);
        }
        outbox
    }

    fn due(outbox: &mut Outbox, replayed: bool) -> Vec<String> {
        let phases = outbox.due(replayed).into_iter().map(|message| match message {
            ClientMessage::Add { phase, .. } => phase.into_owned(),
            other => panic!("not an add: {other:?}"),
        });
        phases.collect()
    }

    #[test]
    fn a_message_is_said_once_on_a_connection() {
        let mut outbox = outbox(&[0, 1]);
        assert_eq!(due(&mut outbox, false), ["0", "1"]);
        assert_eq!(due(&mut outbox, true), [""; 0]);
        assert!(!outbox.is_stored());
    }

    #[test]
    fn after_a_loss_only_what_the_replay_lacks_is_said_again() {
        let mut outbox = outbox(&[0, 1]);
        outbox.due(false);
        outbox.lost();
        outbox.push(Phase::Numbered(2), vec![1]);
        assert_eq!(due(&mut outbox, false), [""; 0], "the new one waits for its turn");
        outbox.echo(&Phase::Numbered(0), &[1]);
        assert_eq!(due(&mut outbox, true), ["1", "2"]);
    }

    #[test]
    fn an_echo_with_another_body_is_a_forgery() {
        let mut outbox = outbox(&[0]);
        outbox.due(false);
        outbox.echo(&Phase::Numbered(0), &[2]);
        outbox.echo(&Phase::Numbered(7), &[1]);
        assert!(!outbox.is_stored());
        outbox.echo(&Phase::Numbered(0), &[1]);
        assert!(outbox.is_stored());
    }
}
