//! One server at a time: a lock of our own, in a file beside the database.
//!
//! `SQLite`'s own exclusive lock would keep readers out as well, and with them every live backup.

use std::{
    fs::{self, File, TryLockError},
    path::Path,
    thread::sleep,
    time::{Duration, Instant},
};

use super::{private, schema::PATIENCE};

/// How often a lock is tried for that a server which is just stopping still holds.
const PAUSE: Duration = Duration::from_millis(20);

/// Locks the database for as long as the file is open. It is locked under its real name, so that a
/// link to it does not lead a second server in.
#[expect(clippy::disallowed_methods, reason = "opening a database blocks its thread anyway")]
pub(super) fn take(path: &Path) -> Result<File, TryLockError> {
    let real = fs::canonicalize(path).map_err(TryLockError::Error)?;
    let file = private::open(&private::beside(&real, "-lock")).map_err(TryLockError::Error)?;
    let until = Instant::now() + PATIENCE;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < until => sleep(PAUSE),
            Err(error) => return Err(error),
        }
    }
}
