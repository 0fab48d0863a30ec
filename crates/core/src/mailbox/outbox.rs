//! The messages that this side adds, and how far each has come.
//!
//! An application may add very many, and each is echoed: so nothing here looks at all of them for
//! one, but for each connection.

use std::collections::BTreeMap;

use wormhole_sync_wire::{ClientMessage, Phase, hex};

/// This side's messages, in the order in which they were added.
#[derive(Default)]
pub(super) struct Outbox {
    added: Vec<Added>,
    /// Where each phase stands; every one is added once.
    places: BTreeMap<Phase, usize>,
    /// How many are stored.
    stored: usize,
    /// Those that an earlier connection said, and whether it had shown them to be stored.
    said_before: usize,
    stored_before: usize,
    /// Before this one all are said on this connection, or shown to be stored.
    next: usize,
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
        self.places.insert(phase.clone(), self.added.len());
        self.added.push(Added { phase, body, progress: Progress::New });
    }

    /// A message came that bears this side's name: the echo of what was added, or else a forgery,
    /// which changes nothing.
    pub(super) fn echo(&mut self, phase: &Phase, body: &[u8]) {
        let place = self.places.get(phase).copied();
        if let Some(place) = place
            && self.added.get(place).is_some_and(|added| added.body == body)
        {
            self.set(place, Progress::Stored);
        }
    }

    /// Whether the server has shown everything to be stored.
    pub(super) const fn is_stored(&self) -> bool {
        self.stored == self.added.len()
    }

    /// Whether an earlier connection may have stored something, so that a replay will tell.
    pub(super) const fn may_be_stored(&self) -> bool {
        self.said_before > 0
    }

    /// Whether an earlier connection had shown something to be stored that this one has not.
    pub(super) const fn misses_stored(&self) -> bool {
        self.stored_before > 0
    }

    /// The mailbox is new to the server: what was said of an earlier one counts for nothing.
    pub(super) fn forget(&mut self) {
        for place in 0..self.added.len() {
            self.set(place, Progress::New);
        }
        self.next = 0;
    }

    /// The connection was lost, and perhaps what the server had stored with it.
    pub(super) fn lost(&mut self) {
        for place in 0..self.added.len() {
            match self.added.get(place).map(|added| added.progress) {
                Some(Progress::Said) => {
                    self.set(place, Progress::SaidBefore { was_stored: false });
                }
                Some(Progress::Stored) => {
                    self.set(place, Progress::SaidBefore { was_stored: true });
                }
                Some(Progress::New | Progress::SaidBefore { .. }) | None => {}
            }
        }
        self.next = 0;
    }

    /// The messages to be said now: the new ones, and once the server has replayed what it holds
    /// (`replayed`), those that it turned out not to hold.
    pub(super) fn due(&mut self, replayed: bool) -> Vec<ClientMessage<'static>> {
        let mut due = Vec::new();
        while let Some(added) = self.added.get(self.next) {
            match added.progress {
                // Later ones wait for earlier ones, so that they are stored in their order.
                Progress::SaidBefore { .. } if !replayed => break,
                Progress::New | Progress::SaidBefore { .. } => {
                    due.push(ClientMessage::Add {
                        phase: added.phase.name().into_owned().into(),
                        body: hex::encode(&added.body).into(),
                    });
                    self.set(self.next, Progress::Said);
                }
                Progress::Said | Progress::Stored => {}
            }
            self.next += 1;
        }
        due
    }

    fn set(&mut self, place: usize, progress: Progress) {
        let Some(added) = self.added.get_mut(place) else { return };
        let before = std::mem::replace(&mut added.progress, progress);
        let counts = |progress| match progress {
            Progress::New | Progress::Said => [0, 0, 0],
            Progress::Stored => [1, 0, 0],
            Progress::SaidBefore { was_stored } => [0, 1, usize::from(was_stored)],
        };
        let ([stored, said, was], [now_stored, now_said, now_was]) =
            (counts(before), counts(progress));
        self.stored = self.stored + now_stored - stored;
        self.said_before = self.said_before + now_said - said;
        self.stored_before = self.stored_before + now_was - was;
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

    #[test]
    fn very_many_messages_take_no_longer_each_than_a_few() {
        // Looking at all for each would be 10^10 looks.
        let many = 100_000;
        let mut outbox = Outbox::default();
        for number in 0..many {
            outbox.push(Phase::Numbered(number), vec![1]);
            assert_eq!(outbox.due(true).len(), 1);
        }
        for number in 0..many {
            assert!(!outbox.is_stored() && !outbox.may_be_stored() && !outbox.misses_stored());
            outbox.echo(&Phase::Numbered(number), &[1]);
            assert!(outbox.due(true).is_empty());
        }
        assert!(outbox.is_stored());
    }

    #[test]
    fn what_counts_is_what_the_present_connection_has_shown() {
        let mut outbox = outbox(&[0, 1]);
        outbox.due(true);
        outbox.echo(&Phase::Numbered(1), &[1]);
        assert_eq!((outbox.may_be_stored(), outbox.misses_stored()), (false, false));
        outbox.lost();
        outbox.lost(); // before the next connection said anything
        assert_eq!((outbox.may_be_stored(), outbox.misses_stored()), (true, true));
        outbox.echo(&Phase::Numbered(1), &[1]);
        assert_eq!((outbox.may_be_stored(), outbox.misses_stored()), (true, false));
        outbox.forget();
        assert_eq!((outbox.may_be_stored(), outbox.misses_stored()), (false, false));
        assert_eq!(due(&mut outbox, false), ["0", "1"]);
    }
}
