//! Changes and rows, there and back.

use std::{collections::BTreeSet, sync::Arc};

use rusqlite::{Connection, Row, Statement, named_params, params, types::Type};
use wormhole_sync_wire::{InvalidName, MailboxId, Mood, Nameplate};

use super::run;
use crate::exchange::{
    Message,
    journal::{Entry, MailboxRow, NameplateRow, Opened, Snapshot},
    sides::Sides,
};

/// The statements, prepared once.
pub(super) struct Statements<'a> {
    put_mailbox: Statement<'a>,
    drop_mailbox: Statement<'a>,
    put_nameplate: Statement<'a>,
    drop_nameplate: Statement<'a>,
    put_message: Statement<'a>,
    drop_messages: Statement<'a>,
}

impl<'a> Statements<'a> {
    pub(super) fn prepare(connection: &'a Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            put_mailbox: connection.prepare(
                "REPLACE INTO mailboxes VALUES (:row, :app, :name,
                 :side1, :since1, :open1, :mood1, :side2, :since2, :open2, :mood2)",
            )?,
            drop_mailbox: connection.prepare("DELETE FROM mailboxes WHERE row = ?")?,
            put_nameplate: connection
                .prepare("REPLACE INTO nameplates VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")?,
            drop_nameplate: connection.prepare("DELETE FROM nameplates WHERE row = ?")?,
            put_message: connection
                .prepare("REPLACE INTO messages VALUES (?, ?, ?, ?, ?, ?, ?)")?,
            drop_messages: connection.prepare("DELETE FROM messages WHERE mailbox = ?")?,
        })
    }

    pub(super) fn apply(&mut self, entry: &Entry) -> rusqlite::Result<()> {
        match entry {
            Entry::PutMailbox(mailbox) => self.put_mailbox(mailbox),
            Entry::DropMailbox { row } => {
                run(&mut self.drop_messages, [number(*row)])?;
                run(&mut self.drop_mailbox, [number(*row)])
            }
            Entry::PutMessage { mailbox, number: position, message } => {
                let Message { side, phase, body, server_rx, id } = &**message;
                let values = params![
                    number(*mailbox),
                    number(*position),
                    &**side,
                    &**phase,
                    &**body,
                    server_rx,
                    id.as_deref()
                ];
                run(&mut self.put_message, values)
            }
            Entry::PutNameplate(nameplate) => self.put_nameplate(nameplate),
            Entry::DropNameplate { row } => run(&mut self.drop_nameplate, [number(*row)]),
        }
    }

    fn put_mailbox(&mut self, mailbox: &MailboxRow) -> rusqlite::Result<()> {
        let mut sides = mailbox.sides.iter();
        let (first, second) = (sides.next(), sides.next());
        let mood = |side: Option<&(Arc<str>, Opened)>| {
            side.and_then(|(_, opened)| opened.mood).map(Mood::as_str)
        };
        let values = named_params! {
            ":row": number(mailbox.row),
            ":app": &*mailbox.app,
            ":name": &*mailbox.name,
            ":side1": first.map(|(side, _)| &**side),
            ":since1": first.map(|(_, opened)| opened.since),
            ":open1": first.map(|(_, opened)| opened.open),
            ":mood1": mood(first),
            ":side2": second.map(|(side, _)| &**side),
            ":since2": second.map(|(_, opened)| opened.since),
            ":open2": second.map(|(_, opened)| opened.open),
            ":mood2": mood(second),
        };
        run(&mut self.put_mailbox, values)
    }

    fn put_nameplate(&mut self, nameplate: &NameplateRow) -> rusqlite::Result<()> {
        let mut sides = nameplate.sides.iter();
        let (first, second) = (sides.next(), sides.next());
        let values = params![
            number(nameplate.row),
            &*nameplate.app,
            &*nameplate.name,
            number(nameplate.mailbox),
            nameplate.allocated,
            first.map(|(side, _)| &**side),
            first.map(|(_, claimed)| *claimed),
            second.map(|(side, _)| &**side),
            second.map(|(_, claimed)| *claimed),
        ];
        run(&mut self.put_nameplate, values)
    }
}

