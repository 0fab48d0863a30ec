//! File transfer v1: an offer, an answer, bytes on one link, and an acknowledgement.
//!
//! ```text
//!  Sending    offer ──▶ answer ok ──▶ link ──▶ all sent ──▶ ack with the hash ──▶ Delivered
//!  Receiving  offer ──▶ accept ─────▶ link ──▶ all there and written ──▶ ack
//! ```
//!
//! Both machines speak over an open wormhole's messages, which their owner carries, and own the
//! [race](crate::connect) for the link. Bulk bytes do not pass through here: once
//! [`Event::Connected`] has handed out the link and its keys, the driver moves them, and says so with
//! `moved`, so that a link which stands still is noticed.
//!
//! Whoever fails tells the other why, in a message; whoever loses the link waits for that message before it ends.

use std::{fmt, time::Duration};

use wormhole_sync_wire::{
    hint::Hint,
    transfer_message::{Ability, Digest, Offer, TransferMessage, Transit},
    transit::Role,
};

use crate::{
    Moment,
    connect::{Action, LinkId, Path},
    transit::{Opener, Sealer, TransitKey},
};

/// What both roles do with links in the same words.
macro_rules! links {
    ($machine:ident) => {
        impl $machine {
            /// Somebody has connected to a port of ours. `None`: close it.
            ///
            /// ```
            /// use wormhole_sync_core::{Moment, connect::Action, transfer::Output};
            ///
            /// # let mut sending = wormhole_sync_testkit::doc::sending();
            /// let link = sending.accepted(Moment::ZERO);
            /// assert!(link.is_some());
            /// assert!(matches!(sending.poll(Moment::ZERO), Output::Link(Action::Transmit { .. }))); // our line
            /// ```
            pub fn accepted(&mut self, now: Moment) -> Option<LinkId> {
                self.bulk.accepted(now)
            }

            /// A link that was dialed is up.
            ///
            /// ```
            /// use wormhole_sync_core::{Moment, connect::LinkId};
            ///
            /// # let mut sending = wormhole_sync_testkit::doc::sending();
            /// sending.opened(LinkId::default()); // one that is let go meanwhile is passed over
            /// ```
            pub fn opened(&mut self, link: LinkId) {
                self.bulk.opened(link);
            }

            /// A link that is not chosen yet has brought these bytes.
            ///
            /// ```
            /// use wormhole_sync_core::{Moment, connect::Action, transfer::Output};
            ///
            /// # let mut sending = wormhole_sync_testkit::doc::sending();
            /// let stranger = sending.accepted(Moment::ZERO).unwrap();
            /// assert!(matches!(sending.poll(Moment::ZERO), Output::Link(Action::Transmit { .. }))); // our line
            /// sending.received(stranger, b"GET / HTTP/1.1");
            /// assert!(matches!(sending.poll(Moment::ZERO), Output::Link(Action::Close { link }) if link == stranger));
            /// ```
            pub fn received(&mut self, link: LinkId, bytes: &[u8]) {
                self.bulk.received(link, bytes);
            }

            /// A link could not be opened, or is gone.
            ///
            /// ```
            /// use wormhole_sync_core::{Moment, transfer::{Event, Failure, Output, REASON_WAIT}};
            ///
            /// # let (mut sending, channel) = wormhole_sync_testkit::doc::sending_connected();
            /// sending.lost(channel.link, Moment::ZERO);
            /// sending.message(br#"{"error":"disk full"}"#, Moment::ZERO); // within REASON_WAIT
            /// let Output::Event(Event::Failed(why)) = sending.poll(Moment::ZERO) else { panic!("it is over") };
            /// assert_eq!(why, Failure::Refused("disk full".into()));
            /// ```
            pub fn lost(&mut self, link: LinkId, now: Moment) {
                self.bulk.lost(link, now);
            }

            /// Gives up; the peer is told the reason.
            ///
            /// ```
            /// use wormhole_sync_core::{Moment, transfer::Output};
            ///
            /// # let mut receiving = wormhole_sync_testkit::doc::offered();
            /// receiving.cancel("transfer rejected");
            /// let Output::Message(told) = receiving.poll(Moment::ZERO) else { panic!("it says so") };
            /// assert_eq!(told, br#"{"error":"transfer rejected"}"#);
            /// ```
            pub fn cancel(&mut self, reason: &str) {
                self.bulk.fail(Failure::Cancelled(reason.to_owned()));
            }

            /// The chosen link brought what is no record of the peer's.
            ///
            /// ```
            /// use wormhole_sync_core::{Moment, transfer::Output};
            ///
            /// # let (mut receiving, _) = wormhole_sync_testkit::doc::receiving_connected();
            /// receiving.nonsense("a record out of its order");
            /// let Output::Message(told) = receiving.poll(Moment::ZERO) else { panic!("it says so") };
            /// assert_eq!(told, br#"{"error":"the other side sent a record out of its order"}"#);
            /// ```
            pub fn nonsense(&mut self, what: &'static str) {
                self.bulk.fail(Failure::Nonsense(what));
            }

            /// What to do next, until `Wait`.
            ///
            /// ```
            /// use wormhole_sync_core::{Moment, transfer::{ANSWER_LIMIT, Output}};
            ///
            /// # let mut sending = wormhole_sync_testkit::doc::sending();
            /// let Output::Wait(alarm) = sending.poll(Moment::ZERO) else { panic!("its offer is sent") };
            /// assert_eq!(alarm, Some(ANSWER_LIMIT));
            /// ```
            pub fn poll(&mut self, now: Moment) -> Output {
                self.bulk.poll(now)
            }
        }
    };
}
use links;

