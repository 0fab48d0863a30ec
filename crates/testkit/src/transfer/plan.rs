//! What is to happen in a world.

use rand_chacha::ChaCha20Rng;
use rand_core::{RngCore, SeedableRng};
use wormhole_sync_core::{
    transfer::Meeting,
    wire::{
        hint::Hint,
        transfer_message::{FileOffer, Offer},
        transit::Role,
    },
};

use super::{
    net::{Weather, direct, listener},
    side::Taking,
};

/// What the sender gives.
#[derive(Clone, Debug)]
pub enum Give {
    /// A text.
    Text(&'static str),
    /// A file of so many bytes.
    File(usize),
}

/// How a side can be reached.
#[derive(Clone, Debug, Default)]
pub struct Reach {
    /// Whether it has a port of its own.
    pub listens: bool,
    /// What else it tells the peer.
    pub hints: Vec<Hint>,
}

/// What is to happen.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What is given.
    pub give: Give,
    /// Where the sender can be reached.
    pub sender: Reach,
    /// Where the receiver can be reached.
    pub receiver: Reach,
    /// What the receiver does with it.
    pub taking: Taking,
    /// What the network does to it.
    pub weather: Weather,
}

impl Default for Plan {
    /// A file of several records; both sides listen.
    fn default() -> Self {
        let reach = Reach { listens: true, hints: Vec::new() };
        Self {
            give: Give::File(20_000),
            sender: reach.clone(),
            receiver: reach,
            taking: Taking::default(),
            weather: Weather::default(),
        }
    }
}

pub(super) fn meeting(role: Role, reach: &Reach) -> Meeting {
    let mut hints = reach.hints.clone();
    if reach.listens {
        hints.push(direct(listener(role)));
    }
    let side = if role == Role::Sender { "5e".repeat(8) } else { "4e".repeat(8) };
    Meeting { hints, listens: reach.listens, side }
}

pub(super) fn given(give: &Give) -> (Offer, Vec<u8>) {
    match give {
        Give::Text(text) => (Offer::Message((*text).to_owned()), Vec::new()),
        Give::File(size) => {
            let mut bytes = vec![0; *size];
            ChaCha20Rng::seed_from_u64(7).fill_bytes(&mut bytes);
            (Offer::File(FileOffer { name: "plan.pdf".to_owned(), size: *size as u64 }), bytes)
        }
    }
}
