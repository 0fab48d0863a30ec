#![expect(clippy::disallowed_methods, reason = "these tests wait, and have no runtime")]

use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::*;
use crate::{config::Usage, exchange::usage::Outcome};

/// A mailbox usage database of version 1, as an old Python server left it, with a row.
const OF_AN_OLD_PYTHON_SERVER: &str = "
    CREATE TABLE `version` (`version` INTEGER);
    CREATE TABLE `current` (`rebooted` INTEGER, `updated` INTEGER, `blur_time` INTEGER,
        `connections_websocket` INTEGER);
    CREATE TABLE `nameplates` (`app_id` VARCHAR, `started` INTEGER, `waiting_time` INTEGER,
        `total_time` INTEGER, `result` VARCHAR);
    CREATE INDEX `nameplates_idx` ON `nameplates` (`app_id`, `started`);
    CREATE TABLE `mailboxes` (`app_id` VARCHAR, `for_nameplate` BOOLEAN, `started` INTEGER,
        `total_time` INTEGER, `waiting_time` INTEGER, `result` VARCHAR);
    CREATE INDEX `mailboxes_idx` ON `mailboxes` (`app_id`, `started`);
    CREATE INDEX `mailboxes_result_idx` ON `mailboxes` (`result`);
    INSERT INTO `version` VALUES (1);
    INSERT INTO `mailboxes` VALUES ('old', 1, 3600, 5.5, 1.5, 'happy');";

struct Place {
    _folder: tempfile::TempDir,
    mailbox: PathBuf,
    relay: PathBuf,
    metrics: Arc<Metrics>,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let [mailbox, relay] = ["mailbox", "relay"].map(|name| folder.path().join(name));
        Self { _folder: folder, mailbox, relay, metrics: Arc::new(Metrics::new(0.0)) }
    }

    fn recorder(&self, blur: Option<Duration>) -> Recorder {
        let (mailbox, relay) = (Some(self.mailbox.clone()), Some(self.relay.clone()));
        Recorder::start(&Usage { mailbox, relay, blur }, Arc::clone(&self.metrics)).unwrap()
    }
}

fn ending(what: Retired) -> Ending {
    let (app, outcome) = ("app".into(), Outcome::Happy);
    Ending { what, app, started: 7205.25, waiting: Some(2.5), total: 30.5, outcome }
}

fn greeting(program: Option<(&str, &str)>) -> Greeting {
    let program = program.map(|(name, version)| (name.into(), version.into()));
    Greeting { app: "app".into(), side: "side".into(), time: 7205.25, program }
}

const RELAYED: RelayRecord =
    RelayRecord { started: 7205.25, waiting: None, total: 30.5, bytes: 12_345, mood: Mood::Lonely };

/// All rows, as the values' texts.
fn rows(path: &Path, query: &str) -> Vec<String> {
    let database = Connection::open(path).unwrap();
    let mut query = database.prepare(query).unwrap();
    let columns = query.column_count();
    let text = |value: rusqlite::types::Value| format!("{value:?}");
    let rows = query.query_map([], |row| {
        (0..columns).map(|column| row.get(column).map(text)).collect::<Result<Vec<_>, _>>()
    });
    rows.unwrap().map(|row| row.unwrap().join(" ")).collect()
}