/// The mailboxes and nameplates that end among a group of changes: what comes before about them
/// need not be written at all.
pub(super) struct Obsolete {
    mailboxes: BTreeSet<u64>,
    nameplates: BTreeSet<u64>,
}

impl Obsolete {
    pub(super) fn of(entries: &[Entry]) -> Self {
        let mut obsolete = Self { mailboxes: BTreeSet::new(), nameplates: BTreeSet::new() };
        for entry in entries {
            match entry {
                Entry::DropMailbox { row } => _ = obsolete.mailboxes.insert(*row),
                Entry::DropNameplate { row } => _ = obsolete.nameplates.insert(*row),
                _ => {}
            }
        }
        obsolete
    }

    /// Numbers are never used again, so nothing about one comes after its end.
    pub(super) fn covers(&self, entry: &Entry) -> bool {
        match entry {
            Entry::PutMailbox(mailbox) => self.mailboxes.contains(&mailbox.row),
            Entry::PutMessage { mailbox, .. } => self.mailboxes.contains(mailbox),
            Entry::PutNameplate(nameplate) => self.nameplates.contains(&nameplate.row),
            Entry::DropMailbox { .. } | Entry::DropNameplate { .. } => false,
        }
    }
}

/// Everything that is stored.
pub(super) fn load(connection: &Connection) -> rusqlite::Result<Snapshot> {
    let all = |query: &str| connection.prepare(query);
    Ok(Snapshot {
        mailboxes: all("SELECT * FROM mailboxes ORDER BY row")?
            .query_map([], mailbox)?
            .collect::<Result<_, _>>()?,
        nameplates: all("SELECT * FROM nameplates ORDER BY row")?
            .query_map([], nameplate)?
            .collect::<Result<_, _>>()?,
        messages: all("SELECT * FROM messages ORDER BY mailbox, number")?
            .query_map([], message)?
            .collect::<Result<_, _>>()?,
    })
}

fn mailbox(row: &Row<'_>) -> rusqlite::Result<MailboxRow> {
    let mut sides = Sides::default();
    for first in [3, 7] {
        if let Some(side) = row.get::<_, Option<Arc<str>>>(first)? {
            let mood = row.get::<_, Option<String>>(first + 3)?;
            let opened = Opened {
                since: row.get(first + 1)?,
                open: row.get(first + 2)?,
                mood: mood.as_deref().and_then(Mood::parse),
            };
            sides.admit(&side, opened);
        }
    }
    let name = MailboxId::new(row.get::<_, Box<str>>(2)?).map_err(invalid)?;
    Ok(MailboxRow { row: unsigned(row.get(0)?), app: row.get(1)?, name, sides })
}

fn nameplate(row: &Row<'_>) -> rusqlite::Result<NameplateRow> {
    let mut sides = Sides::default();
    for first in [5, 7] {
        if let Some(side) = row.get::<_, Option<Arc<str>>>(first)? {
            sides.admit(&side, row.get(first + 1)?);
        }
    }
    Ok(NameplateRow {
        row: unsigned(row.get(0)?),
        app: row.get(1)?,
        name: Nameplate::new(row.get::<_, Box<str>>(2)?).map_err(invalid)?,
        mailbox: unsigned(row.get(3)?),
        allocated: row.get(4)?,
        sides,
    })
}

fn message(row: &Row<'_>) -> rusqlite::Result<(u64, Message)> {
    let message = Message {
        side: row.get(2)?,
        phase: row.get(3)?,
        body: row.get(4)?,
        server_rx: row.get(5)?,
        id: row.get(6)?,
    };
    Ok((unsigned(row.get(0)?), message))
}

fn invalid(error: InvalidName) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(2, Type::Text, Box::new(error))
}

/// SQLite's numbers are signed; ours never come near the difference.
const fn number(row: u64) -> i64 {
    row.cast_signed()
}

const fn unsigned(row: i64) -> u64 {
    row.cast_unsigned()
}
