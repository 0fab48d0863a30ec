//! An engine whose writer and dispatcher work when they are told to, and who speaks to it.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use serde_json::{Value, json};
use tokio::io::AsyncWrite;

use super::disks::Faulty;
use crate::{
    engine::{Engine, disk::Disk, release},
    exchange::{ConnectionId, embedded::Embedded},
    outbox::Outbox,
    pool::Pool,
    session::{Policy, Session},
};

pub(super) struct Desk<D> {
    pub(super) engine: Engine,
    pub(super) disk: D,
    pairs: u32,
}

impl<D: Disk> Desk<D> {
    pub(super) fn new(engine: Engine, disk: D) -> Self {
        Self { engine, disk, pairs: 0 }
    }

    pub(super) fn connect(&self, side: &str) -> Talker {
        Talker::join(&self.engine, side)
    }

    pub(super) fn tell(&self, talker: &mut Talker, request: &Value) {
        talker.say(&self.engine, request);
    }

    /// Stores what waits, as one batch, and lets the answers out.
    pub(super) fn settle(&mut self) {
        let batch = std::mem::take(&mut self.engine.lock().batch);
        if !batch.is_empty() {
            self.engine.record(batch, &mut self.disk);
        }
        let stored = std::mem::take(&mut self.engine.lock().stored);
        release(stored);
    }
}

impl Desk<Faulty<'_>> {
    /// Lets two sides exchange a message each, their changes stored together or apart. The errors
    /// that they were told.
    pub(super) fn play_a_pair(&mut self, apart: bool) -> Vec<String> {
        self.pairs += 1;
        let mut pair = ["a", "b"].map(|name| Side::new(name, self));
        for _ in 0..200 {
            let alone = pair.iter().any(|side| side.failure.is_some());
            for side in &mut pair {
                side.act(self, alone);
                if apart {
                    self.settle();
                }
            }
            self.settle();
            for side in &mut pair {
                side.listen(self);
            }
            self.assert_agreement(&pair);
            if pair.iter().all(Side::is_done) {
                let [a, b] = pair;
                return a.failure.into_iter().chain(b.failure).collect();
            }
        }
        panic!("stuck: {:?}", pair.map(|side| (side.mailbox, side.echoed, side.heard_peer)));
    }

    /// What is in memory is on the disk, and what was answered is, too.
    fn assert_agreement(&self, pair: &[Side; 2]) {
        let content = self.disk.content();
        let state = self.engine.lock();
        if !state.stale {
            assert_eq!(state.exchange.snapshot(), content);
            let mut fresh = Embedded::new(crate::Limits::default(), [1; 32]);
            fresh.restore(content.clone(), |_| false, 0.0);
            assert_eq!(fresh.snapshot(), content);
        }
        for side in pair.iter().filter(|side| side.echoed && !side.closing) {
            assert!(content.messages.iter().any(|(_, message)| *message.side == *side.name));
        }
    }
}

/// A client that goes through one exchange, one request at a time.
#[expect(clippy::struct_excessive_bools, reason = "each is something that was heard or said")]
struct Side {
    name: String,
    nameplate: String,
    talker: Talker,
    waits: bool,
    mailbox: Option<Value>,
    opened: bool,
    echoed: bool,
    heard_peer: bool,
    released: bool,
    closing: bool,
    closed: bool,
    failure: Option<String>,
}

impl Side {
    fn new(name: &str, desk: &Desk<Faulty<'_>>) -> Self {
        let name = format!("{name}{}", desk.pairs);
        Self {
            talker: desk.connect(&name),
            name,
            nameplate: desk.pairs.to_string(),
            waits: false,
            mailbox: None,
            opened: false,
            echoed: false,
            heard_peer: false,
            released: false,
            closing: false,
            closed: false,
            failure: None,
        }
    }

    fn is_done(&self) -> bool {
        self.closed || self.failure.is_some()
    }

