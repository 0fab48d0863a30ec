//! This side of the mailbox server: what is wanted of it, what it has confirmed, and the
//! connection in between.
//!
//! For each thing that lives on the server the machine keeps what is wanted and what is confirmed.
//! After every (re)connection `Mailbox::resync` says again what is not yet confirmed; nobody
//! enumerates which message may have been lost at which moment.
//!
//! A server that comes back having forgotten everything is healed in the same way. After `open` the
//! server replays what it holds, and then answers a `ping`: whatever of ours the replay did not show
//! is added again. While no peer has been heard, `claim` is said again too; a mailbox id other than
//! before means that the server started anew, and that the new mailbox is the one to use. A side that
//! leaves lingers in such a mailbox for a while, since the other may not have fetched its last message.

use std::{collections::VecDeque, time::Duration};

use rand_chacha::ChaCha20Rng;
use rand_core::RngCore;
use wormhole_sync_wire::{
    AppId, ClientMessage, Mood, Nameplate, Phase, ServerMessage, Side, Welcome,
};

use crate::{Moment, error::Error, hashcash::Challenge};

mod answer;
mod link;
mod outbox;
mod resync;
mod wish;

pub use link::{DROP_AFTER, FIRST_PAUSE, JITTER, LONGEST_PAUSE, OPEN_TIMEOUT, PING_AFTER, Timer};

use link::{Due, Link};
use outbox::Outbox;
use wish::{MailboxWish, NameplateWish, Session};

/// What the driver is to do.
///
/// ```
/// use wormhole_sync_core::{Output, wormhole::Effect};
///
/// # let mut wormhole = wormhole_sync_testkit::doc::wormhole(1);
/// let mut to_do = Vec::new();
/// loop {
///     match wormhole.poll() {
///         Output::Effect(effect) => to_do.push(effect),
///         Output::Event(_) => {}
///         Output::Wait(_) => break,
///     }
/// }
/// assert_eq!(to_do, [Effect::Open]); // the first of all
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Open a connection to the server, and tell when it is up or has failed.
    Open,
    /// Send one WebSocket text message.
    Transmit(String),
    /// Close the connection, or stop opening it. Nothing more is to be told of it.
    Close,
    /// Solve a hashcash challenge off the threads that must not wait, and hand in the stamp.
    Work(Challenge),
}

/// A message of a mailbox as it came: from whom, about what, and nothing known of its body.
///
/// ```
/// use wormhole_sync_core::{phase::{Sealed, seal}, wire::{Phase, Side}};
///
/// # let (ours, theirs) = wormhole_sync_testkit::doc::keys();
/// let (side, phase) = (Side::new("5e1f")?, Phase::Numbered(0));
/// let body = seal(&theirs, &side, &phase, [7; 24], b"hello"); // the peer's doing
/// let sealed = Sealed { side, phase, body };
/// assert!(sealed.open(&ours).is_ok());
/// # Ok::<(), wormhole_sync_core::wire::InvalidName>(())
/// ```
pub struct Sealed {
    /// Who added it, as the server says.
    pub side: Side,
    /// What it is about.
    pub phase: Phase,
    /// Nonce and ciphertext, if it is what it ought to be.
    pub body: Vec<u8>,
}

/// What the stage above learns.
pub(crate) enum Fact {
    Connecting,
    Connected,
    Lost {
        retry_at: Moment,
    },
    Welcome(Welcome),
    /// What was asked is refused for now, and will be asked again.
    Delayed {
        reason: String,
    },
    Working {
        bits: u32,
    },
    Nameplates(Vec<Nameplate>),
    Allocated(Nameplate),
    Claimed,
    /// A message of some side's other than this one.
    Message(Sealed),
    Failed(Error),
    /// Everything was let go, or nothing ever was held, and the connection is closed.
    Finished,
}

pub(crate) enum Output {
    Effect(Effect),
    Fact(Fact),
}

/// Who this side is to the server.
pub(crate) struct Identity {
    pub(crate) app_id: AppId,
    pub(crate) side: Side,
    pub(crate) client_version: (String, String),
    pub(crate) max_hashcash_bits: u32,
}

