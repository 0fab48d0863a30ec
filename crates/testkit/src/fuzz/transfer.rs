//! The two machines of file transfer, and whatever is said to them.
//!
//! A line is an operation: `m` and a message from the peer; `c` somebody connects to our port; `l` and a link's number, its bytes
//! after a space (`{peer}` stands for the peer's line); `o` and `x` with a number: a link is up, or is gone;
//! `b` and a number of bytes that have moved; `s` everything is sent; `k` and a record from the peer; `w` the
//! next alarm comes; `q` our user gives up. The first line is `s` for the sender's side, else it is the receiver's, whose
//! user accepts every file.

use wormhole_sync_core::{
    Moment,
    connect::{Action, LinkId},
    transfer::{Event, Meeting, Output, Receiving, Sending},
    transit::TransitKey,
    wire::{
        limits::MAX_PLAINTEXT,
        transfer_message::{FileOffer, Offer, TransferMessage},
        transit::Role,
    },
};

use super::{
    lines::{lines, number, verb},
    links::key,
};

enum Machine {
    Sending(Sending),
    Receiving(Receiving),
}

/// Does the same with either machine.
macro_rules! machine {
    ($it:expr, $machine:ident => $does:expr) => {
        match &mut $it.machine {
            Machine::Sending($machine) => $does,
            Machine::Receiving($machine) => $does,
        }
    };
}

struct Run {
    machine: Machine,
    key: TransitKey,
    now: Moment,
    alarm: Option<Moment>,
    links: Vec<LinkId>,
    missing: u64,
    connected: bool,
    over: bool,
}

/// Whatever is said to it, a transfer rests, says what is a message, connects once and ends once, and says nothing afterwards.
pub fn transfer(data: &[u8]) {
    let mut lines = lines(data);
    let mut run = Run::new(lines.next() == Some("s"));
    run.drain();
    for (verb, rest) in lines.filter_map(verb) {
        run.act(verb, rest);
        run.drain();
    }
    while run.alarm.is_some() {
        run.wake();
        run.drain();
    }
    // A receiver whose user decides nothing, or who has everything, waits for the application.
    let rests = matches!(run.machine, Machine::Receiving(_));
    assert!(run.over || run.connected || rests, "it waits for nobody");
}

impl Run {
    fn new(sends: bool) -> Self {
        let key = key();
        let machine = if sends {
            let file = FileOffer { name: "plan.pdf".to_owned(), size: 1000 };
            Machine::Sending(Sending::new(key.clone(), Offer::File(file), &meeting()))
        } else {
            Machine::Receiving(Receiving::new(key.clone()))
        };
        let (now, alarm, links) = (Moment::ZERO, None, Vec::new());
        Self { machine, key, now, alarm, links, missing: 0, connected: false, over: false }
    }

    fn act(&mut self, verb: char, rest: &str) {
        let now = self.now;
        let (number, behind) = number(rest);
        let link = usize::try_from(number).ok().and_then(|at| self.links.get(at).copied());
        match (verb, link) {
            ('m', _) => machine!(self, it => it.message(rest.as_bytes(), now)),
            ('c', _) => {
                let link = machine!(self, it => it.accepted(now));
                assert!(link.is_none() || !self.over, "nobody is let in afterwards");
                self.links.extend(link);
            }
            ('l', Some(link)) => {
                let said = behind.replace("{peer}", &self.key.ready_line(self.role().other()));
                let said = said.replace("{end}", "\n");
                machine!(self, it => it.received(link, said.as_bytes()));
            }
            ('o', Some(link)) => machine!(self, it => it.opened(link)),
            ('x', Some(link)) => machine!(self, it => it.lost(link, now)),
            ('b', _) => self.moved(number),
            ('s', _) => {
                if let Machine::Sending(sending) = &mut self.machine
                    && self.connected
                {
                    sending.sent(now);
                }
            }
            ('k', _) => self.record(rest),
            ('w', _) => self.wake(),
            ('q', _) => machine!(self, it => it.cancel("enough")),
            _ => {}
        }
    }

    fn moved(&mut self, bytes: u64) {
        match &mut self.machine {
            Machine::Sending(sending) => sending.moved(self.now),
            Machine::Receiving(receiving) if self.connected => {
                receiving.moved(bytes, self.now);
                self.missing = self.missing.saturating_sub(bytes);
                if let Some(record) = receiving.acknowledge(&[7; 32]) {
                    assert_eq!(self.missing, 0, "it is not all there");
                    assert!(record.starts_with(br#"{"ack":"ok""#));
                }
            }
            Machine::Receiving(_) => {}
        }
    }

    fn record(&mut self, record: &str) {
        if let Machine::Sending(sending) = &mut self.machine
            && self.connected
        {
            sending.acknowledged(record.as_bytes(), &[7; 32]);
        }
    }

    fn wake(&mut self) {
        if let Some(alarm) = self.alarm {
            self.now = alarm;
        }
    }

    fn drain(&mut self) {
        loop {
            match machine!(self, it => it.poll(self.now)) {
                Output::Message(bytes) => {
                    assert!(!self.over && bytes.len() <= MAX_PLAINTEXT);
                    assert!(TransferMessage::decode(&bytes).is_some());
                }
                Output::Link(Action::Dial { link, .. }) => self.links.push(link),
                Output::Link(Action::Transmit { .. } | Action::Close { .. }) => {}
                Output::Event(event) => self.learn(event),
                Output::Wait(alarm) => {
                    assert!(alarm.is_none_or(|alarm| alarm > self.now), "it would spin");
                    assert!(!self.over || alarm.is_none(), "nothing is to come");
                    self.alarm = alarm;
                    return;
                }
            }
        }
    }

    fn learn(&mut self, event: Event) {
        assert!(!self.over, "{event:?} after the end");
        match event {
            Event::Offered(Offer::File(file)) => {
                self.missing = file.size;
                if let Machine::Receiving(receiving) = &mut self.machine {
                    receiving.accept(file.size, &meeting(), self.now);
                }
            }
            Event::Connected(_) => {
                assert!(!self.connected, "one link is chosen");
                self.connected = true;
            }
            Event::Delivered | Event::Received | Event::Failed(_) => self.over = true,
            Event::Offered(_) | Event::Accepted => {}
        }
    }

    const fn role(&self) -> Role {
        match self.machine {
            Machine::Sending(_) => Role::Sender,
            Machine::Receiving(_) => Role::Receiver,
        }
    }
}

fn meeting() -> Meeting {
    Meeting { hints: Vec::new(), listens: true, side: "0011223344556677".to_owned() }
}
