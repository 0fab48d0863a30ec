//! The exchange's state on disk, in SQLite.
//!
//! Everything is in memory as well; the database is written through and read only at the start. So
//! it needs no index beyond its keys, and those are numbers that only grow: what is written together
//! lies together.

mod backup;
mod identity;
mod lock;
mod look;
mod private;
mod room;
mod rows;
mod schema;

use std::{
    fmt,
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, ErrorCode, OpenFlags, Statement};

use crate::exchange::journal::{Entry, Snapshot};

pub use backup::{BackupError, back_up};
pub(crate) use identity::Identity;
pub use look::look;
pub(crate) use look::{found, is_no_database};
pub(crate) use private::make_private;
pub(crate) use room::fit;
pub(crate) use schema::is_of_other_tables;

/// An open database. No other server can open it meanwhile; others may read it.
///
/// ```
/// use wormhole_sync_server::store::Store;
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("mailbox.sqlite");
/// # use wormhole_sync_server::exchange::journal::{Entry, MailboxRow};
/// # let (app, name) = ("chat".into(), wormhole_sync_wire::MailboxId::new("kd3mp4vq2t6ya")?);
/// # let entry = Entry::PutMailbox(MailboxRow { row: 1, app, name, sides: Default::default() });
/// let store = Store::open(&path, 1 << 30)?;
/// store.writer()?.commit(&[entry])?; // an exchange's journal
/// drop(store);
/// assert_eq!(Store::open(&path, 1 << 30)?.load()?.mailboxes.len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Store {
    connection: Connection,
    /// Let go after the connection is closed.
    _lock: Option<File>,
}

/// The statements that write changes.
///
/// ```
/// use wormhole_sync_server::store::{Store, Writer};
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("mailbox.sqlite");
/// # use wormhole_sync_server::exchange::journal::{Entry, MailboxRow};
/// # let (app, name) = ("chat".into(), wormhole_sync_wire::MailboxId::new("kd3mp4vq2t6ya")?);
/// # let entry = Entry::PutMailbox(MailboxRow { row: 1, app, name, sides: Default::default() });
/// let store = Store::open(&path, 1 << 30)?;
/// let mut writer: Writer<'_> = store.writer()?;
/// writer.commit(&[entry])?;
/// assert_eq!(store.load()?.mailboxes.len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Writer<'a> {
    connection: &'a Connection,
    statements: rows::Statements<'a>,
}

/// Why a database cannot be used.
///
/// ```
/// use wormhole_sync_server::store::{Store, StoreError};
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("mailbox.sqlite");
/// let first = Store::open(&path, 1 << 30)?;
/// let second = Store::open(&path, 1 << 30);
/// assert!(matches!(second.err(), Some(StoreError::InUse(of)) if of == path));
/// # drop(first);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub enum StoreError {
    /// Another server has it open.
    InUse(PathBuf),
    /// The file beside it that keeps other servers out cannot be locked.
    Lock(PathBuf, io::Error),
    /// It was written by a newer version.
    Foreign {
        /// The file.
        path: PathBuf,
        /// Its version of the schema.
        version: i64,
    },
    /// It is another program's, such as the Python mailbox server's, or no database at all.
    Strange(PathBuf),
    /// It is a directory, a device or a pipe.
    NoFile(PathBuf),
    /// There is no directory in which it could be made.
    NoDirectory(PathBuf),
    /// The system does not let it be used.
    Io(PathBuf, io::Error),
    /// SQLite cannot open or read it.
    Sqlite(PathBuf, rusqlite::Error),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InUse(path) => write!(
                f,
                "the database {} is in use: stop the other server, or use another file",
                path.display()
            ),
            Self::Lock(path, error) => write!(
                f,
                "the database {} cannot be locked ({error}): let the server write its directory, \
                 or use a file system that knows locks",
                path.display()
            ),
            Self::Foreign { path, version } => write!(
                f,
                "the database {} has schema {version}, which this server does not know: \
                 use a newer server, or another file",
                path.display()
            ),
            Self::Strange(path) => write!(
                f,
                "{} is no database of this server, but perhaps the Python one's or another \
                 program's: name another file for the database",
                path.display()
            ),
            Self::NoFile(path) => write!(
                f,
                "{} is no file, so that it cannot be the database: name a file, which is made when \
                 it is not there",
                path.display()
            ),
            Self::NoDirectory(path) => write!(
                f,
                "there is no directory for the database {}: make the directory, or name another file",
                path.display()
            ),
            Self::Io(path, error) => write!(
                f,
                "the database {} cannot be used ({error}): check the path and its permissions",
                path.display()
            ),
            Self::Sqlite(path, error) => write!(
                f,
                "the database {} cannot be used ({error}): check the path, its permissions and \
                 the disk",
                path.display()
            ),
        }
    }
}

