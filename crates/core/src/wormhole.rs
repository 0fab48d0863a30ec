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

mod confirmed;
mod contract;
mod conversation;

use std::collections::VecDeque;

use rand_chacha::ChaCha20Rng;
use rand_core::{RngCore, SeedableRng};
use wormhole_sync_wire::{
    Mood, Nameplate, Phase, Side, hex,
    limits::{MAX_FRAME, MAX_PLAINTEXT},
};
use zeroize::Zeroizing;

use crate::{
    Moment,
    code::Code,
    error::Error,
    key::SharedKey,
    mailbox::{Fact, Identity, Mailbox, Output as MailboxOutput},
    pake::Pake,
    phase::{Order, Sealed},
};

pub use crate::mailbox::{Effect, Timer};
pub use confirmed::Confirmed;
pub use contract::{CodeAlreadySet, Event, Input, Output, Settings, TooLong};
pub use conversation::MAX_EARLY;

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
        if !matches!(self.stage, Stage::Keyed { .. } | Stage::Confirmed { .. }) {
            return self.close();
        }
        self.say(Phase::Abort, b"");
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
