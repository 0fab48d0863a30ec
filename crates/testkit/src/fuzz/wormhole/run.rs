//! The wormhole's driver, application and judge.

use std::time::Duration;

use wormhole_sync_core::{
    Code, Event, Input, Moment, Output, Settings, Wormhole,
    hashcash::Challenge,
    wire::{AppId, ClientMessage, Request, hex, limits::MAX_FRAME},
    wormhole::Effect,
};

use super::{
    peer::{Peer, frame},
    server::Server,
};

/// Things that may come out after one input, besides two for each message that was sent.
const MAX_OUTPUTS: usize = 200;

/// Timeouts in a row that may find something due at one moment: a late driver's ping and drop.
const MAX_DUE_AT_ONCE: usize = 4;

/// Frames and timeouts that a parting takes with an honest server, besides two for each message.
const MAX_PARTING: usize = 400;

/// Bits of work that the application allows.
const MAX_BITS: u32 = 6;

pub(super) struct Run {
    wormhole: Wormhole,
    now: Moment,
    link: Link,
    deadline: Option<Moment>,
    server: Server,
    work: Option<Challenge>,
    code: Option<Code>,
    /// The wormhole's own half of the key exchange, once it was transmitted.
    ours: Option<Vec<u8>>,
    peer: Option<Peer>,
    sent: usize,
    confirmed: bool,
    received: u64,
    closed: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Link {
    Down,
    Opening,
    Up { bound: bool },
}

impl Run {
    pub(super) fn new() -> Self {
        let settings = Settings {
            app_id: app_id(),
            app_versions: serde_json::Map::new(),
            client_version: ("fuzz".into(), "0".into()),
            max_hashcash_bits: MAX_BITS,
        };
        let mut run = Self {
            wormhole: Wormhole::new(settings, [1; 32], Moment::ZERO),
            now: Moment::ZERO,
            link: Link::Down,
            deadline: None,
            server: Server::new(),
            work: None,
            code: None,
            ours: None,
            peer: None,
            sent: 0,
            confirmed: false,
            received: 0,
            closed: false,
        };
        run.drain();
        run
    }

    // ---- the application ----

    pub(super) fn list(&mut self) {
        self.wormhole.list();
        self.drain();
    }

    pub(super) fn allocate(&mut self, words: u64) {
        let words = usize::try_from(words).unwrap_or(usize::MAX);
        if self.wormhole.allocate(words).is_ok() {
            assert!(self.code.is_none() && !self.closed);
        }
        self.drain();
    }

    pub(super) fn set_code(&mut self, text: &str) {
        let Ok(code) = Code::parse(text) else { return };
        if self.wormhole.set_code(code).is_ok() {
            assert!(self.code.is_none() && !self.closed);
        }
        self.drain();
    }

    pub(super) fn send(&mut self, text: &str) {
        assert!(self.wormhole.send(text.as_bytes().to_vec()).is_ok());
        self.sent += 1;
        self.drain();
    }

    pub(super) fn close(&mut self) {
        self.wormhole.close();
        self.drain();
    }

    pub(super) fn abort(&mut self) {
        self.wormhole.abort();
        self.drain();
    }

    // ---- the connection and the clock ----

    pub(super) fn open(&mut self) {
        if self.link == Link::Opening {
            self.link = Link::Up { bound: false };
            self.server.accept();
            self.handle(Input::Opened);
        }
    }

    pub(super) fn lose(&mut self) {
        if self.link != Link::Down {
            self.link = Link::Down;
            self.server.hang_up();
            self.handle(Input::Lost);
        }
    }

    pub(super) fn pass(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds.min(100_000));
    }

    /// Waits for the deadline. What was due is not due again.
    pub(super) fn time_out(&mut self) {
        let Some(at) = self.deadline else { return };
        self.now = self.now.max(at);
        self.handle(Input::Timeout);
        for _ in 0..MAX_DUE_AT_ONCE {
            if self.deadline.is_none_or(|next| next > self.now) {
                return;
            }
            self.handle(Input::Timeout);
        }
        panic!("what was due at {at:?} is still due");
    }

    pub(super) fn solve(&mut self) {
        if let Some(challenge) = self.work.take() {
            let stamp = challenge.solve("260921", || false).unwrap_or_default();
            self.handle(Input::Solved(stamp));
        }
    }

    // ---- the server ----

    pub(super) fn receive(&mut self, frame: &str) {
        self.handle(Input::Received(frame));
    }

    pub(super) fn exchange_one(&mut self) {
        if let Some(frame) = self.server.exchange() {
            self.receive(&frame);
        }
    }

    pub(super) fn exchange_all(&mut self) {
        for _ in 0..MAX_PARTING + 2 * self.sent {
            if self.server.is_quiet() {
                return;
            }
            self.exchange_one();
        }
        panic!("the wormhole and an honest server do not come to rest");
    }

    pub(super) fn forget(&mut self) {
        self.lose();
        self.server = Server::new();
    }

    // ---- the peer ----

