//! Disks on which not everything goes well.

use std::{cell::Cell, ops::Range, sync::mpsc::Receiver};

use rusqlite::ffi::{Error, SQLITE_FULL, SQLITE_IOERR};
use tokio::sync::mpsc::UnboundedSender;

use crate::{
    engine::disk::Disk,
    exchange::journal::{Entry, Snapshot},
    store::Writer,
};

/// What is wrong with a disk while it fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Nothing can be written, for lack of space.
    Full,
    /// Nothing can be written.
    Broken,
    /// Nothing can be written or read.
    Blind,
}

/// A disk that fails for a range of its uses.
pub(super) struct Faulty<'a> {
    writer: Writer<'a>,
    fault: Fault,
    failing: Range<u32>,
    used: Cell<u32>,
}

impl<'a> Faulty<'a> {
    pub(super) fn new(writer: Writer<'a>, fault: Fault) -> Self {
        Self::failing(writer, fault, 0..0)
    }

    pub(super) fn failing(writer: Writer<'a>, fault: Fault, failing: Range<u32>) -> Self {
        Self { writer, fault, failing, used: Cell::new(0) }
    }

    pub(super) fn fail_from_now(&mut self, times: u32) {
        self.failing = self.used.get()..self.used.get() + times;
    }

    pub(super) fn has_failed(&self) -> bool {
        self.used.get() > self.failing.start
    }

    /// What is really there.
    pub(super) fn content(&self) -> Snapshot {
        self.writer.load().unwrap()
    }

    fn use_it(&self) -> rusqlite::Result<()> {
        let number = self.used.replace(self.used.get() + 1);
        let code = if self.fault == Fault::Full { SQLITE_FULL } else { SQLITE_IOERR };
        if self.failing.contains(&number) {
            return Err(rusqlite::Error::SqliteFailure(Error::new(code), None));
        }
        Ok(())
    }
}

impl Disk for Faulty<'_> {
    fn commit(&mut self, changes: &[Entry]) -> rusqlite::Result<()> {
        self.use_it()?;
        self.writer.commit(changes)
    }

    fn load(&self) -> rusqlite::Result<Snapshot> {
        if self.fault == Fault::Blind {
            self.use_it()?;
        }
        self.writer.load()
    }

    fn outgrown_by(&self, changes: &[Entry]) -> Option<u64> {
        self.writer.outgrown_by(changes)
    }
}

/// A disk that tells of each transaction, and waits until it may go on.
pub(super) struct Held {
    pub(super) entered: UnboundedSender<Vec<Entry>>,
    /// How each of them goes.
    pub(super) gate: Receiver<rusqlite::Result<()>>,
}

impl Disk for Held {
    fn commit(&mut self, changes: &[Entry]) -> rusqlite::Result<()> {
        self.entered.send(changes.to_vec()).unwrap();
        self.gate.recv().unwrap()
    }

    fn load(&self) -> rusqlite::Result<Snapshot> {
        Ok(Snapshot::default())
    }
}
