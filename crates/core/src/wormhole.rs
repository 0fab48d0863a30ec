//! The whole exchange on one side: from a code to ordered, sealed messages, and the way out.
//!
//! # Contract
//!
//! A driver calls a command or [`Wormhole::handle`], and then [`Wormhole::poll`] again and again
//! until it says [`Output::Wait`]; then it does the next thing. Effects come out in the order in
//! which they must happen, events in the order in which they did. Whatever happens, including a failure, ends with exactly one
//! [`Event::Closed`], after which the machine only waits.
//!
//! ```text
//!  NoCode ── allocate ─▶ Allocating ─┐
//!    └─────── set_code ──────────────┴─▶ Exchanging ── peer's pake ──▶ Keyed ── version opens ──▶ Confirmed
//!                                             │                          │                          │
//!                                             └────── close, failure ────┴──────────────────────────┴─▶ Leaving ─▶ Closed
//! ```

use std::collections::VecDeque;

use rand_chacha::ChaCha20Rng;
use rand_core::{RngCore, SeedableRng};
use serde_json::{Map, Value};
use wormhole_sync_wire::{
    AppId, Mood, Nameplate, Phase, Side, Welcome, hex,
    limits::{MAX_BODY, MAX_FRAME, MAX_PLAINTEXT},
    version_message::VersionMessage,
};
use zeroize::Zeroizing;

use crate::{
    Moment,
    code::Code,
    error::Error,
    key::{SharedKey, Verifier},
    mailbox::{Fact, Identity, Mailbox, Output as MailboxOutput},
    pake::Pake,
    phase::{NONCE_BYTES, Order, Sealed, seal},
};

pub use crate::mailbox::{Effect, Timer};

/// Messages that may come from other sides before the peer's key exchange does. An honest server
/// lets one other side in, which has nothing to say before.
///
/// ```
/// use wormhole_sync_core::{Error, Event, wormhole::MAX_EARLY};
///
/// # let mut meeting = wormhole_sync_testkit::doc::Meeting::new();
/// # use wormhole_sync_core::{Code, Input, Moment};
/// # meeting.one.set_code(Code::parse("4-purple-sausages").ok().unwrap()).unwrap();
/// # meeting.run();
/// # let wormhole = &mut meeting.one;
/// for number in 0..=MAX_EARLY {
///     let frame = format!(r#"{{"type":"message","side":"x","phase":"{number}","body":""}}"#);
///     wormhole.handle(Input::Received(&frame), Moment::ZERO);
/// }
/// # let [events, _] = meeting.run();
/// assert!(matches!(events.last(), Some(Event::Closed(Err(Error::PeerFlood)))));
/// ```
pub const MAX_EARLY: usize = 8;

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
    /// A message came in that is longer than [`MAX_FRAME`], and was not read.
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
    /// The nameplates in use, in answer to [`Wormhole::list`].
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

/// What is known once the key is confirmed. Only the opening of the peer's `version` makes one.
///
/// ```
/// use wormhole_sync_core::Event;
///
/// # let mut meeting = wormhole_sync_testkit::doc::Meeting::new();
/// # for wormhole in [&mut meeting.one, &mut meeting.other] {
/// #     wormhole.set_code(wormhole_sync_core::Code::parse("4-a").ok().unwrap()).unwrap();
/// # }
/// # let confirmed = meeting.run().map(|events| events.into_iter().find_map(|event| match event {
/// #     Event::Confirmed(confirmed) => Some(confirmed),
/// #     _ => None,
/// # }));
/// let [Some(ours), Some(theirs)] = confirmed else { panic!("both confirm the key") };
/// assert_eq!(ours.verifier(), theirs.verifier());
/// assert_eq!(ours.peer_versions().len(), 0);
/// ```
pub struct Confirmed {
    verifier: Verifier,
    peer_versions: VersionMessage,
}

impl Confirmed {
    /// The value to compare aloud.
    ///
    /// ```
    /// use wormhole_sync_core::Event;
    ///
    /// # let mut meeting = wormhole_sync_testkit::doc::Meeting::new();
    /// # for wormhole in [&mut meeting.one, &mut meeting.other] {
    /// #     wormhole.set_code(wormhole_sync_core::Code::parse("4-a").ok().unwrap()).unwrap();
    /// # }
    /// # let confirmed = meeting.run().map(|events| events.into_iter().find_map(|event| match event {
    /// #     Event::Confirmed(confirmed) => Some(confirmed),
    /// #     _ => None,
    /// # }));
    /// # let [Some(confirmed), _] = confirmed else { panic!("both confirm the key") };
    /// assert_eq!(Some(confirmed.verifier()), meeting.one.key().map(|key| key.verifier()));
    /// ```
    pub const fn verifier(&self) -> Verifier {
        self.verifier
    }

