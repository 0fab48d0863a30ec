//! A server's exchange with four seats, in which anybody says anything.
//!
//! Each line begins with a seat, `0` to `3`, or with a verb of the room's own:
//!
//! ```text
//! 0{"type":"list"}   the seat says this frame, whatever it is
//! 0b A one           bind to application A as side one          0l         list
//! 0a                 allocate                                   0c 4 mmm   claim 4, which was mailbox mmm
//! 0r 4               release 4, or without a number             0o mmm     open mmm, or what it claimed
//! 0p 1 beef          add phase 1, body beef                     0x happy   close with a mood
//! 0h                 hang up; somebody else takes the seat
//! + 700              so many seconds pass, and idle mailboxes are pruned
//! =                  what changed so far is committed           !          the server restarts with it
//! ```

use std::sync::Arc;

use serde_json::Value;
use wormhole_sync_core::wire::{
    AppId, ClientMessage, MailboxId, Mood, Nameplate, Request, ServerMessage, Side,
};
use wormhole_sync_server::{
    Limits,
    exchange::{ConnectionId, embedded::Embedded, journal::Entry},
    session::{Outgoing, Policy, Session},
};

use super::{
    ledger::Ledger,
    lines::{number, verb},
};

const SEATS: usize = 4;

/// When the room opens, in Unix seconds.
const BEGIN: f64 = 1_790_000_000.0;

/// Seconds after which an idle mailbox is pruned.
const IDLE: f64 = 660.0;

/// Small limits, so that a few lines reach them.
fn limits() -> Limits {
    Limits {
        mailbox_messages: 5,
        mailbox_bytes: 1500,
        mailboxes: 6,
        stored_bytes: 4000,
        ..Limits::default()
    }
}

pub(super) struct Room {
    exchange: Embedded,
    seats: [Seat; SEATS],
    connections: u64,
    now: f64,
    /// What the journal adds up to.
    pub(super) ledger: Ledger,
    /// The journal since it was last taken.
    journal: Vec<Entry>,
}

/// A connection, and what it is known to have been granted.
struct Seat {
    session: Session,
    connection: ConnectionId,
    bound: Option<(AppId, Side)>,
    claimed: Option<MailboxId>,
    opened: Option<MailboxId>,
}

impl Seat {
    fn new(connection: ConnectionId) -> Self {
        let policy = Policy { allow_list: true, ..Policy::default() };
        let session = Session::new(connection, None, Arc::new(policy));
        Self { session, connection, bound: None, claimed: None, opened: None }
    }
}

impl Room {
    pub(super) fn new() -> Self {
        let seats = [1, 2, 3, 4].map(|number| Seat::new(ConnectionId(number)));
        Self {
            exchange: Embedded::new(limits(), [3; 32]),
            seats,
            connections: SEATS as u64,
            now: BEGIN,
            ledger: Ledger::default(),
            journal: Vec::new(),
        }
    }

    /// Does what one line says, and looks at what came of it.
    pub(super) fn act(&mut self, line: &str) {
        let Some((first, rest)) = verb(line) else { return };
        match first {
            '+' => self.pass(number(rest).0),
            '!' => self.restart(),
            '=' => {} // for whoever takes the journal
            _ => self.speak(first as usize % SEATS, rest),
        }
        self.settle();
    }

    /// Everybody leaves, and in time nothing is left of them.
    pub(super) fn empty(&mut self) {
        for seat in 0..SEATS {
            self.hang_up(seat);
        }
        self.pass(1_000_000);
        self.settle();
        assert_eq!(self.exchange.mailboxes(), 0);
        assert_eq!(self.ledger, Ledger::default());
    }

    /// What changed since the last time.
    pub(super) fn take_journal(&mut self) -> Vec<Entry> {
        std::mem::take(&mut self.journal)
    }

    fn settle(&mut self) {
        let entries = self.exchange.take_journal();
        self.journal.extend(entries.iter().cloned());
        self.ledger.write(entries);
        drop(self.exchange.take_endings());
        assert_eq!(self.exchange.mailboxes(), self.ledger.mailboxes());
        self.ledger.assert_within(&limits());
    }

    fn pass(&mut self, seconds: u64) {
        let seconds = u32::try_from(seconds).unwrap_or(u32::MAX);
        self.now += f64::from(seconds);
        self.exchange.prune(IDLE, self.now);
    }

    fn restart(&mut self) {
        self.settle();
        for seat in 0..SEATS {
            self.hang_up(seat);
        }
        self.exchange = Embedded::new(limits(), [4; 32]);
        self.exchange.restore(self.ledger.snapshot(), |_| false, self.now);
    }

    fn hang_up(&mut self, seat: usize) {
        self.connections += 1;
        let next = Seat::new(ConnectionId(self.connections));
        let Some(seat) = self.seats.get_mut(seat) else { return };
        let mut gone = std::mem::replace(seat, next);
        gone.session.leave(self.now, &mut self.exchange);
    }

    fn speak(&mut self, seat: usize, text: &str) {
        match verb(text) {
            Some(('h', _)) => self.hang_up(seat),
            Some(('{', _)) => self.say(seat, text),
            Some((letter, rest)) => {
                let claimed = self.seats.get(seat).and_then(|seat| seat.claimed.clone());
                if let Some(message) = message(letter, rest, claimed) {
                    self.say(seat, &message.encode("5eed"));
                }
            }
            None => {}
        }
    }

