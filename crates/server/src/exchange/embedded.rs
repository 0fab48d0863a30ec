//! The exchange of a single server: all state in memory, each change in a journal.

use std::{collections::BTreeMap, sync::Arc};

use wormhole_sync_wire::{MailboxId, Mood, Nameplate, Refusal};

use super::{
    Addition, Broadcast, Client, ConnectionId, Exchange, Message,
    app::App,
    journal::{Entry, Snapshot},
    ledger::Ledger,
    load::Load,
    mailbox::{Mailbox, cost},
    nameplate::Plate,
    random::Random,
    rates::Deed,
    stamps::SpentStamps,
    usage::{Ending, Greeting},
};
use crate::{
    address::Address,
    config::{Limits, Refused},
};

/// Seconds of a day.
const DAY: f64 = 86_400.0;

/// The exchange of a single server.
///
/// After each verb, [`take_journal`](Self::take_journal) gives what changed. A caller that stores
/// it must not let the verb's answer out before it is stored.
///
/// ```
/// use wormhole_sync_server::exchange::embedded::Embedded;
///
/// # use wormhole_sync_server::{Limits, exchange::{Client, ConnectionId, Exchange}};
/// # let (connection, app, side) = (ConnectionId(1), "example.com/chat".into(), "a".into());
/// # let client = Client { connection, app, side, address: None };
/// let mut exchange = Embedded::new(Limits::default(), [1; 32]);
/// let nameplate = exchange.allocate(&client, 0.0)?;
/// let journal = exchange.take_journal();
/// assert_eq!(journal.len(), 2); // a mailbox and its nameplate: store them, and answer then
/// # Ok::<(), wormhole_sync_wire::Refusal>(())
/// ```
pub struct Embedded {
    apps: BTreeMap<Arc<str>, App>,
    ledger: Ledger,
    stamps: SpentStamps,
    load: Load,
}

/// What an exchange holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Inventory {
    pub(crate) nameplates: usize,
    /// Mailboxes in which one side waits for another.
    pub(crate) waiting: usize,
    /// Mailboxes with two sides.
    pub(crate) paired: usize,
    /// Bytes of their messages.
    pub(crate) stored_bytes: usize,
}

impl Embedded {
    /// An empty exchange. Who knows `seed` can predict mailbox ids.
    ///
    /// ```
    /// use wormhole_sync_server::{Limits, exchange::embedded::Embedded};
    ///
    /// let exchange = Embedded::new(Limits::default(), [1; 32]);
    /// assert_eq!(exchange.mailboxes(), 0);
    /// ```
    pub fn new(limits: Limits, seed: [u8; 32]) -> Self {
        Self {
            apps: BTreeMap::new(),
            ledger: Ledger::new(limits, Random::new(seed)),
            stamps: SpentStamps::default(),
            load: Load::default(),
        }
    }

    /// Starts over from what a store holds. Every mailbox counts as touched `now`, for nobody could
    /// connect while the server was away.
    ///
    /// Connections that `keeps` says yes to go on listening to the mailboxes that are still there.
    ///
    /// ```
    /// use wormhole_sync_server::exchange::embedded::Embedded;
    ///
    /// # use wormhole_sync_server::exchange::journal::{Entry, Snapshot};
    /// # use wormhole_sync_server::{Limits, exchange::{Client, ConnectionId, Exchange}};
    /// # let (connection, app, side) = (ConnectionId(1), "example.com/chat".into(), "a".into());
    /// # let client = Client { connection, app, side, address: None };
    /// # let mut exchange = Embedded::new(Limits::default(), [1; 32]);
    /// # let nameplate = exchange.allocate(&client, 0.0)?;
    /// # let mut snapshot = Snapshot::default();
    /// # for entry in exchange.take_journal() {
    /// #     match entry {
    /// #         Entry::PutMailbox(row) => snapshot.mailboxes.push(row),
    /// #         Entry::PutNameplate(row) => snapshot.nameplates.push(row),
    /// #         _ => {}
    /// #     }
    /// # }
    /// let mut restarted = Embedded::new(Limits::default(), [2; 32]);
    /// restarted.restore(snapshot, |_| false, 60.0); // what a store held
    /// assert_eq!(restarted.list(&client, 60.0)?, [nameplate]);
    /// # Ok::<(), wormhole_sync_wire::Refusal>(())
    /// ```
    pub fn restore(&mut self, snapshot: Snapshot, keeps: impl Fn(ConnectionId) -> bool, now: f64) {
        let before = std::mem::take(&mut self.apps);
        self.ledger.start_over();
        self.restore_mailboxes(snapshot, &before, keeps, now);
    }

