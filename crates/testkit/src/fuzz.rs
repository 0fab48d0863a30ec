//! Fuzz targets: functions of any bytes, each of which holds its subject to its properties.
//!
//! `cargo fuzz` runs them from `fuzz/fuzz_targets`, and `cargo test` replays `fuzz/corpus` through
//! the very same functions. A target that finds something wrong panics; one that returns found
//! nothing. Targets of operations read them from lines of text, so that their seeds can be read and
//! written by hand.

#![expect(clippy::missing_panics_doc, reason = "panicking is how a target tells what it found")]

mod lines;
mod numbers;
mod parsers;
mod proxies;
mod texts;

mod links;
mod transfer;

mod ledger;
mod room;

mod session;
mod store;

mod wormhole;

mod pair;

pub use links::{handshake, hints, records};
pub use pair::world;
pub use parsers::{
    client_message, pake_message, server_message, transfer_message, version_message,
};
pub use proxies::proxy_header;
pub use session::session;
pub use store::store;
pub use texts::{code, phase, stamp, uri};
pub use transfer::transfer;
pub use wormhole::wormhole;

/// A function that takes any bytes, and panics when they show a property not to hold.
pub type Target = fn(&[u8]);

/// Every target with its name, which is also its corpus's folder.
pub const TARGETS: [(&str, Target); 18] = [
    ("client_message", client_message),
    ("code", code),
    ("handshake", handshake),
    ("hints", hints),
    ("pake_message", pake_message),
    ("phase", phase),
    ("proxy_header", proxy_header),
    ("records", records),
    ("server_message", server_message),
    ("session", session),
    ("stamp", stamp),
    ("store", store),
    ("transfer", transfer),
    ("transfer_message", transfer_message),
    ("uri", uri),
    ("version_message", version_message),
    ("world", world),
    ("wormhole", wormhole),
];