mod bulk;
mod receiving;
mod sending;

pub use receiving::Receiving;
pub use sending::Sending;

/// The time that a chosen link may stand still: 60 s.
///
/// ```
/// assert_eq!(wormhole_sync_core::transfer::STALL_LIMIT.as_secs(), 60);
/// ```
pub const STALL_LIMIT: Duration = Duration::from_secs(60);

/// The time that a receiver has to write, unpack and acknowledge, once everything is sent: 30
/// minutes. The family's receivers unpack a directory only then, and say nothing meanwhile.
///
/// ```
/// use wormhole_sync_core::transfer::{ACK_LIMIT, STALL_LIMIT};
///
/// assert!(ACK_LIMIT > STALL_LIMIT);
/// ```
pub const ACK_LIMIT: Duration = Duration::from_secs(30 * 60);

/// The time that a peer whose link is gone has to say why: 3 s.
///
/// ```
/// assert_eq!(wormhole_sync_core::transfer::REASON_WAIT.as_secs(), 3);
/// ```
pub const REASON_WAIT: Duration = Duration::from_secs(3);

/// The time that a peer has to make its offer, or to answer one: an hour. A person decides there,
/// and a program that was killed there says nothing.
///
/// ```
/// assert_eq!(wormhole_sync_core::transfer::ANSWER_LIMIT.as_secs(), 3600);
/// ```
pub const ANSWER_LIMIT: Duration = Duration::from_secs(3600);

/// What a side brings to the race.
///
/// ```
/// use wormhole_sync_core::transfer::Meeting;
///
/// let through_relays_only = Meeting::default();
/// assert!(!through_relays_only.listens);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Meeting {
    /// Where this side can be reached: told to the peer. Relays among them are dialed here too.
    pub hints: Vec<Hint>,
    /// Whether the hints lead to a port that is listened on.
    pub listens: bool,
    /// 16 random hex digits, which tell the two ends apart at a relay.
    pub side: String,
}

impl Meeting {
    fn message(&self) -> Vec<u8> {
        let abilities = vec![Ability::DirectTcp, Ability::Relay];
        let digests = vec![Digest::Blake3];
        let transit = Some(Transit { abilities, hints: self.hints.clone(), digests });
        TransferMessage { transit, ..TransferMessage::default() }.encode()
    }
}

/// What comes out.
///
/// ```
/// use wormhole_sync_core::{Moment, connect::{Action, LinkId}, transfer::Output};
/// use std::{collections::BTreeMap, io::Write};
///
/// /// What a driver of a few lines does; when it is to poll again.
/// fn drive(
///     mut poll: impl FnMut() -> Output,
///     links: &mut BTreeMap<LinkId, impl Write>,
/// ) -> Option<Moment> {
///     loop {
///         match poll() {
///             Output::Wait(alarm) => return alarm,
///             Output::Link(Action::Transmit { link, bytes }) => {
///                 links.get_mut(&link).map(|link| link.write_all(&bytes));
///             }
///             Output::Link(Action::Close { link }) => drop(links.remove(&link)),
///             Output::Message(_) | Output::Link(Action::Dial { .. }) | Output::Event(_) => {} // and so on
///         }
///     }
/// }
/// # let mut sending = wormhole_sync_testkit::doc::sending();
/// # assert!(drive(|| sending.poll(Moment::ZERO), &mut BTreeMap::<LinkId, Vec<u8>>::new()).is_some());
/// ```
#[derive(Debug)]
pub enum Output {
    /// Send this through the wormhole.
    Message(Vec<u8>),
    /// Something is to be done to a link; the chosen one, too, is closed so.
    Link(Action),
    /// The application is to learn something.
    Event(Event),
    /// Nothing more until an input, or until the moment, when there is one.
    Wait(Option<Moment>),
}