#[test]
fn rows_stand_in_the_tables_of_the_familys_servers() {
    let place = Place::new();
    let recorder = place.recorder(None);
    recorder.ended(ending(Retired::Nameplate));
    recorder.ended(ending(Retired::Mailbox { for_nameplate: true }));
    recorder.greeted(greeting(Some(("chat", "1.4"))));
    recorder.greeted(greeting(None));
    recorder.relayed(RELAYED);
    for updated in [8.0, 9.5] {
        recorder.mailbox_now(MailboxNow { rebooted: 7.9, updated, connections: 3 });
        let (pairs, waiting, incomplete_bytes) = (1, 2, 30);
        recorder.relay_now(RelayNow { rebooted: 7.9, updated, pairs, waiting, incomplete_bytes });
    }
    recorder.stop();
    let all = |path: &Path, table: &str| rows(path, &format!("SELECT * FROM {table}"));
    assert_eq!(all(&place.mailbox, "version"), ["Integer(2)"]);
    let nameplate = r#"Text("app") Real(7205.25) Real(2.5) Real(30.5) Text("happy")"#;
    assert_eq!(all(&place.mailbox, "nameplates"), [nameplate]);
    let mailbox = r#"Text("app") Integer(1) Real(7205.25) Real(30.5) Real(2.5) Text("happy")"#;
    assert_eq!(all(&place.mailbox, "mailboxes"), [mailbox]);
    let clients = ["Text(\"chat\") Text(\"1.4\")", "Null Null"];
    let clients = clients.map(|is| format!("Text(\"app\") Text(\"side\") Real(7205.25) {is}"));
    assert_eq!(all(&place.mailbox, "client_versions"), clients);
    assert_eq!(all(&place.mailbox, "current"), ["Integer(7) Integer(9) Null Integer(3)"]);
    assert_eq!(all(&place.relay, "version"), ["Integer(1)"]);
    assert_eq!(
        all(&place.relay, "usage"),
        [r#"Real(7205.25) Real(30.5) Null Integer(12345) Text("lonely")"#]
    );
    let now = "Integer(7) Integer(9) Integer(1) Integer(2) Integer(30)";
    assert_eq!(all(&place.relay, "current"), [now]);
    assert_eq!(place.metrics.usage_rows_lost(), 0);
}

#[test]
fn blurred_rows_tell_the_hour_and_the_rough_size() {
    let place = Place::new();
    let recorder = place.recorder(Some(Duration::from_secs(3600)));
    recorder.ended(ending(Retired::Nameplate));
    recorder.ended(ending(Retired::Mailbox { for_nameplate: false }));
    recorder.greeted(greeting(None));
    recorder.relayed(RELAYED);
    recorder.mailbox_now(MailboxNow { rebooted: 7.0, updated: 9.0, connections: 0 });
    recorder.stop();
    for table in ["nameplates", "mailboxes"] {
        let started = rows(&place.mailbox, &format!("SELECT started FROM {table}"));
        assert_eq!(started, ["Integer(7200)"], "{table}");
    }
    let time = rows(&place.mailbox, "SELECT connect_time FROM client_versions");
    assert_eq!(time, ["Integer(7200)"]);
    assert_eq!(rows(&place.mailbox, "SELECT blur_time FROM current"), ["Integer(3600)"]);
    let relayed = rows(&place.relay, "SELECT started, total_bytes FROM usage");
    assert_eq!(relayed, ["Integer(7200) Integer(20000)"]);
}

#[test]
fn a_database_of_an_old_server_is_carried_on() {
    let place = Place::new();
    let old = Connection::open(&place.mailbox).unwrap();
    old.execute_batch(OF_AN_OLD_PYTHON_SERVER).unwrap();
    let recorder = place.recorder(None);
    recorder.ended(ending(Retired::Mailbox { for_nameplate: true }));
    recorder.greeted(greeting(None));
    recorder.stop();
    let apps = rows(&place.mailbox, "SELECT app_id FROM mailboxes ORDER BY started");
    assert_eq!(apps, [r#"Text("old")"#, r#"Text("app")"#]);
    assert_eq!(rows(&place.mailbox, "SELECT version FROM version"), ["Integer(2)"]);
    assert_eq!(rows(&place.mailbox, "SELECT app_id FROM client_versions"), [r#"Text("app")"#]);
    // The tables are then those of a new database.
    let fresh = Place::new();
    let recorder = fresh.recorder(None);
    recorder.greeted(greeting(None));
    recorder.stop();
    let columns = |path: &Path| {
        rows(
            path,
            "SELECT tables.name, columns.name, columns.type
             FROM sqlite_schema AS tables, pragma_table_info(tables.name) AS columns
             ORDER BY tables.name, columns.cid",
        )
    };
    assert_eq!(columns(&place.mailbox), columns(&fresh.mailbox));
}

#[test]
fn a_database_that_is_something_else_is_left_alone() {
    for (what, script) in [
        ("a letter", "CREATE TABLE letters (text VARCHAR);"),
        ("a newer one", &format!("{OF_AN_OLD_PYTHON_SERVER} UPDATE `version` SET `version` = 3;")),
        (
            "the Python server's own state",
            "CREATE TABLE version (version INTEGER); INSERT INTO version VALUES (1);
             CREATE TABLE mailboxes (app_id VARCHAR, id VARCHAR, updated INTEGER, for_nameplate BOOLEAN);",
        ),
    ] {
        let place = Place::new();
        Connection::open(&place.mailbox).unwrap().execute_batch(script).unwrap();
        let schema = "SELECT name, sql FROM sqlite_schema ORDER BY name";
        let before = rows(&place.mailbox, schema);
        let recorder = place.recorder(None);
        recorder.ended(ending(Retired::Mailbox { for_nameplate: true }));
        recorder.relayed(RELAYED);
        recorder.stop();
        assert_eq!(rows(&place.mailbox, schema), before, "{what}");
        assert_eq!(rows(&place.relay, "SELECT result FROM usage").len(), 1, "the other goes on");
        assert_eq!(place.metrics.mailbox_endings.counts()["happy"], 1, "it is counted still");
    }
}

#[test]
fn a_database_that_cannot_be_is_tried_again_and_what_waited_is_written() {
    let place = Place::new();
    std::fs::create_dir(&place.mailbox).unwrap(); // no file can be there
    let recorder = place.recorder(None);
    recorder.ended(ending(Retired::Nameplate));
    std::thread::sleep(2 * GATHER);
    std::fs::remove_dir(&place.mailbox).unwrap();
    let until = Instant::now() + Duration::from_secs(60);
    while !place.mailbox.exists() {
        assert!(Instant::now() < until, "it was not tried again");
        std::thread::sleep(Duration::from_millis(20));
    }
    recorder.ended(ending(Retired::Nameplate));
    recorder.stop();
    assert_eq!(rows(&place.mailbox, "SELECT result FROM nameplates").len(), 2);
}

#[test]
fn what_does_not_fit_while_the_database_is_broken_is_lost_and_counted() {
    let place = Place::new();
    std::fs::create_dir(&place.mailbox).unwrap();
    let recorder = place.recorder(None);
    let many = 3 * QUEUE;
    for _ in 0..many {
        recorder.greeted(greeting(None)); // and never waits
    }
    recorder.stop();
    let lost = place.metrics.usage_rows_lost();
    assert!(lost > 0 && lost <= many as u64, "{lost}");
}

#[test]
fn without_a_database_there_is_no_thread_and_all_is_counted() {
    let metrics = Arc::new(Metrics::new(0.0));
    let recorder = Recorder::start(&Usage::default(), Arc::clone(&metrics)).unwrap();
    recorder.relayed(RELAYED);
    assert!(recorder.queue.is_none());
    recorder.stop();
    assert_eq!(metrics.relay_endings.counts()["lonely"], 1);
}

#[cfg(unix)]
#[test]
fn two_databases_in_one_file_are_refused_under_whatever_names() {
    use crate::{Config, Database, Mailbox};
    let place = Place::new();
    let link = place.mailbox.with_file_name("link");
    std::fs::write(&place.mailbox, "").unwrap();
    std::os::unix::fs::symlink(&place.mailbox, &link).unwrap();
    let folder = place.mailbox.parent().unwrap();
    let around = folder.join("../").join(folder.file_name().unwrap()).join("relay");
    let refused = |database: &Path, mailbox: &Path, relay: &Path| {
        let database = Database::Path(database.to_owned());
        let mailbox_server = Mailbox { database, ..Mailbox::default() };
        let (mailbox, relay) = (Some(mailbox.to_owned()), Some(relay.to_owned()));
        let usage = Usage { mailbox, relay, blur: None };
        let error = look_at_usage(&Config { usage, ..Config::from(mailbox_server) });
        error.err().map(|error| error.to_string())
    };
    let other = folder.join("other");
    assert_eq!(refused(&other, &place.mailbox, &place.relay), None);
    for (paths, settings) in [
        ([&place.mailbox, &link, &other], "mailbox.database and usage.mailbox are one file"),
        ([&around, &other, &place.relay], "mailbox.database and usage.relay are one file"),
        ([&other, &place.relay, &around], "usage.mailbox and usage.relay are one file"),
    ] {
        let [database, mailbox, relay] = paths;
        let told = refused(database, mailbox, relay).unwrap();
        assert!(told.contains(settings), "{told}");
    }
    assert!(!other.exists() && !place.relay.exists());
}

#[cfg(unix)]
#[test]
fn what_is_no_usage_database_is_seen_and_left_as_it_is() {
    let place = Place::new();
    let look = |path: &Path| {
        let usage = Usage { mailbox: Some(path.to_owned()), relay: None, blur: None };
        look_at_usage(&crate::Config { usage, ..crate::Config::default() })
    };
    let old = Connection::open(&place.mailbox).unwrap();
    old.execute_batch(OF_AN_OLD_PYTHON_SERVER).unwrap();
    look(&place.mailbox).unwrap();
    old.execute_batch("UPDATE version SET version = 7").unwrap();
    assert!(matches!(look(&place.mailbox), Err(UsageError::Foreign { .. })), "it is newer");
    let other = Connection::open(&place.relay).unwrap();
    other.execute_batch("CREATE TABLE usage (x)").unwrap();
    assert!(matches!(look(&place.relay), Err(UsageError::Foreign { .. })));
    std::fs::write(&place.relay, "dear").unwrap();
    assert!(matches!(look(&place.relay), Err(UsageError::Foreign { .. })));
    assert!(matches!(look(Path::new("/dev/null")), Err(UsageError::Unusable { .. })));

    let (mailbox, relay) = (Some("/dev/null".into()), Some(place.relay.clone()));
    let usage = Usage { mailbox, relay, blur: None };
    let recorder = Recorder::start(&usage, Arc::clone(&place.metrics)).unwrap();
    recorder.ended(ending(Retired::Nameplate));
    recorder.relayed(RELAYED);
    recorder.stop();
    assert_eq!(std::fs::read(&place.relay).unwrap(), b"dear");
    assert!(!Path::new("/dev/null-journal").exists());
}
