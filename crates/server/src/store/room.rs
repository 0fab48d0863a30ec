//! What fits into a database.

use crate::{config::Limits, exchange::journal::Entry};

/// Bytes of an empty database, and of what its tables need beside their rows.
const EMPTY: u64 = 64 << 10;

/// Bytes that a mailbox and its nameplate take at most, their names as long as they can be and the
/// pages a third full.
const MAILBOX: u64 = 4096;

/// How often the bytes that a message counts are taken at most: one of a kilobyte gets a page that
/// it does not fill, beside a third of another.
const MESSAGE: u64 = 6;

/// Limits that a database of their `database_bytes` holds for sure: those of mailboxes, which get
/// half of it at most, and of messages are lowered when they promise more. So a client is refused
/// before the file is full, with the limit's name, and whoever lets something go finds room for that.
pub(crate) fn fit(limits: &Limits) -> Limits {
    let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let room = limits.database_bytes.saturating_sub(EMPTY);
    let mailboxes = limits.mailboxes.min(count(room / 2 / MAILBOX));
    let stored_bytes =
        limits.stored_bytes.min(count((room - mailboxes as u64 * MAILBOX) / MESSAGE));
    let fitting = Limits { mailboxes, stored_bytes, ..limits.clone() };
    if fitting != *limits {
        tracing::warn!(
            mailboxes,
            stored_bytes,
            "these limits are lowered to what the database may hold: raise its limit, or lower them"
        );
    }
    fitting
}

/// Bytes that changes take at most.
pub(super) fn most(changes: &[Entry]) -> u64 {
    let of = |change: &Entry| match change {
        Entry::PutMailbox(_) | Entry::PutNameplate(_) => MAILBOX,
        Entry::PutMessage { message, .. } => {
            let texts = message.body.len() + message.phase.len() + message.side.len();
            MAILBOX.saturating_add((texts as u64).saturating_mul(MESSAGE))
        }
        Entry::DropMailbox { .. } | Entry::DropNameplate { .. } => 0,
    };
    changes.iter().map(of).fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        exchange::{Addition, Client, ConnectionId, Exchange, embedded::Embedded},
        store::Store,
    };
    use wormhole_sync_wire::{MailboxId, Nameplate};

    fn client(number: usize) -> Client {
        let side = format!("{number:064}").as_str().into();
        let app = "a".repeat(256).as_str().into();
        Client { connection: ConnectionId(1), app, side, address: None }
    }

    #[test]
    fn the_usual_limits_fit_and_those_that_promise_too_much_are_lowered() {
        let usual = Limits::default();
        assert_eq!(fit(&usual), usual);
        let half = fit(&Limits { database_bytes: 1 << 30, ..usual.clone() });
        assert!((100_000..200_000).contains(&half.mailboxes), "{}", half.mailboxes);
        assert!((80 << 20..90 << 20).contains(&half.stored_bytes), "{}", half.stored_bytes);
        assert_eq!(fit(&Limits { database_bytes: 0, ..usual.clone() }).stored_bytes, 0);
        let boundless = Limits { stored_bytes: usize::MAX, mailboxes: usize::MAX, ..usual };
        assert!(fit(&boundless).stored_bytes < 1 << 30);
    }

    /// Makes mailboxes up to the limit.
    fn open_all(exchange: &mut Embedded) -> Vec<(Client, MailboxId)> {
        let open = |number| {
            let client = client(number);
            let nameplate = Nameplate::new(format!("{number:040}")).unwrap();
            let known = MailboxId::new(format!("{number:064}")).unwrap();
            let name = exchange.claim(&client, &nameplate, Some(&known), 0.0).ok()?;
            Some((client, name))
        };
        (0..).map_while(open).collect()
    }

    /// Fills a small server up to its limits with messages of one size, twice.
    fn fill(bytes: usize) {
        let folder = tempfile::tempdir().unwrap();
        let database_bytes = 2 << 20;
        let limits = Limits { database_bytes, mailboxes: 20, ..Limits::default() };
        let mut exchange = Embedded::new(fit(&limits), [1; 32]);
        let store = Store::open(&folder.path().join("mailbox.sqlite"), database_bytes).unwrap();
        let mut writer = store.writer().unwrap();
        let body = "0".repeat(bytes);
        for _ in 0..2 {
            let mailboxes = open_all(&mut exchange);
            for (number, (client, name)) in mailboxes.iter().cycle().enumerate() {
                let (phase, id) = ("p".into(), Some("\"0123456789abcdef\""));
                let addition = Addition { phase, body: (&*body).into(), id };
                if exchange.add(client, name, addition, 0.0).is_err() {
                    break;
                }
                if number % 16 == 0 {
                    writer.commit(&exchange.take_journal()).unwrap();
                }
            }
            for (client, name) in &mailboxes {
                exchange.close(client, name, None, 0.0).unwrap();
                writer.commit(&exchange.take_journal()).unwrap();
            }
        }
    }

    #[test]
    fn a_database_within_its_limits_is_never_full() {
        for bytes in [0, 400, 880, 890, 900, 910, 920, 2000, 5000, 50_000] {
            fill(bytes);
        }
    }
}
