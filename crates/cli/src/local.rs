//! Without a server: one side hosts the exchange, the other finds it on the local network.
//!
//! The host runs the mailbox server inside itself and announces it by multicast DNS, under a random
//! name and with nothing but the code's number; the words stay what they are, a secret for the key
//! exchange. Whoever pretends to be the host gains what a dishonest server would: one guess.

mod interfaces;

mod announce;
mod door;
mod guests;
mod host;
mod near;
mod neighbours;
mod number;

pub(crate) use host::Host;
pub(crate) use interfaces::Interfaces;
pub(crate) use neighbours::{Neighbour, Neighbours, SETTLING, SURE};
pub(crate) use number::make_code;

/// The service type under which hosts announce themselves.
const SERVICE: &str = "_wormhole-sync._tcp.local.";

/// The key of the announcement's only property.
const NUMBER: &str = "nameplate";
