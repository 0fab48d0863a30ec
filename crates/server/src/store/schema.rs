//! The database's settings and tables, and how those of an older version become today's.

use std::time::Duration;

use rusqlite::{Connection, ErrorCode};

/// The version of the tables below.
pub(super) const VERSION: i64 = 1;

/// Bytes of a page.
pub(super) const PAGE: u64 = 4096;

/// How long others may take to let the database go: a server that is just stopping, or somebody who
/// recovers it.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// The tables of a new database.
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

/// What works on every version, and on no other database.
const SIGN: &str = "SELECT mailboxes.row, nameplates.row, messages.mailbox
                    FROM mailboxes, nameplates, messages";

/// What makes each version out of the one before: the first is for a database of version 1. Whoever
/// changes the tables adds a step, which then never changes again.
const UPGRADES: &[&str] = &[];

/// A write-ahead log, synced at each commit, so that what was committed survives a loss of power,
/// and others may read while it is written. What is deleted is overwritten with zeroes, free pages
/// too, so that what both sides left is not found in the file later.
pub(super) fn configure(connection: &Connection, max_bytes: u64) -> rusqlite::Result<()> {
    connection.busy_timeout(PATIENCE)?;
    let pages = (max_bytes / PAGE).clamp(1, u64::from(u32::MAX - 2));
    connection.execute_batch(&format!(
        "PRAGMA page_size = {PAGE};
         PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA secure_delete = ON;
         PRAGMA cache_size = -2048;
         PRAGMA max_page_count = {pages};"
    ))
}

/// What a database is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// Nothing yet.
    New,
    /// A server's, of this version or an older one.
    Ours,
    /// Of a version that this server does not know.
    Newer(i64),
    /// Something else.
    Strange,
}

/// Tells whose tables these are.
pub(super) fn seen(connection: &Connection) -> rusqlite::Result<Seen> {
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    match version(connection)? {
        0 if tables == 0 => Ok(Seen::New),
        1..=VERSION => match connection.prepare(SIGN) {
            Ok(_) => Ok(Seen::Ours),
            Err(error) if is_of_other_tables(&error) => Ok(Seen::Strange),
            Err(error) => Err(error),
        },
        newer if newer > VERSION => Ok(Seen::Newer(newer)),
        _ => Ok(Seen::Strange),
    }
}

/// Whether a query asks for what is not there. Other errors say nothing of what is.
pub(crate) fn is_of_other_tables(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::Unknown)
}

/// Makes the tables in a new file, and upgrades those of an older version. What is there then.
pub(super) fn prepare(connection: &Connection) -> rusqlite::Result<Seen> {
    match seen(connection)? {
        Seen::New => transact(connection, TABLES, VERSION)?,
        Seen::Ours => _ = upgrade(connection, UPGRADES)?,
        Seen::Newer(_) | Seen::Strange => {}
    }
    seen(connection)
}

/// Writes what is there already.
pub(super) fn rewrite(connection: &Connection) -> rusqlite::Result<()> {
    transact(connection, "", VERSION)
}

/// Takes the steps that are left, each whole or not at all. The version then.
fn upgrade(connection: &Connection, steps: &[&str]) -> rusqlite::Result<i64> {
    for (from, step) in (1..).zip(steps) {
        if version(connection)? == from {
            transact(connection, step, from + 1)?;
            tracing::info!(version = from + 1, "the database's tables are upgraded");
        }
    }
    version(connection)
}

fn transact(connection: &Connection, change: &str, version: i64) -> rusqlite::Result<()> {
    let script = format!("BEGIN IMMEDIATE; {change} ; PRAGMA user_version = {version}; COMMIT;");
    let result = connection.execute_batch(&script);
    if result.is_err() && !connection.is_autocommit() {
        connection.execute_batch("ROLLBACK")?;
    }
    result
}

fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

#[cfg(test)]
mod tests;
