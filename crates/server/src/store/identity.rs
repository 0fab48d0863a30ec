//! Which file a database is.

use std::path::{Path, PathBuf};

/// The file that was opened, so that it is noticed when its path leads elsewhere: `SQLite` goes on with
/// a file that was deleted, and what it stores there is lost with the process.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    path: PathBuf,
    file: Option<FileId>,
}

impl Identity {
    /// Of the file that is at this path now.
    pub(crate) fn of(path: &Path) -> Self {
        Self { path: path.to_owned(), file: file_id(path) }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the path leads to another file now, or to none.
    pub(crate) fn is_lost(&self) -> bool {
        file_id(&self.path) != self.file
    }
}

/// The device and the number of a file there.
#[cfg(unix)]
type FileId = (u64, u64);

#[cfg(unix)]
fn file_id(path: &Path) -> Option<FileId> {
    use std::os::unix::fs::MetadataExt;
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino()))
}

/// Elsewhere a file that is open cannot be deleted.
#[cfg(not(unix))]
type FileId = ();

#[cfg(not(unix))]
fn file_id(_: &Path) -> Option<FileId> {
    None
}
