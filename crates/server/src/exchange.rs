//! Where two clients meet: nameplates, mailboxes and who listens to them.
//!
//! [`Exchange`] is what a [session](crate::session) speaks to, and all that it knows.
//! [`Embedded`](embedded::Embedded) is the exchange of a single server, in memory; what it changes
//! it also writes into a [journal](journal::Entry), from which a [store](crate::store) keeps it. An
//! engine that several servers share would be another implementation of the same verbs.
//!
//! Everything here is a function of its inputs: time and the random seed are arguments.

mod app;
pub mod embedded;
mod guess;
pub mod journal;
mod ledger;
mod load;
mod mailbox;
mod nameplate;
mod random;
mod rates;
pub mod sides;
mod stamps;
pub mod usage;

use std::{borrow::Cow, sync::Arc};

use wormhole_sync_wire::{MailboxId, Mood, Nameplate, Refusal};

use crate::address::Address;

/// One connection, under a number that is never used again while the server runs.
///
/// ```
/// use wormhole_sync_server::exchange::ConnectionId;
///
/// let accepted: Vec<_> = (1..).map(ConnectionId).take(2).collect();
/// assert_eq!(accepted, [ConnectionId(1), ConnectionId(2)]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// Who speaks: a connection that has bound itself to an application and a side.
///
/// ```
/// use wormhole_sync_server::exchange::{Client, ConnectionId, Exchange, embedded::Embedded};
///
/// let client = Client {
///     connection: ConnectionId(1),
///     app: "example.com/chat".into(),
///     side: "5e1f0a9c77d2b364".into(),
///     address: None,
/// };
/// # let mut exchange = Embedded::new(wormhole_sync_server::Limits::default(), [1; 32]);
/// assert_eq!(exchange.allocate(&client, 0.0)?.as_str().len(), 1); // one digit
/// # Ok::<(), wormhole_sync_wire::Refusal>(())
/// ```
#[derive(Clone, Debug)]
pub struct Client {
    /// The connection.
    pub connection: ConnectionId,
    /// The application's id.
    pub app: Arc<str>,
    /// The side.
    pub side: Arc<str>,
    /// The address that mailboxes count against; `None` when it is exempt.
    pub address: Option<Address>,
}

/// A message of a mailbox, as it is stored and sent.
///
/// ```
/// use wormhole_sync_server::exchange::Message;
///
/// let (side, phase, body) = ("5e1f".into(), "0".into(), "c0ffee".into());
/// let message = Message { side, phase, body, server_rx: 7.5, id: Some("\"a1\"".into()) };
/// assert_eq!(message.id.as_deref(), Some(r#""a1""#)); // JSON, as it came
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Who added it.
    pub side: Arc<str>,
    /// Its phase's name.
    pub phase: Box<str>,
    /// Its body, as it came.
    pub body: Box<str>,
    /// When it came, in Unix seconds.
    pub server_rx: f64,
    /// The JSON text of the `id` of the `add` behind it.
    pub id: Option<Box<str>>,
}

/// What an `add` brings.
///
/// ```
/// use wormhole_sync_server::exchange::Addition;
///
/// let addition = Addition { phase: "0".into(), body: "c0ffee".into(), id: Some(r#""a1""#) };
/// assert!(matches!(addition.phase, std::borrow::Cow::Borrowed("0"))); // out of the frame
/// ```
#[derive(Clone, Debug)]
pub struct Addition<'a> {
    /// The phase's name.
    pub phase: Cow<'a, str>,
    /// The body.
    pub body: Cow<'a, str>,
    /// The JSON text of the message's `id`.
    pub id: Option<&'a str>,
}

/// A message that is to be sent to every connection that listens, its sender's own included.
///
/// ```
/// use wormhole_sync_server::exchange::{Broadcast, ConnectionId, Message};
///
/// # let (side, phase, body) = ("5e1f".into(), "0".into(), "c0ffee".into());
/// # let message = Message { side, phase, body, server_rx: 7.5, id: None }.into();
/// let broadcast = Broadcast { message, subscribers: vec![ConnectionId(1), ConnectionId(2)] };
/// let to_send = broadcast.subscribers.iter().map(|to| (to, &broadcast.message.body));
/// assert_eq!(to_send.count(), 2);
/// ```
#[derive(Clone, Debug)]
pub struct Broadcast {
    /// The message.
    pub message: Arc<Message>,
    /// Who listens, in the order in which they opened.
    pub subscribers: Vec<ConnectionId>,
}