/// See the module.
pub(crate) struct Mailbox {
    identity: Identity,
    link: Link,
    permission: Permission,
    connection: Connection,
    list_wanted: bool,
    nameplate: NameplateWish,
    /// The server has been asked for a nameplate, and so may hold one for this side.
    asked: bool,
    mail: MailboxWish,
    /// Who the other side is, once the stage above knows.
    peer: Option<Side>,
    outbox: Outbox,
    output: VecDeque<Output>,
    random: ChaCha20Rng,
    now: Moment,
    /// Messages sent so far; each bears its number as its `id`.
    sent: u64,
    hope: Hope,
    /// Barriers set so far, and so the value of the last one's ping.
    barriers: u64,
}

/// How far the present connection has come.
#[derive(Default)]
struct Connection {
    welcomed: bool,
    bound: bool,
}

/// What was said on a connection before its welcome, in the hope that no permission is needed. If
/// one is, then all of it was refused.
#[derive(Default)]
struct Hope {
    /// The number of the last such message.
    said: u64,
    /// [`Mailbox::asked`] before them.
    asked_before: bool,
}

/// Whether the server lets this side bind.
enum Permission {
    /// No server has asked for any; bind without waiting for the welcome.
    Unneeded,
    /// A server asked for it once; wait for the welcome, and for the work if it asks again.
    Awaited,
    /// This connection's stamp is being searched for.
    Working,
    /// Given on this connection.
    Given,
}

impl Mailbox {
    pub(crate) fn new(identity: Identity, random: ChaCha20Rng) -> Self {
        Self {
            identity,
            link: Link::default(),
            permission: Permission::Unneeded,
            connection: Connection::default(),
            list_wanted: false,
            nameplate: NameplateWish::Nothing,
            asked: false,
            mail: MailboxWish::Open { id: None, session: None },
            peer: None,
            outbox: Outbox::default(),
            output: VecDeque::new(),
            random,
            now: Moment::ZERO,
            sent: 0,
            hope: Hope::default(),
            barriers: 0,
        }
    }

    pub(crate) fn side(&self) -> &Side {
        &self.identity.side
    }

    pub(crate) fn poll(&mut self) -> Option<Output> {
        self.output.pop_front()
    }

    pub(crate) fn deadline(&self) -> Option<(Moment, Timer)> {
        let linger = match &self.mail {
            MailboxWish::Closed { session: Some(Session { linger, .. }), said: false, .. } => {
                *linger
            }
            _ => None,
        };
        let linger = linger.map(|until| (until, Timer::Linger));
        [self.link.deadline(), linger].into_iter().flatten().min_by_key(|(at, _)| *at)
    }

    // ---- what the stage above wants ----

    pub(crate) fn connect(&mut self, now: Moment) {
        self.link.open(now);
        self.tell(Fact::Connecting);
        self.effect(Effect::Open);
    }

    pub(crate) fn list(&mut self) {
        self.list_wanted = true;
        if self.connection.bound {
            self.say(&ClientMessage::List);
        }
    }

    pub(crate) fn allocate(&mut self) {
        self.nameplate = NameplateWish::Allocated;
        self.sync_nameplate();
    }

    pub(crate) fn claim(&mut self, nameplate: Nameplate) {
        self.nameplate = NameplateWish::Claimed { nameplate, confirmed: false };
        self.sync_nameplate();
    }

    /// This side is the peer: it is here, and nobody needs the nameplate any more.
    pub(crate) fn met(&mut self, peer: Side) {
        self.peer = Some(peer);
        if let Some(Some(session)) = self.mail.session() {
            session.peer_seen = true;
        }
        self.release();
    }

    /// Nobody needs the nameplate any more: the peer has been heard, or this side leaves.
    fn release(&mut self) {
        if let NameplateWish::Claimed { nameplate, .. } = &self.nameplate
            && self.mail.id().is_some()
        {
            self.nameplate = NameplateWish::Released { nameplate: nameplate.clone() };
            self.sync_nameplate();
        }
    }

    pub(crate) fn add(&mut self, phase: Phase, body: Vec<u8>) {
        self.outbox.push(phase, body);
        self.sync_mailbox();
    }

    /// Lets everything go, once all that was added is stored. Ends with [`Fact::Finished`].
    ///
    /// A claim under way is seen through, so that what it gives can be given back; what the server
    /// never heard of is forgotten.
    pub(crate) fn close(&mut self, mood: Mood) {
        if let MailboxWish::Open { id, session } = &mut self.mail {
            let (id, session) = (id.take(), *session);
            let nothing_held = id.is_none() && !self.asked;
            self.mail = MailboxWish::Closed { id, session, mood, said: false };
            if nothing_held {
                self.nameplate = NameplateWish::Gone;
                self.mail = MailboxWish::Gone;
            }
            self.release();
            self.sync_mailbox();
            self.finish_if_done();
        }
    }

