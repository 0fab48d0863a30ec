use std::{fs, path::Path};

use super::*;
use crate::store::{Store, StoreError};

/// What a server of version 1 left. It stays as it is when the tables change.
const VERSION_1: &str = include_str!("version-1.sql");

/// What the tables might become one day.
const MADE_UP: [&str; 2] = [
    "ALTER TABLE mailboxes ADD COLUMN colour TEXT; UPDATE mailboxes SET colour = 'red';",
    "CREATE TABLE colours (colour TEXT); INSERT INTO colours SELECT DISTINCT colour FROM mailboxes;",
];

fn left_by_version_1(path: &Path) -> Connection {
    let connection = Connection::open(path).unwrap();
    connection.execute_batch("PRAGMA journal_mode = WAL;").unwrap();
    connection.execute_batch(VERSION_1).unwrap();
    connection
}

/// The tables, whatever the spaces in them.
fn tables(connection: &Connection) -> Vec<String> {
    let mut query = connection.prepare("SELECT sql FROM sqlite_schema ORDER BY name").unwrap();
    let tables = query.query_map([], |row| row.get::<_, Option<String>>(0)).unwrap();
    let words = |sql: String| sql.split_whitespace().collect::<Vec<_>>().join(" ");
    tables.filter_map(|sql| sql.unwrap().map(words)).collect()
}

fn count(connection: &Connection, query: &str) -> i64 {
    connection.query_row(query, [], |row| row.get(0)).unwrap()
}

#[test]
fn a_database_of_version_1_is_taken_over_with_all_that_it_holds() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mailbox.sqlite");
    drop(left_by_version_1(&path));
    let stored = Store::open(&path, 1 << 30).unwrap().load().unwrap();
    assert_eq!(stored.mailboxes.iter().map(|row| row.row).collect::<Vec<_>>(), [1, 3]);
    assert_eq!((&*stored.nameplates[0].name, stored.nameplates[0].mailbox), ("4", 1));
    assert_eq!(stored.messages.len(), 3);
    assert_eq!(stored.messages[2].1.id.as_deref(), Some(r#"{"x": 1}"#));
}

#[test]
fn upgraded_tables_are_those_of_a_new_database() {
    let folder = tempfile::tempdir().unwrap();
    let [old, new] = ["old", "new"].map(|name| folder.path().join(name));
    let old = left_by_version_1(&old);
    assert_eq!(upgrade(&old, UPGRADES).unwrap(), VERSION);
    let new = Connection::open(new).unwrap();
    assert_eq!(prepare(&new).unwrap(), Seen::Ours);
    assert_eq!(tables(&old), tables(&new));
}

#[test]
fn every_step_that_is_left_is_taken_once_and_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let database = left_by_version_1(&folder.path().join("old"));
    for _ in 0..2 {
        assert_eq!(upgrade(&database, &MADE_UP).unwrap(), 3);
        assert_eq!(count(&database, "SELECT count(*) FROM mailboxes WHERE colour = 'red'"), 2);
        assert_eq!(count(&database, "SELECT count(*) FROM colours"), 1);
    }
}

#[test]
fn a_step_that_fails_leaves_the_version_before_it_whole() {
    let folder = tempfile::tempdir().unwrap();
    let database = left_by_version_1(&folder.path().join("old"));
    let fails = [MADE_UP[0], "CREATE TABLE colours (colour TEXT); INSERT INTO nowhere VALUES (1);"];
    upgrade(&database, &fails).unwrap_err();
    assert_eq!(version(&database).unwrap(), 2);
    assert_eq!(count(&database, "SELECT count(*) FROM sqlite_schema WHERE name = 'colours'"), 0);
    assert_eq!(upgrade(&database, &MADE_UP).unwrap(), 3); // once it is mended
}

#[test]
fn an_upgrade_that_is_killed_half_way_leaves_the_old_version() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("old");
    let database = left_by_version_1(&path);
    // A step so large that much of it is in the files before it is committed.
    database.execute_batch("PRAGMA cache_size = 5; BEGIN IMMEDIATE;").unwrap();
    database.execute_batch(MADE_UP[0]).unwrap();
    let many = "WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
                INSERT INTO mailboxes (row, app, name) SELECT i, 'a', hex(zeroblob(100)) FROM n;
                PRAGMA user_version = 2;";
    database.execute_batch(many).unwrap();
    let [killed, log] = ["killed", "killed-wal"].map(|name| folder.path().join(name));
    fs::copy(&path, &killed).unwrap();
    fs::copy(folder.path().join("old-wal"), &log).unwrap();
    assert!(fs::metadata(&log).unwrap().len() > 1 << 20, "nothing was half done");

    let stored = Store::open(&killed, 1 << 30).unwrap().load().unwrap();
    assert_eq!(stored.mailboxes.len(), 2);
}

#[test]
fn a_newer_database_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mailbox.sqlite");
    let database = left_by_version_1(&path);
    database.execute_batch(&format!("PRAGMA user_version = {};", VERSION + 1)).unwrap();
    drop(database);
    let refusal = Store::open(&path, 1 << 30).err().unwrap();
    assert!(matches!(refusal, StoreError::Foreign { version, .. } if version == VERSION + 1));
    assert!(refusal.to_string().contains("use a newer server"), "{refusal}");
    assert_eq!(version(&Connection::open(&path).unwrap()).unwrap(), VERSION + 1);
}
