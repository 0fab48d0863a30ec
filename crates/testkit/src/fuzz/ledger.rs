//! What a journal adds up to, kept in the plainest way.

use std::{collections::BTreeMap, sync::Arc};

use wormhole_sync_core::wire::MailboxId;
use wormhole_sync_server::{
    Limits,
    exchange::{
        Message,
        journal::{Entry, MailboxRow, NameplateRow, Snapshot},
    },
};

/// The state that a journal describes, written to one entry at a time.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Ledger {
    mailboxes: BTreeMap<u64, MailboxRow>,
    nameplates: BTreeMap<u64, NameplateRow>,
    messages: BTreeMap<(u64, u64), Arc<Message>>,
}

impl Ledger {
    pub(super) fn write(&mut self, entries: Vec<Entry>) {
        for entry in entries {
            match entry {
                Entry::PutMailbox(mailbox) => _ = self.mailboxes.insert(mailbox.row, mailbox),
                Entry::DropMailbox { row } => {
                    assert!(self.mailboxes.remove(&row).is_some(), "a mailbox ends once");
                    self.messages.retain(|(mailbox, _), _| *mailbox != row);
                }
                Entry::PutMessage { mailbox, number, message } => {
                    assert!(self.mailboxes.contains_key(&mailbox), "a message is in a mailbox");
                    let before = self.messages.insert((mailbox, number), message);
                    assert!(before.is_none(), "a message stays as it is");
                }
                Entry::PutNameplate(plate) => {
                    assert!(self.mailboxes.contains_key(&plate.mailbox), "it stands for one");
                    self.nameplates.insert(plate.row, plate);
                }
                Entry::DropNameplate { row } => {
                    assert!(self.nameplates.remove(&row).is_some(), "a nameplate ends once");
                }
            }
        }
        self.assert_sound();
    }

    /// Names are unique within an application, and a nameplate has no side that its mailbox lacks.
    fn assert_sound(&self) {
        let names = |row: &MailboxRow| (Arc::clone(&row.app), row.name.to_string());
        assert_unique(self.mailboxes.values().map(names));
        let names = |row: &NameplateRow| (Arc::clone(&row.app), row.name.to_string());
        assert_unique(self.nameplates.values().map(names));
        for plate in self.nameplates.values() {
            let Some(mailbox) = self.mailboxes.get(&plate.mailbox) else {
                panic!("{plate:?} outlives its mailbox");
            };
            assert_eq!(mailbox.app, plate.app);
            assert!(plate.sides.iter().all(|(side, _)| mailbox.sides.find(side).is_some()));
            assert!(plate.sides.iter().any(|(_, claimed)| *claimed), "{plate:?} is nobody's");
        }
        for mailbox in self.mailboxes.values() {
            assert!(mailbox.sides.iter().any(|(_, side)| side.open), "{mailbox:?} is nobody's");
        }
    }

    pub(super) fn assert_within(&self, limits: &Limits) {
        assert!(self.mailboxes.len() <= limits.mailboxes);
        let bytes = |row: Option<u64>| -> (usize, usize) {
            let messages = self.messages.iter();
            let of_row = messages.filter(|((mailbox, _), _)| row.is_none_or(|row| row == *mailbox));
            of_row.fold((0, 0), |(count, bytes), (_, message)| {
                (count + 1, bytes + message.body.len())
            })
        };
        assert!(bytes(None).1 <= limits.stored_bytes);
        for row in self.mailboxes.keys() {
            let (messages, bytes) = bytes(Some(*row));
            assert!(messages <= limits.mailbox_messages && bytes <= limits.mailbox_bytes);
        }
    }

    pub(super) fn mailboxes(&self) -> usize {
        self.mailboxes.len()
    }

    /// The sides of a mailbox; there is room for two of them.
    pub(super) fn sides(&self, app: &str, name: &MailboxId) -> Vec<&str> {
        let mut mailboxes = self.mailboxes.values();
        mailboxes
            .find(|mailbox| *mailbox.app == *app && mailbox.name == *name)
            .map_or_else(Vec::new, |row| row.sides.iter().map(|(side, _)| &**side).collect())
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        Snapshot {
            mailboxes: self.mailboxes.values().cloned().collect(),
            nameplates: self.nameplates.values().cloned().collect(),
            messages: self
                .messages
                .iter()
                .map(|((mailbox, _), message)| (*mailbox, Message::clone(message)))
                .collect(),
        }
    }
}

fn assert_unique(names: impl Iterator<Item = (Arc<str>, String)>) {
    let mut names: Vec<_> = names.collect();
    names.sort_unstable();
    assert!(names.is_sorted_by(|one, next| one != next), "{names:?}");
}