    pub(super) fn peer_begins(&mut self, honest: bool) {
        let other = Code::parse("4-something-else");
        let code = if honest { self.code.clone() } else { other.ok() };
        let Some(code) = code else { return };
        let peer = self.peer.get_or_insert_with(|| Peer::begin(&code, &app_id()));
        peer.learn(self.ours.as_ref());
        let pake = peer.pake();
        self.receive(&pake);
    }

    pub(super) fn peer_seals(&mut self, phase: &str, plaintext: &str) {
        if let Some(frame) = self.peer.as_ref().and_then(|peer| peer.sealed(phase, plaintext)) {
            self.receive(&frame);
        }
    }

    /// A numbered message whose text begins with its number, so that it can be told from others.
    pub(super) fn peer_says(&mut self, (number, text): (u64, &str)) {
        self.peer_seals(&number.to_string(), &format!("{number}:{text}"));
    }

    pub(super) fn peer_adds(&mut self, text: &str) {
        let (phase, body) = text.split_once(' ').unwrap_or((text, ""));
        self.receive(&frame(phase, body));
    }

    // ---- the end ----

    /// Whatever happened before: a wormhole that is told to leave, and from then on meets an honest
    /// server, ends.
    pub(super) fn end(mut self) {
        self.close();
        self.lose();
        for _ in 0..MAX_PARTING + 2 * self.sent {
            if self.closed {
                return;
            }
            self.open();
            self.solve();
            if self.server.is_quiet() {
                assert!(self.deadline.is_some(), "it neither ends nor waits for anything");
                self.time_out();
            } else {
                self.exchange_one();
            }
        }
        panic!("it was told to leave and does not");
    }

    // ---- the driver ----

    fn handle(&mut self, input: Input<'_>) {
        self.wormhole.handle(input, self.now);
        self.drain();
    }

    fn drain(&mut self) {
        for _ in 0..MAX_OUTPUTS + 2 * self.sent {
            match self.wormhole.poll() {
                Output::Wait(deadline) => {
                    self.deadline = deadline.map(|(at, _)| at);
                    assert!(!self.closed || self.deadline.is_none(), "it only waits");
                    return;
                }
                Output::Effect(effect) => self.perform(effect),
                Output::Event(event) => self.learn(event),
            }
        }
        panic!("the wormhole does not come to rest");
    }

    fn perform(&mut self, effect: Effect) {
        assert!(!self.closed, "nothing is done after the end: {effect:?}");
        match effect {
            Effect::Open => {
                assert!(self.link == Link::Down, "one connection at a time");
                self.link = Link::Opening;
            }
            Effect::Transmit(frame) => {
                self.judge(&frame);
                self.server.send(frame);
            }
            Effect::Close => {
                self.link = Link::Down;
                self.server.hang_up();
            }
            Effect::Work(challenge) => {
                assert!(challenge.bits() <= MAX_BITS);
                self.work = Some(challenge);
            }
        }
    }

    /// What a wormhole says is what a server understands, on a connection that is up, and bound
    /// before anything that needs it.
    fn judge(&mut self, frame: &str) {
        assert!(frame.len() <= MAX_FRAME);
        let Ok(Request { message: Ok(message), .. }) = Request::parse(frame) else {
            panic!("no server understands {frame}");
        };
        let Link::Up { bound } = &mut self.link else { panic!("no connection for {frame}") };
        match message {
            ClientMessage::Bind { .. } => *bound = true,
            ClientMessage::Ping(_) | ClientMessage::SubmitPermissions { .. } => {}
            _ => assert!(*bound, "{frame} before bind"),
        }
        if let ClientMessage::Add { phase, body } = message
            && phase == "pake"
        {
            let body = hex::decode(&body);
            assert!(body.is_some() && (self.ours.is_none() || self.ours == body));
            self.ours = body;
        }
        if let Some(peer) = &mut self.peer {
            peer.learn(self.ours.as_ref());
        }
    }

    fn learn(&mut self, event: Event) {
        assert!(!self.closed, "nothing is told after the end");
        match event {
            Event::Code(code) => {
                assert!(self.code.is_none(), "one code");
                self.code = Some(code);
            }
            Event::Confirmed(confirmed) => {
                assert!(!self.confirmed, "confirmed once");
                self.confirmed = true;
                let key = self.peer.as_ref().and_then(Peer::key);
                let verifier = key.map(wormhole_sync_core::SharedKey::verifier);
                assert_eq!(verifier, Some(confirmed.verifier()), "only the peer has the key");
            }
            Event::Received(message) => {
                assert!(self.confirmed, "nothing before the key is confirmed");
                let head = format!("{}:", self.received);
                assert!(message.starts_with(head.as_bytes()), "{message:?} is not the next");
                self.received += 1;
            }
            Event::Working { bits } => assert!(bits <= MAX_BITS),
            Event::Closed(_) => self.closed = true,
            _ => {}
        }
    }
}

fn app_id() -> AppId {
    AppId::new("app").unwrap_or_else(|error| panic!("{error}"))
}
