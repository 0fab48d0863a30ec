//! One side: its machine, and a driver of a few lines.

use std::time::Duration;

use sha2::{Digest as _, Sha256};
use wormhole_sync_core::{
    Moment,
    connect::{Action, LinkId, Path},
    transfer::{ANSWER_LIMIT, Channel, Event, Failure, Meeting, Output, Receiving, Sending},
    transit::{OVERHEAD, frame},
    wire::transfer_message::{Digest, Offer},
};

/// Plaintext bytes of the driver's records: small, so that there are several.
const RECORD: usize = 4096;

/// How a transfer ended at one side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The sender knows that the receiver has everything.
    Delivered,
    /// The receiver has everything.
    Received,
    /// It did not happen.
    Failed(Failure),
}

/// What the receiver's user decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consent {
    /// Takes it.
    Accepts,
    /// Does not want it.
    Rejects,
    /// Does not decide.
    Hesitates,
}

/// What the receiver does with an offer.
#[derive(Clone, Debug)]
pub struct Taking {
    /// Its user's decision.
    pub consent: Consent,
    /// Bytes that its disk has room for.
    pub room: usize,
    /// The time that it takes to write everything out, once it is there.
    pub writing: Duration,
}

impl Default for Taking {
    fn default() -> Self {
        Self { consent: Consent::Accepts, room: usize::MAX, writing: Duration::ZERO }
    }
}

/// What a side wants done.
pub(super) enum Deed {
    Message(Vec<u8>),
    Link(Action),
    WriteOut(Duration),
}

/// What a side has told and done.
#[derive(Default)]
pub(super) struct Log {
    pub(super) ending: Option<Ending>,
    pub(super) ended_at: Moment,
    pub(super) connected: Option<(LinkId, Path)>,
    pub(super) digest: Option<Digest>,
    pub(super) accepted: bool,
    pub(super) text: Option<String>,
    pub(super) dials: usize,
}

pub(super) struct Side {
    part: Part,
    channel: Option<Channel>,
    /// What came on the chosen link and is no whole record yet.
    unread: Vec<u8>,
    /// Whether it has a port of its own.
    listens: bool,
    pub(super) alarm: Option<Moment>,
    pub(super) log: Log,
}

enum Part {
    Sending { machine: Sending, bytes: Vec<u8>, at: usize, all: bool },
    Receiving { machine: Receiving, taking: Taking, meeting: Meeting, bytes: Vec<u8>, size: usize },
}

/// Does the same with either machine.
macro_rules! machine {
    ($side:expr, $machine:ident => $does:expr) => {
        match &mut $side.part {
            Part::Sending { machine: $machine, .. } => $does,
            Part::Receiving { machine: $machine, .. } => $does,
        }
    };
}

impl Side {
    pub(super) fn sending(machine: Sending, bytes: Vec<u8>, listens: bool) -> Self {
        Self::new(Part::Sending { machine, bytes, at: 0, all: false }, listens)
    }

    pub(super) fn receiving(machine: Receiving, taking: Taking, meeting: Meeting) -> Self {
        let (listens, bytes, size) = (meeting.listens, Vec::new(), usize::MAX);
        Self::new(Part::Receiving { machine, taking, meeting, bytes, size }, listens)
    }

    fn new(part: Part, listens: bool) -> Self {
        let (channel, unread, alarm, log) = (None, Vec::new(), None, Log::default());
        Self { part, channel, unread, listens, alarm, log }
    }

    // ---- what happens to it ----

    pub(super) fn message(&mut self, bytes: &[u8], now: Moment) {
        machine!(self, machine => machine.message(bytes, now));
    }

    pub(super) fn accepted(&mut self, now: Moment) -> Option<LinkId> {
        if !self.listens {
            return None; // there is no port
        }
        machine!(self, machine => machine.accepted(now))
    }

    pub(super) fn opened(&mut self, link: LinkId) {
        machine!(self, machine => machine.opened(link));
    }

    pub(super) fn lost(&mut self, link: LinkId, now: Moment) {
        machine!(self, machine => machine.lost(link, now));
    }

    pub(super) fn cancel(&mut self, reason: &str) {
        machine!(self, machine => machine.cancel(reason));
    }

    pub(super) fn received(&mut self, link: LinkId, bytes: &[u8], now: Moment) -> Vec<Deed> {
        let mut deeds = Vec::new();
        if self.channel.as_ref().is_some_and(|channel| channel.link == link) {
            self.unread.extend_from_slice(bytes);
            self.read(now, &mut deeds);
        } else {
            machine!(self, machine => machine.received(link, bytes));
        }
        deeds
    }

    /// What has come is written out.
    pub(super) fn written(&mut self) -> Vec<Deed> {
        let hash = self.hash();
        let Part::Receiving { machine, .. } = &mut self.part else { return Vec::new() };
        let Some(channel) = &mut self.channel else { return Vec::new() };
        let Some(plaintext) = machine.acknowledge(&hash) else { return Vec::new() };
        let mut bytes = vec![0; plaintext.len() + OVERHEAD];
        assert_eq!(channel.sealer.seal(&plaintext, &mut bytes), Some(bytes.len()));
        vec![Deed::Link(Action::Transmit { link: channel.link, bytes })]
    }

    // ---- what it does ----