    /// The changes since the last time, in order.
    ///
    /// ```
    /// use wormhole_sync_server::exchange::embedded::Embedded;
    ///
    /// # use wormhole_sync_server::{Limits, exchange::{Client, ConnectionId, Exchange}};
    /// # let (connection, app, side) = (ConnectionId(1), "example.com/chat".into(), "a".into());
    /// # let client = Client { connection, app, side, address: None };
    /// # let mut exchange = Embedded::new(Limits::default(), [1; 32]);
    /// exchange.allocate(&client, 0.0)?;
    /// assert!(!exchange.take_journal().is_empty());
    /// assert!(exchange.take_journal().is_empty()); // taken already
    /// # Ok::<(), wormhole_sync_wire::Refusal>(())
    /// ```
    pub fn take_journal(&mut self) -> Vec<Entry> {
        std::mem::take(&mut self.ledger.journal)
    }

    /// The mailboxes and nameplates that ended since the last time.
    ///
    /// ```
    /// use wormhole_sync_server::exchange::{embedded::Embedded, usage::Outcome};
    ///
    /// # use wormhole_sync_server::{Limits, exchange::{Client, ConnectionId, Exchange}};
    /// # let (connection, app, side) = (ConnectionId(1), "example.com/chat".into(), "a".into());
    /// # let client = Client { connection, app, side, address: None };
    /// # let mut exchange = Embedded::new(Limits::default(), [1; 32]);
    /// # let nameplate = exchange.allocate(&client, 0.0)?;
    /// let mailbox = exchange.claim(&client, &nameplate, None, 0.0)?;
    /// exchange.close(&client, &mailbox, None, 30.0)?; // nobody came
    /// let endings = exchange.take_endings(); // of the mailbox, and with it of its nameplate
    /// assert_eq!((endings[0].outcome, endings[0].total), (Outcome::Lonely, 30.0));
    /// assert_eq!((endings[1].outcome, endings[1].total), (Outcome::Lonely, 30.0));
    /// # Ok::<(), wormhole_sync_wire::Refusal>(())
    /// ```
    pub fn take_endings(&mut self) -> Vec<Ending> {
        std::mem::take(&mut self.ledger.endings)
    }

    /// The clients that said who they are since the last time.
    ///
    /// ```
    /// use wormhole_sync_server::exchange::embedded::Embedded;
    ///
    /// # use wormhole_sync_server::{Limits, exchange::{Client, ConnectionId, Exchange}};
    /// # let (connection, app, side) = (ConnectionId(1), "example.com/chat".into(), "a".into());
    /// # let client = Client { connection, app, side, address: None };
    /// # let mut exchange = Embedded::new(Limits::default(), [1; 32]);
    /// exchange.greet(&client, None, 7.5);
    /// assert_eq!(exchange.take_greetings()[0].time, 7.5);
    /// assert!(exchange.take_greetings().is_empty()); // taken already
    /// ```
    pub fn take_greetings(&mut self) -> Vec<Greeting> {
        std::mem::take(&mut self.ledger.greetings)
    }