    /// A failure leaves nothing of this side's worth storing.
    pub(crate) fn discard(&mut self) {
        self.outbox = Outbox::default();
    }

    // ---- what happens ----

    pub(crate) fn opened(&mut self, now: Moment) {
        self.link.opened(now);
        self.tell(Fact::Connected);
        self.hope.asked_before = self.asked;
        if matches!(self.permission, Permission::Unneeded) {
            self.resync();
        }
    }

    pub(crate) fn lost(&mut self, now: Moment) {
        if self.link.is_idle() {
            return;
        }
        self.now = now;
        if std::mem::take(&mut self.list_wanted) {
            self.tell(Fact::Nameplates(Vec::new())); // a list may be what broke the connection
        }
        self.forget_connection();
        let jitter = Duration::from_millis((u64::from(self.random.next_u32()) * 1000) >> 32);
        debug_assert!(jitter <= JITTER, "a fraction of a second");
        if self.link.lost(now, jitter).is_ok() {
            let retry_at = self.link.deadline().map_or(now, |(at, _)| at);
            self.tell(Fact::Lost { retry_at });
        } else {
            self.give_up(Error::Unreachable);
            self.tell(Fact::Finished);
        }
    }

    pub(crate) fn timeout(&mut self, now: Moment) {
        self.now = now;
        if let Some(Some(session)) = self.mail.session()
            && session.linger.is_some_and(|until| until <= now)
        {
            session.linger = None;
            self.sync_mailbox();
        }
        match self.link.due(now) {
            Some(Due::Open) => self.connect(now),
            Some(Due::Ping) => self.say(&ClientMessage::Ping("0".into())),
            Some(Due::Drop) => self.drop_link(),
            None => {}
        }
    }

    /// Nothing is read for a while, so that silence says nothing about the server.
    pub(crate) fn paused(&mut self, now: Moment) {
        self.link.heard(now);
    }

    fn drop_link(&mut self) {
        self.effect(Effect::Close);
        self.lost(self.now);
    }

    /// The work that the server asked for cannot be done.
    pub(crate) fn unsolvable(&mut self) {
        if matches!(self.permission, Permission::Working) {
            self.give_up(Error::UnknownPermission);
        }
    }

    pub(crate) fn solved(&mut self, stamp: String) {
        if self.link.is_up() && matches!(self.permission, Permission::Working) {
            self.permission = Permission::Given;
            self.say(&ClientMessage::SubmitPermissions { stamp: stamp.into() });
            self.resync();
        }
    }

    pub(crate) fn received(&mut self, frame: &str, now: Moment) {
        if !self.link.is_up() {
            return;
        }
        self.now = now;
        self.link.heard(now);
        match ServerMessage::parse(frame) {
            None => self.tell(Fact::Failed(Error::ServerNonsense)),
            Some(message) => self.obey(message),
        }
    }

    // ---- ends ----

    /// There is no talking to this server: what it may hold, it keeps until it is idle.
    fn give_up(&mut self, error: Error) {
        self.nameplate = NameplateWish::Gone;
        self.mail = MailboxWish::Gone;
        self.tell(Fact::Failed(error));
        self.finish_if_done();
    }

    fn finish_if_done(&mut self) {
        let nameplate_gone = matches!(self.nameplate, NameplateWish::Nothing | NameplateWish::Gone);
        if nameplate_gone && matches!(self.mail, MailboxWish::Gone) && !self.link.is_idle() {
            self.link.leave();
            self.connection.bound = false;
            self.effect(Effect::Close);
            self.tell(Fact::Finished);
        }
    }

    /// What was said on a connection that no longer counts is to be said again.
    fn forget_connection(&mut self) {
        self.connection = Connection::default();
        if !matches!(self.permission, Permission::Unneeded) {
            self.permission = Permission::Awaited;
        }
        self.outbox.lost();
        if let NameplateWish::Claimed { confirmed, .. } = &mut self.nameplate {
            *confirmed = false;
        }
        if let Some(session) = self.mail.session() {
            *session = None;
        }
        if let MailboxWish::Closed { said, .. } = &mut self.mail {
            *said = false;
        }
    }

    fn effect(&mut self, effect: Effect) {
        self.output.push_back(Output::Effect(effect));
    }

    fn tell(&mut self, fact: Fact) {
        self.output.push_back(Output::Fact(fact));
    }
}
