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

    fn wipe(&mut self) -> rusqlite::Result<bool> {
        Self::wipe(self)
    }
}
