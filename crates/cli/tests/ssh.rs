//! `wormhole ssh invite` and `wormhole ssh accept`: two home directories on one computer.

#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and says why it was skipped"
)]

mod support;

mod ssh {
    mod stage;

    mod adding;
    mod events;
    mod meeting;
    mod own_keys;
    mod places;
    mod refusals;
    mod terminal;
    mod users;
}
