//! One usage database, which may be broken for as long as it likes.

use std::{
    fmt,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, ErrorCode};

use super::{
    blur::Blur,
    tables::{Row, Tables},
};
use crate::store::{StoreError, found, make_private};

/// Rows that wait for a database which cannot be written; what comes then is lost and counted.
const WAITING_ROWS: usize = 10_000;

/// Bytes of a usage database, 1 GiB: strangers make rows with every connection, and nobody deletes any.
const LARGEST: u64 = 1 << 30;

/// How long somebody who reads the database may keep it locked.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why nothing is written for now.
pub(super) enum Trouble {
    Sqlite(rusqlite::Error),
    /// It is no file, or cannot be read.
    Unusable(StoreError),
    /// Somebody else's, or newer.
    Foreign,
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(error) if error.sqlite_error_code() == Some(ErrorCode::DiskFull) => {
                write!(f, "it has no room left: make room on the disk, or begin a new file")
            }
            Self::Sqlite(error) => {
                write!(f, "{error}: check the path, its permissions and the disk")
            }
            Self::Unusable(error) => error.fmt(f),
            Self::Foreign => f.write_str("it is no usage database that is known: use another file"),
        }
    }
}

/// A usage database, and what is to be written into it.
pub(super) struct Book {
    path: PathBuf,
    tables: &'static Tables,
    connection: Option<Connection>,
    rows: Vec<Row>,
    is_broken: bool,
}

impl Book {
    pub(super) const fn new(path: PathBuf, tables: &'static Tables) -> Self {
        Self { path, tables, connection: None, rows: Vec::new(), is_broken: false }
    }

    pub(super) const fn is_behind(&self) -> bool {
        !self.rows.is_empty()
    }

    /// Whether there was room for it.
    pub(super) fn push(&mut self, row: Row) -> bool {
        let has_room = self.rows.len() < WAITING_ROWS;
        if has_room {
            self.rows.push(row);
        }
        has_room
    }

    /// Writes what waits, or says once why it cannot.
    pub(super) fn write(&mut self, blur: Blur) {
        if self.rows.is_empty() {
            return;
        }
        let written = self.try_write(blur);
        let path = self.path.display();
        match written {
            Ok(()) => {
                self.rows.clear();
                if std::mem::take(&mut self.is_broken) {
                    tracing::info!(%path, "the usage database is written again");
                }
            }
            Err(trouble) => {
                if !self.is_broken {
                    tracing::warn!(%path, "usage is not written down for now: {trouble}");
                }
                self.is_broken = true;
                self.connection = None;
            }
        }
    }

    fn try_write(&mut self, blur: Blur) -> Result<(), Trouble> {
        if self.connection.is_none() {
            self.connection = Some(open(&self.path, self.tables)?);
        }
        let Some(connection) = &mut self.connection else { return Ok(()) };
        let transaction = connection.transaction()?;
        self.rows.iter().try_for_each(|row| row.write(&transaction, blur))?;
        transaction.commit()?;
        Ok(())
    }
}

/// Opens a usage database, made by whichever server, or makes it. Its journal stays as it is, so
/// that who reads it needs no other rights than before.
fn open(path: &Path, tables: &Tables) -> Result<Connection, Trouble> {
    // Beside a device a journal would be made.
    drop(found(path).map_err(Trouble::Unusable)?);
    make_private(path);
    let mut connection = Connection::open(path)?;
    connection.busy_timeout(PATIENCE)?;
    let count = |query: &str| connection.query_row(query, [], |row| row.get::<_, i64>(0));
    let pages = LARGEST / count("PRAGMA page_size")?.cast_unsigned().max(1);
    connection.execute_batch(&format!("PRAGMA max_page_count = {pages}"))?;
    if count("SELECT count(*) FROM sqlite_schema")? == 0 {
        let Tables { create, .. } = tables;
        connection.execute_batch(&format!(
            "BEGIN IMMEDIATE; {create} INSERT INTO version VALUES (1); COMMIT;"
        ))?;
    }
    if !tables.are_known(&connection)? {
        return Err(Trouble::Foreign);
    }
    tables.upgrade(&mut connection)?;
    Ok(connection)
}
