//! What strangers are held to, each limit by its name.

use wormhole_sync_wire::limits::MAX_FRAME;

use super::Rate;

/// What strangers are held to. Each limit is refused with a text that names it.
///
/// ```
/// use wormhole_sync_server::{Limits, exchange::{Exchange, embedded::Embedded}};
///
/// # use wormhole_sync_server::exchange::{Client, ConnectionId};
/// # let (connection, address) = (ConnectionId(1), None);
/// # let client = Client { connection, app: "chat".into(), side: "a".into(), address };
/// let limits = Limits { mailboxes: 0, ..Limits::default() }; // closed for today
/// let mut exchange = Embedded::new(limits, [1; 32]);
/// let refusal = exchange.allocate(&client, 0.0).unwrap_err();
/// assert!(refusal.0.contains("mailboxes"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one client message. Default: 1 MiB.
    pub message_bytes: usize,
    /// Bytes of one client message before `bind`. Never more than `message_bytes`. Default: 4 KiB.
    pub unbound_message_bytes: usize,
    /// Bytes of all clients' unfinished messages. When it is more, whoever is in the middle of one is
    /// closed, unless less than 16 KiB of it are there. Default: 256 MiB.
    pub incoming_bytes: usize,
    /// Bytes of the unfinished messages from one address, likewise. Default: 16 MiB.
    pub incoming_bytes_per_address: usize,
    /// How often one address may claim or allocate a nameplate. Default: 240 at once, and then 60 a
    /// minute.
    pub claims: Rate,
    /// How often a claim from one address may fail: it is refused because others have the nameplate,
    /// or it joins somebody who waits and then does not go on with it, as after a wrong code.
    /// Whoever goes on gives the claim back. When none is left, no nameplate can be claimed by its
    /// name from there, and still be allocated. Default: 20 at once, and then 1 a minute.
    pub failed_claims: Rate,
    /// How often one address may list the nameplates. Default: 60 at once, and then 60 a minute.
    pub lists: Rate,
    /// One address may hold one in so many of an application's nameplates of one, two and three
    /// digits: with 3, it is 3 of the 9 single digits. 1 is no limit. Not kept over a restart, for
    /// addresses are never stored. Default: 3.
    pub nameplate_share: usize,
    /// Messages of one mailbox. Default: 4096.
    pub mailbox_messages: usize,
    /// Bytes of one mailbox's messages. Default: 4 MiB.
    pub mailbox_bytes: usize,
    /// Mailboxes that one address made. Not kept over a restart, for addresses are never stored. Default: 128.
    pub mailboxes_per_address: usize,
    /// Mailboxes altogether. Default: 200,000.
    pub mailboxes: usize,
    /// Bytes of messages altogether. Default: 1 GiB.
    pub stored_bytes: usize,
    /// Bytes of messages that one address sent. Not kept over a restart, as above. Default: 32 MiB.
    pub stored_bytes_per_address: usize,
    /// Bytes that may wait for a slow reader before its connection is closed. What a mailbox held
    /// when it was opened never counts, for it is sent as the reader reads. Default: 8 MiB.
    pub outbox_bytes: usize,
    /// Bytes that may wait for all slow readers. When more would, whoever is to get it is closed,
    /// unless no more than 64 KiB would wait for it. Default: 256 MiB.
    pub outboxes_bytes: usize,
    /// Bytes that may wait for the slow readers at one address, likewise. Default: 32 MiB.
    pub outboxes_bytes_per_address: usize,
    /// Bytes of the database file. Those limits of mailboxes and stored bytes that it could not
    /// hold are lowered, with a warning. Default: 8 GiB.
    pub database_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_bytes: MESSAGE_BYTES,
            unbound_message_bytes: UNBOUND_MESSAGE_BYTES,
            incoming_bytes: INCOMING_BYTES,
            incoming_bytes_per_address: INCOMING_BYTES_PER_ADDRESS,
            claims: CLAIMS,
            failed_claims: FAILED_CLAIMS,
            lists: LISTS,
            nameplate_share: NAMEPLATE_SHARE,
            mailbox_messages: MAILBOX_MESSAGES,
            mailbox_bytes: MAILBOX_BYTES,
            mailboxes_per_address: MAILBOXES_PER_ADDRESS,
            mailboxes: MAILBOXES,
            stored_bytes: STORED_BYTES,
            stored_bytes_per_address: STORED_BYTES_PER_ADDRESS,
            outbox_bytes: OUTBOX_BYTES,
            outboxes_bytes: OUTBOXES_BYTES,
            outboxes_bytes_per_address: OUTBOXES_BYTES_PER_ADDRESS,
            database_bytes: DATABASE_BYTES,
        }
    }
}

/// Bytes of one client message, 1 MiB: what one stranger makes the server hold while it comes in.
const MESSAGE_BYTES: usize = MAX_FRAME;

/// Bytes of one client message before `bind`, 4 KiB: whoever has said nothing yet has nothing long to
/// say.
const UNBOUND_MESSAGE_BYTES: usize = 4 << 10;

