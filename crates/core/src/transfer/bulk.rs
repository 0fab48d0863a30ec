//! What both roles share: the race, the chosen link's supervision, and the one ending.

use std::collections::VecDeque;

use wormhole_sync_wire::{
    hint::Hint,
    transfer_message::{Digest, TransferMessage, Transit},
    transit::Role,
};

use super::{
    ANSWER_LIMIT, Channel, Event, Failure, Meeting, Output, REASON_WAIT, STALL_LIMIT, message,
};
use crate::{
    Moment,
    connect::{self, Action, Connect, LinkId},
    transit::{Handshakes, TransitKey},
};

pub(super) struct Bulk {
    key: TransitKey,
    role: Role,
    race: Option<Connect<Handshakes>>,
    /// The peer's hints that came before there was a race.
    hints: Vec<Hint>,
    /// The hash that both sides take: what it was when the link was chosen.
    digest: Digest,
    /// Whether nothing goes on before the peer has spoken, and until when it may keep silent.
    awaits_peer: bool,
    silent_until: Option<Moment>,
    link: Option<LinkId>,
    /// Whether it is the link that is waited for, and when it has stood still for too long.
    awaits_link: bool,
    stalled_at: Option<Moment>,
    /// Until when a peer whose link is gone may say why.
    reason_until: Option<Moment>,
    outputs: VecDeque<Output>,
    over: bool,
}

impl Bulk {
    pub(super) const fn new(key: TransitKey, role: Role) -> Self {
        Self {
            key,
            role,
            race: None,
            hints: Vec::new(),
            digest: Digest::Sha256,
            awaits_peer: true,
            silent_until: None,
            link: None,
            awaits_link: true,
            stalled_at: None,
            reason_until: None,
            outputs: VecDeque::new(),
            over: false,
        }
    }

    pub(super) fn say(&mut self, message: Vec<u8>) {
        self.outputs.push_back(Output::Message(message));
    }

    pub(super) fn tell(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }

    /// The peer has spoken.
    pub(super) const fn heard(&mut self) {
        self.awaits_peer = false;
        self.silent_until = None;
    }

    /// Sets the race up, and tells the peer where this side is.
    pub(super) fn meet(&mut self, meeting: &Meeting) {
        self.say(meeting.message());
        let handshakes = Handshakes::new(self.key.clone(), self.role, meeting.side.clone());
        let mut race = Connect::new(handshakes, meeting.listens);
        for hint in meeting.hints.iter().filter(|hint| matches!(hint, Hint::Relay(_))) {
            race.hint(hint);
        }
        for hint in self.hints.drain(..) {
            race.hint(&hint);
        }
        self.race = Some(race);
    }

    /// The peer's message, unless it ends the transfer or comes after its end.
    pub(super) fn read(&mut self, plaintext: &[u8]) -> Option<TransferMessage> {
        if self.over {
            return None;
        }
        match TransferMessage::decode(plaintext) {
            Some(TransferMessage { error: Some(reason), .. }) => {
                self.fail(Failure::Refused(reason));
                None
            }
            None => {
                self.fail(Failure::Nonsense("what is no message of file transfer"));
                None
            }
            message => message,
        }
    }

    /// How the peer can be reached, and what it can take.
    pub(super) fn learn(&mut self, transit: Transit) {
        if self.link.is_some() {
            return; // too late
        }
        let both = transit.digests.contains(&Digest::Blake3); // this side takes it
        self.digest = if both { Digest::Blake3 } else { Digest::Sha256 };
        match &mut self.race {
            Some(race) => transit.hints.iter().for_each(|hint| race.hint(hint)),
            None => self.hints = transit.hints, // the latest message's, so that they cannot pile up
        }
    }

    pub(super) fn begin(&mut self, now: Moment) {
        if let Some(race) = &mut self.race {
            race.begin(now);
        }
    }

    pub(super) fn accepted(&mut self, now: Moment) -> Option<LinkId> {
        self.race.as_mut()?.accepted(now)
    }

    pub(super) fn opened(&mut self, link: LinkId) {
        if let Some(race) = &mut self.race {
            race.opened(link);
        }
    }

    pub(super) fn received(&mut self, link: LinkId, bytes: &[u8]) {
        if let Some(race) = &mut self.race {
            race.received(link, bytes);
        }
    }

    pub(super) fn lost(&mut self, link: LinkId, now: Moment) {
        if self.link == Some(link) {
            self.link = None;
            self.stalled_at = None;
            self.reason_until = Some(now + REASON_WAIT);
        } else if let Some(race) = &mut self.race {
            race.lost(link);
        }
    }

    /// Gives the chosen link until `moment` to move again.
    pub(super) fn patience(&mut self, moment: Moment) {
        if self.link.is_some() && self.awaits_link {
            self.stalled_at = Some(moment);
        }
    }

    /// Nothing more has to come: from now on it is this side that takes its time.
    pub(super) const fn complete(&mut self) {
        self.awaits_link = false;
        self.stalled_at = None;
    }

    /// The hash that both sides take.
    pub(super) const fn digest(&self) -> Digest {
        self.digest
    }

    pub(super) const fn is_over(&self) -> bool {
        self.over
    }

    pub(super) fn fail(&mut self, failure: Failure) {
        if !self.over {
            if let Some(reason) = failure.told() {
                self.say(message(reason));
            }
            self.end(Event::Failed(failure));
        }
    }

    /// Lets go of every link, and tells the one event that ends the transfer.
    pub(super) fn end(&mut self, event: Event) {
        self.over = true;
        if let Some(mut race) = self.race.take() {
            race.cancel();
            while let connect::Output::Link(action) = race.poll(Moment::ZERO) {
                self.outputs.push_back(Output::Link(action));
            }
        }
        if let Some(link) = self.link.take() {
            self.outputs.push_back(Output::Link(Action::Close { link }));
        }
        self.tell(event);
    }

    pub(super) fn poll(&mut self, now: Moment) -> Output {
        let alarm = if self.over { None } else { self.advance(now) };
        self.outputs.pop_front().unwrap_or(Output::Wait(alarm))
    }

    fn advance(&mut self, now: Moment) -> Option<Moment> {
        if self.awaits_peer && *self.silent_until.get_or_insert(now + ANSWER_LIMIT) <= now {
            self.fail(Failure::Unanswered);
            return None;
        }
        if self.reason_until.is_some_and(|until| until <= now) {
            self.fail(Failure::Lost);
            return None;
        }
        if self.stalled_at.is_some_and(|at| at <= now) {
            self.fail(Failure::Stalled);
            return None;
        }
        let race = self.race(now);
        [race, self.silent_until, self.reason_until, self.stalled_at].into_iter().flatten().min()
    }

    fn race(&mut self, now: Moment) -> Option<Moment> {
        loop {
            match self.race.as_mut()?.poll(now) {
                connect::Output::Chosen { link, path, rest } => {
                    self.race = None;
                    self.link = Some(link);
                    self.patience(now + STALL_LIMIT);
                    let channel = Channel::new(&self.key, self.role, link, path, rest, self.digest);
                    self.tell(Event::Connected(channel));
                }
                connect::Output::Failed => self.fail(Failure::NoLink),
                connect::Output::Wait(alarm) => return alarm,
                connect::Output::Link(action) => self.outputs.push_back(Output::Link(action)),
            }
        }
    }
}