    /// Ends the mailboxes that nobody listens to and nobody has touched for `idle` seconds.
    ///
    /// ```
    /// use wormhole_sync_server::exchange::embedded::Embedded;
    ///
    /// # use wormhole_sync_server::{Limits, exchange::{Client, ConnectionId, Exchange}};
    /// # let (connection, app, side) = (ConnectionId(1), "example.com/chat".into(), "a".into());
    /// # let client = Client { connection, app, side, address: None };
    /// # let mut exchange = Embedded::new(Limits::default(), [1; 32]);
    /// exchange.allocate(&client, 0.0)?; // and nobody ever opens it
    /// exchange.prune(660.0, 600.0);
    /// assert_eq!(exchange.mailboxes(), 1);
    /// exchange.prune(660.0, 700.0);
    /// assert_eq!(exchange.mailboxes(), 0);
    /// # Ok::<(), wormhole_sync_wire::Refusal>(())
    /// ```
    pub fn prune(&mut self, idle: f64, now: f64) {
        let Self { apps, ledger, .. } = self;
        apps.retain(|_, app| {
            app.prune(now - idle, ledger, now);
            !app.is_empty()
        });
        #[expect(clippy::cast_possible_truncation, reason = "days since 1970 are few")]
        self.stamps.forget_before((now / DAY) as i64 - 3);
    }

    /// The clock that `now` comes from was set by so many seconds. Nothing is longer ago for that, nor
    /// less long; what was told stays told.
    pub(crate) fn clock_was_set(&mut self, by: f64) {
        self.load.clock_was_set(by);
        self.ledger.clock_was_set(by);
        for app in self.apps.values_mut() {
            app.mailboxes.values_mut().for_each(|mailbox| mailbox.clock_was_set(by));
        }
    }

    /// How many mailboxes there are.
    ///
    /// ```
    /// use wormhole_sync_server::exchange::embedded::Embedded;
    ///
    /// # use wormhole_sync_server::{Limits, exchange::{Client, ConnectionId, Exchange}};
    /// # let (connection, app, side) = (ConnectionId(1), "example.com/chat".into(), "a".into());
    /// # let client = Client { connection, app, side, address: None };
    /// # let mut exchange = Embedded::new(Limits::default(), [1; 32]);
    /// exchange.allocate(&client, 0.0)?;
    /// assert_eq!(exchange.mailboxes(), 1);
    /// # Ok::<(), wormhole_sync_wire::Refusal>(())
    /// ```
    pub fn mailboxes(&self) -> usize {
        self.ledger.mailboxes()
    }

    /// What there is at this moment, all counted.
    pub(crate) fn inventory(&self) -> Inventory {
        let mut inventory =
            Inventory { stored_bytes: self.ledger.stored_bytes(), ..Inventory::default() };
        for app in self.apps.values() {
            inventory.nameplates += app.nameplates.len();
            for mailbox in app.mailboxes.values() {
                match mailbox.sides.iter().count() {
                    2 => inventory.paired += 1,
                    _ => inventory.waiting += 1,
                }
            }
        }
        inventory
    }

    /// Counts one more client that is about to be welcomed. How many come a second, smoothed over some
    /// ten seconds.
    ///
    /// ```
    /// use wormhole_sync_server::{Limits, exchange::embedded::Embedded};
    ///
    /// let mut exchange = Embedded::new(Limits::default(), [1; 32]);
    /// let load = (0..6000).map(|number| exchange.welcomed(f64::from(number) / 100.0)).last().unwrap();
    /// assert_eq!(load.round(), 100.0); // as many come in a second
    /// ```
    pub fn welcomed(&mut self, now: f64) -> f64 {
        self.load.welcomed(now)
    }

    /// How many clients come a second.
    pub(crate) fn load(&self, now: f64) -> f64 {
        self.load.now(now)
    }

    /// How often each limit was met.
    pub(crate) const fn refused(&self) -> &Refused {
        &self.ledger.refused
    }

    /// What a store of all this would hold.
    #[cfg(test)]
    pub(crate) fn snapshot(&self) -> Snapshot {
        let mut snapshot = Snapshot::default();
        for app in self.apps.values() {
            app.snapshot(&mut snapshot);
        }
        snapshot.mailboxes.sort_by_key(|row| row.row);
        snapshot.nameplates.sort_by_key(|row| row.row);
        snapshot.messages.sort_by_key(|(row, _)| *row);
        snapshot
    }

