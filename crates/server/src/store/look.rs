//! What stands where a database is to be, seen without touching it: a wrong name must not change
//! somebody's file.

use std::{
    fmt::Write,
    fs, io,
    path::{Path, PathBuf, absolute},
};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::{StoreError, private, schema};

/// Whether there is a database of a server's, or room for a new one. Nothing is made, locked or
/// changed; a server may use it meanwhile. What is damaged, or just being written, is for whoever
/// opens it to tell.
///
/// ```
/// use wormhole_sync_server::store::{Store, StoreError, look};
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("mailbox.sqlite");
/// look(&path)?; // one could be made
/// drop(Store::open(&path, 1 << 30)?);
/// look(&path)?; // this is one
/// std::fs::write(&path, "a letter")?;
/// assert!(matches!(look(&path), Err(StoreError::Strange(_))));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn look(path: &Path) -> Result<(), StoreError> {
    let Some(connection) = found(path)? else { return Ok(()) };
    match schema::seen(&connection) {
        Ok(seen) => judge(path, seen),
        Err(error) if is_no_database(&error) => Err(StoreError::Strange(path.to_owned())),
        Err(_) => Ok(()),
    }
}

/// What is said of a database that was opened.
pub(super) fn judge(path: &Path, seen: schema::Seen) -> Result<(), StoreError> {
    match seen {
        schema::Seen::New | schema::Seen::Ours => Ok(()),
        schema::Seen::Newer(version) => Err(StoreError::Foreign { path: path.to_owned(), version }),
        schema::Seen::Strange => Err(StoreError::Strange(path.to_owned())),
    }
}

/// The file there, open for a look at what its tables are; `None` where one can be made.
pub(crate) fn found(path: &Path) -> Result<Option<Connection>, StoreError> {
    if private::is_memory(path) {
        return Ok(None);
    }
    match fs::metadata(path) {
        Ok(file) if !file.is_file() => Err(StoreError::NoFile(path.to_owned())),
        // SQLite takes one byte for none, and would write over it.
        Ok(file) if file.len() == 1 => Err(StoreError::Strange(path.to_owned())),
        Ok(_) => open(path).map(Some).map_err(|error| StoreError::Sqlite(path.to_owned(), error)),
        Err(error) if is_missing(&error) && has_directory(path) => Ok(None),
        Err(error) if is_missing(&error) => Err(StoreError::NoDirectory(path.to_owned())),
        Err(error) => Err(StoreError::Io(path.to_owned(), error)),
    }
}

/// Whether a file is none of `SQLite`'s.
pub(crate) fn is_no_database(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::NotADatabase)
}

/// Whether this is said of a file that is not there.
pub(super) fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Whether a file could be made there, as far as names go.
pub(super) fn has_directory(path: &Path) -> bool {
    match path.parent() {
        Some(directory) if directory.as_os_str().is_empty() => true,
        directory => directory.is_some_and(Path::is_dir),
    }
}

/// `SQLite` reads an immutable file without a lock, and without its log, of which it would make a new
/// one. So it may come upon a file that has only a part of what is written: it is not judged by that.
fn open(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(immutable(path), flags | OpenFlags::SQLITE_OPEN_URI)
}

