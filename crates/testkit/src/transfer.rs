//! File transfer between two sides, on a virtual clock.
//!
//! A [`World`] holds a [`Sending`](wormhole_sync_core::transfer::Sending) and a
//! [`Receiving`](wormhole_sync_core::transfer::Receiving) machine, each under a driver of a few lines, a reliable
//! channel for their messages, and a network where every address is what a test makes of it: a
//! [`Place`]. Bytes come late, in pieces, or not at all; links break and stall. Nothing sleeps, one seed
//! decides everything, and a world that comes to no end panics.
//!
//! Instead of one of the two there may be a hand: a peer that says and writes what a test tells it to.

#![expect(clippy::missing_panics_doc, reason = "a test that meets the unexpected is to stop")]

mod net;
mod relay;
mod side;

mod hand;
mod plan;

mod world;

mod by_hand;
mod fault;
mod seen;
mod wires;

pub use net::{Place, RELAY, Stranger, Weather, WireId, direct, listener, relay};
pub use plan::{Give, Plan, Reach};
pub use side::{Consent, Ending, Taking};
pub use world::World;