/// The verbs that a session speaks. Names are scoped by application. `now` is in Unix seconds.
///
/// A verb that returns a [`Refusal`] has changed nothing, but for what is counted against its address.
///
/// ```
/// use wormhole_sync_server::Limits;
/// use wormhole_sync_server::exchange::{Addition, Client, ConnectionId, Exchange, embedded::Embedded};
///
/// let mut exchange = Embedded::new(Limits::default(), [1; 32]);
/// let client = |number, side: &str| Client {
///     connection: ConnectionId(number),
///     app: "example.com/chat".into(),
///     side: side.into(),
///     address: None,
/// };
///
/// // two clients meet behind a nameplate …
/// let (one, other) = (client(1, "a"), client(2, "b"));
/// let nameplate = exchange.allocate(&one, 0.0)?;
/// let mailbox = exchange.claim(&one, &nameplate, None, 0.0)?;
/// assert_eq!(exchange.claim(&other, &nameplate, None, 0.0)?, mailbox);
/// assert_eq!(exchange.claim(&client(3, "c"), &nameplate, None, 0.0).unwrap_err().0, "crowded");
///
/// // … and let it go, for they have the mailbox …
/// assert_eq!(exchange.list(&one, 0.0)?, [nameplate.clone()]);
/// exchange.release(&one, &nameplate, 0.0)?;
/// exchange.release(&other, &nameplate, 0.0)?;
/// assert!(exchange.list(&one, 1.0)?.is_empty());
///
/// // … in which they leave messages for one another, until both have closed it.
/// assert!(exchange.open(&one, &mailbox, 0.0)?.is_empty());
/// let addition = Addition { phase: "0".into(), body: "c0ffee".into(), id: None };
/// assert_eq!(exchange.add(&one, &mailbox, addition, 0.0)?.subscribers, [one.connection]);
/// exchange.leave(&one, &mailbox, 1.0); // its connection is lost
/// assert_eq!(&*exchange.open(&other, &mailbox, 2.0)?[0].body, "c0ffee");
/// exchange.close(&one, &mailbox, None, 3.0)?;
/// exchange.close(&other, &mailbox, None, 3.0)?;
/// assert_eq!(exchange.mailboxes(), 0);
/// # Ok::<(), wormhole_sync_wire::Refusal>(())
/// ```
pub trait Exchange {
    /// One shared copy of an application's id.
    ///
    /// ```
    /// use wormhole_sync_server::{Limits, exchange::{Exchange, embedded::Embedded}};
    ///
    /// let exchange = Embedded::new(Limits::default(), [1; 32]);
    /// assert_eq!(&*exchange.share("example.com/chat"), "example.com/chat");
    /// ```
    fn share(&self, app: &str) -> Arc<str>;

    /// Notes that a client has said who it is, and of which program and version it is, if it told.
    ///
    /// ```
    /// # use wormhole_sync_server::{Limits, exchange::{Client, ConnectionId, Exchange, embedded::Embedded}};
    /// # let mut exchange = Embedded::new(Limits::default(), [1; 32]);
    /// # let (connection, app, side) = (ConnectionId(1), "chat".into(), "a".into());
    /// # let one = Client { connection, app, side, address: None };
    /// exchange.greet(&one, Some(("chat", "1.4.2")), 0.0);
    /// assert_eq!(exchange.take_greetings().len(), 1);
    /// ```
    fn greet(&mut self, client: &Client, program: Option<(&str, &str)>, now: f64);

    /// Whether a hashcash stamp of this digest, made on this day (days since 1970), is new. From
    /// then on it is not.
    ///
    /// ```
    /// use wormhole_sync_server::{Limits, exchange::{Exchange, embedded::Embedded}};
    ///
    /// let mut exchange = Embedded::new(Limits::default(), [1; 32]);
    /// assert!(exchange.spend([7; 20], 20_000));
    /// assert!(!exchange.spend([7; 20], 20_000)); // each is good once
    /// ```
    fn spend(&mut self, stamp: [u8; 20], day: i64) -> bool;