/// The URI of a file that does not change.
fn immutable(path: &Path) -> PathBuf {
    let path = absolute(path).unwrap_or_else(|_| path.to_owned());
    let bytes = path.as_os_str().as_encoded_bytes();
    let mut uri = String::from("file:///");
    for byte in bytes.iter().skip_while(|byte| **byte == b'/') {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' | b':' => {
                uri.push(char::from(*byte));
            }
            b'\\' if cfg!(windows) => uri.push('/'),
            byte => _ = write!(uri, "%{byte:02x}"), // to a string, which does not fail
        }
    }
    (uri + "?immutable=1").into()
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt, process::Command};

    use super::*;
    use crate::store::Store;

    /// The tables of the Python mailbox server, as far as they have names of ours.
    const PYTHON: &str = "
        CREATE TABLE version (version INTEGER NOT NULL);
        CREATE TABLE mailboxes (app_id VARCHAR, id VARCHAR PRIMARY KEY, updated INTEGER);
        CREATE TABLE nameplates (id INTEGER PRIMARY KEY, app_id VARCHAR, name VARCHAR);
        CREATE TABLE messages (app_id VARCHAR, mailbox_id VARCHAR, body VARCHAR);";

    /// All that there is in a folder, and everything about it.
    fn everything(folder: &Path) -> Vec<(PathBuf, Vec<u8>, u32)> {
        use std::os::unix::fs::PermissionsExt;
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let mut all: Vec<_> = entries
            .map(|path| {
                let mode = fs::metadata(&path).unwrap().permissions().mode();
                (path.clone(), fs::read(&path).unwrap(), mode)
            })
            .collect();
        all.sort();
        all
    }

    #[test]
    fn what_is_somebody_elses_is_refused_and_not_touched() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for (name, content) in [("letter", "dear"), ("x", "x"), ("long", &"a page ".repeat(9999))] {
            fs::write(path(name), content).unwrap();
        }
        Connection::open(path("relay.sqlite")).unwrap().execute_batch(PYTHON).unwrap();
        for version in [1, 7] {
            let other = Connection::open(path(&format!("other{version}"))).unwrap();
            let script = format!("CREATE TABLE t (x); PRAGMA user_version = {version};");
            other.execute_batch(&script).unwrap();
        }
        let before = everything(folder.path());
        for name in ["letter", "x", "long", "relay.sqlite", "other1", "other7"] {
            let seen = look(&path(name)).unwrap_err();
            let refusal = Store::open(&path(name), 1 << 30).err().unwrap();
            assert_eq!(seen.to_string(), refusal.to_string());
            match refusal {
                StoreError::Foreign { version: 7, .. } if name == "other7" => {}
                StoreError::Strange(of) if of == path(name) => {}
                refusal => panic!("{name}: {refusal}"),
            }
        }
        assert_eq!(everything(folder.path()), before);
    }

    #[test]
    fn what_is_no_file_is_refused_and_nothing_is_made_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        for path in [Path::new("/dev/null"), folder.path(), &pipe] {
            let refusal = Store::open(path, 1 << 30).err().unwrap();
            assert!(matches!(refusal, StoreError::NoFile(_)), "{refusal}");
        }
        for path in [folder.path().join("nowhere/x"), pipe.join("x")] {
            let refusal = Store::open(&path, 1 << 30).err().unwrap();
            assert!(matches!(refusal, StoreError::NoDirectory(_)), "{refusal}");
        }
        assert!(!Path::new("/dev/null-lock").exists() && !Path::new("/dev/null-journal").exists());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_database_of_ours_is_known_whatever_its_name_and_while_it_is_used() {
        let folder = tempfile::tempdir().unwrap();
        for name in [&b"a b"[..], b"what?", b"50%", b"a#b", b"file:x", b"\xff\xfe", b"\xc3\xa4"] {
            let path = folder.path().join(OsStr::from_bytes(name));
            look(&path).unwrap();
            let store = Store::open(&path, 1 << 30).unwrap();
            look(&path).unwrap(); // its tables are in its log
            store.writer().unwrap().wipe().unwrap();
            look(&path).unwrap();
            drop(store);
            let before = everything(folder.path());
            look(&path).unwrap();
            assert_eq!(everything(folder.path()), before);
            fs::write(&path, "a letter").unwrap();
            look(&path).unwrap_err();
        }
    }

    #[test]
    fn a_database_that_is_there_in_part_is_not_taken_for_somebody_elses() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mailbox.sqlite");
        drop(Store::open(&path, 1 << 30).unwrap());
        let whole = fs::read(&path).unwrap();
        for pages in 1..whole.len() / 4096 {
            fs::write(&path, whole.get(..4096 * pages).unwrap()).unwrap();
            look(&path).unwrap();
        }
        let refusal = Store::open(&path, 1 << 30).err().unwrap();
        assert!(matches!(refusal, StoreError::Sqlite(..)), "{refusal}");
    }
}
