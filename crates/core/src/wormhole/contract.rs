//! What goes into a wormhole and what comes out.

use serde_json::{Map, Value};
use wormhole_sync_wire::{AppId, Nameplate, Welcome};

use super::confirmed::Confirmed;
use crate::{
    Moment,
    code::Code,
    error::Error,
    mailbox::{Effect, Timer},
};

/// What one wormhole is told at its birth.
///
/// ```
/// use wormhole_sync_core::{Moment, Settings, Wormhole, hashcash::DEFAULT_MAX_BITS, wire::AppId};
///
/// let settings = Settings {
///     app_id: AppId::new("example.com/chat")?,
///     app_versions: serde_json::Map::new(),
///     client_version: ("chat".into(), "1.4.2".into()),
///     max_hashcash_bits: DEFAULT_MAX_BITS,
/// };
/// # let seed = [1; 32];
/// let wormhole = Wormhole::new(settings, seed, Moment::ZERO);
/// assert!(wormhole.key().is_none());
/// # Ok::<(), wormhole_sync_core::wire::InvalidName>(())
/// ```
#[derive(Clone, Debug)]
pub struct Settings {
    /// The application.
    pub app_id: AppId,
    /// The application's versions and abilities, shown to the peer once the key is confirmed.
    pub app_versions: Map<String, Value>,
    /// Name and version of this software, shown to the server.
    pub client_version: (String, String),
    /// Most bits of hashcash to work for; a server that asks for more is refused.
    pub max_hashcash_bits: u32,
}

/// What happens to a wormhole from outside.
///
/// ```
/// use wormhole_sync_core::{Error, Event, Input, Moment, Output};
///
/// # let mut wormhole = wormhole_sync_testkit::doc::wormhole(1);
/// wormhole.handle(Input::Lost, Moment::ZERO); // before it ever was up
/// # let mut last = None;
/// # loop {
/// #     match wormhole.poll() {
/// #         Output::Event(event) => last = Some(event),
/// #         Output::Effect(_) => {}
/// #         Output::Wait(_) => break,
/// #     }
/// # }
/// assert!(matches!(last, Some(Event::Closed(Err(Error::Unreachable)))));
/// ```
#[derive(Debug)]
pub enum Input<'a> {
    /// The connection is up.
    Opened,
    /// One WebSocket text message came in.
    Received(&'a str),
    /// The connection failed, or was closed from the other end.
    Lost,
    /// The moment of [`Output::Wait`] has come.
    Timeout,
    /// The application does not take what has come, so that nothing is read: the silence is ours.
    Paused,
    /// A message came in that is longer than [`MAX_FRAME`](wormhole_sync_wire::limits::MAX_FRAME), and was not read.
    Oversized,
    /// The work of [`Effect::Work`] is done.
    Solved(String),
    /// The work of [`Effect::Work`] cannot be done: its resource fits into no stamp.
    Unsolvable,
}

/// What comes out.
///
/// ```
/// use wormhole_sync_core::{Event, Output, wormhole::Effect};
///
/// # let mut wormhole = wormhole_sync_testkit::doc::wormhole(1);
/// assert!(matches!(wormhole.poll(), Output::Event(Event::Connecting)));
/// assert!(matches!(wormhole.poll(), Output::Effect(Effect::Open)));
/// assert!(matches!(wormhole.poll(), Output::Wait(Some(_))));
/// ```
pub enum Output {
    /// The driver is to do something.
    Effect(Effect),
    /// The application is to learn something.
    Event(Event),
    /// Nothing more until an input, or until the moment, when there is one.
    Wait(Option<(Moment, Timer)>),
}

/// What the application learns.
///
/// ```
/// use wormhole_sync_core::Event;
///
/// # let mut meeting = wormhole_sync_testkit::doc::Meeting::confirmed();
/// meeting.other.send(b"hello".to_vec()).unwrap();
/// let [events, _] = meeting.run(); // what each side told, joined by a server
/// assert!(matches!(&events[..], [Event::Received(message)] if message == b"hello"));
/// ```
#[non_exhaustive]
pub enum Event {
    /// A connection to the server is being opened.
    Connecting,
    /// It is up.
    Connected,
    /// It is gone; the next attempt is at the moment given.
    Disconnected {
        /// When.
        retry_at: Moment,
    },
    /// The server's welcome.
    Welcome(Welcome),
    /// The server refused something for now; it is asked again after a pause, until it grants it.
    Delayed {
        /// The server's reason, not cleaned for a terminal.
        reason: String,
    },
    /// Hashcash is being worked for: 2^bits hashes on average.
    Working {
        /// Leading zero bits asked for.
        bits: u32,
    },
    /// The nameplates in use, in answer to [`Wormhole::list`](super::Wormhole::list).
    Nameplates(Vec<Nameplate>),
    /// The code is known: show it, or start waiting for the peer.
    Code(Code),
    /// This side's half of the key exchange lies in the mailbox.
    WaitingForPeer,
    /// The peer has been heard and a key agreed on, but not yet confirmed.
    KeyAgreed,
    /// A sealed message of the peer's has opened: both know the code.
    Confirmed(Confirmed),
    /// The peer's next message.
    Received(Vec<u8>),
    /// Everything is let go and the connection closed. Nothing follows.
    Closed(Result<(), Error>),
}

/// A plaintext is longer than [`MAX_PLAINTEXT`](wormhole_sync_wire::limits::MAX_PLAINTEXT).
///
/// ```
/// use wormhole_sync_core::{wire::limits::MAX_PLAINTEXT, wormhole::TooLong};
///
/// # let mut wormhole = wormhole_sync_testkit::doc::wormhole(1);
/// assert_eq!(wormhole.send(vec![0; MAX_PLAINTEXT + 1]), Err(TooLong));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong;

/// A code was set or asked for already.
///
/// ```
/// use wormhole_sync_core::wormhole::CodeAlreadySet;
///
/// # let mut wormhole = wormhole_sync_testkit::doc::wormhole(1);
/// wormhole.allocate(2)?;
/// assert_eq!(wormhole.allocate(2), Err(CodeAlreadySet));
/// # Ok::<(), CodeAlreadySet>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeAlreadySet;
