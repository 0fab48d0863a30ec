//! `wormhole doctor`, through the real command, against servers on loopback.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected is to stop"
)]

mod support;

#[path = "support/authority.rs"]
mod authority;

mod doctor {
    mod toys;

    mod computers;
    mod mailboxes;
    mod relays;
    mod reports;
}