    /// What the peer's application said of itself.
    ///
    /// ```
    /// use wormhole_sync_core::{Event, Settings, Wormhole};
    ///
    /// # let mut meeting = wormhole_sync_testkit::doc::Meeting::new();
    /// # let mut settings = wormhole_sync_testkit::doc::settings();
    /// settings.app_versions.insert("emoji".into(), true.into()); // on the other side
    /// # meeting.other = Wormhole::new(settings, [2; 32], wormhole_sync_core::Moment::ZERO);
    /// # for wormhole in [&mut meeting.one, &mut meeting.other] {
    /// #     wormhole.set_code(wormhole_sync_core::Code::parse("4-a").ok().unwrap()).unwrap();
    /// # }
    /// # let [events, _] = meeting.run();
    /// let confirmed = events.iter().find_map(|event| match event {
    ///     Event::Confirmed(confirmed) => Some(confirmed),
    ///     _ => None,
    /// });
    /// assert_eq!(confirmed.unwrap().peer_versions()["emoji"], true);
    /// ```
    pub const fn peer_versions(&self) -> &Map<String, Value> {
        &self.peer_versions.app_versions
    }
}

/// A plaintext is longer than [`MAX_PLAINTEXT`].
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

/// One side of an exchange. See the [module](self) for the contract.
///
/// ```
/// use wormhole_sync_core::{Code, Event};
///
/// # let mut meeting = wormhole_sync_testkit::doc::Meeting::new();
/// let code = Code::parse("4-purple-sausages")?; // known to both sides
/// meeting.one.set_code(code.clone()).unwrap();
/// meeting.other.set_code(code).unwrap();
/// meeting.one.send(b"hello".to_vec()).unwrap(); // goes out once the key is confirmed
///
/// let [_, events] = meeting.run(); // a driver's and a server's work
/// assert!(matches!(events.last(), Some(Event::Received(message)) if message == b"hello"));
/// # Ok::<(), wormhole_sync_core::code::CodeError>(())
/// ```
pub struct Wormhole {
    settings: Settings,
    mailbox: Mailbox,
    stage: Stage,
    unsent: VecDeque<Zeroizing<Vec<u8>>>,
    next_number: u64,
    events: VecDeque<Event>,
    random: ChaCha20Rng,
    outcome: Result<(), Error>,
}

enum Stage {
    NoCode,
    Allocating {
        words: usize,
    },
    Exchanging {
        pake: Pake,
        early: Vec<Sealed>,
    },
    Keyed {
        key: SharedKey,
        peer: Side,
        order: Order,
    },
    Confirmed {
        key: SharedKey,
        peer: Side,
        order: Order,
    },
    /// The key is kept for the application, which may derive from it until the end.
    Leaving {
        key: Option<SharedKey>,
    },
    Closed {
        key: Option<SharedKey>,
    },
}

impl Wormhole {
    /// A wormhole that connects at once. `seed` must come from the operating system's random
    /// source and be used for nothing else.
    ///
    /// ```
    /// use wormhole_sync_core::{Event, Moment, Output, Wormhole};
    ///
    /// # let settings = wormhole_sync_testkit::doc::settings();
    /// # let seed = [1; 32];
    /// let mut wormhole = Wormhole::new(settings, seed, Moment::ZERO);
    /// assert!(matches!(wormhole.poll(), Output::Event(Event::Connecting)));
    /// ```
    pub fn new(settings: Settings, seed: [u8; 32], now: Moment) -> Self {
        let mut random = ChaCha20Rng::from_seed(seed);
        let identity = Identity {
            app_id: settings.app_id.clone(),
            side: random_side(&mut random),
            client_version: settings.client_version.clone(),
            max_hashcash_bits: settings.max_hashcash_bits,
        };
        let mut mailbox =
            Mailbox::new(identity, ChaCha20Rng::from_rng(&mut random).unwrap_or(random.clone()));
        mailbox.connect(now);
        Self {
            settings,
            mailbox,
            stage: Stage::NoCode,
            unsent: VecDeque::new(),
            next_number: 0,
            events: VecDeque::new(),
            random,
            outcome: Ok(()),
        }
    }

