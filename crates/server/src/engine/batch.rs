//! What waits for the database: changes, and the answers that depend on them.

use std::sync::Arc;

use serde_json::{Value, json};

use super::disk::Disk;
use crate::{
    exchange::{journal::Entry, usage::Ending},
    outbox::{Answer, Outbox},
};

/// Portions that are stored together.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) journal: Vec<Entry>,
    pub(super) portions: Vec<Portion>,
    /// Whether what was deleted is to be wiped then.
    pub(super) wipes: bool,
    /// Whether to find out if the database can be written again.
    pub(super) probes: bool,
}

/// What came of one turn: it is stored as a whole, or not at all.
pub(super) struct Portion {
    /// Where its changes end in the batch's journal.
    until: usize,
    /// Its answers; the first is to the connection whose turn it was.
    pub(super) answers: Vec<(Arc<Outbox>, Answer)>,
    /// What has ended, once it is stored that it has.
    pub(super) endings: Vec<Ending>,
}

impl Batch {
    pub(super) fn is_empty(&self) -> bool {
        self.portions.is_empty() && !self.wipes
    }

    pub(super) fn push(
        &mut self,
        mut changes: Vec<Entry>,
        answers: Vec<(Arc<Outbox>, Answer)>,
        endings: Vec<Ending>,
    ) {
        if !changes.is_empty() || !answers.is_empty() || !endings.is_empty() {
            self.journal.append(&mut changes);
            self.portions.push(Portion { until: self.journal.len(), answers, endings });
        }
    }

    /// The changes of one portion.
    pub(super) fn changes(&self, number: usize) -> &[Entry] {
        let from = number.checked_sub(1).and_then(|before| self.portions.get(before));
        let from = from.map_or(0, |before| before.until);
        let until = self.portions.get(number).map_or(from, |portion| portion.until);
        self.journal.get(from..until).unwrap_or_default()
    }

    /// Stores all in one transaction. When that fails, each portion gets one of its own, until one
    /// fails again: what comes after it may rest on it. Applying a change twice does no harm.
    ///
    /// The error comes with the number of portions that are stored. What is done in many pieces may
    /// take long, so that `progress` is called after each.
    pub(super) fn commit(
        &self,
        disk: &mut impl Disk,
        progress: impl Fn(),
    ) -> Result<(), (usize, rusqlite::Error)> {
        if self.probes {
            return disk.probe().map_err(|error| (0, error));
        }
        let Err(error) = disk.commit(&self.journal) else { return Ok(()) };
        tracing::debug!(%error, "the database refuses a transaction, which is tried piece by piece");
        for number in 0..self.portions.len() {
            disk.commit(self.changes(number)).map_err(|error| (number, error))?;
            progress();
        }
        Ok(())
    }
}

impl Portion {
    /// The first request that is lost with this portion, as an error quotes it: with it a client
    /// can tell what failed, and the family's clients need it to understand an error at all.
    pub(super) fn request(&self) -> Option<Value> {
        let owner = self.answers.first()?.1.to;
        let (mut last, mut unanswered) = (None, None);
        for (_, answer) in self.answers.iter().filter(|(_, answer)| answer.to == owner) {
            let Some(text) = answer.content.text() else {
                return Some(quote("open", last.as_ref()));
            };
            let mut frame: Value = serde_json::from_str(text).ok()?;
            let id = frame.get_mut("id").map(Value::take).unwrap_or_default();
            match frame.get("type").and_then(Value::as_str)? {
                "ack" => unanswered = last.replace(id).or(unanswered),
                "allocated" => return Some(quote("allocate", last.as_ref())),
                "claimed" => return Some(quote("claim", last.as_ref())),
                "released" => return Some(quote("release", last.as_ref())),
                "message" => return Some(quote("add", Some(&id))),
                "closed" => return Some(quote("close", last.as_ref())),
                _ => last = None,
            }
        }
        // An empty mailbox is opened without a word.
        Some(quote("open", last.or(unanswered).as_ref()))
    }
}

fn quote(kind: &str, id: Option<&Value>) -> Value {
    json!({"type": kind, "id": id})
}
