//! What operating systems tell in different ways.

use std::{
    fs::{File, FileType, Metadata},
    io,
    path::Path,
};

#[cfg(unix)]
use rustix::fs::{Access, AtFlags, CWD, OFlags, accessat};
#[cfg(unix)]
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};

/// What tells one directory from another, by whatever path it is reached.
#[cfg(unix)]
pub(super) type Identity = (u64, u64);

/// What tells one directory from another, by whatever path it is reached.
#[cfg(not(unix))]
pub(super) type Identity = std::path::PathBuf;

/// Opens a file for reading, never waiting for the other end of a pipe that has taken its place.
#[cfg(unix)]
pub(super) fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    File::options().read(true).custom_flags(flags.bits().cast_signed()).open(path)
}

#[cfg(not(unix))]
pub(super) fn open(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// Whether a file may be read, without opening it.
#[cfg(unix)]
pub(super) fn check_readable(path: &Path) -> io::Result<()> {
    Ok(accessat(CWD, path, Access::READ_OK, AtFlags::EACCESS)?)
}

#[cfg(not(unix))]
pub(super) fn check_readable(path: &Path) -> io::Result<()> {
    open(path).map(drop)
}

#[cfg(unix)]
pub(super) fn identity(path: &Path) -> io::Result<Identity> {
    let metadata = path.metadata()?;
    Ok((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
pub(super) fn identity(path: &Path) -> io::Result<Identity> {
    path.canonicalize()
}

/// Permissions as Unix has them.
#[cfg(unix)]
pub(super) fn mode(metadata: &Metadata) -> u32 {
    metadata.mode()
}

#[cfg(not(unix))]
pub(super) fn mode(metadata: &Metadata) -> u32 {
    if metadata.is_dir() { 0o755 } else { 0o644 }
}

#[cfg(unix)]
pub(super) fn is_block_device(kind: FileType) -> bool {
    kind.is_block_device()
}

#[cfg(not(unix))]
pub(super) fn is_block_device(_: FileType) -> bool {
    false
}

/// What something is that is neither file nor directory.
#[cfg(unix)]
pub(super) fn special(kind: FileType) -> &'static str {
    if kind.is_fifo() {
        "a named pipe"
    } else if kind.is_socket() {
        "a socket"
    } else if kind.is_block_device() || kind.is_char_device() {
        "a device"
    } else {
        "neither file nor directory"
    }
}

#[cfg(not(unix))]
pub(super) fn special(_: FileType) -> &'static str {
    "neither file nor directory"
}