/// Bytes of all clients' unfinished messages together, 256 MiB: many strangers can each begin a long
/// message and never end it.
const INCOMING_BYTES: usize = 256 << 20;

/// Bytes of the unfinished messages from one address, 16 MiB: or two strangers who never end theirs
/// could keep everybody else from saying anything long.
const INCOMING_BYTES_PER_ADDRESS: usize = 16 << 20;

/// Claims of one address: whoever tries nameplate after nameplate to see where somebody waits sees one a
/// second, and whoever makes them writes no more to the disk. At once it is more than an address may
/// have connections, so that all of them may claim again when a server has forgotten them; a pair
/// behind one address needs two, so that an office has thirty exchanges a minute without an end.
const CLAIMS: Rate = Rate { burst: 240, per_minute: 60 };

/// Failed claims of one address: whoever joins a stranger's exchange guesses the code with it, one time
/// in 65,536 rightly. So it is some 1,500 guesses a day, for which an address needs a month and a half
/// on average, if as many strangers wait. People who mistype codes, twenty of them behind one address
/// at the same time, do not notice.
const FAILED_CLAIMS: Rate = Rate { burst: 20, per_minute: 1 };

/// Lists for one address: each of them may be long, and tells who waits. A prompt that completes
/// nameplates asks once for each press of its key.
const LISTS: Rate = Rate { burst: 60, per_minute: 60 };

/// The part of an application's short nameplates that one address may hold: or one stranger could take
/// all nine single digits, and leave long codes to everybody else. With two thirds left, it takes three
/// addresses; a family that has three waiting gets two digits.
const NAMEPLATE_SHARE: usize = 3;

/// Messages of one mailbox: bounds how many small messages one pair can leave behind.
const MAILBOX_MESSAGES: usize = 4096;

/// Bytes of one mailbox's messages, 4 MiB: bounds what one pair can store.
const MAILBOX_BYTES: usize = 4 << 20;

/// Mailboxes that one address made and that still exist: bounds what one stranger can store.
const MAILBOXES_PER_ADDRESS: usize = 128;

/// Mailboxes of all addresses together: bounds what many strangers can store.
const MAILBOXES: usize = 200_000;

/// Bytes of all mailboxes' messages together, 1 GiB: they are held in memory, too.
const STORED_BYTES: usize = 1 << 30;

/// Bytes of messages that one address sent and that are still stored, 32 MiB: full mailboxes that
/// somebody listens to are never pruned, so without this one stranger could fill the server.
const STORED_BYTES_PER_ADDRESS: usize = 32 << 20;

/// Bytes that may wait for a client that reads too slowly, 8 MiB.
const OUTBOX_BYTES: usize = 8 << 20;

/// Bytes that may wait for all who read too slowly together, 256 MiB: many strangers from many
/// addresses can be slow at once.
const OUTBOXES_BYTES: usize = 256 << 20;

/// Bytes that may wait for those at one address who read too slowly, 32 MiB: or two strangers who
/// read nothing could keep everybody else from getting anything long.
const OUTBOXES_BYTES_PER_ADDRESS: usize = 32 << 20;

/// Nameplates that a `list` tells at most, the shortest first: one stranger's thousands must not
/// make the answer longer than the others' clients take.
///
/// ```
/// use wormhole_sync_server::{config::LISTED_NAMEPLATES, exchange::embedded::Embedded};
///
/// # use wormhole_sync_server::{Limits, exchange::{Client, ConnectionId, Exchange}};
/// # let (connection, app, side) = (ConnectionId(1), "example.com/chat".into(), "a".into());
/// # let client = Client { connection, app, side, address: None };
/// # let mut exchange = Embedded::new(Limits::default(), [1; 32]);
/// for number in 0..LISTED_NAMEPLATES + 7 {
///     # let number = wormhole_sync_wire::Nameplate::new(number.to_string()).unwrap();
///     exchange.claim(&client, &number, None, 0.0)?;
/// }
/// assert_eq!(exchange.list(&client, 0.0)?.len(), LISTED_NAMEPLATES);
/// # Ok::<(), wormhole_sync_wire::Refusal>(())
/// ```
pub const LISTED_NAMEPLATES: usize = 10_000;

/// Bytes of the database file, 8 GiB: the disk belongs to others, too.
const DATABASE_BYTES: u64 = 8 << 30;

/// Hashcash stamps that are remembered so that each is good once.
///
/// ```
/// use wormhole_sync_server::{config::REMEMBERED_STAMPS, exchange::{Exchange, embedded::Embedded}};
///
/// # use wormhole_sync_server::Limits;
/// let mut exchange = Embedded::new(Limits::default(), [1; 32]);
/// assert!(exchange.spend([0xff; 20], 20_000));
/// for number in 1..REMEMBERED_STAMPS {
///     let mut stamp = [0; 20];
///     stamp[..8].copy_from_slice(&number.to_le_bytes());
///     exchange.spend(stamp, 20_000);
/// }
/// assert!(!exchange.spend([0xff; 20], 20_000)); // still known
/// ```
pub const REMEMBERED_STAMPS: usize = 65_536;
