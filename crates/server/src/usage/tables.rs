//! The tables of the family's servers, and rows of them: existing dashboards read these.

use rusqlite::{Connection, named_params, params};

use super::{MailboxNow, RelayNow, RelayRecord, blur::Blur};
use crate::{
    exchange::usage::{Ending, Greeting, Retired},
    store::is_of_other_tables,
};

/// The tables of a kind of usage database.
pub(super) struct Tables {
    pub(super) version: i64,
    /// Makes those of version 1.
    pub(super) create: &'static str,
    /// Each makes the next version.
    pub(super) upgrades: &'static [&'static str],
    /// What works on every version, and on no other database.
    pub(super) sign: &'static str,
}

impl Tables {
    /// Whether a database has them, or nothing yet.
    pub(super) fn are_known(&self, database: &Connection) -> rusqlite::Result<bool> {
        let count = "SELECT count(*) FROM sqlite_schema";
        if database.query_row(count, [], |row| row.get::<_, i64>(0))? == 0 {
            return Ok(true);
        }
        let version = database.prepare(self.sign).and_then(|_| version(database));
        match version {
            Ok(version) => Ok((1..=self.version).contains(&version)),
            Err(error) if is_of_other_tables(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Makes those of today out of older ones, all or nothing.
    pub(super) fn upgrade(&self, database: &mut Connection) -> rusqlite::Result<()> {
        let transaction = database.transaction()?;
        let found = version(&transaction)?;
        for (from, upgrade) in (1..).zip(self.upgrades) {
            if from >= found {
                transaction.execute_batch(upgrade)?;
            }
        }
        if found != self.version {
            transaction.execute("UPDATE version SET version = ?", [self.version])?;
        }
        transaction.commit()
    }
}

fn version(database: &Connection) -> rusqlite::Result<i64> {
    database.query_row("SELECT version FROM version", [], |row| row.get(0))
}

/// What the Python mailbox server calls version 2 of its usage database.
pub(super) const MAILBOX: Tables = Tables {
    version: 2,
    create: "
        CREATE TABLE version (version INTEGER);
        CREATE TABLE current (
            rebooted INTEGER, updated INTEGER, blur_time INTEGER, connections_websocket INTEGER
        );
        CREATE TABLE nameplates (
            app_id VARCHAR, started INTEGER, waiting_time INTEGER, total_time INTEGER,
            result VARCHAR
        );
        CREATE INDEX nameplates_idx ON nameplates (app_id, started);
        CREATE TABLE mailboxes (
            app_id VARCHAR, for_nameplate BOOLEAN, started INTEGER, total_time INTEGER,
            waiting_time INTEGER, result VARCHAR
        );
        CREATE INDEX mailboxes_idx ON mailboxes (app_id, started);
        CREATE INDEX mailboxes_result_idx ON mailboxes (result);",
    upgrades: &["
        CREATE TABLE client_versions (
            app_id VARCHAR, side VARCHAR, connect_time INTEGER, implementation VARCHAR,
            version VARCHAR
        );
        CREATE INDEX client_versions_time_idx ON client_versions (connect_time);
        CREATE INDEX client_versions_appid_time_idx ON client_versions (app_id, connect_time);"],
    sign: "SELECT for_nameplate, started, total_time, waiting_time, result FROM mailboxes",
};

/// What the Python transit relay calls version 1 of its usage database.
pub(super) const RELAY: Tables = Tables {
    version: 1,
    create: "
        CREATE TABLE version (version INTEGER);
        CREATE TABLE current (
            rebooted INTEGER, updated INTEGER, connected INTEGER, waiting INTEGER,
            incomplete_bytes INTEGER
        );
        CREATE TABLE usage (
            started INTEGER, total_time INTEGER, waiting_time INTEGER, total_bytes INTEGER,
            result VARCHAR
        );
        CREATE INDEX usage_started_index ON usage (started);
        CREATE INDEX usage_result_index ON usage (result);",
    upgrades: &[],
    sign: "SELECT started, total_time, waiting_time, total_bytes, result FROM usage",
};

/// One row to be.
pub(super) enum Row {
    Ending(Ending),
    Greeting(Greeting),
    Mailbox(MailboxNow),
    Relayed(RelayRecord),
    Relay(RelayNow),
}

impl Row {
    pub(super) fn write(&self, to: &Connection, blur: Blur) -> rusqlite::Result<()> {
        match self {
            Self::Ending(ending) => write_ending(to, ending, blur),
            Self::Greeting(greeting) => write_greeting(to, greeting, blur),
            Self::Mailbox(now) => write_mailbox_now(to, *now, blur),
            Self::Relayed(record) => write_relayed(to, record, blur),
            Self::Relay(now) => write_relay_now(to, *now),
        }
        .map(drop)
    }
}

fn write_ending(to: &Connection, ending: &Ending, blur: Blur) -> rusqlite::Result<usize> {
    let Ending { what, app, started, waiting, total, outcome } = ending;
    let (started, result) = (blur.time(*started), outcome.as_str());
    match what {
        Retired::Nameplate => to.execute(
            "INSERT INTO nameplates (app_id, started, waiting_time, total_time, result)
                 VALUES (?, ?, ?, ?, ?)",
            params![&**app, started, waiting, total, result],
        ),
        Retired::Mailbox { for_nameplate } => to.execute(
            "INSERT INTO mailboxes
                 (app_id, for_nameplate, started, total_time, waiting_time, result)
                 VALUES (?, ?, ?, ?, ?, ?)",
            params![&**app, for_nameplate, started, total, waiting, result],
        ),
    }
}

fn write_greeting(to: &Connection, greeting: &Greeting, blur: Blur) -> rusqlite::Result<usize> {
    let Greeting { app, side, time, program } = greeting;
    let (name, version) = program.as_ref().map(|(name, version)| (&**name, &**version)).unzip();
    to.execute(
        "INSERT INTO client_versions (app_id, side, connect_time, implementation, version)
         VALUES (?, ?, ?, ?, ?)",
        params![&**app, &**side, blur.time(*time), name, version],
    )
}

fn write_mailbox_now(to: &Connection, now: MailboxNow, blur: Blur) -> rusqlite::Result<usize> {
    to.execute("DELETE FROM current", [])?;
    to.execute(
        "INSERT INTO current (rebooted, updated, blur_time, connections_websocket)
         VALUES (:rebooted, :updated, :blur, :connections)",
        named_params! {
            ":rebooted": now.rebooted.floor(),
            ":updated": now.updated.floor(),
            ":blur": blur.seconds().map(u64::cast_signed),
            ":connections": count(now.connections),
        },
    )
}

fn write_relayed(to: &Connection, record: &RelayRecord, blur: Blur) -> rusqlite::Result<usize> {
    let RelayRecord { started, waiting, total, bytes, mood } = *record;
    let bytes = blur.size(bytes).cast_signed();
    to.execute(
        "INSERT INTO usage (started, total_time, waiting_time, total_bytes, result)
         VALUES (?, ?, ?, ?, ?)",
        params![blur.time(started), total, waiting, bytes, mood.as_str()],
    )
}

fn write_relay_now(to: &Connection, now: RelayNow) -> rusqlite::Result<usize> {
    to.execute("DELETE FROM current", [])?;
    to.execute(
        "INSERT INTO current (rebooted, updated, connected, waiting, incomplete_bytes)
         VALUES (?, ?, ?, ?, ?)",
        params![
            now.rebooted.floor(),
            now.updated.floor(),
            count(now.pairs),
            count(now.waiting),
            now.incomplete_bytes.cast_signed(),
        ],
    )
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
