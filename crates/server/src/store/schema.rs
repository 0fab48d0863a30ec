//! The database's settings and tables.

use std::time::Duration;

use rusqlite::Connection;

/// The version of the tables below.
pub(super) const VERSION: i64 = 1;

/// Bytes of a page.
const PAGE: u64 = 4096;

/// How long a server that is just stopping may take to let the file go.
const PATIENCE: Duration = Duration::from_secs(2);

const TABLES: &str = "
CREATE TABLE mailboxes (
    row INTEGER PRIMARY KEY, app TEXT NOT NULL, name TEXT NOT NULL,
    side1 TEXT, since1 REAL, open1 INTEGER, mood1 TEXT,
    side2 TEXT, since2 REAL, open2 INTEGER, mood2 TEXT
);
CREATE TABLE nameplates (
    row INTEGER PRIMARY KEY, app TEXT NOT NULL, name TEXT NOT NULL,
    mailbox INTEGER NOT NULL, allocated INTEGER NOT NULL,
    side1 TEXT, claimed1 INTEGER, side2 TEXT, claimed2 INTEGER
);
CREATE TABLE messages (
    mailbox INTEGER NOT NULL, number INTEGER NOT NULL, side TEXT NOT NULL, phase TEXT NOT NULL,
    body TEXT NOT NULL, server_rx REAL NOT NULL, id TEXT,
    PRIMARY KEY (mailbox, number)
) WITHOUT ROWID;
";

/// Exclusive, so that two servers never share a file; a write-ahead log, synced at each commit, so
/// that what was committed survives a loss of power. What is deleted is overwritten with zeroes,
/// free pages too, so that what both sides left is not found in the file later.
pub(super) fn configure(connection: &Connection, max_bytes: u64) -> rusqlite::Result<()> {
    connection.busy_timeout(PATIENCE)?;
    let pages = (max_bytes / PAGE).clamp(1, u64::from(u32::MAX - 2));
    connection.execute_batch(&format!(
        "PRAGMA page_size = {PAGE};
         PRAGMA locking_mode = EXCLUSIVE;
         PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA secure_delete = ON;
         PRAGMA cache_size = -2048;
         PRAGMA max_page_count = {pages};"
    ))
}

/// Makes the tables in a new file. The version of those that are there.
pub(super) fn prepare(connection: &Connection) -> rusqlite::Result<i64> {
    let version = |connection: &Connection| {
        connection.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0))
    };
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if tables == 0 && version(connection)? == 0 {
        connection.execute_batch(&format!(
            "BEGIN EXCLUSIVE; {TABLES} PRAGMA user_version = {VERSION}; COMMIT;"
        ))?;
    } else {
        // A read does not lock the file in this mode; a write, even an empty one, does.
        connection.execute_batch("BEGIN EXCLUSIVE; COMMIT;")?;
    }
    version(connection)
}
