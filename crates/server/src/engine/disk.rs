//! What a batch is stored on: the database, and in tests one that fails when it is told to.

use crate::{
    exchange::journal::{Entry, Snapshot},
    store::Writer,
};

/// What changes are stored on.
pub(crate) trait Disk {
    /// Stores changes, all or none.
    fn commit(&mut self, changes: &[Entry]) -> rusqlite::Result<()>;

    /// Everything that is stored.
    fn load(&self) -> rusqlite::Result<Snapshot>;

    /// Finds out whether changes can be stored.
    fn probe(&mut self) -> rusqlite::Result<()> {
        Ok(())
    }

    /// The bytes of the largest that it may become, if it is for want of these that changes could not
    /// be stored, and not for want of the system's.
    fn outgrown_by(&self, _: &[Entry]) -> Option<u64> {
        None
    }

    /// Wipes what was deleted. Whether it could: somebody else may be reading it.
    fn wipe(&mut self) -> rusqlite::Result<bool> {
        Ok(true)
    }
}

impl Disk for Writer<'_> {
    fn commit(&mut self, changes: &[Entry]) -> rusqlite::Result<()> {
        Self::commit(self, changes)
    }

    fn load(&self) -> rusqlite::Result<Snapshot> {
        Self::load(self)
    }

    fn probe(&mut self) -> rusqlite::Result<()> {
        Self::probe(self)
    }

    fn outgrown_by(&self, changes: &[Entry]) -> Option<u64> {
        Self::outgrown_by(self, changes)
    }

    fn wipe(&mut self) -> rusqlite::Result<bool> {
        Self::wipe(self)
    }
}