/// What the application learns. After [`Delivered`](Event::Delivered), [`Received`](Event::Received) and
/// [`Failed`](Event::Failed) nothing follows.
///
/// ```
/// use wormhole_sync_core::transfer::Event;
///
/// let is_the_last = |event: &Event| {
///     matches!(event, Event::Delivered | Event::Received | Event::Failed(_))
/// };
/// assert!(is_the_last(&Event::Delivered) && !is_the_last(&Event::Accepted));
/// ```
#[derive(Debug)]
pub enum Event {
    /// The receiver learns what there is; it accepts or rejects.
    Offered(Offer),
    /// The sender learns that the receiver wants it.
    Accepted,
    /// The link, and what is needed to use it.
    Connected(Channel),
    /// The sender learns that all of it is there.
    Delivered,
    /// The receiver has everything, and has said so.
    Received,
    /// It will not happen.
    Failed(Failure),
}

/// A chosen link with its keys.
///
/// ```
/// use wormhole_sync_core::transit::OVERHEAD;
///
/// # let (_, mut ours) = wormhole_sync_testkit::doc::sending_connected();
/// # let (_, mut theirs) = wormhole_sync_testkit::doc::receiving_connected();
/// let mut record = [0; 10 + OVERHEAD];
/// ours.sealer.seal(b"ten bytes.", &mut record).unwrap();
/// let mut plaintext = [0; 10];
/// assert_eq!(theirs.opener.open(&record[4..], &mut plaintext), Ok(10));
/// ```
pub struct Channel {
    /// The link.
    pub link: LinkId,
    /// How it reaches the peer.
    pub path: Path,
    /// Seals what this side writes.
    pub sealer: Sealer,
    /// Opens what the peer writes.
    pub opener: Opener,
    /// The beginning of what the peer writes, which has been read already.
    pub rest: Vec<u8>,
    /// The hash of all bytes that both sides take.
    pub digest: Digest,
}

impl Channel {
    fn new(
        key: &TransitKey,
        role: Role,
        link: LinkId,
        path: Path,
        rest: Vec<u8>,
        digest: Digest,
    ) -> Self {
        let (sealer, opener) = (key.sealer(role), key.opener(role.other()));
        Self { link, path, sealer, opener, rest, digest }
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (link, path) = (self.link, self.path);
        f.debug_struct("Channel").field("link", &link).field("path", &path).finish_non_exhaustive()
    }
}

/// Why a transfer did not happen.
///
/// ```
/// use wormhole_sync_core::transfer::Failure;
///
/// let failure = Failure::Refused("transfer rejected".into());
/// assert_eq!(failure.told(), None, "the peer knows");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// The peer declined, or failed, with this text: a stranger's.
    Refused(String),
    /// The peer sent what no peer of file transfer sends.
    Nonsense(&'static str),
    /// The peer offers something, too: neither side receives.
    BothSend,
    /// The peer has neither offered nor answered anything for [`ANSWER_LIMIT`].
    Unanswered,
    /// Neither side could reach the other, nor both a relay.
    NoLink,
    /// The link is gone, and the peer has not said why.
    Lost,
    /// The link stood still for [`STALL_LIMIT`], or the acknowledgement took longer than [`ACK_LIMIT`].
    Stalled,
    /// The peer received something else than was sent.
    WrongHash,
    /// This side gave up, for this reason.
    Cancelled(String),
}

impl Failure {
    /// What the peer is told, unless it knows.
    ///
    /// ```
    /// use wormhole_sync_core::transfer::Failure;
    ///
    /// assert_eq!(Failure::Cancelled("disk full".into()).told().as_deref(), Some("disk full"));
    /// ```
    pub fn told(&self) -> Option<String> {
        Some(match self {
            Self::Refused(_) => return None,
            Self::Nonsense(what) => format!("the other side sent {what}"),
            Self::BothSend => "both sides send, and neither receives".to_owned(),
            Self::Unanswered => "it took too long to answer".to_owned(),
            Self::NoLink => "the two computers cannot reach each other, nor both a relay; a transit relay that one \
                             side names would help"
                .to_owned(),
            Self::Lost => "the connection of the transfer was lost".to_owned(),
            Self::Stalled => "the connection of the transfer stood still for too long".to_owned(),
            Self::WrongHash => "what arrived is not what was sent".to_owned(),
            Self::Cancelled(reason) => reason.clone(),
        })
    }
}

fn message(error: String) -> Vec<u8> {
    TransferMessage { error: Some(error), ..TransferMessage::default() }.encode()
}
