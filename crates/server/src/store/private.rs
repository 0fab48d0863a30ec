//! Files that only their owner may read.

use std::{
    fs::{File, OpenOptions},
    io,
    path::{Path, PathBuf},
};

/// What stands beside a database under its name.
pub(super) const BESIDE: [&str; 3] = ["-wal", "-shm", "-journal"];

/// `SQLite`'s name for no file at all.
pub(super) fn is_memory(path: &Path) -> bool {
    path.as_os_str() == ":memory:"
}

/// The name of a file beside a database.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Opens a file, which is made for its owner alone when it is not there.
pub(super) fn open(path: &Path) -> io::Result<File> {
    options().create(true).truncate(false).open(path)
}

/// Makes a file for its owner alone, unless it is there. Whoever opens it next says what is wrong.
pub(crate) fn make_private(path: &Path) {
    drop(options().create_new(true).open(path));
}

/// Sees to it that `path` is there, and that it and `SQLite`'s files beside it are for their owner
/// alone. `SQLite` gives new files beside it the permissions of the database.
pub(super) fn make(path: &Path) -> io::Result<()> {
    match options().create_new(true).open(path) {
        Ok(_) => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    for suffix in ["", "-lock"].into_iter().chain(BESIDE) {
        tighten(&beside(path, suffix));
    }
    Ok(())
}

#[cfg(unix)]
fn options() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    options
}

#[cfg(not(unix))]
fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    options
}

/// Devices and the like are left alone.
#[cfg(unix)]
fn tighten(path: &Path) {
    use std::{fs, os::unix::fs::PermissionsExt};
    let Ok(metadata) = fs::metadata(path) else { return };
    let mode = metadata.permissions().mode();
    let shared = mode & 0o077 != 0;
    if !metadata.is_file() || !shared {
        return;
    }
    // The system refuses this for files of others.
    match fs::set_permissions(path, fs::Permissions::from_mode(mode & 0o700)) {
        Ok(()) => tracing::info!(path = %path.display(), "others may read this file no more"),
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "others may read this file");
        }
    }
}

#[cfg(not(unix))]
fn tighten(_: &Path) {}