    /// The nameplates in use, sorted as strings; at most
    /// [`LISTED_NAMEPLATES`](crate::config::LISTED_NAMEPLATES), the shortest.
    ///
    /// ```
    /// # use wormhole_sync_server::{Limits, exchange::{Client, ConnectionId, Exchange, embedded::Embedded}};
    /// # let mut exchange = Embedded::new(Limits::default(), [1; 32]);
    /// # let (connection, app, side) = (ConnectionId(1), "chat".into(), "a".into());
    /// # let one = Client { connection, app, side, address: None };
    /// let nameplate = exchange.allocate(&one, 0.0)?;
    /// assert_eq!(exchange.list(&one, 1.0)?, [nameplate]);
    /// # Ok::<(), wormhole_sync_wire::Refusal>(())
    /// ```
    fn list(&mut self, client: &Client, now: f64) -> Result<Vec<Nameplate>, Refusal>;

    /// Claims a free nameplate: the one that this side allocated before and still holds, else a
    /// random one of the fewest digits that any free one has.
    ///
    /// ```
    /// # use wormhole_sync_server::{Limits, exchange::{Client, ConnectionId, Exchange, embedded::Embedded}};
    /// # let mut exchange = Embedded::new(Limits::default(), [1; 32]);
    /// # let (connection, app, side) = (ConnectionId(1), "chat".into(), "a".into());
    /// # let one = Client { connection, app, side, address: None };
    /// let nameplate = exchange.allocate(&one, 0.0)?;
    /// assert_eq!(nameplate.as_str().len(), 1); // nearly all are free
    /// assert_eq!(exchange.allocate(&one, 1.0)?, nameplate); // its answer may have been lost
    /// # Ok::<(), wormhole_sync_wire::Refusal>(())
    /// ```
    fn allocate(&mut self, client: &Client, now: f64) -> Result<Nameplate, Refusal>;

    /// Claims a nameplate, which is made when it is not there, and opens its mailbox. Claiming
    /// again is no error, unless the side has released it, and counts against no limit.
    ///
    /// Joining a side that waits counts as a [failed claim](crate::Limits::failed_claims) until that
    /// side goes on with it.
    ///
    /// A nameplate that has to be made stands for the mailbox `known`, when one is named that this
    /// side may open: the side claimed it before, and the server has forgotten the claim.
    ///
    /// ```
    /// # use wormhole_sync_server::{Limits, exchange::{Client, ConnectionId, Exchange, embedded::Embedded}};
    /// # let mut exchange = Embedded::new(Limits::default(), [1; 32]);
    /// # let client = |number, side: &str| Client {
    /// #     connection: ConnectionId(number), app: "chat".into(), side: side.into(), address: None,
    /// # };
    /// # let (one, other) = (client(1, "a"), client(2, "b"));
    /// let nameplate = wormhole_sync_wire::Nameplate::new("7").unwrap();
    /// let mailbox = exchange.claim(&one, &nameplate, None, 0.0)?;
    /// assert_eq!(exchange.claim(&other, &nameplate, None, 1.0)?, mailbox);
    /// # Ok::<(), wormhole_sync_wire::Refusal>(())
    /// ```
    fn claim(
        &mut self,
        client: &Client,
        nameplate: &Nameplate,
        known: Option<&MailboxId>,
        now: f64,
    ) -> Result<MailboxId, Refusal>;

    /// Lets a nameplate go. The last one to do so ends it. An unknown one is no error.
    ///
    /// ```
    /// # use wormhole_sync_server::{Limits, exchange::{Client, ConnectionId, Exchange, embedded::Embedded}};
    /// # let mut exchange = Embedded::new(Limits::default(), [1; 32]);
    /// # let (connection, app, side) = (ConnectionId(1), "chat".into(), "a".into());
    /// # let one = Client { connection, app, side, address: None };
    /// let nameplate = exchange.allocate(&one, 0.0)?;
    /// exchange.release(&one, &nameplate, 1.0)?;
    /// assert!(exchange.list(&one, 1.0)?.is_empty());
    /// # Ok::<(), wormhole_sync_wire::Refusal>(())
    /// ```
    fn release(&mut self, client: &Client, nameplate: &Nameplate, now: f64) -> Result<(), Refusal>;