    /// Everything that the machine wants, until it waits.
    pub(super) fn drain(&mut self, now: Moment) -> Vec<Deed> {
        let mut deeds = Vec::new();
        loop {
            match machine!(self, machine => machine.poll(now)) {
                Output::Message(bytes) => deeds.push(Deed::Message(bytes)),
                Output::Link(action) => {
                    self.log.dials += usize::from(matches!(action, Action::Dial { .. }));
                    deeds.push(Deed::Link(action));
                }
                Output::Event(event) => self.learn(event, now, &mut deeds),
                Output::Wait(alarm) => {
                    assert!(alarm.is_none_or(|alarm| alarm > now), "it would spin");
                    assert!(
                        alarm.is_none_or(|alarm| alarm <= now + ANSWER_LIMIT),
                        "no clock has it"
                    );
                    self.alarm = alarm;
                    return deeds;
                }
            }
        }
    }

    /// The next bulk record, where there is `room` for it on the link.
    pub(super) fn pump(&mut self, room: usize, now: Moment) -> Option<Deed> {
        let Part::Sending { machine, bytes, at, all } = &mut self.part else { return None };
        let channel = self.channel.as_mut().filter(|_| self.log.ending.is_none() && !*all)?;
        let rest = bytes.get(*at..).unwrap_or_default();
        let plaintext = rest.get(..RECORD).unwrap_or(rest);
        if plaintext.is_empty() {
            *all = true;
            machine.sent(now);
            return None;
        }
        if room < plaintext.len() + OVERHEAD {
            return None;
        }
        let mut record = vec![0; plaintext.len() + OVERHEAD];
        assert_eq!(channel.sealer.seal(plaintext, &mut record), Some(record.len()));
        *at += plaintext.len();
        machine.moved(now);
        Some(Deed::Link(Action::Transmit { link: channel.link, bytes: record }))
    }

    fn learn(&mut self, event: Event, now: Moment, deeds: &mut Vec<Deed>) {
        match event {
            Event::Offered(offer) => self.decide(offer, now),
            Event::Accepted => self.log.accepted = true,
            Event::Connected(mut channel) => {
                assert!(self.log.connected.replace((channel.link, channel.path)).is_none());
                self.log.digest = Some(channel.digest);
                self.unread = std::mem::take(&mut channel.rest);
                self.channel = Some(channel);
                self.write_out_when_complete(deeds);
                self.read(now, deeds);
            }
            Event::Delivered => self.end(Ending::Delivered, now),
            Event::Received => self.end(Ending::Received, now),
            Event::Failed(failure) => self.end(Ending::Failed(failure), now),
        }
    }

    fn end(&mut self, ending: Ending, now: Moment) {
        self.log.ended_at = now;
        let before = self.log.ending.replace(ending);
        assert_eq!(before, None, "a transfer ends once");
    }

    fn decide(&mut self, offer: Offer, now: Moment) {
        let Part::Receiving { machine, taking, meeting, size, .. } = &mut self.part else {
            panic!("a sender is offered nothing")
        };
        match (taking.consent, offer) {
            (Consent::Hesitates, _) => {}
            (Consent::Rejects, _) => machine.cancel("transfer rejected"),
            (Consent::Accepts, Offer::Message(text)) => {
                self.log.text = Some(text);
                machine.take_text();
            }
            (Consent::Accepts, Offer::File(file)) => {
                *size = usize::try_from(file.size).unwrap_or(usize::MAX);
                machine.accept(file.size, meeting, now);
            }
            (Consent::Accepts, Offer::Directory(_)) => panic!("no test offers a directory"),
        }
    }

    /// Opens the records that are there.
    fn read(&mut self, now: Moment, deeds: &mut Vec<Deed>) {
        loop {
            let length = match frame(&self.unread) {
                Ok(Some(length)) => length,
                Ok(None) => return,
                Err(_) => return self.misbehaved("a record of an impossible length"),
            };
            let record: Vec<u8> = self.unread.drain(..4 + length).skip(4).collect();
            let mut plaintext = vec![0; length - 40];
            let Some(channel) = &mut self.channel else { return };
            if channel.opener.open(&record, &mut plaintext).is_err() {
                return self.misbehaved("a record that does not open");
            }
            self.take(&plaintext, now);
            self.write_out_when_complete(deeds);
        }
    }

    fn misbehaved(&mut self, what: &'static str) {
        self.unread.clear();
        machine!(self, machine => machine.nonsense(what));
    }

    fn take(&mut self, plaintext: &[u8], now: Moment) {
        let hash = self.hash();
        match &mut self.part {
            Part::Sending { machine, .. } => machine.acknowledged(plaintext, &hash),
            Part::Receiving { machine, taking, bytes, .. } => {
                bytes.extend_from_slice(plaintext);
                if bytes.len() > taking.room {
                    machine.cancel("disk full");
                }
                machine.moved(plaintext.len() as u64, now);
            }
        }
    }

    fn write_out_when_complete(&self, deeds: &mut Vec<Deed>) {
        if let Part::Receiving { taking, bytes, size, .. } = &self.part
            && bytes.len() == *size
        {
            deeds.push(Deed::WriteOut(taking.writing));
        }
    }

    /// The bytes that it gives, or has.
    pub(super) fn bytes(&self) -> &[u8] {
        match &self.part {
            Part::Sending { bytes, .. } | Part::Receiving { bytes, .. } => bytes,
        }
    }

    fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.bytes()).into()
    }
}
