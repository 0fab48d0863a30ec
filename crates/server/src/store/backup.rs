//! A copy of a database, taken while a server writes it.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, OpenFlags};
use tempfile::NamedTempFile;

use super::{
    look::{has_directory, is_missing},
    private::{BESIDE, beside},
    schema::PATIENCE,
};

/// Why a database was not copied. What stood at the copy's place still does.
///
/// ```
/// use wormhole_sync_server::store::{BackupError, back_up};
///
/// # let folder = tempfile::tempdir()?;
/// # let (path, copy) = (folder.path().join("mailbox.sqlite"), folder.path().join("copy"));
/// let error = back_up(&path, &copy, false).unwrap_err();
/// assert!(matches!(error, BackupError::Empty(of) if of == path)); // there is no database
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub enum BackupError {
    /// The system does not let the database be read.
    Unreadable(PathBuf, io::Error),
    /// The database cannot be read.
    Source(PathBuf, rusqlite::Error),
    /// There is no database, or one without tables.
    Empty(PathBuf),
    /// Something stands where the copy should, and is not to be replaced.
    Exists(PathBuf),
    /// What stands where the copy should is the database itself, or one that is in use: this file
    /// lies beside it.
    InUse(PathBuf),
    /// There is no directory in which the copy could be.
    NoDirectory(PathBuf),
    /// The copy cannot be written.
    Target(PathBuf, io::Error),
    /// The copy is damaged, and most likely the database is, too.
    Damaged(PathBuf, String),
}

impl fmt::Display for BackupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source(path, error) => write!(
                f,
                "the database {} cannot be copied ({error}): check the path, its permissions and \
                 that there is room for the copy",
                path.display()
            ),
            Self::Unreadable(path, error) => write!(
                f,
                "the database {} cannot be read ({error}): check the path and its permissions",
                path.display()
            ),
            Self::Empty(path) => {
                write!(f, "there is no database in {}: check the path", path.display())
            }
            Self::Exists(path) => write!(
                f,
                "{} is there already: choose another name, or allow to overwrite it",
                path.display()
            ),
            Self::InUse(path) => write!(
                f,
                "a database is in use where the copy should be, as {} shows: choose another name",
                path.display()
            ),
            Self::NoDirectory(path) => write!(
                f,
                "there is no directory for the copy {}: make the directory, or choose another place",
                path.display()
            ),
            Self::Target(path, error) => {
                write!(f, "{} cannot be written ({error}): choose another place", path.display())
            }
            Self::Damaged(path, problem) => write!(
                f,
                "the copy of {} is damaged ({problem}) and was not kept: the database may be, too",
                path.display()
            ),
        }
    }
}

impl std::error::Error for BackupError {}

/// Copies a database, as it is at one moment, into a file that only its owner may read, and checks
/// the copy; its bytes. A server may go on writing meanwhile, and is not held up.
///
/// The copy gets its name when it is whole, on the disk and sound. What has that name already stays,
/// unless it may be `replace`d.
///
/// ```
/// use wormhole_sync_server::store::{Store, back_up};
///
/// # let folder = tempfile::tempdir()?;
/// # let (path, copy) = (folder.path().join("mailbox.sqlite"), folder.path().join("copy"));
/// let store = Store::open(&path, 1 << 30)?; // a server's
/// assert!(back_up(&path, &copy, false)? > 0);
/// assert_eq!(Store::open(&copy, 1 << 30)?.load()?, store.load()?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn back_up(from: &Path, to: &Path, replace: bool) -> Result<u64, BackupError> {
    let failed = |error| BackupError::Source(from.to_owned(), error);
    check_target(to, replace)?;
    if !is_file(from).map_err(|error| BackupError::Unreadable(from.to_owned(), error))? {
        return Err(BackupError::Empty(from.to_owned()));
    }
    let source = open(from, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(failed)?;
    check_source(&source, from)?;
    if same_file(from, to) {
        return Err(BackupError::InUse(to.to_owned()));
    }
    let unwritable = |error| BackupError::Target(to.to_owned(), error);
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let copy = NamedTempFile::new_in(folder).map_err(unwritable)?; // 0600
    let name =
        copy.path().to_str().ok_or_else(|| unwritable(io::ErrorKind::InvalidFilename.into()))?;
    source.execute("VACUUM INTO ?", [name]).map_err(failed)?;
    check_copy(copy.path(), from)?;
    copy.as_file().sync_all().map_err(unwritable)?;
    let bytes = copy.as_file().metadata().map_err(unwritable)?.len();
    let named = if replace { copy.persist(to) } else { copy.persist_noclobber(to) };
    match named {
        Ok(_) => {}
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(BackupError::Exists(to.to_owned()));
        }
        Err(error) => return Err(unwritable(error.error)),
    }
    sync_folder(folder).map_err(unwritable)?;
    Ok(bytes)
}

/// A log that is left beside an older file would be taken for the copy's own.
fn check_target(to: &Path, replace: bool) -> Result<(), BackupError> {
    if !has_directory(to) {
        return Err(BackupError::NoDirectory(to.to_owned()));
    }
    if !replace && to.symlink_metadata().is_ok() {
        return Err(BackupError::Exists(to.to_owned()));
    }
    let logs = BESIDE.map(|suffix| beside(to, suffix));
    match logs.into_iter().find(|log| log.symlink_metadata().is_ok()) {
        Some(log) => Err(BackupError::InUse(log)),
        None => Ok(()),
    }
}

/// Whether there is one; to open a pipe would wait for whoever writes to it.
fn is_file(path: &Path) -> io::Result<bool> {
    match fs::metadata(path) {
        Err(error) if is_missing(&error) => Ok(false),
        file => Ok(file?.is_file()),
    }
}

fn check_source(source: &Connection, from: &Path) -> Result<(), BackupError> {
    let tables = source.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0));
    match tables.map_err(|error| BackupError::Source(from.to_owned(), error))? {
        0_i64 => Err(BackupError::Empty(from.to_owned())),
        _ => Ok(()),
    }
}

fn check_copy(copy: &Path, from: &Path) -> Result<(), BackupError> {
    let damaged = |problem| BackupError::Damaged(from.to_owned(), problem);
    let checked = open(copy, OpenFlags::SQLITE_OPEN_READ_ONLY).and_then(|copy| {
        copy.query_row("PRAGMA integrity_check(1)", [], |row| row.get::<_, String>(0))
    });
    match checked {
        Ok(verdict) if verdict == "ok" => Ok(()),
        Ok(problem) => Err(damaged(problem)),
        Err(error) => Err(damaged(error.to_string())),
    }
}

fn open(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(PATIENCE)?;
    Ok(connection)
}

fn same_file(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| fs::canonicalize(path).ok();
    real(one).is_some_and(|one| Some(one) == real(other))
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    fs::File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}