    // ---- commands ----

    /// Asks for the nameplates in use; answered by [`Event::Nameplates`].
    ///
    /// ```
    /// use wormhole_sync_core::Event;
    ///
    /// # let mut meeting = wormhole_sync_testkit::doc::Meeting::new();
    /// # meeting.other.allocate(2).unwrap(); // somebody waits
    /// # meeting.run();
    /// # let wormhole = &mut meeting.one;
    /// wormhole.list();
    /// # let [events, _] = meeting.run();
    /// assert!(matches!(&events[..], [Event::Nameplates(nameplates)] if nameplates.len() == 1));
    /// ```
    pub fn list(&mut self) {
        self.mailbox.list();
    }

    /// Asks the server for a nameplate and makes a code of `words` words.
    ///
    /// ```
    /// use wormhole_sync_core::Event;
    ///
    /// # let mut meeting = wormhole_sync_testkit::doc::Meeting::new();
    /// # let wormhole = &mut meeting.one;
    /// wormhole.allocate(3)?;
    /// # let [events, _] = meeting.run();
    /// # let code = events.iter().find_map(|event| match event {
    /// #     Event::Code(code) => Some(code),
    /// #     _ => None,
    /// # });
    /// assert_eq!(code.unwrap().as_str().split('-').count(), 1 + 3);
    /// # Ok::<(), wormhole_sync_core::wormhole::CodeAlreadySet>(())
    /// ```
    pub fn allocate(&mut self, words: usize) -> Result<(), CodeAlreadySet> {
        if !matches!(self.stage, Stage::NoCode) {
            return Err(CodeAlreadySet);
        }
        self.stage = Stage::Allocating { words };
        self.mailbox.allocate();
        Ok(())
    }

    /// Takes a code that is known: carried here, or of one's own choosing.
    ///
    /// ```
    /// use wormhole_sync_core::{Code, Event};
    ///
    /// # let mut meeting = wormhole_sync_testkit::doc::Meeting::new();
    /// # let wormhole = &mut meeting.one;
    /// wormhole.set_code(Code::parse("4-purple-sausages")?).unwrap();
    /// # let [events, _] = meeting.run();
    /// assert!(matches!(events.last(), Some(Event::WaitingForPeer)));
    /// # Ok::<(), wormhole_sync_core::code::CodeError>(())
    /// ```
    pub fn set_code(&mut self, code: Code) -> Result<(), CodeAlreadySet> {
        if !matches!(self.stage, Stage::NoCode) {
            return Err(CodeAlreadySet);
        }
        self.mailbox.claim(code.nameplate().clone());
        self.begin(code);
        Ok(())
    }

    /// Sends the next message: at once, or as soon as the key is confirmed.
    ///
    /// ```
    /// use wormhole_sync_core::Event;
    ///
    /// # let mut meeting = wormhole_sync_testkit::doc::Meeting::confirmed();
    /// meeting.one.send(b"hello".to_vec())?;
    /// let [_, events] = meeting.run();
    /// assert!(matches!(&events[..], [Event::Received(message)] if message == b"hello"));
    /// # Ok::<(), wormhole_sync_core::wormhole::TooLong>(())
    /// ```
    pub fn send(&mut self, plaintext: Vec<u8>) -> Result<(), TooLong> {
        if plaintext.len() > MAX_PLAINTEXT {
            return Err(TooLong);
        }
        self.unsent.push_back(Zeroizing::new(plaintext));
        self.send_unsent();
        Ok(())
    }

    /// Leaves. What was sent is delivered to the server first; then everything is let go, with the
    /// mood that fits. [`Event::Closed`] ends it.
    ///
    /// ```
    /// use wormhole_sync_core::Event;
    ///
    /// # let mut meeting = wormhole_sync_testkit::doc::Meeting::confirmed();
    /// meeting.one.close();
    /// let [events, _] = meeting.run();
    /// assert!(matches!(&events[..], [Event::Closed(Ok(()))]));
    /// ```
    pub fn close(&mut self) {
        let mood =
            if matches!(self.stage, Stage::Confirmed { .. }) { Mood::Happy } else { Mood::Lonely };
        self.leave(mood);
    }

