//! The magic-wormhole protocol as state machines without IO.
//!
//! This crate reads no clock, opens no socket and asks the operating system for nothing: time and
//! randomness are arguments, and what must happen outside comes out of
//! [`Wormhole::poll`](wormhole::Wormhole::poll). The same machine runs under tokio in
//! `wormhole-sync`, under a virtual clock in the tests, and later in a browser.
//!
//! The stages, each the only maker of what it hands on:
//!
//! ```text
//!  Code ─▶ Nameplate ─▶ Mailbox ─▶ Sealed(phase) ─┐
//!    └───▶ Password ──▶ Pake ───▶ SharedKey ──────┴▶ Opened(phase) ─▶ Confirmed ─▶ ordered messages
//! ```
//!
//! A module uses only those above it in this list.

pub mod error;

pub mod key;

pub mod code;

pub mod hashcash;

pub mod mailbox;

pub mod pake;

pub mod phase;

pub mod wormhole;

pub mod connect;

pub mod transit;

pub mod transfer;

pub use code::Code;
pub use error::{Error, Fault};
pub use key::{SharedKey, Verifier};
pub use wormhole::{Event, Input, Output, Settings, Wormhole};
pub use wormhole_sync_wire as wire;

/// A moment, as the time since an origin that the driver chooses once.
///
/// The machines only compare and add; a driver takes the origin from a monotonic clock, a test
/// takes zero.
///
/// ```
/// use wormhole_sync_core::Moment;
///
/// let origin = std::time::Instant::now();
/// let now: Moment = origin.elapsed(); // what a driver passes as `now`
/// assert!(now >= Moment::ZERO);
/// ```
pub type Moment = std::time::Duration;