    /// Says what comes next. A user gives up who learns that the other has failed.
    fn act(&mut self, desk: &Desk<Faulty<'_>>, alone: bool) {
        if self.waits || self.is_done() {
            return;
        }
        let request = match &self.mailbox {
            None => json!({"type": "claim", "nameplate": self.nameplate}),
            Some(mailbox) if !self.opened => json!({"type": "open", "mailbox": mailbox}),
            Some(_) if !self.echoed => json!({"type": "add", "phase": "p", "body": "00"}),
            Some(_) if !self.heard_peer && !alone => return,
            Some(_) if !self.released => json!({"type": "release", "nameplate": self.nameplate}),
            Some(mailbox) => json!({"type": "close", "mailbox": mailbox}),
        };
        self.closing |= request["type"] == "close";
        self.opened |= request["type"] == "open";
        self.waits = true;
        desk.tell(&mut self.talker, &request);
    }

    fn listen(&mut self, desk: &Desk<Faulty<'_>>) {
        for frame in self.talker.hear() {
            match frame["type"].as_str().unwrap() {
                "ack" => self.waits = false,
                "claimed" => self.mailbox = Some(frame["mailbox"].clone()),
                "message" if frame["side"] == self.name => self.echoed = true,
                "message" => self.heard_peer = true,
                "released" => self.released = true,
                "closed" => self.closed = true,
                "error" => {
                    assert!(frame["orig"]["type"].is_string(), "{frame}");
                    self.failure = Some(frame["error"].as_str().unwrap().to_owned());
                }
                other => panic!("{other}"),
            }
        }
        if self.talker.is_closed() && !self.is_done() {
            (self.talker, self.waits, self.opened) = (desk.connect(&self.name), false, false);
        }
    }
}

/// A connection, frame by frame.
pub(super) struct Talker {
    id: ConnectionId,
    outbox: Arc<Outbox>,
    session: Session,
    socket: Socket,
}

impl Talker {
    pub(super) fn join(engine: &Engine, side: &str) -> Self {
        let outbox = Arc::new(Outbox::new(1 << 30, Pool::new(1 << 30), Arc::default()));
        let id = engine.next_connection();
        engine.join(id, &outbox);
        let session = Session::new(id, None, Policy::default().into());
        let mut talker = Self { id, outbox, session, socket: Socket::default() };
        talker.say(engine, &json!({"type": "bind", "appid": "app", "side": side}));
        talker
    }

    pub(super) fn say(&mut self, engine: &Engine, request: &Value) {
        assert!(!self.is_closed(), "{:?} is closed", self.id);
        let frame = request.to_string();
        engine.turn(&self.outbox, |turn| {
            (self.session.handle(&frame, turn.now, turn.exchange, &mut turn.out), ())
        });
    }

    /// What came since the last time.
    pub(super) fn hear(&mut self) -> Vec<Value> {
        self.read_only(usize::MAX);
        self.socket.take_frames()
    }

    /// The same, as types.
    pub(super) fn kinds(&mut self) -> Vec<String> {
        self.hear().iter().map(|frame| frame["type"].as_str().unwrap().to_owned()).collect()
    }

    /// All phases that came so far.
    pub(super) fn phases(&mut self) -> &[String] {
        self.socket.take_frames();
        &self.socket.phases
    }

    /// Reads no more than this.
    pub(super) fn read_only(&mut self, bytes: usize) {
        self.socket.room = bytes;
        let mut context = Context::from_waker(Waker::noop());
        _ = self.outbox.poll_write(&mut self.socket, &mut context);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.outbox.is_closing()
    }
}

/// The other end of a connection.
#[derive(Default)]
struct Socket {
    room: usize,
    bytes: Vec<u8>,
    phases: Vec<String>,
}

impl Socket {
    fn take_frames(&mut self) -> Vec<Value> {
        let mut frames = Vec::new();
        loop {
            let (head, length) = match self.bytes[..] {
                [_, 126, a, b, ..] => (4, usize::from(u16::from_be_bytes([a, b]))),
                [_, 127, ..] => (10, 0), // nothing here is so long
                [_, length, ..] => (2, usize::from(length)),
                _ => return frames,
            };
            if self.bytes.len() < head + length {
                return frames;
            }
            let frame: Vec<u8> = self.bytes.drain(..head + length).collect();
            if frame[0] == 0x81 {
                let frame: Value = serde_json::from_slice(&frame[head..]).unwrap();
                self.phases.extend(frame["phase"].as_str().map(str::to_owned));
                frames.push(frame);
            }
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let taken = bytes.len().min(self.room);
        if taken == 0 {
            return Poll::Pending;
        }
        self.room -= taken;
        self.bytes.extend_from_slice(&bytes[..taken]);
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