    /// Leaves as [`close`](Self::close) does, but with an error of the application's as the reason.
    /// A peer of this family that waits for more is told so under the key, and ends with
    /// [`Error::PeerGaveUp`]; the server learns a mood of `errory`.
    ///
    /// ```
    /// use wormhole_sync_core::{Error, Event};
    ///
    /// # let mut meeting = wormhole_sync_testkit::doc::Meeting::confirmed();
    /// meeting.one.abort();
    /// let [_, events] = meeting.run();
    /// assert!(matches!(&events[..], [Event::Closed(Err(Error::PeerGaveUp))]));
    /// ```
    pub fn abort(&mut self) {
        let (Stage::Keyed { key, .. } | Stage::Confirmed { key, .. }) = &self.stage else {
            return self.close();
        };
        let nonce = nonce(&mut self.random);
        let body = seal(key, self.mailbox.side(), &Phase::Abort, nonce, b"");
        self.mailbox.add(Phase::Abort, body);
        self.leave(Mood::Errory);
    }

    /// Why the exchange failed, as soon as it has: the goodbye may still be under way.
    ///
    /// ```
    /// use wormhole_sync_core::{Error, Input, Moment};
    ///
    /// # let mut wormhole = wormhole_sync_testkit::doc::wormhole(1);
    /// assert_eq!(wormhole.failure(), None);
    /// wormhole.handle(Input::Lost, Moment::ZERO); // before it ever was up
    /// # while !matches!(wormhole.poll(), wormhole_sync_core::Output::Wait(_)) {}
    /// assert_eq!(wormhole.failure(), Some(&Error::Unreachable));
    /// ```
    pub const fn failure(&self) -> Option<&Error> {
        match &self.outcome {
            Ok(()) => None,
            Err(error) => Some(error),
        }
    }

    /// The key that both sides share, once agreed on.
    ///
    /// ```
    /// # let mut meeting = wormhole_sync_testkit::doc::Meeting::confirmed();
    /// let [ours, theirs] = [meeting.one.key().unwrap(), meeting.other.key().unwrap()];
    /// assert_eq!(ours.verifier(), theirs.verifier());
    /// ```
    pub const fn key(&self) -> Option<&SharedKey> {
        match &self.stage {
            Stage::Keyed { key, .. } | Stage::Confirmed { key, .. } => Some(key),
            Stage::Leaving { key } | Stage::Closed { key } => key.as_ref(),
            _ => None,
        }
    }

    // ---- the contract ----

    /// Something happened outside.
    ///
    /// ```
    /// use wormhole_sync_core::{Event, Input, Moment, Output};
    ///
    /// # let mut wormhole = wormhole_sync_testkit::doc::wormhole(1);
    /// # while !matches!(wormhole.poll(), Output::Wait(_)) {}
    /// wormhole.handle(Input::Opened, Moment::from_millis(20));
    /// assert!(matches!(wormhole.poll(), Output::Event(Event::Connected)));
    /// ```
    pub fn handle(&mut self, input: Input<'_>, now: Moment) {
        match input {
            Input::Opened => self.mailbox.opened(now),
            Input::Received(frame) if frame.len() <= MAX_FRAME => self.mailbox.received(frame, now),
            Input::Received(_) | Input::Oversized => self.fail(Error::ServerNonsense),
            Input::Lost => self.mailbox.lost(now),
            Input::Paused => self.mailbox.paused(now),
            Input::Timeout => self.mailbox.timeout(now),
            Input::Solved(stamp) => self.mailbox.solved(stamp),
            Input::Unsolvable => self.mailbox.unsolvable(),
        }
    }

