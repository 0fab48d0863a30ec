//! The side that has something to give.

use wormhole_sync_wire::{
    transfer_message::{Ack, Answer, Offer, TransferMessage},
    transit::Role,
};

use super::{ACK_LIMIT, Event, Failure, Meeting, Output, STALL_LIMIT, bulk::Bulk};
use crate::{Moment, connect::LinkId, transit::TransitKey};

/// Offers, waits for consent and a link, and at last for the acknowledgement.
///
/// ```
/// use wormhole_sync_core::{
///     Moment,
///     transfer::{Event, Meeting, Output, Sending},
///     transit::TransitKey,
///     wire::transfer_message::Offer,
/// };
///
/// # let key = TransitKey::new(&wormhole_sync_testkit::doc::keys().0);
/// let mut sending = Sending::new(key, Offer::Message("hello".into()), &Meeting::default());
/// let Output::Message(offer) = sending.poll(Moment::ZERO) else { panic!("it offers") };
/// assert_eq!(offer, br#"{"offer":{"message":"hello"}}"#);
/// sending.message(br#"{"answer":{"message_ack":"ok"}}"#, Moment::ZERO);
/// assert!(matches!(sending.poll(Moment::ZERO), Output::Event(Event::Delivered)));
/// ```
pub struct Sending {
    bulk: Bulk,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// A text is offered; its acknowledgement ends the transfer.
    Text,
    /// A file or directory is offered.
    Offered,
    /// The receiver wants it.
    Accepted,
    /// All of it is sent.
    Sent,
}

impl Sending {
    /// Offers `offer`. A text needs no link, and so no meeting.
    ///
    /// ```
    /// use wormhole_sync_core::{Moment, transfer::{Output, Sending}, wire::transfer_message::{FileOffer, Offer}};
    ///
    /// # let (key, meeting) = (wormhole_sync_testkit::doc::transit_key(), wormhole_sync_testkit::doc::meeting());
    /// let file = FileOffer { name: "plan.pdf".into(), size: 10 };
    /// let mut sending = Sending::new(key, Offer::File(file), &meeting);
    /// assert!(matches!(sending.poll(Moment::ZERO), Output::Message(_))); // where it can be reached
    /// assert!(matches!(sending.poll(Moment::ZERO), Output::Message(_))); // and what it offers
    /// ```
    pub fn new(key: TransitKey, offer: Offer, meeting: &Meeting) -> Self {
        let mut bulk = Bulk::new(key, Role::Sender);
        let stage = match offer {
            Offer::Message(_) => Stage::Text,
            Offer::File(_) | Offer::Directory(_) => {
                bulk.meet(meeting);
                Stage::Offered
            }
        };
        let offer = TransferMessage { offer: Some(offer), ..TransferMessage::default() };
        bulk.say(offer.encode());
        Self { bulk, stage }
    }

    /// The peer's next message.
    ///
    /// ```
    /// use wormhole_sync_core::{Moment, transfer::{Event, Output}};
    ///
    /// # let mut sending = wormhole_sync_testkit::doc::sending();
    /// sending.message(br#"{"answer":{"file_ack":"ok"}}"#, Moment::ZERO);
    /// assert!(matches!(sending.poll(Moment::ZERO), Output::Event(Event::Accepted)));
    /// ```
    pub fn message(&mut self, plaintext: &[u8], now: Moment) {
        let Some(message) = self.bulk.read(plaintext) else { return };
        if message.offer.is_some() {
            return self.bulk.fail(Failure::BothSend);
        }
        if let Some(transit) = message.transit {
            self.bulk.learn(transit);
        }
        if let Some(answer) = message.answer {
            self.answered(&answer, now);
        }
    }

    fn answered(&mut self, answer: &Answer, now: Moment) {
        let ack = match self.stage {
            Stage::Text => &answer.message_ack,
            Stage::Offered => &answer.file_ack,
            Stage::Accepted | Stage::Sent => return,
        };
        if ack.as_deref() != Some("ok") {
            return self.bulk.fail(Failure::Nonsense("an answer that is no consent"));
        }
        if self.stage == Stage::Text {
            return self.bulk.end(Event::Delivered);
        }
        self.stage = Stage::Accepted;
        self.bulk.heard();
        self.bulk.tell(Event::Accepted);
        self.bulk.begin(now);
    }

    /// Bytes of the chosen link have moved.
    ///
    /// ```
    /// use wormhole_sync_core::{Moment, transfer::{Output, STALL_LIMIT}};
    ///
    /// # let (mut sending, _) = wormhole_sync_testkit::doc::sending_connected();
    /// let later = Moment::from_secs(30);
    /// sending.moved(later);
    /// assert!(matches!(sending.poll(later), Output::Wait(alarm) if alarm == Some(later + STALL_LIMIT)));
    /// ```
    pub fn moved(&mut self, now: Moment) {
        if self.stage == Stage::Accepted {
            self.bulk.patience(now + STALL_LIMIT);
        }
    }

    /// Everything is written to the link; what is missing is the acknowledgement.
    ///
    /// ```
    /// use wormhole_sync_core::{Moment, transfer::{ACK_LIMIT, Output}};
    ///
    /// # let (mut sending, _) = wormhole_sync_testkit::doc::sending_connected();
    /// sending.sent(Moment::ZERO);
    /// assert!(matches!(sending.poll(Moment::ZERO), Output::Wait(alarm) if alarm == Some(ACK_LIMIT)));
    /// ```
    pub fn sent(&mut self, now: Moment) {
        self.stage = Stage::Sent;
        self.bulk.patience(now + ACK_LIMIT);
    }

    /// The record that the receiver wrote, and the hash of all that was sent.
    ///
    /// ```
    /// use wormhole_sync_core::{Moment, connect::Action, transfer::{Event, Output}, wire::transfer_message::{Ack, Digest}};
    ///
    /// # let (mut sending, _) = wormhole_sync_testkit::doc::sending_connected();
    /// sending.sent(Moment::ZERO);
    /// sending.acknowledged(&Ack::ok(Digest::Sha256, &[7; 32]).encode(), &[7; 32]);
    /// assert!(matches!(sending.poll(Moment::ZERO), Output::Link(Action::Close { .. })));
    /// assert!(matches!(sending.poll(Moment::ZERO), Output::Event(Event::Delivered)));
    /// ```
    pub fn acknowledged(&mut self, record: &[u8], hash: &[u8; 32]) {
        if self.bulk.is_over() {
            return;
        }
        match Ack::decode(record) {
            Some(_) if self.stage != Stage::Sent => {
                self.bulk.fail(Failure::Nonsense("an acknowledgement before everything was sent"));
            }
            Some(ack) if ack.confirms(self.bulk.digest(), hash) => self.bulk.end(Event::Delivered),
            Some(ack) if ack.ack == "ok" => self.bulk.fail(Failure::WrongHash),
            Some(ack) => self.bulk.fail(Failure::Refused(ack.ack)),
            None => self.bulk.fail(Failure::Nonsense("what is no acknowledgement")),
        }
    }
}

super::links!(Sending);