    fn say(&mut self, seat: usize, frame: &str) {
        let Some(speaker) = self.seats.get_mut(seat) else { return };
        let mut out = Vec::new();
        // One that is too long is refused before it is read.
        let request = (frame.len() <= speaker.session.message_limit())
            .then(|| Request::parse(frame).ok())
            .flatten();
        speaker.session.handle(frame, self.now, &mut self.exchange, &mut out);
        let connection = speaker.connection;
        let (own, others): (Vec<_>, Vec<_>) =
            out.iter().partition(|outgoing| outgoing.to == connection);
        let own = own.into_iter().map(|outgoing| answered(outgoing, frame));
        let answer = answer(own, request.is_some());
        if let Some(Request { message: Ok(message), .. }) = request {
            speaker.learn(message, answer.as_ref());
        }
        self.settle();
        self.overhear(seat, &others);
    }

    /// What others get to hear are the speaker's messages in the mailbox that all of them opened.
    fn overhear(&self, speaker: usize, heard: &[&Outgoing]) {
        let Some(speaker) = self.seats.get(speaker) else { return };
        for outgoing in heard {
            let listener = self.seats.iter().find(|seat| seat.connection == outgoing.to);
            let (Some(listener), ServerMessage::Message(message)) =
                (listener, understood(outgoing))
            else {
                panic!("{outgoing:?}");
            };
            let ((Some((app, side)), Some((same, listening))), Some(mailbox)) =
                ((&speaker.bound, &listener.bound), &speaker.opened)
            else {
                panic!("a message of nobody's");
            };
            assert_eq!((app, side), (same, &message.side));
            assert_eq!(listener.opened.as_ref(), Some(mailbox));
            let sides = self.ledger.sides(app, mailbox);
            assert!(sides.contains(&side.as_str()) && sides.contains(&listening.as_str()));
        }
    }
}

impl Seat {
    /// Notes what the server granted.
    fn learn(&mut self, request: ClientMessage<'_>, answer: Option<&ServerMessage>) {
        match (request, answer) {
            (ClientMessage::Bind { app_id, side, .. }, None) => self.bound = Some((app_id, side)),
            (ClientMessage::Claim { .. }, Some(ServerMessage::Claimed { mailbox })) => {
                self.claimed = Some(mailbox.clone());
            }
            (ClientMessage::Open(mailbox), None) => self.opened = Some(mailbox),
            (ClientMessage::Close { .. }, Some(ServerMessage::Closed)) => self.opened = None,
            _ => {}
        }
    }
}

/// A frame as the client that it goes to reads it: it must be one that clients understand.
fn understood(outgoing: &Outgoing) -> ServerMessage {
    match ServerMessage::parse(&outgoing.text) {
        None | Some(ServerMessage::Unknown) => panic!("no client understands {}", outgoing.text),
        Some(message) => message,
    }
}

/// The same for an answer to `frame`. Who says what clients cannot read may get it back, in an
/// error or a pong.
fn answered(outgoing: &Outgoing, frame: &str) -> ServerMessage {
    let unreadable = serde_json::from_str::<Value>(frame).is_err();
    if unreadable && ServerMessage::parse(&outgoing.text).is_none() {
        return ServerMessage::Error { error: String::new(), orig: Value::Null, temporary: false };
    }
    understood(outgoing)
}

/// The direct answer among what the speaker hears: an `ack` comes first when the request had a
/// type, and at most one thing follows that is no message.
fn answer(mut heard: impl Iterator<Item = ServerMessage>, acked: bool) -> Option<ServerMessage> {
    if acked {
        assert_eq!(heard.next(), Some(ServerMessage::Ack));
    }
    let mut direct: Vec<ServerMessage> =
        heard.filter(|message| !matches!(message, ServerMessage::Message(_))).collect();
    assert!(direct.len() <= 1, "{direct:?}");
    assert!(!matches!(direct.first(), Some(ServerMessage::Ack | ServerMessage::Welcome { .. })));
    assert!(acked || matches!(direct.first(), Some(ServerMessage::Error { .. })));
    direct.pop()
}

/// The message that a line's letter and words stand for, if they stand for any.
fn message(letter: char, rest: &str, claimed: Option<MailboxId>) -> Option<ClientMessage<'_>> {
    let mut words = rest.split_ascii_whitespace();
    let mut word = || words.next();
    Some(match letter {
        'b' => ClientMessage::Bind {
            app_id: AppId::new(word()?).ok()?,
            side: Side::new(word()?).ok()?,
            client_version: None,
        },
        'l' => ClientMessage::List,
        'a' => ClientMessage::Allocate,
        'c' => ClientMessage::Claim {
            nameplate: Nameplate::new(word()?).ok()?,
            mailbox: word().and_then(|mailbox| MailboxId::new(mailbox).ok()),
        },
        'r' => ClientMessage::Release(word().and_then(|name| Nameplate::new(name).ok())),
        'o' => ClientMessage::Open(word().map_or(claimed, |name| MailboxId::new(name).ok())?),
        'p' => ClientMessage::Add { phase: word()?.into(), body: word()?.into() },
        'x' => ClientMessage::Close {
            mood: word().and_then(Mood::parse),
            mailbox: word().and_then(|mailbox| MailboxId::new(mailbox).ok()),
        },
        _ => return None,
    })
}
