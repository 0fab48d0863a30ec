//! Real cores and the real server state in one thread, on a virtual clock.
//!
//! A [`World`] holds any number of [wormholes](wormhole_sync_core::Wormhole), a mailbox server made
//! of the server crate's own machines, and the links between them, which delay, break and stall as
//! a test wishes. Nothing sleeps: the clock jumps to whatever happens next. One seed decides
//! everything, so that a failing schedule can be run again.
//!
//! [`Stranger`] speaks the wire by hand: it is the malicious peer. [`transfer`] is the same for the bytes of
//! a file: two sides of a transfer, and a network that does what a test wishes. [`forge`] makes archives that do harm,
//! and [`tree`] sees whether they did.

#![expect(clippy::panic, reason = "a test that meets the unexpected is to stop")]

mod queue;

mod told;

mod client;
mod server;

mod world;

mod stranger;

pub mod proxy;

pub mod forge;

pub mod tree;

pub mod doc;

pub mod transfer;

pub mod fuzz;

pub use server::Return;
pub use stranger::Stranger;
pub use told::Told;
pub use world::{ClientId, World};
