//! The side that takes it.

use wormhole_sync_wire::{
    transfer_message::{Ack, Answer, TransferMessage},
    transit::Role,
};

use super::{Event, Failure, Meeting, Output, STALL_LIMIT, bulk::Bulk};
use crate::{Moment, connect::LinkId, transit::TransitKey};

/// Waits for an offer, takes or rejects it, and acknowledges what has arrived.
///
/// ```
/// use wormhole_sync_core::{
///     Moment,
///     transfer::{Event, Output, Receiving},
///     transit::TransitKey,
///     wire::transfer_message::Offer,
/// };
///
/// # let key = TransitKey::new(&wormhole_sync_testkit::doc::keys().0);
/// let mut receiving = Receiving::new(key);
/// receiving.message(br#"{"offer":{"message":"hello"}}"#, Moment::ZERO);
/// let Output::Event(Event::Offered(offer)) = receiving.poll(Moment::ZERO) else {
///     panic!("an offer came")
/// };
/// assert_eq!(offer, Offer::Message("hello".into()));
/// receiving.take_text();
/// let Output::Message(answer) = receiving.poll(Moment::ZERO) else { panic!("it answers") };
/// assert_eq!(answer, br#"{"answer":{"message_ack":"ok"}}"#);
/// ```
pub struct Receiving {
    bulk: Bulk,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Waiting,
    Offered,
    /// This many bytes have yet to come.
    Accepted {
        missing: u64,
    },
}

impl Receiving {
    /// Waits for an offer.
    ///
    /// ```
    /// use wormhole_sync_core::{Moment, transfer::{ANSWER_LIMIT, Output, Receiving}};
    ///
    /// # let key = wormhole_sync_testkit::doc::transit_key();
    /// let mut receiving = Receiving::new(key);
    /// let Output::Wait(Some(alarm)) = receiving.poll(Moment::ZERO) else { panic!("it waits") };
    /// assert_eq!(alarm, ANSWER_LIMIT);
    /// ```
    pub const fn new(key: TransitKey) -> Self {
        Self { bulk: Bulk::new(key, Role::Receiver), stage: Stage::Waiting }
    }

    /// The peer's next message.
    ///
    /// ```
    /// use wormhole_sync_core::{Moment, transfer::{Event, Output}};
    ///
    /// # let mut receiving = wormhole_sync_testkit::doc::offered();
    /// receiving.message(br#"{"error":"it is late"}"#, Moment::ZERO);
    /// assert!(matches!(receiving.poll(Moment::ZERO), Output::Event(Event::Failed(_))));
    /// ```
    pub fn message(&mut self, plaintext: &[u8], _: Moment) {
        let Some(message) = self.bulk.read(plaintext) else { return };
        if let Some(transit) = message.transit {
            self.bulk.learn(transit);
        }
        if let Some(offer) = message.offer {
            if self.stage != Stage::Waiting {
                return self.bulk.fail(Failure::Nonsense("a second offer"));
            }
            self.stage = Stage::Offered;
            self.bulk.heard();
            self.bulk.tell(Event::Offered(offer));
        }
    }

    /// Consents to a text, which is here already. Only what is done with it before is known to
    /// have worked when the sender learns of it.
    ///
    /// ```
    /// use wormhole_sync_core::{Moment, transfer::{Event, Output, Receiving}};
    ///
    /// # let mut receiving = Receiving::new(wormhole_sync_testkit::doc::transit_key());
    /// receiving.message(br#"{"offer":{"message":"hello"}}"#, Moment::ZERO);
    /// receiving.take_text();
    /// assert!(matches!(receiving.poll(Moment::ZERO), Output::Event(Event::Offered(_))));
    /// assert!(matches!(receiving.poll(Moment::ZERO), Output::Message(_))); // the answer
    /// assert!(matches!(receiving.poll(Moment::ZERO), Output::Event(Event::Received)));
    /// ```
    pub fn take_text(&mut self) {
        if self.stage == Stage::Offered && !self.bulk.is_over() {
            self.answer(Answer { message_ack: Some("ok".to_owned()), file_ack: None });
            self.bulk.end(Event::Received);
        }
    }

    /// Consents to a file or directory of `size` bytes, and begins the race. Only now does the
    /// sender learn where this side can be reached.
    ///
    /// ```
    /// use wormhole_sync_core::{Moment, transfer::Output};
    ///
    /// # let meeting = wormhole_sync_testkit::doc::meeting();
    /// # let mut receiving = wormhole_sync_testkit::doc::offered();
    /// receiving.accept(10, &meeting, Moment::ZERO);
    /// assert!(matches!(receiving.poll(Moment::ZERO), Output::Message(_))); // where it can be reached
    /// let Output::Message(answer) = receiving.poll(Moment::ZERO) else { panic!("it answers") };
    /// assert_eq!(answer, br#"{"answer":{"file_ack":"ok"}}"#);
    /// ```
    pub fn accept(&mut self, size: u64, meeting: &Meeting, now: Moment) {
        if self.stage == Stage::Offered && !self.bulk.is_over() {
            self.expect(size);
            self.bulk.meet(meeting);
            self.answer(Answer { file_ack: Some("ok".to_owned()), message_ack: None });
            self.bulk.begin(now);
        }
    }

    fn answer(&mut self, answer: Answer) {
        self.bulk.say(TransferMessage { answer: Some(answer), ..Default::default() }.encode());
    }

    /// This many plaintext bytes have come out of the chosen link's records. More than were announced end
    /// the transfer.
    ///
    /// ```
    /// use wormhole_sync_core::Moment;
    ///
    /// # let (mut receiving, _) = wormhole_sync_testkit::doc::receiving_connected();
    /// receiving.moved(9, Moment::ZERO);
    /// assert!(receiving.acknowledge(&[7; 32]).is_none(), "one is missing");
    /// ```
    pub fn moved(&mut self, bytes: u64, now: Moment) {
        if let Stage::Accepted { missing } = self.stage {
            let Some(missing) = missing.checked_sub(bytes) else {
                return self.bulk.fail(Failure::Nonsense("more than it had announced"));
            };
            if bytes > 0 {
                self.bulk.patience(now + STALL_LIMIT); // empty records could go on for ever
            }
            self.expect(missing);
        }
    }

    const fn expect(&mut self, missing: u64) {
        self.stage = Stage::Accepted { missing };
        if missing == 0 {
            self.bulk.complete();
        }
    }

    /// The record that tells the sender that everything is there and written, for the driver to
    /// seal, send and close the link. `None` while something is missing.
    ///
    /// ```
    /// use wormhole_sync_core::{Moment, wire::transfer_message::{Ack, Digest}};
    ///
    /// # let (mut receiving, _) = wormhole_sync_testkit::doc::receiving_connected();
    /// receiving.moved(10, Moment::ZERO);
    /// let record = receiving.acknowledge(&[7; 32]).unwrap();
    /// assert!(Ack::decode(&record).unwrap().confirms(Digest::Sha256, &[7; 32]));
    /// ```
    pub fn acknowledge(&mut self, hash: &[u8; 32]) -> Option<Vec<u8>> {
        let complete = self.stage == Stage::Accepted { missing: 0 } && !self.bulk.is_over();
        complete.then(|| {
            self.bulk.end(Event::Received);
            Ack::ok(self.bulk.digest(), hash).encode()
        })
    }
}

super::links!(Receiving);