    /// Lets a verb work on the client's application, which is there only while it holds something.
    fn within<T>(&mut self, client: &Client, verb: impl FnOnce(&mut App, &mut Ledger) -> T) -> T {
        let Self { apps, ledger, .. } = self;
        if let Some(app) = apps.get_mut(&client.app) {
            let result = verb(app, ledger);
            if app.is_empty() {
                apps.remove(&client.app);
            }
            return result;
        }
        let mut app = App::new(Arc::clone(&client.app));
        let result = verb(&mut app, ledger);
        if !app.is_empty() {
            apps.insert(Arc::clone(&client.app), app);
        }
        result
    }

    fn restore_mailboxes(
        &mut self,
        snapshot: Snapshot,
        before: &BTreeMap<Arc<str>, App>,
        keeps: impl Fn(ConnectionId) -> bool,
        now: f64,
    ) {
        let mut names = BTreeMap::new();
        for stored in snapshot.mailboxes {
            let old = before.get(&stored.app).and_then(|app| app.mailboxes.get(&stored.name));
            let owner: Option<Address> = old.and_then(|old| old.owner);
            let mut mailbox = Mailbox::new(stored.row, owner, now);
            mailbox.sides = stored.sides;
            mailbox.subscribers = old.map(|old| old.subscribers.clone()).unwrap_or_default();
            mailbox.subscribers.retain(|connection| keeps(*connection));
            mailbox.guess = old.and_then(|old| old.guess.clone());
            self.ledger.next_row = self.ledger.next_row.max(stored.row + 1);
            self.ledger.mailbox_made(owner);
            names.insert(stored.row, (Arc::clone(&stored.app), stored.name.clone()));
            self.app(&stored.app).mailboxes.insert(stored.name, Box::new(mailbox));
        }
        for (row, message) in snapshot.messages {
            let Some((app, name)) = names.get(&row) else { continue };
            let old = before.get(app).and_then(|app| app.mailboxes.get(name));
            let bytes = cost(&message);
            let Some(mailbox) = self.app(app).mailboxes.get_mut(name) else { continue };
            // Replays that go on refer to the messages that were in memory.
            let number = mailbox.messages.len();
            let same = old.and_then(|old| old.messages.get(number).zip(old.senders.get(number)));
            let same = same.filter(|(old, _)| ***old == message);
            let sender = same.and_then(|(_, sender)| *sender);
            let same = same.map(|(old, _)| Arc::clone(old));
            mailbox.push(same.unwrap_or_else(|| Arc::new(message)), sender);
            mailbox.updated = now;
            self.ledger.message_stored(sender, bytes);
        }
        for stored in snapshot.nameplates {
            self.ledger.next_row = self.ledger.next_row.max(stored.row + 1);
            let Some((app, mailbox)) = names.get(&stored.mailbox) else { continue };
            let old = before.get(app).and_then(|app| app.nameplates.get(&stored.name));
            let plate = Plate {
                row: stored.row,
                mailbox: mailbox.clone(),
                allocated: stored.allocated,
                owner: old.and_then(|old| old.owner),
                sides: stored.sides,
                crowded: false,
            };
            self.app(app).restore_nameplate(stored.name, plate);
        }
    }

    fn app(&mut self, id: &Arc<str>) -> &mut App {
        self.apps.entry(Arc::clone(id)).or_insert_with(|| App::new(Arc::clone(id)))
    }
}

impl Exchange for Embedded {
    fn share(&self, app: &str) -> Arc<str> {
        self.apps.get(app).map_or_else(|| app.into(), |known| Arc::clone(&known.id))
    }

    fn greet(&mut self, client: &Client, program: Option<(&str, &str)>, now: f64) {
        self.ledger.greetings.push(Greeting {
            app: Arc::clone(&client.app),
            side: Arc::clone(&client.side),
            time: now,
            program: program.map(|(name, version)| (name.into(), version.into())),
        });
    }

    fn spend(&mut self, stamp: [u8; 20], day: i64) -> bool {
        self.stamps.spend(stamp, day)
    }

    fn list(&mut self, client: &Client, now: f64) -> Result<Vec<Nameplate>, Refusal> {
        self.ledger.charge(Deed::List, client.address, now)?;
        Ok(self.apps.get(&client.app).map_or_else(Vec::new, App::list))
    }

    fn allocate(&mut self, client: &Client, now: f64) -> Result<Nameplate, Refusal> {
        self.within(client, |app, ledger| app.allocate(client, ledger, now))
    }