    /// The next thing to do, to tell or to wait for.
    ///
    /// ```
    /// use wormhole_sync_core::{Output, wormhole::Effect};
    ///
    /// # let mut wormhole = wormhole_sync_testkit::doc::wormhole(1);
    /// let wait = loop {
    ///     match wormhole.poll() {
    ///         Output::Effect(effect) => assert_eq!(effect, Effect::Open), // perform it
    ///         Output::Event(_) => {} // tell it
    ///         Output::Wait(wait) => break wait,
    ///     }
    /// };
    /// assert!(wait.is_some()); // until a connection is up, or that moment
    /// ```
    pub fn poll(&mut self) -> Output {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Output::Event(event);
            }
            match self.mailbox.poll() {
                Some(MailboxOutput::Effect(effect)) => return Output::Effect(effect),
                Some(MailboxOutput::Fact(fact)) => self.learn(fact),
                None => return Output::Wait(self.mailbox.deadline()),
            }
        }
    }

    fn learn(&mut self, fact: Fact) {
        match fact {
            Fact::Connecting => self.tell(Event::Connecting),
            Fact::Connected => self.tell(Event::Connected),
            Fact::Lost { retry_at } => self.tell(Event::Disconnected { retry_at }),
            Fact::Welcome(welcome) => self.tell(Event::Welcome(welcome)),
            Fact::Delayed { reason } => self.tell(Event::Delayed { reason }),
            Fact::Working { bits } => self.tell(Event::Working { bits }),
            Fact::Nameplates(nameplates) => self.tell(Event::Nameplates(nameplates)),
            Fact::Allocated(nameplate) => self.allocated(nameplate),
            Fact::Claimed => self.tell(Event::WaitingForPeer),
            Fact::Message(sealed) => self.message(sealed),
            Fact::Failed(error) => self.fail(error),
            Fact::Finished => self.finished(),
        }
    }

    // ---- from a code to a key ----

    fn allocated(&mut self, nameplate: Nameplate) {
        if let Stage::Allocating { words } = self.stage {
            let code = Code::generate(nameplate, words, &mut self.random);
            self.begin(code);
        }
    }

    fn begin(&mut self, code: Code) {
        let pake = Pake::start(&code, &self.settings.app_id, &mut self.random);
        self.mailbox.add(Phase::Pake, pake.body());
        self.stage = Stage::Exchanging { pake, early: Vec::new() };
        self.tell(Event::Code(code));
    }

    fn message(&mut self, sealed: Sealed) {
        let too_long = sealed.body.len() > MAX_BODY;
        match &mut self.stage {
            Stage::Exchanging { .. } if too_long => self.fail(Error::PeerFlood),
            Stage::Keyed { peer, .. } | Stage::Confirmed { peer, .. }
                if too_long && *peer == sealed.side =>
            {
                self.fail(Error::PeerFlood);
            }
            Stage::Exchanging { .. } if sealed.phase == Phase::Pake => self.exchange(&sealed),
            Stage::Exchanging { early, .. } if early.len() < MAX_EARLY => early.push(sealed),
            Stage::Exchanging { .. } => self.fail(Error::PeerFlood),
            // A third side's messages are nobody's.
            Stage::Keyed { peer, .. } | Stage::Confirmed { peer, .. } if *peer == sealed.side => {
                self.peer_message(&sealed);
            }
            _ => {}
        }
    }

    /// The first other side to begin a key exchange is the peer, and stays the only one.
    fn exchange(&mut self, sealed: &Sealed) {
        let Stage::Exchanging { pake, early } = std::mem::replace(&mut self.stage, Stage::NoCode)
        else {
            return;
        };
        match pake.finish(&sealed.body) {
            Ok(key) => self.keyed(key, sealed.side.clone(), early),
            Err(why) => self.fail(Error::BadKeyExchange(why)),
        }
    }

    fn keyed(&mut self, key: SharedKey, peer: Side, early: Vec<Sealed>) {
        let versions = VersionMessage {
            app_versions: self.settings.app_versions.clone(),
            ..VersionMessage::default()
        };
        let body = self.sealed(&key, &Phase::Version, &versions.encode());
        self.mailbox.met(peer.clone());
        self.stage = Stage::Keyed { key, peer, order: Order::default() };
        self.mailbox.add(Phase::Version, body);
        self.tell(Event::KeyAgreed);
        for sealed in early {
            self.message(sealed);
        }
    }

    // ---- under the key ----

    fn peer_message(&mut self, sealed: &Sealed) {
        let outcome = match &sealed.phase {
            Phase::Version => self.open_version(sealed),
            Phase::Numbered(number) => self.open_numbered(*number, sealed),
            Phase::Abort => self.open_abort(sealed),
            // A second pake is a replay; dilation and unknown phases are not for this library.
            Phase::Pake | Phase::Dilate(_) | Phase::Other(_) => Ok(()),
        };
        match outcome {
            Ok(()) => self.deliver(),
            Err(error) => self.fail(error),
        }
    }

    fn open_version(&mut self, sealed: &Sealed) -> Result<(), Error> {
        let Stage::Keyed { key, .. } = &self.stage else { return Ok(()) };
        let plaintext = sealed.open(key).map_err(|_| Error::WrongCode)?.into_plaintext();
        let peer_versions = VersionMessage::decode(&plaintext).ok_or(Error::PeerVersions)?;
        let confirmed = Confirmed { verifier: key.verifier(), peer_versions };
        self.stage = match std::mem::replace(&mut self.stage, Stage::NoCode) {
            Stage::Keyed { key, peer, order } => Stage::Confirmed { key, peer, order },
            other => other,
        };
        self.tell(Event::Confirmed(confirmed));
        self.send_unsent();
        Ok(())
    }

    fn open_numbered(&mut self, number: u64, sealed: &Sealed) -> Result<(), Error> {
        let (key, order, unopened) = match &mut self.stage {
            Stage::Keyed { key, order, .. } => (&*key, order, Error::WrongCode),
            Stage::Confirmed { key, order, .. } => (&*key, order, Error::Altered),
            _ => return Ok(()),
        };
        if order.wants(number) {
            let plaintext = sealed.open(key).map_err(|_| unopened)?.into_plaintext();
            order.insert(number, plaintext).map_err(|_| Error::PeerFlood)?;
        }
        Ok(())
    }

    fn open_abort(&self, sealed: &Sealed) -> Result<(), Error> {
        match &self.stage {
            // What does not open is another application's own phase of that name.
            Stage::Keyed { key, .. } | Stage::Confirmed { key, .. } if sealed.open(key).is_ok() => {
                Err(Error::PeerGaveUp)
            }
            _ => Ok(()),
        }
    }

    fn deliver(&mut self) {
        if let Stage::Confirmed { order, .. } = &mut self.stage {
            self.events.extend(std::iter::from_fn(|| order.pop()).map(Event::Received));
        }
    }

    fn send_unsent(&mut self) {
        while let Stage::Confirmed { key, .. } = &self.stage
            && let Some(plaintext) = self.unsent.pop_front()
        {
            let phase = Phase::Numbered(self.next_number);
            let nonce = nonce(&mut self.random);
            let body = seal(key, self.mailbox.side(), &phase, nonce, &plaintext);
            self.next_number += 1;
            self.mailbox.add(phase, body);
        }
    }

    fn sealed(&mut self, key: &SharedKey, phase: &Phase, plaintext: &[u8]) -> Vec<u8> {
        let nonce = nonce(&mut self.random);
        seal(key, self.mailbox.side(), phase, nonce, plaintext)
    }

    // ---- the way out ----

    /// The first failure is the outcome, also on the way out.
    fn fail(&mut self, error: Error) {
        // After a wrong code the peer still needs our `version` in order to find out itself.
        if error != Error::WrongCode {
            self.mailbox.discard();
        }
        let mood = error.mood();
        if self.outcome.is_ok() && !matches!(self.stage, Stage::Closed { .. }) {
            self.outcome = Err(error);
        }
        self.leave(mood);
    }

    fn leave(&mut self, mood: Mood) {
        self.stage = match std::mem::replace(&mut self.stage, Stage::NoCode) {
            Stage::Keyed { key, .. } | Stage::Confirmed { key, .. } => {
                Stage::Leaving { key: Some(key) }
            }
            Stage::NoCode | Stage::Allocating { .. } | Stage::Exchanging { .. } => {
                Stage::Leaving { key: None }
            }
            ending @ (Stage::Leaving { .. } | Stage::Closed { .. }) => ending,
        };
        self.mailbox.close(mood);
    }

    fn finished(&mut self) {
        if let Stage::Leaving { key } = &mut self.stage {
            self.stage = Stage::Closed { key: key.take() };
            self.tell(Event::Closed(self.outcome.clone()));
        }
    }

    fn tell(&mut self, event: Event) {
        self.events.push_back(event);
    }
}

fn random_side(random: &mut ChaCha20Rng) -> Side {
    let mut bytes = [0; 8];
    random.fill_bytes(&mut bytes);
    // Sixteen hex digits are a side.
    Side::new(hex::encode(&bytes)).unwrap_or_else(|_| random_side(random))
}

fn nonce(random: &mut ChaCha20Rng) -> [u8; NONCE_BYTES] {
    let mut nonce = [0; NONCE_BYTES];
    random.fill_bytes(&mut nonce);
    nonce
}