impl std::error::Error for StoreError {}

impl Store {
    /// Opens a database, and makes it when it is not there. It never grows beyond `max_bytes`. What is
    /// there and is [no database of a server's](look) is left as it is.
    ///
    /// On Unix only its owner may read it and the files beside it: who talks to whom and when is
    /// nobody else's to know. What others may read of an older file is taken from them, or, when
    /// the file is not ours to change, logged.
    ///
    /// ```
    /// use wormhole_sync_server::store::Store;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("mailbox.sqlite");
    /// drop(Store::open(&path, 1 << 30)?);
    /// assert!(path.exists());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn open(path: &Path, max_bytes: u64) -> Result<Self, StoreError> {
        let failed = |error: rusqlite::Error| match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                StoreError::InUse(path.to_owned())
            }
            _ => StoreError::Sqlite(path.to_owned(), error),
        };
        look(path)?; // before anything is changed
        if !private::is_memory(path)
            && let Err(error) = private::make(path)
        {
            tracing::debug!(%error, "the database cannot be made beforehand"); // SQLite says why
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX; // and a name is never a URI
        let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
        let lock = lock(path)?;
        schema::configure(&connection, max_bytes).map_err(failed)?;
        let seen = schema::prepare(&connection).map_err(failed)?;
        look::judge(path, seen)?;
        Ok(Self { connection, _lock: lock })
    }

    /// Everything that is stored.
    ///
    /// ```
    /// use wormhole_sync_server::{exchange::journal::Snapshot, store::Store};
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("mailbox.sqlite");
    /// assert_eq!(Store::open(&path, 1 << 30)?.load()?, Snapshot::default()); // nothing yet
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn load(&self) -> rusqlite::Result<Snapshot> {
        rows::load(&self.connection)
    }

    /// The statements that write changes, prepared.
    ///
    /// ```
    /// use wormhole_sync_server::store::Store;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("mailbox.sqlite");
    /// let store = Store::open(&path, 1 << 30)?;
    /// store.writer()?.commit(&[])?; // nothing to do
    /// assert!(store.load()?.mailboxes.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn writer(&self) -> rusqlite::Result<Writer<'_>> {
        let statements = rows::Statements::prepare(&self.connection)?;
        Ok(Writer { connection: &self.connection, statements })
    }
}