    fn claim(
        &mut self,
        client: &Client,
        nameplate: &Nameplate,
        known: Option<&MailboxId>,
        now: f64,
    ) -> Result<MailboxId, Refusal> {
        self.within(client, |app, ledger| app.claim(client, nameplate, known, ledger, now))
    }

    fn release(&mut self, client: &Client, nameplate: &Nameplate, now: f64) -> Result<(), Refusal> {
        self.within(client, |app, ledger| app.release(client, nameplate, ledger, now));
        Ok(())
    }

    fn open(
        &mut self,
        client: &Client,
        mailbox: &MailboxId,
        now: f64,
    ) -> Result<Vec<Arc<Message>>, Refusal> {
        self.within(client, |app, ledger| app.open(client, mailbox, ledger, now))
    }

    fn add(
        &mut self,
        client: &Client,
        mailbox: &MailboxId,
        addition: Addition<'_>,
        now: f64,
    ) -> Result<Broadcast, Refusal> {
        let message = Message {
            side: Arc::clone(&client.side),
            phase: addition.phase.into(),
            body: addition.body.into(),
            server_rx: now,
            id: addition.id.map(Into::into),
        };
        self.within(client, |app, ledger| app.add(client, mailbox, message, ledger))
    }

    fn close(
        &mut self,
        client: &Client,
        mailbox: &MailboxId,
        mood: Option<Mood>,
        now: f64,
    ) -> Result<(), Refusal> {
        self.within(client, |app, ledger| app.close(client, mailbox, mood, ledger, now))
    }

    fn leave(&mut self, client: &Client, mailbox: &MailboxId, now: f64) {
        let app = self.apps.get_mut(&client.app);
        if let Some(mailbox) = app.and_then(|app| app.mailboxes.get_mut(mailbox)) {
            mailbox.unsubscribe(client.connection);
            mailbox.updated = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Rate;

    #[test]
    fn a_clock_that_is_set_gives_nobody_more_and_takes_nothing_from_anybody() {
        for by in [1e9, -1e9] {
            let lists = Rate { burst: 1, per_minute: 1 };
            let mut exchange = Embedded::new(Limits { lists, ..Limits::default() }, [1; 32]);
            let (connection, app, side) = (ConnectionId(1), "chat".into(), "a".into());
            let address = Some(Address::of([192, 0, 2, 1].into()));
            let client = Client { connection, app, side, address };
            let start = 2e9;
            let mailbox = MailboxId::new("m").unwrap();
            exchange.open(&client, &mailbox, start).unwrap();
            exchange.list(&client, start).unwrap();
            let load = exchange.welcomed(start);

            exchange.clock_was_set(by);
            let now = start + by;
            assert!((exchange.load(now) - load).abs() < 1e-9);
            assert!(exchange.list(&client, now + 30.0).is_err());
            exchange.list(&client, now + 61.0).unwrap();
            exchange.leave(&client, &mailbox, now + 61.0);
            exchange.prune(60.0, now + 120.0);
            assert_eq!(exchange.mailboxes(), 1);
            exchange.prune(60.0, now + 122.0);
            let ending = &exchange.take_endings()[0];
            assert!((ending.total - 122.0).abs() < 1e-3, "{ending:?}");
        }
    }

    #[test]
    fn what_was_stored_by_a_clock_that_was_wrong_did_not_last_for_less_than_nothing() {
        let (connection, app, side) = (ConnectionId(1), "chat".into(), "a".into());
        let client = Client { connection, app, side, address: None };
        let mut exchange = Embedded::new(Limits::default(), [1; 32]);
        exchange.allocate(&client, 2e9).unwrap();
        let snapshot = exchange.snapshot();
        let mut restarted = Embedded::new(Limits::default(), [2; 32]);
        restarted.restore(snapshot, |_| false, 100.0); // a board that does not know the time yet
        restarted.prune(60.0, 200.0);
        let totals: Vec<_> = restarted.take_endings().iter().map(|ending| ending.total).collect();
        assert_eq!(totals, [0.0, 0.0]);
    }
}
