//! Transfers that have come some way.

use wormhole_sync_core::{
    Moment,
    connect::{Connect, LinkId},
    transfer::{Channel, Event, Meeting, Output, Receiving, Sending},
    transit::{Handshakes, TransitKey},
    wire::{
        transfer_message::{FileOffer, Offer},
        transit::Role,
    },
};

/// The transit key that both sides have.
pub fn transit_key() -> TransitKey {
    TransitKey::new(&super::keys().0)
}

/// What the side of `role` says on a link, in bytes.
pub fn line(role: Role) -> Vec<u8> {
    transit_key().ready_line(role).as_bytes().to_vec()
}

/// The handshakes of the side of `role`.
pub fn handshakes(role: Role) -> Handshakes {
    Handshakes::new(transit_key(), role, "5e".repeat(8))
}

/// The sender's race, with a port of its own, just begun.
pub fn race() -> Connect<Handshakes> {
    let mut race = Connect::new(handshakes(Role::Sender), true);
    race.begin(Moment::ZERO);
    race
}

/// A sender of a file of ten bytes, whose offer is on its way.
pub fn sending() -> Sending {
    let file = FileOffer { name: "plan.pdf".to_owned(), size: 10 };
    let mut sending = Sending::new(transit_key(), Offer::File(file), &meeting());
    while !matches!(sending.poll(Moment::ZERO), Output::Wait(_)) {}
    sending
}

/// A receiver that has been offered a file of ten bytes.
pub fn offered() -> Receiving {
    let mut receiving = Receiving::new(transit_key());
    let offer = br#"{"offer":{"file":{"filename":"plan.pdf","filesize":10}}}"#;
    receiving.message(offer, Moment::ZERO);
    while !matches!(receiving.poll(Moment::ZERO), Output::Wait(_)) {}
    receiving
}

/// Such a sender whose link is chosen.
pub fn sending_connected() -> (Sending, Channel) {
    let mut sending = sending();
    let link = sending.accepted(Moment::ZERO);
    sending.received(some(link), &line(Role::Receiver));
    sending.message(br#"{"answer":{"file_ack":"ok"}}"#, Moment::ZERO);
    let channel = channel(|| sending.poll(Moment::ZERO));
    (sending, channel)
}

/// Such a receiver that has accepted, and whose link is chosen.
pub fn receiving_connected() -> (Receiving, Channel) {
    let mut receiving = offered();
    receiving.accept(10, &meeting(), Moment::ZERO);
    let link = receiving.accepted(Moment::ZERO);
    receiving.received(some(link), &[&line(Role::Sender)[..], b"go\n"].concat());
    let channel = channel(|| receiving.poll(Moment::ZERO));
    (receiving, channel)
}

/// A side that listens and has no more to tell.
pub fn meeting() -> Meeting {
    Meeting { listens: true, side: "0011223344556677".to_owned(), ..Meeting::default() }
}

fn some(link: Option<LinkId>) -> LinkId {
    link.unwrap_or_else(|| panic!("there is room for a link"))
}

fn channel(mut poll: impl FnMut() -> Output) -> Channel {
    let mut connected = None;
    loop {
        match poll() {
            Output::Event(Event::Connected(channel)) => connected = Some(channel),
            Output::Wait(_) => return connected.unwrap_or_else(|| panic!("no link is chosen")),
            _ => {}
        }
    }
}