    /// Opens a mailbox, which is made when it is not there, and listens: what it holds is
    /// returned, what comes later is broadcast.
    ///
    /// ```
    /// # use wormhole_sync_server::{Limits, exchange::{Client, ConnectionId, Exchange, embedded::Embedded}};
    /// # let mut exchange = Embedded::new(Limits::default(), [1; 32]);
    /// # let (connection, app, side) = (ConnectionId(1), "chat".into(), "a".into());
    /// # let one = Client { connection, app, side, address: None };
    /// let mailbox = wormhole_sync_wire::MailboxId::new("m").unwrap();
    /// assert!(exchange.open(&one, &mailbox, 0.0)?.is_empty());
    /// assert_eq!(exchange.mailboxes(), 1);
    /// # Ok::<(), wormhole_sync_wire::Refusal>(())
    /// ```
    fn open(
        &mut self,
        client: &Client,
        mailbox: &MailboxId,
        now: f64,
    ) -> Result<Vec<Arc<Message>>, Refusal>;

    /// Adds a message to a mailbox that the client opened.
    ///
    /// ```
    /// # use wormhole_sync_server::{Limits, exchange::{Addition, Client, ConnectionId, Exchange, embedded::Embedded}};
    /// # let mut exchange = Embedded::new(Limits::default(), [1; 32]);
    /// # let client = |number, side: &str| Client {
    /// #     connection: ConnectionId(number), app: "chat".into(), side: side.into(), address: None,
    /// # };
    /// # let (one, other) = (client(1, "a"), client(2, "b"));
    /// let mailbox = wormhole_sync_wire::MailboxId::new("m").unwrap();
    /// exchange.open(&one, &mailbox, 0.0)?;
    /// exchange.open(&other, &mailbox, 0.0)?;
    /// let addition = Addition { phase: "pake".into(), body: "c0ffee".into(), id: None };
    /// let broadcast = exchange.add(&one, &mailbox, addition, 1.0)?;
    /// assert_eq!(broadcast.subscribers, [one.connection, other.connection]);
    /// # Ok::<(), wormhole_sync_wire::Refusal>(())
    /// ```
    fn add(
        &mut self,
        client: &Client,
        mailbox: &MailboxId,
        addition: Addition<'_>,
        now: f64,
    ) -> Result<Broadcast, Refusal>;

    /// Lets a mailbox go, and stops listening. A side that never opened it opens it first. When no
    /// side is left, the mailbox ends with its messages and its nameplate. An unknown one is no
    /// error.
    ///
    /// ```
    /// # use wormhole_sync_server::{Limits, exchange::{Client, ConnectionId, Exchange, embedded::Embedded}};
    /// # let mut exchange = Embedded::new(Limits::default(), [1; 32]);
    /// # let (connection, app, side) = (ConnectionId(1), "chat".into(), "a".into());
    /// # let one = Client { connection, app, side, address: None };
    /// let mailbox = wormhole_sync_wire::MailboxId::new("m").unwrap();
    /// exchange.open(&one, &mailbox, 0.0)?;
    /// exchange.close(&one, &mailbox, None, 1.0)?;
    /// assert_eq!(exchange.mailboxes(), 0);
    /// # Ok::<(), wormhole_sync_wire::Refusal>(())
    /// ```
    fn close(
        &mut self,
        client: &Client,
        mailbox: &MailboxId,
        mood: Option<Mood>,
        now: f64,
    ) -> Result<(), Refusal>;

    /// Stops listening, for the connection is gone. The side stays.
    ///
    /// ```
    /// # use wormhole_sync_server::{Limits, exchange::{Client, ConnectionId, Exchange, embedded::Embedded}};
    /// # let mut exchange = Embedded::new(Limits::default(), [1; 32]);
    /// # let (connection, app, side) = (ConnectionId(1), "chat".into(), "a".into());
    /// # let one = Client { connection, app, side, address: None };
    /// let mailbox = wormhole_sync_wire::MailboxId::new("m").unwrap();
    /// exchange.open(&one, &mailbox, 0.0)?;
    /// exchange.leave(&one, &mailbox, 1.0);
    /// assert_eq!(exchange.mailboxes(), 1); // it may come back
    /// # Ok::<(), wormhole_sync_wire::Refusal>(())
    /// ```
    fn leave(&mut self, client: &Client, mailbox: &MailboxId, now: f64);
}