impl Writer<'_> {
    /// Stores changes, all or none: when this returns they survive a loss of power.
    ///
    /// ```
    /// use wormhole_sync_server::store::Store;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("mailbox.sqlite");
    /// # use wormhole_sync_server::exchange::journal::{Entry, MailboxRow};
    /// # let (app, name) = ("chat".into(), wormhole_sync_wire::MailboxId::new("kd3mp4vq2t6ya")?);
    /// # let entry = Entry::PutMailbox(MailboxRow { row: 1, app, name, sides: Default::default() });
    /// let store = Store::open(&path, 1 << 30)?;
    /// let mut writer = store.writer()?;
    /// writer.commit(&[entry.clone()])?;
    /// writer.commit(&[entry])?; // twice is as good as once
    /// assert_eq!(store.load()?.mailboxes.len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn commit(&mut self, entries: &[Entry]) -> rusqlite::Result<()> {
        if entries.is_empty() {
            return Ok(());
        }
        self.connection.execute_batch("BEGIN IMMEDIATE")?;
        let result = self.apply(entries).and_then(|()| self.connection.execute_batch("COMMIT"));
        if result.is_err() && !self.connection.is_autocommit() {
            self.connection.execute_batch("ROLLBACK")?;
        }
        result
    }

    /// Everything that is stored, as [`Store::load`] has it.
    ///
    /// ```
    /// use wormhole_sync_server::store::Store;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("mailbox.sqlite");
    /// let store = Store::open(&path, 1 << 30)?;
    /// assert_eq!(store.writer()?.load()?, store.load()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn load(&self) -> rusqlite::Result<Snapshot> {
        rows::load(self.connection)
    }

    /// Brings everything from the write-ahead log into the database, where what was deleted is
    /// zeroes, and empties the log, in which it would stay until it is overwritten. Whether that is
    /// done; while somebody else reads the database it cannot be, and is to be tried again later.
    ///
    /// ```
    /// use wormhole_sync_server::store::Store;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("mailbox.sqlite");
    /// let store = Store::open(&path, 1 << 30)?;
    /// assert!(store.writer()?.wipe()?);
    /// assert_eq!(std::fs::metadata(folder.path().join("mailbox.sqlite-wal"))?.len(), 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn wipe(&mut self) -> rusqlite::Result<bool> {
        self.connection.busy_timeout(Duration::ZERO)?; // answers must not wait for a reader
        let checkpoint = |row: &rusqlite::Row<'_>| row.get::<_, i64>(0);
        let busy = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], checkpoint);
        self.connection.busy_timeout(schema::PATIENCE)?;
        Ok(busy? == 0)
    }

    /// Writes, but changes nothing: whether there is room, and the disk takes it.
    pub(crate) fn probe(&mut self) -> rusqlite::Result<()> {
        schema::rewrite(self.connection)
    }

    /// The file's limit in bytes, if changes for which there was no room could have met it.
    pub(crate) fn outgrown_by(&self, entries: &[Entry]) -> Option<u64> {
        let number = |name: &str| -> rusqlite::Result<u64> {
            let value = |row: &rusqlite::Row<'_>| row.get::<_, i64>(0);
            let value = self.connection.query_row(&format!("PRAGMA {name}"), [], value)?;
            Ok(value.unsigned_abs())
        };
        let pages = || -> rusqlite::Result<_> {
            Ok((number("max_page_count")?, number("page_count")?, number("freelist_count")?))
        };
        let (most, used, free) = pages().ok()?;
        let room = most.saturating_sub(used).saturating_add(free).saturating_mul(schema::PAGE);
        (room < room::most(entries)).then(|| most.saturating_mul(schema::PAGE))
    }

    fn apply(&mut self, entries: &[Entry]) -> rusqlite::Result<()> {
        let obsolete = rows::Obsolete::of(entries);
        entries
            .iter()
            .filter(|entry| !obsolete.covers(entry))
            .try_for_each(|entry| self.statements.apply(entry))
    }
}

/// Bytes of a database and of its log.
pub(crate) fn size_on_disk(path: &Path) -> u64 {
    let log = private::beside(path, "-wal");
    let bytes = |path: &Path| fs::metadata(path).map_or(0, |metadata| metadata.len());
    bytes(path) + bytes(&log)
}

fn lock(path: &Path) -> Result<Option<File>, StoreError> {
    if private::is_memory(path) {
        return Ok(None);
    }
    match lock::take(path) {
        Ok(file) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse(path.to_owned())),
        Err(TryLockError::Error(error)) => Err(StoreError::Lock(path.to_owned(), error)),
    }
}

fn run(statement: &mut Statement<'_>, values: impl rusqlite::Params) -> rusqlite::Result<()> {
    statement.execute(values).map(|_| ())
}
