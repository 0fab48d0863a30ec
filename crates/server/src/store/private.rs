//! Files that only their owner may read.

use std::{io, path::Path};

/// Sees to it that `path` is there, and that it and SQLite's files beside it are for their owner
/// alone. SQLite gives new files beside it the permissions of the database.
#[cfg(unix)]
pub(super) fn make(path: &Path) -> io::Result<()> {
    use std::{fs::OpenOptions, os::unix::fs::OpenOptionsExt};
    if path.as_os_str() == ":memory:" {
        return Ok(()); // SQLite's name for no file at all
    }
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    match options.create_new(true).open(path) {
        Ok(_) => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    for suffix in ["", "-wal", "-shm", "-journal"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        tighten(Path::new(&name));
    }
    Ok(())
}

#[cfg(not(unix))]
pub(super) fn make(_: &Path) -> io::Result<()> {
    Ok(())
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
